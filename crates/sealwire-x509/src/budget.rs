//! What a verdict may cost. A peer sends what it likes, so the work that it can cause is
//! estimated from sizes and bounded before it is done.
//!
//! Two things grow beyond reason in AWS-LC: signatures by huge keys (it takes RSA of 16384 bits,
//! 1.6 ms each with a large exponent), and name constraints (every name is compared with every
//! constraint, for every pair of certificates: 25 s for a chain of 20 with 1000 each).

use crate::certificate::Certificate;
use crate::cost::Cost;

/// How long one try to build and check a chain may take, and all further tries together, in
/// microseconds of a machine of 2025. A chain of three P-256 certificates takes 70.
pub(crate) const BUDGET: u64 = 20_000;

/// How many of the intermediates may be looked at.
pub(crate) fn affordable(
    leaf: &Certificate,
    intermediates: &[Certificate],
    trusted: &[&Certificate],
) -> usize {
    let trusted = trusted.iter().map(|trusted| trusted.cost().of_trusted());
    let mut total = trusted.fold(leaf.cost().of_leaf().without_constraints(), Cost::and);
    for (index, intermediate) in intermediates.iter().enumerate() {
        total = total.and(intermediate.cost());
        if total.micros() > BUDGET {
            return index;
        }
    }
    intermediates.len()
}

/// What checking this chain has cost.
pub(crate) fn spent(chain: &[Certificate]) -> u64 {
    let leaf = chain.first().map(|leaf| leaf.cost().of_leaf());
    let above = chain.iter().skip(1).map(Certificate::cost);
    above.chain(leaf).fold(Cost::default(), Cost::and).micros()
}
