//! The verdict on a certificate chain. Every yes is `X509_verify_cert`'s.

use crate::budget;
use crate::certificate::Certificate;
use crate::error::{Error, ErrorQueue};
use crate::issuers::Candidates;
use crate::request::{ChainError, Request, Verdict};
use crate::revocation::attempt;

/// How often a chain that failed for the choice of an issuer is built again without that issuer.
const MAX_RETRIES: usize = 8;

/// Judges a certificate.
///
/// The rules are those of OpenSSL's TLS defaults as Node uses them: the trust set is searched for
/// issuers first, then what came with the leaf; all checks continue after a failure, so that
/// everything wrong is told. AWS-LC does not look for a second path when the first one fails; so a
/// no that may be due to the choice of an issuer is tried again without it, a bounded number of
/// times. When no try succeeds, the errors are those of the first.
///
/// # Errors
/// [`Problem::Internal`](crate::Problem::Internal) only: a certificate that cannot be trusted,
/// for whatever reason, is a [`Verdict`].
pub fn verify(request: &Request<'_>) -> Result<Verdict, Error> {
    verify_with(request, &|_| Vec::new())
}

/// As [`verify`], with a say for the caller: `veto` is shown every chain that was built, leaf
/// first, and returns what it has against it (say, keys or digests that are too weak). A chain with
/// a veto is not trusted, and the certificate named by the veto's depth is left out in another try
/// as if AWS-LC had found it wrong. A veto can only turn a yes into a no.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(
    request: &Request<'_>,
    veto: &dyn Fn(&[Certificate]) -> Vec<ChainError>,
) -> Result<Verdict, Error> {
    let _queue = ErrorQueue::new();
    let mut candidates = Candidates::of(request);
    let mut current = attempt(&candidates, veto)?;
    let mut reported = None;
    let mut spent = 0;
    for _ in 0..MAX_RETRIES {
        let Some(culprit) = current.culprit() else { break };
        if spent > budget::BUDGET || !candidates.leave_out(culprit) {
            break;
        }
        let next = attempt(&candidates, veto)?;
        spent += next.cost();
        // OpenSSL 3 does not even consider an issuer whose key is of another kind than the
        // signature, so what follows such a choice is reported as if it had been the first.
        if !culprit.of_wrong_key_kind {
            reported.get_or_insert(current);
        }
        current = next;
        if current.accepted() {
            reported = None;
            break;
        }
    }
    Ok(reported.unwrap_or(current).into_verdict())
}
