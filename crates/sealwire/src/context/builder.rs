//! The settings of a context, gathered and checked.

use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use sealwire_x509::{Certificate, Crl};

use super::Identity;
use super::credentials::{Credentials, Trust};
use super::resumption::Settings;
use super::server::Borrowed;
use super::speech::Speech;
use super::strength::Strength;
use super::{Inner, SecureContext};
use crate::engine::{self, Manner, Order};
use crate::pki::TrustStore;
use crate::verify::Policy;
use crate::words::{
    CertCompression, CipherSuite, ConfigError, NamedGroup, ProtocolVersion, SignatureScheme,
    SystemClock, TimeSource, cipher_list, groups, scheme_list,
};

/// Gathers the settings of a [`SecureContext`].
pub struct SecureContextBuilder {
    identities: Vec<Identity>,
    trust: Trust,
    crls: Vec<Crl>,
    own_crls: Vec<Crl>,
    versions: RangeInclusive<ProtocolVersion>,
    suites: Vec<CipherSuite>,
    prefer_server_order: bool,
    groups: Vec<NamedGroup>,
    retry_for_post_quantum: bool,
    schemes: Vec<SignatureScheme>,
    security_level: u8,
    check_own_digests: bool,
    compression: Vec<CertCompression>,
    time: Arc<dyn TimeSource>,
    pub(super) sessions: Settings,
    #[cfg(feature = "legacy")]
    pub(super) old: super::old::LegacyOptions,
}

impl SecureContextBuilder {
    pub(super) fn new() -> Self {
        Self {
            identities: Vec::new(),
            trust: Trust::default(),
            crls: Vec::new(),
            own_crls: Vec::new(),
            versions: ProtocolVersion::Tls12..=ProtocolVersion::Tls13,
            suites: cipher_list::default_suites(),
            prefer_server_order: true,
            groups: groups::default_groups(),
            retry_for_post_quantum: true,
            schemes: scheme_list::DEFAULT.to_vec(),
            security_level: 2,
            check_own_digests: true,
            compression: Vec::new(),
            time: Arc::new(SystemClock),
            sessions: Settings::default(),
            #[cfg(feature = "legacy")]
            old: super::old::LegacyOptions::default(),
        }
    }

    /// Adds an identity. Which of several is shown depends on the peer's offers, as in OpenSSL:
    /// in TLS 1.3 the first [signature scheme](Self::signature_schemes) decides for which there is
    /// a key, in TLS 1.2 the first [cipher suite](Self::cipher_list). By default that is ECDSA
    /// before RSA. Of identities with the same kind of key the first counts.
    ///
    /// A leaf without its issuers is sent with those that are found in
    /// [`trust`](Self::trust) (without it, [`default_trust`](Self::default_trust)) and
    /// [`extra_trust`](Self::extra_trust), the root included.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Trusts exactly this set, in place of the bundled roots. A server names its members to the
    /// clients that it asks for a certificate
    /// ([RFC 8446, 4.2.4](https://www.rfc-editor.org/rfc/rfc8446#section-4.2.4)), unless they are very many.
    #[must_use]
    pub fn trust(mut self, trust: TrustStore) -> Self {
        self.trust.given = Some(trust);
        self
    }

    /// Trusts these too, besides [`trust`](Self::trust) or the bundled roots. Called again, they
    /// are added. Node does so with the certificates of a PFX that are not its leaf
    /// ([`Pfx::chain`](crate::pki::Pfx::chain)).
    #[must_use]
    pub fn extra_trust(mut self, trust: &TrustStore) -> Self {
        let extra = self.trust.extra.as_ref();
        self.trust.extra = Some(extra.map_or_else(|| trust.clone(), |extra| extra.and(trust)));
        self
    }

    /// The roots to trust when [`trust`](Self::trust) is not called, in place of the bundled roots:
    /// [`TrustStore::from_env`], say. These are not named to clients.
    #[must_use]
    pub fn default_trust(mut self, trust: TrustStore) -> Self {
        self.trust.default = Some(trust);
        self
    }

    /// Whether a leaf that was given without its chain is sent with its issuers from the trusted
    /// certificates, up to the root, as OpenSSL does unless `SSL_MODE_NO_AUTO_CHAIN` is set. True by
    /// default; the bundled roots complete nothing.
    #[must_use]
    pub fn auto_chain(mut self, auto_chain: bool) -> Self {
        self.trust.completes_nothing = !auto_chain;
        self
    }

    /// Adds revocation lists. With any given, every certificate of a chain needs a list of its
    /// issuer: none is `UNABLE_TO_GET_CRL`.
    #[must_use]
    pub fn crls(mut self, crls: impl IntoIterator<Item = Crl>) -> Self {
        self.crls.extend(crls);
        self
    }

