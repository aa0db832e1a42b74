//! Errors on their way to JavaScript, as facts: Node's words for them are chosen there.

use napi_derive::napi;
use sealwire::pki::{self, Problem};
use sealwire::{ConfigError, Error};

/// What native calls throw. The status is the error's `code`.
pub(crate) type Thrown = napi::Error<String>;

/// Why a connection failed.
#[napi(object, object_from_js = false)]
pub struct Failure {
    /// The party at fault, by the name of the variant of [`sealwire::Error`].
    pub blame: &'static str,
    /// Node's code.
    pub code: &'static str,
    /// The fact, in one line.
    pub message: String,
    /// The alert received.
    pub alert: Option<u8>,
    /// OpenSSL's number for it, with the library's.
    pub number: Option<u32>,
    /// OpenSSL's words for it.
    pub reason: Option<&'static str>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let blame = match error {
            Error::PeerRefused(_) => "PeerRefused",
            Error::AlertReceived { .. } => "AlertReceived",
            Error::NotTls(_) => "NotTls",
            Error::Incompatible(_) => "Incompatible",
            Error::Misbehaved(_) => "Misbehaved",
            Error::ClosedInHandshake => "ClosedInHandshake",
            Error::Truncated => "Truncated",
            Error::RefusedByProgram => "RefusedByProgram",
            Error::Misused(_) => "Misused",
            _ => "Internal",
        };
        let openssl = error.openssl_reason();
        Self {
            blame,
            code: error.code(),
            message: error.to_string(),
            alert: error.alert().map(sealwire::Alert::number),
            number: openssl.as_ref().map(|reason| reason.code),
            reason: openssl.as_ref().map(|reason| reason.reason),
        }
    }
}

/// Something wrong with a key, certificate, PFX or CRL.
pub(crate) fn material(error: impl Into<pki::Error>) -> Thrown {
    let error = error.into();
    let status = match error.problem() {
        Problem::Io(_) => "Io",
        Problem::NoPemBlock => "NoPemBlock",
        Problem::Malformed => "Malformed",
        Problem::PassphraseNeeded => "PassphraseNeeded",
        Problem::WrongPassphrase => "WrongPassphrase",
        Problem::Unsupported => "Unsupported",
        Problem::KeyMismatch => "KeyMismatch",
        Problem::NoPrivateKey => "NoPrivateKey",
        Problem::SeveralKeys => "SeveralKeys",
        _ => "Internal",
    };
    Thrown::new(status.to_owned(), error.to_string())
}

/// Something wrong with a setting of a context.
pub(crate) fn config(error: &ConfigError) -> Thrown {
    if error.is_beyond_engine() {
        return Thrown::new("BeyondEngine".to_owned(), error.to_string());
    }
    let code = error.code().map_or_else(|| format!("Config:{}", error.option()), str::to_owned);
    Thrown::new(code, error.to_string())
}

/// Calls in an order that the JavaScript half never makes.
pub(crate) fn misuse(what: &str) -> Thrown {
    Thrown::new("Misused".to_owned(), what.to_owned())
}
