//! What was looked at and what speaks against it, for programs that collect such things: SARIF and JUnit.
//!
//! Both are a few structures that are written and never read, so they are written here: the crates for them bring
//! more (`quick-junit` an XML reader, a calendar and UUIDs; `serde-sarif` a generator of code).

mod junit;
mod sarif;

use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::pki::{Lint, Severity};
use sealwire_files::{Access, Existing, write_file};

use crate::say::failure::Failure;

/// Files of findings, the same for every verb that has some.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct ReportFiles {
    /// Also write the findings to this file as SARIF 2.1.0 (code scanning), replacing it
    #[arg(long, value_name = "FILE", value_parser = file)]
    sarif: Option<PathBuf>,

    /// Also write the findings to this file as JUnit XML (one test for each item inspected),
    /// replacing it
    #[arg(long, value_name = "FILE", value_parser = file)]
    junit: Option<PathBuf>,
}

/// One thing that was looked at.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Where it is: a path, or `HOST:PORT`.
    pub(crate) place: String,
    pub(crate) is_server: bool,
    /// What it is called: a certificate's subject.
    pub(crate) name: String,
    pub(crate) findings: Vec<Finding>,
}

#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) code: String,
    pub(crate) level: Level,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
    /// Good to know, and no failure.
    Note,
}

impl ReportFiles {
    /// Writes those that are wanted. `verb` is the command: `cert lint`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write(&self, verb: &str, checked: &[Checked]) -> Result<(), Failure> {
        if let Some(path) = &self.sarif {
            let text = sarif::text(verb, checked);
            write_file(path, text.as_bytes(), Access::Public, Existing::Replace)?;
        }
        if let Some(path) = &self.junit {
            let text = junit::text(verb, checked);
            write_file(path, text.as_bytes(), Access::Public, Existing::Replace)?;
        }
        Ok(())
    }
}

impl Checked {
    /// What lints say of something in a file.
    pub(crate) fn by_lints(path: &Path, name: String, lints: &[Lint]) -> Self {
        let findings = lints.iter().map(|lint| Finding {
            code: lint.code.to_owned(),
            level: match lint.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
                Severity::Notice => Level::Note,
            },
            text: lint.text.clone(),
        });
        let findings = findings.collect();
        Self { place: path.display().to_string(), is_server: false, name, findings }
    }

    pub(crate) fn error(&mut self, code: impl Into<String>, text: impl Into<String>) {
        self.findings.push(Finding { code: code.into(), level: Level::Error, text: text.into() });
    }
}

fn file(text: &str) -> Result<PathBuf, &'static str> {
    match text {
        "" => Err("empty file name"),
        "-" => Err("standard output has the answer itself: give a file"),
        path => Ok(path.into()),
    }
}
