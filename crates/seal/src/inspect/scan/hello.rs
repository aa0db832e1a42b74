//! A ClientHello written by hand: with what no TLS library of today would offer.

/// What to offer.
pub(super) struct Offer<'a> {
    /// The newest version, by its number.
    pub(super) version: u16,
    pub(super) suites: &'a [u16],
    /// For `supported_groups`; the key share is always empty, so that a server which knows one of
    /// them asks for it (HelloRetryRequest) and does no work.
    pub(super) groups: &'a [u16],
    /// The host's name, unless it is an address.
    pub(super) sni: Option<&'a str>,
    pub(super) alpn: &'a [&'a str],
}

const TLS13: u16 = 0x0304;
const SSL3: u16 = 0x0300;

/// The signature schemes that anybody may have a certificate for.
const SCHEMES: [u16; 19] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401,
    0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201, 0x0202,
];

impl Offer<'_> {
    /// The record that says it.
    pub(super) fn record(&self) -> Vec<u8> {
        let mut body = self.version.min(0x0303).to_be_bytes().to_vec();
        // Nothing here is secret, and nothing is finished: that numbers differ is all that counts.
        body.extend(random());
        match self.version {
            TLS13 => vector8(&mut body, &random()),
            _ => vector8(&mut body, &[]),
        }
        let suites: Vec<u8> = self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        vector16(&mut body, &suites);
        vector8(&mut body, &[0]);
        if self.version > SSL3 {
            vector16(&mut body, &self.extensions());
        }
        let mut message = vec![1, 0];
        vector16(&mut message, &body);
        let mut record = vec![22];
        // Old servers want to see a version they know around the message.
        record.extend(self.version.min(0x0301).to_be_bytes());
        vector16(&mut record, &message);
        record
    }

    fn extensions(&self) -> Vec<u8> {
        let mut list = Vec::new();
        let mut add = |kind: u16, body: &[u8]| {
            list.extend(kind.to_be_bytes());
            vector16(&mut list, body);
        };
        if let Some(name) = self.sni {
            let mut entry = vec![0];
            vector16(&mut entry, name.as_bytes());
            let mut names = Vec::new();
            vector16(&mut names, &entry);
            add(0, &names);
        }
        let numbers = |numbers: &[u16]| {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
            let mut list = Vec::new();
            vector16(&mut list, &bytes);
            list
        };
        if !self.groups.is_empty() {
            add(10, &numbers(self.groups));
            add(11, &[1, 0]);
        }
        if self.version >= 0x0303 {
            add(13, &numbers(&SCHEMES));
        }
        if !self.alpn.is_empty() {
            let mut protocols = Vec::new();
            for protocol in self.alpn {
                vector8(&mut protocols, protocol.as_bytes());
            }
            let mut list = Vec::new();
            vector16(&mut list, &protocols);
            add(16, &list);
        }
        if self.version < TLS13 {
            add(23, &[]);
            add(35, &[]);
            add(0xff01, &[0]);
        } else {
            add(43, &[2, 3, 4]);
            add(45, &[1, 1]);
            add(51, &[0, 0]);
        }
        list
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    // Without random bytes the numbers repeat, which no server minds.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes
}

fn vector8(out: &mut Vec<u8>, content: &[u8]) {
    out.push(u8::try_from(content.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(content);
}

fn vector16(out: &mut Vec<u8>, content: &[u8]) {
    out.extend(u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use sealwire::reading::{ClientHello, HandshakeMessage, Record};

    use super::Offer;

    #[test]
    fn what_is_written_is_what_is_read() {
        for version in [0x0300, 0x0301, 0x0303, 0x0304] {
            let offer = Offer {
                version,
                suites: &[0x1301, 0xc02f],
                groups: &[29, 23],
                sni: Some("example.com"),
                alpn: &["h2"],
            };
            let written = offer.record();
            let record = Record::first(&written).unwrap();
            assert_eq!((record.kind, record.bytes.len()), (22, written.len()));
            let message = HandshakeMessage::first(record.content()).unwrap();
            let hello = ClientHello::parse(message.bytes).unwrap();
            assert!(hello.is_well_formed(), "{version:#06x}");
            assert_eq!(
                (hello.newest_version(), hello.cipher_suites()),
                (version, &[0x1301, 0xc02f][..])
            );
            if version > 0x0300 {
                assert_eq!(hello.server_name(), Some("example.com"));
                assert_eq!(
                    (hello.named_groups(), hello.alpn()),
                    (&[29, 23][..], &[b"h2".to_vec()][..])
                );
            }
        }
    }
}
