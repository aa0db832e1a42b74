//! The secure context: who we are, whom we trust and how we speak, built once and shared.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::server::NoServerSessionStorage;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{DistinguishedName, SignatureScheme};
use rustls_pki_types::UnixTime;
use sealwire_x509::Crl;

use crate::groups;
use crate::identity::Identity;
use crate::names::ProtocolVersion;
use crate::options::{ClientAuth, ClientSettings};
use crate::server_name::ServerName;
use crate::session::verifier;
use crate::trust::TrustStore;
use crate::verify::Policy;

/// Identities, trust and protocol settings for any number of connections of both roles.
///
/// Immutable and cheap to clone. To change something, build another and use it for the
/// connections to come; those that exist keep theirs.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sealwire::{Identity, SecureContext, TrustStore};
/// let context = SecureContext::builder()
///     .identity(Identity::from_pem_files("cert.pem", "key.pem")?)
///     .trust(TrustStore::from_pem_file("ca.pem")?)
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SecureContext(Arc<Inner>);

struct Inner {
    identities: Vec<Identity>,
    trust: TrustStore,
    policy: Arc<Policy>,
    time: Arc<dyn TimeSource>,
    client: Arc<rustls::ClientConfig>,
    client_sessions: Arc<dyn ClientSessionStore>,
    provider: Arc<CryptoProvider>,
    versions: Vec<&'static rustls::SupportedProtocolVersion>,
    /// One for each [`ClientAuth`]: a session in which nobody asked for a certificate must not be
    /// resumed where one is asked for, but give way to a full handshake.
    ticketers: [Arc<dyn rustls::server::ProducesTickets>; 3],
    /// One for each [`ClientAuth`], made when first needed.
    servers: [OnceLock<Arc<rustls::ServerConfig>>; 3],
}

/// What is wrong with the settings of a [`SecureContext`]; names the option at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    option: &'static str,
    reason: String,
}

/// Where a context has the time from: the system's clock, or a fixed one in tests.
pub trait TimeSource: Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;
}

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

impl SecureContext {
    /// Starts with secure defaults: no identity, the bundled roots, TLS 1.2 and 1.3, security
    /// level 2.
    pub fn builder() -> SecureContextBuilder {
        SecureContextBuilder {
            identities: Vec::new(),
            trust: None,
            crls: Vec::new(),
            versions: ProtocolVersion::Tls12..=ProtocolVersion::Tls13,
            groups: groups::default_groups(),
            security_level: 2,
            time: Arc::new(SystemClock),
        }
    }

    /// Our identities.
    pub fn identities(&self) -> &[Identity] {
        &self.0.identities
    }

    /// Whom this context trusts.
    pub fn trust(&self) -> &TrustStore {
        &self.0.trust
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.0.policy
    }

    /// Now, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        seconds(self.0.time.now())
    }

    /// Drops the sessions with this server. What was refused once must not be offered again: the
    /// server may have another certificate by now, which only a full handshake shows.
    pub(crate) fn forget_sessions(&self, server_name: &ServerName) {
        let (sessions, name) = (&self.0.client_sessions, server_name.to_rustls());
        sessions.remove_tls12_session(&name);
        while sessions.take_tls13_ticket(&name).is_some() {}
    }

    /// The engine's settings for a client connection: the shared ones, or a clone (about 100 ns)
    /// with what differs replaced.
    pub(crate) fn client_config(&self, settings: &ClientSettings) -> Arc<rustls::ClientConfig> {
        let shared = &self.0.client;
        if settings.alpn.is_empty() && settings.send_sni && settings.resume {
            return shared.clone();
        }
        let mut config = rustls::ClientConfig::clone(shared);
        config.alpn_protocols = settings.alpn.to_vec();
        config.enable_sni = settings.send_sni;
        if !settings.resume {
            config.resumption = Resumption::disabled();
        }
        Arc::new(config)
    }

    /// The engine's settings for a server connection.
    pub(crate) fn server_config(
        &self,
        client_auth: ClientAuth,
        alpn: &[Vec<u8>],
    ) -> Arc<rustls::ServerConfig> {
        let shared = self.0.servers[client_auth as usize]
            .get_or_init(|| Arc::new(self.0.build_server(client_auth)));
        if alpn.is_empty() {
            return shared.clone();
        }
        let mut config = rustls::ServerConfig::clone(shared);
        config.alpn_protocols = alpn.to_vec();
        Arc::new(config)
    }
}

