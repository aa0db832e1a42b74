//! `seal cert`: certificates.

mod check;
mod convert;
mod fingerprint;
mod lint;
mod renew;
mod self_sign;
pub(crate) mod shape;
mod show;
mod sign;
mod verify;

use std::path::Path;

use clap::Subcommand;

use crate::say::failure::Failure;
use crate::say::report::Answer;

#[derive(Subcommand)]
pub(crate) enum Command {
    SelfSign(self_sign::SelfSign),
    Sign(sign::Sign),
    Renew(renew::Renew),
    Show(show::Show),
    Check(check::Check),
    Convert(convert::Convert),
    Fingerprint(fingerprint::Fingerprint),
    Verify(verify::Verify),
    Lint(lint::Lint),
}

/// Shows the certificates of a file on cards.
pub(crate) fn show(file: &Path, json: bool) -> Result<Answer, Failure> {
    show::Show::cards(file, json).run()
}

impl Command {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::SelfSign(command) => command.run(),
            Self::Sign(command) => command.run(),
            Self::Renew(command) => command.run(),
            Self::Show(command) => command.run(),
            Self::Check(command) => command.run(),
            Self::Convert(command) => command.run(),
            Self::Fingerprint(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::Lint(command) => command.run(),
        }
    }
}
