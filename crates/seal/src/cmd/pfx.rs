//! `seal pfx`: PKCS#12 files.

mod export;
mod import;
mod show;

use std::path::Path;

use clap::Subcommand;
use sealwire::pki::{Pfx, PfxContents};

use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::Answer;

#[derive(Subcommand)]
pub(crate) enum Command {
    Export(export::Export),
    Import(import::Import),
    Show(show::Show),
}

/// Shows what is in a PFX; no when a certificate in it is not valid today.
pub(crate) fn inspect(file: &Path, source: Option<&Source>, json: bool) -> Result<Answer, Failure> {
    show::Show::of(file, source, json).judge()
}

impl Command {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::Export(command) => command.run(),
            Self::Import(command) => command.run(),
            Self::Show(command) => command.run(),
        }
    }
}

/// Opens a file with all that it holds; a passphrase is asked for when it needs one.
fn contents(path: &Path, source: Option<&Source>) -> Result<PfxContents, Failure> {
    let name = path.display().to_string();
    passphrase::open(source, &name, |passphrase| PfxContents::from_file(path, passphrase))
}

/// Opens a file with all its keys.
fn open_all(path: &Path, source: Option<&Source>) -> Result<Vec<Pfx>, Failure> {
    let name = path.display().to_string();
    passphrase::open(source, &name, |passphrase| Pfx::all_from_file(path, passphrase))
}
