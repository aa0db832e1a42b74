//! Old peers, as JavaScript asks for them.

use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use sealwire::{Legacy, OpensslSource};

use crate::failure::{Thrown, config};

/// How a context speaks with old peers.
#[napi(object, object_to_js = false)]
pub struct LegacySettings {
    /// Parameters for DHE (PEM).
    pub dh_parameters: Option<Buffer>,
    /// OpenSSL's, in their place.
    pub dh_auto: bool,
    /// Whether pre-shared keys are taken.
    pub psk: bool,
    /// A server's identity hint, sent to clients before they name theirs.
    pub psk_hint: Option<String>,
    /// Whether all connections are made so, whatever they could be without it.
    pub every_connection: bool,
    /// The same of clients only.
    pub every_client: bool,
}

impl From<LegacySettings> for Legacy {
    fn from(settings: LegacySettings) -> Self {
        let mut legacy = Self::new()
            .source(OpensslSource::Host)
            .renegotiation(true)
            .protocol_level_of_context()
            .psk(settings.psk)
            .every_connection(settings.every_connection)
            .every_client(settings.every_client);
        if let Some(pem) = settings.dh_parameters {
            legacy = legacy.dh_parameters(pem.to_vec());
        } else if !settings.dh_auto {
            legacy = legacy.no_dh();
        }
        settings.psk_hint.into_iter().fold(legacy, Self::psk_hint)
    }
}

/// Why the running program has no OpenSSL for old peers.
pub(crate) fn why_no_openssl() -> Option<String> {
    OpensslSource::Host.check().err().map(|error| error.to_string())
}

/// Whether this is the first call in the process: its worker threads share the addon, and nothing else.
pub(crate) fn is_first_warning() -> bool {
    static WARNED: AtomicBool = AtomicBool::new(false);
    !WARNED.swap(true, Ordering::Relaxed)
}

/// How long the prime of these parameters for DHE is, in bits.
pub(crate) fn dh_bits(pem: &[u8]) -> Result<u32, Thrown> {
    OpensslSource::Host.dh_bits(pem).map_err(|error| config(&error))
}
