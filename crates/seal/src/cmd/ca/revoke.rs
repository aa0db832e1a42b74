//! `seal ca revoke`.

use std::fmt;
use std::path::Path;

use clap::Args;
use sealwire::pki::{self, Certificate, RevocationReason};
use serde::Serialize;

use super::database;
use crate::files::ca_folder::{CaFolder, CaPassphrase};
use crate::files::ledger::{Ledger, Whose};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::words::length::Length;

/// Revoke a certificate and sign a new CRL
///
/// Clients notice only if they check the CRL: crl.pem in the CA's folder or, for certificates of
/// `ca serve`, the CRL that it serves, which is signed again at the next request.
///
/// With OpenSSL: openssl ca -revoke cert.pem && openssl ca -gencrl
#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    database: database::Place,
    #[command(flatten)]
    passphrase: CaPassphrase,
    /// File of the certificate, or its serial number in hexadecimal
    #[arg(value_name = "FILE|SERIAL")]
    what: String,
    /// Reason code: keyCompromise, superseded, cessationOfOperation, ...
    #[arg(long, value_name = "REASON", default_value = "unspecified")]
    reason: RevocationReason,
    /// Validity of the new CRL: 30d, 12h
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
    /// None: `ca serve` signs the list.
    crl_file: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { serial, reason, crl_file } = self;
        match crl_file {
            Some(file) => write!(f, "{serial}: revoked ({reason}); {file} is up to date"),
            None => write!(f, "{serial}: revoked ({reason}); `seal ca serve` has it on its list"),
        }
    }
}

impl Revoke {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let store = self.folder.open()?;
        let ledger = self.database.ledger(&self.folder, &store)?;
        let path = Path::new(&self.what);
        let serial_only = !path.exists() && self.what.chars().all(|c| c.is_ascii_hexdigit());
        let certificate = match serial_only {
            true => None,
            false => Some(pki::certificates_from_file(path)?.swap_remove(0)),
        };
        let serial = match &certificate {
            Some(certificate) => certificate.serial_hex(),
            None => self.what.to_ascii_uppercase(),
        };
        let served = ledger.whose(&serial)? == Some(Whose::Served);
        let crl_file = if served {
            self.revoke_served(&ledger, &serial, certificate.as_ref())?;
            None
        } else {
            // Before anything is changed: without the means to sign the list, the index stays unchanged.
            let issuer = self.passphrase.unlock(&store)?;
            if let Some(certificate) = &certificate
                && !certificate.is_issued_by(issuer.certificate())
            {
                return Err(self.not_ours());
            }
            let revoked = ledger.revoke(&serial, certificate.as_ref(), self.reason);
            revoked.map_err(|e| e.at(&self.what))?;
            ledger.publish_crl(&issuer, self.good_for.get())?;
            Some(store.crl_file().display().to_string())
        };
        let report = Report { serial, reason: self.reason.to_string(), crl_file };
        report::print(&report, self.json)?;
        Ok(Answer::Yes)
    }
    /// Revokes what `ca serve` has signed.
    fn revoke_served(
        &self,
        ledger: &Ledger,
        serial: &str,
        certificate: Option<&Certificate>,
    ) -> Result<(), Failure> {
        // A number alone could be of another CA's certificate.
        if let Some(certificate) = certificate
            && ledger.served_certificate(serial)?.as_ref() != Some(certificate)
        {
            return Err(self.not_ours());
        }
        Ok(ledger.revoke_served(serial, self.reason).map_err(|e| e.at(&self.what))?)
    }

    fn not_ours(&self) -> Failure {
        Failure::refused(format!("{}: not issued by this CA", self.what))
    }
}
