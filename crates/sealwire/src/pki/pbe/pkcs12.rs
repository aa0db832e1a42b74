//! PKCS#12's own encryptions, with 3DES, RC2 and RC4
//! ([RFC 7292, appendix C](https://www.rfc-editor.org/rfc/rfc7292#appendix-C)).

use aws_lc_rs::digest;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use const_oid::ObjectIdentifier;
use der::Sequence;
use der::asn1::{Any, OctetString};
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::kdf::{self, Purpose};
use super::oid;
use crate::pki::signature::unencodable;
use crate::pki::{Error, Problem};

const SHA1_3DES: ObjectIdentifier = oid("1.2.840.113549.1.12.1.3");

type Decrypt = fn(&[u8], &[u8], &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error>;

/// The algorithms: the bits of the key, whether there is an IV, the cipher.
const ALGORITHMS: [(ObjectIdentifier, usize, bool, Decrypt); 6] = [
    (oid("1.2.840.113549.1.12.1.1"), 128, false, rc4),
    (oid("1.2.840.113549.1.12.1.2"), 40, false, rc4),
    (SHA1_3DES, 192, true, cbc_decrypt::<TdesEde3>),
    (oid("1.2.840.113549.1.12.1.4"), 128, true, cbc_decrypt::<TdesEde2>),
    (oid("1.2.840.113549.1.12.1.5"), 128, true, rc2_decrypt),
    (oid("1.2.840.113549.1.12.1.6"), 40, true, rc2_decrypt),
];

#[derive(Sequence)]
struct PbeParameters {
    salt: OctetString,
    iterations: u32,
}

pub(super) struct Parameters {
    derivation: PbeParameters,
    key_bits: usize,
    has_iv: bool,
    cipher: Decrypt,
}

impl Parameters {
    /// `None` when it is another kind of algorithm; its name when its parameters cannot be read.
    pub(super) fn of(algorithm: &AlgorithmIdentifierOwned) -> Result<Option<Self>, String> {
        let Some((_, key_bits, has_iv, cipher)) =
            ALGORITHMS.into_iter().find(|row| row.0 == algorithm.oid)
        else {
            return Ok(None);
        };
        let derivation = algorithm.parameters.as_ref().and_then(|any| any.decode_as().ok());
        let derivation =
            derivation.ok_or_else(|| format!("{} without parameters", algorithm.oid))?;
        Ok(Some(Self { derivation, key_bits, has_iv, cipher }))
    }

    /// In rounds of HMAC-SHA-256: one digest of SHA-1 a round.
    pub(super) fn cost(&self) -> u64 {
        let blocks = (self.key_bits / 8).div_ceil(20) + usize::from(self.has_iv);
        u64::from(self.derivation.iterations).saturating_mul(blocks as u64)
    }

    pub(super) fn decrypt(
        &self,
        bmp: &[u8],
        ciphertext: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let key = derive(bmp, Purpose::EncryptionKey, &self.derivation, self.key_bits / 8);
        let iv = match self.has_iv {
            true => derive(bmp, Purpose::Iv, &self.derivation, 8),
            false => Zeroizing::default(),
        };
        (self.cipher)(&key, &iv, ciphertext)
    }
}

fn derive(
    bmp: &[u8],
    purpose: Purpose,
    parameters: &PbeParameters,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    let PbeParameters { salt, iterations } = parameters;
    kdf::derive(sha1, purpose, bmp, salt.as_bytes(), *iterations, length)
}

/// Encrypts with 3DES, for programs that know nothing newer.
pub(in crate::pki) fn seal_3des(
    passphrase: &str,
    salt: &[u8],
    iterations: u32,
    plain: &[u8],
) -> Result<(AlgorithmIdentifierOwned, Vec<u8>), Error> {
    let salt = OctetString::new(salt).map_err(|e| unencodable(&e))?;
    let parameters = PbeParameters { salt, iterations };
    let bmp = kdf::bmp(passphrase);
    let key = derive(&bmp, Purpose::EncryptionKey, &parameters, 24);
    let iv = derive(&bmp, Purpose::Iv, &parameters, 8);
    let cipher = Encryptor::<TdesEde3>::new_from_slices(&key, &iv)
        .map_err(|_| Error::new(Problem::Internal, "3DES takes 24 and 8 bytes"))?;
    let parameters = Any::encode_from(&parameters).map_err(|e| unencodable(&e))?;
    let algorithm = AlgorithmIdentifierOwned { oid: SHA1_3DES, parameters: Some(parameters) };
    Ok((algorithm, cipher.encrypt_padded_vec::<Pkcs7>(plain)))
}

fn cbc_decrypt<C>(
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Error>
where
    C: cbc::cipher::BlockCipherDecrypt + cbc::cipher::KeyInit,
{
    let cipher = Decryptor::<C>::new_from_slices(key, iv).ok();
    let plain = cipher.and_then(|cipher| cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).ok());
    Ok(plain.map(Zeroizing::new))
}

/// RC2 with as many effective bits as its key has (OpenSSL and Java agree on this).
fn rc2_decrypt(
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let cipher = Rc2::new_with_eff_key_len(key, key.len() * 8);
    let cipher = Decryptor::inner_iv_slice_init(cipher, iv).ok();
    let plain = cipher.and_then(|cipher| cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).ok());
    Ok(plain.map(Zeroizing::new))
}

fn rc4(key: &[u8], _: &[u8], ciphertext: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    sealwire_x509::rc4(key, ciphertext).map(Some)
}
