//! `seal ca import`.

use std::path::PathBuf;

use clap::Args;
use sealwire::pki::{self, CaStore, Issuer};

use super::init::key_text;
use crate::files::ca_folder::CaFolder;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::authority::Authority;

/// Import a CA of OpenSSL, mkcert, step or easy-rsa
///
/// Copies the CA's certificate and key; clients that trust it need no change. For mkcert, these are
/// rootCA.pem and rootCA-key.pem in `mkcert -CAROOT`; for step, certs/root_ca.crt and
/// secrets/root_ca_key in `step path`.
#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    folder: CaFolder,
    /// The CA's certificate; further certificates in the file are the chain above it
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The CA's private key
    #[arg(long, value_name = "FILE")]
    ca_key: PathBuf,
    /// Read the passphrase of that key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    /// Encrypt the copy of the key; prompts for the passphrase, or reads it from
    /// --new-passphrase-file
    #[arg(long)]
    encrypt: bool,
    /// Read the passphrase for the copy from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<Source>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Import {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let issuer = passphrase::open(
            self.passphrase_file.as_ref(),
            &self.ca_key.display().to_string(),
            |passphrase| Issuer::from_files(&self.ca, &self.ca_key, passphrase.map(str::as_bytes)),
        )?;
        let above = pki::certificates_from_file(&self.ca)?.split_off(1);
        let key = key_text(issuer.key(), self.encrypt, self.new_passphrase_file.as_ref())?;
        let path = self.folder.path()?;
        let store = CaStore::create(&path, issuer.certificate(), &key, &above)?;
        report::print(&Authority::new(&store)?, self.json)?;
        Ok(Answer::Yes)
    }
}
