//! What is counted, in the form that Prometheus reads.
//!
//! A service takes its counters out of their families when it is made, so that counting is one
//! atomic addition. Only failures look a label up.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use sealwire::{Peer, ProtocolVersion};

use crate::net::agreed::{Agreed, AllAgreed};

pub(crate) type Count = Counter<u64, AtomicU64>;
pub(crate) type Level = Gauge<i64, AtomicI64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfService {
    service: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfKind {
    service: String,
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfVersion {
    service: String,
    version: &'static str,
}

const VERSIONS: [ProtocolVersion; 4] = [
    ProtocolVersion::Tls10,
    ProtocolVersion::Tls11,
    ProtocolVersion::Tls12,
    ProtocolVersion::Tls13,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfTarget {
    service: String,
    target: String,
}

/// Everything that is counted in this process.
pub(crate) struct Metrics {
    registry: Registry,
    accepted: Family<OfService, Count>,
    open: Family<OfService, Level>,
    handshakes: Family<OfKind, Count>,
    versions: Family<OfVersion, Count>,
    agreed: AllAgreed,
    handshake_failures: Family<OfKind, Count>,
    handshake_seconds: Family<OfService, Histogram, fn() -> Histogram>,
    refused: Family<OfKind, Count>,
    bytes: Family<OfKind, Count>,
    reloads: Family<OfKind, Count>,
    not_after: Family<OfService, Level>,
    target_up: Family<OfTarget, Level>,
    target_connections: Family<OfTarget, Count>,
    target_failures: Family<OfTarget, Count>,
    session_store: Family<OfKind, Count>,
    renewals: Family<OfKind, Count>,
    staples: Family<OfKind, Count>,
    staples_until: Family<OfService, Level>,
    staples_lacking: Family<OfService, Level>,
    cut: Family<OfKind, Count>,
    left: Family<OfService, Count>,
    unknown: Family<OfService, Level>,
    /// 1 from SIGTERM on.
    pub(crate) draining: Level,
}

/// What is counted of one service.
#[derive(Debug, Clone)]
pub(crate) struct ServiceMetrics {
    service: String,
    pub(crate) accepted: Count,
    pub(crate) open: Level,
    full_handshakes: Count,
    resumed_handshakes: Count,
    /// Completed handshakes by version, the oldest first.
    by_version: [Count; 4],
    agreed: Agreed,
    pub(crate) passed_through: Count,
    pub(crate) handshake_seconds: Histogram,
    pub(crate) bytes_up: Count,
    pub(crate) bytes_down: Count,
    pub(crate) reloads: Count,
    pub(crate) failed_reloads: Count,
    /// When the first of its certificates expires, in seconds since 1970.
    pub(crate) not_after: Level,
    pub(crate) renewed: Count,
    pub(crate) failed_renewals: Count,
    pub(crate) staples_fetched: Count,
    pub(crate) failed_staples: Count,
    /// When the first stapled response is out of date, in seconds since 1970; 0: none says when.
    pub(crate) staples_until: Level,
    /// Number of certificates that need a response and have no valid one.
    pub(crate) staples_lacking: Level,
    pub(crate) sessions_stored: Count,
    pub(crate) sessions_found: Count,
    pub(crate) sessions_missed: Count,
    pub(crate) store_failures: Count,
    /// Of how many open connections it is not known whether their peer is revoked.
    pub(crate) unknown: Level,
    /// Clients that left without a byte.
    pub(crate) left: Count,
    cut: Family<OfKind, Count>,
    handshake_failures: Family<OfKind, Count>,
    refused: Family<OfKind, Count>,
}

/// What is counted of one target.
#[derive(Debug, Clone)]
pub(crate) struct TargetMetrics {
    pub(crate) up: Level,
    pub(crate) connections: Count,
    pub(crate) failures: Count,
}

/// Why a client was turned away though its TLS was in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    Rules,
    SourceLimit,
    ProxyHeader,
    /// It asked for no TLS, where it has to.
    Starttls,
    NoRoute,
    NoTarget,
}

impl Turned {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::SourceLimit => "source-limit",
            Self::ProxyHeader => "proxy-header",
            Self::Starttls => "starttls",
            Self::NoRoute => "no-route",
            Self::NoTarget => "no-target",
        }
    }
}

