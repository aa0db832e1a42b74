//! `seal ca`: a CA of your own, in a folder.

mod crl;
mod database;
mod eab;
mod import;
mod init;
mod intermediate;
mod issue;
mod list;
mod listed;
mod log;
mod page;
mod permitted;
mod renew;
mod revoke;
mod rotate;
mod serve;
mod show;
mod spot;
mod to_database;
mod token;

use clap::Subcommand;

pub(crate) use issue::check_allowed;
pub(crate) use spot::on_the_spot;

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
    Serve(Box<serve::Serve>),
    /// Manage keys for external account binding (EAB) with `ca serve`
    #[command(subcommand)]
    Eab(eab::Command),
    /// Manage tokens for issuance by `ca serve` without ACME
    #[command(subcommand)]
    Token(token::Command),
    RotateIntermediate(rotate::RotateIntermediate),
    Log(log::Log),
    ToDatabase(to_database::ToDatabase),
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
            Self::Serve(command) => command.run(),
            Self::Eab(command) => command.run(),
            Self::Token(command) => command.run(),
            Self::RotateIntermediate(command) => command.run(),
            Self::Log(command) => command.run(),
            Self::ToDatabase(command) => command.run(),
        }
    }
}
