//! Nonces: made without anything being written down, since each says when it was made and that it
//! was made here; only those that were used are remembered. So a flood of requests for nonces, or
//! with false ones, writes nothing.

use aws_lc_rs::hmac;

use crate::clock::Seconds;
use crate::jws::{base64url, from_base64url};
use crate::protocol::{Kind, Problem};
use crate::store::{Error, Store, random};

/// Makes nonces, and knows its own again. Nodes that share a store share the key.
pub(super) struct Nonces(hmac::Key);

/// How long a nonce is good.
const LASTS: Seconds = 3600;

/// The time, random bytes, and a part of the MAC over both.
const TIME: usize = 8;
const RANDOM: usize = 12;
const MAC: usize = 16;

impl Nonces {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub(super) fn make(&self, now: Seconds) -> Result<String, Error> {
        let mut nonce = now.to_be_bytes().to_vec();
        nonce.extend(random::<RANDOM>()?);
        let mac = hmac::sign(&self.0, &nonce);
        nonce.extend(&mac.as_ref()[..MAC]);
        Ok(base64url(&nonce))
    }

    /// Whether it is ours and not too old: until when.
    pub(super) fn check(&self, nonce: &str, now: Seconds) -> Result<Seconds, Problem> {
        let bytes = from_base64url(nonce).filter(|bytes| bytes.len() == TIME + RANDOM + MAC);
        let bytes = bytes.ok_or_else(|| bad("it is not one of this server's"))?;
        let (signed, mac) = bytes.split_at(TIME + RANDOM);
        let expected = hmac::sign(&self.0, signed);
        let same =
            aws_lc_rs::constant_time::verify_slices_are_equal(mac, &expected.as_ref()[..MAC]);
        if same.is_err() {
            return Err(bad("it is not one of this server's"));
        }
        let made = Seconds::from_be_bytes(signed[..TIME].try_into().unwrap_or_default());
        match made + LASTS {
            // Another node's clock may be ahead of ours.
            end if now <= end && made <= now + LASTS => Ok(end),
            _ => Err(bad("it is too old")),
        }
    }

    /// Uses a nonce up.
    pub(super) fn consume(&self, nonce: &str, end: Seconds, store: &Store) -> Result<(), Problem> {
        match store.use_nonce(nonce, end + LASTS)? {
            true => Ok(()),
            false => Err(bad("it was used before")),
        }
    }
}

fn bad(why: &str) -> Problem {
    Problem::new(Kind::BadNonce, format!("the nonce: {why}; take the one of this answer"))
}
