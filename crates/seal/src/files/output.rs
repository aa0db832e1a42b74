//! Where a command puts what it makes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::say::failure::Failure;
use clap::Args;
use sealwire_files::{self as file, Access, Existing};

/// `--out` and `--force`, the same for every command that makes something.
#[derive(Args)]
pub(crate) struct Output {
    /// Output file [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long)]
    force: bool,
}

impl Output {
    /// Fails early when the file exists: before a long key generation, before questions.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.file() {
            Some(path) if !self.force => Ok(file::check_absent(path)?),
            _ => Ok(()),
        }
    }

    /// Writes the file whole or not at all.
    pub(crate) fn write(&self, bytes: &[u8], access: Access) -> Result<(), Failure> {
        let Some(path) = self.file() else {
            let mut out = io::stdout().lock();
            let written = out.write_all(bytes).and_then(|()| out.flush());
            return written.map_err(|e| Failure::usage(format!("standard output: {e}")));
        };
        let existing = if self.force { Existing::Replace } else { Existing::Keep };
        Ok(file::write_file(path, bytes, access, existing)?)
    }

    /// The file, unless it is standard output.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.out.as_deref().filter(|path| *path != Path::new("-"))
    }
}
