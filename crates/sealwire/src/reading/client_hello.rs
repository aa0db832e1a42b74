//! The ClientHello, read before the engine sees it.
//!
//! A server must choose certificate, trust and protocols by what the client says first, and the
//! engine offers only a part of it. So the session reads the message itself
//! ([RFC 8446, 4.1.2](https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2);
//! [RFC 5246, 7.4.1.2](https://www.rfc-editor.org/rfc/rfc5246#section-7.4.1.2)),
//! without changing a byte, and starts the engine when the answer is there.
//! Fields that only inspection needs are parsed on demand.

use std::fmt;

use super::fields::{Extensions, Fields};
use super::names;

/// The largest ClientHello that is accepted.
/// [RFC 9846](https://www.rfc-editor.org/rfc/rfc9846) allows 16 MiB; clients send a few kilobytes.
pub const MAX_CLIENT_HELLO: usize = 64 * 1024;

/// How many bytes of records may be held for one handshake message that is not complete. The
/// largest message has 64 KiB; in records of 64 bytes, the smallest that
/// [RFC 8449](https://www.rfc-editor.org/rfc/rfc8449) lets a peer ask
/// for, its headers and tags come to 22 KiB more. Without this limit a peer that sends records of
/// one byte makes us hold 1.4 MiB for it, before it is authenticated.
pub(crate) const MAX_HANDSHAKE_WIRE: usize = 96 * 1024;

/// A client's offer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The message, with its header of four bytes.
    message: Vec<u8>,
    /// Whether each extension that is read has the syntax of its RFC, and none comes twice.
    well_formed: bool,
    server_name: Option<String>,
    alpn: Vec<Vec<u8>>,
    session_id: Vec<u8>,
    cipher_suites: Vec<u16>,
    signature_schemes: Vec<u16>,
    named_groups: Vec<u16>,
    supported_versions: Vec<u16>,
    offers_ticket: bool,
    psk_identities: Vec<Vec<u8>>,
    requests_ocsp: bool,
    /// `legacy_version`; `None` when there was no hello to read.
    legacy_version: Option<u16>,
    /// Whether it is about a connection that is being negotiated again
    /// ([RFC 5746](https://www.rfc-editor.org/rfc/rfc5746)).
    renegotiates: bool,
}

/// How far the bytes of a connection go towards a ClientHello.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// More bytes are needed.
    Incomplete,
    /// All of it is there.
    Complete(Box<ClientHello>),
    /// This can never become one; the engine reports the fault.
    Broken,
}

impl ClientHello {
    /// The host name of SNI ([RFC 6066](https://www.rfc-editor.org/rfc/rfc6066)), as the client spelled it.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The application protocols offered
    /// ([RFC 7301](https://www.rfc-editor.org/rfc/rfc7301)), in the client's order.
    pub fn alpn(&self) -> &[Vec<u8>] {
        &self.alpn
    }

    /// The session id of TLS 1.2; in TLS 1.3 the 32 bytes that
    /// [RFC 9846](https://www.rfc-editor.org/rfc/rfc9846) asks for compatibility.
    pub fn session_id(&self) -> &[u8] {
        &self.session_id
    }

    /// The ids under which a server may have stored a session with this client: in TLS 1.3 the
    /// first few pre-shared key identities that can be one, in TLS 1.2 the session id, unless a
    /// ticket is offered.
    pub fn session_ids(&self) -> impl Iterator<Item = &[u8]> {
        let by_id = !self.offers_ticket && !self.session_id.is_empty();
        let tls12 = by_id.then_some(self.session_id.as_slice());
        self.psk_identities.iter().map(Vec::as_slice).chain(tls12)
    }

    /// The cipher suites offered, by IANA number, in the client's order.
    pub fn cipher_suites(&self) -> &[u16] {
        &self.cipher_suites
    }

    /// The signature schemes offered, by IANA number.
    pub fn signature_schemes(&self) -> &[u16] {
        &self.signature_schemes
    }

    /// The groups offered, by IANA number.
    pub fn named_groups(&self) -> &[u16] {
        &self.named_groups
    }

    /// The versions offered in `supported_versions`; empty before TLS 1.3.
    pub fn supported_versions(&self) -> &[u16] {
        &self.supported_versions
    }

