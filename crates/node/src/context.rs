//! Secure contexts, built step by step in the order in which Node looks at the options.

use std::mem;

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use sealwire::pki::x509::{Certificate, Crl};
use sealwire::pki::{self, Pfx, PrivateKey};
use sealwire::{ConfigError, ProtocolVersion, SecureContextBuilder};
use zeroize::Zeroizing;

use crate::failure::{Thrown, config, material, misuse};
use crate::identities::Places;
use crate::trust::{TrustStore, readable};

/// A secure context under construction.
#[napi]
pub struct ContextBuilder {
    builder: Option<SecureContextBuilder>,
    trust: sealwire::TrustStore,
    partial_chain: bool,
    places: Places,
}

/// A finished secure context. Cheap to share.
#[napi]
pub struct SecureContext {
    pub(crate) context: sealwire::SecureContext,
    certificate: Option<Certificate>,
}

#[napi]
impl ContextBuilder {
    /// Nothing set: nobody is trusted, and there is no identity.
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "it is JavaScript's constructor")]
    pub fn new() -> Self {
        Self {
            builder: Some(sealwire::SecureContext::builder()),
            trust: sealwire::TrustStore::empty(),
            partial_chain: false,
            places: Places::default(),
        }
    }

    /// Trusts this set, besides what is trusted already.
    #[napi]
    pub fn trust(&mut self, store: &TrustStore) {
        self.trust = match self.trust.is_empty() {
            true => store.0.clone(),
            false => self.trust.and(&store.0),
        };
    }

    /// `allowPartialTrustChain`.
    #[napi]
    pub fn allow_partial_chain(&mut self, allow: bool) {
        self.partial_chain = allow;
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

    /// Adds key and certificate of a PFX. Its other certificates are trusted and sent, as Node
    /// does.
    #[napi]
    pub fn pfx(&mut self, der: &[u8], passphrase: Option<String>) -> Result<(), Thrown> {
        let passphrase = passphrase.map(Zeroizing::new);
        let pfx =
            Pfx::from_der(der, passphrase.as_ref().map(|text| text.as_str())).map_err(material)?;
        let mut chain = vec![pfx.certificate().clone()];
        chain.extend_from_slice(pfx.chain());
        let extra = sealwire::TrustStore::from_certificates(pfx.chain().iter().cloned());
        self.trust = self.trust.and(&extra.map_err(material)?);
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

    /// OpenSSL's security level.
    #[napi]
    pub fn security_level(&mut self, level: u8) -> Result<(), Thrown> {
        self.change(|builder| Ok(builder.security_level(level)))
    }

    /// The versions to speak, by the numbers on the wire (0x0303 is TLS 1.2).
    #[napi]
    pub fn versions(&mut self, minimum: u16, maximum: u16) -> Result<(), Thrown> {
        let version = |number| match number {
            0x0304 => ProtocolVersion::Tls13,
            _ => ProtocolVersion::Tls12,
        };
        self.change(|builder| Ok(builder.versions(version(minimum)..=version(maximum))))
    }

    /// The context. The builder is used up.
    #[napi]
    pub fn build(&mut self) -> Result<SecureContext, Thrown> {
        let trust = mem::replace(&mut self.trust, sealwire::TrustStore::empty());
        let mut builder = self
            .builder
            .take()
            .ok_or_else(|| misuse("the context is built already"))?
            .trust(trust.allow_partial_chain(self.partial_chain));
        for identity in self.places.identities().map_err(material)? {
            builder = builder.identity(identity);
        }
        let context = builder.build().map_err(|error| config(&error))?;
        Ok(SecureContext { context, certificate: self.places.current().cloned() })
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

    /// The certificate that issued this one (both in DER), from our identities or our trust.
    #[napi]
    pub fn issuer_of(&self, der: &[u8]) -> Result<Option<Buffer>, Thrown> {
        let certificate = Certificate::from_der(der).map_err(|e| material(pki::Error::from(e)))?;
        let identities = self.context.identities().iter().flat_map(|identity| identity.chain());
        let mut candidates = identities.chain(self.context.trust().certificates());
        let issuer = candidates.find(|candidate| certificate.is_issued_by(candidate));
        Ok(issuer.map(|issuer| issuer.der().into()))
    }
}
