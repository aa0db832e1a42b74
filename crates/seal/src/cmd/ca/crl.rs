//! `seal ca crl`.

use std::time::Duration;

use clap::Args;

use super::folder::{CaFolder, CaPassphrase};
use crate::failure::Failure;
use crate::file::Access;
use crate::moment::parse_duration;
use crate::output::Output;
use crate::report::Answer;

/// Sign a new revocation list
///
/// Has to be repeated before the last one runs out, also when nothing was revoked. The list also
/// stays in the CA's folder as crl.pem.
///
/// With OpenSSL: openssl ca -gencrl
#[derive(Args)]
pub(crate) struct MakeCrl {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    passphrase: CaPassphrase,
    /// How long the list is good: 30d, 12h
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = parse_duration)]
    good_for: Duration,
    #[command(flatten)]
    output: Output,
    /// Write DER instead of PEM: the form for a URL in certificates
    #[arg(long)]
    der: bool,
}

impl MakeCrl {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let store = self.folder.open()?;
        let issuer = self.passphrase.unlock(&store)?;
        let crl = store.publish_crl(&issuer, self.good_for)?;
        match self.der {
            true => self.output.write(crl.der(), Access::Public)?,
            false => self.output.write(crl.to_pem().as_bytes(), Access::Public)?,
        }
        Ok(Answer::Yes)
    }
}
