//! The keys of session tickets, in the layout and the frame of OpenSSL and Node.
//!
//! A ticket is `name (16) | IV (16) | AES-128-CBC of the state | HMAC-SHA-256 of all before (32)`,
//! as RFC 5077, section 4 recommends and `SSL_CTX_set_tlsext_ticket_keys` has it. What is inside is
//! ours: another implementation with the same keys does a full handshake.

use std::fmt;

use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use crate::words::ConfigError;

/// How long one set of keys is: a name of 16 bytes, 16 for HMAC-SHA-256 and 16 for AES-128.
const LENGTH: usize = 48;
const NAME: usize = 16;
const IV: usize = 16;
const BLOCK: usize = 16;
const MAC: usize = 32;

/// How many sets a server accepts tickets of at once; each costs a comparison of 16 bytes.
const MAX_ACCEPTED: usize = 16;

/// The keys that protect a server's session tickets.
///
/// A party with these keys can read every TLS 1.2 connection that used a ticket made with them, and
/// resume sessions of others: treat them as private keys. They are wiped when dropped.
///
/// Servers that share their keys resume each other's sessions. To change them without turning a
/// client away, make tickets with the new ones and keep [accepting](Self::accepting) the old:
///
/// ```
/// # fn example(context: sealwire::SecureContext) -> Result<(), sealwire::ConfigError> {
/// use sealwire::TicketKeys;
/// let old = context.ticket_keys();
/// context.set_ticket_keys(TicketKeys::generate()?.accepting([old]));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TicketKeys {
    newest: Secret,
    accepted: Vec<Secret>,
}

type Secret = Zeroizing<[u8; LENGTH]>;

impl TicketKeys {
    /// Random keys.
    ///
    /// # Errors
    /// When the system's random number generator failed.
    pub fn generate() -> Result<Self, ConfigError> {
        let mut keys = Secret::new([0; LENGTH]);
        rand::fill(&mut *keys).map_err(|_| {
            ConfigError::new("ticket_keys", "the system's random number generator failed")
        })?;
        Ok(Self { newest: keys, accepted: Vec::new() })
    }

    /// From 48 bytes: name (16), HMAC-SHA-256 key (16), AES-128 key (16). Node's `ticketKeys`.
    pub fn from_bytes(bytes: &[u8; LENGTH]) -> Self {
        Self { newest: Secret::new(*bytes), accepted: Vec::new() }
    }

    /// The 48 bytes of [`from_bytes`](Self::from_bytes): those that new tickets are made with.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 48]> {
        self.newest.clone()
    }

    /// Also accepts tickets made with `older`, and with what they accept. Of more than 16 sets the
    /// last are left out.
    #[must_use]
    pub fn accepting(mut self, older: impl IntoIterator<Item = Self>) -> Self {
        for Self { newest, accepted } in older {
            for keys in std::iter::once(newest).chain(accepted) {
                let known = self.all().any(|known| known[..NAME] == keys[..NAME]);
                if !known && self.accepted.len() + 1 < MAX_ACCEPTED {
                    self.accepted.push(keys);
                }
            }
        }
        self
    }

    /// The newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &[u8; LENGTH]> {
        std::iter::once(&*self.newest).chain(self.accepted.iter().map(|keys| &**keys))
    }

    /// The newest set alone.
    pub(super) fn newest(&self) -> Self {
        Self { newest: self.newest.clone(), accepted: Vec::new() }
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys")
            .field("accepted", &(self.accepted.len() + 1))
            .finish_non_exhaustive()
    }
}

/// One set of keys, ready for use.
pub(super) struct Sealer {
    name: [u8; NAME],
    mac: hmac::Key,
    encrypt: PaddedBlockEncryptingKey,
    decrypt: PaddedBlockDecryptingKey,
}

impl Sealer {
    pub(super) fn new(keys: &[u8; LENGTH]) -> Self {
        let aes = || UnboundCipherKey::new(&AES_128, &keys[32..]).expect("16 bytes are a key");
        Self {
            name: keys[..NAME].try_into().expect("48 bytes have a name"),
            mac: hmac::Key::new(hmac::HMAC_SHA256, &keys[NAME..32]),
            encrypt: PaddedBlockEncryptingKey::cbc_pkcs7(aes()).expect("AES has the CBC mode"),
            decrypt: PaddedBlockDecryptingKey::cbc_pkcs7(aes()).expect("AES has the CBC mode"),
        }
    }

