//! `seal acme`: certificates from a CA that speaks ACME, renewed by themselves.

mod account;
mod issue;
mod means;
mod renew;
mod revoke;
mod status;

use clap::Subcommand;

use crate::say::failure::Failure;
use crate::say::report::Answer;

#[derive(Subcommand)]
pub(crate) enum Command {
    Issue(Box<issue::Issue>),
    Renew(renew::Renew),
    Revoke(revoke::Revoke),
    /// Manage the account at the CA
    #[command(subcommand)]
    Account(account::Command),
    Status(status::Status),
}

impl Command {
    pub(crate) async fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::Issue(command) => command.run().await,
            Self::Renew(command) => command.run().await,
            Self::Revoke(command) => command.run().await,
            Self::Account(command) => command.run().await,
            Self::Status(command) => command.run(),
        }
    }
}

/// What the library says, as a failure of the command.
fn failed(error: sealwire_acme::client::Error) -> Failure {
    Failure::refused(error.to_string())
}