    /// `legacy_version`; `None` when there was no hello to read.
    pub fn legacy_version(&self) -> Option<u16> {
        self.legacy_version
    }

    /// Whether it is about a connection that is being negotiated again
    /// ([RFC 5746](https://www.rfc-editor.org/rfc/rfc5746)).
    pub fn renegotiates(&self) -> bool {
        self.renegotiates
    }

    /// Whether a session ticket or pre-shared key is offered.
    pub fn offers_ticket(&self) -> bool {
        self.offers_ticket
    }

    /// Whether an OCSP staple is asked for (`status_request`).
    pub fn requests_ocsp(&self) -> bool {
        self.requests_ocsp
    }
}

/// What is read out of the bytes when it is asked for.
impl ClientHello {
    /// Reads a message, with its header of four bytes. A malformed extension is for
    /// the server to refuse ([`is_well_formed`](Self::is_well_formed)); the rest is parsed all the
    /// same. `None` when it is not a ClientHello.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let length = 4 + body(message).ok()??.len();
        Self::of(message[..length].to_vec())
    }

    /// The message as the client sent it, with its header of four bytes; empty when there was no
    /// hello to read.
    pub fn as_bytes(&self) -> &[u8] {
        &self.message
    }

    /// Whether each extension that is read here has the syntax of its RFC, and none comes twice
    /// ([RFC 8446, section 4.2](https://www.rfc-editor.org/rfc/rfc8446#section-4.2)).
    pub fn is_well_formed(&self) -> bool {
        self.well_formed
    }

    /// Whether data are announced that come before the handshake is over
    /// ([RFC 8446, 4.2.10](https://www.rfc-editor.org/rfc/rfc8446#section-4.2.10)).
    pub(crate) fn offers_early_data(&self) -> bool {
        self.extensions().get(42).is_some()
    }

    /// Whether pre-shared keys are offered (TLS 1.3): of sessions to resume, or external ones.
    #[cfg(feature = "legacy")]
    pub(crate) fn offers_psk(&self) -> bool {
        self.extensions().get(41).is_some()
    }

    /// The names of the pre-shared keys that are offered (TLS 1.3), tickets among them.
    #[cfg(feature = "legacy")]
    pub(crate) fn psk_names(&self) -> Vec<&[u8]> {
        let mut names = Vec::new();
        let list = self.extensions().get(41).and_then(|body| Fields(body).vector16());
        let mut list = Fields(list.unwrap_or_default());
        while let (Some(name), Some(_)) = (list.vector16(), list.take(4)) {
            names.push(name);
        }
        names
    }

    /// The client's random.
    pub fn random(&self) -> &[u8] {
        self.message.get(6..38).unwrap_or_default()
    }

    /// The compression methods offered: 0 is null.
    pub fn compression_methods(&self) -> &[u8] {
        self.parts().map_or(&[], |parts| parts.compressions)
    }

    /// The extensions, in the client's order.
    pub fn extensions(&self) -> Extensions<'_> {
        Extensions::of(self.parts().map_or(&[], |parts| parts.extensions))
    }

    /// The host name of SNI as the client spelled it, whatever bytes it is.
    pub fn server_name_bytes(&self) -> Option<&[u8]> {
        host_name(Fields(self.extensions().get(0)?))?
    }

    /// The groups with a key share, and how long each share is.
    pub fn key_shares(&self) -> Vec<(u16, usize)> {
        let mut shares = Vec::new();
        let list = self.extensions().get(51).and_then(|body| Fields(body).vector16());
        let mut list = Fields(list.unwrap_or_default());
        while let (Some(group), Some(share)) = (list.u16(), list.vector16()) {
            shares.push((group, share.len()));
        }
        shares
    }

    /// The point formats offered ([RFC 8422](https://www.rfc-editor.org/rfc/rfc8422)).
    pub fn point_formats(&self) -> &[u8] {
        let body = self.extensions().get(11);
        body.and_then(|body| Fields(body).vector8()).unwrap_or_default()
    }

    /// The newest version offered; 0 when there was no hello to read.
    pub fn newest_version(&self) -> u16 {
        let offered = self.supported_versions.iter().filter(|number| !names::is_grease(**number));
        offered.copied().max().or(self.legacy_version).unwrap_or(0)
    }

    /// Whether meaningless numbers are among the offers
    /// ([RFC 8701](https://www.rfc-editor.org/rfc/rfc8701)), as Chromium sends them.
    pub fn has_grease(&self) -> bool {
        self.extensions().any(|(kind, _)| names::is_grease(kind))
            || self.cipher_suites.iter().any(|suite| names::is_grease(*suite))
    }

    fn parts(&self) -> Option<Parts<'_>> {
        Parts::of(self.message.get(4..)?)
    }

    /// Reads a whole message.
    fn of(message: Vec<u8>) -> Option<Self> {
        let parts = Parts::of(message.get(4..)?)?;
        let mut hello = Self {
            legacy_version: Some(parts.legacy_version),
            session_id: parts.session_id.to_vec(),
            cipher_suites: Fields(parts.cipher_suites).u16s()?,
            ..Self::default()
        };
        let extensions = Extensions::of(parts.extensions);
        if !extensions.are_whole() {
            return None;
        }
        hello.well_formed = extensions.are_distinct();
        for (kind, body) in extensions {
            hello.well_formed &= hello.read(kind, Fields(body)).is_some();
        }
        hello.message = message;
        Some(hello)
    }

    fn read(&mut self, kind: u16, mut body: Fields<'_>) -> Option<()> {
        match kind {
            // A name that is not UTF-8 matches no host.
            0 => {
                let name = host_name(body)?.map(std::str::from_utf8);
                self.server_name = name.and_then(Result::ok).map(str::to_owned);
            }
            5 => self.requests_ocsp = body.0.first() == Some(&1),
            10 => self.named_groups = Fields(body.vector16()?).u16s()?,
            13 => self.signature_schemes = Fields(body.vector16()?).u16s()?,
            16 => {
                let mut names = Fields(body.vector16()?);
                while !names.is_empty() {
                    self.alpn.push(names.vector8()?.to_vec());
                }
            }
            35 => self.offers_ticket |= !body.is_empty(),
            41 => {
                self.offers_ticket = true;
                let mut identities = Fields(body.vector16()?);
                while !identities.is_empty() {
                    let identity = identities.vector16()?;
                    identities.take(4)?; // obfuscated_ticket_age
                    if identity.len() == STORED_ID && self.psk_identities.len() < MAX_STORED_IDS {
                        self.psk_identities.push(identity.to_vec());
                    }
                }
            }
            0xff01 => self.renegotiates = !body.vector8()?.is_empty(),
            43 => self.supported_versions = Fields(body.vector8()?).u16s()?,
            _ => {}
        }
        Some(())
    }
}

