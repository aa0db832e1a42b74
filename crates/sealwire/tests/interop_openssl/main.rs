//! OpenSSL's two test programs judge us: `s_server` and `s_client`.

mod facts;
mod key_updates;
#[path = "../peers/mod.rs"]
mod peers;
mod pss;
mod resumption;
mod s_client;
mod s_server;
mod settings;

use sealwire::verify::NameCheck;
use sealwire::{Connector, ProtocolVersion, SecureContext, SecureContextBuilder};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::Tls12, ProtocolVersion::Tls13];

/// Each kind of certificate, and whom to trust for it.
const SHOWN: [(&str, &str); 6] = [
    ("rsa", "ca"),
    ("p256", "ca"),
    ("p384", "ca"),
    ("ed25519", "ca"),
    ("v1-leaf", "ca"),
    ("tutorial", "tutorial"),
];

/// Every cipher suite there is, by OpenSSL's name, and a key that it goes with.
const SUITES: [(&str, &str); 9] = [
    ("TLS_AES_256_GCM_SHA384", "p256"),
    ("TLS_AES_128_GCM_SHA256", "p256"),
    ("TLS_CHACHA20_POLY1305_SHA256", "rsa"),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "p256"),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "p384"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "ed25519"),
    ("ECDHE-RSA-AES256-GCM-SHA384", "rsa"),
    ("ECDHE-RSA-AES128-GCM-SHA256", "rsa"),
    ("ECDHE-RSA-CHACHA20-POLY1305", "rsa"),
];

/// The groups that both have: for `-groups`, and as OpenSSL prints them.
const GROUPS: [(&str, &str); 3] =
    [("X25519", "X25519"), ("P-256", "prime256v1"), ("P-384", "secp384r1")];

fn only(builder: SecureContextBuilder, version: ProtocolVersion) -> SecureContext {
    builder.versions(version..=version).build().expect("a context")
}

/// Names in X.509 v1 certificates count for Node only.
fn connector(context: SecureContext) -> Connector {
    Connector::new(context).name_check(NameCheck::Node)
}

/// The option of OpenSSL's programs that chooses the version.
fn flag(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::Tls12 => "-tls1_2",
        _ => "-tls1_3",
    }
}

/// The option that chooses a suite.
fn suite_option(suite: &str) -> &'static str {
    if suite.starts_with("TLS_") { "-ciphersuites" } else { "-cipher" }
}

fn version_of(suite: &str) -> ProtocolVersion {
    if suite.starts_with("TLS_") { ProtocolVersion::Tls13 } else { ProtocolVersion::Tls12 }
}
