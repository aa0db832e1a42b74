//! `seal acme revoke`.

use clap::Args;
use sealwire_acme::client;

use super::failed;
use super::means::{Means, Place};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Revoke a certificate and stop renewing it
///
/// Keeps its files; run `seal acme issue` to obtain another one.
#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    place: Place,
    /// Identifier of the certificate: its first name
    #[arg(value_name = "NAME")]
    name: String,
    /// Revoke with the reason keyCompromise
    #[arg(long)]
    key_compromised: bool,
}

impl Revoke {
    pub(super) async fn run(self) -> Result<Answer, Failure> {
        let folder = self.place.open()?;
        let _lock = folder.lock().map_err(failed)?;
        let name = &self.name;
        let none = || {
            Failure::usage(format!("{name}: no such certificate"))
                .advise("`seal acme status` lists them")
        };
        let config = folder.renewal_config(name).map_err(failed)?.ok_or_else(none)?;
        let held = folder.held(name).map_err(failed)?.ok_or_else(none)?;
        let session = Means::of(&config)?.session(&config, &folder).await?;
        let reason = client::reason(self.key_compromised);
        client::revoke(&session, &held.chain[0], reason).await.map_err(failed)?;
        folder.forget(name).map_err(failed)?;
        report::print_text(&format!("{name}: revoked; renewal stopped"))?;
        Ok(Answer::Yes)
    }
}
