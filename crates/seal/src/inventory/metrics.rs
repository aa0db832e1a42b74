//! The rows for Prometheus: a text that its node exporter collects from a file.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::row::{Row, State};
use crate::words::clock;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    place: String,
    kind: String,
    subject: String,
    issuer: String,
    serial: String,
    fingerprint: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Place {
    place: String,
}

/// A gauge for each certificate and each place.
pub(crate) fn metrics(rows: &[Row]) -> String {
    let mut registry = Registry::with_prefix("seal_inventory");
    let (ends, starts) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
    let (trusted, unreadable) =
        (Family::<Labels, Gauge>::default(), Family::<Place, Gauge>::default());
    let looked = Gauge::<i64>::default();
    looked.set(clock::now());
    for row in rows {
        for place in &row.places {
            if row.state == State::Unreadable {
                unreadable.get_or_create(&Place { place: place.clone() }).set(1);
            }
            let (Some(times), Some(facts)) = (&row.times, &row.facts) else { continue };
            let labels = Labels {
                place: place.clone(),
                kind: row.kind.to_owned(),
                subject: facts.subject.clone(),
                issuer: facts.issuer.clone(),
                serial: facts.serial.clone(),
                fingerprint: facts.fingerprint_sha256.clone(),
            };
            let (start, end) = times.seconds;
            starts.get_or_create(&labels).set(start);
            if let Some(end) = end {
                ends.get_or_create(&labels).set(end);
            }
            if let Some(judgement) = &row.judgement {
                trusted.get_or_create(&labels).set(i64::from(judgement.trusted));
            }
        }
    }
    registry.register(
        "not_after_timestamp_seconds",
        "When it ends; of a list, when the next one is due",
        ends,
    );
    registry.register("not_before_timestamp_seconds", "When it begins", starts);
    registry.register("trusted", "1 when it would be trusted now, 0 when not", trusted);
    registry.register("unreadable", "What could not be read", unreadable);
    registry.register("looked_timestamp_seconds", "When this was looked at", looked);
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}
