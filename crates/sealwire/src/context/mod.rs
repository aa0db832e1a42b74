//! The secure context: identities, trust and protocol settings, built once and shared.

mod builder;
mod credentials;
mod identity;
#[cfg(feature = "legacy")]
mod old;
mod resumption;
mod server;
mod speech;
mod strength;

use std::fmt;
use std::sync::{Arc, OnceLock};

use sealwire_x509::{Certificate, Crl};

pub use builder::SecureContextBuilder;
pub use identity::Identity;
pub(crate) use server::Serving;

use credentials::Credentials;

use crate::engine::{self, Credential};
use crate::error::{Known, OwnCertificate};
use crate::pki::TrustStore;
use crate::reading::{ClientHello, EchConfigList};
use crate::verify::{CertificateRequest, Policy};
use crate::words::{
    Alert, CannotSpeak, CipherSuite, ConfigError, ProtocolVersion, ServerName, SignatureScheme,
    now, scheme_list,
};

/// Identities, trust and protocol settings for any number of connections of both roles.
///
/// Immutable and cheap to clone. To change something, build another and use it for the
/// new connections; existing ones keep theirs.
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
    credentials: Credentials,
    trust: TrustStore,
    policy: Arc<Policy>,
    /// Lists in which our own certificate is looked up when a server refuses it.
    own_crls: Vec<Crl>,
    settings: engine::Settings,
    client: engine::ClientConfig,
    resumption: resumption::Resumption,
    /// Why the engine is not to be started at all.
    lack: Option<CannotSpeak>,
    /// How old peers are spoken with, if they are.
    old: Option<engine::Old>,
    /// One for each [`ClientAuth`](crate::ClientAuth), made when first needed; and those for clients
    /// that are to agree in a post-quantum group.
    servers: [[OnceLock<engine::ServerConfig>; 3]; 2],
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
        &self.0.credentials.identities
    }

    /// The identity that a server of this context shows to a client with these offers; `None`
    /// when none goes with them, and the handshake would fail.
    pub fn identity_for(&self, hello: &ClientHello) -> Option<&Identity> {
        let Inner { credentials, settings, .. } = &*self.0;
        let offered = hello.cipher_suites();
        let place = |suite: &CipherSuite| offered.iter().position(|one| *one == suite.number());
        let manner = settings.manner();
        let chosen = manner.choose(&credentials.shown, place, hello.signature_schemes())?;
        credentials.identities.get(chosen)
    }

    /// The enabled cipher suites, in order of preference. None: see
    /// [`versions`](SecureContextBuilder::versions).
    pub fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        if self.can_speak().is_err() {
            return Vec::new();
        }
        self.0.settings.manner().suites.clone()
    }

    /// Whether this is the very same context, and not one that was built alike.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether peers are judged by the same: the very trust, and equal lists and terms.
    pub(crate) fn judges_like(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.policy(), other.policy());
        self.is_same(other)
            || std::ptr::eq(self.trust().certificates(), other.trust().certificates())
                && ours.crls == theirs.crls
                && ours.public == theirs.public
                && ours.partial_chain == theirs.partial_chain
                && ours.policies == theirs.policies
                && ours.security_level == theirs.security_level
    }

    /// The certificates that this context trusts.
    pub fn trust(&self) -> &TrustStore {
        &self.0.trust
    }

    /// The chain of our first identity, as it is sent.
    pub(crate) fn first_chain(&self) -> Option<&Arc<[Certificate]>> {
        self.0.credentials.shown.first().map(Credential::chain)
    }

    /// The chains of our identities, as they are sent.
    #[cfg(feature = "watch")]
    pub(crate) fn chains(&self) -> impl Iterator<Item = &Arc<[Certificate]>> {
        self.0.credentials.shown.iter().map(Credential::chain)
    }

    /// Whether any handshake can succeed with the versions and suites of this context.
    pub(crate) fn can_speak(&self) -> Result<(), CannotSpeak> {
        self.0.lack.map_or(Ok(()), Err)
    }

    /// The revocation lists that peers are looked up in.
    pub fn crls(&self) -> &[Crl] {
        &self.policy().crls
    }

    /// What our own certificate has to do with it that a server refuses us by this alert. `chain` is
    /// ours, unless the request says what was shown.
    pub(crate) fn own_certificate_behind(
        &self,
        alert: Alert,
        chain: &[Certificate],
        request: Option<CertificateRequest>,
    ) -> Option<OwnCertificate> {
        let shown = request.as_ref().map(|request| request.shown().to_vec());
        let shown = shown.filter(|shown| !shown.is_empty());
        let crls = [self.crls(), &self.0.own_crls[..]].concat();
        let known = Known {
            chain: shown.as_deref().unwrap_or(chain),
            request,
            crls: &crls,
            trust: self.trust(),
            now: self.now(),
        };
        OwnCertificate::behind(alert, known)
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.0.policy
    }

    /// Whether this version is enabled.
    pub(crate) fn speaks(&self, version: ProtocolVersion) -> bool {
        self.0.settings.manner().versions.contains(&version)
    }

    /// Now, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        now(&*self.0.settings.manner().time)
    }

    /// The newest version that is enabled.
    pub(crate) fn newest_version(&self) -> Option<ProtocolVersion> {
        self.0.settings.manner().versions.iter().copied().max()
    }

    /// Whether one of these cipher suites is enabled, in `version` if it is known.
    pub(crate) fn speaks_any(&self, suites: &[u16], version: Option<ProtocolVersion>) -> bool {
        self.0.settings.manner().suites.iter().any(|suite| {
            let fits = version.is_none_or(|version| version == suite.protocol());
            fits && suites.contains(&suite.number())
        })
    }

    /// Whether OpenSSL with the same settings would share a signature scheme with this peer. By
    /// default it enables all that have a name, also those that this engine does not support.
    pub(crate) fn openssl_shares_a_scheme(&self, of_peer: &[u16]) -> bool {
        let by_default = *self.0.settings.manner().schemes == *scheme_list::DEFAULT;
        let named = |number: &u16| SignatureScheme::from_number(*number).is_some();
        !self.shared_schemes(of_peer).is_empty() || by_default && of_peer.iter().any(named)
    }

    /// Which of a peer's signature schemes are ours as well, in the peer's order.
    pub(crate) fn shared_schemes(&self, of_peer: &[u16]) -> Box<[SignatureScheme]> {
        let ours = &self.0.settings.manner().schemes;
        let ours = |number: &u16| ours.iter().find(|ours| ours.number() == *number);
        of_peer.iter().filter_map(ours).copied().collect()
    }

    /// The policy that servers are verified by, and the identity of a client.
    #[cfg(feature = "rustls-config")]
    pub(crate) fn client_terms(&self) -> (Arc<Policy>, engine::ClientIdentity) {
        (self.policy().clone(), self.0.client.identity())
    }

    /// The engine's configuration for a client that drives it itself.
    #[cfg(feature = "rustls-config")]
    pub(crate) fn lent(&self, loan: engine::Loan) -> engine::LentConfig {
        self.0.settings.lent(loan)
    }

    /// How old peers are spoken with, if they are.
    pub(crate) fn old(&self) -> Option<&engine::Old> {
        self.0.old.as_ref()
    }

    /// The engine's settings for a client connection: the shared ones, or a clone (about 100 ns)
    /// with what differs replaced.
    pub(crate) fn client_config(&self, alpn: &[Vec<u8>], send_sni: bool) -> engine::ClientConfig {
        let shared = &self.0.client;
        if alpn.is_empty() && send_sni { shared.clone() } else { shared.adapted(alpn, send_sni) }
    }

    /// The same with Encrypted Client Hello, and the public name that is then sent in plaintext.
    pub(crate) fn with_ech(
        &self,
        config: &engine::ClientConfig,
        configs: Option<&EchConfigList>,
    ) -> Result<(engine::ClientConfig, Option<ServerName>), ConfigError> {
        self.0.settings.with_ech(config, configs)
    }
}

impl fmt::Debug for SecureContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureContext")
            .field("identities", &self.0.credentials.identities)
            .field("trust", &self.0.trust)
            .finish_non_exhaustive()
    }
}
