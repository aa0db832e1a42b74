//! The README's tour and the pages of docs/guides, run word for word, and what they show of the library.

use std::io::{BufRead, BufReader, PipeReader, Read, pipe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use regex_lite::Regex;

/// What differs between machines and days, by name. Whatever fits is taken for the name, in the
/// README and in what the programs say; the rest must be equal.
const VARIES: &[(&str, &str)] = &[
    ("TIME", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    ("DAYS days left", r"\d+ days left"),
    // Debian's ssl-cert makes one that is called as the machine is.
    (
        "the COUNT trusted certificates",
        r"the \d+ trusted certificates(; a trusted certificate has the same name and another key)?",
    ),
    ("MS", r"\d+(\.\d+)? ms"),
    ("SIZE sent, SIZE received", r"\d+(\.\d+)? k?B sent, \d+(\.\d+)? k?B received"),
    ("SIZE B, MS", r"\d+ B, MS"),
    // The part of a key in a file's name or a serial number.
    ("HEX", r"\b[0-9A-Fa-f]{32,64}\b"),
    ("FINGERPRINT", r"[0-9A-F]{2}(:[0-9A-F]{2}){15,31}"),
    ("PIN", r"sha256//[A-Za-z0-9+/]{43}="),
    ("CLOCK UTC", r"\d\d:\d\d:\d\d UTC"),
    ("DATE", r"\d{4}-\d\d-\d\d"),
    // With and without instructions for AES.
    ("SUITE", r"TLS_(AES_256_GCM_SHA384|AES_128_GCM_SHA256|CHACHA20_POLY1305_SHA256)"),
    // By the kernel.
    (
        "INFO CONFINED",
        r"INFO confined by Landlock(, as far as this kernel can)?$|WARN the kernel has no Landlock: not confined$",
    ),
];

/// Set in the process that has a network of its own.
const INSIDE: &str = "SEALWIRE_README_INSIDE";

#[test]
fn the_tour_runs_word_for_word() {
    if std::env::var_os(INSIDE).is_none() && in_a_network_of_its_own() {
        return;
    }
    let told = follow("README.md");
    assert!(told >= 20, "the tour is gone from the README");
    for guide in guides() {
        let told = follow(&guide);
        assert!(told >= 4, "{guide}: begins with a command and what it prints");
    }
}

/// Runs the commands of a page in a folder of its own; returns how many lines of output were compared.
fn follow(page: &str) -> usize {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut servers = Vec::new();
    let mut told = 0;
    for block in blocks(page, "console") {
        for step in steps(&block) {
            let (mut child, output) = start(&step.command, folder.path());
            let mut lines = BufReader::new(output);
            if runs_until_stopped(&step.command) {
                for wanted in &step.output {
                    let mut line = String::new();
                    lines.read_line(&mut line).expect("its output");
                    assert_eq!(shape(line.trim_end()), shape(wanted), "{page}: $ {}", step.command);
                }
                servers.push(Server { child, _output: lines });
            } else {
                let mut said = String::new();
                lines.read_to_string(&mut said).expect("its output");
                let status = child.wait().expect("it ends");
                let shapes = |lines: &mut dyn Iterator<Item = &str>| {
                    lines.map(shape).collect::<Vec<_>>().join("\n")
                };
                assert_eq!(
                    shapes(&mut said.lines()),
                    shapes(&mut step.output.iter().map(String::as_str)),
                    "{page}: $ {}\n{said}",
                    step.command
                );
                let refused = step.output.iter().any(|line| line.starts_with("seal: "));
                assert_eq!(status.code(), Some(i32::from(refused)), "{page}: $ {}", step.command);
            }
            told += step.output.len();
        }
    }
    assert!(!servers.is_empty(), "{page}: no server");
    told
}

/// The pages that answer one question each.
fn guides() -> Vec<String> {
    let folder = std::fs::read_dir(top().join("docs/guides")).expect("docs/guides");
    let mut pages: Vec<_> = folder
        .map(|file| format!("docs/guides/{}", file.expect("a file").file_name().to_string_lossy()))
        .collect();
    pages.sort();
    assert!(pages.len() >= 6, "{pages:?}");
    pages
}

/// A server of the tour; stopped at its end.
struct Server {
    child: Child,
    /// Kept open, so that it can go on telling.
    _output: BufReader<PipeReader>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn runs_until_stopped(command: &str) -> bool {
    ["seal serve ", "seal tunnel server ", "seal tunnel run ", "python3 -u -m http.server "]
        .iter()
        .any(|server| command.starts_with(server))
}

/// Starts a command of the tour as a person would, with the `seal` of this build on the path and
/// nothing of this user's; what it tells on both streams comes in order.
fn start(command: &str, folder: &Path) -> (Child, PipeReader) {
    let built = Path::new(env!("CARGO_BIN_EXE_seal")).parent().expect("a folder").to_owned();
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(built).chain(std::env::split_paths(&inherited)));
    let (output, stdout) = pipe().expect("a pipe");
    let stderr = stdout.try_clone().expect("a pipe");
    let child = Command::new("bash")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", path.expect("a path"))
        .env("HOME", folder)
        .env_remove("XDG_DATA_HOME")
        .env_remove("SEAL_CA_DIR")
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .unwrap_or_else(|e| panic!("bash: {e}"));
    (child, output)
}

/// Runs this test in a network namespace, where the ports that the README names are free, and tells
/// whether it did. Where that is not allowed the tour runs on this machine's own ports.
fn in_a_network_of_its_own() -> bool {
    let isolated = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare
            .args([
                "--map-root-user",
                "--net",
                "sh",
                "-c",
                "ip link set lo up && exec \"$@\"",
                "sh",
            ])
            .args(command);
        unshare
    };
    let possible = isolated(&["true"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    if !possible {
        eprintln!("no network namespace here (unshare, ip): the tour takes ports 1234 and 6380");
        return false;
    }
    let this = std::env::current_exe().expect("this test's program");
    let status = isolated(&[this.to_str().expect("a path in UTF-8")])
        .args(["--exact", "the_tour_runs_word_for_word", "--nocapture"])
        .env(INSIDE, "1")
        .status();
    assert!(status.expect("unshare runs").success(), "the tour failed in a network of its own");
    true
}

/// A command, and what the README says that it tells.
struct Step {
    command: String,
    output: Vec<String>,
}

fn steps(block: &[String]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut continued = false;
    for line in block {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), output: Vec::new() });
        } else {
            let step = steps.last_mut().expect("a block starts with a command");
            if continued {
                step.command = format!("{}\n{line}", step.command);
            } else {
                step.output.push(line.clone());
            }
        }
        continued = line.ends_with('\\');
    }
    steps
}

