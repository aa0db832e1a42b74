//! Whether a certificate is trusted: the chain, and what is wrong with it.

use std::fmt;

use sealwire::pki::Certificate;
use sealwire::verify::{PublicRevocations, Verdict};
use sealwire::{Foreign, ServerName, TrustStore};
use serde::Serialize;

use super::card;
use super::checked::{Finding, Level};
use super::public_web::OnPublicWeb;
use crate::say::advice;

/// A verdict, with the chain that it is about.
#[derive(Serialize)]
pub(crate) struct Trust {
    file: String,
    trusted: bool,
    /// The error that counts, as in Node's `authorizationError`.
    code: Option<&'static str>,
    chain: Vec<Link>,
    errors: Vec<Problem>,
    /// What upki's data say of the leaf, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_revocation: Option<OnPublicWeb>,
    #[serde(skip)]
    lacks_issuer: bool,
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
    advice: Option<String>,
}

impl Trust {
    /// What speaks against it.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.errors.iter().map(|problem| {
            let advice = problem.advice.as_ref().map_or_else(String::new, |it| format!(" ({it})"));
            Finding {
                code: problem.code.to_owned(),
                level: Level::Error,
                text: format!("{}{advice}", problem.evidence),
            }
        })
    }

    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// `name` is the requested name, if a name counts.
    pub(crate) fn new(
        file: String,
        verdict: &Verdict,
        trust: &TrustStore,
        name: Option<&ServerName>,
    ) -> Self {
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
            advice: advice::for_finding(finding, verdict.chain(), name),
        });
        Self {
            file,
            trusted: verdict.is_trusted(),
            code: verdict.findings().last().map(|finding| finding.code().name()),
            chain: chain.collect(),
            errors: errors.collect(),
            public_revocation: None,
            lacks_issuer: verdict.lacks_issuer(),
        }
    }

    /// With what upki's data say of the leaf.
    pub(crate) fn with_public(
        mut self,
        data: Option<&PublicRevocations>,
        verdict: &Verdict,
    ) -> Self {
        self.public_revocation = data.and_then(|data| OnPublicWeb::of(data, verdict.chain()));
        self
    }
}

impl fmt::Display for Trust {
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
        if let Some(said) = &self.public_revocation {
            write!(f, "\n  revocation on the public web {said}")?;
        }
        if self.trusted {
            return Ok(());
        }
        let no_issuer = ["UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"];
        let ends_early = self.lacks_issuer
            || self.errors.iter().any(|it| no_issuer.iter().any(|code| it.code.starts_with(code)));
        if let Some(last) = self.chain.last().filter(|last| !last.trust_anchor)
            && last.subject != last.issuer
            && ends_early
        {
            let indent = " ".repeat(self.chain.len() * 3 - 1);
            let state = if self.lacks_issuer { "missing" } else { "does not fit" };
            write!(f, "\n{indent}`- {} ({state})", last.issuer)?;
        }
        for error in &self.errors {
            write!(f, "\n  {}: {}", error.code, Foreign::new(&error.evidence))?;
            if let Some(advice) = &error.advice {
                write!(f, " ({})", Foreign::new(advice))?;
            }
        }
        Ok(())
    }
}
