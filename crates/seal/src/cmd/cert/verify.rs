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

/// Tell whether a certificate would be trusted, and if not, everything that is wrong
///
/// The first certificate of each file is judged; the others of that file, and those of
/// --untrusted, help to build its chain. Exit code 0 means that all are trusted, 1 that one is not.
///
/// With OpenSSL: openssl verify -CAfile ca.pem -untrusted chain.pem -verify_hostname NAME cert.pem
#[derive(Args)]
pub(crate) struct Verify {
    /// The certificates, each with or without its chain
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Whom to trust; may be repeated [default: Mozilla's roots and this system's]
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// The passphrase of a PFX given to --ca: a file, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE", requires = "ca")]
    passphrase_file: Option<Source>,
    /// More certificates to build the chain from; may be repeated
    #[arg(long, value_name = "FILE")]
    untrusted: Vec<PathBuf>,
    /// Revocation lists: complete, indirect, by reason, delta; every certificate of the chain must
    /// then be covered; may be repeated
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// The host name or address that it must be for
    #[arg(long, value_name = "NAME")]
    name: Option<ServerName>,
    /// How the certificate is compared with the name
    #[arg(long, value_enum, default_value_t = NameRules::Node, value_name = "RULES")]
    name_rules: NameRules,
    /// What is the default now: --name-rules node
    #[arg(long, hide = true, requires = "name", conflicts_with = "name_rules")]
    common_name: bool,
    /// What it is used as
    #[arg(long, value_enum, default_value_t = As::Server, value_name = "PURPOSE")]
    purpose: As,
    /// The time of judgement: 2030-12-31 or 2030-12-31T23:59:59Z [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// Let the chain end at any certificate of --ca, not only at a root
    #[arg(long)]
    partial_chain: bool,
    #[command(flatten)]
    policies: PolicyOptions,
    /// Print JSON, a line for each file
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
