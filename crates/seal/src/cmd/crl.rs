//! `seal crl`: certificate revocation lists.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealwire::pki;

use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::crl::Lists;

#[derive(Subcommand)]
pub(crate) enum Command {
    Show(Show),
}

impl Command {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::Show(command) => command.run(),
        }
    }
}

/// Shows the revocation lists of a file.
pub(crate) fn show(file: &Path, json: bool) -> Result<Answer, Failure> {
    Show { file: file.to_owned(), text: false, json }.run()
}

/// Show CRLs: issuer, number, validity
///
/// `seal ca crl` signs CRLs; `seal cert verify --crl` checks them.
///
/// With OpenSSL: openssl crl -noout -text -in crl.pem (--text prints the same)
#[derive(Args)]
pub(crate) struct Show {
    /// The CRLs, in PEM or DER
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print all fields, like OpenSSL
    #[arg(long, conflicts_with = "json")]
    text: bool,
    /// Print a JSON array with one object for each list
    #[arg(long)]
    json: bool,
}

impl Show {
    fn run(self) -> Result<Answer, Failure> {
        let crls = pki::crls_from_file(&self.file)?;
        if self.text {
            let texts: Vec<_> = crls.iter().map(pki::Crl::text).collect();
            report::print_text(texts.join("\n").trim_end())?;
            return Ok(Answer::Yes);
        }
        report::print(&Lists::of(&crls), self.json)?;
        Ok(Answer::Yes)
    }
}
