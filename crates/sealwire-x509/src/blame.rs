//! The certificate at fault when the wrong issuer was chosen.

use aws_lc_sys as c;

use crate::chain::Attempt;
use crate::codes::{is_about_names, is_about_revocation};
use crate::issuers::Culprit;
use crate::key_kind::can_have_signed;
use crate::request::ChainError;

impl Attempt {
    /// The issuer to do without in another try; `None` when the answer is yes, or when no other
    /// issuer could make it one.
    pub(crate) fn culprit(&self) -> Option<Culprit<'_>> {
        let hopeless = |error: &ChainError| {
            error.code == c::X509_V_ERR_CERT_REVOKED
                || error.code == c::X509_V_ERR_CERT_REJECTED
                || (error.depth == 0 && !is_about_the_issuer(error.code))
        };
        if self.errors.iter().any(hopeless) {
            return None;
        }
        self.errors.iter().find_map(|error| self.blamed_for(error))
    }

    fn blamed_for(&self, error: &ChainError) -> Option<Culprit<'_>> {
        let at = |depth: usize| self.chain.get(depth).filter(|_| depth > 0);
        let culprit =
            |certificate| Culprit { certificate, only_as_trusted: false, of_wrong_key_kind: false };
        match error.code {
            c::X509_V_ERR_CERT_SIGNATURE_FAILURE => {
                let issuer = at(error.depth + 1)?;
                let of_wrong_key_kind = !can_have_signed(issuer, &self.chain[error.depth]);
                Some(Culprit { of_wrong_key_kind, ..culprit(issuer) })
            }
            c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT => {
                Some(Culprit { only_as_trusted: true, ..culprit(at(error.depth)?) })
            }
            code if is_about_names(code) => {
                let above = self.chain.iter().skip(error.depth + 1);
                above.into_iter().find(|issuer| issuer.has_name_constraints()).map(culprit)
            }
            code if is_about_revocation(code) => None,
            _ => at(error.depth).map(culprit),
        }
    }
}

/// Errors at the leaf that another choice of issuer could do away with.
fn is_about_the_issuer(code: i32) -> bool {
    matches!(
        code,
        c::X509_V_ERR_CERT_SIGNATURE_FAILURE
            | c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
            | c::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
    ) || is_about_names(code)
        || is_about_revocation(code)
}
