//! Identity and trust from the agent of a SPIFFE Workload API.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sealwire::live::{Change, Spiffe, SpiffeId};
use sealwire::pki::{Crl, Purpose};
use sealwire::verify::NameCheck;
use sealwire::{Identity, Peer, TrustStore, Watched};
use tracing::{error, info};

use crate::say::failure::Failure;

/// How long is waited for its first answer: longer than an agent takes that is just starting.
const PATIENCE: Duration = Duration::from_secs(30);

const VARIABLE: &str = "SPIFFE_ENDPOINT_SOCKET";

/// Where an agent is, and whose programs are accepted besides those of our own trust domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    at: Option<String>,
    federated: Federated,
}

/// The trust domains that are believed besides our own, as far as the agent has their CAs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Federated(Arc<[String]>);

impl Federated {
    /// # Errors
    /// One of them is not a trust domain.
    pub(crate) fn new(domains: &[String]) -> Result<Self, String> {
        let domain = |name: &String| {
            let id: SpiffeId = format!("spiffe://{name}").parse()?;
            match id.path() {
                "" => Ok(name.clone()),
                _ => Err(format!("{name:?} is more than a trust domain: partner.example.org")),
            }
        };
        domains.iter().map(domain).collect::<Result<_, String>>().map(Self)
    }

    /// Whether an authenticated peer has an ID of our trust domain, or of one of these. The CA
    /// at the end of its chain has to be that domain's own: what another's says of it is worth nothing.
    ///
    /// # Errors
    /// Why it has no identity.
    pub(crate) fn judge(&self, spiffe: &Spiffe, peer: &Peer) -> Result<(), String> {
        if !peer.authorized() {
            return Ok(());
        }
        let id = spiffe.judge(peer)?;
        let believed = |domain: &str| self.0.iter().any(|one| one == domain);
        // The agent gives the CAs of all domains that ours is federated with; these were named.
        if self.0.is_empty()
            || believed(id.trust_domain())
            || spiffe.status().id.trust_domain() == id.trust_domain()
        {
            return Ok(());
        }
        Err(format!(
            "the trust domain of {id} is federated with ours, and not named by spiffe-federated"
        ))
    }
}

impl Endpoint {
    /// `None`: where `SPIFFE_ENDPOINT_SOCKET` says.
    pub(crate) fn new(endpoint: Option<String>, federated: Federated) -> Self {
        let at = endpoint.or_else(|| std::env::var(VARIABLE).ok()).filter(|one| !one.is_empty());
        Self { at, federated }
    }

    /// Connects, and waits for the identity.
    ///
    /// # Errors
    /// No agent is there, or it has nothing for this program that can be used.
    pub(crate) fn connect(&self) -> Result<Spiffe, Failure> {
        let connect = match self.federated.0.is_empty() {
            true => Spiffe::connect,
            false => Spiffe::connect_federated,
        };
        connect(self.at.as_deref(), PATIENCE).map_err(|e| {
            let advice = format!("give its endpoint by --spiffe-socket or in {VARIABLE}");
            let failure = Failure::usage(format!("identity: {e}"));
            if self.at.is_none() { failure.advise(advice) } else { failure }
        })
    }

    /// Whose programs are accepted besides those of our own trust domain.
    pub(crate) fn federated(&self) -> &Federated {
        &self.federated
    }

    /// Its TCP port, where it has one.
    pub(crate) fn port(&self) -> Option<u16> {
        self.at.as_deref()?.strip_prefix("tcp://")?.rsplit_once(':')?.1.parse().ok()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.at.as_deref().unwrap_or(VARIABLE))?;
        let Federated(domains) = &self.federated;
        if domains.is_empty() { Ok(()) } else { write!(f, ", and {}", domains.join(", ")) }
    }
}

/// An agent, and what it gave last that holds before peers.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    spiffe: Spiffe,
    federated: Federated,
    watched: Watched,
}

impl Agent {
    /// Connects. `changed` is called when the agent has given something else.
    ///
    /// # Errors
    /// As [`Endpoint::connect`]; or what it gives would not hold.
    pub(crate) fn connect(
        endpoint: &Endpoint,
        purpose: Purpose,
        service: &str,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let spiffe = endpoint.connect()?;
        let (service, name) = (service.to_owned(), service.to_owned());
        spiffe.on_failure(move |failure| match failure {
            None => info!(service = name, "SPIFFE agent reachable again"),
            Some(reason) => error!(
                service = name,
                reason, "SPIFFE agent unreachable; keeping its last identity"
            ),
        });
        let watched = Watched::builder().spiffe(&spiffe).purpose(purpose).on_change(
            move |change| match change {
                Change::Refused(reason) => error!(
                    service,
                    %reason,
                    "the SPIFFE agent's update is not valid; keeping the previous identity"
                ),
                _ => changed(),
            },
        );
        let watched = watched.start().map_err(|e| Failure::usage(format!("identity: {e}")))?;
        Ok(Self { spiffe, federated: endpoint.federated.clone(), watched })
    }

    pub(crate) fn identities(&self) -> Vec<Identity> {
        self.watched.context().identities().to_vec()
    }

    pub(crate) fn trust(&self) -> TrustStore {
        self.watched.context().trust().clone()
    }

    pub(crate) fn crls(&self) -> Vec<Crl> {
        self.watched.context().crls().to_vec()
    }

    /// Another one when it has given something else.
    pub(crate) fn generation(&self) -> u64 {
        self.watched.status().generation
    }

    /// Why it gives nothing now.
    pub(crate) fn failure(&self) -> Option<String> {
        self.spiffe.status().failure
    }

    /// The identity.
    pub(crate) fn id(&self) -> String {
        self.spiffe.status().id.to_string()
    }

    /// See [`Federated::judge`].
    pub(crate) fn judge(&self, peer: &Peer) -> Result<(), String> {
        self.federated.judge(&self.spiffe, peer)
    }

    /// Any server of the trust domains that are believed; which of them, rules say. Where there are several
    /// domains, whose CA stands at the end of the chain is seen by [`judge`](Self::judge), which is asked
    /// before a byte is sent.
    pub(crate) fn name_check(&self) -> NameCheck {
        match self.federated.0.is_empty() {
            true => self.spiffe.name_check(|_| true),
            false => NameCheck::Custom(Arc::new(|_, leaf| SpiffeId::of(leaf).map(drop))),
        }
    }
}
