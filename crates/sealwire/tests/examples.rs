//! The examples that need no arguments do what they show, and end without an error.

use std::process::Command;

/// What some of them need.
const FEATURES: &str = "hyper,axum,tonic,rustls-config,watch";

fn run(example: &str) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--offline", "-p", "sealwire", "--features", FEATURES])
        .args(["--example", example])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example}: {told}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn examples_do_what_they_show() {
    for (example, shown) in [
        ("self_signed", "BEGIN CERTIFICATE"),
        ("keys", "ECDSA P-256 key of CN=localhost"),
        ("local_ca", "with lists: CERT_REVOKED"),
        ("ca_folder", "revoked"),
        ("verify_chain", "other.example.com: trusted = false"),
        ("http_mutual_tls", "reqwest: hello, bob"),
        ("grpc_mutual_tls", "hello, alice"),
        ("in_memory", "the server heard \"hello, server\""),
    ] {
        let said = run(example);
        assert!(said.contains(shown), "{example} said {said}");
    }
}
