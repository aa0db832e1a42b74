//! The alert with which a handshake of TLS 1.3 ends, once it is encrypted.
//!
//! rustls chooses its own alerts, and for some failures sends no alert. While nothing is encrypted
//! the right one takes its place (`last_word`); afterwards only a holder of the keys can send it. So the
//! cipher suites note under which keys we send, as they are made, and the alert is sealed here: under
//! the number of rustls' own, which is thrown away, or under the next. No two records that leave share
//! a number.

use aws_lc_rs::aead::Algorithm;
use rustls::ContentType;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter,
    OutboundOpaqueMessage, OutboundPlainMessage, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::{ConnectionTrafficSecrets, Error};
use zeroize::Zeroizing;

use super::records::seal_alert;
use super::slot;
use crate::words::Alert;

/// What is noted of the protection of a handshake.
#[derive(Default)]
pub(crate) struct Protected {
    sending: Option<Sending>,
    /// A record could not be decrypted.
    pub(super) undecrypted: bool,
    /// A Finished came that is not as long as the hash (RFC 8446, 4.4.4).
    pub(super) odd_finished: bool,
}

/// The keys under which we send.
struct Sending {
    algorithm: &'static Algorithm,
    key: Zeroizing<Vec<u8>>,
    iv: [u8; 12],
    /// The number of the next record.
    next: u64,
    /// The number of the alert that rustls has sealed.
    alert: Option<u64>,
}

impl Protected {
    /// Makes `alert` the last record of what rustls wrote into `out` from `start` on. False: it is
    /// not encrypted yet.
    pub(super) fn say_last(&self, alert: Alert, start: usize, out: &mut Vec<u8>) -> bool {
        let Some(sending) = &self.sending else { return false };
        let number = match sending.alert {
            Some(number) => {
                let Some(last) = last_record(&out[start..]) else { return true };
                out.truncate(start + last);
                number
            }
            None => sending.next,
        };
        let Sending { algorithm, key, iv, .. } = sending;
        // Without a seal nothing is said, as before.
        let _ = seal_alert(algorithm, (key, iv, number), alert, out);
        true
    }

    fn begin(&mut self, algorithm: &'static Algorithm, key: &[u8], iv: &[u8]) {
        let Ok(iv) = iv.try_into() else { return };
        let key = Zeroizing::new(key.to_vec());
        self.sending = Some(Sending { algorithm, key, iv, next: 0, alert: None });
    }

    fn note_sealed(&mut self, kind: ContentType, number: u64) {
        if let Some(sending) = &mut self.sending {
            sending.next = number + 1;
            if kind == ContentType::Alert {
                sending.alert = Some(number);
            }
        }
    }

    fn note_opened(&mut self, message: &InboundPlainMessage<'_>, hash: usize) {
        const FINISHED: u8 = 20;
        let mut rest = message.payload;
        while message.typ == ContentType::Handshake
            && let [kind, high, middle, low, after @ ..] = rest
        {
            let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
            self.odd_finished |= *kind == FINISHED && length != hash;
            rest = after.get(length..).unwrap_or_default();
        }
    }
}

/// Where the last of these records begins, if it is an encrypted alert.
fn last_record(records: &[u8]) -> Option<usize> {
    /// Level, description, content type and tag.
    const ALERT: usize = 2 + 1 + 16;
    let start = records.len().checked_sub(5 + ALERT)?;
    matches!(records[start..], [23, 3, 3, 0, length, ..] if usize::from(length) == ALERT)
        .then_some(start)
}

/// An AEAD that notes what is done with it, for as long as a handshake lasts.
pub(super) struct ObservedAead {
    pub(super) aead: &'static dyn Tls13AeadAlgorithm,
    pub(super) algorithm: &'static Algorithm,
    /// How long the hash of the suite is.
    pub(super) hash: usize,
}

impl Tls13AeadAlgorithm for ObservedAead {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        slot::handshake(|handshake| {
            handshake.protected.begin(self.algorithm, key.as_ref(), iv.as_ref());
        });
        Box::new(ObservedEncrypter(self.aead.encrypter(key, iv)))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        slot::handshake(|handshake| {
            if let Some(early_data) = &mut handshake.early_data {
                early_data.note_key(self.algorithm, key.as_ref(), iv.as_ref());
            }
        });
        let decrypter = self.aead.decrypter(key, iv);
        Box::new(ObservedDecrypter { decrypter, hash: self.hash })
    }

    fn key_len(&self) -> usize {
        self.aead.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.aead.extract_keys(key, iv)
    }

    fn fips(&self) -> bool {
        self.aead.fips()
    }
}

struct ObservedEncrypter(Box<dyn MessageEncrypter>);

impl MessageEncrypter for ObservedEncrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        number: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        slot::handshake(|handshake| handshake.protected.note_sealed(message.typ, number));
        self.0.encrypt(message, number)
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        self.0.encrypted_payload_len(payload_len)
    }
}

struct ObservedDecrypter {
    decrypter: Box<dyn MessageDecrypter>,
    hash: usize,
}

impl MessageDecrypter for ObservedDecrypter {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        number: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        if message.typ != ContentType::ApplicationData {
            // RFC 8446, 5.2: so is every record from now on, from outside. rustls does not look.
            return Err(Error::InappropriateMessage {
                expect_types: vec![ContentType::ApplicationData],
                got_type: message.typ,
            });
        }
        let decrypted = self.decrypter.decrypt(message, number);
        slot::handshake(|handshake| match &decrypted {
            Ok(message) => handshake.protected.note_opened(message, self.hash),
            Err(Error::DecryptError) => handshake.protected.undecrypted = true,
            Err(_) => {}
        });
        decrypted
    }
}
