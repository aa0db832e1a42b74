//! `seal ca rotate-intermediate`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::database;
use super::serve::{note_in, open_authority};
use crate::files::ca_folder::{CaFolder, CaPassphrase};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;

/// Replace the issuing intermediate CA
///
/// A running `seal ca serve` uses it immediately. Clients that support ARI (RFC 9773) are told to
/// renew, and have a certificate of the new intermediate within hours.
#[derive(Args)]
pub(crate) struct RotateIntermediate {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    passphrase: CaPassphrase,
    #[command(flatten)]
    database: database::Place,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Rotated {
    issuer: String,
    serial: String,
    not_after: String,
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is the issuing CA now, valid to {}", self.issuer, self.not_after)
    }
}

impl RotateIntermediate {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let ca = self.folder.open()?;
        let ledger = self.database.ledger(&self.folder, &ca)?;
        let authority = open_authority(&ca, &self.passphrase, &ledger)?;
        let signer = authority
            .rotate(&|certificate, deliver| note_in(&ledger, certificate, deliver))
            .map_err(Failure::from)?;
        let certificate = signer.certificate();
        let rotated = Rotated {
            issuer: certificate.subject().to_string(),
            serial: certificate.serial_hex(),
            not_after: card::time(certificate.not_after()),
        };
        report::print(&rotated, self.json)?;
        Ok(Answer::Yes)
    }
}
