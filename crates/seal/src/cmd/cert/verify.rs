//! `seal cert verify`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use sealwire::pki::{self, ChainCheck, Purpose};
use sealwire::verify::NameCheck;
use sealwire::{ServerName, TrustStore};

use crate::files::material::public_roots;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::trust::Trust;
use crate::words::clock;
use crate::words::moment::parse_time;

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
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
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
        let report = Trust::new(self.file.display().to_string(), &verdict, &trust);
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
