//! Which groups a server of TLS 1.3 knows, and what of them a client gets: asked with hellos that are never finished.
//!
//! Every group is offered at once and without a share, so the server names the one that it takes; that one is left
//! out of the next hello, until there is a no. A no is an alert that says so. A server that breaks off without one
//! is asked again, beside a question that it has answered before: only then is its silence a no.

use sealwire::Alert;
use sealwire::reading::names;
use serde::Serialize;

use super::hello::Offer;
use super::probe::{Answer, Prober};
use super::{GROUPS, SUITES13, TLS13};
use crate::net::dial::Route;
use crate::net::protocol::Starttls;
use crate::net::target::Target;
use crate::say::failure::Failure;

/// What a group is against a quantum computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupKind {
    /// ML-KEM beside an elliptic curve.
    Hybrid,
    /// ML-KEM alone.
    Pure,
    /// Kyber, as it was before it became ML-KEM.
    Draft,
    Classical,
}

/// The groups of a server.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KnownGroups {
    /// In the order in which it takes them from a client that sends no share.
    pub(crate) known: Vec<Known>,
    /// Whether there are no others.
    pub(crate) complete: bool,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    /// What a client gets that knows hybrid groups, and sends shares of X25519 and P-256 only; where a hybrid group
    /// is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) with_classical_share: Option<Got>,
    /// Whether it speaks TLS 1.2 or older, too, where no group is post-quantum.
    pub(crate) older_versions: Option<bool>,
    /// Whether it agrees on post-quantum groups only, in all its versions.
    pub(crate) post_quantum_only: Option<bool>,
    pub(crate) connections: usize,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) kind: GroupKind,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Got {
    pub(crate) group: String,
    /// Whether it asked for another share than it was sent (HelloRetryRequest).
    pub(crate) by_retry: bool,
}

impl KnownGroups {
    /// The first of them that a quantum computer does not break.
    pub(crate) fn post_quantum(&self) -> Option<&Known> {
        self.known.iter().find(|group| group.kind.is_post_quantum())
    }
}

impl GroupKind {
    pub(crate) fn is_post_quantum(self) -> bool {
        matches!(self, Self::Hybrid | Self::Pure)
    }
}

/// By its number in IANA's registry.
pub(crate) fn kind_of_group(group: u16) -> GroupKind {
    match group {
        0x0200..=0x0202 => GroupKind::Pure,
        0x6399 | 0x639a => GroupKind::Draft,
        group if names::is_post_quantum(group) => GroupKind::Hybrid,
        _ => GroupKind::Classical,
    }
}

/// Kyber with X25519 and P-256.
const DRAFTS: [u16; 2] = [0x6399, 0x639a];
const TLS12: u16 = 0x0303;
const X25519: u16 = 29;
const P256: u16 = 23;

/// Asks a server. `sni` is `None` for an address.
///
/// # Errors
/// When it is not reached.
pub(crate) async fn ask_groups(
    route: &Route,
    target: &Target,
    starttls: Option<Starttls>,
    name: &str,
    sni: Option<&str>,
) -> Result<KnownGroups, Failure> {
    let asking = Asking { prober: Prober { route, target, name, starttls }, sni };
    let (known, older) = tokio::join!(asking.known(), asking.older_versions());
    let (mut groups, older) = (known?, older?);
    groups.older_versions = older;
    groups.connections += 1;
    let all_are = groups.known.iter().all(|group| group.kind.is_post_quantum());
    groups.post_quantum_only = match (older, groups.known.is_empty()) {
        (Some(true), _) => Some(false),
        _ if !all_are => Some(false),
        (Some(false), false) if groups.complete => Some(true),
        _ => None,
    };
    if groups.post_quantum().is_some() {
        groups.with_classical_share = asking.with_classical_share().await?;
        groups.connections += 1;
    }
    Ok(groups)
}

struct Asking<'a> {
    prober: Prober<'a>,
    sni: Option<&'a str>,
}

/// What a server says to a list of groups.
enum Said {
    Takes(u16),
    No,
    /// It broke off, said nothing, or failed; in words.
    Nothing(String),
}

