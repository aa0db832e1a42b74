//! The settings of a context and of its servers, as rustls wants them. Built once; a connection
//! takes the shared ones, or a clone (about 100 ns) with what differs replaced.

use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::time_provider::TimeProvider;
use rustls::{SignatureScheme, SupportedProtocolVersion};

use super::clock::EngineClock;
use super::key_log::ConnectionKeyLog;
use super::resolver::{ClientIdentities, Only, ServerIdentities, Stapled};
use super::sessions::{self, ConnectionStore};
use super::{compression, ech, names, provider, verifier};
use crate::engine::{Credential, Manner, Order, Service};
use crate::reading::EchConfigList;
use crate::words::{ClientAuth, ConfigError, ProtocolVersion, ServerName};

/// A [`Manner`] in rustls' words.
pub(crate) struct Settings {
    manner: Arc<Manner>,
    versions: Vec<&'static SupportedProtocolVersion>,
    schemes: Arc<[SignatureScheme]>,
    provider: Arc<CryptoProvider>,
    /// The same with the post-quantum groups only.
    post_quantum: Arc<CryptoProvider>,
    time: Arc<dyn TimeProvider>,
}

/// The settings of a context's client connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ClientConfig(pub(super) Arc<rustls::ClientConfig>);

/// The settings of server connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ServerConfig(pub(super) Arc<rustls::ServerConfig>);

/// The identity of a client: a session is resumed only under the identities that made it, so they live
/// as long as it, also when their context is gone.
#[derive(Clone)]
pub(crate) struct ClientIdentity(pub(super) Arc<dyn ResolvesClientCert>);

impl Settings {
    pub(crate) fn new(manner: Manner) -> Self {
        let suites = manner.suites.iter().map(|suite| provider::told(names::to_suite(*suite)));
        let provider = Arc::new(CryptoProvider {
            cipher_suites: suites.collect(),
            kx_groups: manner.groups.iter().map(|group| names::to_group(*group)).collect(),
            ..aws_lc_rs::default_provider()
        });
        let groups = manner.groups.iter().filter(|group| group.is_post_quantum());
        let post_quantum = Arc::new(CryptoProvider {
            kx_groups: groups.map(|group| names::to_group(*group)).collect(),
            ..CryptoProvider::clone(&provider)
        });
        Self {
            post_quantum,
            versions: manner.versions.iter().filter_map(|one| names::to_version(*one)).collect(),
            schemes: manner.schemes.iter().map(names::to_scheme).collect(),
            provider,
            time: Arc::new(EngineClock(manner.time.clone())),
            manner: Arc::new(manner),
        }
    }

    pub(crate) fn manner(&self) -> &Manner {
        &self.manner
    }

