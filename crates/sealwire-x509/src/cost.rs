//! What a verdict may cost. A peer sends what it likes, so the work that it can cause is
//! estimated from sizes and bounded before it is done.
//!
//! Two things grow beyond reason in AWS-LC: signatures by huge keys (it takes RSA of 16384 bits,
//! 1.6 ms each with a large exponent), and name constraints (every name is compared with every
//! constraint, for every pair of certificates: 25 s for a chain of 20 with 1000 each).

use aws_lc_sys as c;

use crate::certificate::Certificate;
use crate::crl::Crl;

/// How long one try to build and check a chain may take, and all further tries together, in
/// microseconds of a machine of 2025. A chain of three P-256 certificates takes 70.
pub(crate) const BUDGET: u64 = 20_000;

/// So many intermediates are looked at whatever revocation lists may cost, which were chosen by
/// whoever asks for the verdict.
const ALWAYS: usize = 8;

/// What a certificate adds to the cost of a chain it is in.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Checking one signature by its key, in microseconds.
    signature: u64,
    names: u64,
    constraints: u64,
}

impl Cost {
    pub(crate) fn of(certificate: &Certificate) -> Self {
        let (names, constraints) = certificate.name_counts();
        // SAFETY: a live certificate; the key is null or its own.
        let signature = unsafe {
            let key = c::X509_get0_pubkey(certificate.as_ptr());
            if key.is_null() { 0 } else { signature_cost(key) }
        };
        Self { signature, names, constraints }
    }

    fn and(self, other: Self) -> Self {
        Self {
            signature: self.signature + other.signature,
            names: self.names + other.names,
            constraints: self.constraints + other.constraints,
        }
    }

    /// All signatures, and every name against every constraint at 20 ns each.
    fn micros(self) -> u64 {
        self.signature.saturating_add(self.names.saturating_mul(self.constraints) / 50)
    }
}

/// How many of the intermediates may be looked at.
pub(crate) fn affordable(
    leaf: &Certificate,
    intermediates: &[Certificate],
    trusted: &[&Certificate],
    crls: &[Crl],
) -> usize {
    // A list is hashed again for every certificate it covers, at 2 ns a byte.
    let bytes: u64 =
        crls.iter().map(|crl| u64::try_from(crl.der().len()).unwrap_or(u64::MAX)).sum();
    let list = bytes / 500;
    // The names of those trusted were chosen by whoever trusts them, and so were their keys.
    let constraints = trusted.iter().map(|trusted| trusted.cost().constraints).sum();
    let names = leaf.cost().names;
    let mut total = Cost { signature: 0, names, constraints };
    for (index, intermediate) in intermediates.iter().enumerate() {
        total = total.and(intermediate.cost());
        let lists =
            if index < ALWAYS { 0 } else { list * u64::try_from(index).unwrap_or(u64::MAX) };
        if total.micros().saturating_add(lists) > BUDGET {
            return index;
        }
    }
    intermediates.len()
}

/// What checking this chain has cost.
pub(crate) fn spent(chain: &[Certificate]) -> u64 {
    let leaf = chain.first().map(|leaf| Cost { signature: 0, ..leaf.cost() });
    let above = chain.iter().skip(1).map(Certificate::cost);
    above.chain(leaf).fold(Cost::default(), Cost::and).micros()
}

/// Measured with aws-lc-sys 0.47 on x86-64, in microseconds.
///
/// # Safety
/// `key` is live.
unsafe fn signature_cost(key: *const c::EVP_PKEY) -> u64 {
    // SAFETY: a live key.
    let (kind, bits) = unsafe { (c::EVP_PKEY_id(key), c::EVP_PKEY_bits(key)) };
    let bits = u64::try_from(bits).unwrap_or(0);
    match kind {
        c::EVP_PKEY_RSA | c::EVP_PKEY_RSA_PSS => {
            // SAFETY: an RSA key; the exponent is null or its own.
            let exponent = unsafe {
                let exponent = c::RSA_get0_e(c::EVP_PKEY_get0_RSA(key));
                if exponent.is_null() { 64 } else { u64::from(c::BN_num_bits(exponent)) }
            };
            // Quadratic in the modulus; each bit of the exponent is a squaring, at worst two.
            10 * bits * bits * (2 * exponent) / (2048 * 2048 * 18) + 1
        }
        // P-256 has code of its own; secp256k1 is as slow as P-384.
        c::EVP_PKEY_EC if bits <= 384 => 160,
        c::EVP_PKEY_EC => 250,
        c::EVP_PKEY_DSA => 100 * bits * bits / (1024 * 1024) + 1,
        _ => 100,
    }
}
