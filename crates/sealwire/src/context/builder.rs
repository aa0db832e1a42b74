//! The settings of a context, gathered and checked.

use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::time_provider::TimeProvider;
use sealwire_x509::Crl;

use super::clock::{EngineClock, SystemClock, TimeSource};
use super::engine::client_base;
use super::server::Borrowed;
use super::{ConfigError, Inner, SecureContext};
use crate::groups;
use crate::identity::Identity;
use crate::names::ProtocolVersion;
use crate::session::provider;
use crate::trust::TrustStore;
use crate::verify::Policy;

/// Gathers the settings of a [`SecureContext`].
pub struct SecureContextBuilder {
    identities: Vec<Identity>,
    trust: Option<TrustStore>,
    crls: Vec<Crl>,
    versions: RangeInclusive<ProtocolVersion>,
    groups: Vec<&'static dyn SupportedKxGroup>,
    security_level: u8,
    time: Arc<dyn TimeSource>,
}

/// With how many servers a client keeps sessions.
const CLIENT_SESSIONS: usize = 256;

impl SecureContextBuilder {
    pub(super) fn new() -> Self {
        Self {
            identities: Vec::new(),
            trust: None,
            crls: Vec::new(),
            versions: ProtocolVersion::Tls12..=ProtocolVersion::Tls13,
            groups: groups::default_groups(),
            security_level: 2,
            time: Arc::new(SystemClock),
        }
    }

    /// Adds an identity. A server with several (RSA and ECDSA, say) shows the first that the
    /// client can verify.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Trusts exactly this set, in place of the bundled roots.
    #[must_use]
    pub fn trust(mut self, trust: TrustStore) -> Self {
        self.trust = Some(trust);
        self
    }

    /// Adds revocation lists. With any given, every certificate of a chain needs a list of its
    /// issuer: none is `UNABLE_TO_GET_CRL`.
    #[must_use]
    pub fn crls(mut self, crls: impl IntoIterator<Item = Crl>) -> Self {
        self.crls.extend(crls);
        self
    }

    /// The protocol versions to speak.
    #[must_use]
    pub fn versions(mut self, versions: RangeInclusive<ProtocolVersion>) -> Self {
        self.versions = versions;
        self
    }

    /// The groups for the key agreement, best first, in OpenSSL's syntax: `X25519:P-256`. The
    /// default is `X25519MLKEM768:X25519:P-256:P-384`.
    ///
    /// # Errors
    /// A name that is unknown, or known to OpenSSL but not to this engine.
    pub fn groups(mut self, list: &str) -> Result<Self, ConfigError> {
        self.groups = groups::parse(list)?;
        Ok(self)
    }

    /// OpenSSL's security level, 0 to 5, for the keys and digests of chains: at 2, the default,
    /// RSA keys under 2048 bits and SHA-1 signatures are refused. It only ever refuses: what the
    /// engine cannot verify stays refused at 0.
    #[must_use]
    pub fn security_level(mut self, level: u8) -> Self {
        self.security_level = level;
        self
    }

    /// Judges validity by this clock.
    #[must_use]
    pub fn time_source(mut self, time: Arc<dyn TimeSource>) -> Self {
        self.time = time;
        self
    }

    /// Builds the context.
    ///
    /// # Errors
    /// An empty range of versions, or a security level above 5.
    pub fn build(self) -> Result<SecureContext, ConfigError> {
        if self.versions.is_empty() {
            return Err(ConfigError::new("versions", "the range of versions is empty"));
        }
        if self.security_level > 5 {
            return Err(ConfigError::new("security_level", "security levels go from 0 to 5"));
        }
        let trust = self.trust.unwrap_or_else(TrustStore::bundled);
        let policy = Arc::new(Policy {
            trust: trust.set().clone(),
            crls: self.crls.into(),
            partial_chain: trust.allows_partial_chain(),
            security_level: self.security_level,
        });
        let versions: Vec<_> = [ProtocolVersion::Tls13, ProtocolVersion::Tls12]
            .into_iter()
            .filter(|version| self.versions.contains(version))
            .map(ProtocolVersion::to_rustls)
            .collect();
        let provider = Arc::new(CryptoProvider { kx_groups: self.groups, ..provider::provider() });
        let time: Arc<dyn TimeProvider> = Arc::new(EngineClock(self.time.clone()));
        let ticketer = || {
            aws_lc_rs::Ticketer::new()
                .map_err(|e| ConfigError::new("tickets", format!("no random bytes: {e}")))
        };
        let ticketers = [ticketer()?, ticketer()?, ticketer()?];
        let mut client = client_base(&provider, &versions, &self.identities, time)?;
        let client_sessions = Arc::new(ClientSessionMemoryCache::new(CLIENT_SESSIONS));
        client.resumption = Resumption::store(client_sessions.clone());
        Ok(SecureContext(Arc::new(Inner {
            identities: self.identities,
            trust,
            policy,
            time: self.time,
            client: Arc::new(client),
            client_sessions,
            provider,
            versions,
            ticketers,
            servers: [const { OnceLock::new() }; 3],
            borrowed: Borrowed::default(),
        })))
    }
}
