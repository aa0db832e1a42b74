//! Encrypted PKCS#8: writing it with PBES2, and reading the part of it that AWS-LC has not.

use aws_lc_rs::rand;
use der::asn1::OctetStringRef;
use der::{Decode, Encode};
use pkcs5::EncryptionScheme;
use pkcs5::pbes2::{self, Kdf, Pbkdf2Prf, ScryptParams};
use pkcs8::EncryptedPrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{Error, Problem, pbes1};

/// Rounds of PBKDF2-HMAC-SHA256 for what we write: OWASP's figure since 2023.
/// (`openssl genpkey -aes256` still does 2048.)
pub(super) const ITERATIONS: u32 = 600_000;

/// A hostile file may not make us compute for minutes or take all memory.
const MOST_ITERATIONS: u32 = 10_000_000;
const MOST_SCRYPT_MEMORY: u64 = 256 << 20;

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
    /// being told, and five rounds of it. Harder to guess on graphics cards; OpenSSL 1.1 and later
    /// and Node read it, Java and Windows do not.
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

/// DER of an EncryptedPrivateKeyInfo (RFC 5958, section 3) around a PKCS#8 key.
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

/// The key inside `der`, when it is encrypted in a way that AWS-LC does not read: scrypt, PBKDF2
/// with another digest than SHA-1 and SHA-256, AES-GCM, PBES1. `None` leaves it to AWS-LC.
pub(super) fn decrypt(
    der: &[u8],
    passphrase: Option<&[u8]>,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let Ok(info) = EncryptedPrivateKeyInfoRef::from_der(der) else { return Ok(None) };
    let needed = || {
        passphrase.ok_or_else(|| {
            let what = "the key is encrypted and no passphrase was given";
            Error::new(Problem::PassphraseNeeded, what)
        })
    };
    let parameters = match &info.encryption_algorithm {
        EncryptionScheme::Pbes2(parameters) => parameters,
        EncryptionScheme::Pbes1(algorithm) => {
            let ciphertext = info.encrypted_data.as_bytes();
            return pbes1::decrypt(algorithm, needed()?, ciphertext).map(Some);
        }
        _ => return Ok(None),
    };
    let theirs = match &parameters.kdf {
        Kdf::Pbkdf2(kdf) => {
            matches!(kdf.prf, Pbkdf2Prf::HmacWithSha1 | Pbkdf2Prf::HmacWithSha256)
                && !matches!(
                    parameters.encryption,
                    pbes2::EncryptionScheme::Aes128Gcm { .. }
                        | pbes2::EncryptionScheme::Aes256Gcm { .. }
                )
        }
        _ => false,
    };
    if theirs {
        return Ok(None);
    }
    check_cost(&parameters.kdf)?;
    match parameters.decrypt(needed()?, info.encrypted_data.as_bytes()) {
        Ok(key) => Ok(Some(Zeroizing::new(key))),
        Err(pkcs5::Error::DecryptFailed) => {
            Err(Error::new(Problem::WrongPassphrase, "the passphrase does not open the key"))
        }
        Err(other) => Err(Error::new(Problem::Unsupported, format!("the encrypted key: {other}"))),
    }
}

/// Refuses what would take minutes or all memory.
pub(super) fn check_cost(kdf: &Kdf) -> Result<(), Error> {
    let too_much = match kdf {
        Kdf::Pbkdf2(kdf) => kdf.iteration_count > MOST_ITERATIONS,
        Kdf::Scrypt(kdf) => {
            let memory = 128 * u64::from(kdf.block_size) * kdf.cost_parameter;
            memory > MOST_SCRYPT_MEMORY || kdf.parallelization > 16
        }
        _ => false,
    };
    if too_much {
        return Err(Error::new(
            Problem::Unsupported,
            "the encrypted key asks for more work than is sane (iterations or scrypt cost)",
        ));
    }
    Ok(())
}
