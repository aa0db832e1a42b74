//! How a server stands against a quantum computer: how keys are agreed on, which counts for what is recorded today,
//! and apart from it how it authenticates, which counts from the day on which there is such a computer.

use std::fmt;

use sealwire::Foreign;
use sealwire::pki::{self, Certificate, KeyAlgorithm, KeyType};
use sealwire::trace::{Message, Sender};
use serde::Serialize;

use super::observed::Observed;
use super::scan::{GroupKind, Known, KnownGroups, kind_of_group};
use crate::view::card;
use crate::view::checked::{Finding, Level};

/// What a handshake has shown, and what was asked beside it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Posture {
    /// Of the handshake; `None` where it failed before the server had chosen.
    pub(crate) protocol: Option<String>,
    pub(crate) cipher: Option<String>,
    pub(crate) key_exchange: KeyExchange,
    pub(crate) authentication: Authentication,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct KeyExchange {
    pub(crate) verdict: Exchange,
    /// The group of the handshake.
    pub(crate) selected: Option<Known>,
    /// Whether the server asked for another share than it was sent (HelloRetryRequest).
    pub(crate) by_retry: bool,
    /// What it knows beside that, where it was asked.
    pub(crate) asked: Option<KnownGroups>,
}

/// From best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exchange {
    /// It agrees on nothing else.
    PostQuantumOnly,
    /// The handshake agreed on a post-quantum group.
    PostQuantum,
    /// The same, after a HelloRetryRequest.
    PostQuantumByRetry,
    /// The server knows one, and the handshake did not agree on it.
    PostQuantumKnown,
    /// It supports none.
    Classical,
    /// The handshake agreed on another group; what the server knows was not asked, or is not known.
    NotSelected,
    /// No handshake got so far.
    Unknown,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Authentication {
    pub(crate) verdict: Proof,
    /// By which the server signed the handshake.
    pub(crate) scheme: Option<String>,
    /// As they were sent, the leaf first.
    pub(crate) certificates: Vec<Signed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Proof {
    /// Every key and signature holds.
    PostQuantum,
    /// Some do.
    Partly,
    Classical,
    /// Of an algorithm that is not known here, or nothing was sent.
    Unknown,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Signed {
    pub(crate) subject: String,
    pub(crate) key: String,
    /// Whether the key holds; null where its algorithm is not known here.
    pub(crate) key_post_quantum: Option<bool>,
    pub(crate) signature: String,
    /// The same of the signature of its issuer.
    pub(crate) signature_post_quantum: Option<bool>,
    /// A root's own signature proves nothing, and does not count.
    pub(crate) self_signed: bool,
}

impl Posture {
    pub(crate) fn of(
        observed: &Observed,
        messages: &[Message],
        sent: &[Certificate],
        asked: Option<KnownGroups>,
    ) -> Self {
        let said = |name: &str, field: &str| {
            let mut all = messages.iter().filter(|one| one.from == Sender::Server);
            let message = all.find(|one| one.name == name)?;
            let value = &message.fields.iter().find(|(known, _)| known == field)?.1;
            Some(value.clone()).filter(|value| !value.is_empty())
        };
        let by_retry = messages.iter().any(|one| one.name == "HelloRetryRequest");
        let peer = observed.driver.session().peer();
        let group = said("ServerHello", "group")
            .or_else(|| said("ServerKeyExchange", "group"))
            .or_else(|| peer?.group().map(|group| group.openssl_name().to_owned()));
        let selected = group.map(|name| Known { kind: kind_of(&name), name });
        let protocol = said("ServerHello", "version");
        // What was asked is about groups of TLS 1.3.
        let shown = selected.as_ref().filter(|_| protocol.as_deref() == Some("TLSv1.3"));
        let asked = asked.map(|asked| beside(asked, shown));
        let scheme = said("CertificateVerify", "scheme")
            .or_else(|| said("ServerKeyExchange", "signature scheme"));
        Self {
            protocol,
            cipher: said("ServerHello", "cipher suite"),
            key_exchange: KeyExchange {
                verdict: exchange(selected.as_ref(), by_retry, asked.as_ref()),
                selected,
                by_retry,
                asked,
            },
            authentication: Authentication::of(scheme, sent),
        }
    }
}

impl Posture {
    /// What speaks against it: no failure, since most of the world is so.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let exchange = &self.key_exchange;
        let name = exchange.selected.as_ref().map_or("no group", |group| &group.name);
        let (code, text) = match exchange.verdict {
            Exchange::Classical => (
                "KEY_EXCHANGE_CLASSICAL",
                format!(
                    "it agrees on {name} and supports no post-quantum group: traffic recorded now can be decrypted later"
                ),
            ),
            Exchange::NotSelected | Exchange::PostQuantumKnown => (
                "KEY_EXCHANGE_NOT_POST_QUANTUM",
                format!(
                    "the handshake agreed on {name}: traffic recorded now can be decrypted later"
                ),
            ),
            Exchange::PostQuantumByRetry => (
                "KEY_EXCHANGE_BY_RETRY",
                format!("{name} is agreed on after a HelloRetryRequest only: one round trip more"),
            ),
            Exchange::PostQuantumOnly | Exchange::PostQuantum | Exchange::Unknown => return None,
        };
        Some(Finding { code: code.to_owned(), level: Level::Note, text })
    }
}

/// What was asked, where it does not say no to what the handshake has shown.
fn beside(mut asked: KnownGroups, selected: Option<&Known>) -> KnownGroups {
    if let Some(selected) = selected
        && !asked.known.iter().any(|known| known.name == selected.name)
    {
        asked.problem.get_or_insert_with(|| {
            format!("it refused {} alone, which the handshake negotiated", selected.name)
        });
        asked.complete = false;
        if !selected.kind.is_post_quantum() {
            asked.post_quantum_only = Some(false);
        }
        asked.known.insert(0, selected.clone());
    }
    asked
}

fn exchange(selected: Option<&Known>, by_retry: bool, asked: Option<&KnownGroups>) -> Exchange {
    let is_selected = selected.is_some_and(|group| group.kind.is_post_quantum());
    match asked {
        Some(asked) if asked.post_quantum_only == Some(true) => Exchange::PostQuantumOnly,
        _ if is_selected && by_retry => Exchange::PostQuantumByRetry,
        _ if is_selected => Exchange::PostQuantum,
        Some(asked) if asked.post_quantum().is_some() => Exchange::PostQuantumKnown,
        Some(asked) if asked.complete => Exchange::Classical,
        _ if selected.is_some() => Exchange::NotSelected,
        _ => Exchange::Unknown,
    }
}

/// Of a group that is called so.
fn kind_of(name: &str) -> GroupKind {
    let all = (0x0200..=0x0202).chain(0x11eb..=0x11ee).chain([0x6399, 0x639a]);
    all.filter(|number| sealwire::reading::names::group(*number) == name)
        .map(kind_of_group)
        .next()
        .unwrap_or(GroupKind::Classical)
}

impl Authentication {
    fn of(scheme: Option<String>, sent: &[Certificate]) -> Self {
        let certificates: Vec<Signed> = sent.iter().map(Signed::of).collect();
        let leaf = certificates.first().map(|leaf| leaf.key_post_quantum);
        // A key signs what stands below it; of the last one only the signature above it tells.
        let signatures = certificates.iter().filter(|one| !one.self_signed);
        let parts: Vec<Option<bool>> =
            leaf.into_iter().chain(signatures.map(|one| one.signature_post_quantum)).collect();
        let verdict = match () {
            () if parts.is_empty() || parts.contains(&None) => Proof::Unknown,
            () if parts.iter().all(|part| *part == Some(true)) => Proof::PostQuantum,
            () if parts.contains(&Some(true)) => Proof::Partly,
            () => Proof::Classical,
        };
        Self { verdict, scheme, certificates }
    }
}

impl Signed {
    fn of(certificate: &Certificate) -> Self {
        let signature = certificate.signature_algorithm();
        Self {
            subject: card::subject(certificate),
            key: pki::key_text(&certificate.spki_der()),
            key_post_quantum: key_holds(certificate),
            signature_post_quantum: signature_holds(&signature.oid, &signature.name),
            signature: signature.name,
            self_signed: certificate.is_self_signed(),
        }
    }
}

/// Whether the key of a certificate holds against a quantum computer; `None` where its algorithm is not known here.
pub(crate) fn key_holds(certificate: &Certificate) -> Option<bool> {
    match KeyAlgorithm::of_spki(&certificate.spki_der()) {
        Ok(KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87) => Some(true),
        Ok(_) => Some(false),
        Err(_) => match certificate.public_key().ok()?.key_type {
            KeyType::Other(name) => signature_holds(&name, &name),
            _ => Some(false),
        },
    }
}

/// Whether signatures of this algorithm hold, by its object identifier and OpenSSL's name.
pub(crate) fn signature_holds(oid: &str, name: &str) -> Option<bool> {
    let last = |prefix: &str| oid.strip_prefix(prefix)?.parse::<u32>().ok();
    match (last("2.16.840.1.101.3.4.3."), last("1.3.6.1.5.5.7.6.")) {
        // NIST: ML-DSA, SLH-DSA, and both over a digest.
        (Some(17..=46), _) => return Some(true),
        // XMSS (RFC 9802), and ML-DSA beside a classical signature (composite).
        (_, Some(34 | 35 | 37..=54)) => return Some(true),
        _ if oid == "1.2.840.113549.1.9.16.3.17" => return Some(true), // HSS with LMS
        _ => {}
    }
    let classical = [
        "RSA", "rsa", "ecdsa", "dsa", "DSA", "ED25519", "ED448", "Ed25519", "Ed448", "SM2", "GOST",
    ];
    let is_classical = classical.iter().any(|word| name.contains(word))
        || ["1.3.101.112", "1.3.101.113"].contains(&oid);
    is_classical.then_some(false)
}

impl Exchange {
    /// In a few words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::PostQuantumOnly => "post-quantum only",
            Self::PostQuantum => "post-quantum",
            Self::PostQuantumByRetry => "post-quantum by retry",
            Self::PostQuantumKnown => "post-quantum known, not selected",
            Self::Classical => "classical",
            Self::NotSelected => "classical selected",
            Self::Unknown => "not known",
        }
    }
}

