//! Against a quantum computer: what servers of OpenSSL, Node and ours know, take, and sign by.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use sealwire::{Identity, ProtocolVersion, SecureContext, ServerOptions, blocking};
use serde_json::Value;

use super::peers::s_server::Openssl;
use super::peers::served::Served;
use super::peers::{Folder, installed};
use super::{inspect, json, material};

fn posture(dir: &Folder, port: u16) -> Value {
    json(&inspect(dir, port, "--posture --json"))["posture"].clone()
}

fn known(posture: &Value) -> Vec<String> {
    let known = posture["key_exchange"]["asked"]["known"].as_array().unwrap();
    known.iter().map(|group| group["name"].as_str().unwrap().to_owned()).collect()
}

/// A server of ours with these groups, for as many clients as come.
fn serve(dir: &Folder, groups: &str, oldest: ProtocolVersion) -> u16 {
    let identity = Identity::from_pem_files(dir.path("ec.pem"), dir.path("ec.key")).unwrap();
    let context = SecureContext::builder()
        .identity(identity)
        .versions(oldest..=ProtocolVersion::Tls13)
        .groups(groups)
        .unwrap()
        .build()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let context = context.clone();
            std::thread::spawn(move || {
                let shaken = blocking::accept(&context, &ServerOptions::default(), tcp);
                shaken.map(|mut tls| std::io::copy(&mut tls, &mut std::io::sink()))
            });
        }
    });
    port
}

#[test]
fn what_is_selected_known_and_only_by_retry() {
    let dir = material();
    let (new, old) = (ProtocolVersion::Tls13, ProtocolVersion::Tls12);
    for (groups, oldest, verdict, knows, retry, only) in [
        (
            "X25519MLKEM768:X25519",
            old,
            "post_quantum",
            &["X25519MLKEM768", "X25519"][..],
            false,
            false,
        ),
        ("X25519MLKEM768", new, "post_quantum_only", &["X25519MLKEM768"], false, true),
        ("X25519", new, "classical", &["X25519"], false, false),
        ("P-384:P-256", new, "classical", &["secp384r1", "prime256v1"], true, false),
    ] {
        let found = posture(&dir, serve(&dir, groups, oldest));
        let exchange = &found["key_exchange"];
        assert_eq!(exchange["verdict"], verdict, "{groups}: {found}");
        let (mut all, mut expected) = (known(&found), knows.to_vec());
        all.sort();
        expected.sort_unstable();
        assert_eq!(all, expected, "{groups}");
        assert_eq!(exchange["by_retry"], retry, "{groups}: {found}");
        assert_eq!(exchange["asked"]["complete"], true, "{groups}: {found}");
        assert_eq!(exchange["asked"]["post_quantum_only"], only, "{groups}: {found}");
        assert_eq!(exchange["asked"]["older_versions"], oldest == old, "{groups}: {found}");
        assert_eq!(found["authentication"]["verdict"], "classical");
        assert_eq!(found["authentication"]["scheme"], "ecdsa_secp256r1_sha256");
    }
}

#[test]
fn openssl_without_ml_kem_is_classical() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    let found = posture(&dir, server.port);
    let known = known(&found);
    for group in ["X25519", "prime256v1", "X448", "secp384r1", "secp521r1"] {
        assert!(known.iter().any(|one| one == group), "{group}: {found}");
    }
    // What Debian 12 has; a newer one knows more.
    let has_ml_kem = known.iter().any(|one| one.contains("MLKEM"));
    assert_eq!(found["key_exchange"]["verdict"] == "classical", !has_ml_kem, "{found}");
}

