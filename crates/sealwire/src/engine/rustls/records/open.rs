//! Records of the peer: where one ends, and what is in it.

use aws_lc_rs::aead::{Aad, Nonce};
use rustls::{AlertDescription, ContentType, InvalidMessage, PeerMisbehaved};

use super::failure::Failure;
use super::keys::{EXPLICIT_NONCE, HEADER, Keys, MAX_CONTENT, Protection, TAG, tls12_aad};

/// Opens the peer's records.
pub(super) struct Opener {
    protection: Protection,
    keys: Keys,
}

impl Opener {
    pub(super) fn new(protection: Protection, keys: Keys) -> Self {
        Self { protection, keys }
    }

    /// Continues with these keys (RFC 8446, 7.2).
    pub(super) fn update(&mut self, keys: Keys) {
        self.keys = keys;
    }

    /// The length of the record at the front of `tls`, header included, as soon as its header is
    /// there. The first thing that is wrong with it is told at once, however much of it there is.
    pub(super) fn length(&self, tls: &[u8]) -> Result<Option<usize>, Failure> {
        let Some(&kind) = tls.first() else { return Ok(None) };
        let kind = ContentType::from(kind);
        if let ContentType::Unknown(_) = kind {
            // RFC 8446, 5; rustls would say decode_error.
            let alert = AlertDescription::UnexpectedMessage;
            return Err(Failure::new(alert, InvalidMessage::InvalidContentType));
        }
        let expected = match self.protection {
            // RFC 8446, 5.2: the type outside is always this one, once records are protected.
            Protection::Tls13 => kind == ContentType::ApplicationData,
            // ChangeCipherSpec is invalid after the handshake.
            _ => kind != ContentType::ChangeCipherSpec && kind != ContentType::Heartbeat,
        };
        if !expected {
            return Err(Failure::unexpected_record(kind));
        }
        if tls.get(1).is_some_and(|major| *major != 3) {
            return Err(Failure::malformed(InvalidMessage::UnknownProtocolVersion));
        }
        let [_, _, _, high, low, ..] = tls else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length > self.protection.max_body() {
            return Err(Failure::oversized());
        }
        Ok(Some(HEADER + length))
    }

    /// Decrypts `record`, header and all, where it stands, and gives the type and the content.
    /// Nothing of it is given before it has authenticated as a whole.
    pub(super) fn open<'a>(
        &mut self,
        record: &'a mut [u8],
    ) -> Result<(ContentType, &'a [u8]), Failure> {
        // A number is spent on a record that fails, too; nothing is read after one.
        let number = self.keys.take_number().ok_or_else(Failure::bad_mac)?;
        let (header, body) =
            record.split_first_chunk_mut::<HEADER>().ok_or_else(Failure::bad_mac)?;
        let (content, tag) = body.split_last_chunk_mut::<TAG>().ok_or_else(Failure::bad_mac)?;
        let [kind, major, minor, ..] = *header;
        let aead = self.keys.aead();
        let counted = Nonce::assume_unique_for_key(self.keys.nonce(number));
        match self.protection {
            Protection::Tls13 => {
                let opened =
                    aead.open_in_place_separate_tag(counted, Aad::from(*header), tag, content);
                unpad(opened.map_err(|_| Failure::bad_mac())?)
            }
            Protection::Tls12Gcm => {
                let (explicit, content) = content
                    .split_first_chunk_mut::<EXPLICIT_NONCE>()
                    .ok_or_else(Failure::bad_mac)?;
                let nonce = self.keys.nonce_with(explicit);
                let aad = Aad::from(tls12_aad(number, kind, [major, minor], content.len()));
                let opened = aead.open_in_place_separate_tag(nonce, aad, tag, content);
                Ok((kind.into(), opened.map_err(|_| Failure::bad_mac())?))
            }
            Protection::Tls12ChaCha => {
                let aad = Aad::from(tls12_aad(number, kind, [major, minor], content.len()));
                let opened = aead.open_in_place_separate_tag(counted, aad, tag, content);
                Ok((kind.into(), opened.map_err(|_| Failure::bad_mac())?))
            }
        }
    }
}

/// Takes a `TLSInnerPlaintext` apart (RFC 8446, 5.4): content, type, zeros. All of it may be as long
/// as the longest content and its type.
fn unpad(inner: &[u8]) -> Result<(ContentType, &[u8]), Failure> {
    if inner.len() > MAX_CONTENT + 1 {
        return Err(Failure::oversized());
    }
    let end = inner.iter().rposition(|byte| *byte != 0);
    let end = end.ok_or_else(|| Failure::misplaced(PeerMisbehaved::IllegalTlsInnerPlaintext))?;
    Ok((ContentType::from(inner[end]), &inner[..end]))
}