impl Proof {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::PostQuantum => "post-quantum",
            Self::Partly => "partly post-quantum",
            Self::Classical => "classical",
            Self::Unknown => "not known",
        }
    }
}

impl fmt::Display for Posture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exchange = &self.key_exchange;
        writeln!(f, "  exchange   {}", exchange.verdict.words())?;
        if let Some(selected) = &exchange.selected {
            let how = if exchange.by_retry { ", after a HelloRetryRequest" } else { "" };
            writeln!(f, "  selected   {}{how}", shown(selected))?;
        }
        if let Some(asked) = &exchange.asked {
            let known: Vec<String> = asked.known.iter().map(shown).collect();
            let known =
                if known.is_empty() { "none of TLS 1.3".to_owned() } else { known.join(", ") };
            writeln!(f, "  knows      {known}")?;
            if let Some(problem) = &asked.problem {
                writeln!(f, "             and others, it may be: {}", Foreign::new(problem))?;
            }
            if let Some(got) = &asked.with_classical_share {
                let how = if got.by_retry { ", after a HelloRetryRequest" } else { "" };
                writeln!(
                    f,
                    "  X25519     a client that sends its share alone gets {}{how}",
                    got.group
                )?;
            }
            if asked.post_quantum().is_some() {
                let only = match (asked.post_quantum_only, asked.older_versions) {
                    (Some(true), _) => "yes".to_owned(),
                    (Some(false), Some(true)) => "no: TLS 1.2 or older is enabled, too".to_owned(),
                    (Some(false), _) => "no: classical groups are taken, too".to_owned(),
                    (None, _) => "not known".to_owned(),
                };
                writeln!(f, "  only so    {only}")?;
            }
        }
        let proof = &self.authentication;
        let by =
            proof.scheme.as_ref().map_or_else(String::new, |scheme| format!(", signs by {scheme}"));
        writeln!(f, "  proof      {}{by}", proof.verdict.words())?;
        for one in &proof.certificates {
            let (subject, key) = (Foreign::new(&one.subject), &one.key);
            match one.self_signed {
                true => writeln!(f, "             {subject}: {key}, self-signed")?,
                false => writeln!(f, "             {subject}: {key}, signed by {}", one.signature)?,
            }
        }
        Ok(())
    }
}

