//! The encryptions of PFX files: PBES2, and PKCS#12's own with 3DES and RC2 (RFC 7292,
//! appendix C).

use aws_lc_rs::digest;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use const_oid::ObjectIdentifier;
use der::asn1::{Any, OctetString};
use der::{Decode, Encode, Sequence};
use des::{TdesEde2, TdesEde3};
use pkcs5::EncryptionScheme;
use pkcs5::pbes2::{Kdf, PBES2_OID};
use rc2::Rc2;
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::kdf::{self, Purpose};
use crate::pki::signature::{name_of, unencodable};
use crate::pki::{Error, Problem};

const fn pbe(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SHA1_RC4_128: ObjectIdentifier = pbe("1.2.840.113549.1.12.1.1");
const SHA1_RC4_40: ObjectIdentifier = pbe("1.2.840.113549.1.12.1.2");
const SHA1_3DES: ObjectIdentifier = pbe("1.2.840.113549.1.12.1.3");
const SHA1_2DES: ObjectIdentifier = pbe("1.2.840.113549.1.12.1.4");
const SHA1_RC2_128: ObjectIdentifier = pbe("1.2.840.113549.1.12.1.5");
const SHA1_RC2_40: ObjectIdentifier = pbe("1.2.840.113549.1.12.1.6");

/// Work that opening one file may take, in iterations over all its parts: a few seconds.
const MOST_ITERATIONS: u64 = 20_000_000;

#[derive(Sequence)]
struct PbeParameters {
    salt: OctetString,
    iterations: u32,
}

/// A passphrase in the two forms that a file may want, and how much work it may still cost.
pub(super) struct Opener {
    utf8: Zeroizing<Vec<u8>>,
    /// As PKCS#12's own derivation takes it.
    bmp: Zeroizing<Vec<u8>>,
    budget: u64,
}

impl Opener {
    pub(super) fn new(passphrase: Option<&str>) -> Self {
        Self {
            utf8: Zeroizing::new(passphrase.unwrap_or_default().as_bytes().to_vec()),
            // No passphrase is no bytes at all; an empty one is its final NUL.
            bmp: passphrase.map_or_else(|| Zeroizing::new(Vec::new()), kdf::bmp),
            budget: MOST_ITERATIONS,
        }
    }

    pub(super) fn bmp(&self) -> &[u8] {
        &self.bmp
    }

    /// Takes work from what the file may cost.
    pub(super) fn spend(&mut self, iterations: u64) -> Result<(), Error> {
        let rest = self.budget.checked_sub(iterations.max(1));
        self.budget = rest.ok_or_else(|| {
            let what = "the PFX asks for more work than is sane (iterations of its encryption)";
            Error::new(Problem::Unsupported, what)
        })?;
        Ok(())
    }

    /// Decrypts one part of the file.
    pub(super) fn open(
        &mut self,
        algorithm: &AlgorithmIdentifierOwned,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        if algorithm.oid == PBES2_OID {
            return self.open_pbes2(algorithm, ciphertext);
        }
        let (key_bits, decrypt): (usize, Decrypt) = match algorithm.oid {
            SHA1_3DES => (192, cbc_decrypt::<TdesEde3>),
            SHA1_2DES => (128, cbc_decrypt::<TdesEde2>),
            SHA1_RC2_128 => (128, rc2_decrypt),
            SHA1_RC2_40 => (40, rc2_decrypt),
            other => return Err(unsupported(&other)),
        };
        let parameters = pbe_parameters(algorithm)?;
        self.spend(u64::from(parameters.iterations) * 2)?;
        let key = self.derive(Purpose::EncryptionKey, &parameters, key_bits / 8);
        let iv = self.derive(Purpose::Iv, &parameters, 8);
        decrypt(&key, &iv, ciphertext).ok_or_else(wrong_passphrase)
    }

    fn open_pbes2(
        &mut self,
        algorithm: &AlgorithmIdentifierOwned,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let der = algorithm.to_der().map_err(|e| unencodable(&e))?;
        let scheme = EncryptionScheme::from_der(&der).map_err(|e| {
            let what = format!("the PFX is encrypted with PBES2 in a form not known here: {e}");
            Error::new(Problem::Unsupported, what)
        })?;
        let EncryptionScheme::Pbes2(parameters) = &scheme else {
            return Err(unsupported(&algorithm.oid));
        };
        match &parameters.kdf {
            Kdf::Pbkdf2(kdf) => self.spend(u64::from(kdf.iteration_count))?,
            kdf => crate::pki::encrypted::check_cost(kdf)?,
        }
        match scheme.decrypt(&*self.utf8, ciphertext) {
            Ok(plain) => Ok(Zeroizing::new(plain)),
            Err(pkcs5::Error::DecryptFailed) => Err(wrong_passphrase()),
            Err(e) => Err(Error::new(Problem::Unsupported, format!("the PFX: {e}"))),
        }
    }

    fn derive(
        &self,
        purpose: Purpose,
        parameters: &PbeParameters,
        length: usize,
    ) -> Zeroizing<Vec<u8>> {
        let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
        let PbeParameters { salt, iterations } = parameters;
        kdf::derive(sha1, purpose, &self.bmp, salt.as_bytes(), *iterations, length)
    }
}

/// Encrypts with 3DES, for programs that know nothing newer.
pub(super) fn seal_3des(
    passphrase: &str,
    salt: &[u8],
    iterations: u32,
    plain: &[u8],
) -> Result<(AlgorithmIdentifierOwned, Vec<u8>), Error> {
    let salt = OctetString::new(salt).map_err(|e| unencodable(&e))?;
    let parameters = PbeParameters { salt, iterations };
    let opener = Opener::new(Some(passphrase));
    let key = opener.derive(Purpose::EncryptionKey, &parameters, 24);
    let iv = opener.derive(Purpose::Iv, &parameters, 8);
    let cipher = Encryptor::<TdesEde3>::new_from_slices(&key, &iv)
        .map_err(|_| Error::new(Problem::Internal, "3DES takes 24 and 8 bytes"))?;
    let parameters = Any::encode_from(&parameters).map_err(|e| unencodable(&e))?;
    let algorithm = AlgorithmIdentifierOwned { oid: SHA1_3DES, parameters: Some(parameters) };
    Ok((algorithm, cipher.encrypt_padded_vec::<Pkcs7>(plain)))
}

pub(super) fn wrong_passphrase() -> Error {
    Error::new(Problem::WrongPassphrase, "the passphrase does not open the PFX")
}

type Decrypt = fn(&[u8], &[u8], &[u8]) -> Option<Zeroizing<Vec<u8>>>;

fn cbc_decrypt<C>(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>>
where
    C: cbc::cipher::BlockCipherDecrypt + cbc::cipher::KeyInit,
{
    let cipher = Decryptor::<C>::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).ok().map(Zeroizing::new)
}

/// RC2 with as many effective bits as its key has (OpenSSL and Java agree on this).
fn rc2_decrypt(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = Rc2::new_with_eff_key_len(key, key.len() * 8);
    let cipher = Decryptor::inner_iv_slice_init(cipher, iv).ok()?;
    cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).ok().map(Zeroizing::new)
}

fn pbe_parameters(algorithm: &AlgorithmIdentifierOwned) -> Result<PbeParameters, Error> {
    let parameters = algorithm.parameters.as_ref().and_then(|any| any.decode_as().ok());
    parameters.ok_or_else(|| {
        Error::new(Problem::Malformed, "the PFX is broken: its encryption has no parameters")
    })
}

fn unsupported(oid: &ObjectIdentifier) -> Error {
    let name = match *oid {
        SHA1_RC4_128 => "PBE-SHA1-RC4-128".to_owned(),
        SHA1_RC4_40 => "PBE-SHA1-RC4-40".to_owned(),
        other => name_of(&other),
    };
    Error::new(Problem::Unsupported, format!("the PFX is encrypted with {name}"))
}
