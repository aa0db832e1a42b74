//! `seal csr`: certificate signing requests.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealwire::Foreign;
use sealwire::pki::{Csr, ExtendedKeyUsage, KeyUsage, Subject, SubjectAltName};
use sealwire_files::Access;
use serde::Serialize;

use super::subject_prompt::{self, Answers};
use crate::files::key_file::KeyFile;
use crate::files::output::Output;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::request::Request;

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one, for the length of a command")]
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

/// Create a certificate signing request
///
/// A request holds a subject and a public key, signed with the private key. A CA issues a
/// certificate for it; `seal cert self-sign` does so without a CA. Without --subject and --name,
/// asks the questions of `openssl req` on standard input.
///
/// With OpenSSL: openssl req -new -sha256 -key key.pem -out csr.pem
#[derive(Args)]
pub(crate) struct New {
    #[command(flatten)]
    key: KeyFile,
    /// Subject: /C=SE/O=Example/CN=example.com or CN=example.com,O=Example,C=SE
    #[arg(long, value_name = "NAME")]
    subject: Option<Subject>,
    /// Subject alternative name; may be repeated: localhost, 127.0.0.1, user@example.com,
    /// https://..., or with a prefix DNS:, IP:, email: or URI:
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<SubjectAltName>,
    /// Key usage to request: digitalSignature, keyEncipherment, ...; may be repeated
    #[arg(long, value_name = "USAGE")]
    key_usage: Vec<KeyUsage>,
    /// Extended key usage to request: serverAuth, clientAuth, ... or a dotted OID; may be repeated
    #[arg(long, value_name = "PURPOSE")]
    extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Request the must-staple extension (RFC 7633)
    #[arg(long)]
    must_staple: bool,
    /// Challenge password, which some CAs require; it is stored in plaintext in the request
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
            names => write!(f, " ({})", Foreign::list(names)),
        }
    }
}

impl New {
    fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let key = self.key.read()?;
        let answers = self.answers()?;
        if answers.subject.is_empty() && self.names.is_empty() {
            return Err(Failure::usage("the subject is empty")
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

/// Verify the signature of a request
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
        let request = Request::read(&self.file)?;
        if let Some(error) = request.refusal() {
            return Err(error.clone().into());
        }
        if self.json {
            report::print(&request, true)?;
        } else {
            report::print_text(&format!("{}: the signature is valid", request.file()))?;
        }
        Ok(Answer::Yes)
    }
}

/// Show the content of a request
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
        report::print(&Request::read(&self.file)?, self.json)?;
        Ok(Answer::Yes)
    }
}

/// Shows the request of a file.
pub(crate) fn show(file: &Path, json: bool) -> Result<Answer, Failure> {
    Show { file: file.to_owned(), json }.run()
}
