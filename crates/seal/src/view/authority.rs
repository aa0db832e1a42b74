//! A CA of ours on a card.

use std::fmt;

use sealwire::pki::CaStore;
use serde::Serialize;

use super::card::Card;
use crate::files::ledger::Ledger;
use crate::say::failure::Failure;

/// A CA on a card.
#[derive(Serialize)]
pub(crate) struct Authority {
    folder: String,
    certificate_file: String,
    issued: usize,
    revoked: usize,
    certificate: Card,
}

impl Authority {
    pub(crate) fn new(store: &CaStore) -> Result<Self, Failure> {
        let (issued, revoked) = Ledger::of(store)?.counts()?;
        let file = store.certificate_file().display().to_string();
        Ok(Self {
            folder: store.folder().display().to_string(),
            issued,
            revoked,
            certificate: Card::new(file.clone(), &store.certificate()?),
            certificate_file: file,
        })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} issued, {} revoked", self.certificate_file, self.issued, self.revoked)?;
        f.write_str(self.certificate.to_string().trim_end())
    }
}