impl fmt::Debug for ClientHello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHello")
            .field("server_name", &self.server_name)
            .field("alpn", &self.alpn)
            .field("cipher_suites", &self.cipher_suites)
            .field("supported_versions", &self.supported_versions)
            .finish_non_exhaustive()
    }
}

/// The fixed part of the message, and the list of extensions as it is.
struct Parts<'a> {
    legacy_version: u16,
    session_id: &'a [u8],
    cipher_suites: &'a [u8],
    compressions: &'a [u8],
    extensions: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(body);
        let legacy_version = fields.u16()?;
        fields.take(32)?; // random
        Some(Self {
            legacy_version,
            session_id: fields.vector8()?,
            cipher_suites: fields.vector16()?,
            compressions: fields.vector8()?,
            // TLS 1.2 allows a hello without extensions.
            extensions: if fields.is_empty() { &[] } else { fields.vector16()? },
        })
    }
}

/// The front of a connection, on the way to a ClientHello. What was read is remembered, so that a
/// peer that sends byte by byte, in records of one byte, takes no more work than another; and
/// when the records have cost too much, the hello is given up ([`MAX_HANDSHAKE_WIRE`]).
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    /// The handshake message so far, with its header.
    message: Vec<u8>,
    /// How many bytes of the connection are in it.
    read: usize,
}

/// The bytes do not follow the syntax of the RFC.
#[derive(Debug)]
struct Malformed;

/// How long the id of a stored session is.
const STORED_ID: usize = 32;

/// How many sessions of one client are looked up at most.
const MAX_STORED_IDS: usize = 4;

