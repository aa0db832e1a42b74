//! Nonces: made without anything being written down, since each says when it was made and that it
//! was made here; only those that were used are remembered. So a flood of requests for nonces, or
//! with false ones, writes nothing.
//!
//! A server that is alone remembers in memory: it takes only nonces that this process has made, so that
//! after a start, or a power cut, all earlier ones are refused, and clients take another (RFC 8555,
//! section 6.5). Servers that share a database take each other's, and remember there.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;

use crate::clock::Seconds;
use crate::jws::{base64url, from_base64url};
use crate::protocol::{Kind, Problem};
use crate::store::{Error, Store, random};

/// Makes nonces, and knows its own again.
pub(super) struct Nonces {
    key: hmac::Key,
    /// None: the store remembers, for all servers that share it.
    here: Option<Mutex<Window>>,
}

/// A nonce that is ours.
pub(super) struct Known {
    number: u64,
    end: Seconds,
}

/// How long a nonce is good.
const LASTS: Seconds = 3600;

/// The time, a number or random bytes, and a part of the MAC over both.
const TIME: usize = 8;
const ID: usize = 12;
const MAC: usize = 16;

impl Nonces {
    pub(super) fn new(store: &Store) -> Result<Self, Error> {
        let (secret, here) = match store.is_shared() {
            true => (store.shared_secret("nonce")?, None),
            false => (random::<32>()?.to_vec(), Some(Mutex::new(Window::new(KEPT)))),
        };
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), here })
    }

    pub(super) fn make(&self, now: Seconds) -> Result<String, Error> {
        let mut nonce = [0; TIME + ID + MAC];
        nonce[..TIME].copy_from_slice(&now.to_be_bytes());
        match &self.here {
            Some(window) => {
                let number = window.lock().unwrap_or_else(PoisonError::into_inner).next();
                nonce[TIME..TIME + 8].copy_from_slice(&number.to_be_bytes());
            }
            None => nonce[TIME..TIME + ID].copy_from_slice(&random::<ID>()?),
        }
        let mac = hmac::sign(&self.key, &nonce[..TIME + ID]);
        nonce[TIME + ID..].copy_from_slice(&mac.as_ref()[..MAC]);
        Ok(base64url(&nonce))
    }

    /// Whether it is ours and not too old.
    pub(super) fn check(&self, nonce: &str, now: Seconds) -> Result<Known, Problem> {
        let bytes = from_base64url(nonce).filter(|bytes| bytes.len() == TIME + ID + MAC);
        let bytes = bytes.ok_or_else(|| bad("it is not one of this server's"))?;
        let (signed, mac) = bytes.split_at(TIME + ID);
        let expected = hmac::sign(&self.key, signed);
        let same =
            aws_lc_rs::constant_time::verify_slices_are_equal(mac, &expected.as_ref()[..MAC]);
        if same.is_err() {
            return Err(bad("it is not one of this server's, or from before its last start"));
        }
        let made = Seconds::from_be_bytes(signed[..TIME].try_into().unwrap_or_default());
        let number = u64::from_be_bytes(signed[TIME..TIME + 8].try_into().unwrap_or_default());
        match made + LASTS {
            // Another node's clock may be ahead of ours.
            end if now <= end && made <= now + LASTS => Ok(Known { number, end }),
            _ => Err(bad("it is too old")),
        }
    }

    /// Uses a nonce up.
    pub(super) fn consume(&self, nonce: &str, known: &Known, store: &Store) -> Result<(), Problem> {
        let first = match &self.here {
            Some(window) => {
                window.lock().unwrap_or_else(PoisonError::into_inner).take(known.number)
            }
            None => store.use_nonce(nonce, known.end + LASTS)?,
        };
        match first {
            true => Ok(()),
            false => Err(bad("it was used before")),
        }
    }
}

/// As many nonces are open at once; older ones are refused as if they were used. An hour of 4,600 a
/// second, in two megabytes.
const KEPT: u64 = 1 << 24;

/// Which of the last numbers were used: a bit for each.
struct Window {
    next: u64,
    used: Vec<u64>,
}

impl Window {
    /// `kept` is a multiple of 64.
    fn new(kept: u64) -> Self {
        Self { next: 0, used: vec![0; usize::try_from(kept / 64).unwrap_or_default()] }
    }

    fn next(&mut self) -> u64 {
        let number = self.next;
        let (word, bit) = self.place(number);
        self.used[word] &= !bit;
        self.next += 1;
        number
    }

    /// Uses a number up. False: it was used before, or is too old to know.
    fn take(&mut self, number: u64) -> bool {
        let kept = self.used.len() as u64 * 64;
        if number >= self.next || self.next - number > kept {
            return false;
        }
        let (word, bit) = self.place(number);
        let first = self.used[word] & bit == 0;
        self.used[word] |= bit;
        first
    }

    fn place(&self, number: u64) -> (usize, u64) {
        let word = (number / 64) % self.used.len() as u64;
        (usize::try_from(word).unwrap_or_default(), 1 << (number % 64))
    }
}

fn bad(why: &str) -> Problem {
    Problem::new(Kind::BadNonce, format!("the nonce: {why}; take the one of this answer"))
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn each_number_counts_once_and_while_it_is_kept() {
        let mut window = Window::new(128);
        let numbers: Vec<u64> = (0..128).map(|_| window.next()).collect();
        assert!(!window.take(128), "not made yet");
        for number in numbers.iter().filter(|number| *number % 3 == 0) {
            assert!(window.take(*number) && !window.take(*number), "{number}");
        }
        // The first is forgotten with its place, which is free for another.
        assert_eq!(window.next(), 128);
        assert!(!window.take(0));
        assert!(window.take(128) && !window.take(128));
        assert!(window.take(1), "the second is kept");
        for _ in 0..1000 {
            window.next();
        }
        assert!(numbers.iter().all(|number| !window.take(*number)));
    }
}
