//! A service that runs: its settings, which a reload replaces, and what outlives them.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use sealwire::live::{KnownFiles, Live, Unfit};
use sealwire::session::ClientHello;
use sealwire::{
    ClientAuth, ClientOptions, Identity, Peer, SecureContext, ServerName, ServerOptions,
};
use sealwire_acme::client::Keeper;
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::acme;
use super::allow::{Access, Names, Rule};
use super::config::{self, Mode};
use super::contexts::{self, Contexts};
use super::gate::{Descriptors, Gate, Sources};
use super::live::{self, Place};
use super::metrics::{Metrics, ServiceMetrics};
use super::pool::Pool;
use super::session_store::SessionStore;
use super::tickets::{self, FleetSecret};
use crate::files::agent::Agent;
use crate::net::staple::{Stapler, responder_ports};
use crate::say::failure::Failure;

/// One service of the process.
pub(crate) struct Service {
    pub(crate) name: String,
    state: ArcSwap<State>,
    pub(crate) connections: Arc<Gate>,
    pub(crate) handshakes: Arc<Gate>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) descriptors: Descriptors,
    pub(crate) metrics: ServiceMetrics,
    /// The open connections.
    pub(crate) live: Live<Place>,
    loaded: Mutex<Loaded>,
    known: KnownFiles,
    /// What fetches its certificate, where ACME does.
    pub(crate) keeper: Option<Arc<Keeper>>,
    renewal_error: Mutex<Option<String>>,
    /// What looks after its OCSP responses.
    pub(crate) stapler: Stapler,
}

/// Everything that a connection is served by. A connection keeps the state that it began with.
pub(crate) struct State {
    pub(crate) config: config::Service,
    routes: Vec<ActiveRoute>,
    default: Option<ActiveRoute>,
    /// For the session that reads the ClientHello, until it is known where it goes.
    pub(crate) context: SecureContext,
    pub(crate) server_options: ServerOptions,
    pub(crate) store: Option<SessionStore>,
    pub(crate) agent: Option<Agent>,
    fleet: Option<FleetSecret>,
    /// For which time the ticket keys are.
    epoch: AtomicU64,
}

/// A route, with what it takes to go it.
pub(crate) struct ActiveRoute {
    pub(crate) route: config::Route,
    /// None: TLS is passed through.
    pub(crate) context: Option<SecureContext>,
    /// The version of its rules, so that peers that passed them need not be checked again.
    pub(crate) rules: u64,
    pub(crate) pool: Arc<Pool>,
}

/// What is known of the files.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// Of the files as last tried.
    fingerprint: [u8; 32],
    /// Of the files in use that have rules on peers.
    trust: [u8; 32],
    pub(crate) since: SystemTime,
    pub(crate) last_error: Option<String>,
}

impl Service {
    /// Loads a service for the first time. `changed` is told when what its agent gives has changed.
    ///
    /// # Errors
    /// With the service and the file at fault.
    pub(crate) fn load(
        config: &config::Service,
        metrics: &Metrics,
        changed: &Arc<Notify>,
    ) -> Result<Self, Failure> {
        let changed = changed.clone();
        let agent = agent(config, move || changed.notify_one());
        let agent = agent.map_err(|e| e.prefix(&format!("service \"{}\"", config.name)))?;
        let keeper = config.acme.as_ref().map(acme::keeper).transpose();
        let keeper = keeper.map_err(|e| e.prefix(&format!("service \"{}\"", config.name)))?;
        let stapler = Stapler::default();
        let known = KnownFiles::new();
        let fingerprint = contexts::fingerprint(config, agent.as_ref(), &stapler.staples, &known);
        let trust = contexts::trust_fingerprint(config, agent.as_ref(), &known);
        let counted = metrics.service(&config.name);
        let built = Contexts::load(config, agent.as_ref(), &stapler.staples, &known)
            .and_then(|c| State::build(config, c, agent, None, metrics));
        let state = built.map_err(|e| e.prefix(&format!("service \"{}\"", config.name)))?;
        if let Err(unfit) = state.state.check(None) {
            warn!(service = config.name, reason = %unfit, "the new configuration is not valid");
        }
        counted.not_after.set(state.not_after.unwrap_or(0));
        Ok(Self {
            name: config.name.clone(),
            connections: Gate::new(config.limits.connections),
            handshakes: Gate::new(config.limits.handshakes),
            sources: Arc::default(),
            descriptors: Descriptors::default(),
            state: ArcSwap::from_pointee(state.state),
            live: Live::new(live::options(config, &counted)),
            metrics: counted,
            loaded: Mutex::new(Loaded {
                fingerprint,
                trust,
                since: SystemTime::now(),
                last_error: None,
            }),
            known,
            keeper: keeper.map(Arc::new),
            renewal_error: Mutex::default(),
            stapler,
        })
    }

