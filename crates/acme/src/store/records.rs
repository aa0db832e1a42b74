//! What a CA remembers.

use sealwire::pki::{Certificate, RevocationReason, Subject};
use serde::{Deserialize, Serialize};

use crate::clock::Seconds;
use crate::jws::Jwk;
use crate::protocol::{Identifier, NameRules, Problem};

/// A client that requests certificates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// In its URL.
    pub id: String,
    /// The key that its requests are signed with.
    pub key: Jwk,
    /// Whether it still may.
    pub status: AccountStatus,
    /// `mailto:` URLs.
    pub contact: Vec<String>,
    /// When it was made.
    pub created: Seconds,
    /// The EAB key that it was made with.
    pub eab: Option<String>,
    /// What it may ask for, as its EAB key says.
    pub rules: AccountRules,
}

/// What an account may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRules {
    /// Names below these only.
    #[serde(default)]
    pub names: NameRules,
    /// These profiles only; none at all means any.
    #[serde(default)]
    pub profiles: Vec<String>,
}

/// The states of an account (RFC 8555, section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum AccountStatus {
    Valid,
    Deactivated,
    Revoked,
}

/// A key for external account binding: its holder may create one account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EabKey {
    /// Its name.
    pub kid: String,
    /// The secret, in base64url.
    pub secret: String,
    /// Its purpose, in the words of the operator.
    pub label: String,
    /// When it was made.
    pub created: Seconds,
    /// What its account may ask for.
    pub rules: AccountRules,
    /// The account that it made.
    #[serde(skip)]
    pub account: Option<String>,
}

/// A token that permits certificates without an ACME client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// Its name; not its secret.
    pub id: String,
    /// Its purpose, in the words of the operator.
    pub label: String,
    /// When it was made.
    pub created: Seconds,
    /// When it expires.
    pub expires: Seconds,
    /// What may be asked for; without names, no names at all.
    pub rules: AccountRules,
    /// Users, without a host name: common names of certificates for clients.
    pub users: Vec<String>,
    /// How many certificates are left.
    #[serde(skip)]
    pub uses: i64,
}

impl Token {
    /// What stands in place of an account, for what it has asked for.
    #[must_use]
    pub fn asker(&self) -> String {
        format!("token:{}", self.id)
    }
}

/// The states of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum OrderStatus {
    Pending,
    Ready,
    Processing,
    Valid,
    Invalid,
}

/// A certificate that is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// In its URL.
    pub id: String,
    /// Whose.
    pub account: String,
    /// How far it is.
    #[serde(skip, default = "pending_order")]
    pub status: OrderStatus,
    /// When it was made.
    pub created: Seconds,
    /// When it is too late.
    pub expires: Seconds,
    /// The identifiers.
    pub identifiers: Vec<Identifier>,
    /// What has to be proved.
    pub authorizations: Vec<String>,
    /// By which profile.
    pub profile: String,
    /// The serial number of the certificate that it replaces.
    pub replaces: Option<String>,
    /// The same certificate, as the client has named it.
    pub replaces_id: Option<String>,
    /// Not valid before.
    pub not_before: Option<Seconds>,
    /// Not valid after.
    pub not_after: Option<Seconds>,
    /// Why it came to nothing.
    pub error: Option<Problem>,
    /// What was asked to be signed, in base64url.
    pub csr: Option<String>,
    /// The number of its certificate, from finalization on.
    #[serde(skip)]
    pub serial: Option<String>,
    /// Since when it is being worked at.
    #[serde(skip)]
    pub claimed: Option<Seconds>,
}

fn pending_order() -> OrderStatus {
    OrderStatus::Pending
}

/// The states of an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum AuthzStatus {
    Pending,
    /// Not of the standard: a challenge is being checked. Told as pending.
    Processing,
    Valid,
    Invalid,
    Deactivated,
    Expired,
    Revoked,
}

/// That an account has a name, or that it has to prove it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Authz {
    /// In its URL.
    pub id: String,
    /// Whose.
    pub account: String,
    /// The name, without `*.`.
    pub identifier: Identifier,
    /// Whether it is for `*.` of it.
    pub wildcard: bool,
    /// How far it is.
    #[serde(skip, default = "pending_authz")]
    pub status: AuthzStatus,
    /// When it expires.
    pub expires: Seconds,
    /// The ways to prove it.
    pub challenges: Vec<Challenge>,
    /// Since when a challenge is being checked.
    #[serde(skip)]
    pub claimed: Option<Seconds>,
}

