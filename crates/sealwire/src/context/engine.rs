//! A context's settings, as the engine wants them.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::time_provider::TimeProvider;
use rustls::{DistinguishedName, SignatureScheme};

use super::Inner;
use super::choice::{ClientIdentities, Order, ServerIdentities};
use super::credentials::Credentials;
use crate::engine::DeskKeyLog;
use crate::engine::resumption::DeskStore;
use crate::engine::verifier;
use crate::pki::TrustStore;
use crate::words::{ClientAuth, ConfigError, EngineClock};

impl Inner {
    /// Settings for servers of this context that show the identities of `credentials` and name
    /// its CAs; usually those are its own.
    pub(super) fn build_server(
        &self,
        client_auth: ClientAuth,
        credentials: &Self,
    ) -> rustls::ServerConfig {
        let time: Arc<dyn TimeProvider> = Arc::new(EngineClock(self.time.clone()));
        let builder = rustls::ServerConfig::builder_with_details(self.provider.clone(), time)
            .with_protocol_versions(&self.speech.versions)
            .expect("the client's settings were built with the same versions");
        let builder = match client_auth {
            ClientAuth::None => builder.with_no_client_auth(),
            ClientAuth::Request | ClientAuth::Require => {
                builder.with_client_cert_verifier(verifier::client_cert_verifier(
                    advertised(&credentials.credentials.named),
                    client_auth == ClientAuth::Require,
                    &self.rules.schemes,
                ))
            }
        };
        // Who only says whom to trust leaves us who we are, as in Node's `addContext`.
        let identities = match credentials.credentials.identities.is_empty() {
            true => &self.credentials.shown,
            false => &credentials.credentials.shown,
        };
        let identities = ServerIdentities::new(identities, self.rules.clone());
        let mut config = builder.with_cert_resolver(Arc::new(identities));
        config.cert_compressors = self.compression.iter().map(|one| one.compressor()).collect();
        config.cert_decompressors = self.compression.iter().map(|one| one.decompressor()).collect();
        self.resume_in(&mut config, client_auth);
        config.ignore_client_order = self.rules.order == Order::Ours;
        config.enable_secret_extraction = true; // for our own record layer
        config.key_log = Arc::new(DeskKeyLog);
        config
    }
}

/// The CA names for the certificate request. A whole root program is many kilobytes of names that
/// help no client to choose: then none are sent, which means any (RFC 8446, 4.2.4).
fn advertised(trust: &TrustStore) -> Vec<DistinguishedName> {
    const TOO_MANY: usize = 64;
    match trust.certificates() {
        cas if cas.len() > TOO_MANY => Vec::new(),
        cas => cas.iter().map(|ca| ca.subject().der().to_vec().into()).collect(),
    }
}

pub(super) fn client_base(
    provider: &Arc<CryptoProvider>,
    versions: &[&'static rustls::SupportedProtocolVersion],
    credentials: &Credentials,
    schemes: &Arc<[SignatureScheme]>,
    time: Arc<dyn TimeProvider>,
) -> Result<rustls::ClientConfig, ConfigError> {
    let mut config = rustls::ClientConfig::builder_with_details(provider.clone(), time)
        .with_protocol_versions(versions)
        .map_err(|e| ConfigError::new("versions", e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier::server_cert_verifier(schemes))
        .with_client_cert_resolver(ClientIdentities::shared(&credentials.shown, schemes));
    config.resumption = Resumption::store(Arc::new(DeskStore));
    config.enable_secret_extraction = true; // for our own record layer
    config.key_log = Arc::new(DeskKeyLog);
    Ok(config)
}
