//! `seal acme account`.

use clap::{Args, Subcommand};
use sealwire_acme::client::Session;

use super::failed;
use super::means::{Place, Server, http};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the account, creating it if needed
    Show(Of),
    /// Replace the account's key
    ChangeKey(Of),
    /// Deactivate the account; its certificates remain valid
    Deactivate(Of),
}

#[derive(Args)]
pub(crate) struct Of {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: Server,
}

impl Command {
    pub(super) async fn run(self) -> Result<Answer, Failure> {
        let (Self::Show(of) | Self::ChangeKey(of) | Self::Deactivate(of)) = &self;
        let folder = of.place.open()?;
        let _lock = folder.lock().map_err(failed)?;
        let server = &of.server.server;
        let login = of.server.login()?;
        let mut session =
            Session::open(&login, &folder, &http(&of.server.ca)?).await.map_err(failed)?;
        let url = session.url().to_owned();
        let done = match self {
            Self::Show(_) => "",
            Self::ChangeKey(_) => {
                session.change_key(server, &folder).await.map_err(failed)?;
                ": it has another key"
            }
            Self::Deactivate(_) => {
                session.deactivate(server, &folder).await.map_err(failed)?;
                ": ended"
            }
        };
        report::print_text(&format!("{url}{done}"))?;
        Ok(Answer::Yes)
    }
}
