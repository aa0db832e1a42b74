//! PostgreSQL's messages (its manual, "Message Formats"): statements of the simple and of the extended
//! protocol, and what came of them.

use std::collections::VecDeque;

use super::{Done, LONGEST_TEXT, Remembered, Waiting, are_too_many, text};
use crate::flow::Direction;

/// A session, as it is heard.
#[derive(Debug, Default)]
pub(super) struct Session {
    client: Messages,
    server: Messages,
    /// Whether the client has begun to log in: before, its messages have no type.
    started: bool,
    /// Pending one-byte answers to requests for encryption.
    requests: u32,
    /// Texts of prepared statements, and of which one a portal is.
    prepared: Remembered,
    portals: Remembered,
    /// Those without a result yet, in order.
    waiting: VecDeque<Asked>,
    /// Whether the client has bound its log-in to the TLS channel, until that is told.
    pub(super) binds_channel: bool,
    /// Whether it is not understood.
    lost: bool,
}

/// What a client has asked for.
#[derive(Debug)]
enum Asked {
    /// A text, of any number of statements; its answer ends when the server is ready.
    Simple(Waiting),
    /// One statement of the extended protocol.
    Extended(Waiting),
    /// The server is to say that it is ready.
    Sync,
}

impl Asked {
    fn waiting(&self) -> Option<&Waiting> {
        match self {
            Self::Simple(waiting) | Self::Extended(waiting) => Some(waiting),
            Self::Sync => None,
        }
    }
}

/// Messages of one side, of which only the beginning is kept when they are long.
#[derive(Debug, Default)]
struct Messages {
    head: Vec<u8>,
    body: Vec<u8>,
    left: u64,
    in_body: bool,
}

/// The longest message that a client or a server may name.
const LONGEST_MESSAGE: u32 = 1 << 30;

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

impl Session {
    pub(super) fn read(&mut self, from: Direction, mut bytes: &[u8], done: &mut impl FnMut(Done)) {
        while !bytes.is_empty() && !self.lost {
            let is_client = from == Direction::Request;
            if !is_client && self.requests > 0 {
                // S, N or G, alone.
                self.requests -= 1;
                bytes = &bytes[1..];
                continue;
            }
            let typed = !is_client || self.started;
            let messages = if is_client { &mut self.client } else { &mut self.server };
            let Ok(taken) = messages.read(bytes, typed) else {
                self.lost = true;
                return;
            };
            bytes = &bytes[taken.count..];
            if !taken.whole {
                continue;
            }
            let kind = if typed { messages.head[0] } else { 0 };
            let length = messages.head.len() as u64 + taken.length;
            let body = std::mem::take(&mut messages.body);
            messages.head.clear();
            match (is_client, typed) {
                (true, false) => self.start(&body),
                (true, true) => self.of_client(kind, &body),
                (false, _) => self.of_server(kind, &body, length, done),
            }
        }
    }

    pub(super) fn end(&mut self, done: &mut impl FnMut(Done)) {
        for asked in self.waiting.drain(..) {
            if let Asked::Simple(waiting) | Asked::Extended(waiting) = asked {
                done(waiting.done());
            }
        }
    }

    /// A message before the log-in.
    fn start(&mut self, body: &[u8]) {
        let code = body.first_chunk().map_or(0, |code| u32::from_be_bytes(*code));
        match code {
            SSL_REQUEST | GSS_REQUEST => self.requests = self.requests.saturating_add(1),
            _ => self.started = true,
        }
    }

