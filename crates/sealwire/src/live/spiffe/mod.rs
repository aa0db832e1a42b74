//! Identity and trust from a SPIFFE Workload API: an agent (SPIRE's, Istio's) that knows who this
//! program is, and tells when that changes.

mod agent;
mod id;
mod message;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use sealwire_x509::Certificate;

pub use agent::SpiffeError;
pub use id::SpiffeId;

use super::source::Material;
use crate::session::Peer;
use crate::verify::NameCheck;

/// An agent's answers: our SVID (certificate and key) and the bundles (CAs) of trust domains, kept up to
/// date in a thread of its own. Cheap to clone.
///
/// Give it to [`WatchedBuilder::spiffe`](super::WatchedBuilder::spiffe). When the agent goes away, what it
/// gave last stays, [`status`](Self::status) says so, and it is asked again, every second at first and
/// every half minute at last.
///
/// The chain of a peer proves its SPIFFE ID only when the CA at its end is of the ID's own trust domain:
/// [`judge`](Self::judge) returns the reason, for `Acceptor::on_peer`; [`name_check`](Self::name_check) is for
/// `Connector::name_check`.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use sealwire::live::Spiffe;
/// use sealwire::{Acceptor, Alert, ClientAuth, Watched};
/// let spiffe = Spiffe::connect(None, Duration::from_secs(10))?; // SPIFFE_ENDPOINT_SOCKET
/// let watched = Watched::builder().spiffe(&spiffe).start()?;
/// let acceptor = Acceptor::new(watched).client_auth(ClientAuth::Require).on_peer(move |peer| {
///     spiffe.judge(peer).map(|id| id.path() == "/billing").unwrap_or(false).then_some(()).ok_or(Alert::ACCESS_DENIED)
/// });
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Spiffe(Arc<Shared>);

/// How it stands with the agent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SpiffeStatus {
    /// The identity.
    pub id: SpiffeId,
    /// When the agent spoke last.
    pub heard_at: SystemTime,
    /// Why it does not answer now; `None` while it does.
    pub failure: Option<String>,
}

struct Shared {
    latest: ArcSwapOption<Given>,
    state: Mutex<State>,
    federated: bool,
}

#[derive(Default)]
struct State {
    failure: Option<String>,
    told: Vec<Box<dyn Fn() -> bool + Send>>,
    failing: Vec<Arc<Failing>>,
}

/// Called with the reason when the agent fails, and when it recovers.
type Failing = dyn Fn(Option<&str>) + Send + Sync;

/// What the agent gave, at one moment.
struct Given {
    id: SpiffeId,
    material: Material,
    /// The CAs of each trust domain that is believed.
    bundles: BTreeMap<String, Vec<Certificate>>,
    at: SystemTime,
}

impl Spiffe {
    /// Asks the agent at `endpoint` (`unix:///run/spire/agent.sock`, `tcp://127.0.0.1:8081`; `None`: where
    /// `SPIFFE_ENDPOINT_SOCKET` names) for our identity and the CAs of our trust domain, and waits for the
    /// first answer so long.
    ///
    /// # Errors
    /// No such endpoint; nothing came in time; what came cannot be used.
    pub fn connect(endpoint: Option<&str>, wait: Duration) -> Result<Self, SpiffeError> {
        Self::begin(endpoint, wait, false)
    }

