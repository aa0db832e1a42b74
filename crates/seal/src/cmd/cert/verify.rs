//! `seal cert verify`.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use sealwire::pki::{self, Certificate, ChainCheck, Purpose};
use sealwire::verify::{NameCheck, Verdict};
use sealwire::{ServerName, TrustStore};
use serde::Serialize;

use super::card;
use crate::cmd::material::public_roots;
use crate::failure::Failure;
use crate::report::{self, Answer};
use crate::{advice, clock};

/// Tell whether a certificate would be trusted, and if not, everything that is wrong
///
/// The first certificate of the file is judged; the others, and those of --untrusted, help to
/// build its chain. Exit code 0 means trusted, 1 not.
///
/// With OpenSSL: openssl verify -CAfile ca.pem -untrusted chain.pem -verify_hostname NAME cert.pem
#[derive(Args)]
pub(crate) struct Verify {
    /// The certificate, with or without its chain
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whom to trust; may be repeated [default: Mozilla's roots and this system's]
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// More certificates to build the chain from; may be repeated
    #[arg(long, value_name = "FILE")]
    untrusted: Vec<PathBuf>,
    /// Revocation lists; every certificate but the root must then be covered by one; may be
    /// repeated
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// The host name or address that it must be for
    #[arg(long, value_name = "NAME")]
    name: Option<ServerName>,
    /// Let the common name count as Node does, when there is no DNS name
    #[arg(long, requires = "name")]
    common_name: bool,
    /// What it is used as
    #[arg(long, value_enum, default_value_t = As::Server, value_name = "PURPOSE")]
    purpose: As,
    /// The time of judgement: 2030-12-31 or 2030-12-31T23:59:59Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = crate::moment::parse_time)]
    at: Option<SystemTime>,
    /// Let the chain end at any certificate of --ca, not only at a root
    #[arg(long)]
    partial_chain: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy)]
enum As {
    Server,
    Client,
    Any,
}

/// A verdict, with the chain that it is about.
#[derive(Serialize)]
pub(crate) struct Report {
    file: String,
    trusted: bool,
    /// The error that counts, as in Node's `authorizationError`.
    code: Option<&'static str>,
    chain: Vec<Link>,
    errors: Vec<Problem>,
}

#[derive(Serialize)]
struct Link {
    subject: String,
    issuer: String,
    not_after: String,
    trust_anchor: bool,
}

#[derive(Serialize)]
struct Problem {
    code: &'static str,
    depth: usize,
    evidence: String,
    advice: Option<&'static str>,
}

impl Verify {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let mut presented = pki::certificates_from_file(&self.file)?;
        for path in &self.untrusted {
            presented.extend(pki::certificates_from_file(path)?);
        }
        let trust = self.trust()?.allow_partial_chain(self.partial_chain);
        let mut crls = Vec::new();
        for path in &self.crl {
            crls.extend(pki::crls_from_file(path)?);
        }
        let rules = if self.common_name { NameCheck::Node } else { NameCheck::Rfc9525 };
        let verdict = ChainCheck {
            presented: &presented,
            trust: &trust,
            crls: &crls,
            purpose: match self.purpose {
                As::Server => Purpose::Server,
                As::Client => Purpose::Client,
                As::Any => Purpose::Any,
            },
            name: self.name.clone().map(|name| (name, rules)),
            time: self.at.map_or_else(clock::now, clock::seconds),
            security_level: 2,
        }
        .verdict();
        let report = Report::new(self.file.display().to_string(), &verdict, &trust);
        report::print(&report, self.json)?;
        Ok(if verdict.is_trusted() { Answer::Yes } else { Answer::No })
    }

    fn trust(&self) -> Result<TrustStore, Failure> {
        if self.ca.is_empty() {
            return Ok(public_roots());
        }
        let mut trusted = Vec::new();
        for path in &self.ca {
            trusted.extend(pki::certificates_from_file(path)?);
        }
        TrustStore::from_certificates(trusted).map_err(|e| Failure::refused(format!("--ca: {e}")))
    }
}

impl Report {
    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted
    }

    pub(crate) fn new(file: String, verdict: &Verdict, trust: &TrustStore) -> Self {
        let anchor = |certificate: &Certificate| {
            trust.certificates().iter().any(|t| t.der() == certificate.der())
        };
        let chain = verdict.chain().iter().map(|certificate| Link {
            subject: card::subject(certificate),
            issuer: card::issuer(certificate),
            not_after: card::time(certificate.not_after()),
            trust_anchor: anchor(certificate),
        });
        let errors = verdict.findings().iter().map(|finding| Problem {
            code: finding.code().name(),
            depth: finding.depth(),
            evidence: finding.evidence().to_owned(),
            advice: match finding.code().name() {
                // What is known of it says it all; the advice for connections is no help here.
                "ERR_TLS_CERT_ALTNAME_INVALID" => None,
                code => advice::for_code(code),
            },
        });
        Self {
            file,
            trusted: verdict.is_trusted(),
            code: verdict.findings().last().map(|finding| finding.code().name()),
            chain: chain.collect(),
            errors: errors.collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            None => write!(f, "{}: trusted", self.file)?,
            Some(code) => write!(f, "{}: not trusted: {code}", self.file)?,
        }
        for (depth, link) in self.chain.iter().enumerate() {
            let branch = match depth {
                0 => String::from("  "),
                _ => format!("{}`- ", " ".repeat(depth * 3 - 1)),
            };
            let anchor = if link.trust_anchor { ", trusted" } else { "" };
            write!(f, "\n{branch}{} (to {}{anchor})", link.subject, link.not_after)?;
            for error in self.errors.iter().filter(|error| error.depth == depth) {
                write!(f, "\n{}x {}", " ".repeat(depth * 3 + 2), error.code)?;
            }
        }
        if self.trusted {
            return Ok(());
        }
        if let Some(last) = self.chain.last().filter(|last| !last.trust_anchor)
            && last.subject != last.issuer
        {
            let indent = " ".repeat(self.chain.len() * 3 - 1);
            write!(f, "\n{indent}`- {} (missing)", last.issuer)?;
        }
        for error in &self.errors {
            write!(f, "\n  {}: {}", error.code, error.evidence)?;
            if let Some(advice) = error.advice {
                write!(f, " ({advice})")?;
            }
        }
        Ok(())
    }
}
