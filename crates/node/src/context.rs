//! Secure contexts, built step by step in the order in which Node looks at the options.

use std::iter::once;
use std::time::Duration;

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use sealwire::pki::{Certificate, Crl, KeyAlgorithm, Pfx, PrivateKey};
use sealwire::{CertCompression, ConfigError, ProtocolVersion, SecureContextBuilder, TicketKeys};
use zeroize::Zeroizing;

use crate::failure::{Thrown, config, material, misuse};
use crate::identities::{Places, Unusable};
use crate::old::LegacySettings;
use crate::trust::{TrustStore, readable};

/// A secure context under construction.
#[napi]
pub struct ContextBuilder {
    builder: Option<SecureContextBuilder>,
    places: Places,
}

/// A finished secure context. Cheap to share.
#[napi]
pub struct SecureContext {
    pub(crate) context: sealwire::SecureContext,
    certificate: Option<Certificate>,
    unusable: Vec<String>,
}

#[napi]
impl ContextBuilder {
    /// Nothing set: the bundled roots are trusted, and there is no identity.
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "it is JavaScript's constructor")]
    pub fn new() -> Self {
        // As OpenSSL's servers do; clients of Node use a session again.
        let builder = sealwire::SecureContext::builder().renew_tickets(false);
        Self { builder: Some(builder), places: Places::default() }
    }

    /// Speaks with old peers as well, by the OpenSSL of the running program. Before
    /// [`cipher_list`](Self::cipher_list) and [`groups`](Self::groups).
    #[napi]
    pub fn legacy(&mut self, settings: LegacySettings) -> Result<(), Thrown> {
        let legacy = settings.into();
        self.change(|builder| Ok(builder.legacy(legacy)))
    }

    /// Trusts exactly this set: the option `ca`.
    #[napi]
    pub fn trust(&mut self, store: &TrustStore, partial_chain: bool) -> Result<(), Thrown> {
        let trust = store.0.clone().allow_partial_chain(partial_chain);
        self.change(|builder| Ok(builder.trust(trust)))
    }

    /// Trusts this set when there is no option `ca`.
    #[napi]
    pub fn default_trust(&mut self, store: &TrustStore, partial_chain: bool) -> Result<(), Thrown> {
        let trust = store.0.clone().allow_partial_chain(partial_chain);
        self.change(|builder| Ok(builder.default_trust(trust)))
    }

    /// Trusts this set besides.
    #[napi]
    pub fn extra_trust(&mut self, store: &TrustStore) -> Result<(), Thrown> {
        self.change(|builder| Ok(builder.extra_trust(&store.0)))
    }

    /// Adds a chain: the first certificate of the text is ours, the others go with it.
    #[napi]
    pub fn certificate(&mut self, pem: &[u8]) -> Result<(), Thrown> {
        // An empty list makes `set_chain` say that there is no PEM block.
        self.places.set_chain(readable(pem)).map_err(material)
    }

    /// Adds a private key.
    #[napi]
    pub fn key(&mut self, pem: &[u8], passphrase: Option<&[u8]>) -> Result<(), Thrown> {
        let key = PrivateKey::from_pem(pem, passphrase).map_err(material)?;
        self.places.set_key(key).map_err(material)
    }

    /// Adds key and certificate of a PFX, of several keys the first. Its other certificates are
    /// trusted, as Node does; those that are sent are the chain, or all beside a single key.
    #[napi]
    pub fn pfx(&mut self, der: &[u8], passphrase: Option<String>) -> Result<(), Thrown> {
        let passphrase = passphrase.map(Zeroizing::new);
        let passphrase = passphrase.as_ref().map(|text| text.as_str());
        let all = Pfx::all_from_der(der, passphrase).map_err(material)?;
        let Some((pfx, others)) = all.split_first() else { return Ok(()) };
        let mut chain = vec![pfx.certificate().clone()];
        chain.extend_from_slice(pfx.chain());
        let of_others = others.iter().flat_map(|one| once(one.certificate()).chain(one.chain()));
        let extra = pfx.chain().iter().chain(of_others).cloned();
        let extra = sealwire::TrustStore::from_certificates(extra);
        let extra = extra.map_err(material)?;
        self.change(|builder| Ok(builder.extra_trust(&extra)))?;
        self.places.set_chain(chain).map_err(material)?;
        self.places.set_key(pfx.key().clone()).map_err(material)
    }

    /// Adds the revocation lists of a PEM text.
    #[napi]
    pub fn crl(&mut self, pem: &[u8]) -> Result<(), Thrown> {
        let crls = Crl::all_from_pem(pem).map_err(material)?;
        self.change(|builder| Ok(builder.crls(crls)))
    }

    /// The groups for the key agreement, in OpenSSL's syntax.
    #[napi]
    pub fn groups(&mut self, list: String) -> Result<(), Thrown> {
        self.change(|builder| builder.groups(&list))
    }

    /// The suites, in OpenSSL's list language; may set the security level.
    #[napi]
    pub fn cipher_list(&mut self, list: String) -> Result<(), Thrown> {
        self.change(|builder| builder.cipher_list(&list))
    }

    /// Whether a server goes by its own order of suites.
    #[napi]
    pub fn prefer_server_order(&mut self, prefer: bool) -> Result<(), Thrown> {
        self.change(|builder| Ok(builder.prefer_server_order(prefer)))
    }

    /// The signature schemes, in OpenSSL's syntax.
    #[napi]
    pub fn signature_schemes(&mut self, list: String) -> Result<(), Thrown> {
        self.change(|builder| builder.signature_schemes(&list))
    }

    /// OpenSSL's security level.
    #[napi]
    pub fn security_level(&mut self, level: u8) -> Result<(), Thrown> {
        self.change(|builder| Ok(builder.security_level(level)))
    }

    /// The algorithms for certificates, by their names in IANA's registry.
    #[napi]
    pub fn cert_compression(&mut self, names: Vec<String>) -> Result<(), Thrown> {
        let algorithms: Vec<_> =
            names.iter().filter_map(|name| CertCompression::by_name(name)).collect();
        self.change(|builder| Ok(builder.cert_compression(&algorithms)))
    }

    /// The keys of session tickets: 48 bytes.
    #[napi]
    pub fn ticket_keys(&mut self, keys: &[u8]) -> Result<(), Thrown> {
        let keys = ticket_keys(keys)?;
        self.change(|builder| Ok(builder.ticket_keys(keys)))
    }

    /// Whether clients keep the sessions, in tickets.
    #[napi]
    pub fn stateless_tickets(&mut self, stateless: bool) -> Result<(), Thrown> {
        self.change(|builder| Ok(builder.stateless_tickets(stateless)))
    }

    /// How long a session can be resumed, in seconds.
    #[napi]
    pub fn session_timeout(&mut self, seconds: u32) -> Result<(), Thrown> {
        let timeout = Duration::from_secs(seconds.into());
        self.change(|builder| Ok(builder.session_timeout(timeout)))
    }

    /// The name under which sessions are resumed only, of at most 32 bytes.
    #[napi]
    pub fn session_id_context(&mut self, name: &[u8]) -> Result<(), Thrown> {
        self.change(|builder| builder.session_id_context(name))
    }

    /// The versions to speak, by the numbers on the wire (0x0303 is TLS 1.2).
    #[napi]
    pub fn versions(&mut self, minimum: u16, maximum: u16) -> Result<(), Thrown> {
        let version = |number| match number {
            0x0304 => ProtocolVersion::Tls13,
            0x0303 => ProtocolVersion::Tls12,
            0x0302 => ProtocolVersion::Tls11,
            _ => ProtocolVersion::Tls10,
        };
        self.change(|builder| Ok(builder.versions(version(minimum)..=version(maximum))))
    }

    /// Whether [`build`](Self::build) refuses certificates of ours that were signed with a digest
    /// too weak for the security level.
    #[napi]
    pub fn check_own_digests(&mut self, check: bool) -> Result<(), Thrown> {
        self.change(|builder| Ok(builder.check_own_digests(check)))
    }

    /// The context; the builder is used up. A key that is too small for the security level is an
    /// error. One that the level allows and that is still too small for the engine is only told, by
    /// [`SecureContext::unusable`], for the program has asked for it in so many words.
    #[napi]
    pub fn build(&mut self) -> Result<SecureContext, Thrown> {
        let mut builder =
            self.builder.take().ok_or_else(|| misuse("the context is built already"))?;
        let (identities, unusable) = self.places.identities();
        for Unusable { chain, algorithm, error } in &unusable {
            if !matches!(algorithm, KeyAlgorithm::Rsa { .. }) {
                return Err(material(error.clone()));
            }
            builder.check_own_chain(chain).map_err(|error| config(&error))?;
        }
        for identity in identities {
            builder = builder.identity(identity);
        }
        Ok(SecureContext {
            context: builder.build().map_err(|error| config(&error))?,
            certificate: self.places.current().cloned(),
            unusable: unusable.iter().map(|key| key.error.to_string()).collect(),
        })
    }

    fn change(
        &mut self,
        step: impl FnOnce(SecureContextBuilder) -> Result<SecureContextBuilder, ConfigError>,
    ) -> Result<(), Thrown> {
        let builder = self.builder.take().ok_or_else(|| misuse("the context is built already"))?;
        self.builder = Some(step(builder).map_err(|error| config(&error))?);
        Ok(())
    }
}

