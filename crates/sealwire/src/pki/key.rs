//! Private keys: made, read, written, and signing.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode, Sequence};
use pkcs8::PrivateKeyInfoRef;
use sealwire_x509::PrivateKey as Parsed;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::ml_dsa::{self, MlDsaForm};
use super::pss::{self, PssKey};
use super::{
    Certificate, Error, KeyEncryption, KeyType, Problem, PublicKey, encrypted, pem, signature,
    traditional,
};

/// The kinds of keys we make and sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSA with a modulus of so many bits. Made with 2048, 3072, 4096 or 8192.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
    },
    /// RSA for RSASSA-PSS only (id-RSASSA-PSS): in TLS 1.3 alone.
    RsaPss {
        /// Bits of the modulus.
        bits: usize,
    },
    /// ECDSA on NIST P-256 (`prime256v1`), the default: small, fast, and understood everywhere.
    EcdsaP256,
    /// ECDSA on NIST P-384 (`secp384r1`).
    EcdsaP384,
    /// ECDSA on NIST P-521 (`secp521r1`). Browsers do not accept it in certificates.
    EcdsaP521,
    /// Ed25519 ([RFC 8410](https://www.rfc-editor.org/rfc/rfc8410)).
    /// Browsers do not accept it in certificates.
    Ed25519,
    /// ML-DSA-44 (FIPS 204, [RFC 9881](https://www.rfc-editor.org/rfc/rfc9881)):
    /// signatures that quantum computers do not forge either, of 2,420
    /// bytes. In TLS 1.3 alone, between programs of 2025 and later.
    MlDsa44,
    /// ML-DSA-65: signatures of 3,309 bytes.
    MlDsa65,
    /// ML-DSA-87: signatures of 4,627 bytes.
    MlDsa87,
}

impl KeyAlgorithm {
    /// The kind of a key that was read, if it is one of ours.
    fn of(key_type: &KeyType, bits: u32) -> Result<Self, Error> {
        Ok(match key_type {
            KeyType::Rsa => Self::Rsa { bits: usize::try_from(bits).unwrap_or(0) },
            KeyType::Ec { curve: "prime256v1" } => Self::EcdsaP256,
            KeyType::Ec { curve: "secp384r1" } => Self::EcdsaP384,
            KeyType::Ec { curve: "secp521r1" } => Self::EcdsaP521,
            KeyType::Ed25519 => Self::Ed25519,
            KeyType::Ec { curve } => return Err(unsupported(curve)),
            other => return Err(unsupported(&other.to_string())),
        })
    }

    /// The kind of a public key, from the DER of its SubjectPublicKeyInfo.
    pub fn of_spki(spki: &[u8]) -> Result<Self, Error> {
        let spki = SubjectPublicKeyInfoRef::from_der(spki)
            .map_err(|e| Error::new(Problem::Malformed, format!("the public key: {e}")))?;
        let unsupported = |oid: &ObjectIdentifier| unsupported(&signature::name_of(oid));
        match spki.algorithm.oid {
            oid @ (rfc5912::RSA_ENCRYPTION | rfc5912::ID_RSASSA_PSS) => {
                let key = RsaPublicKey::from_der(spki.subject_public_key.raw_bytes())
                    .map_err(|e| Error::new(Problem::Malformed, format!("the RSA key: {e}")))?;
                let bytes = key.modulus.as_bytes();
                let top = bytes.first().map_or(0, |byte| byte.leading_zeros() as usize);
                let bits = bytes.len() * 8 - top;
                Ok(if oid == rfc5912::ID_RSASSA_PSS {
                    Self::RsaPss { bits }
                } else {
                    Self::Rsa { bits }
                })
            }
            rfc5912::ID_EC_PUBLIC_KEY => match spki.algorithm.parameters_oid() {
                Ok(rfc5912::SECP_256_R_1) => Ok(Self::EcdsaP256),
                Ok(rfc5912::SECP_384_R_1) => Ok(Self::EcdsaP384),
                Ok(rfc5912::SECP_521_R_1) => Ok(Self::EcdsaP521),
                Ok(curve) => Err(unsupported(&curve)),
                Err(_) => Err(Error::new(
                    Problem::Unsupported,
                    "elliptic curves given by parameters instead of a name are not supported",
                )),
            },
            rfc8410::ID_ED_25519 => Ok(Self::Ed25519),
            other => ml_dsa::by_oid(other).ok_or_else(|| unsupported(&other)),
        }
    }
}

