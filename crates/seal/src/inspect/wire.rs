//! TLS in bytes: records, handshake messages, and the fields in them (RFC 8446, RFC 5246).

/// Content types of records.
pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;

/// Takes fields off the front of bytes; `None` when there are not enough.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(crate) fn u24(&mut self) -> Option<usize> {
        let bytes = self.take(3)?;
        Some(usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// A field with its length in one, two or three bytes before it.
    pub(crate) fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    pub(crate) fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    pub(crate) fn vector24(&mut self) -> Option<&'a [u8]> {
        let length = self.u24()?;
        self.take(length)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// All the 16-bit numbers of a list; an odd byte at the end is left out.
pub(crate) fn numbers(list: &[u8]) -> Vec<u16> {
    list.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// Type and content of each extension.
pub(crate) fn extensions(list: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut fields = Fields(list);
    let mut found = Vec::new();
    while !fields.is_empty() {
        found.push((fields.u16()?, fields.vector16()?));
    }
    Some(found)
}

/// A whole record at the front of `bytes`: its type, its header and content, its length.
pub(crate) fn record(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let length = 5 + usize::from(u16::from_be_bytes([*bytes.get(3)?, *bytes.get(4)?]));
    Some((bytes[0], bytes.get(..length)?, length))
}

/// A whole handshake message at the front of `bytes`: its type, its content, its length with header.
pub(crate) fn message(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let mut fields = Fields(bytes);
    let kind = fields.u8()?;
    let content = fields.vector24()?;
    Some((kind, content, 4 + content.len()))
}

/// The ServerHello that is a HelloRetryRequest has this random (RFC 8446, section 4.1.3).
pub(crate) const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A ServerHello or HelloRetryRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub(crate) is_retry: bool,
    /// The version that was chosen, wherever it stands.
    pub(crate) version: u16,
    pub(crate) cipher_suite: u16,
    pub(crate) session_id: Vec<u8>,
    pub(crate) compression: u8,
    /// Of the key share, or that a HelloRetryRequest asks for.
    pub(crate) group: Option<u16>,
    pub(crate) key_share_bytes: usize,
    pub(crate) extensions: Vec<u16>,
    pub(crate) random: Vec<u8>,
}

impl ServerHello {
    pub(crate) fn parse(content: &[u8]) -> Option<Self> {
        let mut fields = Fields(content);
        let legacy = fields.u16()?;
        let random = fields.take(32)?.to_vec();
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
        for (kind, body) in extensions(list)? {
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
}

/// A certificate as it is sent.
pub(crate) struct Entry<'a> {
    pub(crate) der: &'a [u8],
    /// The OCSP response that is stapled to it; in TLS 1.2 it is a message of its own.
    pub(crate) ocsp: Option<&'a [u8]>,
}

/// The certificates of a Certificate message, of either version.
pub(crate) fn certificates(content: &[u8], tls13: bool) -> Option<Vec<Entry<'_>>> {
    let mut fields = Fields(content);
    if tls13 {
        fields.vector8()?; // certificate_request_context
    }
    let mut list = Fields(fields.vector24()?);
    let mut found = Vec::new();
    while !list.is_empty() {
        let der = list.vector24()?;
        let more = if tls13 { extensions(list.vector16()?)? } else { Vec::new() };
        let status = more.into_iter().find(|(kind, _)| *kind == 5);
        found.push(Entry { der, ocsp: status.and_then(|(_, body)| ocsp_response(body)) });
    }
    Some(found)
}

/// The response in a CertificateStatus (RFC 6066, section 8).
pub(crate) fn ocsp_response(status: &[u8]) -> Option<&[u8]> {
    const OCSP: u8 = 1;
    let mut fields = Fields(status);
    (fields.u8()? == OCSP).then(|| fields.vector24()).flatten()
}

/// `0a1b2c`, in groups that an eye can count.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{ServerHello, extensions, message, record};

    #[test]
    fn what_is_cut_is_no_message() {
        let bytes = [22, 3, 3, 0, 5, 2, 0, 0, 1, 7];
        assert_eq!(record(&bytes), Some((22, &bytes[..], 10)));
        for end in 0..bytes.len() {
            assert_eq!(record(&bytes[..end]), None, "{end} bytes");
        }
        assert_eq!(message(&bytes[5..]), Some((2, &[7][..], 5)));
        assert_eq!(message(&bytes[5..9]), None);
        assert_eq!(extensions(&[0, 43, 0, 2, 3]), None);
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
