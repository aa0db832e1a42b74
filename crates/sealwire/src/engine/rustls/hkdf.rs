//! The key derivation of TLS 1.3: HKDF (RFC 5869) by AWS-LC's HMAC.
//!
//! AWS-LC's own HKDF sets its HMAC up for each value that is derived, which is half of the hashing: SHA-384 is a
//! fifth of what a handshake takes a server where AWS-LC has no instructions of the processor's for it. Here a secret
//! is set up once, and not at all when nothing new is derived of it.

use std::sync::{LazyLock, OnceLock};

use ::aws_lc_rs::hmac::{self, HMAC_SHA256, HMAC_SHA384, Key};
use rustls::crypto::hmac::Tag;
use rustls::crypto::tls13::{Hkdf, HkdfExpander, OkmBlock, OutputLengthError};
use zeroize::Zeroizing;

/// HKDF with one hash function.
pub(super) struct HmacHkdf {
    algorithm: hmac::Algorithm,
    /// What is extracted where there is neither salt nor secret, as at the start of most handshakes.
    nothing: Key,
}

/// HKDF for a suite whose hash function gives so many bytes.
pub(super) fn with_hash_of(len: usize) -> &'static HmacHkdf {
    static SHA256: LazyLock<HmacHkdf> = LazyLock::new(|| HmacHkdf::new(HMAC_SHA256));
    static SHA384: LazyLock<HmacHkdf> = LazyLock::new(|| HmacHkdf::new(HMAC_SHA384));
    match len {
        48 => &SHA384,
        _ => &SHA256,
    }
}

/// No hash function here gives more.
const MOST: usize = 48;
const ZEROES: [u8; MOST] = [0; MOST];

impl HmacHkdf {
    fn new(algorithm: hmac::Algorithm) -> Self {
        let zeroes = &ZEROES[..algorithm.tag_len()];
        Self { algorithm, nothing: extract(algorithm, zeroes, zeroes) }
    }

    fn zeroes(&self) -> &'static [u8] {
        &ZEROES[..self.algorithm.tag_len()]
    }

    /// For what is derived of `secret`.
    pub(super) fn expander(&self, secret: &OkmBlock) -> Expander {
        let (secret, key) = (Some(secret.clone()), OnceLock::new());
        Expander { algorithm: self.algorithm, secret, key }
    }
}

impl Hkdf for HmacHkdf {
    fn extract_from_zero_ikm(&self, salt: Option<&[u8]>) -> Box<dyn HkdfExpander> {
        Box::new(Expander::of(match salt {
            Some(salt) => extract(self.algorithm, salt, self.zeroes()),
            None => self.nothing.clone(),
        }))
    }

    fn extract_from_secret(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        let salt = salt.unwrap_or_else(|| self.zeroes());
        Box::new(Expander::of(extract(self.algorithm, salt, secret)))
    }

    fn expander_for_okm(&self, okm: &OkmBlock) -> Box<dyn HkdfExpander> {
        Box::new(self.expander(okm))
    }

    fn hmac_sign(&self, key: &OkmBlock, message: &[u8]) -> Tag {
        Tag::new(hmac::sign(&Key::new(self.algorithm, key.as_ref()), message).as_ref())
    }
}

/// The pseudorandom key (RFC 5869, section 2.2), set up.
fn extract(algorithm: hmac::Algorithm, salt: &[u8], secret: &[u8]) -> Key {
    let mut room = Zeroizing::new([0; MOST]);
    Key::new(algorithm, sign(&Key::new(algorithm, salt), secret, &mut room))
}

/// Derives from one secret.
pub(super) struct Expander {
    algorithm: hmac::Algorithm,
    /// What the key is made of when it is needed.
    secret: Option<OkmBlock>,
    key: OnceLock<Key>,
}

impl Expander {
    fn of(key: Key) -> Self {
        Self { algorithm: key.algorithm(), secret: None, key: OnceLock::from(key) }
    }

