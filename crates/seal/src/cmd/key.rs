//! `seal key`: private keys.

mod convert;
mod lint;
mod matches;
mod new;
mod public;
mod show;

use std::path::Path;

use clap::Subcommand;
use sealwire::pki::{Error, KeyAlgorithm, Problem, pem, spki_pin};

use crate::files::passphrase::Source;
use crate::say::failure::Failure;
use crate::say::report::Answer;

#[derive(Subcommand)]
pub(crate) enum Command {
    New(new::New),
    Show(show::Show),
    Public(public::Public),
    Convert(convert::Convert),
    Matches(matches::Matches),
    Lint(lint::Lint),
}

/// Shows what kind of private key is in a file.
pub(crate) fn show(file: &Path, source: Option<&Source>, json: bool) -> Result<Answer, Failure> {
    show::Show::of(file, source, json).run()
}

/// Shows what kind of public key is in a file's bytes.
pub(crate) fn show_public(file: &Path, bytes: &[u8], json: bool) -> Result<Answer, Failure> {
    let name = file.display().to_string();
    let blocks = pem::blocks(bytes);
    let spki = match blocks.iter().find(|block| block.label() == "PUBLIC KEY") {
        Some(block) => block.decode()?.to_vec(),
        None => bytes.to_vec(),
    };
    let algorithm = KeyAlgorithm::of_spki(&spki)
        .map_err(|e| Error::new(Problem::Malformed, e.detail()).at(&name))?;
    show::print(name, algorithm.to_string(), "public", spki_pin(&spki), json)
}

impl Command {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::New(command) => command.run(),
            Self::Show(command) => command.run(),
            Self::Public(command) => command.run(),
            Self::Convert(command) => command.run(),
            Self::Matches(command) => command.run(),
            Self::Lint(command) => command.run(),
        }
    }
}