/// The type of a public key (DER of a SubjectPublicKeyInfo), also of one that cannot be used for TLS here:
/// `ECDSA P-256`, `RSA 768`, `DSA 1024`, `ED448`.
pub fn key_text(spki: &[u8]) -> String {
    match (KeyAlgorithm::of_spki(spki), PublicKey::from_spki(spki)) {
        (Ok(algorithm), _) => algorithm.to_string(),
        (Err(_), Ok(key)) => key.to_string(),
        (Err(_), Err(_)) => "a key that cannot be read".to_owned(),
    }
}

fn unsupported(name: &str) -> Error {
    Error::new(Problem::Unsupported, format!("keys of kind {name} are not supported"))
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// `rsa:2048`, `rsa-pss:2048`, `p256`, `p384`, `p521`, `ed25519`, `ml-dsa-65`.
impl FromStr for KeyAlgorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lower = text.to_ascii_lowercase();
        match lower.as_str() {
            "p256" | "p-256" | "prime256v1" | "secp256r1" => Ok(Self::EcdsaP256),
            "p384" | "p-384" | "secp384r1" => Ok(Self::EcdsaP384),
            "p521" | "p-521" | "secp521r1" => Ok(Self::EcdsaP521),
            "ed25519" => Ok(Self::Ed25519),
            "ml-dsa-44" | "mldsa44" => Ok(Self::MlDsa44),
            "ml-dsa-65" | "mldsa65" => Ok(Self::MlDsa65),
            "ml-dsa-87" | "mldsa87" => Ok(Self::MlDsa87),
            pss if pss.starts_with("rsa-pss") => {
                match pss.trim_start_matches("rsa-pss").trim_start_matches([':', '-']) {
                    "" => Ok(Self::RsaPss { bits: 2048 }),
                    bits => match format!("rsa:{bits}").parse() {
                        Ok(Self::Rsa { bits }) => Ok(Self::RsaPss { bits }),
                        other => other,
                    },
                }
            }
            _ => match lower.strip_prefix("rsa").map(|n| n.trim_start_matches([':', '-'])) {
                Some("") => Ok(Self::Rsa { bits: 2048 }),
                Some(bits) if bits.parse::<usize>().is_ok_and(|n| key_size(n).is_some()) => {
                    Ok(Self::Rsa { bits: bits.parse().expect("parsed above") })
                }
                _ => Err(Error::new(
                    Problem::InvalidValue,
                    format!(
                        "{text:?} is not a supported kind of key: rsa:2048, rsa:3072, \
                         rsa:4096, rsa:8192, rsa-pss:2048 (and so on), p256, p384, p521, ed25519, \
                         ml-dsa-44, ml-dsa-65, ml-dsa-87"
                    ),
                )),
            },
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::RsaPss { bits } => write!(f, "RSA-PSS {bits}"),
            Self::EcdsaP256 => f.write_str("ECDSA P-256"),
            Self::EcdsaP384 => f.write_str("ECDSA P-384"),
            Self::EcdsaP521 => f.write_str("ECDSA P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa44 => f.write_str("ML-DSA-44"),
            Self::MlDsa65 => f.write_str("ML-DSA-65"),
            Self::MlDsa87 => f.write_str("ML-DSA-87"),
        }
    }
}

/// A private key. Wiped from memory when dropped, and never in `Debug`.
#[derive(Clone)]
pub struct PrivateKey {
    algorithm: KeyAlgorithm,
    pkcs8: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
}

