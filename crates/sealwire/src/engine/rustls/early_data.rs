//! The early data of a client, which a server of ours does not take: what it sends before it knows is
//! dropped (RFC 8446, 4.2.10), and the handshake continues.
//!
//! rustls drops 16,384 bytes as they come, encryption and all, so that it refuses a client which uses up
//! the 16,384 bytes of data that most servers allow. Here data are counted. A record is early data when
//! it cannot be decrypted by the key of the handshake, which is tried on a copy; between a
//! HelloRetryRequest and the hello that answers it, every encrypted record is.

use aws_lc_rs::aead::{Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};

use super::records::{HEADER, TAG};

/// How much is dropped, of data: OpenSSL's default for `max_early_data_size`, and the most that fits
/// into one record.
const MOST: usize = 16_384;

/// What is known of them in one handshake, whose client's hello offers them.
#[derive(Default)]
pub(crate) struct EarlyData {
    dropped: usize,
    /// What opens the client's first record that is not early data.
    opening: Option<(LessSafeKey, [u8; 12])>,
    /// A record was opened: from now on everything has to be.
    over: bool,
}

impl EarlyData {
    /// Notes the key of the handshake, the first under which records come.
    pub(super) fn note_key(&mut self, algorithm: &'static Algorithm, key: &[u8], iv: &[u8]) {
        if self.opening.is_none()
            && let (Ok(key), Ok(iv)) = (UnboundKey::new(algorithm, key), iv.try_into())
        {
            self.opening = Some((LessSafeKey::new(key), iv));
        }
    }

    /// Whether `record`, a whole encrypted one, is early data and to be dropped. `retried`: a HelloRetryRequest
    /// was sent.
    pub(super) fn drops(&mut self, record: &[u8], retried: bool) -> bool {
        // No record is longer (RFC 8446, 5.2).
        let may_be = (HEADER + TAG + 1..=HEADER + MOST + 256).contains(&record.len());
        if self.over || !may_be {
            return false;
        }
        match &self.opening {
            // The second hello ends early data (RFC 8446, 4.1.2).
            Some(_) if retried => return false,
            None if !retried => return false,
            Some((key, iv)) if opens(key, *iv, record) => {
                self.over = true;
                return false;
            }
            _ => {}
        }
        // A record without data costs something, too.
        self.dropped += (record.len() - HEADER - TAG - 1).max(1);
        self.dropped <= MOST
    }

    /// Whether there were too many before there was a key to try. rustls would keep dropping them.
    pub(super) fn overflow_unread(&self) -> bool {
        self.opening.is_none() && self.dropped > MOST
    }
}

/// Whether this is the first record under the key.
fn opens(key: &LessSafeKey, iv: [u8; 12], record: &[u8]) -> bool {
    let (header, body) = record.split_at(HEADER);
    let mut copy = body.to_vec();
    // The number of the record is 0, so the nonce is the base of all nonces.
    key.open_in_place(Nonce::assume_unique_for_key(iv), Aad::from(header), &mut copy).is_ok()
}
