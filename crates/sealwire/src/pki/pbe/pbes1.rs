//! PBES1 with MD5 or SHA-1 and DES or RC2
//! ([RFC 8018, section 6.1](https://www.rfc-editor.org/rfc/rfc8018#section-6.1)):
//! what `openssl pkcs8 -topk8` wrote
//! until OpenSSL 1.1, and old Java. Read only; AWS-LC has left it out.

use aws_lc_rs::digest;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, InnerIvInit as _, KeyIvInit};
use der::{Decode, Encode};
use des::Des;
use md5::{Digest as _, Md5};
use pkcs5::pbes1::{Algorithm, EncryptionScheme, Parameters};
use rc2::Rc2;
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::pki::{Error, Problem};

/// The algorithm, if it is one of these; its name when its parameters cannot be read.
pub(super) fn of(algorithm: &AlgorithmIdentifierOwned) -> Result<Option<Algorithm>, String> {
    let der = algorithm.to_der().map_err(|e| e.to_string())?;
    match pkcs5::EncryptionScheme::from_der(&der) {
        Ok(pkcs5::EncryptionScheme::Pbes1(algorithm)) => Ok(Some(algorithm)),
        _ => Ok(None),
    }
}

/// Decrypts what is encrypted this way; `None` when the padding is invalid.
pub(super) fn decrypt(
    algorithm: &Algorithm,
    passphrase: &[u8],
    ciphertext: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    use EncryptionScheme as E;
    let (hash, cipher): (Hash, Cipher) = match algorithm.encryption {
        E::PbeWithMd5AndDesCbc => (md5, des_cbc),
        E::PbeWithMd5AndRc2Cbc => (md5, rc2_cbc),
        E::PbeWithSha1AndDesCbc => (sha1, des_cbc),
        E::PbeWithSha1AndRc2Cbc => (sha1, rc2_cbc),
        E::PbeWithMd2AndDesCbc | E::PbeWithMd2AndRc2Cbc => {
            let what = "it is encrypted with MD2 (pbeWithMD2...)";
            return Err(Error::new(Problem::Unsupported, what));
        }
    };
    let derived = derive(hash, passphrase, &algorithm.parameters);
    let (key, iv) = derived[..16].split_at(8);
    Ok(cipher(key, iv, ciphertext))
}

type Hash = fn(&[u8]) -> Zeroizing<Vec<u8>>;
type Cipher = fn(&[u8], &[u8], &[u8]) -> Option<Zeroizing<Vec<u8>>>;

/// PBKDF1 ([RFC 8018, section 5.1](https://www.rfc-editor.org/rfc/rfc8018#section-5.1)):
/// the digest of passphrase and salt, over and over.
fn derive(hash: Hash, passphrase: &[u8], parameters: &Parameters) -> Zeroizing<Vec<u8>> {
    let first = Zeroizing::new([passphrase, &parameters.salt].concat());
    (1..parameters.iteration_count).fold(hash(&first), |derived, _| hash(&derived))
}

fn md5(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Md5::digest(bytes).to_vec())
}

fn sha1(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec())
}

fn des_cbc(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = Decryptor::<Des>::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).ok().map(Zeroizing::new)
}

fn rc2_cbc(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = Decryptor::inner_iv_slice_init(Rc2::new_with_eff_key_len(key, 64), iv).ok()?;
    cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).ok().map(Zeroizing::new)
}
