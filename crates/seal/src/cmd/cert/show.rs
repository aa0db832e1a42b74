//! `seal cert show`.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::pki;
use serde::Serialize;

use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card::Card;

/// Show certificates
///
/// Prints a summary of each certificate in the file: names, elapsed validity, fingerprints, and
/// properties that clients may refuse.
///
/// With OpenSSL: openssl x509 -noout -text -in cert.pem (--text prints the same)
#[derive(Args)]
pub(crate) struct Show {
    /// The certificates, in PEM or DER
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print all fields, like OpenSSL
    #[arg(long, conflicts_with = "json")]
    text: bool,
    /// Print a JSON array with one object for each certificate
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Cards(Vec<Card>);

impl fmt::Display for Cards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, card) in self.0.iter().enumerate() {
            match self.0.len() {
                1 => writeln!(f, "{}", card.file())?,
                count => writeln!(f, "{}, certificate {} of {count}", card.file(), i + 1)?,
            }
            write!(f, "{card}")?;
        }
        Ok(())
    }
}

impl Show {
    /// The cards of this file.
    pub(super) fn cards(file: &Path, json: bool) -> Self {
        Self { file: file.to_owned(), text: false, json }
    }

    pub(super) fn run(self) -> Result<Answer, Failure> {
        let certificates = pki::certificates_from_file(&self.file)?;
        if self.text {
            let texts: Vec<_> = certificates.iter().map(pki::Certificate::text).collect();
            report::print_text(texts.join("\n").trim_end())?;
        } else {
            let file = self.file.display().to_string();
            let card = |certificate| Card::new(file.clone(), certificate);
            let cards = Cards(certificates.iter().map(card).collect());
            if self.json {
                report::print(&cards, true)?;
            } else {
                report::print_text(cards.to_string().trim_end())?;
            }
        }
        Ok(Answer::Yes)
    }
}
