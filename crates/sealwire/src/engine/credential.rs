//! An identity in the form that an engine sends.

use std::sync::Arc;

use rustls::SignatureAlgorithm;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sealwire_x509::Certificate;

use super::rustls::pss;
use crate::pki::PssKey;
use crate::words::{SignatureScheme, scheme_list};

/// A chain as it is sent, and the key that it is shown with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Credential {
    chain: Arc<[Certificate]>,
    key: Arc<Abilities>,
    /// The same for rustls.
    certified: Arc<CertifiedKey>,
}

/// What a key can do.
struct Abilities {
    is_rsa: bool,
    /// By which schemes it can sign.
    schemes: Vec<SignatureScheme>,
    /// As it was given: with RSA key exchange it decrypts, which no signer does.
    #[cfg(feature = "legacy")]
    pkcs8: zeroize::Zeroizing<Vec<u8>>,
}

impl Credential {
    /// Of a chain (leaf first) and the key of its leaf, whether they belong together or not.
    /// `None`: no engine can sign with such a key.
    pub(crate) fn new(chain: Vec<Certificate>, pkcs8: &[u8]) -> Option<Self> {
        // The provider's key types are RSA of 2048 to 8192 bits, P-256, P-384, P-521 and Ed25519;
        // RSA-PSS is beside it.
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
        let signer = match PssKey::from_pkcs8(pkcs8) {
            Ok(Some(key)) => pss::signing_key(key),
            _ => any_supported_type(&der).ok()?,
        };
        let can =
            |scheme: &&SignatureScheme| signer.choose_scheme(&[scheme.number().into()]).is_some();
        let key = Arc::new(Abilities {
            is_rsa: signer.algorithm() == SignatureAlgorithm::RSA,
            schemes: scheme_list::DEFAULT.iter().filter(can).copied().collect(),
            #[cfg(feature = "legacy")]
            pkcs8: pkcs8.to_vec().into(),
        });
        let ders = chain.iter().map(|c| CertificateDer::from(c.der().to_vec())).collect();
        // `CertifiedKey::from_der` refuses X.509 v1.
        let certified = Arc::new(CertifiedKey::new(ders, signer));
        Some(Self { chain: chain.into(), key, certified })
    }

    /// The same with an OCSP response stapled to it (DER).
    pub(crate) fn with_ocsp_response(self, response: Vec<u8>) -> Self {
        let mut certified = CertifiedKey::clone(&self.certified);
        certified.ocsp = Some(response);
        Self { certified: Arc::new(certified), ..self }
    }

    /// The OCSP response that is stapled to it.
    pub(crate) fn ocsp_response(&self) -> Option<&[u8]> {
        self.certified.ocsp.as_deref()
    }

    /// The same with these certificates behind its chain.
    pub(crate) fn with_issuers(&self, issuers: Vec<Certificate>) -> Self {
        if issuers.is_empty() {
            return self.clone();
        }
        let mut certified = CertifiedKey::clone(&self.certified);
        certified.cert.extend(issuers.iter().map(|issuer| issuer.der().to_vec().into()));
        let chain = self.chain.iter().cloned().chain(issuers).collect();
        Self { chain, key: self.key.clone(), certified: Arc::new(certified) }
    }

    /// The chain, leaf first.
    pub(crate) fn chain(&self) -> &Arc<[Certificate]> {
        &self.chain
    }

    /// Whether its key is an RSA key.
    pub(crate) fn is_rsa(&self) -> bool {
        self.key.is_rsa
    }

    /// Whether it can sign by this scheme.
    pub(crate) fn can(&self, scheme: &SignatureScheme) -> bool {
        self.key.schemes.contains(scheme)
    }

    /// The key.
    #[cfg(feature = "legacy")]
    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.key.pkcs8
    }

    pub(super) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// The same, signing by other means.
    pub(super) fn with_certified(&self, certified: CertifiedKey) -> Self {
        Self { certified: Arc::new(certified), ..self.clone() }
    }
}
