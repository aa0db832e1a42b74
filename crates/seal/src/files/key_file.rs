//! The key that a command works with.

use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::pki::PrivateKey;

use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;

/// `--key` and its passphrase, the same for every command that reads a private key.
#[derive(Args)]
pub(crate) struct KeyFile {
    /// The private key, in PEM or DER
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Read the passphrase of the key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
}

impl KeyFile {
    pub(crate) fn new(key: &Path, passphrase_file: Option<&Source>) -> Self {
        Self { key: key.to_owned(), passphrase_file: passphrase_file.cloned() }
    }

    /// Reads the key. Its passphrase is asked for when it needs one and a person is there.
    pub(crate) fn read(&self) -> Result<PrivateKey, Failure> {
        passphrase::open(self.passphrase_file.as_ref(), &self.name(), |passphrase| {
            PrivateKey::from_file(&self.key, passphrase.map(str::as_bytes))
        })
    }

    /// The file's name, for messages.
    pub(crate) fn name(&self) -> String {
        self.key.display().to_string()
    }
}
