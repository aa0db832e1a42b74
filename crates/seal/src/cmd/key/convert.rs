//! `seal key convert`.

use clap::Args;

use crate::files::key_file::KeyFile;
use crate::files::key_form::KeyForm;
use crate::files::output::Output;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::Answer;

/// Convert a private key, or change or remove its passphrase
///
/// Reads PKCS#8, PKCS#1 and SEC 1, encrypted or not, in PEM or DER. The key itself does not change,
/// so its certificates remain valid.
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
    /// Encrypt the new file; prompts for the passphrase, or reads it from --new-passphrase-file
    #[arg(long)]
    encrypt: bool,
    /// Read the passphrase for the new file from FILE, `-` for standard input, or env:NAME
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