impl ServiceMetrics {
    /// A handshake with this client is complete.
    pub(crate) fn handshake_with_client(&self, peer: &Peer) {
        self.agreed.with_client(peer);
        self.handshake(peer);
    }

    /// A handshake with this server is complete.
    pub(crate) fn handshake_with_server(&self, peer: &Peer) {
        self.agreed.with_server(peer);
        self.handshake(peer);
    }

    fn handshake(&self, peer: &Peer) {
        if peer.is_resumed() {
            self.resumed_handshakes.inc();
        } else {
            self.full_handshakes.inc();
        }
        let place = VERSIONS.iter().position(|version| *version == peer.protocol());
        if let Some(count) = place.and_then(|place| self.by_version.get(place)) {
            count.inc();
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("seal_tunnel");
        let agreed = AllAgreed::default();
        registry.register_collector(Box::new(agreed.clone()));
        let r = &mut registry;
        let seconds: fn() -> Histogram = || {
            Histogram::new([0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
        };
        Self {
            accepted: told(r, "connections", "Connections accepted", Family::default()),
            open: told(r, "connections_open", "Connections open now", Family::default()),
            handshakes: told(
                r,
                "handshakes",
                "TLS handshakes that were completed: full, resumed; and TLS that was passed through",
                Family::default(),
            ),
            versions: told(
                r,
                "handshakes_by_version",
                "TLS handshakes that were completed, by version",
                Family::default(),
            ),
            agreed,
            handshake_failures: told(
                r,
                "handshake_failures",
                "TLS handshakes that failed, by code",
                Family::default(),
            ),
            handshake_seconds: told(
                r,
                "handshake_seconds",
                "How long completed handshakes took, from the connection on",
                Family::new_with_constructor(seconds),
            ),
            refused: told(r, "refused", "Clients refused, by reason", Family::default()),
            bytes: told(r, "bytes", "Bytes of data moved, by direction", Family::default()),
            reloads: told(r, "reloads", "Reloads of files, by result", Family::default()),
            not_after: told(
                r,
                "certificate_not_after_seconds",
                "When the first certificate of the service expires, in seconds since 1970",
                Family::default(),
            ),
            target_up: told(
                r,
                "target_up",
                "Whether a target works, as far as is known",
                Family::default(),
            ),
            target_connections: told(
                r,
                "target_connections",
                "Connections to a target",
                Family::default(),
            ),
            target_failures: told(
                r,
                "target_failures",
                "Connections to a target, and checks of it, that failed",
                Family::default(),
            ),
            session_store: told(
                r,
                "session_store",
                "Work of the shared session store: stored, found, missed, failed",
                Family::default(),
            ),
            renewals: told(
                r,
                "acme_renewals",
                "Certificates fetched by ACME, by result",
                Family::default(),
            ),
            staples: told(
                r,
                "ocsp_fetches",
                "OCSP responses fetched, by result",
                Family::default(),
            ),
            staples_until: told(
                r,
                "ocsp_next_update_seconds",
                "When the first stapled OCSP response is out of date, in seconds since 1970",
                Family::default(),
            ),
            staples_lacking: told(
                r,
                "ocsp_lacking",
                "Certificates that require a stapled OCSP response and have no valid one",
                Family::default(),
            ),
            cut: told(
                r,
                "cut",
                "Open connections that were closed: the peer is refused by now, by a rule, or the \
                 lifetime is over",
                Family::default(),
            ),
            left: told(
                r,
                "clients_left",
                "Clients that completed the handshake and disconnected without sending data: often they do not trust the certificate's issuer, or do not find the requested name in it",
                Family::default(),
            ),
            unknown: told(
                r,
                "connections_unknown",
                "Open connections whose peer's revocation status is unknown, since no valid list is available",
                Family::default(),
            ),
            draining: told(r, "draining", "1 from the request to stop on", Level::default()),
            registry,
        }
    }

    /// The counters of a service.
    pub(crate) fn service(&self, name: &str) -> ServiceMetrics {
        let service = OfService { service: name.to_owned() };
        let of = |kind: &str| OfKind { service: name.to_owned(), kind: kind.to_owned() };
        let count = |family: &Family<OfKind, Count>, kind| family.get_or_create(&of(kind)).clone();
        ServiceMetrics {
            service: name.to_owned(),
            accepted: self.accepted.get_or_create(&service).clone(),
            open: self.open.get_or_create(&service).clone(),
            full_handshakes: count(&self.handshakes, "full"),
            resumed_handshakes: count(&self.handshakes, "resumed"),
            by_version: VERSIONS.map(|version| {
                let version = version.name();
                let of = OfVersion { service: name.to_owned(), version };
                self.versions.get_or_create(&of).clone()
            }),
            agreed: self.agreed.service(name),
            passed_through: count(&self.handshakes, "passthrough"),
            handshake_seconds: self.handshake_seconds.get_or_create(&service).clone(),
            bytes_up: count(&self.bytes, "up"),
            bytes_down: count(&self.bytes, "down"),
            reloads: count(&self.reloads, "done"),
            failed_reloads: count(&self.reloads, "failed"),
            not_after: self.not_after.get_or_create(&service).clone(),
            renewed: count(&self.renewals, "done"),
            failed_renewals: count(&self.renewals, "failed"),
            staples_fetched: count(&self.staples, "done"),
            failed_staples: count(&self.staples, "failed"),
            staples_until: self.staples_until.get_or_create(&service).clone(),
            staples_lacking: self.staples_lacking.get_or_create(&service).clone(),
            sessions_stored: count(&self.session_store, "stored"),
            sessions_found: count(&self.session_store, "found"),
            sessions_missed: count(&self.session_store, "missed"),
            store_failures: count(&self.session_store, "failed"),
            unknown: self.unknown.get_or_create(&service).clone(),
            left: self.left.get_or_create(&service).clone(),
            cut: self.cut.clone(),
            handshake_failures: self.handshake_failures.clone(),
            refused: self.refused.clone(),
        }
    }

    /// The counters of a target.
    pub(crate) fn target(&self, service: &str, target: &str) -> TargetMetrics {
        let of = OfTarget { service: service.to_owned(), target: target.to_owned() };
        TargetMetrics {
            up: self.target_up.get_or_create(&of).clone(),
            connections: self.target_connections.get_or_create(&of).clone(),
            failures: self.target_failures.get_or_create(&of).clone(),
        }
    }

    /// All of it, in Prometheus' (OpenMetrics') text format.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

impl ServiceMetrics {
    pub(crate) fn handshake_failed(&self, code: &str) {
        let of = OfKind { service: self.service.clone(), kind: code.to_owned() };
        self.handshake_failures.get_or_create(&of).inc();
    }

    /// An open connection was closed for this reason.
    pub(crate) fn was_cut(&self, why: &str) {
        let of = OfKind { service: self.service.clone(), kind: why.to_owned() };
        self.cut.get_or_create(&of).inc();
    }

    pub(crate) fn turned_away(&self, why: Turned) {
        let of = OfKind { service: self.service.clone(), kind: why.name().to_owned() };
        self.refused.get_or_create(&of).inc();
    }
}

/// Registers a metric under its name.
fn told<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

#[cfg(test)]
mod tests {
    use super::{Metrics, Turned};

    #[test]
    fn what_is_counted_is_told() {
        let metrics = Metrics::new();
        let web = metrics.service("web");
        web.accepted.inc();
        web.bytes_up.inc_by(7);
        web.turned_away(Turned::Rules);
        metrics.target("web", "127.0.0.1:80").up.set(1);
        let text = metrics.text().unwrap();
        for line in [
            "seal_tunnel_connections_total{service=\"web\"} 1",
            "seal_tunnel_bytes_total{service=\"web\",kind=\"up\"} 7",
            "seal_tunnel_refused_total{service=\"web\",kind=\"rules\"} 1",
            "seal_tunnel_target_up{service=\"web\",target=\"127.0.0.1:80\"} 1",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
