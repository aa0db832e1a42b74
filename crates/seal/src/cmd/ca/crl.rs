//! `seal ca crl`.

use clap::Args;
use sealwire_files::Access;

use super::database;
use crate::files::ca_folder::{CaFolder, CaPassphrase, check_outside};
use crate::files::output::Output;
use crate::say::failure::Failure;
use crate::say::report::Answer;
use crate::words::length::Length;

/// Sign a new CRL
///
/// A CRL must be renewed before its nextUpdate, even if nothing was revoked: run `seal ca crl
/// --if-due` in a timer. The CRL is also kept in the CA's folder as crl.pem.
///
/// With OpenSSL: openssl ca -gencrl
#[derive(Args)]
pub(crate) struct MakeCrl {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    database: database::Place,
    #[command(flatten)]
    passphrase: CaPassphrase,
    /// Validity of the CRL: 30d, 12h
    #[arg(long, value_name = "TIME", default_value = "30d")]
    good_for: Length,
    /// Sign only if half of the last CRL's validity has passed or certificates were revoked since;
    /// otherwise print the last one
    #[arg(long)]
    if_due: bool,
    #[command(flatten)]
    output: Output,
    /// Write DER instead of PEM, as a CRL distribution point serves it
    #[arg(long)]
    der: bool,
}

impl MakeCrl {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let store = self.folder.open()?;
        // The store keeps the list by itself, and in PEM.
        if let Some(path) = self.output.file() {
            check_outside(&store, &[&path.to_owned()])?;
        }
        let ledger = self.database.ledger(&self.folder, &store)?;
        let current = if self.if_due { ledger.current_crl()? } else { None };
        let crl = match current {
            Some(crl) => crl,
            None => ledger.publish_crl(&self.passphrase.unlock(&store)?, self.good_for.get())?,
        };
        if self.der {
            self.output.write(crl.der(), Access::Public)?;
        } else {
            self.output.write(crl.to_pem().as_bytes(), Access::Public)?;
        }
        Ok(Answer::Yes)
    }
}
