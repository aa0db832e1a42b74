//! Our records: content into protected records at the end of the caller's buffer.

use aws_lc_rs::aead::{Aad, Nonce};
use rustls::{AlertDescription, ContentType, Error};

use super::keys::{HEADER, Keys, Protection, TAG, length16, tls12_aad};

/// The version that every record names (RFC 8446, 5.2).
const VERSION: [u8; 2] = [3, 3];

/// No key protects more records than this, whatever its AEAD can stand: numbers must not wrap.
const LAST_NUMBER: u64 = u64::MAX - 0xffff;

/// Seals our records.
pub(super) struct Sealer {
    protection: Protection,
    keys: Keys,
    /// How many records these keys may protect (RFC 8446, 5.5).
    limit: u64,
}

impl Sealer {
    /// `confidentiality_limit`: how many records the AEAD stands.
    pub(super) fn new(protection: Protection, keys: Keys, confidentiality_limit: u64) -> Self {
        Self { protection, keys, limit: confidentiality_limit.min(LAST_NUMBER) }
    }

    /// Continues with these keys (RFC 8446, 7.2).
    pub(super) fn update(&mut self, keys: Keys) {
        self.keys = keys;
    }

    /// How many records more these keys may protect.
    pub(super) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.keys.used())
    }

    #[cfg(test)]
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The bytes that a record has beside its content.
    pub(super) fn overhead(&self) -> usize {
        let (front, back) = self.protection.overhead();
        HEADER + front + back
    }

    /// Appends an alert to `out`. When no record can be sealed any longer, nothing is said.
    pub(super) fn alert(&mut self, level: AlertLevel, alert: AlertDescription, out: &mut Vec<u8>) {
        let _ = self.seal(ContentType::Alert, &[level as u8, alert.into()], out);
    }

    /// Appends a record with `content`, at most 2^14 bytes, to `out`.
    pub(super) fn seal(
        &mut self,
        kind: ContentType,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.seal_with(kind, content.len(), out, |out| out.extend_from_slice(content))
    }

    /// Appends a record to `out`; `append` appends its content of `length` bytes, at most 2^14.
    pub(super) fn seal_with(
        &mut self,
        kind: ContentType,
        length: usize,
        out: &mut Vec<u8>,
        append: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Error> {
        let number = self.keys.take_number().ok_or(Error::EncryptError)?;
        let start = out.len();
        let sealed = self.protect(number, kind.into(), length, out, append);
        if sealed.is_err() {
            // Nothing unprotected may stay in what is going to be sent.
            out.truncate(start);
        }
        sealed
    }

    fn protect(
        &self,
        number: u64,
        kind: u8,
        length: usize,
        out: &mut Vec<u8>,
        append: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Error> {
        let (front, back) = self.protection.overhead();
        let [high, low] = length16(front + length + back);
        let [major, minor] = VERSION;
        let nonce = self.keys.nonce(number);
        out.reserve(HEADER + front + length + back);
        match self.protection {
            Protection::Tls13 => {
                let header = [ContentType::ApplicationData.into(), major, minor, high, low];
                out.extend_from_slice(&header);
                let start = out.len();
                append(out);
                debug_assert_eq!(out.len(), start + length);
                out.push(kind);
                self.seal_from(start, nonce, Aad::from(header), out)
            }
            Protection::Tls12Gcm | Protection::Tls12ChaCha => {
                out.extend_from_slice(&[kind, major, minor, high, low]);
                out.extend_from_slice(&nonce[nonce.len() - front..]);
                let start = out.len();
                append(out);
                debug_assert_eq!(out.len(), start + length);
                let aad = tls12_aad(number, kind, VERSION, length);
                self.seal_from(start, nonce, Aad::from(aad), out)
            }
        }
    }

    /// Encrypts what is in `out` from `start` on, and appends the tag.
    fn seal_from<A: AsRef<[u8]>>(
        &self,
        start: usize,
        nonce: [u8; 12],
        aad: Aad<A>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .keys
            .aead()
            .seal_in_place_separate_tag(nonce, aad, &mut out[start..])
            .map_err(|_| Error::EncryptError)?;
        debug_assert_eq!(tag.as_ref().len(), TAG);
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }
}

/// How bad it is (RFC 5246, 7.2; RFC 8446 keeps the byte and gives it no meaning).
#[derive(Debug, Clone, Copy)]
pub(super) enum AlertLevel {
    Warning = 1,
    Fatal = 2,
}
