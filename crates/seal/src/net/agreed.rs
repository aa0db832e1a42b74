//! What completed handshakes have agreed on, counted by version, group and signature.
//!
//! Each service has a table with a place for every combination, made once: to count is one atomic addition, and
//! no peer can make more of them. What was never agreed on is not told.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use sealwire::pki::{Certificate, KeyAlgorithm};
use sealwire::{Peer, ProtocolVersion};

const VERSIONS: [ProtocolVersion; 4] = [
    ProtocolVersion::Tls10,
    ProtocolVersion::Tls11,
    ProtocolVersion::Tls12,
    ProtocolVersion::Tls13,
];

/// By OpenSSL's names. `none`: no keys were agreed on in a group, as in a resumption without one and in the RSA
/// key exchange; `DHE`: finite fields of TLS 1.2.
const GROUPS: [&str; 12] = [
    "none",
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
    "MLKEM768",
    "MLKEM1024",
    "X25519",
    "prime256v1",
    "secp384r1",
    "secp521r1",
    "X448",
    "DHE",
    "other",
];

/// With what kind of key the server has signed. `none`: a session was resumed, or a shared key was used.
const SIGNATURES: [&str; 8] =
    ["none", "RSA", "RSA-PSS", "ECDSA", "Ed25519", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"];
const OTHER_SIGNATURE: &str = "other";

const SIGNATURE_COUNT: usize = SIGNATURES.len() + 1;
const PLACES: usize = VERSIONS.len() * GROUPS.len() * SIGNATURE_COUNT;

/// The table of one service.
#[derive(Debug, Clone)]
pub(crate) struct Agreed(Arc<[AtomicU64]>);

impl Agreed {
    fn new() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }

    /// A handshake with this client is complete: the signature is by our certificate's key.
    pub(crate) fn with_client(&self, peer: &Peer) {
        self.count(peer, peer.local_certificates().first());
    }

    /// A handshake with this server is complete.
    pub(crate) fn with_server(&self, peer: &Peer) {
        self.count(peer, peer.certificate());
    }

    fn count(&self, peer: &Peer, signer: Option<&Certificate>) {
        let Some(version) = VERSIONS.iter().position(|one| *one == peer.protocol()) else { return };
        let group = match peer.group() {
            Some(group) => place(&GROUPS, group.openssl_name()).unwrap_or(GROUPS.len() - 1),
            None if peer.dh_bits().is_some() => place(&GROUPS, "DHE").unwrap_or_default(),
            None => 0,
        };
        let signature = match signer {
            Some(signer) if !peer.is_resumed() && peer.psk_identity().is_none() => {
                place(&SIGNATURES, kind_of_key(signer)).unwrap_or(SIGNATURES.len())
            }
            _ => 0,
        };
        let at = (version * GROUPS.len() + group) * SIGNATURE_COUNT + signature;
        if let Some(count) = self.0.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was agreed on, and how often.
    fn told(&self) -> impl Iterator<Item = ([&'static str; 3], u64)> {
        self.0.iter().enumerate().filter_map(|(at, count)| {
            let count = count.load(Ordering::Relaxed);
            let (rest, signature) = (at / SIGNATURE_COUNT, at % SIGNATURE_COUNT);
            let signature = SIGNATURES.get(signature).copied().unwrap_or(OTHER_SIGNATURE);
            let version = VERSIONS.get(rest / GROUPS.len())?.name();
            let group = GROUPS.get(rest % GROUPS.len())?;
            (count > 0).then_some(([version, group, signature], count))
        })
    }
}

fn place(all: &[&str], name: &str) -> Option<usize> {
    all.iter().position(|one| *one == name)
}

fn kind_of_key(certificate: &Certificate) -> &'static str {
    match KeyAlgorithm::of_spki(&certificate.spki_der()) {
        Ok(KeyAlgorithm::Rsa { .. }) => "RSA",
        Ok(KeyAlgorithm::RsaPss { .. }) => "RSA-PSS",
        Ok(KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::EcdsaP521) => "ECDSA",
        Ok(KeyAlgorithm::Ed25519) => "Ed25519",
        Ok(KeyAlgorithm::MlDsa44) => "ML-DSA-44",
        Ok(KeyAlgorithm::MlDsa65) => "ML-DSA-65",
        Ok(KeyAlgorithm::MlDsa87) => "ML-DSA-87",
        _ => OTHER_SIGNATURE,
    }
}

/// The tables of all services, as Prometheus reads them.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllAgreed(Arc<Mutex<Vec<(String, Agreed)>>>);

impl AllAgreed {
    /// The table of a service, the same whenever it is asked for.
    pub(crate) fn service(&self, name: &str) -> Agreed {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, table)) = all.iter().find(|(known, _)| known == name) {
            return table.clone();
        }
        let table = Agreed::new();
        all.push((name.to_owned(), table.clone()));
        table
    }
}

impl Collector for AllAgreed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let help =
            "TLS handshakes that were completed, by version, group and kind of the server's key";
        let mut metric =
            encoder.encode_descriptor("handshakes_agreed", help, None, MetricType::Counter)?;
        for (service, table) in all.iter() {
            for ([version, group, signature], count) in table.told() {
                let labels = [
                    ("service", service.as_str()),
                    ("version", version),
                    ("group", group),
                    ("signature", signature),
                ];
                ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
