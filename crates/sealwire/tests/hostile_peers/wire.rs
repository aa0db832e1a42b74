//! Records and handshake messages, made by hand.

/// One record of type `kind`.
pub(crate) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(body.len()).expect("a record").to_be_bytes();
    [&[kind, 3, 3, high, low], body].concat()
}

/// `message` in handshake records of `size` bytes each.
pub(crate) fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(|part| record(22, part)).collect()
}

/// A handshake message of type `kind`.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

pub(crate) fn vector16(body: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(body.len()).expect("short").to_be_bytes();
    [&[high, low], body].concat()
}

pub(crate) fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(body)].concat()
}

/// A ClientHello of `version` that offers the usual suites, with these extensions.
pub(crate) fn hello(version: [u8; 2], extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.push(0); // no session id
    body.extend(vector16(&[0x13, 1, 0xc0, 0x2b, 0xc0, 0x2f]));
    body.extend([1, 0]);
    body.extend(vector16(&extensions.concat()));
    message(1, &body)
}

/// The extensions without which no handshake comes about in TLS 1.2.
pub(crate) fn usual() -> Vec<Vec<u8>> {
    vec![extension(10, &vector16(&[0, 29, 0, 23])), extension(13, &vector16(&[4, 3, 8, 4]))]
}

/// The extension that offers TLS 1.3.
pub(crate) fn tls13() -> Vec<Vec<u8>> {
    vec![extension(43, &[2, 3, 4])]
}

/// A hello whose only unusual thing is an extension of `length` bytes that nobody knows.
pub(crate) fn long_hello(length: usize) -> Vec<u8> {
    hello([3, 3], &[usual(), vec![extension(0xfafa, &vec![0; length])]].concat())
}
