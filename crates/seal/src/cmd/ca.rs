//! `seal ca`: a CA of your own, in a folder.

mod crl;
mod import;
mod init;
mod intermediate;
mod issue;
mod list;
mod renew;
mod revoke;
mod show;

use clap::Subcommand;

pub(crate) use issue::check_allowed;

use crate::say::failure::Failure;
use crate::say::report::Answer;

#[derive(Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Import(import::Import),
    Issue(Box<issue::Issue>),
    Renew(renew::Renew),
    Intermediate(intermediate::Intermediate),
    Revoke(revoke::Revoke),
    Crl(crl::MakeCrl),
    List(list::List),
    Show(show::Show),
}

impl Command {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::Init(command) => command.run(),
            Self::Import(command) => command.run(),
            Self::Issue(command) => command.run(),
            Self::Renew(command) => command.run(),
            Self::Intermediate(command) => command.run(),
            Self::Revoke(command) => command.run(),
            Self::Crl(command) => command.run(),
            Self::List(command) => command.run(),
            Self::Show(command) => command.run(),
        }
    }
}
