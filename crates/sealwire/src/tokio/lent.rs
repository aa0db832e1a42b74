//! A connector for programs that drive rustls themselves.

use super::Connector;
use crate::engine::{LentConfig, Loan};
use crate::words::{ConfigError, PeerVerification};

impl Connector {
    /// This connector's settings as a configuration of rustls', for HTTP clients that want one: reqwest's
    /// `ClientBuilder::tls_backend_preconfigured`, hyper-rustls, tokio-rustls.
    ///
    /// Sealwire verifies the servers and chooses the identity, in
    /// each handshake with the connector's current context. A refusal is in rustls' error,
    /// as a [`Refusal`](crate::verify::Refusal); the server gets `certificate_unknown` (46).
    /// Versions, suites and groups are those of now. Sessions are not resumed, since rustls does
    /// not verify their server again. Timeouts, and when a connection has to end, are the client's
    /// business.
    ///
    /// # Errors
    /// A setting that cannot be kept here, by its name: `peer_verification` other than required,
    /// `key_log`, `live`, `psk`, `resume_session`, `keep_session`; and a context that rustls cannot
    /// speak as.
    pub fn rustls_config(&self) -> Result<LentConfig, ConfigError> {
        let settings = &self.settings;
        let beyond = |option, is_set: bool| match is_set {
            true => Err(ConfigError::new(option, "only a stream of ours can keep to it")),
            false => Ok(()),
        };
        let required = matches!(settings.verification, PeerVerification::Required);
        beyond("peer_verification", !required)?;
        beyond("key_log", self.key_log.is_some())?;
        beyond("live", self.live.is_some())?;
        beyond("psk", self.psk.is_some())?;
        beyond("resume_session", settings.session.is_some())?;
        beyond("keep_session", self.keep_session)?;
        let context = self.context.context();
        context.can_speak().map_err(|lack| ConfigError::new("versions", lack.to_string()))?;
        beyond("legacy", context.old().is_some())?;
        let current = self.context.clone();
        Ok(context.lent(Loan {
            terms: std::sync::Arc::new(move || current.load().client_terms()),
            name_check: settings.name_check.clone(),
            pins: settings.pins.clone(),
            alpn: settings.alpn.to_vec(),
            send_sni: settings.send_sni,
        }))
    }
}
