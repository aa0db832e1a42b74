//! `seal crl`: certificate revocation lists.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealwire::pki::{self, Subject};
use serde::Serialize;

use super::cert::card;
use crate::clock;
use crate::failure::Failure;
use crate::report::{self, Answer};

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

/// Show revocation lists: whose, which number, until when
///
/// `seal ca crl` makes them; `seal cert verify --crl` asks them.
///
/// With OpenSSL: openssl crl -noout -text -in crl.pem (--text prints the same)
#[derive(Args)]
pub(crate) struct Show {
    /// The lists, in PEM or DER
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print everything, as OpenSSL does
    #[arg(long, conflicts_with = "json")]
    text: bool,
    /// Print JSON: an array, one object for each list
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Lists(Vec<List>);

#[derive(Serialize)]
struct List {
    issuer: String,
    number: Option<String>,
    this_update: String,
    next_update: Option<String>,
    current: bool,
}

impl fmt::Display for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = self.0.iter().map(|list| {
            let number = list.number.as_deref().unwrap_or("without number");
            let until = list.next_update.as_deref().unwrap_or("the end of time");
            let state = if list.current { "current" } else { "not current" };
            let List { issuer, this_update, .. } = list;
            format!("{issuer}: list {number}, {state}: {this_update} to {until}")
        });
        f.write_str(&lists.collect::<Vec<_>>().join("\n"))
    }
}

impl Show {
    fn run(self) -> Result<Answer, Failure> {
        let crls = pki::crls_from_file(&self.file)?;
        if self.text {
            let texts: Vec<_> = crls.iter().map(pki::Crl::text).collect();
            report::print_text(texts.join("\n").trim_end())?;
            return Ok(Answer::Yes);
        }
        let now = clock::now();
        let lists = crls.iter().map(|crl| List {
            issuer: Subject::from_der(crl.issuer().der())
                .map_or_else(|e| e.to_string(), |issuer| issuer.to_string()),
            number: crl.number(),
            this_update: card::time(crl.this_update()),
            next_update: crl.next_update().map(card::time),
            current: crl.this_update() <= now && crl.next_update().is_none_or(|end| now < end),
        });
        report::print(&Lists(lists.collect()), self.json)?;
        Ok(Answer::Yes)
    }
}