    fn of_client(&mut self, kind: u8, body: &[u8]) {
        match kind {
            b'Q' => {
                self.wait(Asked::Simple(Waiting::new(text(up_to_zero(body).0))));
                self.wait(Asked::Sync);
            }
            b'S' => self.wait(Asked::Sync),
            b'P' => {
                let (name, rest) = up_to_zero(body);
                self.prepared.insert(name, text(up_to_zero(rest).0).into());
            }
            b'B' => {
                let (portal, rest) = up_to_zero(body);
                let (name, _) = up_to_zero(rest);
                self.portals.insert(portal, self.prepared.get(name));
            }
            b'E' => {
                let (portal, _) = up_to_zero(body);
                self.wait(Asked::Extended(Waiting::new(self.portals.get(portal))));
            }
            b'p' => {
                // SASLInitialResponse: what it chose of the server's mechanisms, and more behind it. A password has
                // nothing behind it.
                let (mechanism, rest) = up_to_zero(body);
                self.binds_channel |= mechanism == b"SCRAM-SHA-256-PLUS" && !rest.is_empty();
            }
            b'F' => {
                self.wait(Asked::Simple(Waiting::new("(a function call)".to_owned())));
                self.wait(Asked::Sync);
            }
            b'C' => {
                let (of, name) = (body.first(), up_to_zero(body.get(1..).unwrap_or_default()).0);
                match of {
                    Some(b'S') => self.prepared.remove(name),
                    _ => self.portals.remove(name),
                }
            }
            _ => {}
        }
    }

    fn wait(&mut self, asked: Asked) {
        if are_too_many(self.waiting.iter().map(Asked::waiting)) {
            self.lost = true;
            return;
        }
        self.waiting.push_back(asked);
    }

    fn of_server(&mut self, kind: u8, body: &[u8], length: u64, done: &mut impl FnMut(Done)) {
        if kind == b'Z' {
            return self.ready(done);
        }
        let (first, is_simple) = match self.waiting.front_mut() {
            Some(Asked::Simple(first)) => (first, true),
            Some(Asked::Extended(first)) => (first, false),
            _ => return,
        };
        match kind {
            b'T' | b'D' | b'd' | b'H' | b'G' | b'W' => first.bytes += length,
            b'C' => {
                first.bytes += length;
                // `SELECT 3`, `INSERT 0 1`; of several in one text, all count.
                let tag = up_to_zero(body).0;
                let rows = tag.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
                let rows = std::str::from_utf8(rows).ok().and_then(|text| text.parse::<u64>().ok());
                first.rows = match (first.rows, rows) {
                    (Some(before), Some(more)) => Some(before.saturating_add(more)),
                    (before, more) => more.or(before),
                };
                if !is_simple {
                    self.finish(done);
                }
            }
            b'I' | b's' if !is_simple => self.finish(done),
            b'E' => {
                first.error = Some(error_text(body));
                first.bytes += length;
            }
            _ => {}
        }
    }

    /// Everything up to here is answered, or was given up at an error.
    fn ready(&mut self, done: &mut impl FnMut(Done)) {
        let mut error = None;
        while let Some(Asked::Simple(mut waiting) | Asked::Extended(mut waiting)) =
            self.waiting.pop_front()
        {
            error = waiting.error.take().or(error);
            waiting.error = error.clone();
            done(waiting.done());
        }
    }

    fn finish(&mut self, done: &mut impl FnMut(Done)) {
        if let Some(Asked::Simple(first) | Asked::Extended(first)) = self.waiting.pop_front() {
            done(first.done());
        }
    }
}

struct Taken {
    count: usize,
    whole: bool,
    length: u64,
}

impl Messages {
    /// Takes bytes up to the end of a message.
    fn read(&mut self, bytes: &[u8], typed: bool) -> Result<Taken, ()> {
        let mut count = 0;
        let head = if typed { 5 } else { 4 };
        while !self.in_body {
            let Some(byte) = bytes.get(count) else {
                return Ok(Taken { count, whole: false, length: 0 });
            };
            self.head.push(*byte);
            count += 1;
            if self.head.len() == head {
                let length = self.head.last_chunk().map_or(0, |length| u32::from_be_bytes(*length));
                if !(4..=LONGEST_MESSAGE).contains(&length) {
                    return Err(());
                }
                self.left = u64::from(length) - 4;
                self.in_body = true;
            }
        }
        let rest = &bytes[count..];
        let taken = usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()));
        let room = LONGEST_TEXT.saturating_sub(self.body.len());
        self.body.extend_from_slice(&rest[..taken.min(room)]);
        self.left -= taken as u64;
        let whole = self.left == 0;
        self.in_body = !whole;
        let length = self.head.last_chunk().map_or(0, |length| u32::from_be_bytes(*length));
        Ok(Taken { count: count + taken, whole, length: u64::from(length).saturating_sub(4) })
    }
}