    /// Notes why the certificate was not renewed, or that it was.
    pub(crate) fn renewal_failed(&self, why: Option<String>) {
        *self.renewal_error.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Why the certificate was not renewed when it last should have been.
    pub(crate) fn renewal_error(&self) -> Option<String> {
        self.renewal_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ports of the OCSP responders that it asks.
    pub(crate) fn responder_ports(&self) -> Vec<u16> {
        let state = self.state();
        match state.config.ocsp_fetch {
            true => responder_ports(&state.identities()).collect(),
            false => Vec::new(),
        }
    }

    /// The settings of now.
    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// Reads the files again when they have changed, or the settings have. What is bad leaves
    /// everything as it was, and is told: in the log, the status and the metrics. True: fine.
    pub(crate) fn reload(&self, config: Option<&config::Service>, metrics: &Metrics) -> bool {
        let old = self.state();
        if let Some(config) = config {
            self.known.distrust(&config.files());
        }
        let fingerprint = contexts::fingerprint(
            config.unwrap_or(&old.config),
            old.agent.as_ref(),
            &self.stapler.staples,
            &self.known,
        );
        let unchanged = config.is_none() && self.loaded().fingerprint == fingerprint;
        if unchanged {
            return true;
        }
        let config = config.unwrap_or(&old.config);
        let changed = self.loaded().fingerprint != fingerprint;
        let trust = contexts::trust_fingerprint(config, old.agent.as_ref(), &self.known);
        let failure = match self.rebuild(config, &old, changed, metrics) {
            Ok(built) => {
                self.take(built, fingerprint, trust, None);
                info!(service = self.name, "reloaded");
                return true;
            }
            Err(failure) => failure,
        };
        self.metrics.failed_reloads.inc();
        error!(service = self.name, reason = %failure, "reload failed; keeping the previous configuration");
        // An unusable certificate holds back no list that revokes a client.
        let known = (self.loaded().trust != trust)
            .then(|| with_old_identities(config, &old, metrics, &self.known));
        match known {
            Some(Ok(built)) => {
                self.take(built, fingerprint, trust, Some(failure.to_string()));
                info!(service = self.name, "new CAs and CRLs take effect nevertheless");
            }
            _ => {
                let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
                loaded.fingerprint = fingerprint;
                loaded.last_error = Some(failure.to_string());
            }
        }
        false
    }

    /// Rebuilds everything. Changed files must pass the checks of peers.
    fn rebuild(
        &self,
        config: &config::Service,
        old: &State,
        changed: bool,
        metrics: &Metrics,
    ) -> Result<Built, Failure> {
        let contexts =
            Contexts::load(config, old.agent.as_ref(), &self.stapler.staples, &self.known)?;
        let built = State::build(config, contexts, old.agent.clone(), Some(old), metrics)?;
        if changed {
            built.state.check(Some(old)).map_err(|unfit| Failure::usage(unfit.to_string()))?;
        }
        Ok(built)
    }

    /// Uses it for the connections to come, and judges those that are open by it.
    fn take(&self, built: Built, fingerprint: [u8; 32], trust: [u8; 32], error: Option<String>) {
        let limits = built.state.config.limits;
        self.connections.set_limit(limits.connections);
        self.handshakes.set_limit(limits.handshakes);
        self.metrics.not_after.set(built.not_after.unwrap_or(0));
        self.metrics.reloads.inc();
        let state = Arc::new(built.state);
        self.state.store(state.clone());
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        *loaded = Loaded { fingerprint, trust, since: SystemTime::now(), last_error: error };
        drop(loaded);
        live::recheck(&self.live, &state, &self.metrics);
    }

    /// What is known of the files.
    pub(crate) fn loaded(&self) -> Loaded {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Built {
    state: State,
    not_after: Option<i64>,
}

impl State {
    /// Builds all of it. Targets that `old` has too keep what is known of them.
    fn build(
        config: &config::Service,
        contexts: Contexts,
        agent: Option<Agent>,
        old: Option<&Self>,
        metrics: &Metrics,
    ) -> Result<Built, Failure> {
        let known: Vec<&ActiveRoute> = old.iter().flat_map(|old| old.active_routes()).collect();
        let same_checks = old.is_some_and(|old| old.config.health == config.health);
        let way = |(route, context): (&config::Route, Option<SecureContext>)| {
            let same = |way: &&&ActiveRoute| {
                same_checks
                    && way.route.targets == route.targets
                    && way.route.balance == route.balance
            };
            let pool = known.iter().find(same).map_or_else(
                || {
                    let (targets, balance) = (&route.targets, route.balance);
                    Arc::new(Pool::new(&config.name, targets, balance, config.health, metrics))
                },
                |way| way.pool.clone(),
            );
            ActiveRoute { rules: mark(&route.access), route: route.clone(), context, pool }
        };
        let made = contexts.routes.iter().chain([&contexts.default]).flatten();
        // In a service that only passes through, no session gets as far as using it.
        let context = match made.last() {
            Some(context) => context.clone(),
            None => SecureContext::builder().build().map_err(|e| Failure::usage(e.to_string()))?,
        };
        let store = match (&config.session_store, &contexts.fleet) {
            (Some(url), Some(secret)) => Some(
                SessionStore::new(url, secret, &config.name, contexts::SESSIONS_LAST)
                    .map_err(|e| Failure::usage(format!("session-store: {e}")))?,
            ),
            _ => None,
        };
        let state = Self {
            store,
            agent,
            fleet: contexts.fleet,
            epoch: AtomicU64::new(tickets::epoch(SystemTime::now())),
            routes: config.routes.iter().zip(contexts.routes).map(way).collect(),
            default: config.default.as_ref().map(|route| way((route, contexts.default))),
            context,
            server_options: server_options(config),
            config: config.clone(),
        };
        Ok(Built { state, not_after: contexts.not_after })
    }

    /// Where a client with such a ClientHello goes.
    pub(crate) fn route(&self, hello: &ClientHello) -> Option<&ActiveRoute> {
        self.route_of(hello.server_name(), hello.alpn())
    }

    /// What has to be known of a hello to route its connection again, besides the name.
    pub(crate) fn offered(&self, hello: &ClientHello) -> Vec<Vec<u8>> {
        if self.routes.is_empty() { Vec::new() } else { hello.alpn().to_vec() }
    }

    /// Where a client goes that asks for this name and offers these protocols.
    pub(crate) fn route_of(&self, name: Option<&str>, offered: &[Vec<u8>]) -> Option<&ActiveRoute> {
        let name = name.map(|n| n.trim_end_matches('.').to_ascii_lowercase());
        let fits = |way: &&ActiveRoute| {
            let route = &way.route;
            let named = || name.as_ref().is_some_and(|n| route.sni.iter().any(|p| p.matches(n)));
            let offers = || offered.iter().any(|o| route.alpn.iter().any(|p| p.as_bytes() == o));
            (route.sni.is_empty() || named()) && (route.alpn.is_empty() || offers())
        };
        self.routes.iter().find(fits).or(self.default.as_ref())
    }

    /// Makes tickets with the keys of now, if it is another epoch than when it was last asked.
    pub(crate) fn renew_ticket_keys(&self, now: SystemTime) {
        let (Some(fleet), epoch) = (&self.fleet, tickets::epoch(now)) else { return };
        if self.epoch.swap(epoch, Ordering::Relaxed) == epoch {
            return;
        }
        let keys = fleet.ticket_keys(&self.config.name, now);
        for context in self.active_routes().filter_map(|way| way.context.as_ref()) {
            context.set_ticket_keys(keys.clone());
        }
    }

    /// The route of clients that match no other.
    pub(crate) fn default_route(&self) -> Option<&ActiveRoute> {
        self.default.as_ref()
    }

    /// The identities, on any route.
    pub(crate) fn identities(&self) -> Vec<Identity> {
        let contexts = self.active_routes().filter_map(|way| way.context.as_ref());
        contexts.flat_map(|context| context.identities().iter().cloned()).collect()
    }

    /// All the ways, routes first.
    pub(crate) fn active_routes(&self) -> impl Iterator<Item = &ActiveRoute> {
        self.routes.iter().chain(&self.default)
    }

    /// Whether our certificates would pass their verifiers, as far as they are not `old`.
    fn check(&self, old: Option<&Self>) -> Result<(), Unfit> {
        let purpose = self.config.mode.purpose();
        for way in self.active_routes() {
            let Some(context) = &way.context else { continue };
            let same = |old: &&ActiveRoute| old.route.identity == way.route.identity;
            let before = old.and_then(|old| old.active_routes().find(same));
            Unfit::check(context, &[purpose], before.and_then(|way| way.context.as_ref()))?;
        }
        Ok(())
    }

    /// Whether a peer may go this way: by its SPIFFE ID where an agent provides trust, and by the
    /// rules. They are asked on every connection, resumed or not, as chain, revocation and expiry are
    /// judged by the session itself.
    pub(crate) fn admits(&self, peer: &Peer, way: &ActiveRoute) -> Result<(), String> {
        if let Some(agent) = &self.agent {
            agent.judge(peer)?;
        }
        let names = if peer.authorized() { peer.certificate().map(Names::of) } else { None };
        way.route.access.judge(names.as_ref())
    }

    /// What a connection to a server of this name is asked to do.
    pub(crate) fn client_options(&self, name: ServerName) -> ClientOptions {
        let options = ClientOptions::new(name)
            .alpn(self.config.alpn.iter().map(String::as_str))
            .tell_certificate_request(true);
        match &self.agent {
            Some(agent) => options.name_check(agent.name_check()),
            None => options,
        }
    }
}

/// Today's trust and lists, for connections under an older identity.
fn with_old_identities(
    config: &config::Service,
    old: &State,
    metrics: &Metrics,
    known: &KnownFiles,
) -> Result<Built, Failure> {
    let contexts = Contexts::load_for(config, old.agent.as_ref(), known, &|files| {
        let same = old.active_routes().find(|way| way.route.identity == *files);
        let context = same.and_then(|way| way.context.as_ref());
        let known = context.map(|context| context.identities().to_vec());
        known.ok_or_else(|| Failure::usage("an identity that was not there before"))
    })?;
    let built = State::build(config, contexts, old.agent.clone(), Some(old), metrics)?;
    built.state.check(Some(old)).map_err(|unfit| Failure::usage(unfit.to_string()))?;
    Ok(built)
}

/// The SPIFFE agent that issues a service's identity, if any.
///
/// # Errors
/// It cannot be asked, or has nothing that can be used.
pub(super) fn agent(
    config: &config::Service,
    changed: impl Fn() + Send + Sync + 'static,
) -> Result<Option<Agent>, Failure> {
    let connect = |endpoint| Agent::connect(endpoint, config.mode.purpose(), &config.name, changed);
    config.spiffe.as_ref().map(connect).transpose()
}

/// Equal rules have equal marks.
fn mark(access: &Access) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    for rule in access.allow.iter().chain([&Rule::default()]).chain(&access.deny) {
        rule.to_string().hash(&mut hasher);
    }
    hasher.finish()
}

/// What client connections of the service are asked to do.
fn server_options(config: &config::Service) -> ServerOptions {
    let client_auth = match (config.mode, config.client_auth) {
        (Mode::Client, _) | (_, config::ClientAuth::None) => ClientAuth::None,
        (_, config::ClientAuth::Request) => ClientAuth::Request,
        (_, config::ClientAuth::Require) => ClientAuth::Require,
    };
    let rules = config.all_routes().any(|route| !route.access.is_empty());
    ServerOptions::new()
        .client_auth(client_auth)
        .alpn(config.alpn.iter().map(String::as_str))
        .ask_client_hello(
            !config.routes.is_empty() || config.session_store.is_some() || config.acme.is_some(),
        )
        .ask_store_ticketless(config.session_store.is_some())
        // A client that a rule refuses gets no ticket.
        .ask_about_peer(rules || config.spiffe.is_some())
}
