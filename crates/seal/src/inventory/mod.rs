//! What certificates and revocation lists there are, in files of whatever kind and on servers: each once,
//! with every place where it lies.

mod archive;
mod cbom;
mod collect;
mod contents;
mod embedded;
mod issuers;
mod java;
mod kubeconfig;
mod metrics;
mod row;
mod threads;
mod walk;

use sealwire::ServerName;
use sealwire::pki::{Certificate, Crl};
use zeroize::Zeroizing;

use crate::inspect::posture::Posture;

pub(crate) use cbom::cbom;
pub(crate) use collect::{Judge, rows};
pub(crate) use metrics::metrics;
pub(crate) use row::{Row, State, Table};
pub(crate) use walk::{files, paths_below, stdin};

/// One thing, and where it lies.
pub(crate) struct Found {
    pub(crate) place: String,
    pub(crate) what: What,
}

pub(crate) enum What {
    Certificate(Box<Shown>),
    List(Box<Crl>),
    /// A server itself: its key exchange and authentication.
    Server(Box<Posture>),
    /// Something that could not be read, and why.
    Unreadable(String),
}

/// A certificate, and what it is judged with.
pub(crate) struct Shown {
    pub(crate) certificate: Certificate,
    /// Others of the same place: where issuers are looked for.
    pub(crate) beside: Vec<Certificate>,
    /// The server that showed it as its own.
    pub(crate) server: Option<ServerName>,
    /// What else is to be said of it: `asks for a client certificate`.
    pub(crate) note: Option<String>,
}

/// Passphrases to try on what is encrypted.
#[derive(Default)]
pub(crate) struct Candidates(Vec<Zeroizing<String>>);

impl Candidates {
    /// Those of a text, one a line, before those that are not secret: none, and Java's.
    pub(crate) fn of(text: &str) -> Self {
        let given = text.lines().filter(|line| !line.is_empty());
        Self(given.chain(["", "changeit"]).map(|one| Zeroizing::new(one.to_owned())).collect())
    }

    fn each(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|one| one.as_str())
    }
}