impl SecureContextBuilder {
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
        let provider =
            Arc::new(CryptoProvider { kx_groups: self.groups, ..aws_lc_rs::default_provider() });
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
        })))
    }
}

impl Inner {
    fn build_server(&self, client_auth: ClientAuth) -> rustls::ServerConfig {
        let time: Arc<dyn TimeProvider> = Arc::new(EngineClock(self.time.clone()));
        let builder = rustls::ServerConfig::builder_with_details(self.provider.clone(), time)
            .with_protocol_versions(&self.versions)
            .expect("the client's settings were built with the same versions");
        let builder = match client_auth {
            ClientAuth::None => builder.with_no_client_auth(),
            ClientAuth::Request | ClientAuth::Require => {
                let subjects =
                    self.trust.certificates().iter().map(|ca| ca.subject().der().to_vec().into());
                builder.with_client_cert_verifier(verifier::client_cert_verifier(
                    self.advertised(subjects),
                    client_auth == ClientAuth::Require,
                ))
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(Identities::of(&self.identities)));
        config.ticketer = self.ticketers[client_auth as usize].clone();
        // Tickets hold the state; the memory of a server does not grow with its clients.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config
    }

    /// The CA names for the certificate request. The bundled roots are many kilobytes of names
    /// that help no client to choose: then none are sent, which means any (RFC 8446, 4.2.4).
    fn advertised(
        &self,
        subjects: impl Iterator<Item = DistinguishedName>,
    ) -> Vec<DistinguishedName> {
        const TOO_MANY: usize = 64;
        if self.trust.certificates().len() > TOO_MANY { Vec::new() } else { subjects.collect() }
    }
}

impl ConfigError {
    pub(crate) fn new(option: &'static str, reason: impl Into<String>) -> Self {
        Self { option, reason: reason.into() }
    }

    /// The option at fault, by the name of the builder's method.
    pub fn option(&self) -> &'static str {
        self.option
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.reason)
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Debug for SecureContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureContext")
            .field("identities", &self.0.identities)
            .field("trust", &self.0.trust)
            .finish_non_exhaustive()
    }
}

fn client_base(
    provider: &Arc<CryptoProvider>,
    versions: &[&'static rustls::SupportedProtocolVersion],
    identities: &[Identity],
    time: Arc<dyn TimeProvider>,
) -> Result<rustls::ClientConfig, ConfigError> {
    let config = rustls::ClientConfig::builder_with_details(provider.clone(), time)
        .with_protocol_versions(versions)
        .map_err(|e| ConfigError::new("versions", e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier::server_cert_verifier())
        .with_client_cert_resolver(Arc::new(Identities::of(identities)));
    Ok(config)
}

/// Chooses the identity to show: the first whose key can sign in a way that the peer verifies.
/// As in OpenSSL, a client shows its certificate whatever CA names the server lists.
#[derive(Debug)]
struct Identities(Vec<Arc<CertifiedKey>>);

impl Identities {
    fn of(identities: &[Identity]) -> Self {
        Self(identities.iter().map(|identity| identity.certified().clone()).collect())
    }

    fn choose(&self, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.iter().find(|identity| identity.key.choose_scheme(schemes).is_some()).cloned()
    }
}

impl rustls::server::ResolvesServerCert for Identities {
    fn resolve(&self, hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.signature_schemes())
    }
}

impl rustls::client::ResolvesClientCert for Identities {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.choose(schemes)
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

#[derive(Debug)]
struct SystemClock;

impl TimeSource for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The same clock, as the engine wants it.
struct EngineClock(Arc<dyn TimeSource>);

impl TimeProvider for EngineClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(seconds(self.0.now())).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for EngineClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineClock")
    }
}

fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}