const HANDSHAKE_RECORD: u8 = 22;
/// The longest record that is not encrypted
/// ([RFC 8446, 5.1](https://www.rfc-editor.org/rfc/rfc8446#section-5.1));
/// a longer one is refused by its header.
const MAX_RECORD: usize = 1 << 14;
const CLIENT_HELLO: u8 = 1;

impl Reassembly {
    /// Reads the ClientHello at the front of `tls`, which is everything received so far.
    pub(crate) fn read(&mut self, tls: &[u8]) -> Read {
        match self.complete(tls) {
            Ok(true) => {}
            Ok(false) => return Read::Incomplete,
            Err(Malformed) => return Read::Broken,
        }
        let mut message = std::mem::take(&mut self.message);
        let length = body(&message).ok().flatten().map_or(0, |body| 4 + body.len());
        message.truncate(length);
        match ClientHello::of(message).filter(ClientHello::is_well_formed) {
            Some(hello) => Read::Complete(Box::new(hello)),
            None => Read::Broken,
        }
    }

    /// Puts the first handshake message together from as many records as it takes. False: there
    /// are not enough yet.
    fn complete(&mut self, tls: &[u8]) -> Result<bool, Malformed> {
        while body(&self.message)?.is_none() {
            let rest = tls.get(self.read..).unwrap_or_default();
            let [kind, major, _minor, high, low, after @ ..] = rest else { return Ok(false) };
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let too_long = length > MAX_RECORD || self.read + 5 + length > MAX_HANDSHAKE_WIRE;
            if *kind != HANDSHAKE_RECORD || *major != 3 || length == 0 || too_long {
                return Err(Malformed);
            }
            let Some(payload) = after.get(..length) else {
                // Look at what is there: a message that can only be refused need not be waited for.
                return match after.first() {
                    Some(kind) if self.message.is_empty() && *kind != CLIENT_HELLO => {
                        Err(Malformed)
                    }
                    _ => Ok(false),
                };
            };
            self.message.extend_from_slice(payload);
            self.read += 5 + length;
        }
        Ok(true)
    }
}

/// The ClientHello without its header; `None` when it is not all there.
fn body(message: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let [kind, a, b, c, body @ ..] = message else { return Ok(None) };
    let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
    if *kind != CLIENT_HELLO || length > MAX_CLIENT_HELLO {
        return Err(Malformed);
    }
    Ok(body.get(..length))
}