fn up_to_zero(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}

/// `ERROR: relation "x" does not exist [42P01]`
fn error_text(mut body: &[u8]) -> String {
    let (mut severity, mut code, mut message) = (String::new(), String::new(), String::new());
    while let Some((&field, rest)) = body.split_first() {
        if field == 0 {
            break;
        }
        let (value, rest) = up_to_zero(rest);
        match field {
            b'S' => severity = text(value),
            b'C' => code = text(value),
            b'M' => message = text(value),
            _ => {}
        }
        body = rest;
    }
    format!("{severity}: {message} [{code}]")
}

/// An ErrorResponse of ours.
pub(super) fn error(text: &str) -> Vec<u8> {
    let text = text.replace('\0', " ");
    let fields = format!("SFATAL\0VFATAL\0C08006\0M{text}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX).to_be_bytes();
    [&b"E"[..], &length, fields.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    fn play(
        script: &[(Direction, Vec<u8>)],
        step: usize,
    ) -> Vec<(String, Option<u64>, Option<String>)> {
        let (mut session, mut found) = (Session::default(), Vec::new());
        for (from, bytes) in script {
            for piece in bytes.chunks(step) {
                session.read(*from, piece, &mut |d| found.push((d.text, d.rows, d.error)));
            }
        }
        session.end(&mut |d| found.push((d.text, d.rows, d.error)));
        found
    }

    #[test]
    fn statements_and_their_results_are_found() {
        use Direction::{Request as C, Response as S};
        let startup = b"\0\0\0\x15\0\x03\0\0user\0tester\0\0".to_vec();
        let extended = [
            message(b'P', b"s1\0SELECT $1\0\0\0"),
            message(b'B', b"\0s1\0\0\0\0\0\0\0"),
            message(b'E', b"\0\0\0\0\0"),
            message(b'S', b""),
        ]
        .concat();
        let script = [
            (C, SSL_REQUEST_BYTES.to_vec()),
            (S, b"S".to_vec()),
            (C, startup),
            (S, [message(b'R', &[0; 4]), message(b'Z', b"I")].concat()),
            (C, message(b'Q', b"SELECT 1; SELECT 2\0")),
            (
                S,
                [
                    message(b'T', b"x"),
                    message(b'D', b"y"),
                    message(b'C', b"SELECT 1\0"),
                    message(b'C', b"SELECT 1\0"),
                    message(b'Z', b"I"),
                ]
                .concat(),
            ),
            (C, extended),
            (S, [message(b'1', b""), message(b'2', b""), message(b'C', b"SELECT 5\0")].concat()),
            (S, message(b'Z', b"I")),
            (C, message(b'Q', b"SELEC\0")),
            (S, [message(b'E', b"SERROR\0C42601\0Mbad\0\0"), message(b'Z', b"I")].concat()),
        ];
        for step in [1, 3, 10_000] {
            let found = play(&script, step);
            assert_eq!(
                found,
                [
                    ("SELECT 1; SELECT 2".to_owned(), Some(2), None),
                    ("SELECT $1".to_owned(), Some(5), None),
                    ("SELEC".to_owned(), None, Some("ERROR: bad [42601]".to_owned())),
                ],
                "{step}"
            );
        }
    }

    const SSL_REQUEST_BYTES: &[u8] = &[0, 0, 0, 8, 4, 210, 22, 47];

    #[test]
    fn nonsense_is_passed_over() {
        let found = play(&[(Direction::Request, b"GET / HTTP/1.1\r\n\r\n".to_vec())], 1);
        assert!(found.is_empty());
        assert!(error("a\0b").starts_with(b"E\0\0\0"));
    }
}
