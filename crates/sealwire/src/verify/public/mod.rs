//! Revocation of the public web, as far as a verdict asks: with the feature `upki`, and where a trust store says
//! so.

#[cfg(feature = "upki")]
mod data;
#[cfg(feature = "upki")]
mod index;
#[cfg(feature = "upki")]
mod timestamps;

#[cfg(feature = "upki")]
pub use data::{PublicRevocations, PublicStatus};

use super::Verdict;

/// What is asked about chains that are good otherwise.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Public {
    #[cfg(feature = "upki")]
    pub(crate) data: Option<PublicRevocations>,
}

impl Public {
    /// Whether anything is asked: then a verdict moves with the data.
    #[cfg(feature = "upki")]
    pub(crate) fn is_asked(&self) -> bool {
        self.data.is_some()
    }

    #[cfg(not(feature = "upki"))]
    #[allow(clippy::unused_self, reason = "with the feature it is looked at")]
    pub(crate) fn is_asked(&self) -> bool {
        false
    }

    /// This one, or else the other.
    #[cfg_attr(not(feature = "upki"), allow(unused_variables))]
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            #[cfg(feature = "upki")]
            data: self.data.clone().or_else(|| other.data.clone()),
        }
    }

    /// The verdict, with what the data have against the leaf. They only refuse: of a chain that is good.
    #[cfg(feature = "upki")]
    pub(super) fn judged(&self, verdict: Verdict) -> Verdict {
        use super::{Code, Finding};

        let (Some(data), [leaf, issuer, ..]) = (&self.data, verdict.chain()) else {
            return verdict;
        };
        if !verdict.is_trusted() {
            return verdict;
        }
        let folder = data.folder().display();
        let (code, evidence) = match data.status(leaf, issuer) {
            Ok(PublicStatus::Revoked) => (
                Code::CERT_REVOKED,
                format!("the certificate is revoked, by the data that upki keeps in {folder}"),
            ),
            // A requested check must not pass without data.
            Err(error) => (Code::UNABLE_TO_GET_CRL, format!("the data that upki keeps: {error}")),
            Ok(_) => return verdict,
        };
        let finding = Finding::new(code, 0, Some(leaf.clone()), evidence);
        verdict.with_finding(finding)
    }

    #[cfg(not(feature = "upki"))]
    #[allow(clippy::unused_self, reason = "with the feature it is looked at")]
    pub(super) fn judged(&self, verdict: Verdict) -> Verdict {
        verdict
    }
}