#[napi]
impl SecureContext {
    /// Our certificate in DER, also one whose key was not given.
    #[napi]
    pub fn certificate(&self) -> Option<Buffer> {
        self.certificate.as_ref().map(|certificate| certificate.der().into())
    }

    /// The keys of session tickets now.
    #[napi]
    pub fn ticket_keys(&self) -> Buffer {
        self.context.ticket_keys().to_bytes().to_vec().into()
    }

    /// Protects the tickets of later handshakes with these keys, and takes those made with the
    /// `accepted`, too.
    #[napi]
    pub fn set_ticket_keys(&self, keys: &[u8], accepted: Vec<Buffer>) -> Result<(), Thrown> {
        let older = accepted.iter().map(|keys| ticket_keys(keys)).collect::<Result<Vec<_>, _>>()?;
        self.context.set_ticket_keys(ticket_keys(keys)?.accepting(older));
        Ok(())
    }

    /// Keys that were given and cannot be used, each in a sentence.
    #[napi]
    pub fn unusable(&self) -> Vec<String> {
        self.unusable.clone()
    }

    /// The certificate that issued this one (both in DER), from our identities or our trust.
    #[napi]
    pub fn issuer_of(&self, der: &[u8]) -> Result<Option<Buffer>, Thrown> {
        let certificate = Certificate::from_der(der).map_err(material)?;
        let identities = self.context.identities().iter().flat_map(|identity| identity.chain());
        let mut candidates = identities.chain(self.context.trust().certificates());
        let issuer = candidates.find(|candidate| certificate.is_issued_by(candidate));
        Ok(issuer.map(|issuer| issuer.der().into()))
    }
}

fn ticket_keys(bytes: &[u8]) -> Result<TicketKeys, Thrown> {
    let keys = bytes.try_into().map_err(|_| misuse("ticket keys are 48 bytes"))?;
    Ok(TicketKeys::from_bytes(keys))
}