impl PrivateKey {
    /// Makes a new key. RSA takes from a tenth of a second (2048 bits) to several seconds.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, Error> {
        let failed = |_| Error::new(Problem::Internal, "key generation failed");
        let (pkcs8, spki) = match algorithm {
            KeyAlgorithm::Rsa { bits } => {
                let size = key_size(bits).ok_or_else(|| {
                    let what = format!(
                        "the size of an RSA key is 2048, 3072, 4096 or 8192 bits, not {bits}"
                    );
                    Error::new(Problem::InvalidValue, what)
                })?;
                let pair = RsaKeyPair::generate(size).map_err(failed)?;
                (v1_der(&pair)?, public_der(pair.public_key())?)
            }
            KeyAlgorithm::RsaPss { bits } => {
                let key = Self::generate(KeyAlgorithm::Rsa { bits })?;
                let algorithm =
                    AlgorithmIdentifierRef { oid: rfc5912::ID_RSASSA_PSS, parameters: None };
                let info = PrivateKeyInfoRef::from_der(&key.pkcs8)
                    .map_err(|_| Error::new(Problem::Internal, "key encoding failed"))?;
                pss::encodings(algorithm, info.private_key.as_bytes(), &key.spki)?
            }
            KeyAlgorithm::Ed25519 => {
                // Version 1 of PKCS#8: OpenSSL 3.0 does not read version 2.
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                (v1_der(&pair)?, public_der(pair.public_key())?)
            }
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::EcdsaP521 => {
                let pair = EcdsaKeyPair::generate(ecdsa(algorithm)).map_err(failed)?;
                let pkcs8 = pair.to_pkcs8v1().map_err(failed)?;
                (Zeroizing::new(pkcs8.as_ref().to_vec()), public_der(pair.public_key())?)
            }
            KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => {
                let (_, pkcs8, spki) = ml_dsa::generate(algorithm)?;
                (pkcs8, spki)
            }
        };
        Ok(Self { algorithm, pkcs8, spki })
    }

    /// Reads a key file: PEM or DER of any form. Errors name the file.
    pub fn from_file(path: &Path, passphrase: Option<&[u8]>) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map(Zeroizing::new).map_err(|e| Error::io(path, &e))?;
        let key = if pem::is_pem(&bytes) {
            Self::from_pem(&bytes, passphrase)
        } else {
            Self::from_der(&bytes, passphrase)
        };
        key.map_err(|e| super::no_key(e, &bytes).at(path.display().to_string()))
    }

    /// Reads the one key of a PEM text: PKCS#8 (`PRIVATE KEY`), encrypted PKCS#8 (`ENCRYPTED PRIVATE
    /// KEY`), PKCS#1 (`RSA PRIVATE KEY`), SEC 1 (`EC PRIVATE KEY`), the latter two also with
    /// OpenSSL's traditional encryption (`Proc-Type: 4,ENCRYPTED`).
    pub fn from_pem(pem: &[u8], passphrase: Option<&[u8]>) -> Result<Self, Error> {
        let block = pem::private_key(pem)?;
        if block.headers().contains("ENCRYPTED") {
            return Self::from_parsed(&Parsed::from_traditional(&block, passphrase)?);
        }
        block.parse(|der| Self::from_der(der, passphrase))
    }

    /// Reads a key from DER: PKCS#8, PKCS#1, SEC 1, or encrypted PKCS#8.
    pub fn from_der(der: &[u8], passphrase: Option<&[u8]>) -> Result<Self, Error> {
        match encrypted::decrypt(der, passphrase)? {
            Some(key) => Self::from_plain_der(&key),
            None => Self::from_plain_der(der),
        }
    }

    /// Reads a key that is not encrypted.
    pub(super) fn from_plain_der(der: &[u8]) -> Result<Self, Error> {
        // OpenSSL accepts rsaEncryption without its NULL, AWS-LC rejects it.
        if let Ok(info) = PrivateKeyInfoRef::from_der(der)
            && info.algorithm.oid == rfc5912::RSA_ENCRYPTION
            && info.algorithm.parameters.is_none()
        {
            return Self::from_parsed(&Parsed::from_der(info.private_key.as_bytes())?);
        }
        // AWS-LC writes one form only, and none where the seed is not known.
        if let Ok(info) = PrivateKeyInfoRef::from_der(der)
            && let Some((algorithm, pkcs8, spki)) = ml_dsa::read(&info)?
        {
            return Ok(Self { algorithm, pkcs8, spki });
        }
        // AWS-LC reads these and does not write them.
        if let Ok(info) = PrivateKeyInfoRef::from_der(der)
            && info.algorithm.oid == rfc5912::ID_RSASSA_PSS
        {
            let pkcs1 = info.private_key.as_bytes();
            let rsa = Parsed::from_der(pkcs1)?;
            let (pkcs8, spki) = pss::encodings(info.algorithm, pkcs1, &rsa.spki_der()?)?;
            let bits = usize::try_from(rsa.bits()).unwrap_or(0);
            return Ok(Self { algorithm: KeyAlgorithm::RsaPss { bits }, pkcs8, spki });
        }
        Self::from_parsed(&Parsed::from_der(der)?)
    }

    fn from_parsed(key: &Parsed) -> Result<Self, Error> {
        let algorithm = KeyAlgorithm::of(&key.key_type(), key.bits())?;
        Ok(Self { algorithm, pkcs8: key.to_pkcs8_der()?, spki: key.spki_der()? })
    }

    /// The type of the key.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The DER of the public half, a SubjectPublicKeyInfo (`openssl pkey -pubout -outform DER`).
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The public half in PEM (`openssl pkey -pubout`).
    pub fn public_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.spki)
    }

    /// Unencrypted PKCS#8, version 1.
    pub fn to_pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Unencrypted PKCS#8 in PEM (`BEGIN PRIVATE KEY`), as `openssl genrsa` writes it.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::encode("PRIVATE KEY", &self.pkcs8))
    }

    /// Encrypted PKCS#8 in PEM (`BEGIN ENCRYPTED PRIVATE KEY`): PBES2 and AES-256-CBC, which with
    /// the default derivation OpenSSL 1.0 and later, Node, Java and Windows read.
    ///
    /// [`KeyEncryption`] has the choice; its default is PBKDF2.
    pub fn to_encrypted_pem(
        &self,
        passphrase: &[u8],
        encryption: KeyEncryption,
    ) -> Result<String, Error> {
        let der = self.to_encrypted_der(passphrase, encryption)?;
        Ok(pem::encode("ENCRYPTED PRIVATE KEY", &der))
    }

    /// The same in DER.
    pub fn to_encrypted_der(
        &self,
        passphrase: &[u8],
        encryption: KeyEncryption,
    ) -> Result<Vec<u8>, Error> {
        encrypted::encrypt(&self.pkcs8, passphrase, encryption)
    }

    /// The form from before PKCS#8: `RSA PRIVATE KEY` (PKCS#1) or `EC PRIVATE KEY` (SEC 1), for
    /// programs that read nothing else. Ed25519 has no such form.
    pub fn to_traditional_pem(&self) -> Result<Zeroizing<String>, Error> {
        traditional::to_pem(self)
    }

    /// In which form the private half of an ML-DSA key is written; `None` for other kinds.
    pub fn ml_dsa_form(&self) -> Option<MlDsaForm> {
        ml_dsa::form(&self.pkcs8)
    }

    /// The same ML-DSA key, written in this form.
    ///
    /// # Errors
    /// When the seed is wanted and not there, which cannot be computed back; when it is a key of
    /// another kind.
    pub fn in_ml_dsa_form(&self, form: MlDsaForm) -> Result<Self, Error> {
        if self.ml_dsa_form().is_none() {
            let what =
                format!("{} keys do not have this form, only ML-DSA keys do", self.algorithm);
            return Err(Error::new(Problem::InvalidValue, what));
        }
        let pkcs8 = ml_dsa::in_form(self.algorithm, &self.pkcs8, form)?;
        Ok(Self { pkcs8, ..self.clone() })
    }

    /// Whether `certificate` has this key's public half.
    pub fn matches(&self, certificate: &Certificate) -> bool {
        is_same_key(&certificate.spki_der(), &self.spki)
    }

    /// Signs `message`: RSA PKCS#1 v1.5 with SHA-256; RSA-PSS with SHA-256, or the digest that the
    /// key is restricted to, and a salt as long; ECDSA with the digest that fits the curve
    /// (ASN.1 form); Ed25519; ML-DSA.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |_| Error::new(Problem::Internal, "signing failed");
        let refused = |e: aws_lc_rs::error::KeyRejected| {
            let what = format!("signing with an {} key failed: {e}", self.algorithm);
            Error::new(Problem::Unsupported, what)
        };
        let random = SystemRandom::new();
        match self.algorithm {
            KeyAlgorithm::Rsa { .. } => {
                let pair = RsaKeyPair::from_pkcs8(&self.pkcs8).map_err(refused)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            KeyAlgorithm::RsaPss { .. } => {
                let key = PssKey::from_pkcs8(&self.pkcs8)?.expect("it is of that kind");
                key.sign(key.digest(), message)
            }
            KeyAlgorithm::Ed25519 => {
                let pair =
                    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&self.pkcs8).map_err(refused)?;
                Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec())
            }
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::EcdsaP521 => {
                let pair = EcdsaKeyPair::from_pkcs8(ecdsa(self.algorithm), &self.pkcs8)
                    .map_err(refused)?;
                Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec())
            }
            KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => {
                ml_dsa::sign(self.algorithm, &self.pkcs8, message)
            }
        }
    }

    /// Signs `message` as an AlgorithmIdentifier, DER, of RSA or ECDSA says.
    pub(super) fn sign_as(&self, algorithm: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
        let malformed = |e| Error::new(Problem::Malformed, format!("the key: {e}"));
        match self.algorithm {
            // What it may sign has been looked at; below it is an RSA key as any.
            KeyAlgorithm::RsaPss { .. } => {
                let info = PrivateKeyInfoRef::from_der(&self.pkcs8).map_err(malformed)?;
                Parsed::from_der(info.private_key.as_bytes())?.sign_as(algorithm, message)
            }
            _ => Parsed::from_der(&self.pkcs8)?.sign_as(algorithm, message),
        }
    }
}