    /// The same, trusting also the trust domains that ours is federated with. Their peers must be
    /// judged by [`judge`](Self::judge): the CA of one domain has no authority over another.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_federated(endpoint: Option<&str>, wait: Duration) -> Result<Self, SpiffeError> {
        Self::begin(endpoint, wait, true)
    }

    /// How it stands.
    pub fn status(&self) -> SpiffeStatus {
        let given = self.given();
        let failure = self.state().failure.clone();
        SpiffeStatus { id: given.id.clone(), heard_at: given.at, failure }
    }

    /// The SPIFFE ID of a peer whose chain was verified, if its CA is of the ID's own trust domain.
    ///
    /// # Errors
    /// The reason otherwise.
    pub fn judge(&self, peer: &Peer) -> Result<SpiffeId, String> {
        let path = peer.verified_chain();
        let (Some(leaf), Some(top)) = (path.first(), path.last()) else {
            return Err("the peer did not authenticate".to_owned());
        };
        let id = SpiffeId::of(leaf)?;
        let given = self.given();
        match given.bundles.get(id.trust_domain()) {
            None => Err(format!("the trust domain of {id} is not ours or federated with it")),
            Some(bundle) if bundle.contains(top) => Ok(id),
            Some(_) => Err(format!("{id} is issued by the CA of another trust domain")),
        }
    }

    /// In place of a server's name: the server must have a SPIFFE ID of our own trust domain that
    /// `allow` lets pass. Servers of federated domains do not pass, since this sees no chain.
    pub fn name_check(
        &self,
        allow: impl Fn(&SpiffeId) -> bool + Send + Sync + 'static,
    ) -> NameCheck {
        let this = self.clone();
        NameCheck::Custom(Arc::new(move |_, leaf| {
            let id = SpiffeId::of(leaf)?;
            let given = this.given();
            if id.trust_domain() != given.id.trust_domain() {
                return Err(format!("{id} is not of our trust domain"));
            }
            let ours = given.bundles.get(id.trust_domain());
            if this.0.federated && !ours.is_some_and(|ours| ours.iter().any(|ca| issued(ca, leaf)))
            {
                return Err(format!("{id} is not issued by a CA of our trust domain itself"));
            }
            if allow(&id) { Ok(()) } else { Err(format!("{id} is not authorized")) }
        }))
    }

    /// Calls `told` with the reason when the agent stops answering, and with `None` when it answers again, in the thread
    /// that listens to it. Without, [`tracing`] has the first.
    pub fn on_failure(&self, told: impl Fn(Option<&str>) + Send + Sync + 'static) {
        self.state().failing.push(Arc::new(told));
    }

    pub(super) fn material(&self) -> Material {
        self.given().material.clone()
    }

    /// Calls `told` after each change, until it says no.
    pub(super) fn on_change(&self, told: impl Fn() -> bool + Send + 'static) {
        self.state().told.push(Box::new(told));
    }

    fn begin(endpoint: Option<&str>, wait: Duration, federated: bool) -> Result<Self, SpiffeError> {
        let agent = agent::Agent::at(endpoint)?;
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared { latest: ArcSwapOption::empty(), state, federated });
        let (answer, answered): (_, Receiver<()>) = channel();
        let weak = Arc::downgrade(&shared);
        let name = agent.to_string();
        agent.follow(move |outcome| {
            let Some(shared) = weak.upgrade() else { return false };
            if shared.hear(outcome) {
                let _ = answer.send(());
            }
            true
        })?;
        if answered.recv_timeout(wait).is_err() {
            let state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            let why = state.failure.clone();
            return Err(SpiffeError::new(&name, &why.unwrap_or_else(|| "no answer".to_owned())));
        }
        Ok(Self(shared))
    }

    fn given(&self) -> Arc<Given> {
        self.0.latest.load_full().expect("nobody has one before the first answer")
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the CA's key signed the certificate.
fn issued(ca: &Certificate, leaf: &Certificate) -> bool {
    ca.subject() == leaf.issuer()
        && sealwire_x509::is_signed_by(leaf.der(), &ca.spki_der()).unwrap_or(false)
}

impl Shared {
    /// Takes what the agent gave, or why it gives nothing. True: it is good.
    fn hear(&self, outcome: Result<message::X509SvidResponse, String>) -> bool {
        let taken = outcome.and_then(|response| Given::of(response, self.federated));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match taken {
            Err(failure) => {
                let is_new = state.failure.as_ref() != Some(&failure);
                if is_new && state.failing.is_empty() {
                    tracing::warn!(
                        reason = failure,
                        "no answer from the SPIFFE agent; keeping the last one"
                    );
                }
                state.failure = Some(failure.clone());
                let failing = if is_new { state.failing.clone() } else { Vec::new() };
                drop(state);
                failing.iter().for_each(|told| told(Some(&failure)));
                false
            }
            Ok(given) => {
                let failing = state.failure.take().map(|_| state.failing.clone());
                self.latest.store(Some(Arc::new(given)));
                let told = std::mem::take(&mut state.told);
                drop(state);
                failing.iter().flatten().for_each(|told| told(None));
                let kept: Vec<_> = told.into_iter().filter(|told| told()).collect();
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.told.extend(kept);
                true
            }
        }
    }
}

impl fmt::Debug for Spiffe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spiffe").field("status", &self.status()).finish_non_exhaustive()
    }
}
