//! Encrypted PKCS#8: written with PBES2, and read in every form that OpenSSL reads.

use aws_lc_rs::rand;
use der::asn1::{AnyRef, OctetString, OctetStringRef};
use der::{Decode, Encode, Sequence, Tag, Tagged as _};
use pkcs5::pbes2::{self, Kdf, ScryptParams};
use pkcs8::EncryptedPrivateKeyInfoRef;
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::pbe::Opener;
use super::{Error, Problem};

/// Rounds of PBKDF2-HMAC-SHA256 for what we write: OWASP's figure since 2023.
/// (`openssl genpkey -aes256` still does 2048.)
pub(super) const ITERATIONS: u32 = 600_000;

/// How a key that we write is encrypted: PBES2 with AES-256-CBC, and one of these derivations of
/// the key from the passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyEncryption {
    /// PBKDF2-HMAC-SHA256 with so many iterations. Everything reads it.
    Pbkdf2 {
        /// Rounds; 600 000 by default.
        iterations: u32,
    },
    /// scrypt with N = 2^14, r = 8, p = 5: 16 MiB of memory, the most that OpenSSL reads without
    /// an option, and five rounds of it. Harder to guess on graphics cards; OpenSSL 1.1 and later
    /// and Node can read it, Java and Windows cannot.
    Scrypt,
}

impl Default for KeyEncryption {
    fn default() -> Self {
        Self::Pbkdf2 { iterations: ITERATIONS }
    }
}

impl KeyEncryption {
    fn parameters(self) -> Result<pbes2::Parameters, Error> {
        match self {
            Self::Pbkdf2 { iterations } => parameters(iterations),
            Self::Scrypt => {
                let mut made = parameters(ITERATIONS)?;
                let Kdf::Pbkdf2(pbkdf2) = &made.kdf else { unreachable!("made just above") };
                made.kdf = Kdf::Scrypt(ScryptParams {
                    salt: pbkdf2.salt,
                    cost_parameter: 1 << 14,
                    block_size: 8,
                    parallelization: 5,
                    key_length: None,
                });
                Ok(made)
            }
        }
    }
}

/// PBES2 parameters with fresh salt and IV: PBKDF2-HMAC-SHA256, AES-256-CBC.
pub(super) fn parameters(iterations: u32) -> Result<pbes2::Parameters, Error> {
    let mut salt = [0; 16];
    let mut iv = [0; 16];
    rand::fill(&mut salt)
        .and_then(|()| rand::fill(&mut iv))
        .map_err(|_| Error::new(Problem::Internal, "no random bytes"))?;
    pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(iterations, &salt, iv)
        .map_err(|e| Error::new(Problem::InvalidValue, format!("{iterations} iterations: {e}")))
}

/// DER of an EncryptedPrivateKeyInfo
/// ([RFC 5958, section 3](https://www.rfc-editor.org/rfc/rfc5958#section-3)) around a PKCS#8 key.
pub(super) fn encrypt(
    pkcs8: &[u8],
    passphrase: &[u8],
    how: KeyEncryption,
) -> Result<Vec<u8>, Error> {
    let failed = |_| Error::new(Problem::Internal, "encrypting the key failed");
    let parameters = how.parameters()?;
    let ciphertext = parameters
        .encrypt(passphrase, pkcs8)
        .map_err(|_| Error::new(Problem::Internal, "encrypting the key failed"))?;
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: OctetStringRef::new(&ciphertext).map_err(failed)?,
    };
    info.to_der().map_err(failed)
}

/// EncryptedPrivateKeyInfo
/// ([RFC 5958, section 3](https://www.rfc-editor.org/rfc/rfc5958#section-3)), whatever it is encrypted with.
#[derive(Sequence)]
struct Encrypted {
    algorithm: AlgorithmIdentifierOwned,
    ciphertext: OctetString,
}

/// The key inside `der` when that is an encrypted one; `None` when it is something else.
pub(super) fn decrypt(
    der: &[u8],
    passphrase: Option<&[u8]>,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let Ok(encrypted) = Encrypted::from_der(der) else { return Ok(None) };
    if passphrase.is_none() {
        let what = "the key is encrypted and no passphrase was given";
        return Err(Error::new(Problem::PassphraseNeeded, what));
    }
    let mut opener = Opener::new("the key", passphrase);
    let plain = opener.open(&encrypted.algorithm, encrypted.ciphertext.as_bytes())?;
    // The padding of one wrong passphrase in 256 looks right; what it leaves is noise then.
    if is_whole(&plain) { Ok(Some(plain)) } else { Err(opener.wrong_passphrase()) }
}

/// Whether these bytes are one SEQUENCE and nothing else: DER of some kind, and not cut.
pub(super) fn is_one_element(bytes: &[u8]) -> bool {
    AnyRef::from_der(bytes).is_ok_and(|sequence| sequence.tag() == Tag::Sequence)
}

/// Whether these bytes are one SEQUENCE that begins with a version, as every key is.
pub(super) fn is_whole(plain: &[u8]) -> bool {
    match AnyRef::from_der(plain) {
        Ok(sequence) => sequence.tag() == Tag::Sequence && sequence.value().starts_with(&[2, 1]),
        Err(_) => false,
    }
}
