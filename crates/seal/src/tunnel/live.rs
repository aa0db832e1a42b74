//! Open connections, judged again when lists, CAs or rules have changed, and at their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sealwire::Peer;
use sealwire::live::{Closed, Live, LiveOptions, Rechecked, Why};
use tracing::{info, warn};

use super::allow::Names;
use super::config::{self, ClientAuth, Mode, Recheck};
use super::metrics::ServiceMetrics;
use super::service::{ActiveRoute, State};

/// Where an open connection comes from, and how it was routed.
#[derive(Debug)]
pub(crate) struct Place {
    source: Option<SocketAddr>,
    /// The protocols that the client offered, where routes go by them.
    offered: Vec<Vec<u8>>,
    /// The rules that let it in last.
    rules: AtomicU64,
}

impl Place {
    /// Of a client that TLS connects with us.
    pub(crate) fn of_client(
        source: Option<SocketAddr>,
        way: &ActiveRoute,
        offered: Vec<Vec<u8>>,
    ) -> Self {
        Self { source, offered, rules: AtomicU64::new(way.rules) }
    }

    /// Of a target that TLS connects us with.
    pub(crate) fn of_target(source: Option<SocketAddr>, way: &ActiveRoute) -> Self {
        Self::of_client(source, way, Vec::new())
    }
}

/// What a service does with connections that are not accepted any longer.
pub(crate) fn options(config: &config::Service, metrics: &ServiceMetrics) -> LiveOptions<Place> {
    let (service, metrics) = (config.name.clone(), metrics.clone());
    let lives = config.lives;
    LiveOptions::new()
        .drain(lives.drain)
        .max_lifetime(lives.longest)
        .close_at_expiry(lives.recheck == Recheck::Close)
        .on_close(move |closed: &Closed<'_, Place>| {
            metrics.was_cut(closed.why.name());
            let Closed { peer, about, why, drain, .. } = closed;
            let source = super::connection::shown(about.source);
            let subject = peer.certificate().map(|one| one.subject().to_string());
            let reason = why.to_string();
            if matches!(why, Why::Lifetime) {
                info!(service, source, peer = subject, "open connection closed: lifetime reached");
                return;
            }
            let (why, drain) = (why.name(), drain.as_secs_f64());
            warn!(
                service,
                source,
                peer = subject,
                why,
                reason,
                drain,
                "open connection closed: the peer is no longer acceptable"
            );
        })
}

/// Judges all open connections by the settings of now.
pub(crate) fn recheck(live: &Live<Place>, state: &Arc<State>, metrics: &ServiceMetrics) {
    let config = &state.config;
    live.set_options(options(config, metrics));
    if config.lives.recheck == Recheck::Off {
        return;
    }
    let rules = state.clone();
    let done = live.recheck_by(&state.context, move |peer, place| rules.may_stay(peer, place));
    let Rechecked { open, closed, unknown, judged, took, .. } = done;
    metrics.unknown.set(i64::try_from(unknown).unwrap_or(i64::MAX));
    let seconds = took.as_secs_f64();
    info!(
        service = config.name,
        open, closed, unknown, judged, seconds, "open connections rechecked"
    );
}

impl State {
    /// Whether the rules of now let an open connection be, by whatever route it would take now.
    fn may_stay(&self, peer: &Peer, place: &Place) -> Result<(), String> {
        let way = match self.config.mode {
            Mode::Client => self.default_route(),
            Mode::Server => self.route_of(peer.server_name(), &place.offered),
        };
        let way = way.ok_or("no route for its name any longer")?;
        if way.context.is_none() {
            return Ok(()); // it would be passed through now, and asked nothing
        }
        let must =
            self.config.mode == Mode::Server && self.config.client_auth == ClientAuth::Require;
        if must && !peer.authorized() {
            return Err("it presented no certificate, and one is required now".to_owned());
        }
        if place.rules.load(Ordering::Relaxed) == way.rules {
            return Ok(());
        }
        let names = if peer.authorized() { peer.certificate().map(Names::of) } else { None };
        way.route.access.judge(names.as_ref())?;
        place.rules.store(way.rules, Ordering::Relaxed);
        Ok(())
    }
}
