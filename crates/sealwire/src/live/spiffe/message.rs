//! The messages of the Workload API that are used, and what they become. Numbers of fields are those of
//! `workload.proto`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::SystemTime;

use sealwire_x509::{Certificate, Crl};
use zeroize::Zeroize;

use super::{Given, SpiffeId};
use crate::context::Identity;
use crate::live::Material;
use crate::pki::{PrivateKey, TrustStore};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct X509SvidRequest {}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct X509SvidResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) svids: Vec<X509Svid>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) crl: Vec<Vec<u8>>,
    #[prost(map = "string, bytes", tag = "3")]
    pub(super) federated_bundles: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct X509Svid {
    #[prost(string, tag = "1")]
    pub(super) spiffe_id: String,
    /// Certificates in DER, one after the other, ours first.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) x509_svid: Vec<u8>,
    /// PKCS#8.
    #[prost(bytes = "vec", tag = "3")]
    pub(super) x509_svid_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) bundle: Vec<u8>,
}

impl Drop for X509Svid {
    fn drop(&mut self) {
        self.x509_svid_key.zeroize();
    }
}

impl Given {
    /// The first SVID is the one to use (SPIFFE_Workload_API.md, 5.3).
    pub(super) fn of(response: X509SvidResponse, federated: bool) -> Result<Self, String> {
        let svid = response.svids.first().ok_or("the agent issued no identity to this program")?;
        let id: SpiffeId = svid.spiffe_id.parse()?;
        let fault = |what: &str, error: &dyn fmt::Display| format!("the {what} of {id}: {error}");
        let chain = certificates(&svid.x509_svid).map_err(|e| fault("certificate", &e))?;
        let leaf = chain.first().ok_or_else(|| fault("certificate", &"missing"))?;
        match SpiffeId::of(leaf) {
            Ok(of_leaf) if of_leaf == id => {}
            Ok(other) => return Err(fault("certificate", &format!("it is that of {other}"))),
            Err(why) => return Err(fault("certificate", &why)),
        }
        let key = PrivateKey::from_der(&svid.x509_svid_key, None).map_err(|e| fault("key", &e))?;
        let identity = Identity::new(chain, &key).map_err(|e| fault("key", &e))?;
        let mut bundles = BTreeMap::new();
        let ours = certificates(&svid.bundle).map_err(|e| fault("bundle", &e))?;
        bundles.insert(id.trust_domain().to_owned(), ours);
        for (domain, bundle) in response.federated_bundles.iter().filter(|_| federated) {
            let domain: SpiffeId = match domain.contains("://") {
                true => domain.parse()?,
                false => format!("spiffe://{domain}").parse()?,
            };
            let theirs =
                certificates(bundle).map_err(|e| format!("the bundle of {domain}: {e}"))?;
            // No federated bundle replaces that of our own trust domain.
            bundles.entry(domain.trust_domain().to_owned()).or_insert(theirs);
        }
        let trust = TrustStore::from_certificates(bundles.values().flatten().cloned())
            .map_err(|e| fault("bundle", &e))?
            .allow_partial_chain(true);
        let crls = response.crl.iter().map(|der| Crl::from_der(der));
        let crls = crls.collect::<Result<_, _>>().map_err(|e| fault("revocation list", &e))?;
        let material = Material { identities: vec![identity], trust: Some(trust), crls };
        Ok(Self { id, material, bundles, at: SystemTime::now() })
    }
}

/// Certificates that stand one after the other.
fn certificates(mut der: &[u8]) -> Result<Vec<Certificate>, String> {
    let mut found = Vec::new();
    while !der.is_empty() {
        let length = element(der).ok_or("it is cut short")?;
        let (one, rest) = der.split_at(length);
        found.push(Certificate::from_der(one).map_err(|error| error.to_string())?);
        der = rest;
    }
    Ok(found)
}

/// How long the first element is, with its head.
fn element(der: &[u8]) -> Option<usize> {
    let (&first, rest) = der.get(1..)?.split_first()?;
    let (head, length) = match first {
        0..=0x7F => (2, usize::from(first)),
        0x81..=0x84 => {
            let count = usize::from(first - 0x80);
            let bytes = rest.get(..count)?;
            (2 + count, bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
        }
        _ => return None,
    };
    head.checked_add(length).filter(|whole| *whole <= der.len())
}

impl fmt::Debug for X509Svid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("X509Svid").field("spiffe_id", &self.spiffe_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for X509SvidResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("X509SvidResponse").field("svids", &self.svids).finish_non_exhaustive()
    }
}
