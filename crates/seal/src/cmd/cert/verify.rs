//! `seal cert verify`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sealwire::pki::{self, Certificate, ChainCheck, Crl, Moment, Purpose};
use sealwire::verify::Verdict;
use sealwire::{ServerName, TrustStore};

use crate::files::material::{public_roots, trusted_in_pfx};
use crate::files::passphrase::Source;
use crate::files::policies::PolicyOptions;
use crate::files::upki;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::trust::Trust;
use crate::words::clock;
use crate::words::name_rules::NameRules;

/// Verify a certificate and its chain, and report every error
///
/// Verifies the first certificate of each file; the others of that file, and those of --untrusted,
/// are used to build the chain. Exits with 0 when all are trusted, 1 when one is not.
///
/// With OpenSSL: openssl verify -CAfile ca.pem -untrusted chain.pem -verify_hostname NAME cert.pem
#[derive(Args)]
pub(crate) struct Verify {
    /// Files with a certificate, optionally followed by its chain
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Trusted CAs; may be repeated [default: Mozilla's roots and this system's]
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// Read the passphrase of a PFX given to --ca from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE", requires = "ca")]
    passphrase_file: Option<Source>,
    /// Additional certificates for building the chain; may be repeated
    #[arg(long, value_name = "FILE")]
    untrusted: Vec<PathBuf>,
    /// CRLs (complete, indirect, by reason or delta), which must then cover every certificate of
    /// the chain; may be repeated
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// Host name or address that the certificate must match
    #[arg(long, value_name = "NAME")]
    name: Option<ServerName>,
    /// Rules for matching the certificate with the name
    #[arg(long, value_enum, default_value_t = NameRules::Node, value_name = "RULES")]
    name_rules: NameRules,
    /// What is the default now: --name-rules node
    #[arg(long, hide = true, requires = "name", conflicts_with = "name_rules")]
    common_name: bool,
    /// Purpose to verify for
    #[arg(long, value_enum, default_value_t = As::Server, value_name = "PURPOSE")]
    purpose: As,
    /// Verify as of this time: 2030-12-31 or 2030-12-31T23:59:59Z [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// Accept any certificate of --ca as trust anchor, not only self-signed roots
    #[arg(long)]
    partial_chain: bool,
    #[command(flatten)]
    policies: PolicyOptions,
    /// Print JSON, one line for each file
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
        let mut untrusted = Vec::new();
        for path in &self.untrusted {
            untrusted.extend(pki::certificates_from_file(path)?);
        }
        let trust = self.policies.apply_to(self.trust()?)?.allow_partial_chain(self.partial_chain);
        let mut crls = Vec::new();
        for path in &self.crl {
            crls.extend(pki::crls_from_file(path)?);
        }
        let mut all = Answer::Yes;
        for (index, file) in self.files.iter().enumerate() {
            let mut presented = pki::certificates_from_file(file)?;
            presented.extend(untrusted.iter().cloned());
            if let [first, rest @ ..] = &presented[..]
                && first.is_ca()
                && rest.iter().any(|other| other != first && other.is_issued_by(first))
            {
                report::note(format_args!(
                    "seal: note: {}: the first certificate is judged, and it is the CA of another in \
                     the file; the leaf goes first",
                    file.display()
                ));
            }
            let verdict = self.judge(&presented, &trust, &crls);
            let report =
                Trust::new(file.display().to_string(), &verdict, &trust, self.name.as_ref())
                    .with_public(upki::found().as_ref(), &verdict);
            match (self.files.len(), self.json) {
                (1, json) => report::print(&report, json)?,
                (_, true) => report::print_line(&report)?,
                (_, false) if index == 0 => report::print(&report, false)?,
                (_, false) => report::print_text(&format!("\n{report}"))?,
            }
            if !verdict.is_trusted() {
                all = Answer::No;
            }
        }
        Ok(all)
    }

    fn judge(&self, presented: &[Certificate], trust: &TrustStore, crls: &[Crl]) -> Verdict {
        let rules = if self.common_name { NameRules::Node } else { self.name_rules };
        ChainCheck {
            presented,
            trust,
            crls,
            purpose: match self.purpose {
                As::Server => Purpose::Server,
                As::Client => Purpose::Client,
                As::Any => Purpose::Any,
            },
            name: self.name.clone().map(|name| (name, rules.check())),
            time: self.at.map_or_else(clock::now, Moment::seconds),
            security_level: 2,
        }
        .verdict()
    }

    fn trust(&self) -> Result<TrustStore, Failure> {
        if self.ca.is_empty() {
            return Ok(public_roots());
        }
        let mut trusted = Vec::new();
        for path in &self.ca {
            trusted.extend(match trusted_in_pfx(path, self.passphrase_file.as_ref())? {
                Some(certificates) => certificates,
                None => pki::certificates_from_file(path)?,
            });
        }
        let trust = TrustStore::from_certificates(trusted)
            .map_err(|e| Failure::refused(format!("--ca: {e}")))?;
        Ok(upki::refusing_revoked(trust))
    }
}
