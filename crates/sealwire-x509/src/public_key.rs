//! Types of keys, and the public keys of certificates.

use std::fmt;

use aws_lc_sys as c;

use crate::asn1;
use crate::der::{Elements, OBJECT_IDENTIFIER, SEQUENCE};
use crate::error::{Error, ErrorQueue};
use crate::owned::{Owned, no_memory};

/// The type of a key that was read, whether we can use it or not: Node's `asymmetricKeyType` with
/// the curve.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// `rsaEncryption`.
    Rsa,
    /// RSA that may be used with RSASSA-PSS only.
    RsaPss,
    /// Elliptic curve.
    Ec {
        /// OpenSSL's short name of the curve: `prime256v1`, `secp384r1`, `secp521r1`, ...
        curve: &'static str,
    },
    /// Ed25519 ([RFC 8410](https://www.rfc-editor.org/rfc/rfc8410)).
    Ed25519,
    /// Anything else, by OpenSSL's long name or its dotted object identifier.
    Other(String),
}

/// A public key as a certificate holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublicKey {
    /// The type of key.
    pub key_type: KeyType,
    /// The size of the modulus or of the curve in bits; 0 when AWS-LC does not know the algorithm.
    pub bits: u32,
    /// Modulus and exponent, when it is RSA.
    pub rsa: Option<RsaPublicKey>,
    /// The uncompressed point, when it is an elliptic curve key.
    pub ec_point: Option<Vec<u8>>,
}

/// The numbers of an RSA public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaPublicKey {
    /// The modulus in upper-case hexadecimal.
    pub modulus: String,
    /// The public exponent as Node prints it: `0x10001`.
    pub exponent: String,
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa => f.write_str("RSA"),
            Self::RsaPss => f.write_str("RSA-PSS"),
            Self::Ec { curve } => write!(f, "EC {curve}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// Type and size: `RSA 768`, `DSA 1024`, `EC secp256k1`, `ED448`.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key_type, self.bits) {
            (KeyType::Ec { .. } | KeyType::Ed25519, _) | (_, 0) => self.key_type.fmt(f),
            (KeyType::Other(name), bits) if name == "dsaEncryption" => write!(f, "DSA {bits}"),
            (key_type, bits) => write!(f, "{key_type} {bits}"),
        }
    }
}

impl KeyType {
    /// NIST's name of the curve, `P-256`, where it has one.
    #[must_use]
    pub fn nist_curve(&self) -> Option<&'static str> {
        match self {
            Self::Ec { curve: "secp224r1" } => Some("P-224"),
            Self::Ec { curve: "prime256v1" } => Some("P-256"),
            Self::Ec { curve: "secp384r1" } => Some("P-384"),
            Self::Ec { curve: "secp521r1" } => Some("P-521"),
            _ => None,
        }
    }
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`Problem::Malformed`](crate::Problem::Malformed) when it is of an algorithm AWS-LC knows and
    /// cannot be decoded.
    pub fn from_spki(spki: &[u8]) -> Result<Self, Error> {
        let queue = ErrorQueue::new();
        let mut rest = spki.as_ptr();
        let len = spki.len().try_into().map_err(|_| no_memory())?;
        // SAFETY: `len` readable bytes; on success a new key.
        let key = unsafe { Owned::new(c::d2i_PUBKEY(std::ptr::null_mut(), &raw mut rest, len)) };
        match key {
            // SAFETY: a live key.
            Some(key) => Ok(unsafe { Self::of(key.as_ptr()) }),
            None => {
                let error = queue.malformed();
                Self::unknown(spki).ok_or(error)
            }
        }
    }

    /// Bits of security (NIST SP 800-57, as OpenSSL's `EVP_PKEY_get_security_bits`). `None`: the
    /// kind of key is not known, so that nothing can be said of it.
    #[must_use]
    pub fn security_bits(&self) -> Option<u32> {
        Some(match &self.key_type {
            KeyType::Rsa | KeyType::RsaPss => of_modulus(self.bits),
            KeyType::Ec { .. } => self.bits / 2,
            KeyType::Ed25519 => 128,
            KeyType::Other(name) => match &**name {
                "dsaEncryption" if self.bits > 0 => of_modulus(self.bits),
                "ML-DSA-44" => 128,
                "ML-DSA-65" => 192,
                "ML-DSA-87" => 256,
                _ => return None,
            },
        })
    }

    /// # Safety
    /// `key` is live.
    pub(crate) unsafe fn of(key: *mut c::EVP_PKEY) -> Self {
        // SAFETY: as promised by the caller.
        unsafe {
            Self {
                key_type: type_of(key),
                bits: bits_of(key),
                rsa: rsa_numbers(key),
                ec_point: ec_point(key),
            }
        }
    }

    /// The key of a SubjectPublicKeyInfo (DER) that AWS-LC cannot read; `None` when it is of an
    /// algorithm and on a curve that it knows.
    pub(crate) fn unknown(spki: &[u8]) -> Option<Self> {
        let mut algorithm = Elements::of(spki).enter(SEQUENCE)?.enter(SEQUENCE)?;
        let name = algorithm.element(OBJECT_IDENTIFIER)?.object_name()?;
        let name = match &*name {
            "rsaEncryption" | "ED25519" => return None,
            "id-ecPublicKey" => {
                let curve = algorithm.element(OBJECT_IDENTIFIER)?.object_name()?;
                if KNOWN_CURVES.contains(&&*curve) {
                    return None;
                }
                format!("EC {curve}")
            }
            _ => name,
        };
        Some(Self { key_type: KeyType::Other(name), bits: 0, rsa: None, ec_point: None })
    }
}

