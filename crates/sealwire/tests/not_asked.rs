//! Contexts that do not ask for old peers find no OpenSSL: a process of its own, since it is found once
//! for all.

#![cfg(target_os = "linux")]

use sealwire::{ClientOptions, Identity, SecureContext, ServerOptions, Session, TrustStore};

/// Whether a library with this name is in the process.
fn has_loaded(name: &str) -> bool {
    std::fs::read_to_string("/proc/self/maps").expect("linux tells").contains(name)
}

#[test]
fn no_openssl_is_loaded() {
    let identity = Identity::self_signed(["localhost"]).expect("an identity");
    let trust = TrustStore::from_certificates([identity.leaf().clone()]).expect("a root");
    let server = SecureContext::builder().identity(identity).build().expect("a context");
    let client = SecureContext::builder().trust(trust).cipher_list("HIGH:!aNULL").expect("a list");
    let client = client.build().expect("a context");
    let options = ClientOptions::new("localhost".parse().expect("a name"));
    let mut client = Session::client(&client, &options).expect("a client");
    let mut server = Session::server(&server, &ServerOptions::new());
    for _ in 0..3 {
        for (from, to) in [(true, false), (false, true)] {
            let mut wire = Vec::new();
            let (one, other) =
                if from { (&mut client, &mut server) } else { (&mut server, &mut client) };
            one.take_output(&mut wire);
            other.receive(&mut wire, &mut Vec::new()).expect("a handshake");
            assert_ne!(from, to);
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    assert!(!has_loaded("libssl"));
}
