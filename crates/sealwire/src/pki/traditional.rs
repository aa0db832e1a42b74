//! The private key forms from before PKCS#8: PKCS#1 and SEC 1.

use der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Sequence};
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{Error, KeyAlgorithm, PrivateKey, Problem, pem};

/// ECPrivateKey ([RFC 5915, section 3](https://www.rfc-editor.org/rfc/rfc5915#section-3)).
/// Inside PKCS#8 the curve is left out, since it is said
/// outside; on its own it has to be there.
#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    curve: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public: Option<BitStringRef<'a>>,
}

pub(super) fn to_pem(key: &PrivateKey) -> Result<Zeroizing<String>, Error> {
    let failed = |_| Error::new(Problem::Internal, "the key's own encoding cannot be read");
    let info = PrivateKeyInfoRef::from_der(key.to_pkcs8_der()).map_err(failed)?;
    let inner = info.private_key.as_bytes();
    match key.algorithm() {
        KeyAlgorithm::Rsa { .. } => Ok(Zeroizing::new(pem::encode("RSA PRIVATE KEY", inner))),
        KeyAlgorithm::Ed25519 => Err(Error::new(
            Problem::InvalidValue,
            "Ed25519 keys exist as PKCS#8 only, without a traditional form",
        )),
        KeyAlgorithm::RsaPss { .. } => Err(Error::new(
            Problem::InvalidValue,
            "RSA-PSS keys exist as PKCS#8 only: the traditional form cannot express them",
        )),
        other @ (KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87) => {
            let what = format!("{other} keys exist as PKCS#8 only, without a traditional form");
            Err(Error::new(Problem::InvalidValue, what))
        }
        _ => {
            let mut key = EcPrivateKey::from_der(inner).map_err(failed)?;
            key.curve = info.algorithm.parameters_oid().ok();
            let der = Zeroizing::new(key.to_der().map_err(failed)?);
            Ok(Zeroizing::new(pem::encode("EC PRIVATE KEY", &der)))
        }
    }
}
