//! What to do about a fact that the library states. The library never advises; this is the one
//! place that does.

use sealwire::pki::{Error, Problem};

/// Advice for a problem with a key, a certificate or a file.
pub(crate) fn for_problem(error: &Error) -> Option<&'static str> {
    match error.problem() {
        Problem::Exists => Some("--force overwrites it"),
        Problem::PassphraseNeeded => Some("give it with --passphrase-file"),
        Problem::WrongPassphrase => Some("check the passphrase file: a trailing line end is dropped, nothing else"),
        Problem::KeyMismatch => Some("give the key that the certificate was made with"),
        _ => None,
    }
}
