//! `seal ca renew`.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::pki::{
    self, CaStore, Certificate, CertificateBuilder, Issuer, KeyAlgorithm, PrivateKey,
};
use sealwire_files::Access;
use serde::Serialize;

use super::database;
use super::issue::check_allowed;
use crate::cmd::cert::shape::Period;
use crate::files::ca_folder::{CaFolder, CaPassphrase, check_outside};
use crate::files::delivery::Delivery;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::made::Made;
use crate::words::clock;
use crate::words::length::Length;

/// Renew certificates of this CA in place
///
/// Keeps the subject, names, extensions and key; the serial number and validity period are new, and
/// the file gets the CA's current chain. The old certificate remains valid until it expires. In a
/// timer: seal ca renew --within 30d certs/*.pem
#[derive(Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    database: database::Place,
    #[command(flatten)]
    passphrase: CaPassphrase,
    /// The certificates to renew: the first of each file
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Only those that expire within this time: 30d, 12h
    #[arg(long, value_name = "TIME")]
    within: Option<Length>,
    /// Also generate a new key of the same kind, and write it to this file
    #[arg(long, value_name = "FILE")]
    new_key: Option<PathBuf>,
    #[command(flatten)]
    period: Period,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    renewed: Vec<Made>,
    /// Files whose certificates do not end soon.
    not_due: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let renewed = self.renewed.iter().map(ToString::to_string);
        let not_due = self.not_due.iter().map(|file| format!("{file}: not due"));
        f.write_str(&renewed.chain(not_due).collect::<Vec<_>>().join("\n"))
    }
}

impl Renew {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        if self.new_key.is_some() && self.files.len() > 1 {
            return Err(Failure::usage("--new-key: cannot be used with several certificates"));
        }
        let store = self.folder.open()?;
        // All are looked at before the first is signed.
        let mut due = Vec::new();
        let mut report = Report { renewed: Vec::new(), not_due: Vec::new() };
        for path in &self.files {
            let old = self.read_own(&store, path)?;
            if self.is_due(&old) {
                due.push((path, old));
            } else {
                report.not_due.push(path.display().to_string());
            }
        }
        if !due.is_empty() {
            let issuer = self.passphrase.unlock(&store)?;
            for (path, old) in due {
                report.renewed.push(self.renew(&store, &issuer, path, &old)?);
            }
        }
        report::print(&report, self.json)?;
        Ok(Answer::Yes)
    }

    fn is_due(&self, old: &Certificate) -> bool {
        let Some(within) = self.within else { return true };
        let within = i64::try_from(within.get().as_secs()).unwrap_or(i64::MAX);
        old.not_after() <= clock::now().saturating_add(within)
    }

    fn renew(
        &self,
        store: &CaStore,
        issuer: &Issuer,
        path: &Path,
        old: &Certificate,
    ) -> Result<Made, Failure> {
        let file = path.display().to_string();
        let mut builder = CertificateBuilder::renewing(old).map_err(|e| e.at(&file))?;
        if let Some(validity) = self.period.validity()? {
            builder = builder.validity(validity);
        }
        let key = match &self.new_key {
            Some(_) => {
                let kind = KeyAlgorithm::of_spki(&old.spki_der()).map_err(|e| e.at(&file))?;
                Some(PrivateKey::generate(kind)?)
            }
            None => None,
        };
        let spki = key.as_ref().map_or_else(|| old.spki_der(), |key| key.spki_der().to_vec());
        let certificate = builder.signed_by(issuer, &spki)?;
        check_allowed(store, issuer, &certificate).map_err(|e| e.prefix(&file))?;

        let mut delivery = Delivery::new(true);
        let places = [Some(path.to_owned()), self.new_key.clone()];
        let places: Vec<_> = places.iter().flatten().collect();
        delivery.check(&places)?;
        check_outside(store, &places)?;
        if let (Some(key), Some(key_file)) = (&key, &self.new_key) {
            delivery.add(key_file, key.to_pem().as_bytes(), Access::Private);
        }
        let chain = store.chain()?;
        let above = chain.iter().filter(|above| !above.is_self_signed());
        let pem: String =
            std::iter::once(&certificate).chain(above).map(Certificate::to_pem).collect();
        delivery.add(path, pem.as_bytes(), Access::Public);
        let ready = delivery.stage()?;
        self.database.ledger(&self.folder, store)?.record(&certificate, || ready.put())?;
        Ok(Made::new(file, &certificate))
    }

    /// The certificate in a file, which this CA has signed and not revoked.
    fn read_own(&self, store: &CaStore, path: &Path) -> Result<Certificate, Failure> {
        let file = path.display().to_string();
        let certificate = pki::certificates_from_file(path)?.swap_remove(0);
        let serial = certificate.serial_hex();
        let revoked = self.database.ledger(&self.folder, store)?.revoked(&serial)?;
        let known = store.certificate()?.subject().der() == certificate.issuer().der();
        match revoked {
            Some(false) if known => Ok(certificate),
            Some(true) if known => {
                Err(Failure::refused(format!("{file}: the certificate is revoked"))
                    .advise("`seal ca issue` makes another for the same names"))
            }
            _ => Err(Failure::refused(format!(
                "{file}: the CA in {} did not issue this certificate",
                store.folder().display()
            ))
            .advise("name its CA with --ca-dir; `seal cert renew` renews certificates of others")),
        }
    }
}