    /// Settings for clients with these identities.
    ///
    /// # Errors
    /// When there is no suite or group for one of the versions.
    pub(crate) fn client(&self, credentials: &[Credential]) -> Result<ClientConfig, ConfigError> {
        let (provider, time) = (self.provider.clone(), self.time.clone());
        let mut config = rustls::ClientConfig::builder_with_details(provider, time)
            .with_protocol_versions(&self.versions)
            .map_err(|e| ConfigError::new("versions", e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier::server_cert_verifier(&self.schemes))
            .with_client_cert_resolver(ClientIdentities::shared(credentials, &self.schemes));
        config.resumption = Resumption::store(Arc::new(ConnectionStore));
        config.enable_secret_extraction = true; // for our own record layer
        config.key_log = Arc::new(ConnectionKeyLog);
        config.cert_compressors = self.compressors();
        config.cert_decompressors = self.decompressors();
        Ok(ClientConfig(Arc::new(config)))
    }

    /// `shared` with Encrypted Client Hello: with these configurations, or GREASE. It requires TLS
    /// 1.3, so no other version is offered, and no session is resumed. Returns the public name
    /// too.
    ///
    /// # Errors
    /// When none of the configurations can be used, or TLS 1.3 is not spoken.
    pub(crate) fn with_ech(
        &self,
        shared: &ClientConfig,
        configs: Option<&EchConfigList>,
    ) -> Result<(ClientConfig, Option<ServerName>), ConfigError> {
        let (mode, name) = match configs {
            Some(configs) => ech::hidden(configs).map(|(mode, name)| (mode, Some(name)))?,
            None => (ech::grease()?, None),
        };
        if !self.manner.versions.contains(&ProtocolVersion::Tls13) {
            return Err(ConfigError::new("ech", "requires TLS 1.3, which is not enabled"));
        }
        let (provider, time) = (self.provider.clone(), self.time.clone());
        let mut config = rustls::ClientConfig::builder_with_details(provider, time)
            .with_ech(mode)
            .map_err(|e| ConfigError::new("ech", e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier::server_cert_verifier(&self.schemes))
            .with_client_cert_resolver(shared.0.client_auth_cert_resolver.clone());
        config.resumption = Resumption::disabled();
        config.alpn_protocols = shared.0.alpn_protocols.clone();
        config.enable_sni = shared.0.enable_sni;
        config.enable_secret_extraction = true; // for our own record layer
        config.key_log = Arc::new(ConnectionKeyLog);
        config.cert_compressors = self.compressors();
        config.cert_decompressors = self.decompressors();
        Ok((ClientConfig(Arc::new(config)), name))
    }

    /// Settings for clients of programs that drive rustls themselves. Nothing is noted there,
    /// so the provider is plain; and no session is resumed, since its server would not be verified again,
    /// and it would continue under the identity that it was made with.
    #[cfg(feature = "rustls-config")]
    pub(crate) fn lent(&self, loan: super::Loan) -> super::LentConfig {
        let suites = self.manner.suites.iter().map(|suite| names::to_suite(*suite));
        let provider = CryptoProvider {
            cipher_suites: suites.collect(),
            ..CryptoProvider::clone(&self.provider)
        };
        let (verifier, identities) = super::lent::faces(&loan, &self.schemes);
        let mut config =
            rustls::ClientConfig::builder_with_details(Arc::new(provider), self.time.clone())
                .with_protocol_versions(&self.versions)
                .expect("the context's own settings were built with the same versions")
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_client_cert_resolver(identities);
        config.resumption = Resumption::disabled();
        config.alpn_protocols = loan.alpn;
        config.enable_sni = loan.send_sni;
        config.cert_compressors = self.compressors();
        config.cert_decompressors = self.decompressors();
        config
    }

    /// Settings for servers. Those of a client have been built with success before.
    pub(crate) fn server(&self, service: Service<'_>) -> ServerConfig {
        let Service { post_quantum, client_auth, named, credentials, sessions } = service;
        // The engine asks for a share in a group that a client lists and we have: of these only.
        let provider = if post_quantum { &self.post_quantum } else { &self.provider };
        let (provider, time) = (provider.clone(), self.time.clone());
        let builder = rustls::ServerConfig::builder_with_details(provider, time)
            .with_protocol_versions(&self.versions)
            .expect("the client's settings were built with the same versions");
        let builder = match client_auth {
            ClientAuth::None => builder.with_no_client_auth(),
            ClientAuth::Request | ClientAuth::Require => {
                builder.with_client_cert_verifier(verifier::client_cert_verifier(
                    named.into_iter().map(Into::into).collect(),
                    client_auth == ClientAuth::Require,
                    &self.schemes,
                ))
            }
        };
        let identities = ServerIdentities::new(credentials, &self.manner, &self.schemes);
        let mut config = builder.with_cert_resolver(Arc::new(identities));
        config.cert_compressors = self.compressors();
        config.cert_decompressors = self.decompressors();
        sessions::grant(sessions, &mut config);
        config.ignore_client_order = self.manner.order == Order::Ours;
        config.enable_secret_extraction = true; // for our own record layer
        config.key_log = Arc::new(ConnectionKeyLog);
        ServerConfig(Arc::new(config))
    }

    /// `shared` with these protocols, and another identity or a staple where they are given.
    pub(crate) fn adapted(
        &self,
        shared: &ServerConfig,
        alpn: &[Vec<u8>],
        only: Option<&Credential>,
        staple: Option<Vec<u8>>,
    ) -> ServerConfig {
        let mut config = rustls::ServerConfig::clone(&shared.0);
        config.alpn_protocols = alpn.to_vec();
        if let Some(only) = only {
            config.cert_resolver = Arc::new(Only::new(only, &self.manner, &self.schemes));
        }
        if let Some(staple) = staple {
            config.cert_resolver = Arc::new(Stapled { inner: config.cert_resolver, staple });
        }
        ServerConfig(Arc::new(config))
    }

    fn compressors(&self) -> Vec<&'static dyn rustls::compress::CertCompressor> {
        self.manner.compression.iter().map(|one| compression::compressor(*one)).collect()
    }

    fn decompressors(&self) -> Vec<&'static dyn rustls::compress::CertDecompressor> {
        self.manner.compression.iter().map(|one| compression::decompressor(*one)).collect()
    }
}

impl ClientConfig {
    /// The same with these protocols, and SNI or not.
    pub(crate) fn adapted(&self, alpn: &[Vec<u8>], send_sni: bool) -> Self {
        let mut config = rustls::ClientConfig::clone(&self.0);
        config.alpn_protocols = alpn.to_vec();
        config.enable_sni = send_sni;
        Self(Arc::new(config))
    }

    pub(crate) fn identity(&self) -> ClientIdentity {
        ClientIdentity(self.0.client_auth_cert_resolver.clone())
    }
}

impl ClientIdentity {
    /// Whether it is the very same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