    /// Adds revocation lists in which a client's own certificate is looked up, besides [`crls`](Self::crls),
    /// when a server refuses it ([`Error::own_certificate`](crate::Error::own_certificate)). Peers
    /// are not looked up in them.
    #[must_use]
    pub fn own_crls(mut self, crls: impl IntoIterator<Item = Crl>) -> Self {
        self.own_crls.extend(crls);
        self
    }

    /// The protocol versions to speak. A range without a version that the engine speaks is no
    /// error here, as in OpenSSL, and is never widened: every handshake fails with
    /// [`Error::CannotSpeak`](crate::Error::CannotSpeak).
    #[must_use]
    pub fn versions(mut self, versions: RangeInclusive<ProtocolVersion>) -> Self {
        self.versions = versions;
        self
    }

    /// The cipher suites to enable, best first, in OpenSSL's list language, as in Node's option
    /// `ciphers`: of the parts between colons, those that begin with `TLS_` name suites of
    /// TLS 1.3 (without any, all of them are enabled), and the rest is a list for TLS 1.2 (without
    /// it, only TLS 1.3 is enabled): `ECDHE+AESGCM:!aRSA`, `HIGH:@STRENGTH`,
    /// `TLS_AES_128_GCM_SHA256:DEFAULT`. Suites that OpenSSL supports and this engine does not are
    /// passed over. By default all of this engine's are enabled, in Node's order: AES-256 first in
    /// TLS 1.3, AES-128 first up to TLS 1.2.
    ///
    /// `@SECLEVEL=n` sets the [security level](Self::security_level).
    ///
    /// # Errors
    /// `ERR_SSL_NO_CIPHER_MATCH` when no suite is left, with the names of those that OpenSSL
    /// would have; `ERR_SSL_INVALID_COMMAND` for a rule that cannot be read.
    pub fn cipher_list(mut self, list: &str) -> Result<Self, ConfigError> {
        #[cfg(feature = "legacy")]
        let list = cipher_list::parse_for(list, self.old.legacy.is_some())?;
        #[cfg(not(feature = "legacy"))]
        let list = cipher_list::parse(list)?;
        #[cfg(feature = "legacy")]
        {
            self.old.suites = Some(list.all);
        }
        self.suites = list.suites;
        self.security_level = list.level.unwrap_or(self.security_level);
        Ok(self)
    }

    /// The cipher suites to enable, best first: exactly these.
    ///
    /// # Errors
    /// When the list is empty.
    pub fn cipher_suites(mut self, suites: &[CipherSuite]) -> Result<Self, ConfigError> {
        if suites.is_empty() {
            return Err(ConfigError::new("cipher_suites", "no cipher suite is given"));
        }
        self.suites = suites.to_vec();
        #[cfg(feature = "legacy")]
        {
            self.old.suites = Some(suites.to_vec());
        }
        Ok(self)
    }

    /// Whether a server goes by its own order of cipher suites and signature schemes, as it does
    /// by default, or by the client's: `SSL_OP_CIPHER_SERVER_PREFERENCE`, Node's
    /// `honorCipherOrder`.
    #[must_use]
    pub fn prefer_server_order(mut self, prefer: bool) -> Self {
        self.prefer_server_order = prefer;
        self
    }

    /// The groups for the key agreement, best first, in OpenSSL's syntax: `X25519:P-256`. The
    /// default is `X25519MLKEM768:X25519:P-256:P-384`.
    ///
    /// # Errors
    /// A name that is unknown, or known to OpenSSL but not to this engine.
    pub fn groups(mut self, list: &str) -> Result<Self, ConfigError> {
        #[cfg(feature = "legacy")]
        if self.old.legacy.is_some() {
            // What only OpenSSL knows it judges itself.
            let known = groups::parse_known(list);
            self.old.groups = (list != "auto").then(|| list.to_owned());
            self.old.only_old_groups = known.is_empty();
            if !known.is_empty() {
                self.groups = known;
            }
            return Ok(self);
        }
        self.groups = groups::parse(list)?;
        Ok(self)
    }

    /// Whether a server that has a post-quantum group before the others in its list of
    /// [`groups`](Self::groups) agrees in it with every TLS 1.3 client that can, as OpenSSL does since
    /// 3.5. By default it does: a client that lists such a group and has sent no share for it (Deno's)
    /// is asked for one (HelloRetryRequest), which costs that client a round trip in each handshake.
    /// Otherwise the first group of the client's list is taken that both have.
    #[must_use]
    pub fn retry_for_post_quantum(mut self, retry: bool) -> Self {
        self.retry_for_post_quantum = retry;
        self
    }