    /// The ticket for `state`, which is encrypted in place and should have room for a block more;
    /// `None` when there are no random bytes.
    pub(super) fn seal(&self, mut state: Zeroizing<Vec<u8>>) -> Option<Vec<u8>> {
        let DecryptionContext::Iv128(iv) = self.encrypt.encrypt(&mut *state).ok()? else {
            return None;
        };
        let mut ticket = Vec::with_capacity(NAME + IV + state.len() + MAC);
        ticket.extend_from_slice(&self.name);
        ticket.extend_from_slice(iv.as_ref());
        ticket.extend_from_slice(&state);
        let tag = hmac::sign(&self.mac, &ticket);
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    /// The state in `ticket`, if these keys made it. The code is checked before anything is
    /// decrypted, so that a forger learns nothing from the padding.
    pub(super) fn open(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (signed, tag) = ticket.split_at_checked(ticket.len().checked_sub(MAC)?)?;
        let (name, rest) = signed.split_at_checked(NAME)?;
        let (iv, sealed) = rest.split_first_chunk::<IV>()?;
        if name != self.name || sealed.is_empty() || !sealed.len().is_multiple_of(BLOCK) {
            return None;
        }
        hmac::verify(&self.mac, signed, tag).ok()?;
        let mut state = Zeroizing::new(sealed.to_vec());
        let context = DecryptionContext::Iv128(FixedLength::from(*iv));
        let length = self.decrypt.decrypt(&mut state, context).ok()?.len();
        state.truncate(length);
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::{Sealer, TicketKeys};
    use zeroize::Zeroizing;

    fn keys(seed: u8) -> TicketKeys {
        TicketKeys::from_bytes(&std::array::from_fn(|i| seed ^ i as u8))
    }

    fn sealer(seed: u8) -> Sealer {
        Sealer::new(&keys(seed).to_bytes())
    }

    #[test]
    fn a_ticket_opens_with_its_keys_and_no_others() {
        for length in [0, 1, 15, 16, 17, 300] {
            let state = vec![7; length];
            let ticket = sealer(1).seal(Zeroizing::new(state.clone())).unwrap();
            assert_eq!(ticket.len(), 16 + 16 + (length / 16 + 1) * 16 + 32);
            assert_eq!(*sealer(1).open(&ticket).unwrap(), state);
            assert!(sealer(2).open(&ticket).is_none());
            assert_ne!(ticket, sealer(1).seal(Zeroizing::new(state)).unwrap(), "the IV is new");
        }
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        let ticket = sealer(1).seal(Zeroizing::new(vec![7; 40])).unwrap();
        for at in 0..ticket.len() {
            for bit in 0..8 {
                let mut changed = ticket.clone();
                changed[at] ^= 1 << bit;
                assert!(sealer(1).open(&changed).is_none(), "byte {at}, bit {bit}");
            }
            assert!(sealer(1).open(&ticket[..at]).is_none(), "{at} bytes");
        }
    }

    #[test]
    fn the_frame_is_the_documented_one() {
        use aws_lc_rs::hmac;
        let bytes = keys(9).to_bytes();
        let ticket = sealer(9).seal(Zeroizing::new(b"the state".to_vec())).unwrap();
        assert_eq!(ticket[..16], bytes[..16]);
        assert_eq!(ticket.len(), 16 + 16 + 16 + 32);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes[16..32]);
        assert_eq!(hmac::sign(&key, &ticket[..48]).as_ref(), &ticket[48..]);
    }

    #[test]
    fn accepted_keys_are_flattened_counted_once_and_limited() {
        let some = keys(1).accepting([keys(2).accepting([keys(3)]), keys(1), keys(3)]);
        assert_eq!(some.all().count(), 3);
        assert_eq!(keys(0).accepting((1..=99).map(keys)).all().count(), super::MAX_ACCEPTED);
        assert!(!format!("{some:?}").contains("[1"), "{some:?}");
    }
}