/// The curves whose keys AWS-LC reads.
const KNOWN_CURVES: [&str; 8] = [
    "secp224r1",
    "prime256v1",
    "secp384r1",
    "secp521r1",
    "secp256k1",
    "brainpoolP256r1",
    "brainpoolP384r1",
    "brainpoolP512r1",
];

/// What factoring such a modulus is worth, or a discrete logarithm by it.
fn of_modulus(bits: u32) -> u32 {
    match bits {
        0..1024 => 0,
        1024..2048 => 80,
        2048..3072 => 112,
        3072..7680 => 128,
        7680..15360 => 192,
        _ => 256,
    }
}

/// # Safety
/// `key` is live.
pub(crate) unsafe fn type_of(key: *const c::EVP_PKEY) -> KeyType {
    // SAFETY: a live key.
    match unsafe { c::EVP_PKEY_id(key) } {
        c::EVP_PKEY_RSA => KeyType::Rsa,
        c::EVP_PKEY_RSA_PSS => KeyType::RsaPss,
        c::EVP_PKEY_ED25519 => KeyType::Ed25519,
        c::EVP_PKEY_EC => {
            // SAFETY: a live EC key; key and group belong to it.
            let curve = unsafe {
                c::EC_GROUP_get_curve_name(c::EC_KEY_get0_group(c::EVP_PKEY_get0_EC_KEY(key)))
            };
            KeyType::Ec { curve: asn1::nid_short_name(curve).unwrap_or("unnamed curve") }
        }
        c::EVP_PKEY_PQDSA => {
            // SAFETY: a live key of that kind.
            let set = unsafe { c::EVP_PKEY_pqdsa_get_type(key) };
            KeyType::Other(asn1::nid_long_name(set).unwrap_or("ML-DSA").to_owned())
        }
        other => KeyType::Other(
            asn1::nid_long_name(other).map_or_else(|| other.to_string(), str::to_owned),
        ),
    }
}

/// # Safety
/// `key` is live.
pub(crate) unsafe fn bits_of(key: *const c::EVP_PKEY) -> u32 {
    // SAFETY: a live key.
    u32::try_from(unsafe { c::EVP_PKEY_bits(key) }).unwrap_or(0)
}

/// # Safety
/// `key` is live.
unsafe fn rsa_numbers(key: *const c::EVP_PKEY) -> Option<RsaPublicKey> {
    let _queue = ErrorQueue::new();
    // SAFETY: a live key; null unless it is RSA, else the key's own.
    let rsa = unsafe { c::EVP_PKEY_get0_RSA(key) };
    if rsa.is_null() {
        return None;
    }
    // SAFETY: live numbers of a live key.
    let (modulus, exponent) = unsafe { (number(c::RSA_get0_n(rsa)), number(c::RSA_get0_e(rsa))) };
    let exponent = asn1::hex(&exponent).to_lowercase();
    let exponent = match exponent.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    Some(RsaPublicKey { modulus: asn1::hex(&modulus), exponent: format!("0x{exponent}") })
}

/// The number big-endian.
///
/// # Safety
/// `number` is null or live.
unsafe fn number(number: *const c::BIGNUM) -> Vec<u8> {
    if number.is_null() {
        return Vec::new();
    }
    // SAFETY: live.
    let mut bytes = vec![0; unsafe { c::BN_num_bytes(number) } as usize];
    // SAFETY: as many writable bytes as the number needs.
    unsafe { c::BN_bn2bin(number, bytes.as_mut_ptr()) };
    bytes
}

/// # Safety
/// `key` is live.
unsafe fn ec_point(key: *const c::EVP_PKEY) -> Option<Vec<u8>> {
    let _queue = ErrorQueue::new();
    // SAFETY: a live key; null unless it is EC, else the key's own.
    let ec = unsafe { c::EVP_PKEY_get0_EC_KEY(key) };
    if ec.is_null() {
        return None;
    }
    let point_to_oct = |out: *mut u8, room: usize| {
        // SAFETY: group and point of a live key; null or `room` writable bytes.
        unsafe {
            c::EC_POINT_point2oct(
                c::EC_KEY_get0_group(ec),
                c::EC_KEY_get0_public_key(ec),
                c::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED,
                out,
                room,
                std::ptr::null_mut(),
            )
        }
    };
    let mut point = vec![0; point_to_oct(std::ptr::null_mut(), 0)];
    let len = point_to_oct(point.as_mut_ptr(), point.len());
    (len != 0 && len == point.len()).then_some(point)
}