    /// What it derives from, unless that was extracted.
    pub(super) fn secret(&self) -> &[u8] {
        self.secret.as_ref().map(OkmBlock::as_ref).unwrap_or_default()
    }

    fn key(&self) -> &Key {
        self.key.get_or_init(|| Key::new(self.algorithm, self.secret()))
    }
}

impl HkdfExpander for Expander {
    fn expand_slice(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        let len = self.hash_len();
        if output.len() > 255 * len {
            return Err(OutputLengthError);
        }
        let mut block = Zeroizing::new([0; MOST]);
        let mut input = Zeroizing::new(Vec::with_capacity(MOST + length(info) + 1));
        for (counter, piece) in (1..=255).zip(output.chunks_mut(len)) {
            // The one before, from the second on (RFC 5869, section 2.3).
            input.clear();
            input.extend_from_slice(if counter == 1 { &[] } else { &block[..len] });
            info.iter().for_each(|part| input.extend_from_slice(part));
            input.push(counter);
            piece.copy_from_slice(&sign(self.key(), &input, &mut block)[..piece.len()]);
        }
        Ok(())
    }

    fn expand_block(&self, info: &[&[u8]]) -> OkmBlock {
        let mut block = Zeroizing::new([0; MOST]);
        let output = &mut block[..self.hash_len()];
        self.expand_slice(info, output).expect("a block is short enough");
        OkmBlock::new(output)
    }

    fn hash_len(&self) -> usize {
        self.algorithm.tag_len()
    }
}

fn sign<'a>(key: &Key, data: &[u8], room: &'a mut [u8; MOST]) -> &'a [u8] {
    hmac::sign_to_buffer(key, data, room).expect("the room is as long as the longest tag")
}

fn length(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

#[cfg(test)]
mod tests {
    use rustls::SupportedCipherSuite;
    use rustls::crypto::aws_lc_rs::cipher_suite::{
        TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384,
    };

    use super::*;

    /// All that can be derived, by this and by the HKDF of AWS-LC: in pairs.
    fn both(len: usize, theirs: &dyn Hkdf) {
        let ours = with_hash_of(len);
        let okm = OkmBlock::new(&[3; MOST][..len]);
        let expanders = |hkdf: &dyn Hkdf| {
            [
                hkdf.extract_from_zero_ikm(None),
                hkdf.extract_from_zero_ikm(Some(&[1; 32])),
                hkdf.extract_from_secret(None, b"secret"),
                hkdf.extract_from_secret(Some(&[2; 200]), &[7; 300]),
                hkdf.expander_for_okm(&okm),
            ]
        };
        for (ours, theirs) in expanders(ours).iter().zip(&expanders(theirs)) {
            assert_eq!(ours.hash_len(), theirs.hash_len());
            let infos: [&[&[u8]]; 4] = [&[], &[b"one"], &[b"in ", b"", b"pieces"], &[&[9; 600]]];
            for info in infos {
                let block = ours.expand_block(info);
                assert_eq!(block.as_ref(), theirs.expand_block(info).as_ref());
                for size in [0, 1, 12, len, len + 1, 5 * len, 255 * len] {
                    let (mut a, mut b) = (vec![0; size], vec![1; size]);
                    ours.expand_slice(info, &mut a).expect("short enough");
                    theirs.expand_slice(info, &mut b).expect("short enough");
                    assert_eq!(a, b, "{size} bytes");
                }
                assert!(ours.expand_slice(info, &mut vec![0; 255 * len + 1]).is_err());
            }
        }
        let (ours, theirs) = (ours.hmac_sign(&okm, b"message"), theirs.hmac_sign(&okm, b"message"));
        assert_eq!(ours.as_ref(), theirs.as_ref());
    }

    #[test]
    fn it_derives_what_the_hkdf_of_aws_lc_does() {
        for (len, suite) in [(32, TLS13_AES_128_GCM_SHA256), (48, TLS13_AES_256_GCM_SHA384)] {
            let SupportedCipherSuite::Tls13(suite) = suite else { unreachable!("of TLS 1.3") };
            both(len, suite.hkdf_provider);
        }
    }
}
