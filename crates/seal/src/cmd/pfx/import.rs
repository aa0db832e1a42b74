//! `seal pfx import`.

use std::path::PathBuf;

use clap::Args;
use sealwire::Foreign;
use sealwire::pki::{Certificate, KeyEncryption, Pfx};
use sealwire_files::Access;

use super::open_all;
use crate::files::delivery::Delivery;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::made::Made;

/// Extract the key and the certificates of a PFX
///
/// Reads files of OpenSSL, Windows, Java, Firefox (NSS), macOS and BouncyCastle, with or without a
/// MAC.
///
/// With OpenSSL: openssl pkcs12 -in id.pfx -nodes, and splitting the output
#[derive(Args)]
pub(crate) struct Import {
    /// The PFX file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read the passphrase of the PFX from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    /// Select the key with this friendly name
    #[arg(long, value_name = "NAME")]
    friendly_name: Option<String>,
    /// Output file for the certificate and its chain
    #[arg(long, value_name = "FILE")]
    cert_file: PathBuf,
    /// Output file for the key
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Encrypt the key file; prompts for the passphrase, or reads it from --new-passphrase-file
    #[arg(long)]
    encrypt: bool,
    /// Read the passphrase for the key file from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<Source>,
    /// Overwrite files that exist
    #[arg(long)]
    force: bool,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Import {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let mut delivery = Delivery::new(self.force);
        delivery.check(&[&self.cert_file, &self.key_file])?;
        let pfx = self.choose(open_all(&self.file, self.passphrase_file.as_ref())?)?;
        if self.encrypt || self.new_passphrase_file.is_some() {
            let source = self.new_passphrase_file.as_ref();
            let passphrase = passphrase::choose(source, "the key file")?;
            let pem =
                pfx.key().to_encrypted_pem(passphrase.as_bytes(), KeyEncryption::default())?;
            delivery.add(&self.key_file, pem.as_bytes(), Access::Private);
        } else {
            delivery.add(&self.key_file, pfx.key().to_pem().as_bytes(), Access::Private);
        }
        let all = std::iter::once(pfx.certificate()).chain(pfx.chain());
        let pem: String = all.map(Certificate::to_pem).collect();
        delivery.add(&self.cert_file, pem.as_bytes(), Access::Public);
        delivery.write()?;
        let made = Made::new(self.cert_file.display().to_string(), pfx.certificate());
        report::print(&made, self.json)?;
        Ok(Answer::Yes)
    }

    fn choose(&self, mut all: Vec<Pfx>) -> Result<Pfx, Failure> {
        let file = self.file.display();
        let names = |all: &[Pfx]| {
            let names = all
                .iter()
                .map(|pfx| format!("\"{}\"", Foreign::new(pfx.name().unwrap_or_default())));
            names.collect::<Vec<_>>().join(", ")
        };
        if let Some(wanted) = &self.friendly_name {
            let found = all.iter().position(|pfx| pfx.name() == Some(wanted));
            return match found {
                Some(index) => Ok(all.swap_remove(index)),
                None => Err(Failure::refused(format!(
                    "{file}: no key named \"{wanted}\"; it contains {}",
                    names(&all)
                ))),
            };
        }
        match all.len() {
            1 => Ok(all.swap_remove(0)),
            _ => Err(Failure::refused(format!("{file}: it has several keys: {}", names(&all)))
                .advise("choose one with --friendly-name")),
        }
    }
}
