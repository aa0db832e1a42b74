//! A client of ACME: gets certificates, keeps them in a folder, and knows when to renew them.
//!
//! The protocol is `instant-acme`'s; TLS to the CA, and so the verdict on it, is Sealwire's.

mod account;
mod folder;
mod http;
mod keeper;
mod order;
mod respond;
mod schedule;

pub use account::{Credentials, Login, Session};
pub use folder::{Folder, Held, RenewalConfig};
pub use http::Http;
pub use keeper::{Keeper, Step, Validation, chance};
pub use order::{Fetched, issue, reason, renewal_window_of, revoke};
pub use respond::{Hook, Http01, HttpDoor, Responder, Solver, Standalone, TlsAlpn01, Webroot};
pub use schedule::{Schedule, backoff};

use std::fmt;

/// What went wrong, in one line: the party at fault, and why.
#[derive(Debug, Clone)]
pub struct Error(pub(crate) String);

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// With where it happened.
    pub(crate) fn at(place: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self(format!("{place}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<sealwire::pki::Error> for Error {
    fn from(error: sealwire::pki::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<instant_acme::Error> for Error {
    fn from(error: instant_acme::Error) -> Self {
        match error {
            instant_acme::Error::Api(problem) => Self(said(&problem)),
            other => Self(other.to_string()),
        }
    }
}

/// What the CA said, for people: the sentence, and the kind in parentheses.
pub(crate) fn said(problem: &instant_acme::Problem) -> String {
    let kind = problem.r#type.as_deref().unwrap_or("no kind");
    let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
    let mut text = match &problem.detail {
        Some(detail) => format!("the CA says: {detail} ({kind})"),
        None => format!("the CA says: {kind}"),
    };
    for part in &problem.subproblems {
        if let Some(detail) = &part.detail {
            text += &format!("; {detail}");
        }
    }
    text
}
