//! The ClientHello, read before the engine sees it.
//!
//! A server must choose certificate, trust and protocols by what the client says first, and the
//! engine offers only a part of it. So the session reads the message itself (RFC 8446, 4.1.2;
//! RFC 5246, 7.4.1.2), without changing a byte, and starts the engine when the answer is there.

/// The largest ClientHello that is waited for. RFC 8446 allows 16 MiB; nobody sends it.
pub const MAX_CLIENT_HELLO: usize = 64 * 1024;

/// How many bytes of records may be held for one handshake message that is not complete. The
/// largest message has 64 KiB; in records of 64 bytes, the smallest that RFC 8449 lets a peer ask
/// for, its headers and tags come to 22 KiB more. Without this limit a peer who sends records of
/// one byte makes us hold 1.4 MiB for it, before anybody knows who it is.
pub(crate) const MAX_HANDSHAKE_WIRE: usize = 96 * 1024;

/// What a client offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientHello {
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
    /// `legacy_version`; 0 when there was no hello to read.
    legacy_version: u16,
    /// Whether it is about a connection that is being negotiated again (RFC 5746).
    renegotiates: bool,
    message: Vec<u8>,
}

/// How far the bytes of a connection go towards a ClientHello.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// More bytes are needed.
    Incomplete,
    /// All of it is there.
    Complete(Box<ClientHello>),
    /// This can never become one; the engine will say what is wrong with it.
    Broken,
}

impl ClientHello {
    /// The message as it came, from its four bytes of type and length on, without record headers.
    /// Empty when there was no hello to read.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The host name of SNI (RFC 6066), as the client spelled it.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The application protocols offered (RFC 7301), in the client's order.
    pub fn alpn(&self) -> &[Vec<u8>] {
        &self.alpn
    }

    /// The session id of TLS 1.2; in TLS 1.3 the 32 bytes that RFC 8446 asks for compatibility.
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
    pub(crate) fn legacy_version(&self) -> Option<u16> {
        (self.legacy_version != 0).then_some(self.legacy_version)
    }

    /// Whether it is about a connection that is being negotiated again (RFC 5746).
    pub(crate) fn renegotiates(&self) -> bool {
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

/// The front of a connection, on the way to a ClientHello. What was read is remembered, so that a
/// peer who sends byte by byte, in records of one byte, takes no more work than another; and
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
/// What the engine takes for a record; a longer one is refused by its header.
const MAX_RECORD: usize = 16_384 + 2_048;
const CLIENT_HELLO: u8 = 1;

impl Reassembly {
    /// Reads the ClientHello at the front of `tls`, which is everything received so far.
    pub(crate) fn read(&mut self, tls: &[u8]) -> Read {
        let hello = match self.complete(tls) {
            Ok(true) => body(&self.message).and_then(|body| parse(body.ok_or(Malformed)?)),
            Ok(false) => return Read::Incomplete,
            Err(Malformed) => return Read::Broken,
        };
        let message = std::mem::take(&mut self.message);
        match hello {
            Ok(hello) => Read::Complete(Box::new(ClientHello { message, ..hello })),
            Err(Malformed) => Read::Broken,
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

fn parse(message: &[u8]) -> Result<ClientHello, Malformed> {
    let mut bytes = Reader(message);
    let legacy_version = bytes.u16()?;
    bytes.take(32)?; // random
    let mut hello =
        ClientHello { legacy_version, session_id: bytes.vector8()?.to_vec(), ..Default::default() };
    hello.cipher_suites = Reader(bytes.vector16()?).u16s()?;
    bytes.vector8()?; // legacy_compression_methods
    if bytes.0.is_empty() {
        return Ok(hello); // TLS 1.2 allows a hello without extensions
    }
    let mut extensions = Reader(bytes.vector16()?);
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let body = Reader(extensions.vector16()?);
        read_extension(&mut hello, kind, body)?;
    }
    Ok(hello)
}

fn read_extension(
    hello: &mut ClientHello,
    kind: u16,
    mut body: Reader<'_>,
) -> Result<(), Malformed> {
    match kind {
        0 => hello.server_name = host_name(body)?,
        5 => hello.requests_ocsp = body.0.first() == Some(&1),
        10 => hello.named_groups = Reader(body.vector16()?).u16s()?,
        13 => hello.signature_schemes = Reader(body.vector16()?).u16s()?,
        16 => {
            let mut names = Reader(body.vector16()?);
            while !names.0.is_empty() {
                hello.alpn.push(names.vector8()?.to_vec());
            }
        }
        35 => hello.offers_ticket |= !body.0.is_empty(),
        41 => {
            hello.offers_ticket = true;
            let mut identities = Reader(body.vector16()?);
            while !identities.0.is_empty() {
                let identity = identities.vector16()?;
                identities.take(4)?; // obfuscated_ticket_age
                if identity.len() == STORED_ID && hello.psk_identities.len() < MAX_STORED_IDS {
                    hello.psk_identities.push(identity.to_vec());
                }
            }
        }
        0xff01 => hello.renegotiates = !Reader(body.vector8()?).0.is_empty(),
        43 => hello.supported_versions = Reader(body.vector8()?).u16s()?,
        _ => {}
    }
    Ok(())
}

/// The `host_name` entry of a ServerNameList. A name that is not UTF-8 is nobody's.
fn host_name(mut body: Reader<'_>) -> Result<Option<String>, Malformed> {
    let mut list = Reader(body.vector16()?);
    while !list.0.is_empty() {
        let kind = list.take(1)?[0];
        let name = list.vector16()?;
        if kind == 0 {
            return Ok(std::str::from_utf8(name).ok().map(str::to_owned));
        }
    }
    Ok(None)
}

/// Takes fields off the front of a byte string; TLS' "vectors" are fields with a length before.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn vector8(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.take(1)?[0];
        self.take(usize::from(length))
    }

    fn vector16(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    fn u16s(self) -> Result<Vec<u16>, Malformed> {
        if !self.0.len().is_multiple_of(2) {
            return Err(Malformed);
        }
        Ok(self.0.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Read, Reassembly};

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
}
