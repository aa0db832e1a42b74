//! What upki's data say of a certificate of the public web, and how old they are.

use std::fmt;

use sealwire::pki::Certificate;
use sealwire::verify::PublicRevocations;
use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct OnPublicWeb {
    status: &'static str,
    /// How old the data are.
    hours: Option<u64>,
}

impl OnPublicWeb {
    /// Of a chain, leaf first. `None` where it has no issuer, or the data cannot be read: then the verdict says why.
    pub(crate) fn of(data: &PublicRevocations, chain: &[Certificate]) -> Option<Self> {
        let [leaf, issuer, ..] = chain else { return None };
        let status = data.status(leaf, issuer).ok()?.name();
        let age = data.fetched().ok().and_then(|since| since.elapsed().ok());
        Some(Self { status, hours: age.map(|age| age.as_secs() / 3600) })
    }
}

impl fmt::Display for OnPublicWeb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.hours.map_or_else(String::new, |hours| format!(", {hours} hours old"));
        write!(f, "(upki's data{hours}): {}", self.status)
    }
}
