//! Public keys as JSON (RFC 7517, RFC 7518, RFC 8037), and their names (RFC 7638).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Encode, Sequence};
use sealwire::pki::PublicKey;
use serde::{Deserialize, Serialize};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::{Algorithm, base64url, from_base64url};
use crate::protocol::{Kind, Problem};

/// A public key of an account, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "Members")]
pub enum Jwk {
    /// On a curve of NIST's, as an uncompressed point.
    Ec {
        /// Which curve.
        curve: Curve,
        /// `04`, x, y.
        point: Vec<u8>,
    },
    /// RSA.
    Rsa {
        /// The modulus without zeros before it.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
    /// Ed25519.
    Ed25519(Vec<u8>),
}

/// The curves for signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum Curve {
    P256,
    P384,
    P521,
}

/// The members of the JSON that say which key it is.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Members {
    kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    /// Of a private key, which does not belong here.
    #[serde(skip_serializing)]
    d: Option<serde_json::Value>,
}

impl Curve {
    /// Its name, bytes of a coordinate, and object identifier.
    fn row(self) -> (&'static str, usize, ObjectIdentifier) {
        let oid = ObjectIdentifier::new_unwrap;
        match self {
            Self::P256 => ("P-256", 32, oid("1.2.840.10045.3.1.7")),
            Self::P384 => ("P-384", 48, oid("1.3.132.0.34")),
            Self::P521 => ("P-521", 66, oid("1.3.132.0.35")),
        }
    }
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

impl Jwk {
    /// Reads a key and checks that it is one: of a kind that is known, strong enough, on its curve.
    ///
    /// # Errors
    /// `badPublicKey` with what is wrong.
    pub fn from_value(value: serde_json::Value) -> Result<Self, Problem> {
        let members: Members = serde_json::from_value(value).map_err(|e| bad(e.to_string()))?;
        let key = Self::try_from(members)?;
        // A point that is not on its curve has no key.
        match PublicKey::from_spki(&key.to_spki()) {
            Ok(_) => Ok(key),
            Err(_) => Err(bad("not a point on its curve, or not a valid modulus")),
        }
    }

