//! The keys of one direction: nonces, sequence numbers and what a record looks like under them.

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use rustls::{ConnectionTrafficSecrets, Error, SupportedCipherSuite};
use zeroize::Zeroizing;

/// The longest content of a record (RFC 8446, 5.1).
pub(super) const MAX_CONTENT: usize = 16 * 1024;

/// The header of a record: content type, version, length of the body.
pub(in super::super) const HEADER: usize = 5;

/// The tag of every AEAD that TLS uses here.
pub(in super::super) const TAG: usize = 16;

/// The part of a nonce that a GCM record of TLS 1.2 carries (RFC 5288, 3).
pub(super) const EXPLICIT_NONCE: usize = 8;

/// How records are protected. It is settled by the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// RFC 8446, 5.2: the content type is encrypted, behind the content.
    Tls13,
    /// RFC 5288: a part of the nonce is sent with the record.
    Tls12Gcm,
    /// RFC 7905: the nonce follows from the sequence number.
    Tls12ChaCha,
}

impl Protection {
    pub(super) fn of(suite: SupportedCipherSuite, secrets: &ConnectionTrafficSecrets) -> Self {
        match (suite, secrets) {
            (SupportedCipherSuite::Tls13(_), _) => Self::Tls13,
            (_, ConnectionTrafficSecrets::Chacha20Poly1305 { .. }) => Self::Tls12ChaCha,
            _ => Self::Tls12Gcm,
        }
    }

    /// The bytes of a body in front of the ciphertext, and behind the content.
    pub(super) fn overhead(self) -> (usize, usize) {
        match self {
            Self::Tls13 => (0, 1 + TAG),
            Self::Tls12Gcm => (EXPLICIT_NONCE, TAG),
            Self::Tls12ChaCha => (0, TAG),
        }
    }

    /// The longest body that is accepted.
    pub(super) fn max_body(self) -> usize {
        let (front, back) = self.overhead();
        match self {
            // RFC 8446, 5.2: content type, tag and padding are at most 256 bytes.
            Self::Tls13 => MAX_CONTENT + 256,
            // RFC 5246, 6.2.1: the content is at most 2^14, and there is no padding.
            Self::Tls12Gcm | Self::Tls12ChaCha => front + MAX_CONTENT + back,
        }
    }
}

/// A key, its nonce base and the number of the next record. Every number is given out once, and
/// new keys begin with numbers of their own: no nonce comes twice under a key.
pub(super) struct Keys {
    key: LessSafeKey,
    iv: Zeroizing<[u8; 12]>,
    next: u64,
}

impl Keys {
    /// Takes over where the handshake, or a key update, left off: `next` is the number of the next
    /// record.
    pub(super) fn new((next, secrets): (u64, ConnectionTrafficSecrets)) -> Result<Self, Error> {
        use ConnectionTrafficSecrets as S;
        match secrets {
            S::Aes128Gcm { key, iv } => Self::of(&AES_128_GCM, key.as_ref(), iv.as_ref(), next),
            S::Aes256Gcm { key, iv } => Self::of(&AES_256_GCM, key.as_ref(), iv.as_ref(), next),
            S::Chacha20Poly1305 { key, iv } => {
                Self::of(&CHACHA20_POLY1305, key.as_ref(), iv.as_ref(), next)
            }
            _ => Err(Error::General("an AEAD without a record layer".to_owned())),
        }
    }

    pub(super) fn of(
        algorithm: &'static Algorithm,
        key: &[u8],
        iv: &[u8],
        next: u64,
    ) -> Result<Self, Error> {
        let unusable = || Error::General("traffic keys of the wrong size".to_owned());
        let key = UnboundKey::new(algorithm, key).map_err(|_| unusable())?;
        let iv = iv.try_into().map_err(|_| unusable())?;
        Ok(Self { key: LessSafeKey::new(key), iv: Zeroizing::new(iv), next })
    }

    pub(super) fn aead(&self) -> &LessSafeKey {
        &self.key
    }

    /// How many records there were under these keys.
    pub(super) fn used(&self) -> u64 {
        self.next
    }

    /// The number of the next record. `None` when they are exhausted: they must not wrap
    /// (RFC 8446, 5.3).
    pub(super) fn take_number(&mut self) -> Option<u64> {
        let number = self.next;
        self.next = number.checked_add(1)?;
        Some(number)
    }

    /// The nonce of record `number` (RFC 8446, 5.3; RFC 7905, 2). TLS 1.2 leaves the explicit
    /// part of GCM nonces to the sender; ours is made in the same way.
    pub(super) fn nonce(&self, number: u64) -> [u8; 12] {
        let mut nonce = *self.iv;
        for (byte, mask) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= mask;
        }
        nonce
    }

    /// The nonce of a GCM record of TLS 1.2 that came with this explicit part.
    pub(super) fn nonce_with(&self, explicit: &[u8; EXPLICIT_NONCE]) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.iv[..4]);
        nonce[4..].copy_from_slice(explicit);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// The additional data of TLS 1.2 (RFC 5246, 6.2.3.3): number, type, version, length of the content.
pub(super) fn tls12_aad(number: u64, kind: u8, version: [u8; 2], length: usize) -> [u8; 13] {
    let mut aad = [0; 13];
    aad[..8].copy_from_slice(&number.to_be_bytes());
    aad[8] = kind;
    aad[9..11].copy_from_slice(&version);
    aad[11..].copy_from_slice(&length16(length));
    aad
}

/// A length in a header. No caller has one above 2^14 + 256.
pub(super) fn length16(length: usize) -> [u8; 2] {
    u16::try_from(length).expect("records are shorter than 2^16").to_be_bytes()
}
