//! Problem documents (RFC 7807, RFC 8555 section 6.7): what is wrong, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Identifier;

/// The types of RFC 8555, RFC 9773 and the profiles draft that are in use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum Kind {
    AccountDoesNotExist,
    AlreadyReplaced,
    AlreadyRevoked,
    #[serde(rename = "badCSR")]
    BadCsr,
    BadNonce,
    BadPublicKey,
    BadRevocationReason,
    BadSignatureAlgorithm,
    Caa,
    Compound,
    Connection,
    Dns,
    ExternalAccountRequired,
    IncorrectResponse,
    InvalidContact,
    InvalidProfile,
    Malformed,
    OrderNotReady,
    RateLimited,
    RejectedIdentifier,
    ServerInternal,
    Tls,
    Unauthorized,
    UnsupportedContact,
    UnsupportedIdentifier,
}

impl Kind {
    /// The name after `urn:ietf:params:acme:error:`.
    #[must_use]
    pub fn name(self) -> String {
        let json = serde_json::to_value(self).unwrap_or_default();
        json.as_str().unwrap_or("serverInternal").to_owned()
    }

    fn status(self) -> u16 {
        match self {
            Self::Unauthorized
            | Self::RejectedIdentifier
            | Self::Caa
            | Self::OrderNotReady
            | Self::ExternalAccountRequired => 403,
            Self::AlreadyReplaced => 409,
            Self::RateLimited => 429,
            Self::ServerInternal => 500,
            _ => 400,
        }
    }
}

/// What went wrong, for the client to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which kind it is.
    #[serde(rename = "type", with = "urn")]
    pub kind: Kind,
    /// The sentence for people.
    pub detail: String,
    /// The status of HTTP.
    pub status: u16,
    /// The identifier, in a subproblem.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identifier: Option<Identifier>,
    /// The parts, each about one identifier.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subproblems: Vec<Self>,
    /// What could have signed, where the algorithm was refused.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub algorithms: Vec<String>,
}

impl Problem {
    /// A problem with the usual status of its kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            status: kind.status(),
            identifier: None,
            subproblems: Vec::new(),
            algorithms: Vec::new(),
        }
    }

    /// The request is not what the protocol asks for.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, detail)
    }

    /// This client is not authorized.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(Kind::Unauthorized, detail)
    }

    /// There is no such thing, or not for this client: both get the same answer.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::malformed(format!("unknown {what}")).status(404)
    }

    /// Another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The identifier.
    #[must_use]
    pub fn about(mut self, identifier: &Identifier) -> Self {
        self.identifier = Some(identifier.clone());
        self
    }

    /// One problem out of several: the one, or a compound of all.
    ///
    /// # Errors
    /// When there is any.
    pub fn all(mut problems: Vec<Self>) -> Result<(), Self> {
        match problems.len() {
            0 => Ok(()),
            1 => Err(problems.swap_remove(0)),
            count => {
                let same = problems.iter().all(|problem| problem.kind == problems[0].kind);
                let kind = if same { problems[0].kind } else { Kind::Compound };
                let mut whole = Self::new(kind, format!("{count} of the names are refused"));
                whole.status = problems[0].status;
                whole.subproblems = problems;
                Err(whole)
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.kind.name())?;
        for part in &self.subproblems {
            write!(f, "; {}", part.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

mod urn {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Kind;

    const PREFIX: &str = "urn:ietf:params:acme:error:";

    pub(super) fn serialize<S: Serializer>(kind: &Kind, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{PREFIX}{}", kind.name()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Kind, D::Error> {
        let text = String::deserialize(from)?;
        let name = text.strip_prefix(PREFIX).unwrap_or(&text);
        serde_json::from_value(name.into()).map_err(D::Error::custom)
    }
}
