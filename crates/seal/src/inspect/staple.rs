//! The OCSP response that a server staples to its certificate: what it says, and whose word it is.

use std::fmt;

use sealwire::pki::{Certificate, OcspResponse, OcspSigner, OcspStatus};
use serde::Serialize;

use crate::view::card;

/// A stapled response, read and judged.
#[derive(Debug, Serialize)]
pub(crate) struct Staple {
    bytes: usize,
    /// `good`, `revoked` or `unknown`; null when it does not say.
    status: Option<&'static str>,
    this_update: Option<String>,
    next_update: Option<String>,
    revoked_since: Option<String>,
    revocation_reason: Option<&'static str>,
    /// The responder that it names.
    responder: Option<String>,
    /// Whose signature it has: `issuer`, or `delegate` of it; null when it could not be verified.
    signed_by: Option<&'static str>,
    /// Why clients that look at it would not believe it.
    problem: Option<String>,
}

impl Staple {
    /// Reads the response that came with `leaf`. `issuer` is its issuer, as far as is known.
    pub(crate) fn of(
        der: &[u8],
        leaf: &Certificate,
        issuer: Option<&Certificate>,
        now: i64,
    ) -> Self {
        let mut staple = Self {
            bytes: der.len(),
            status: None,
            this_update: None,
            next_update: None,
            revoked_since: None,
            revocation_reason: None,
            responder: None,
            signed_by: None,
            problem: None,
        };
        staple.problem = staple.read(der, leaf, issuer, now).err();
        staple
    }

    /// Whether it says that the certificate is good, and clients can believe it.
    pub(crate) fn is_well(&self) -> bool {
        self.status == Some("good") && self.problem.is_none()
    }

    /// # Errors
    /// What speaks against it.
    fn read(
        &mut self,
        der: &[u8],
        leaf: &Certificate,
        issuer: Option<&Certificate>,
        now: i64,
    ) -> Result<(), String> {
        let response = OcspResponse::from_der(der).map_err(|e| e.to_string())?;
        if let Some(reason) = response.refusal() {
            return Err(format!("the responder did not answer: {reason}"));
        }
        self.responder = response.responder().map(ToString::to_string);
        let issuer = issuer.ok_or("not verified: the issuer's certificate is unknown")?;
        let answer = response.answer(leaf, issuer).ok_or("it is for another certificate")?;
        self.this_update = Some(card::time(answer.this_update));
        self.next_update = answer.next_update.map(card::time);
        self.status = Some(match answer.status {
            OcspStatus::Good => "good",
            OcspStatus::Unknown => "unknown",
            OcspStatus::Revoked { since, reason } => {
                self.revoked_since = Some(card::time(since));
                self.revocation_reason = reason;
                "revoked"
            }
        });
        let signer = response.verify(leaf, issuer, now);
        self.signed_by = Some(match signer.map_err(|e| format!("not verified: {e}"))? {
            OcspSigner::Issuer => "issuer",
            OcspSigner::Delegate => "delegate",
        });
        match answer.is_current(now) {
            true => Ok(()),
            false if answer.this_update > now => Err("it is of the future".to_owned()),
            false => Err("it is out of date".to_owned()),
        }
    }
}

impl fmt::Display for Staple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, &self.revoked_since) {
            (Some(_), Some(since)) => write!(f, "REVOKED since {since}")?,
            (Some(status), None) => f.write_str(status)?,
            (None, _) => write!(f, "a response is stapled, {} bytes", self.bytes)?,
        }
        if let Some(reason) = self.revocation_reason {
            write!(f, " ({reason})")?;
        }
        if let Some(this) = &self.this_update {
            write!(f, ", said {this}")?;
        }
        if let Some(next) = &self.next_update {
            write!(f, ", next {next}")?;
        }
        if let Some(responder) = &self.responder {
            write!(f, ", by {responder}")?;
        }
        match self.signed_by {
            Some("issuer") => f.write_str(", signed by the issuer")?,
            Some(_) => f.write_str(", signed for the issuer")?,
            None => {}
        }
        match &self.problem {
            Some(problem) => write!(f, "; {problem}"),
            None => Ok(()),
        }
    }
}
