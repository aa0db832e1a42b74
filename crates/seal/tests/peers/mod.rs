//! The programs that judge what we make, and our own, all run in one folder.
#![allow(dead_code, reason = "each test file uses its own part of this module")]

pub(crate) mod browser;
pub(crate) mod https;
pub(crate) mod s_server;
pub(crate) mod served;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder of its own for one test, removed afterwards.
pub(crate) struct Folder {
    dir: tempfile::TempDir,
}

/// How a program ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("the output is text")
    }

    /// The same, after checking that the program succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "stdout: {:?}\nstderr: {}", self.text(), self.stderr);
        self
    }
}

impl Ran {
    /// Checks that the program refused as usage or I/O, with this in its message.
    #[track_caller]
    pub(crate) fn err_is(self, part: &str) {
        assert!(self.code == 2 && self.stderr.contains(part), "{self:?}");
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    #[track_caller]
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap_or_else(|e| panic!("{name}: {e}"));
    }

    /// The names of the files, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root()).expect("the folder is there");
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs `seal` with a command line that is split at blanks.
    #[track_caller]
    pub(crate) fn seal(&self, line: &str) -> Ran {
        self.seal_with(&words(line), b"")
    }

    /// Runs `seal` with arguments and standard input.
    #[track_caller]
    pub(crate) fn seal_with(&self, arguments: &[&str], stdin: &[u8]) -> Ran {
        let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
        // Where `proxy run` records.
        seal.env("XDG_STATE_HOME", self.path(".state"));
        // Where `trust env` and `trust run` keep files.
        seal.env("XDG_DATA_HOME", self.path(".data"));
        self.run(seal, arguments, stdin)
    }

    /// Runs `openssl`, which must succeed.
    #[track_caller]
    pub(crate) fn openssl(&self, line: &str) -> Ran {
        self.openssl_with(&words(line), b"")
    }

    #[track_caller]
    pub(crate) fn openssl_with(&self, arguments: &[&str], stdin: &[u8]) -> Ran {
        self.run(Command::new("openssl"), arguments, stdin).ok()
    }

    /// Runs `openssl`, which may fail.
    #[track_caller]
    pub(crate) fn try_openssl(&self, line: &str) -> Ran {
        self.run(Command::new("openssl"), &words(line), b"")
    }

    /// Runs a script in Node, which must succeed; the script has `fs`, `tls` and `crypto`.
    #[track_caller]
    pub(crate) fn node(&self, script: &str) -> Ran {
        self.run(Command::new("node"), &["-e", script], b"").ok()
    }

    #[track_caller]
    pub(crate) fn run(&self, mut command: Command, arguments: &[&str], stdin: &[u8]) -> Ran {
        let mut child = command
            .args(arguments)
            .current_dir(self.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        // A program that does not read its input may be gone before it is written.
        let _ = child.stdin.take().expect("piped").write_all(stdin);
        let output = child.wait_with_output().expect("the program ends");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Whether all these programs are installed.
#[track_caller]
pub(crate) fn installed(programs: &[&str]) -> bool {
    programs.iter().all(sealwire_testing::installed)
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
