//! Decrypting our own connection of TLS 1.3 with the secrets of its key log
//! ([RFC 8446, section 5](https://www.rfc-editor.org/rfc/rfc8446#section-5)).

use crate::KeyLogLine;
use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use aws_lc_rs::hkdf::{HKDF_SHA256, HKDF_SHA384, KeyType, Prk};
use zeroize::Zeroizing;

/// The key for one direction from some moment on.
pub(super) struct Unlock {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

/// A length for `Prk::expand`.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Unlock {
    /// From the secret with this label; `None` when it is not there, or for another suite.
    pub(super) fn new(suite: u16, secrets: &[KeyLogLine], label: &str) -> Option<Self> {
        let (hash, algorithm): (_, &'static Algorithm) = match suite {
            0x1301 => (HKDF_SHA256, &AES_128_GCM),
            0x1302 => (HKDF_SHA384, &AES_256_GCM),
            0x1303 => (HKDF_SHA256, &CHACHA20_POLY1305),
            _ => return None,
        };
        let line = secrets.iter().find(|line| line.label() == label)?;
        let secret = Zeroizing::new(unhex(line.as_str().rsplit(' ').next()?)?);
        let secret = Prk::new_less_safe(hash, &secret);
        let key = expand(&secret, "key", algorithm.key_len())?;
        let iv = expand(&secret, "iv", 12)?;
        let key = LessSafeKey::new(UnboundKey::new(algorithm, &key).ok()?);
        Some(Self { key, iv: *iv.first_chunk()?, sequence: 0 })
    }

    /// Type and content of a record (with its header), without padding; `None` when it does not
    /// open with this key.
    pub(super) fn open(&mut self, record: &[u8]) -> Option<(u8, Vec<u8>)> {
        let (header, sealed) = record.split_at_checked(5)?;
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= number;
        }
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let length = self.key.open_in_place(nonce, Aad::from(header), &mut bytes).ok()?.len();
        self.sequence += 1;
        bytes.truncate(length);
        let kind = bytes.iter().rposition(|&byte| byte != 0)?;
        let kind_byte = bytes[kind];
        bytes.truncate(kind);
        Some((kind_byte, bytes))
    }
}

/// HKDF-Expand-Label with an empty context
/// ([RFC 8446, section 7.1](https://www.rfc-editor.org/rfc/rfc8446#section-7.1)).
fn expand(secret: &Prk, label: &str, length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let label = [b"tls13 ", label.as_bytes()].concat();
    let info = [
        &u16::try_from(length).ok()?.to_be_bytes()[..],
        &[u8::try_from(label.len()).ok()?],
        &label,
        &[0],
    ];
    let mut out = Zeroizing::new(vec![0; length]);
    secret.expand(&info, Length(length)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    text.as_bytes().chunks(2).map(|two| Some(digit(two[0])? << 4 | digit(*two.get(1)?)?)).collect()
}

impl std::fmt::Debug for Unlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unlock(record {})", self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::unhex;

    #[test]
    fn hexadecimal_comes_back() {
        assert_eq!(unhex("0001abff"), Some(vec![0, 1, 0xab, 0xff]));
        assert_eq!(unhex("abc"), None);
        assert_eq!(unhex("zz"), None);
    }
}
