//! Encrypted Client Hello (RFC 9849): which configuration is used, and what hello hides by it.

use rustls::client::{EchConfig, EchGreaseConfig, EchMode};
use rustls::crypto::aws_lc_rs::hpke::{ALL_SUPPORTED_SUITES, DH_KEM_X25519_HKDF_SHA256_AES_128};
use rustls::crypto::hpke::Hpke;
use rustls::internal::msgs::codec::Codec;
use rustls::internal::msgs::handshake::EchConfigPayload;
use rustls_pki_types::EchConfigListBytes;

use crate::reading::EchConfigList;
use crate::words::{ConfigError, ServerName};

const OPTION: &str = "ech";

/// How a hello is hidden by the first usable configuration, and the public name
/// that is sent in plaintext.
pub(super) fn hidden(configs: &EchConfigList) -> Result<(EchMode, ServerName), ConfigError> {
    for config in configs.configs() {
        let alone = EchConfigListBytes::from(config.alone());
        let (Some(contents), Ok(usable)) =
            (&config.contents, EchConfig::new(alone, ALL_SUPPORTED_SUITES))
        else {
            continue;
        };
        if let Ok(name) = contents.public_name.parse::<ServerName>() {
            return Ok((EchMode::Enable(usable), name));
        }
    }
    let what = "none of the configurations is usable: other versions, KEMs or suites, unknown \
                mandatory extensions, or an invalid public name";
    Err(ConfigError::new(OPTION, what))
}

/// Whether one of these configurations can be used.
pub(crate) fn check(configs: &EchConfigList) -> Result<(), ConfigError> {
    hidden(configs).map(|_| ())
}

/// A hello that looks as if it hid something (section 6.2). Servers with ECH answer it with their
/// configurations.
pub(super) fn grease() -> Result<EchMode, ConfigError> {
    let suite = DH_KEM_X25519_HKDF_SHA256_AES_128;
    let (key, _) =
        suite.generate_key_pair().map_err(|e| ConfigError::new(OPTION, e.to_string()))?;
    Ok(EchMode::Grease(EchGreaseConfig::new(suite, key)))
}

/// The configurations that a server gave to a client whose own it does not have. rustls keeps them in a
/// type that has no bytes but by its internal encoder.
pub(super) fn list(given: &Vec<EchConfigPayload>) -> Option<EchConfigList> {
    let mut bytes = Vec::new();
    given.encode(&mut bytes);
    EchConfigList::from_bytes(&bytes).ok()
}
