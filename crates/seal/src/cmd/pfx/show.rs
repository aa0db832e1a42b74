//! `seal pfx show`.

use std::fmt;
use std::iter;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::Foreign;
use sealwire::pki::{self, PfxContents};
use serde::Serialize;

use super::contents;
use crate::files::passphrase::Source;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::words::clock;

/// Show the content of a PFX: keys, certificates, chains
///
/// With OpenSSL: openssl pkcs12 -in id.pfx -info -nokeys
#[derive(Args)]
pub(crate) struct Show {
    /// The PFX file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read the passphrase of the PFX from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    keys: Vec<Entry>,
    /// Keys without a certificate.
    lone_keys: Vec<LoneKey>,
    /// Certificates that belong to no key: those of a trust store.
    certificates: Vec<Shown>,
    others: Vec<String>,
}

#[derive(Serialize)]
struct LoneKey {
    name: Option<String>,
    algorithm: String,
}

#[derive(Serialize)]
struct Shown {
    name: Option<String>,
    subject: String,
    names: Vec<String>,
    not_after: String,
    sha256: String,
    trusted_by_java: bool,
}

#[derive(Serialize)]
struct Entry {
    name: Option<String>,
    algorithm: String,
    subject: String,
    names: Vec<String>,
    not_after: String,
    chain: Vec<String>,
}

impl Report {
    /// Whether all that is in it are certificates that Java passes over.
    fn is_empty_to_java(&self) -> bool {
        self.keys.is_empty()
            && self.others.is_empty()
            && !self.certificates.is_empty()
            && self.certificates.iter().all(|one| !one.trusted_by_java)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for entry in &self.keys {
            let name = entry
                .name
                .as_deref()
                .map(|name| format!(" \"{}\"", Foreign::new(name)))
                .unwrap_or_default();
            write!(f, "\n  key{name}: {}", entry.algorithm)?;
            write!(f, "\n    {} (to {})", entry.subject, entry.not_after)?;
            if !entry.names.is_empty() {
                write!(f, "\n      {}", Foreign::list(&entry.names))?;
            }
            for other in &entry.chain {
                write!(f, "\n    {other}")?;
            }
        }
        let named = |name: &Option<String>| {
            let name = name.as_deref().map(|name| format!(" \"{}\"", Foreign::new(name)));
            name.unwrap_or_default()
        };
        for key in &self.lone_keys {
            write!(f, "\n  key{}: {}, without a certificate", named(&key.name), key.algorithm)?;
        }
        for shown in &self.certificates {
            let subject = Foreign::new(&shown.subject);
            write!(f, "\n  certificate{}: {subject}", named(&shown.name))?;
            write!(f, " (to {})", shown.not_after)?;
            if !shown.names.is_empty() {
                write!(f, "\n    {}", Foreign::list(&shown.names))?;
            }
            let java = if shown.trusted_by_java { ", trusted by Java" } else { "" };
            write!(f, "\n    sha256 {}{java}", shown.sha256)?;
        }
        if self.is_empty_to_java() {
            f.write_str(
                "\n  Java lists 0 entries: nothing is marked as trusted (`seal pfx export --trust` does it)",
            )?;
        }
        for other in &self.others {
            write!(f, "\n  {}, not read", Foreign::new(other))?;
        }
        Ok(())
    }
}

impl Show {
    pub(super) fn of(file: &Path, source: Option<&Source>, json: bool) -> Self {
        Self { file: file.to_owned(), passphrase_file: source.cloned(), json }
    }

    pub(super) fn run(self) -> Result<Answer, Failure> {
        self.print().map(|_| Answer::Yes)
    }

    /// As [`run`](Self::run), and no when a certificate in it is not valid today.
    pub(super) fn judge(self) -> Result<Answer, Failure> {
        let (all, now) = (self.print()?, clock::now());
        let of_keys =
            all.entries.iter().flat_map(|pfx| iter::once(pfx.certificate()).chain(pfx.chain()));
        let mut certificates = of_keys.chain(all.certificates.iter().map(|one| &one.certificate));
        let well = certificates.all(|one| (one.not_before()..=one.not_after()).contains(&now));
        Ok(if well { Answer::Yes } else { Answer::No })
    }

    fn print(self) -> Result<PfxContents, Failure> {
        let all = contents(&self.file, self.passphrase_file.as_ref())?;
        let keys = all.entries.iter().map(|pfx| Entry {
            name: pfx.name().map(str::to_owned),
            algorithm: pfx.key().algorithm().to_string(),
            subject: card::subject(pfx.certificate()),
            names: card::names(pfx.certificate()),
            not_after: card::time(pfx.certificate().not_after()),
            chain: pfx.chain().iter().map(card::subject).collect(),
        });
        let lone_keys = all.lone_keys.iter().map(|(key, name)| LoneKey {
            name: name.clone(),
            algorithm: key.algorithm().to_string(),
        });
        let certificates = all.certificates.iter().map(|one| Shown {
            name: one.name.clone(),
            subject: card::subject(&one.certificate),
            names: card::names(&one.certificate),
            not_after: card::time(one.certificate.not_after()),
            sha256: pki::sha256_fingerprint(one.certificate.der()),
            trusted_by_java: one.trusted,
        });
        let report = Report {
            file: self.file.display().to_string(),
            keys: keys.collect(),
            lone_keys: lone_keys.collect(),
            certificates: certificates.collect(),
            others: all.others.clone(),
        };
        report::print(&report, self.json)?;
        Ok(all)
    }
}