fn shape(line: &str) -> String {
    VARIES.iter().fold(line.to_owned(), |line, (name, pattern)| {
        Regex::new(pattern).expect(name).replace_all(&line, *name).into_owned()
    })
}

/// A page's blocks in this language.
fn blocks(page: &str, language: &str) -> Vec<Vec<String>> {
    let mut blocks: Vec<Vec<String>> = Vec::new();
    let mut inside = None;
    for line in read(page).lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(_), Some(_)) => inside = None,
            (Some(opened), None) => {
                inside = Some(opened == language);
                if opened == language {
                    blocks.push(Vec::new());
                }
            }
            (None, Some(true)) => blocks.last_mut().expect("open").push(line.to_owned()),
            (None, _) => {}
        }
    }
    blocks
}

fn read(name: &str) -> String {
    let path = top().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_library_is_shown_as_its_examples_are() {
    let shown = blocks("README.md", "rust");
    assert_eq!(shown.len(), 2, "the README shows a server and a client");
    let guide = blocks("docs/guides/mutual-tls-in-rust.md", "rust");
    let examples = ["echo_server", "echo_client", "echo_server"];
    for (block, example) in shown.iter().chain(&guide).zip(examples) {
        let source = read(&format!("crates/sealwire/examples/{example}.rs"));
        let source: Vec<_> = source.lines().map(str::trim).collect();
        let block: Vec<_> = block.iter().map(|line| line.trim()).collect();
        let found = source.windows(block.len()).any(|lines| lines == block);
        assert!(found, "{example}.rs has not what the README shows of it");
    }
}

#[test]
fn what_is_installed_is_there() {
    let commands = blocks("README.md", "sh").concat();
    let install = commands.iter().find_map(|line| line.strip_prefix("cargo install "));
    let path = install.and_then(|line| line.split("--path ").nth(1)).expect("cargo install --path");
    let manifest = read(&format!("{path}/Cargo.toml"));
    assert!(manifest.contains("name = \"seal\""), "{path} is the program");
    for command in [
        "cargo run --release --bin seal -- demo",
        "cargo test --workspace",
        "export PATH=\"$PWD/target/release:$PATH\"",
    ] {
        assert!(commands.iter().any(|line| line.starts_with(command)), "{command}");
    }
}
