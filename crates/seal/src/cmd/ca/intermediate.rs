//! `seal ca intermediate`.

use std::path::PathBuf;

use clap::Args;
use sealwire::pki::{
    CaStore, CertificateBuilder, KeyAlgorithm, NameConstraint, PrivateKey, Subject, Validity,
};

use super::init::key_text;
use crate::files::ca_folder::{CaFolder, CaPassphrase};
use crate::files::ledger::Ledger;
use crate::files::passphrase::Source;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::authority::Authority;

/// Create an intermediate CA in a folder of its own
///
/// The root's key can then be kept offline. Servers send the intermediate's certificate with their
/// own, and clients that trust the root accept both.
#[derive(Args)]
pub(crate) struct Intermediate {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    passphrase: CaPassphrase,
    /// Folder of the new CA
    #[arg(long, alias = "new-dir", value_name = "DIR")]
    new_ca_dir: PathBuf,
    /// Common name of the new CA
    #[arg(long, value_name = "TEXT", required_unless_present = "subject")]
    name: Option<String>,
    /// Full subject, instead of --name: /O=Example/CN=Example CA 2
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    subject: Option<Subject>,
    /// Permitted subtree (name constraint), which excludes all other names of its kind; may be
    /// repeated
    #[arg(long, value_name = "NAME")]
    permit: Vec<NameConstraint>,
    /// Excluded subtree (name constraint); may be repeated
    #[arg(long, value_name = "NAME")]
    exclude: Vec<NameConstraint>,
    /// Number of further CAs allowed below it
    #[arg(long, value_name = "N", default_value_t = 0)]
    path_length: u8,
    /// Validity in days
    #[arg(long, value_name = "N", default_value_t = 1825)]
    days: u32,
    /// Kind of its key: p256, p384, rsa:3072, rsa:4096, ...
    #[arg(long, value_name = "KIND", default_value = "p256")]
    key_kind: KeyAlgorithm,
    /// Read the passphrase for the new key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<Source>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Intermediate {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let store = self.folder.open()?;
        let above = store.chain()?;
        if let Some((_, Some(0))) = above[0].basic_constraints() {
            let what = format!("{}: path length 0 allows no CA below it", store.folder().display());
            return Err(Failure::refused(what).advise("its path length is 0"));
        }
        if CaStore::open(&self.new_ca_dir).is_ok() {
            let what = format!("{}: this folder already contains a CA", self.new_ca_dir.display());
            return Err(Failure::usage(what));
        }
        let subject = match (self.subject, &self.name) {
            (Some(subject), _) if !subject.is_empty() => subject,
            (_, Some(name)) => Subject::from_common_name(name).map_err(|e| e.at("--name"))?,
            _ => return Err(Failure::usage("--subject: a CA needs a name")),
        };
        let issuer = self.passphrase.unlock(&store)?;
        let key = PrivateKey::generate(self.key_kind)?;
        let certificate = CertificateBuilder::new(subject)
            .authority(Some(self.path_length))
            .name_constraints(self.permit, self.exclude)
            .validity(Validity::days(self.days).map_err(|e| e.at("--days"))?)
            .signed_by(&issuer, key.spki_der())?;
        let key = key_text(&key, false, self.new_passphrase_file.as_ref())?;
        let new_ca_dir = self.new_ca_dir;
        let mut made = None;
        Ledger::of(&store)?.record(&certificate, || {
            let new = CaStore::create(&new_ca_dir, &certificate, &key, &above)?;
            if let Some(addresses) = store.addresses()? {
                new.limit_addresses(&addresses)?;
            }
            made = Some(new);
            Ok(())
        })?;
        report::print(&Authority::new(&made.expect("delivered"))?, self.json)?;
        Ok(Answer::Yes)
    }
}
