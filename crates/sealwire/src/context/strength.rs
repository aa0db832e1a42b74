//! What a security level leaves of the settings of a context.
//!
//! OpenSSL's rules (`ssl_security_default_callback`, `ssl_security_cert`): a level asks a number
//! of security bits of everything.

use sealwire_x509::Certificate;

use crate::verify::level::{digest_bits, key_bits, required_bits};
use crate::words::{CipherSuite, ConfigError, NamedGroup, SignatureScheme};

/// A security level.
pub(super) struct Strength {
    level: u8,
    bits: u32,
}

impl Strength {
    pub(super) fn of_level(level: u8) -> Result<Self, ConfigError> {
        match level {
            0..=5 => Ok(Self { level, bits: required_bits(level) }),
            _ => Err(ConfigError::new("security_level", "a security level is 0 to 5")),
        }
    }

    /// Whether a chain of ours is strong enough, and with `digests` what it was signed by.
    pub(super) fn check(&self, chain: &[Certificate], digests: bool) -> Result<(), ConfigError> {
        for (depth, certificate) in chain.iter().enumerate() {
            let bits = key_bits(certificate).unwrap_or(0);
            if bits < self.bits {
                let code = match depth {
                    0 => "ERR_SSL_EE_KEY_TOO_SMALL",
                    _ => "ERR_SSL_CA_KEY_TOO_SMALL",
                };
                return Err(self.too_weak("key", bits, certificate).with_code(code));
            }
            // Nothing is proved by a root's signature.
            let bits = digest_bits(certificate);
            if digests && bits < self.bits && !certificate.is_self_issued() {
                let error = self.too_weak("signature's digest", bits, certificate);
                return Err(error.with_code("ERR_SSL_CA_MD_TOO_WEAK"));
            }
        }
        Ok(())
    }

    fn too_weak(&self, what: &str, bits: u32, certificate: &Certificate) -> ConfigError {
        let Self { level, bits: required } = self;
        let subject = certificate.subject();
        let reason = format!(
            "the {what} of the certificate \"{subject}\" has {bits} bits of security, and \
             security level {level} requires {required}"
        );
        ConfigError::new("identity", reason)
    }

    pub(super) fn suites(&self, suites: Vec<CipherSuite>) -> Vec<CipherSuite> {
        let fits = |suite: &CipherSuite| suite.security_bits() >= self.bits;
        suites.into_iter().filter(fits).collect()
    }

    pub(super) fn groups(&self, groups: Vec<NamedGroup>) -> Result<Vec<NamedGroup>, ConfigError> {
        let fits = |group: &NamedGroup| group.security_bits() >= self.bits;
        self.some_left("group", groups.into_iter().filter(fits).collect())
    }

    pub(super) fn schemes(
        &self,
        schemes: Vec<SignatureScheme>,
    ) -> Result<Vec<SignatureScheme>, ConfigError> {
        let fits = |scheme: &SignatureScheme| scheme.security_bits() >= self.bits;
        self.some_left("signature scheme", schemes.into_iter().filter(fits).collect())
    }

    fn some_left<T>(&self, what: &str, left: Vec<T>) -> Result<Vec<T>, ConfigError> {
        let Self { level, bits } = self;
        if left.is_empty() {
            let reason = format!("no {what} reaches the {bits} bits of security of level {level}");
            return Err(ConfigError::new("security_level", reason));
        }
        Ok(left)
    }
}