fn pending_authz() -> AuthzStatus {
    AuthzStatus::Pending
}

/// A way to prove that one has a name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Challenge {
    /// Which way.
    pub kind: ChallengeKind,
    /// What is to be shown.
    pub token: String,
    /// How far it is.
    pub status: ChallengeStatus,
    /// When it was shown.
    pub validated: Option<Seconds>,
    /// The error otherwise.
    pub error: Option<Problem>,
}

/// The ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChallengeKind {
    /// A file on the web server (RFC 8555, section 8.3).
    #[serde(rename = "http-01")]
    Http01,
    /// A record in the DNS (RFC 8555, section 8.4).
    #[serde(rename = "dns-01")]
    Dns01,
    /// A certificate for a protocol of its own (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// A record in the DNS that stays (a draft).
    #[serde(rename = "dns-persist-01")]
    DnsPersist01,
}

/// The states of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum ChallengeStatus {
    Pending,
    Processing,
    Valid,
    Invalid,
}

/// A certificate that was signed.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Its number, in upper-case hexadecimal.
    pub serial: String,
    /// The subjectKeyIdentifier of the signer, in hexadecimal.
    pub issuer: String,
    /// Whose it is; none when it was signed by hand.
    pub account: Option<String>,
    /// When it was signed.
    pub created: Seconds,
    /// When it expires.
    pub not_after: Seconds,
    /// Since when it is revoked, and why.
    pub revoked: Option<(Seconds, RevocationReason)>,
    /// The order that replaced it.
    pub replaced: Option<String>,
    /// The subject in OpenSSL's form.
    pub subject: String,
    /// Its names, by blanks.
    pub names: String,
    /// The certificate; nothing before it is signed.
    pub der: Option<Vec<u8>>,
}

impl Issued {
    /// A certificate that `issuer` has signed just now for these names.
    pub(crate) fn now(
        certificate: &Certificate,
        issuer: &str,
        account: Option<String>,
        names: &[Identifier],
        created: Seconds,
    ) -> Self {
        let subject = Subject::from_der(certificate.subject().der());
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        Self {
            serial: certificate.serial_hex(),
            issuer: issuer.to_owned(),
            account,
            created,
            not_after: certificate.not_after(),
            revoked: None,
            replaced: None,
            subject: subject.map(|subject| subject.to_openssl()).unwrap_or_default(),
            names: names.join(" "),
            der: Some(certificate.der().to_vec()),
        }
    }
}

/// A current or former signer.
#[derive(Debug, Clone)]
pub struct IssuerRecord {
    /// Its subjectKeyIdentifier, in hexadecimal.
    pub id: String,
    /// Since when.
    pub since: Seconds,
    /// Since when another does.
    pub replaced: Option<Seconds>,
    /// Its certificate and those above it, PEM.
    pub chain: String,
}

/// A revocation list as it was signed.
#[derive(Debug, Clone)]
pub struct SignedCrl {
    /// DER.
    pub der: Vec<u8>,
    /// When the next is due.
    pub next_update: Seconds,
    /// When it was made.
    pub made: Seconds,
    /// Whether something was revoked since.
    pub stale: bool,
}

/// What happened, in the log whose entries hold each other by their hashes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "what each holds is what it is about")]
pub enum Event {
    AccountMade {
        account: String,
        eab: Option<String>,
    },
    AccountChanged {
        account: String,
        what: String,
    },
    EabMade {
        kid: String,
        label: String,
    },
    TokenMade {
        token: String,
        label: String,
    },
    TokenEnded {
        token: String,
    },
    Issued {
        serial: String,
        issuer: String,
        account: Option<String>,
        names: String,
        sha256: String,
    },
    Refused {
        account: String,
        order: String,
        why: String,
    },
    Revoked {
        serial: String,
        reason: String,
        by: String,
    },
    CrlSigned {
        issuer: String,
        number: i64,
    },
    IssuerUsed {
        issuer: String,
    },
}
