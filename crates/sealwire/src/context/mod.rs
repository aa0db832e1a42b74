//! The secure context: who we are, whom we trust and how we speak, built once and shared.

mod builder;
mod choice;
mod clock;
mod config_error;
mod engine;
mod server;

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::{ClientSessionStore, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::server::ProducesTickets;

pub use builder::SecureContextBuilder;
pub use clock::TimeSource;
pub use config_error::ConfigError;
pub(crate) use server::Serving;

use crate::identity::Identity;
use crate::options::ClientSettings;
use crate::server_name::ServerName;
use crate::signature_scheme::SignatureScheme;
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
    /// One for each [`ClientAuth`](crate::ClientAuth): a session in which nobody asked for a certificate must not be
    /// resumed where one is asked for, but give way to a full handshake.
    ticketers: [Arc<dyn ProducesTickets>; 3],
    /// One for each [`ClientAuth`](crate::ClientAuth), made when first needed.
    servers: [OnceLock<Arc<rustls::ServerConfig>>; 3],
    /// Those made for the credentials of other contexts.
    borrowed: server::Borrowed,
}

impl SecureContext {
    /// Starts with secure defaults: no identity, the bundled roots, TLS 1.2 and 1.3, security
    /// level 2.
    pub fn builder() -> SecureContextBuilder {
        SecureContextBuilder::new()
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
        clock::seconds(self.0.time.now())
    }

    /// Which of a peer's signature schemes are ours as well, in the peer's order.
    pub(crate) fn shared_schemes(&self, of_peer: &[u16]) -> Box<[SignatureScheme]> {
        let ours = self.0.provider.signature_verification_algorithms.supported_schemes();
        let shared = |number: &&u16| ours.iter().any(|&scheme| u16::from(scheme) == **number);
        let named = of_peer.iter().filter(shared).copied();
        named.filter_map(SignatureScheme::from_number).collect()
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
}

impl fmt::Debug for SecureContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureContext")
            .field("identities", &self.0.identities)
            .field("trust", &self.0.trust)
            .finish_non_exhaustive()
    }
}
