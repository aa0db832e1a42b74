//! The schemes rsa_pss_pss_* of TLS 1.3 (RFC 8446, 4.2.3), which the provider does not have: keys that
//! are for RSASSA-PSS only.

use std::fmt;
use std::sync::Arc;

use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use crate::pki::{PssDigest, PssKey};

/// The digest of such a scheme; `None`: it is another.
pub(super) fn digest_of(scheme: SignatureScheme) -> Option<PssDigest> {
    PssDigest::ALL.into_iter().find(|digest| scheme_of(*digest) == scheme)
}

fn scheme_of(digest: PssDigest) -> SignatureScheme {
    SignatureScheme::from(match digest {
        PssDigest::Sha256 => 0x0809,
        PssDigest::Sha384 => 0x080a,
        PssDigest::Sha512 => 0x080b,
    })
}

/// Such a key as rustls takes one.
pub(in crate::engine) fn signing_key(key: PssKey) -> Arc<dyn SigningKey> {
    Arc::new(Key(Arc::new(key)))
}

struct Key(Arc<PssKey>);

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let mut own = self.0.digests().iter().copied();
        let digest = own.find(|digest| offered.contains(&scheme_of(*digest)))?;
        Some(Box::new(OneScheme { key: self.0.clone(), digest }))
    }

    /// None that a suite of TLS 1.2 has.
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Unknown(9)
    }
}

struct OneScheme {
    key: Arc<PssKey>,
    digest: PssDigest,
}

impl Signer for OneScheme {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.sign(self.digest, message).map_err(|error| Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        scheme_of(self.digest)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PssKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for OneScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PssSigner").field("digest", &self.digest).finish_non_exhaustive()
    }
}