/// Node's OpenSSL, which knows hybrid groups that no client of ours speaks.
#[test]
fn nodes_groups_are_found_that_we_do_not_speak() {
    let Some(node) = newest_node() else { return };
    let dir = material();
    for (options, verdict, selected) in [
        (
            "ecdhCurve: 'SecP384r1MLKEM1024', minVersion: 'TLSv1.3'",
            "post_quantum_only",
            Value::Null,
        ),
        (
            "ecdhCurve: 'SecP384r1MLKEM1024:X25519', minVersion: 'TLSv1.3'",
            "post_quantum_known",
            "X25519".into(),
        ),
        ("ecdhCurve: 'X25519MLKEM768:X25519'", "post_quantum", "X25519MLKEM768".into()),
    ] {
        let server = Node::start(&dir, &node, options);
        let found = posture(&dir, server.port);
        assert_eq!(found["key_exchange"]["verdict"], verdict, "{options}: {found}");
        assert_eq!(found["key_exchange"]["selected"]["name"], selected, "{options}: {found}");
    }
}

/// Those of `.ci/nodes`.
fn newest_node() -> Option<String> {
    let named = std::env::var("SEALWIRE_NODES").unwrap_or_default();
    let node = named.split(':').rfind(|path| !path.is_empty()).map(str::to_owned);
    let found =
        sealwire_testing::required(node.is_some(), "SEALWIRE_NODES names no Node with ML-KEM");
    node.filter(|_| found)
}

struct Node {
    child: Child,
    port: u16,
}

impl Node {
    fn start(dir: &Folder, node: &str, options: &str) -> Self {
        let script = format!(
            "const s = require('tls').createServer({{cert: fs.readFileSync('ec.pem'), \
             key: fs.readFileSync('ec.key'), {options}}}, (c) => c.end()); \
             s.on('tlsClientError', () => {{}}); \
             s.listen(0, '127.0.0.1', () => console.log(s.address().port))"
        );
        let mut child = Command::new(node)
            .args(["-e", &script])
            .current_dir(dir.root())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().expect("a port") }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The proof is judged apart: a chain of ML-DSA, one of ML-DSA under an old root, and a certificate by itself.
#[test]
fn chains_with_ml_dsa_are_judged_apart_from_the_key_exchange() {
    let dir = Folder::new();
    for line in [
        "ca init --ca-dir new --key-kind ml-dsa-65",
        "ca issue --ca-dir new localhost --cert-file a.pem --key-file a.key --key-kind ml-dsa-44",
        "ca init --ca-dir old",
        "ca issue --ca-dir old localhost --cert-file b.pem --key-file b.key --key-kind ml-dsa-65",
        "key new --ml-dsa-87 --out c.key",
        "cert self-sign --key c.key --name localhost --out c.pem",
    ] {
        dir.seal(line).ok();
    }
    for (name, ca, verdict, scheme) in [
        ("a", "new/ca.pem", "post_quantum", "mldsa44"),
        ("b", "old/ca.pem", "partly", "mldsa65"),
        ("c", "c.pem", "post_quantum", "mldsa87"),
    ] {
        let server = Served::start(&dir, &format!("--cert {name}.pem --key {name}.key"));
        let facts = json(&inspect(&dir, server.port, &format!("--posture --json --ca {ca}")));
        assert_eq!(facts["trust"]["trusted"], true, "{name}: {facts}");
        let found = &facts["posture"];
        assert_eq!(found["authentication"]["verdict"], verdict, "{name}: {found}");
        assert_eq!(found["authentication"]["scheme"], scheme, "{name}: {found}");
        assert_eq!(found["key_exchange"]["verdict"], "post_quantum", "{name}: {found}");
    }
}

/// A server that says nothing about groups is not told to know none.
#[test]
fn silence_is_no_no() {
    let dir = material();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let found = posture(&dir, port);
    assert_eq!(found["key_exchange"]["verdict"], "unknown", "{found}");
    assert_eq!(found["key_exchange"]["asked"]["complete"], false);
    assert_eq!(found["key_exchange"]["asked"]["post_quantum_only"], Value::Null);
    assert_eq!(found["authentication"]["verdict"], "unknown");
}
