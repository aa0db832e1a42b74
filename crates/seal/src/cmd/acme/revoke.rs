//! `seal acme revoke`.

use clap::Args;
use sealwire_acme::client;

use super::failed;
use super::means::{Means, Place};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Revoke the certificate of this name, and renew it no more
///
/// Its files stay where they are; to have another one, `seal acme issue`.
#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    place: Place,
    /// The name that the certificate goes by
    #[arg(value_name = "NAME")]
    name: String,
    /// Its key may be known to others
    #[arg(long)]
    key_compromised: bool,
}

impl Revoke {
    pub(super) async fn run(self) -> Result<Answer, Failure> {
        let folder = self.place.open()?;
        let _lock = folder.lock().map_err(failed)?;
        let name = &self.name;
        let none = || {
            Failure::usage(format!("{name}: there is no such certificate"))
                .advise("`seal acme status` lists them")
        };
        let wish = folder.wish(name).map_err(failed)?.ok_or_else(none)?;
        let held = folder.held(name).map_err(failed)?.ok_or_else(none)?;
        let session = Means::of(&wish)?.session(&wish, &folder).await?;
        let reason = client::reason(self.key_compromised);
        client::revoke(&session, &held.chain[0], reason).await.map_err(failed)?;
        folder.forget(name).map_err(failed)?;
        report::print_text(&format!("{name}: revoked, and not renewed any more"))?;
        Ok(Answer::Yes)
    }
}
