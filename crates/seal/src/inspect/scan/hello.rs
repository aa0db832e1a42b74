//! A ClientHello written by hand: with what no TLS library of today would offer.

/// What to offer.
pub(super) struct Offer<'a> {
    /// The newest version, by its number.
    pub(super) version: u16,
    pub(super) suites: &'a [u16],
    /// For `supported_groups`.
    pub(super) groups: &'a [u16],
    /// Groups that a key share is sent of (`X25519` and `prime256v1` are known here). Of none, as a rule, so that
    /// a server which knows one of the groups asks for it (HelloRetryRequest) and does no work.
    pub(super) shares: &'a [u16],
    /// The host's name, unless it is an address.
    pub(super) sni: Option<&'a str>,
    pub(super) alpn: &'a [&'a str],
}

const TLS13: u16 = 0x0304;
const SSL3: u16 = 0x0300;

/// The signature schemes that a server may have a certificate for.
const SCHEMES: [u16; 29] = [
    0x0905, 0x0906, 0x0904, 0x081a, 0x081b, 0x081c, 0x0708, 0x0402, 0x0502, 0x0602, 0x0403, 0x0503,
    0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
    0x0303, 0x0301, 0x0203, 0x0201, 0x0202,
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
            let mut shares = Vec::new();
            for group in self.shares {
                shares.extend(group.to_be_bytes());
                vector16(&mut shares, &share(*group));
            }
            let mut list = Vec::new();
            vector16(&mut list, &shares);
            add(51, &list);
        }
        list
    }
}

/// A public key that is valid; its owner does not matter, as no handshake is finished.
fn share(group: u16) -> Vec<u8> {
    const P256: u16 = 23;
    /// The generator of P-256.
    const GENERATOR: [u8; 65] = [
        0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4,
        0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8,
        0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a,
        0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40,
        0x68, 0x37, 0xbf, 0x51, 0xf5,
    ];
    if group == P256 { GENERATOR.to_vec() } else { random().to_vec() }
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
                shares: &[29, 23],
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