fn shown(group: &Known) -> String {
    let kind = match group.kind {
        GroupKind::Hybrid => " (hybrid)",
        GroupKind::Pure => " (post-quantum)",
        GroupKind::Draft => " (a draft of ML-KEM)",
        GroupKind::Classical => "",
    };
    format!("{}{kind}", group.name)
}

#[cfg(test)]
mod tests {
    use super::{GroupKind, kind_of, signature_holds};

    #[test]
    fn what_is_not_known_is_no_no() {
        for (oid, name, holds) in [
            ("2.16.840.1.101.3.4.3.18", "ML-DSA-65", Some(true)),
            ("2.16.840.1.101.3.4.3.24", "SLH-DSA-SHA2-192f", Some(true)),
            ("2.16.840.1.101.3.4.3.2", "dsa_with_SHA256", Some(false)),
            ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption", Some(false)),
            ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256", Some(false)),
            ("1.3.101.112", "ED25519", Some(false)),
            ("1.3.6.1.5.5.7.6.39", "1.3.6.1.5.5.7.6.39", Some(true)),
            ("1.3.9999.7.1", "1.3.9999.7.1", None),
        ] {
            assert_eq!(signature_holds(oid, name), holds, "{oid}");
        }
        assert_eq!(kind_of("SecP384r1MLKEM1024"), GroupKind::Hybrid);
        assert_eq!(kind_of("MLKEM1024"), GroupKind::Pure);
        assert_eq!(kind_of("prime256v1"), GroupKind::Classical);
    }
}
