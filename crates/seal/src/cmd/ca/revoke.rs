//! `seal ca revoke`.

use std::fmt;
use std::path::Path;

use clap::Args;
use sealwire::pki::{self, RevocationReason};
use serde::Serialize;

use crate::files::ca_folder::{CaFolder, CaPassphrase};
use crate::files::ledger::Ledger;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::words::length::Length;

/// Revoke a certificate, and publish a new revocation list
///
/// Clients learn of it only where they are given the list (crl.pem in the CA's folder).
///
/// With OpenSSL: openssl ca -revoke cert.pem && openssl ca -gencrl
#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    passphrase: CaPassphrase,
    /// The certificate's file, or its serial number in hexadecimal
    #[arg(value_name = "FILE|SERIAL")]
    what: String,
    /// Why: keyCompromise, superseded, cessationOfOperation, ...
    #[arg(long, value_name = "REASON", default_value = "unspecified")]
    reason: RevocationReason,
    /// How long the new list is good: 30d, 12h
    #[arg(long, value_name = "TIME", default_value = "30d")]
    good_for: Length,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    serial: String,
    reason: String,
    crl_file: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { serial, reason, crl_file } = self;
        write!(f, "{serial}: revoked ({reason}); {crl_file} is up to date")
    }
}

impl Revoke {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let store = self.folder.open()?;
        // Before anything is changed: whoever cannot sign the list shall not change the index.
        let issuer = self.passphrase.unlock(&store)?;
        let ledger = Ledger::of(&store)?;
        let path = Path::new(&self.what);
        let serial_only = !path.exists() && self.what.chars().all(|c| c.is_ascii_hexdigit());
        let serial = if serial_only {
            ledger.revoke(&self.what, None, self.reason).map_err(|e| e.at(&self.what))?;
            self.what.to_ascii_uppercase()
        } else {
            let certificate = pki::certificates_from_file(path)?.swap_remove(0);
            if !certificate.is_issued_by(issuer.certificate()) {
                let what = format!("{}: this CA has not signed it", self.what);
                return Err(Failure::refused(what));
            }
            let serial = certificate.serial_hex();
            ledger
                .revoke(&serial, Some(&certificate), self.reason)
                .map_err(|e| e.at(&self.what))?;
            serial
        };
        ledger.publish_crl(&issuer, self.good_for.get())?;
        let report = Report {
            serial,
            reason: self.reason.to_string(),
            crl_file: store.crl_file().display().to_string(),
        };
        report::print(&report, self.json)?;
        Ok(Answer::Yes)
    }
}
