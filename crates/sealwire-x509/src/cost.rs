//! What a certificate adds to the cost of a chain that it is in, estimated from sizes.

use aws_lc_sys as c;

/// What a certificate adds to the cost of a chain it is in.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Checking one signature by its key, in microseconds.
    signature: u64,
    names: u64,
    constraints: u64,
}

impl Cost {
    /// Of a certificate with this key, and so many names and constraints on names.
    ///
    /// # Safety
    /// `key` is null or live.
    pub(crate) unsafe fn of(key: *const c::EVP_PKEY, (names, constraints): (u64, u64)) -> Self {
        // SAFETY: not null, so live as promised by the caller.
        let signature = if key.is_null() { 0 } else { unsafe { signature_cost(key) } };
        Self { signature, names, constraints }
    }

    /// Without the check of a signature by its key: a leaf signs no certificate.
    pub(crate) fn of_leaf(self) -> Self {
        Self { signature: 0, ..self }
    }

    /// Without what it constrains.
    pub(crate) fn without_constraints(self) -> Self {
        Self { constraints: 0, ..self }
    }

    /// Only what it constrains: its names, and its key, were chosen by the party that trusts it.
    pub(crate) fn of_trusted(self) -> Self {
        Self { constraints: self.constraints, ..Self::default() }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            signature: self.signature + other.signature,
            names: self.names + other.names,
            constraints: self.constraints + other.constraints,
        }
    }

    /// In microseconds: all signatures, and every name against every constraint at 20 ns each.
    pub(crate) fn micros(self) -> u64 {
        self.signature.saturating_add(self.names.saturating_mul(self.constraints) / 50)
    }
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