/// Whether two SubjectPublicKeyInfos are one key, however it is written: OpenSSL writes points of a
/// curve compressed, too.
pub(super) fn is_same_key(one: &[u8], other: &[u8]) -> bool {
    let read = |spki| {
        PublicKey::from_spki(spki).ok().filter(|key| key.rsa.is_some() || key.ec_point.is_some())
    };
    one == other || read(one).is_some_and(|key| read(other) == Some(key))
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn key_size(bits: usize) -> Option<KeySize> {
    Some(match bits {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        4096 => KeySize::Rsa4096,
        8192 => KeySize::Rsa8192,
        _ => return None,
    })
}

fn ecdsa(algorithm: KeyAlgorithm) -> &'static EcdsaSigningAlgorithm {
    match algorithm {
        KeyAlgorithm::EcdsaP384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        KeyAlgorithm::EcdsaP521 => &ECDSA_P521_SHA512_ASN1_SIGNING,
        _ => &ECDSA_P256_SHA256_ASN1_SIGNING,
    }
}

fn v1_der(pair: &impl AsDer<Pkcs8V1Der<'static>>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let der = pair.as_der().map_err(|_| Error::new(Problem::Internal, "key encoding failed"))?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

pub(super) fn public_der(public: &impl AsDer<PublicKeyX509Der<'static>>) -> Result<Vec<u8>, Error> {
    let der = public.as_der().map_err(|_| Error::new(Problem::Internal, "key encoding failed"))?;
    Ok(der.as_ref().to_vec())
}
