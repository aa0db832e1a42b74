//! What `seal serve` counts, for Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sealwire::{Error, Peer};

use crate::net::agreed::{Agreed, AllAgreed};
use crate::net::metrics_page;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    service: &'static str,
    kind: &'static str,
}

/// The counters. Clones count together.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    registry: Arc<Registry>,
    agreed: Agreed,
    failures: Family<OfKind, Counter<u64, AtomicU64>>,
    open: Gauge<i64, AtomicI64>,
}

const SERVICE: &str = "serve";

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("seal_serve");
        let all = AllAgreed::default();
        let agreed = all.service(SERVICE);
        registry.register_collector(Box::new(all));
        let failures = Family::default();
        let help = "TLS handshakes that failed, by code";
        registry.register("handshake_failures", help, failures.clone());
        let open = Gauge::default();
        registry.register("connections_open", "Connections open now", open.clone());
        Self { registry: Arc::new(registry), agreed, failures, open }
    }

    pub(super) fn handshake(&self, peer: &Peer) {
        self.agreed.with_client(peer);
    }

    pub(super) fn failed(&self, error: &Error) {
        let of = OfKind { service: SERVICE, kind: error.code() };
        self.failures.get_or_create(&of).inc();
    }

    /// A connection is open, until what is given back is dropped.
    pub(super) fn opened(&self) -> Open {
        self.open.inc();
        Open(self.open.clone())
    }

    /// What the page shows.
    pub(super) fn text(&self) -> metrics_page::Text {
        let registry = Arc::clone(&self.registry);
        Arc::new(move || {
            let mut text = String::new();
            // Writing into a string does not fail.
            let _ = encode(&mut text, &registry);
            text.into()
        })
    }
}

/// An open connection.
pub(super) struct Open(Gauge<i64, AtomicI64>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