/// The `host_name` entry of a ServerNameList, of which there is one at most
/// ([RFC 6066, section 3](https://www.rfc-editor.org/rfc/rfc6066#section-3)).
fn host_name(mut body: Fields<'_>) -> Option<Option<&[u8]>> {
    let mut list = Fields(body.vector16()?);
    let mut found = None;
    while !list.is_empty() {
        let (kind, name) = (list.u8()?, list.vector16()?);
        if kind == 0 && found.replace(name).is_some() {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::{ClientHello, Read, Reassembly};

    fn read(tls: &[u8]) -> Read {
        Reassembly::default().read(tls)
    }

    fn vector16(body: &[u8]) -> Vec<u8> {
        let mut out = u16::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        out.extend_from_slice(body);
        out
    }

    /// A hello with SNI "Test.Example", ALPN h2 and http/1.1, in records of `split` bytes.
    fn sample(split: usize) -> Vec<u8> {
        let mut extensions = Vec::new();
        let mut extension = |kind: u16, body: &[u8]| {
            extensions.extend_from_slice(&kind.to_be_bytes());
            extensions.extend_from_slice(&vector16(body));
        };
        let mut name = vec![0];
        name.extend(vector16(b"Test.Example"));
        extension(0, &vector16(&name));
        extension(16, &vector16(b"\x02h2\x08http/1.1"));
        extension(10, &vector16(&[0, 29, 0, 23]));
        extension(13, &vector16(&[4, 3]));
        extension(43, &[2, 3, 4]);
        extension(5, &[1, 0, 0, 0, 0]);
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([1, 9]);
        body.extend(vector16(&[0x13, 0x01]));
        body.extend([1, 0]);
        body.extend(vector16(&extensions));
        let mut message = vec![1, 0];
        message.extend(vector16(&body));
        message
            .chunks(split)
            .flat_map(|part| {
                let mut record = vec![22, 3, 1];
                record.extend(vector16(part));
                record
            })
            .collect()
    }

    #[test]
    fn a_hello_is_read_however_it_is_split() {
        let whole = read(&sample(16_384));
        let Read::Complete(hello) = &whole else { panic!("{whole:?}") };
        assert_eq!(hello.server_name(), Some("Test.Example"));
        assert_eq!(hello.alpn(), [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert_eq!(hello.session_id(), [9]);
        assert_eq!(hello.cipher_suites(), [0x1301]);
        assert_eq!(hello.named_groups(), [29, 23]);
        assert_eq!(hello.signature_schemes(), [0x0403]);
        assert_eq!(hello.supported_versions(), [0x0304]);
        assert!(hello.requests_ocsp() && !hello.offers_ticket());
        for split in [1, 2, 3, 5, 40, 100] {
            assert_eq!(read(&sample(split)), whole, "records of {split} bytes");
        }
    }

    #[test]
    fn a_part_of_a_hello_is_incomplete() {
        let bytes = sample(50);
        let mut growing = Reassembly::default();
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Read::Incomplete, "{end} bytes");
            assert_eq!(growing.read(&bytes[..end]), Read::Incomplete, "{end} bytes");
        }
        assert_eq!(growing.read(&bytes), read(&bytes));
    }

    #[test]
    fn what_cannot_become_a_hello_is_not_waited_for() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            &[22, 3, 1, 0, 0],                   // an empty handshake record
            &[22, 3, 1, 0, 4, 2, 0, 0, 0],       // a ServerHello
            &[22, 3, 1, 64, 0, 2],               // the first byte of one
            &[22, 3, 1, 255, 255],               // a record of 64 KiB
            &[22, 3, 1, 0, 4, 1, 255, 255, 255], // a hello of 16 MiB
            &[22, 3, 1, 0, 5, 1, 0, 0, 1, 3],    // a hello of one byte
            &[23, 3, 3, 0, 1, 0],
        ] {
            assert_eq!(read(bytes), Read::Broken, "{bytes:?}");
        }
    }

    #[test]
    fn the_bytes_of_a_hello_are_kept_and_tell_the_rest() {
        let bytes = sample(16_384);
        let Read::Complete(hello) = read(&bytes) else { panic!("a hello") };
        assert_eq!(hello.as_bytes(), &bytes[5..]);
        assert_eq!(ClientHello::parse(&bytes[5..]).as_ref(), Some(&*hello));
        assert_eq!(hello.random(), [7; 32]);
        assert_eq!(hello.compression_methods(), [0]);
        assert_eq!(hello.server_name_bytes(), Some(&b"Test.Example"[..]));
        let kinds: Vec<u16> = hello.extensions().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [0, 16, 10, 13, 43, 5]);
        assert_eq!((hello.newest_version(), hello.has_grease()), (0x0304, false));
        // What follows the message is not of it.
        let more = [&bytes[5..], b"more"].concat();
        assert_eq!(ClientHello::parse(&more).as_ref(), Some(&*hello));
        assert!(ClientHello::default().random().is_empty());
    }

    #[test]
    fn nothing_may_come_twice() {
        let name = |name: &[u8]| {
            let mut entry = vec![0];
            entry.extend(vector16(name));
            entry
        };
        let sni = |entries: &[u8]| {
            let mut extension = vec![0, 0];
            extension.extend(vector16(&vector16(entries)));
            extension
        };
        let (a, b) = (name(b"a.test"), name(b"b.test"));
        for (extensions, well_formed) in [
            (sni(&a), true),
            ([sni(&a), sni(&b)].concat(), false),
            (sni(&[a.clone(), b.clone()].concat()), false),
        ] {
            let mut body = vec![3, 3];
            body.extend([7; 32]);
            body.extend([0, 0, 2, 0x13, 1, 1, 0]);
            body.extend(vector16(&extensions));
            let mut message = vec![1, 0];
            message.extend(vector16(&body));
            let hello = ClientHello::parse(&message).unwrap();
            assert_eq!(hello.is_well_formed(), well_formed, "{extensions:?}");
            let mut record = vec![22, 3, 1];
            record.extend(vector16(&message));
            assert_eq!(matches!(read(&record), Read::Complete(_)), well_formed);
        }
    }
}