impl Asking<'_> {
    async fn known(&self) -> Result<KnownGroups, Failure> {
        let mut groups = KnownGroups {
            known: Vec::new(),
            complete: false,
            problem: None,
            with_classical_share: None,
            older_versions: None,
            post_quantum_only: None,
            connections: 0,
        };
        let mut left: Vec<u16> = GROUPS.into_iter().chain(DRAFTS).collect();
        let mut first = None;
        while !left.is_empty() {
            let said = self.taken_of(&left, first, &mut groups.connections).await?;
            match said {
                Said::Takes(group) if left.contains(&group) => {
                    left.retain(|other| *other != group);
                    first.get_or_insert(group);
                    let name = names::group(group).into_owned();
                    groups.known.push(Known { name, kind: kind_of_group(group) });
                }
                Said::Takes(group) => {
                    let name = names::group(group);
                    groups.problem = Some(format!("it takes {name}, which was not offered"));
                    return Ok(groups);
                }
                Said::No => break,
                Said::Nothing(why) => {
                    groups.problem = Some(why);
                    return Ok(groups);
                }
            }
        }
        groups.complete = true;
        Ok(groups)
    }

    /// Which of these it takes. `known` is one that it has taken before.
    async fn taken_of(
        &self,
        groups: &[u16],
        known: Option<u16>,
        asked: &mut usize,
    ) -> Result<Said, Failure> {
        *asked += 1;
        let said = self.said(groups, &[]).await?;
        let Said::Nothing(_) = &said else { return Ok(said) };
        // Silent on this question only, or on every connection at the moment.
        *asked += 1;
        let again = self.said(groups, &[]).await?;
        let (Some(known), Said::Nothing(_)) = (known, &again) else { return Ok(again) };
        *asked += 1;
        Ok(match self.said(&[known], &[]).await? {
            Said::Takes(_) => Said::No,
            _ => again,
        })
    }

    async fn said(&self, groups: &[u16], shares: &[u16]) -> Result<Said, Failure> {
        let (version, sni) = (TLS13, self.sni);
        let offer = Offer { version, suites: &SUITES13, groups, shares, sni, alpn: &[] };
        Ok(match self.prober.ask(&offer).await? {
            Answer::Hello(hello) if hello.version == TLS13 => match hello.group {
                Some(group) => Said::Takes(group),
                None => Said::Nothing("its answer names no group".to_owned()),
            },
            // Of a server that does not know TLS 1.3.
            Answer::Hello(_) => Said::No,
            Answer::Refused(Some(alert)) if is_no(alert) => Said::No,
            Answer::Refused(Some(alert)) => {
                Said::Nothing(format!("it answers with the alert {}", alert.name()))
            }
            Answer::Refused(None) => Said::Nothing(
                "it closed the connection or did not answer, without an alert".to_owned(),
            ),
        })
    }

    async fn older_versions(&self) -> Result<Option<bool>, Failure> {
        let suites: Vec<u16> =
            names::all_cipher_suites().filter(|suite| !SUITES13.contains(suite)).collect();
        let offer = Offer {
            version: TLS12,
            suites: &suites,
            groups: &super::GROUPS12,
            shares: &[],
            sni: self.sni,
            alpn: &[],
        };
        Ok(match self.prober.ask(&offer).await? {
            Answer::Hello(hello) => Some(hello.version <= TLS12),
            Answer::Refused(Some(alert)) if is_no(alert) => Some(false),
            Answer::Refused(_) => None,
        })
    }

    async fn with_classical_share(&self) -> Result<Option<Got>, Failure> {
        let hybrid = GROUPS.into_iter().filter(|group| names::is_post_quantum(*group));
        let groups: Vec<u16> = hybrid.chain([X25519, P256]).collect();
        Ok(match self.said(&groups, &[X25519, P256]).await? {
            Said::Takes(group) => Some(Got {
                group: names::group(group).into_owned(),
                by_retry: !matches!(group, X25519 | P256),
            }),
            _ => None,
        })
    }
}

/// Whether an alert is about what was offered: `handshake_failure`, `illegal_parameter`, `protocol_version`,
/// `insufficient_security`. Others (`internal_error`, `unrecognized_name`) say nothing about groups.
fn is_no(alert: Alert) -> bool {
    matches!(alert.number(), 40 | 47 | 70 | 71)
}
