//! Speaking with old peers: the options, and the engine built from them.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::SecureContextBuilder;
use crate::engine::{Credential, LegacyParameters, Old, Order, Repertoire};
use crate::words::{
    CipherSuite, ConfigError, Dh, Legacy, NamedGroup, ProtocolVersion, SignatureScheme, TimeSource,
    cipher_list,
};

/// What was said of it.
#[derive(Default)]
pub(super) struct LegacyOptions {
    pub(super) legacy: Option<Legacy>,
    /// The suites that were chosen, those for old peers among them.
    pub(super) suites: Option<Vec<CipherSuite>>,
    /// The groups, in OpenSSL's words.
    pub(super) groups: Option<String>,
    /// Whether none of them is known to the first engine.
    pub(super) only_old_groups: bool,
}

/// What else of a context concerns it.
pub(super) struct Given<'a> {
    pub(super) versions: &'a RangeInclusive<ProtocolVersion>,
    pub(super) new_peers: bool,
    pub(super) groups: &'a [NamedGroup],
    pub(super) schemes: &'a [SignatureScheme],
    pub(super) order: Order,
    pub(super) level: u8,
    pub(super) time: &'a Arc<dyn TimeSource>,
    pub(super) credentials: &'a [Credential],
}

impl SecureContextBuilder {
    /// Enables old peers as well, through OpenSSL. Call it before
    /// [`cipher_list`](Self::cipher_list) and [`groups`](Self::groups), which then take what is for
    /// old peers only. TLS 1.0 and 1.1 are enabled where [`versions`](Self::versions) includes them.
    ///
    /// A server's connection is the second engine's when OpenSSL would agree with the client on what
    /// the first does not support. A client's is when its settings name such a thing: a version before
    /// TLS 1.2, a list that has nothing else for TLS 1.2, pre-shared keys. All other connections are
    /// what they are without this.
    #[must_use]
    pub fn legacy(mut self, legacy: Legacy) -> Self {
        self.old.legacy = Some(legacy);
        self
    }
}

impl LegacyOptions {
    /// # Errors
    /// When there is no OpenSSL, or it cannot do what is requested.
    pub(super) fn build(self, given: Given<'_>) -> Result<Option<Old>, ConfigError> {
        let Some(legacy) = self.legacy else { return Ok(None) };
        let (oldest, newest) = (*given.versions.start(), *given.versions.end());
        if oldest > newest {
            return Ok(None);
        }
        let mut suites = self.suites.unwrap_or_else(cipher_list::all_by_default);
        suites.retain(|suite| suite.protocol() <= newest && (legacy.psk || !suite.wants_psk()));
        if newest < ProtocolVersion::Tls13 {
            suites.retain(|suite| suite.protocol() < ProtocolVersion::Tls13);
        }
        let ours = Repertoire {
            oldest,
            newest,
            suites,
            groups: given.groups.to_vec(),
            schemes: given.schemes.to_vec(),
            order: given.order,
            psk: legacy.psk,
            dhe: !matches!(legacy.dh, Dh::None),
            new_peers: given.new_peers,
        };
        Old::new(LegacyParameters {
            legacy,
            ours,
            groups: self.groups,
            level: given.level,
            time: given.time.clone(),
            credentials: given.credentials.to_vec(),
        })
        .map(Some)
    }
}