    /// The key's name: SHA-256 over its canonical JSON (RFC 7638), in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let members = Members::from(self.clone());
        let member = |text: &Option<String>| text.clone().unwrap_or_default();
        let canonical = match self {
            Self::Ec { .. } => format!(
                r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                member(&members.crv),
                member(&members.x),
                member(&members.y)
            ),
            Self::Rsa { .. } => {
                format!(
                    r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
                    member(&members.e),
                    member(&members.n)
                )
            }
            Self::Ed25519(_) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, member(&members.x))
            }
        };
        base64url(digest(&SHA256, canonical.as_bytes()).as_ref())
    }

    /// The DER of its SubjectPublicKeyInfo.
    #[must_use]
    pub fn to_spki(&self) -> Vec<u8> {
        let encoded = match self {
            Self::Ec { curve, point } => {
                let (_, _, oid) = curve.row();
                spki(EC_PUBLIC_KEY, Some(AnyRef::from(&oid)), point)
            }
            Self::Rsa { n, e } => {
                rsa_key(n, e).and_then(|key| spki(RSA_ENCRYPTION, Some(AnyRef::NULL), &key))
            }
            Self::Ed25519(bytes) => spki(ID_ED25519, None, bytes),
        };
        encoded.unwrap_or_default()
    }

    pub(super) fn signs_by(&self, algorithm: Algorithm) -> bool {
        let own = match self {
            Self::Ec { curve: Curve::P256, .. } => Algorithm::ES256,
            Self::Ec { curve: Curve::P384, .. } => Algorithm::ES384,
            Self::Ec { curve: Curve::P521, .. } => Algorithm::ES512,
            Self::Rsa { .. } => Algorithm::RS256,
            Self::Ed25519(_) => Algorithm::EdDSA,
        };
        own == algorithm
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Ec { curve, point } => {
                let algorithm = match curve {
                    Curve::P256 => &ECDSA_P256_SHA256_FIXED,
                    Curve::P384 => &ECDSA_P384_SHA384_FIXED,
                    Curve::P521 => &ECDSA_P521_SHA512_FIXED,
                };
                UnparsedPublicKey::new(algorithm, point).verify(message, signature)
            }
            Self::Rsa { n, e } => {
                PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Self::Ed25519(bytes) => {
                UnparsedPublicKey::new(&ED25519, bytes).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

impl TryFrom<Members> for Jwk {
    type Error = Problem;

    fn try_from(members: Members) -> Result<Self, Problem> {
        if members.d.is_some() {
            return Err(bad("a private key was sent, which must stay secret"));
        }
        let bytes = |name: &str, text: &Option<String>| {
            let text = text.as_deref().ok_or_else(|| bad(format!("{name} is missing")))?;
            from_base64url(text).ok_or_else(|| bad(format!("{name} is not base64url")))
        };
        let coordinate = |name: &str, text: &Option<String>, length: usize| {
            let bytes = bytes(name, text)?;
            match bytes.len() == length {
                true => Ok(bytes),
                false => Err(bad(format!("{name} has {} bytes, not {length}", bytes.len()))),
            }
        };
        match (members.kty.as_str(), members.crv.as_deref()) {
            ("EC", Some(name)) => {
                let all = [Curve::P256, Curve::P384, Curve::P521];
                let curve = all.into_iter().find(|curve| curve.row().0 == name);
                let curve = curve.ok_or_else(|| bad("its curve is not P-256, P-384 or P-521"))?;
                let length = curve.row().1;
                let mut point = vec![4];
                point.extend(coordinate("x", &members.x, length)?);
                point.extend(coordinate("y", &members.y, length)?);
                Ok(Self::Ec { curve, point })
            }
            ("RSA", _) => {
                let (n, e) = (bytes("n", &members.n)?, bytes("e", &members.e)?);
                let significant = |bytes: Vec<u8>| {
                    bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>()
                };
                let (n, e) = (significant(n), significant(e));
                let bits = n.len() * 8 - n.first().map_or(0, |top| top.leading_zeros() as usize);
                if !(2048..=8192).contains(&bits) {
                    return Err(bad(format!("an RSA key must have 2048 to 8192 bits, not {bits}")));
                }
                if e.len() > 4 || e.last().is_none_or(|last| last % 2 == 0) || e == [1] {
                    return Err(bad("its public exponent is not usable"));
                }
                Ok(Self::Rsa { n, e })
            }
            ("OKP", Some("Ed25519")) => Ok(Self::Ed25519(coordinate("x", &members.x, 32)?)),
            _ => Err(bad("unsupported key type: use RSA, P-256, P-384, P-521 or Ed25519")),
        }
    }
}

impl From<Jwk> for Members {
    fn from(key: Jwk) -> Self {
        let mut members =
            Self { kty: String::new(), crv: None, x: None, y: None, n: None, e: None, d: None };
        let text = |bytes: &[u8]| Some(base64url(bytes));
        match key {
            Jwk::Ec { curve, point } => {
                let (name, length, _) = curve.row();
                members.kty = "EC".to_owned();
                members.crv = Some(name.to_owned());
                members.x = text(&point[1..=length]);
                members.y = text(&point[length + 1..]);
            }
            Jwk::Rsa { n, e } => {
                members.kty = "RSA".to_owned();
                members.n = text(&n);
                members.e = text(&e);
            }
            Jwk::Ed25519(bytes) => {
                members.kty = "OKP".to_owned();
                members.crv = Some("Ed25519".to_owned());
                members.x = text(&bytes);
            }
        }
        members
    }
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

fn rsa_key(n: &[u8], e: &[u8]) -> der::Result<Vec<u8>> {
    RsaPublicKey { modulus: UintRef::new(n)?, exponent: UintRef::new(e)? }.to_der()
}

fn spki(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> der::Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef { oid, parameters };
    SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(key)? }
        .to_der()
}

fn bad(why: impl Into<String>) -> Problem {
    Problem::new(Kind::BadPublicKey, format!("the public key: {}", why.into()))
}

#[cfg(test)]
mod tests {
    use sealwire::pki::{KeyAlgorithm, PrivateKey};
    use serde_json::json;

    use super::*;

    /// The example of RFC 7638, section 3.1.
    #[test]
    fn the_name_of_a_key_is_the_standards() {
        let key = Jwk::from_value(json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29"
        }));
        let thumbprint = key.unwrap().thumbprint();
        assert_eq!(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_key_in_json_and_in_der_are_one() {
        for algorithm in [KeyAlgorithm::Rsa { bits: 2048 }, KeyAlgorithm::Ed25519] {
            let spki = PrivateKey::generate(algorithm).unwrap().spki_der().to_vec();
            let key = match algorithm {
                KeyAlgorithm::Ed25519 => Jwk::Ed25519(spki[12..].to_vec()),
                // 2048 bits and 65537: the modulus begins at a fixed place.
                _ => Jwk::Rsa { n: spki[33..33 + 256].to_vec(), e: vec![1, 0, 1] },
            };
            assert_eq!(key.to_spki(), spki);
            let json = serde_json::to_value(&key).unwrap();
            assert_eq!(Jwk::from_value(json).unwrap(), key);
        }
    }

    #[test]
    fn bad_keys_are_refused_by_name() {
        let b = |length: usize| base64url(&vec![0xff; length]);
        for bad in [
            json!({"kty": "oct", "k": "AAAA"}),
            json!({"kty": "EC", "crv": "P-256", "x": b(32), "y": b(32)}),
            json!({"kty": "EC", "crv": "P-256", "x": b(31), "y": b(32)}),
            json!({"kty": "EC", "crv": "secp256k1", "x": b(32), "y": b(32)}),
            json!({"kty": "RSA", "n": b(128), "e": "AQAB"}),
            json!({"kty": "RSA", "n": b(256), "e": "AQ"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": b(32), "d": b(32)}),
            json!(null),
            json!({"kty": 7}),
        ] {
            let refused = Jwk::from_value(bad.clone()).unwrap_err();
            assert_eq!(refused.kind, Kind::BadPublicKey, "{bad}");
        }
    }
}
