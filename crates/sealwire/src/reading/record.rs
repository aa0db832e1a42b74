//! Records and handshake messages
//! ([RFC 8446](https://www.rfc-editor.org/rfc/rfc8446), sections 4 and 5.1;
//! [RFC 5246](https://www.rfc-editor.org/rfc/rfc5246), sections 6.2 and 7.4).

use super::fields::Fields;

/// The content type of a record that carries `ChangeCipherSpec`.
pub const CHANGE_CIPHER_SPEC: u8 = 20;
/// The content type of alerts.
pub const ALERT: u8 = 21;
/// The content type of handshake messages.
pub const HANDSHAKE: u8 = 22;
/// The content type of data, and in TLS 1.3 of everything that is encrypted.
pub const APPLICATION_DATA: u8 = 23;

/// A record on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its content type.
    pub kind: u8,
    /// All of it, with the header of five bytes.
    pub bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The whole record at the front of `bytes`; `None` when it is incomplete.
    pub fn first(bytes: &'a [u8]) -> Option<Self> {
        let length = 5 + usize::from(u16::from_be_bytes([*bytes.get(3)?, *bytes.get(4)?]));
        Some(Self { kind: bytes[0], bytes: bytes.get(..length)? })
    }

    /// The content after the header.
    pub fn content(&self) -> &'a [u8] {
        &self.bytes[5..]
    }
}

/// A handshake message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeMessage<'a> {
    /// Its type.
    pub kind: u8,
    /// All of it, with the header of four bytes.
    pub bytes: &'a [u8],
}

impl<'a> HandshakeMessage<'a> {
    /// The whole message at the front of `bytes`; `None` when it is incomplete.
    pub fn first(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let kind = fields.u8()?;
        let length = 4 + fields.vector24()?.len();
        Some(Self { kind, bytes: &bytes[..length] })
    }

    /// The content after the header.
    pub fn content(&self) -> &'a [u8] {
        &self.bytes[4..]
    }
}

#[cfg(test)]
mod tests {
    use super::{HandshakeMessage, Record};

    #[test]
    fn what_is_cut_is_no_message() {
        let bytes = [22, 3, 3, 0, 5, 2, 0, 0, 1, 7];
        let record = Record::first(&bytes).unwrap();
        assert_eq!((record.kind, record.bytes, record.content()), (22, &bytes[..], &bytes[5..]));
        for end in 0..bytes.len() {
            assert_eq!(Record::first(&bytes[..end]), None, "{end} bytes");
        }
        let message = HandshakeMessage::first(&bytes[5..]).unwrap();
        assert_eq!((message.kind, message.content()), (2, &[7][..]));
        assert_eq!(HandshakeMessage::first(&bytes[5..9]), None);
    }
}
