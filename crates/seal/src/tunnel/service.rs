//! A service that runs: its settings, which a reload replaces, and what outlives them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use sealwire::session::ClientHello;
use sealwire::{ClientAuth, ClientOptions, SecureContext, ServerName, ServerOptions};
use sealwire_acme::client::Keeper;
use tracing::{error, info};

use super::acme;
use super::config::{self, Mode};
use super::contexts::{self, Contexts};
use super::gate::{Descriptors, Gate, Sources};
use super::metrics::{Metrics, ServiceMetrics};
use super::pool::Pool;
use super::session_store::SessionStore;
use super::tickets::{self, FleetSecret};
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
    loaded: Mutex<Loaded>,
    /// What fetches its certificate, where ACME does.
    pub(crate) keeper: Option<Arc<Keeper>>,
    renewal_error: Mutex<Option<String>>,
}

/// Everything that a connection is served by. A connection keeps the state that it began with.
pub(crate) struct State {
    pub(crate) config: config::Service,
    routes: Vec<Way>,
    default: Option<Way>,
    /// For the session that reads the ClientHello, until it is known where it goes.
    pub(crate) context: SecureContext,
    pub(crate) server_options: ServerOptions,
    pub(crate) store: Option<SessionStore>,
    fleet: Option<FleetSecret>,
    /// For which time the ticket keys are.
    epoch: AtomicU64,
}

/// A route, with what it takes to go it.
pub(crate) struct Way {
    pub(crate) route: config::Route,
    /// None: TLS is passed through.
    pub(crate) context: Option<SecureContext>,
    pub(crate) pool: Arc<Pool>,
}

/// What is known of the files.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// Of the files as last tried.
    fingerprint: [u8; 32],
    pub(crate) since: SystemTime,
    pub(crate) last_error: Option<String>,
}

impl Service {
    /// Loads a service for the first time.
    ///
    /// # Errors
    /// With the service and the file at fault.
    pub(crate) fn load(config: &config::Service, metrics: &Metrics) -> Result<Self, Failure> {
        let keeper = config.acme.as_ref().map(acme::keeper).transpose();
        let keeper = keeper.map_err(|e| e.prefix(&format!("service \"{}\"", config.name)))?;
        let fingerprint = contexts::fingerprint(config);
        let counted = metrics.service(&config.name);
        let state = State::build(config, None, metrics)
            .map_err(|e| e.prefix(&format!("service \"{}\"", config.name)))?;
        counted.not_after.set(state.not_after.unwrap_or(0));
        Ok(Self {
            name: config.name.clone(),
            connections: Gate::new(config.limits.connections),
            handshakes: Gate::new(config.limits.handshakes),
            sources: Arc::default(),
            descriptors: Descriptors::default(),
            state: ArcSwap::from_pointee(state.state),
            metrics: counted,
            loaded: Mutex::new(Loaded { fingerprint, since: SystemTime::now(), last_error: None }),
            keeper: keeper.map(Arc::new),
            renewal_error: Mutex::default(),
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

    /// The settings of now.
    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// Reads the files again when they have changed, or the settings have. What is bad leaves
    /// everything as it was, and is told: in the log, the status and the metrics. True: fine.
    pub(crate) fn reload(&self, config: Option<&config::Service>, metrics: &Metrics) -> bool {
        let old = self.state();
        let fingerprint = contexts::fingerprint(config.unwrap_or(&old.config));
        let unchanged = config.is_none() && self.loaded().fingerprint == fingerprint;
        if unchanged {
            return true;
        }
        let built = State::build(config.unwrap_or(&old.config), Some(&old), metrics);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.fingerprint = fingerprint;
        match built {
            Ok(built) => {
                self.connections.set_limit(built.state.config.limits.connections);
                self.handshakes.set_limit(built.state.config.limits.handshakes);
                self.metrics.not_after.set(built.not_after.unwrap_or(0));
                self.metrics.reloads.inc();
                self.state.store(Arc::new(built.state));
                loaded.since = SystemTime::now();
                loaded.last_error = None;
                info!(service = self.name, "reloaded");
                true
            }
            Err(failure) => {
                self.metrics.failed_reloads.inc();
                error!(service = self.name, reason = %failure, "reload failed; what was loaded before goes on");
                loaded.last_error = Some(failure.to_string());
                false
            }
        }
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
        old: Option<&Self>,
        metrics: &Metrics,
    ) -> Result<Built, Failure> {
        let contexts = Contexts::load(config)?;
        let known: Vec<&Way> = old.iter().flat_map(|old| old.ways()).collect();
        let same_checks = old.is_some_and(|old| old.config.health == config.health);
        let way = |(route, context): (&config::Route, Option<SecureContext>)| {
            let same = |way: &&&Way| {
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
            Way { route: route.clone(), context, pool }
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
    pub(crate) fn route(&self, hello: &ClientHello) -> Option<&Way> {
        let name = hello.server_name().map(|n| n.trim_end_matches('.').to_ascii_lowercase());
        let fits = |way: &&Way| {
            let route = &way.route;
            let named = || name.as_ref().is_some_and(|n| route.sni.iter().any(|p| p.matches(n)));
            let offered =
                || hello.alpn().iter().any(|o| route.alpn.iter().any(|p| p.as_bytes() == o));
            (route.sni.is_empty() || named()) && (route.alpn.is_empty() || offered())
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
        for context in self.ways().filter_map(|way| way.context.as_ref()) {
            context.set_ticket_keys(keys.clone());
        }
    }

    /// The way of those who have no choice.
    pub(crate) fn default_way(&self) -> Option<&Way> {
        self.default.as_ref()
    }

    /// All the ways, routes first.
    pub(crate) fn ways(&self) -> impl Iterator<Item = &Way> {
        self.routes.iter().chain(&self.default)
    }

    /// What a connection to a server of this name is asked to do.
    pub(crate) fn client_options(&self, name: ServerName) -> ClientOptions {
        ClientOptions::new(name).alpn(self.config.alpn.iter().map(String::as_str))
    }
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
        // Who is turned away by a rule gets no ticket.
        .ask_about_peer(rules)
}