    /// The signature schemes by which we sign handshakes, and by which peers may, best first, in
    /// OpenSSL's syntax: `ECDSA+SHA256:rsa_pss_rsae_sha256:ed25519` (`SSL_CTX_set1_sigalgs_list`,
    /// Node's `sigalgs`). The signatures in certificates are the
    /// [security level](Self::security_level)'s matter. Schemes that OpenSSL has and this engine
    /// has not are passed over.
    ///
    /// # Errors
    /// A name that OpenSSL does not know either; a list of which nothing is left.
    pub fn signature_schemes(mut self, list: &str) -> Result<Self, ConfigError> {
        self.schemes = scheme_list::parse(list)?;
        Ok(self)
    }

    /// OpenSSL's security level, 0 to 5 (`SSL_CTX_set_security_level`). At 2, the default, RSA
    /// keys under 2048 bits and SHA-1 signatures are refused: in the chains of peers when they are
    /// judged, and in our own when the context is built. From 3 on, suites, groups and signature
    /// schemes that give less are disabled too. It only ever refuses: what the engine cannot
    /// do stays refused at 0.
    #[must_use]
    pub fn security_level(mut self, level: u8) -> Self {
        self.security_level = level;
        self
    }

    /// Whether [`build`](Self::build) refuses certificates of ours that were signed with a digest
    /// too weak for the [security level](Self::security_level). It does, as OpenSSL 3.0; OpenSSL
    /// 3.5 leaves that to the peer.
    #[must_use]
    pub fn check_own_digests(mut self, check: bool) -> Self {
        self.check_own_digests = check;
        self
    }

    /// Whether [`build`](Self::build) would accept an identity with this chain.
    ///
    /// # Errors
    /// As for `build`.
    pub fn check_own_chain(&self, chain: &[Certificate]) -> Result<(), ConfigError> {
        Strength::of_level(self.security_level)?.check(chain, self.check_own_digests)
    }

    /// The algorithms by which certificates are compressed in TLS 1.3
    /// ([RFC 8879](https://www.rfc-editor.org/rfc/rfc8879)), best first: ours
    /// for peers that can unpack them, and theirs for us. None by default, as in Node. A compressed
    /// chain is kept for the next connections.
    #[must_use]
    pub fn cert_compression(mut self, algorithms: &[CertCompression]) -> Self {
        self.compression = algorithms.to_vec();
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
    /// A security level above 5, or one that leaves no group or signature scheme; a key or
    /// certificate of ours that is too weak for it (`ERR_SSL_EE_KEY_TOO_SMALL`,
    /// `ERR_SSL_CA_KEY_TOO_SMALL`, `ERR_SSL_CA_MD_TOO_WEAK`).
    pub fn build(self) -> Result<SecureContext, ConfigError> {
        let strength = Strength::of_level(self.security_level)?;
        for identity in &self.identities {
            strength.check(identity.chain(), self.check_own_digests)?;
        }
        let schemes: Arc<[SignatureScheme]> = strength.schemes(self.schemes)?.into();
        let speech = Speech::new(&self.versions, strength.suites(self.suites));
        let trusted = self.trust.all();
        for list in &self.crls {
            // A list of an issuer that only peers show waits for the first of them.
            list.find_signer(trusted.certificates());
        }
        let policy = Arc::new(Policy {
            trust: trusted.set().clone(),
            crls: self.crls.into(),
            partial_chain: trusted.allows_partial_chain(),
            policies: trusted.policies().clone(),
            security_level: self.security_level,
            public: trusted.public().clone(),
            memory: Arc::default(),
        });
        let groups = strength.groups(self.groups)?;
        let credentials = Credentials::new(self.identities, &self.trust);
        #[cfg(feature = "legacy")]
        let new_peers = speech.lack.is_none() && !self.old.only_old_groups;
        #[cfg(feature = "legacy")]
        let old = self.old.build(super::old::Given {
            versions: &self.versions,
            new_peers,
            groups: &groups,
            schemes: &schemes,
            order: if self.prefer_server_order { Order::Ours } else { Order::Peers },
            level: self.security_level,
            time: &self.time,
            credentials: &credentials.shown,
        })?;
        #[cfg(not(feature = "legacy"))]
        let old = None;
        let resumption = self.sessions.build(&*self.time)?;
        let settings = engine::Settings::new(Manner {
            versions: speech.versions,
            suites: speech.suites,
            groups,
            retry_for_post_quantum: self.retry_for_post_quantum,
            schemes,
            order: if self.prefer_server_order { Order::Ours } else { Order::Peers },
            compression: self.compression,
            time: self.time,
        });
        Ok(SecureContext(Arc::new(Inner {
            client: settings.client(&credentials.shown)?,
            credentials,
            trust: trusted,
            policy,
            own_crls: self.own_crls,
            settings,
            lack: speech.lack.filter(|_| old.is_none()),
            old,
            resumption,
            servers: [const { [const { OnceLock::new() }; 3] }; 2],
            borrowed: Borrowed::default(),
        })))
    }
}
