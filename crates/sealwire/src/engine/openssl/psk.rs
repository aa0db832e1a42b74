//! What OpenSSL will ask about pre-shared keys, read before it is shown the record: its callbacks
//! cannot wait, and a program may have to.
//!
//! Up to TLS 1.2 both the hint of a server and the name of a client travel in the clear, at the
//! front of a message of their own (RFC 4279, section 2).

use crate::engine::state::PskAsked;
use crate::reading::ClientHello;
use crate::words::CipherSuite;

/// How many names of one hello are asked about.
const MAX_NAMES: usize = 4;

/// The longest name that OpenSSL takes.
const MAX_NAME: usize = 256;

/// What is to be asked, and how far the messages are read that tell it.
#[derive(Default)]
pub(super) struct Watch {
    /// What is known to be asked, the next one first.
    pub(super) ahead: Vec<PskAsked>,
    /// Whether the messages of the peer are read.
    reading: bool,
    /// Those that are not read to their end.
    message: Vec<u8>,
}

/// The most that is kept of messages: chains of certificates (RSA_PSK) are long.
const MAX_KEPT: usize = 64 * 1024;

const CLIENT_KEY_EXCHANGE: u8 = 16;
const SERVER_HELLO: u8 = 2;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;

impl Watch {
    /// Of a client, which in TLS 1.3 sends its identities in its hello.
    pub(super) fn of_client(speaks_tls13: bool) -> Self {
        let ahead = if speaks_tls13 { vec![PskAsked::Hint(None)] } else { Vec::new() };
        Self { ahead, reading: true, message: Vec::new() }
    }

    /// Of a server with this client.
    pub(super) fn of_server(hello: &ClientHello) -> Self {
        let name = |name: &&[u8]| name.len() <= MAX_NAME && !name.contains(&0);
        let names = hello.psk_names().into_iter().filter(name).take(MAX_NAMES);
        let ahead = names.map(|name| PskAsked::Identity(name.to_vec())).collect();
        Self { ahead, reading: true, message: Vec::new() }
    }

    /// Reads the record that a server is shown next. `suite` is the one that was chosen.
    pub(super) fn by_server(&mut self, record: &[u8], suite: Option<u16>) {
        let suite = suite.and_then(CipherSuite::old_or_new_from_number);
        if !self.reading || !suite.is_some_and(CipherSuite::wants_psk) {
            return;
        }
        self.take(record);
        match &self.message[..] {
            [CLIENT_KEY_EXCHANGE, _, _, _, body @ ..] => {
                let Some(name) = vector16(body) else { return };
                if name.len() <= MAX_NAME && !name.contains(&0) {
                    self.ahead.push(PskAsked::Identity(name.to_vec()));
                }
                self.done();
            }
            // The rest of it is in the next record.
            [] | [CLIENT_KEY_EXCHANGE, ..] => {}
            _ => self.done(),
        }
    }

    /// Reads the record that a client is shown next.
    pub(super) fn by_client(&mut self, record: &[u8]) {
        if !self.reading || record.is_empty() {
            return;
        }
        self.take(record);
        let mut rest = &self.message[..];
        while let [kind, a, b, c, after @ ..] = rest {
            let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            let Some((body, after)) = after.split_at_checked(length) else { break };
            match *kind {
                SERVER_HELLO => {
                    let suite = chosen(body).and_then(CipherSuite::old_or_new_from_number);
                    if !suite.is_some_and(CipherSuite::wants_psk) {
                        return self.done();
                    }
                }
                SERVER_KEY_EXCHANGE => {
                    let hint = vector16(body).filter(|hint| !hint.is_empty());
                    self.ahead.push(PskAsked::Hint(hint.map(<[u8]>::to_vec)));
                    return self.done();
                }
                SERVER_HELLO_DONE => {
                    self.ahead.push(PskAsked::Hint(None));
                    return self.done();
                }
                _ => {}
            }
            rest = after;
        }
        self.message = rest.to_vec();
    }

    /// Keeps what is in a record of the handshake that is not encrypted.
    fn take(&mut self, record: &[u8]) {
        match record {
            [22, _, _, _, _, content @ ..] if self.message.len() + content.len() <= MAX_KEPT => {
                self.message.extend_from_slice(content);
            }
            _ => self.done(),
        }
    }

    fn done(&mut self) {
        self.reading = false;
        self.message = Vec::new();
    }
}

/// The suite that is named in a ServerHello.
fn chosen(hello: &[u8]) -> Option<u16> {
    let session_id = usize::from(*hello.get(34)?);
    let suite = hello.get(35 + session_id..)?.first_chunk()?;
    Some(u16::from_be_bytes(*suite))
}

/// The bytes behind their length.
fn vector16(body: &[u8]) -> Option<&[u8]> {
    let (length, rest) = body.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::{PskAsked, Watch};

    fn record(content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[22, 3, 3][..], &length, content].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind], &length[1..], body].concat()
    }

    fn server_hello(suite: u16) -> Vec<u8> {
        let [high, low] = suite.to_be_bytes();
        message(2, &[&[3, 3][..], &[7; 32], &[0, high, low, 0]].concat())
    }

    const PSK: u16 = 0x00a8;

    #[test]
    fn a_hint_is_read_before_the_client_is_shown_it() {
        let hinted = message(12, &[0, 4, b'h', b'i', b'n', b't']);
        let flight = [server_hello(PSK), hinted, message(14, &[])].concat();
        let mut watch = Watch::of_client(false);
        watch.by_client(&record(&flight));
        assert_eq!(watch.ahead, [PskAsked::Hint(Some(b"hint".to_vec()))]);

        // The same in records of a few bytes.
        let mut watch = Watch::of_client(false);
        for piece in flight.chunks(3) {
            watch.by_client(&record(piece));
        }
        assert_eq!(watch.ahead, [PskAsked::Hint(Some(b"hint".to_vec()))]);

        let mut watch = Watch::of_client(false);
        watch.by_client(&record(&[server_hello(PSK), message(14, &[])].concat()));
        assert_eq!(watch.ahead, [PskAsked::Hint(None)]);

        let mut watch = Watch::of_client(false);
        watch.by_client(&record(&[server_hello(0xc02f), message(14, &[])].concat()));
        assert_eq!(watch.ahead, []);
    }

    #[test]
    fn a_name_is_read_before_the_server_is_shown_it() {
        let named = message(16, &[0, 3, b'b', b'o', b'b']);
        let mut watch = Watch { reading: true, ..Watch::default() };
        for piece in named.chunks(2) {
            assert_eq!(watch.ahead, []);
            watch.by_server(&record(piece), Some(PSK));
        }
        assert_eq!(watch.ahead, [PskAsked::Identity(b"bob".to_vec())]);

        let mut watch = Watch { reading: true, ..Watch::default() };
        watch.by_server(&record(&named), Some(0xc02f));
        assert_eq!(watch.ahead, [], "the suite has no such name");
    }
}
