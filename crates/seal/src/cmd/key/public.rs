//! `seal key public`.

use clap::Args;
use sealwire_files::Access;

use crate::files::key_file::KeyFile;
use crate::files::output::Output;
use crate::say::failure::Failure;
use crate::say::report::Answer;

/// Extract the public key of a private key
///
/// With OpenSSL: openssl pkey -in key.pem -pubout
#[derive(Args)]
pub(crate) struct Public {
    #[command(flatten)]
    key: KeyFile,
    #[command(flatten)]
    output: Output,
    /// Write DER instead of PEM
    #[arg(long)]
    der: bool,
}

impl Public {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let key = self.key.read()?;
        if self.der {
            self.output.write(key.spki_der(), Access::Public)?;
        } else {
            self.output.write(key.public_pem().as_bytes(), Access::Public)?;
        }
        Ok(Answer::Yes)
    }
}
