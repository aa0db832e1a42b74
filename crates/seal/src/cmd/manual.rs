//! `seal completions` and `seal man`: what --help says, for shells and for man.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use sealwire::pki::Error;

use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Print a completion script for a shell
///
/// For instance: seal completions bash > /etc/bash_completion.d/seal
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the man pages, one for each command
///
/// For instance: seal man /usr/local/share/man/man1, and then man seal-connect
#[derive(Args)]
pub(crate) struct Man {
    /// Output folder; existing pages are replaced
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Completions {
    pub(crate) fn run(self, mut command: Command) -> Result<Answer, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "seal", &mut script);
        report::print_text(String::from_utf8_lossy(&script).trim_end())?;
        Ok(Answer::Yes)
    }
}

impl Man {
    pub(crate) fn run(self, command: Command) -> Result<Answer, Failure> {
        let failed = |e: io::Error| Failure::from(Error::io(&self.folder, &e));
        fs::create_dir_all(&self.folder).map_err(failed)?;
        clap_mangen::generate_to(command, &self.folder).map_err(failed)?;
        Ok(Answer::Yes)
    }
}
