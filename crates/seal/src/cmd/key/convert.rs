//! `seal key convert`.

use clap::Args;

use crate::files::key_file::KeyFile;
use crate::files::key_form::KeyForm;
use crate::files::output::Output;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::Answer;

/// Write a private key in another form, or with another passphrase, or without one
///
/// Reads every form: PKCS#8, PKCS#1, SEC 1, encrypted or not, PEM or DER. The key stays the same,
/// so its certificates stay good.
///
/// With OpenSSL: openssl pkey -in key.pem -out new.pem, or openssl pkcs8 -topk8
#[derive(Args)]
pub(crate) struct Convert {
    #[command(flatten)]
    key: KeyFile,
    #[command(flatten)]
    form: KeyForm,
    #[command(flatten)]
    output: Output,
    /// Encrypt the new file; the passphrase is asked for, or comes from --new-passphrase-file
    #[arg(long)]
    encrypt: bool,
    /// The passphrase of the new file: a file, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<Source>,
}

impl Convert {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let encrypted = self.encrypt || self.new_passphrase_file.is_some();
        self.form.check(encrypted)?;
        self.output.check()?;
        let key = self.key.read()?;
        let passphrase = if encrypted {
            Some(passphrase::choose(self.new_passphrase_file.as_ref(), "the new file")?)
        } else {
            None
        };
        self.form.write(&key, passphrase.as_ref().map(|text| text.as_str()), &self.output)?;
        Ok(Answer::Yes)
    }
}
