//! Two judgements of one breach of the rules, side by side.

use std::process::Command;
use std::sync::LazyLock;

use sealwire::{Error, Session};

use crate::program;

/// Where we differ: the case, our alert and our code, and why. In OpenSSL 3.5's words; where
/// the installed one is older and says something else, nothing is compared.
pub(crate) type Different = (&'static str, Option<u8>, &'static str, Why);

/// Why we differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The engine does not tell these two failures apart, or looks for them in another order.
    Name,
    /// We refuse what OpenSSL lets pass: it breaks a MUST of the RFC.
    Stricter,
    /// We let pass what OpenSSL refuses, and lose nothing by it.
    Laxer,
    /// Ours is the same, and encrypted: the engine has its keys by then.
    Encrypted,
    /// We say the same as OpenSSL 3.5, and an older one says something else.
    OlderOpenssl,
}

/// Shows all of `wire` to a session and then the end of the connection, and gives the error.
pub(crate) fn feed(session: &mut Session, mut wire: Vec<u8>) -> Error {
    loop {
        match session.receive(&mut wire, &mut Vec::new()) {
            Ok(0) => break session.receive_eof().expect_err("in the handshake"),
            Ok(consumed) => drop(wire.drain(..consumed)),
            Err(error) => break error,
        }
    }
}

/// Notes in `different` what should be the same and is not.
pub(crate) fn compare(
    name: &str,
    ours: (Option<u8>, &str),
    theirs: (Option<u8>, &str),
    known: &[Different],
    different: &mut Vec<String>,
) {
    let known = known.iter().find(|known| known.0 == name);
    let older = known.is_some_and(|known| known.3 == Why::OlderOpenssl);
    let expected = match known {
        Some(_) if older && is_old() => return,
        Some(_) if older => theirs,
        Some(known) => (known.1, known.2),
        None => theirs,
    };
    let same_code =
        ours.1 == expected.1 || ours.1.replace("SSL/TLS_ALERT", "SSLV3_ALERT") == expected.1;
    if known.is_some() && !older && ours == theirs && !is_old() {
        different.push(format!("{name}: no longer different"));
    }
    if ours.0 != expected.0 || !same_code {
        different.push(format!("{name}: ours {ours:?}, expected {expected:?}, node {theirs:?}"));
    }
}

/// Whether Node's OpenSSL is older than 3.5.
pub(crate) fn is_old() -> bool {
    static OLD: LazyLock<bool> = LazyLock::new(|| {
        let version =
            crate::peers::run(Command::new(program()).args(["-p", "process.versions.openssl"]));
        version.starts_with("3.0")
    });
    *OLD
}
