//! A server's answers: ServerHello or HelloRetryRequest, and its certificates.

use super::fields::{Extensions, Fields};

/// The ServerHello that is a HelloRetryRequest has this random
/// ([RFC 8446, section 4.1.3](https://www.rfc-editor.org/rfc/rfc8446#section-4.1.3)).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A ServerHello or HelloRetryRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerHello {
    /// Whether it asks for another ClientHello.
    pub is_retry: bool,
    /// The version that was chosen, wherever it stands.
    pub version: u16,
    /// The suite that was chosen.
    pub cipher_suite: u16,
    /// The session id: of the session in TLS 1.2, the client's own in TLS 1.3.
    pub session_id: Vec<u8>,
    /// The compression that was chosen: 0 is null.
    pub compression: u8,
    /// Of the key share, or that a HelloRetryRequest asks for.
    pub group: Option<u16>,
    /// How long the key share is.
    pub key_share_bytes: usize,
    /// The types of its extensions, in its order.
    pub extensions: Vec<u16>,
    /// The server's random.
    pub random: [u8; 32],
}

impl ServerHello {
    /// Reads the content of the message, without its header of four bytes.
    pub fn parse(content: &[u8]) -> Option<Self> {
        let mut fields = Fields(content);
        let legacy = fields.u16()?;
        let random = *fields.take(32)?.first_chunk()?;
        let session_id = fields.vector8()?.to_vec();
        let cipher_suite = fields.u16()?;
        let compression = fields.u8()?;
        let list = if fields.is_empty() { &[] } else { fields.vector16()? };
        let mut hello = Self {
            is_retry: random == RETRY_RANDOM,
            version: legacy,
            cipher_suite,
            session_id,
            compression,
            group: None,
            key_share_bytes: 0,
            extensions: Vec::new(),
            random,
        };
        let extensions = Extensions::of(list);
        if !extensions.are_whole() {
            return None;
        }
        for (kind, body) in extensions {
            hello.extensions.push(kind);
            let mut body = Fields(body);
            match kind {
                43 => hello.version = body.u16()?,
                51 => {
                    hello.group = body.u16();
                    hello.key_share_bytes = body.vector16().map_or(0, <[u8]>::len);
                }
                _ => {}
            }
        }
        Some(hello)
    }

    /// Whether its random announces support for a newer version, so that an attacker in between may have
    /// tampered ([RFC 8446, section 4.1.3](https://www.rfc-editor.org/rfc/rfc8446#section-4.1.3)).
    pub fn was_downgraded(&self) -> bool {
        self.version != 0x0304
            && (self.random.ends_with(b"DOWNGRD\x01") || self.random.ends_with(b"DOWNGRD\0"))
    }
}

/// A certificate as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateEntry<'a> {
    /// The certificate.
    pub der: &'a [u8],
    /// The OCSP response that is stapled to it; in TLS 1.2 it is a message of its own.
    pub ocsp: Option<&'a [u8]>,
}

/// The certificates of a Certificate message, of either version.
pub fn certificates(content: &[u8], tls13: bool) -> Option<Vec<CertificateEntry<'_>>> {
    let mut fields = Fields(content);
    if tls13 {
        fields.vector8()?; // certificate_request_context
    }
    let mut list = Fields(fields.vector24()?);
    let mut found = Vec::new();
    while !list.is_empty() {
        let der = list.vector24()?;
        let status = if tls13 { Extensions::of(list.vector16()?).get(5) } else { None };
        found.push(CertificateEntry { der, ocsp: status.and_then(ocsp_response) });
    }
    Some(found)
}

/// The response in a CertificateStatus
/// ([RFC 6066, section 8](https://www.rfc-editor.org/rfc/rfc6066#section-8)).
pub fn ocsp_response(status: &[u8]) -> Option<&[u8]> {
    const OCSP: u8 = 1;
    let mut fields = Fields(status);
    (fields.u8()? == OCSP).then(|| fields.vector24()).flatten()
}

#[cfg(test)]
mod tests {
    use super::ServerHello;

    #[test]
    fn a_hello_is_read_to_its_last_field_or_not_at_all() {
        let mut hello = vec![3, 3];
        hello.extend([1; 32]);
        hello.extend([0, 0x13, 1, 0, 0, 14, 0, 43, 0, 2, 3, 4, 0, 51, 0, 4, 0, 29, 0, 0]);
        let parsed = ServerHello::parse(&hello).unwrap();
        assert_eq!((parsed.version, parsed.cipher_suite, parsed.group), (0x0304, 0x1301, Some(29)));
        for end in 0..hello.len() - 1 {
            // Cut anywhere, it is nothing, or (at the end of its fixed part) a hello of TLS 1.2.
            let cut = ServerHello::parse(&hello[..end]);
            assert!(cut.is_none() || cut.unwrap().extensions.is_empty(), "{end}");
        }
    }
}
