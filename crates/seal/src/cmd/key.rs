//! `seal key`: private keys.

mod convert;
mod matches;
mod new;
mod public;
mod show;

use clap::Subcommand;

use crate::failure::Failure;
use crate::report::Answer;

#[derive(Subcommand)]
pub(crate) enum Command {
    New(new::New),
    Show(show::Show),
    Public(public::Public),
    Convert(convert::Convert),
    Matches(matches::Matches),
}

impl Command {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::New(command) => command.run(),
            Self::Show(command) => command.run(),
            Self::Public(command) => command.run(),
            Self::Convert(command) => command.run(),
            Self::Matches(command) => command.run(),
        }
    }
}
