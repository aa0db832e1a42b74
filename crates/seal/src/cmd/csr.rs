//! `seal csr`: certificate signing requests.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealwire::pki::{self, Csr, ExtendedKeyUsage, KeyUsage, Subject, SubjectAltName};
use serde::Serialize;

use super::subject_prompt::{self, Answers};
use crate::failure::Failure;
use crate::file::Access;
use crate::key_file::KeyFile;
use crate::output::Output;
use crate::report::{self, Answer};

#[derive(Subcommand)]
pub(crate) enum Command {
    New(New),
    Show(Show),
    Verify(Verify),
}

impl Command {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::New(command) => command.run(),
            Self::Show(command) => command.run(),
            Self::Verify(command) => command.run(),
        }
    }
}

/// Make a request for a certificate
///
/// Says who you are and which public key is yours, signed with your key. A CA turns it into a
/// certificate; `seal cert self-sign` does it without one. Without --subject and --name the
/// questions of `openssl req` are asked, and answered on standard input.
///
/// With OpenSSL: openssl req -new -sha256 -key key.pem -out csr.pem
#[derive(Args)]
pub(crate) struct New {
    #[command(flatten)]
    key: KeyFile,
    /// Who asks: /C=SE/O=Example/CN=example.com or CN=example.com,O=Example,C=SE
    #[arg(long, value_name = "NAME")]
    subject: Option<Subject>,
    /// A name the certificate shall be valid for; may be repeated: localhost, 127.0.0.1,
    /// user@example.com, https://..., or DNS:, IP:, email:, URI: and the name
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<SubjectAltName>,
    /// What the key shall do: digitalSignature, keyEncipherment, ...; may be repeated
    #[arg(long, value_name = "USAGE")]
    key_usage: Vec<KeyUsage>,
    /// A purpose: serverAuth, clientAuth, ... or a dotted OID; may be repeated
    #[arg(long, value_name = "PURPOSE")]
    extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Ask for the promise that the server staples OCSP responses
    #[arg(long)]
    must_staple: bool,
    /// A challenge password, which some CAs want; it is readable in the request
    #[arg(long, value_name = "TEXT")]
    challenge_password: Option<String>,
    #[command(flatten)]
    output: Output,
    /// Report as JSON
    #[arg(long, requires = "out")]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    subject: String,
    names: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: request for {}", self.file, self.subject)?;
        match self.names.as_slice() {
            [] => Ok(()),
            names => write!(f, " ({})", names.join(", ")),
        }
    }
}

impl New {
    fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let key = self.key.read()?;
        let answers = self.answers()?;
        if answers.subject.is_empty() && self.names.is_empty() {
            return Err(Failure::usage("the request would name nobody: the subject is empty")
                .advise("answer at least one question, or give --subject or --name"));
        }
        let mut builder = Csr::builder(answers.subject).names(self.names.iter().cloned());
        builder = builder
            .key_usage(self.key_usage.iter().copied())
            .extended_key_usage(self.extended_key_usage.iter().copied());
        if self.must_staple {
            builder = builder.must_staple();
        }
        if let Some(password) =
            answers.challenge_password.as_ref().or(self.challenge_password.as_ref())
        {
            builder = builder.challenge_password(password);
        }
        if let Some(name) = &answers.unstructured_name {
            builder = builder.unstructured_name(name);
        }
        let csr = builder.sign(&key)?;
        self.output.write(csr.to_pem().as_bytes(), Access::Public)?;
        if let Some(file) = self.output.file() {
            let report = Report {
                file: file.display().to_string(),
                subject: csr.subject().to_string(),
                names: csr.names().iter().map(ToString::to_string).collect(),
            };
            report::print(&report, self.json)?;
        }
        Ok(Answer::Yes)
    }

    fn answers(&self) -> Result<Answers, Failure> {
        if let Some(subject) = &self.subject {
            return Ok(Answers { subject: subject.clone(), ..Answers::default() });
        }
        match self.names.as_slice() {
            [] => subject_prompt::ask(&mut io::stdin().lock()),
            names => Ok(Answers { subject: Subject::for_names(names)?, ..Answers::default() }),
        }
    }
}

/// Check that a request is signed with the key it asks a certificate for
///
/// With OpenSSL: openssl req -verify -noout -in csr.pem
#[derive(Args)]
pub(crate) struct Verify {
    /// The request, in PEM or DER
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    fn run(self) -> Result<Answer, Failure> {
        let card = Card::read(&self.file)?;
        if let Some(error) = card.refusal {
            return Err(error.into());
        }
        match self.json {
            true => report::print(&card, true)?,
            false => report::print_text(&format!("{}: the signature is good", card.file))?,
        }
        Ok(Answer::Yes)
    }
}

/// Show what a request asks for
///
/// With OpenSSL: openssl req -noout -text -verify -in csr.pem
#[derive(Args)]
pub(crate) struct Show {
    /// The request, in PEM or DER
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    fn run(self) -> Result<Answer, Failure> {
        report::print(&Card::read(&self.file)?, self.json)?;
        Ok(Answer::Yes)
    }
}

/// Shows the request of a file.
pub(crate) fn show(file: &Path, json: bool) -> Result<Answer, Failure> {
    Show { file: file.to_owned(), json }.run()
}

/// A request on a card.
#[derive(Serialize)]
struct Card {
    file: String,
    subject: String,
    names: Vec<String>,
    /// Names of kinds that have no text here, such as otherName.
    other_names: usize,
    key_usage: Vec<String>,
    extended_key_usage: Vec<String>,
    challenge_password: Option<String>,
    unstructured_name: Option<String>,
    key: String,
    pin_sha256: String,
    signature_is_good: bool,
    #[serde(skip)]
    refusal: Option<pki::Error>,
}

impl Card {
    fn read(path: &Path) -> Result<Self, Failure> {
        let csr = Csr::from_file(path)?;
        let file = path.display().to_string();
        let refusal = csr.verify().err().map(|e| e.at(&file));
        let names: Vec<_> = csr.names().iter().map(ToString::to_string).collect();
        let purposes = csr.extended_key_usage();
        Ok(Self {
            subject: csr.subject().to_string(),
            other_names: csr.name_count() - names.len(),
            names,
            key_usage: csr.key_usage().iter().map(ToString::to_string).collect(),
            extended_key_usage: purposes.iter().map(ToString::to_string).collect(),
            challenge_password: csr.challenge_password(),
            unstructured_name: csr.unstructured_name(),
            key: csr.key_algorithm().map_or_else(|e| e.to_string(), |key| key.to_string()),
            pin_sha256: pki::spki_pin(csr.spki_der()),
            signature_is_good: refusal.is_none(),
            refusal,
            file,
        })
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: certificate request", self.file)?;
        let mut line = |label: &str, value: &str| match value {
            "" => Ok(()),
            _ => write!(f, "\n  {label:<10} {value}"),
        };
        line("subject", &self.subject)?;
        line("names", &self.names.join(", "))?;
        if self.other_names > 0 {
            line("and", &format!("{} names of other kinds", self.other_names))?;
        }
        line("key usage", &self.key_usage.join(", "))?;
        line("for", &self.extended_key_usage.join(", "))?;
        line("company", self.unstructured_name.as_deref().unwrap_or_default())?;
        line(
            "challenge",
            if self.challenge_password.is_some() { "a password is given" } else { "" },
        )?;
        line("key", &self.key)?;
        line("pin", &format!("sha256//{}", self.pin_sha256))?;
        line("signature", if self.signature_is_good { "good" } else { "does not fit the key" })
    }
}
