//! MySQL's packets (its manual, "Client/Server Protocol"): commands with a statement, and what came of
//! them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Done, LONGEST_TEXT, Remembered, Waiting, are_too_many, text};
use crate::flow::Direction;

/// A session, as it is heard.
#[derive(Debug, Default)]
pub(super) struct Session {
    client: Packets,
    server: Packets,
    stage: Stage,
    /// What the two agreed on: whether a result ends with OK in place of EOF.
    no_eof: bool,
    /// By their numbers as they are sent.
    prepared: Remembered,
    waiting: VecDeque<(Command, Waiting)>,
    result: Outcome,
    lost: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Greeting,
    LogIn,
    Commands,
}

/// Where in an answer the server is.
#[derive(Debug, Default, PartialEq, Eq)]
enum Outcome {
    #[default]
    First,
    /// So many columns are still to be described.
    Columns(u64),
    /// Their end, where it is said.
    ColumnsEnd,
    Rows,
    /// A file is asked for, and its end is another first packet.
    PreparedParts(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Query,
    Prepare,
    /// Whose answer is one packet.
    Other,
}

/// Packets of one side, of which only the beginning is kept when they are long.
#[derive(Debug, Default)]
struct Packets {
    head: Vec<u8>,
    body: Vec<u8>,
    left: usize,
    in_body: bool,
    length: u64,
}

const CLIENT_SSL: u32 = 0x800;
const CLIENT_DEPRECATE_EOF: u32 = 1 << 24;
const CLIENT_COMPRESS: u32 = 0x20;
const CLIENT_ZSTD: u32 = 1 << 26;
const SERVER_MORE_RESULTS: u16 = 8;

impl Session {
    pub(super) fn read(&mut self, from: Direction, mut bytes: &[u8], done: &mut impl FnMut(Done)) {
        while !bytes.is_empty() && !self.lost {
            let is_client = from == Direction::Request;
            let packets = if is_client { &mut self.client } else { &mut self.server };
            let (count, whole) = packets.read(bytes);
            bytes = &bytes[count..];
            if !whole {
                continue;
            }
            let (number, length) = (packets.head[3], packets.length);
            let body = std::mem::take(&mut packets.body);
            packets.head.clear();
            packets.length = 0;
            match is_client {
                true => self.of_client(number, &body),
                false => self.of_server(&body, length, done),
            }
        }
    }

    pub(super) fn end(&mut self, done: &mut impl FnMut(Done)) {
        for (_, waiting) in self.waiting.drain(..) {
            done(waiting.done());
        }
    }

    fn of_client(&mut self, number: u8, body: &[u8]) {
        if self.stage != Stage::Commands {
            let flags = body.first_chunk().map_or(0, |flags| u32::from_le_bytes(*flags));
            if self.stage == Stage::Greeting && body.len() >= 32 {
                let only_asks = body.len() == 32 && flags & CLIENT_SSL != 0;
                self.no_eof = flags & CLIENT_DEPRECATE_EOF != 0;
                self.lost = flags & (CLIENT_COMPRESS | CLIENT_ZSTD) != 0;
                if !only_asks {
                    self.stage = Stage::LogIn;
                }
            }
            return;
        }
        if number != 0 {
            return; // the rest of something: a file, a new log-in
        }
        let Some((&command, rest)) = body.split_first() else { return };
        let (kind, statement): (_, Arc<str>) = match command {
            0x03 => (Command::Query, text(rest).into()),
            0x16 => (Command::Prepare, text(rest).into()),
            0x17 => (Command::Query, self.prepared.get(rest.get(..4).unwrap_or_default())),
            // Nothing is answered: statement closed, long data, quit.
            0x19 => {
                self.prepared.remove(rest.get(..4).unwrap_or_default());
                return;
            }
            0x18 | 0x01 => return,
            // A new user logs in; a cursor is fetched from; the answer has a form of its own.
            0x11 | 0x1c | 0x12 | 0x04 => {
                self.lost = true;
                return;
            }
            0x02 => (Command::Other, format!("USE {}", text(rest)).into()),
            0x0e => (Command::Other, "(ping)".into()),
            _ => (Command::Other, format!("(command {command})").into()),
        };
        if are_too_many(self.waiting.iter().map(|(_, waiting)| Some(waiting))) {
            self.lost = true;
            return;
        }
        self.waiting.push_back((kind, Waiting::new(statement)));
    }

    fn of_server(&mut self, body: &[u8], length: u64, done: &mut impl FnMut(Done)) {
        let first = body.first().copied();
        if self.stage != Stage::Commands {
            // The log-in ends with OK.
            if self.stage == Stage::LogIn && first == Some(0) {
                self.stage = Stage::Commands;
            }
            return;
        }
        let Some((kind, waiting)) = self.waiting.front_mut() else { return };
        let kind = *kind;
        waiting.bytes += length;
        if first == Some(0xff) {
            waiting.error = Some(error_text(body));
            return self.finish(done);
        }
        let is_eof = first == Some(0xfe) && (body.len() < 9 || self.no_eof && length < 0xff_ffff);
        match std::mem::take(&mut self.result) {
            Outcome::First => match (kind, first) {
                (Command::Prepare, Some(0)) => self.prepare(body, done),
                (_, Some(0)) => {
                    let mut fields = &body[1..];
                    let rows = length_coded(&mut fields);
                    waiting.rows = match (waiting.rows, rows) {
                        (Some(before), Some(more)) => Some(before.saturating_add(more)),
                        (before, more) => more.or(before),
                    };
                    let _id = length_coded(&mut fields);
                    if !more_follow(fields) {
                        self.finish(done);
                    }
                }
                (Command::Query, Some(0xfb)) => {} // a file is asked for; OK follows
                (Command::Query, Some(_)) => {
                    let columns = length_coded(&mut &*body).unwrap_or(0);
                    self.result = Outcome::Columns(columns);
                }
                _ => self.finish(done),
            },
            Outcome::Columns(1) if self.no_eof => self.result = Outcome::Rows,
            Outcome::Columns(1) => self.result = Outcome::ColumnsEnd,
            Outcome::Columns(left) => self.result = Outcome::Columns(left.saturating_sub(1)),
            Outcome::ColumnsEnd => self.result = Outcome::Rows,
            Outcome::Rows if is_eof => {
                let mut fields = &body[1..];
                if self.no_eof {
                    length_coded(&mut fields);
                    length_coded(&mut fields);
                } else {
                    // Warnings stand before the status.
                    fields = fields.get(2..).unwrap_or_default();
                }
                if !more_follow(fields) {
                    self.finish(done);
                }
            }
            Outcome::Rows => {
                waiting.rows = Some(waiting.rows.unwrap_or(0) + 1);
                self.result = Outcome::Rows;
            }
            Outcome::PreparedParts(1) => self.finish(done),
            Outcome::PreparedParts(left) => {
                self.result = Outcome::PreparedParts(left.saturating_sub(1));
            }
        }
    }

    /// A statement is prepared: its id, and how many packets describe it.
    fn prepare(&mut self, body: &[u8], done: &mut impl FnMut(Done)) {
        let number = |at: usize| {
            body.get(at..at + 2).map_or(0, |two| u64::from(two[0]) | u64::from(two[1]) << 8)
        };
        let (columns, parameters) = (number(5), number(7));
        if let (Some(id), Some((_, waiting))) = (body.get(1..5), self.waiting.front()) {
            self.prepared.insert(id, waiting.text.clone());
        }
        let ends = u64::from(!self.no_eof);
        let part = |count: u64| if count == 0 { 0 } else { count + ends };
        match part(columns) + part(parameters) {
            0 => self.finish(done),
            left => self.result = Outcome::PreparedParts(left),
        }
    }

    fn finish(&mut self, done: &mut impl FnMut(Done)) {
        self.result = Outcome::First;
        if let Some((kind, waiting)) = self.waiting.pop_front() {
            let told = kind != Command::Other || waiting.error.is_some();
            if told && kind != Command::Prepare || waiting.error.is_some() {
                done(waiting.done());
            }
        }
    }
}

impl Packets {
    /// Takes bytes up to the end of a packet: how many, and whether it is whole.
    fn read(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut count = 0;
        while !self.in_body {
            let Some(byte) = bytes.get(count) else { return (count, false) };
            self.head.push(*byte);
            count += 1;
            if let [a, b, c, _] = self.head[..] {
                self.left = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
                self.length += self.left as u64;
                self.in_body = true;
            }
        }
        let rest = &bytes[count..];
        let taken = self.left.min(rest.len());
        let room = LONGEST_TEXT.saturating_sub(self.body.len());
        self.body.extend_from_slice(&rest[..taken.min(room)]);
        self.left -= taken;
        if self.left > 0 {
            return (count + taken, false);
        }
        self.in_body = false;
        // One of 16 MiB less one continues in the next.
        let whole = self.head[..3] != [0xff; 3];
        if !whole {
            self.head.clear();
        }
        (count + taken, whole)
    }
}

/// An integer of MySQL's own coding, taken off the front.
fn length_coded(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    let width = match first {
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        0xfb | 0xff => return None,
        small => {
            *bytes = rest;
            return Some(u64::from(small));
        }
    };
    let (number, rest) = rest.split_at_checked(width)?;
    *bytes = rest;
    Some(number.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn more_follow(status: &[u8]) -> bool {
    status.first_chunk().is_some_and(|s| u16::from_le_bytes(*s) & SERVER_MORE_RESULTS != 0)
}

/// `1146 (42S02): Table 'a.b' doesn't exist`
fn error_text(body: &[u8]) -> String {
    let code = body.get(1..3).map_or(0, |two| u16::from(two[0]) | u16::from(two[1]) << 8);
    match body.get(3..) {
        Some([b'#', state @ ..]) if state.len() >= 5 => {
            format!("{code} ({}): {}", text(&state[..5]), text(&state[5..]))
        }
        rest => format!("{code}: {}", text(rest.unwrap_or_default())),
    }
}

/// An ERR packet of ours, in answer to the log-in inside of TLS.
pub(super) fn error(text: &str) -> Vec<u8> {
    let body = [&b"\xff\xd5\x07#08004"[..], text.as_bytes()].concat();
    let length = u32::try_from(body.len()).unwrap_or(0).to_le_bytes();
    [&length[..3], &[3], &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [&length[..3], &[number], body].concat()
    }

    #[test]
    fn statements_and_their_results_are_found() {
        use Direction::{Request as C, Response as S};
        let log_in = |flags: u32, length: usize| {
            let mut body = flags.to_le_bytes().to_vec();
            body.resize(length, 0);
            body
        };
        let rows = [
            packet(1, &[1]),
            packet(2, b"\x03def"),
            packet(3, b"\xfe\0\0\x02\0"),
            packet(4, b"\x01a"),
            packet(5, b"\x01b"),
            packet(6, b"\xfe\0\0\x02\0"),
        ]
        .concat();
        let script = [
            (S, packet(0, b"\x0a8.0")),
            (C, packet(1, &log_in(CLIENT_SSL, 32))),
            (C, packet(2, &log_in(CLIENT_SSL, 60))),
            (S, packet(3, b"\0\0\0\x02\0\0\0")),
            (C, packet(0, b"\x03SELECT a")),
            (S, rows),
            (C, packet(0, b"\x03DELETE")),
            (S, packet(1, b"\0\x07\0\x02\0\0\0")),
            (C, packet(0, b"\x0e")),
            (S, packet(1, b"\0\0\0\x02\0\0\0")),
            (C, packet(0, b"\x16INSERT ?")),
            (
                S,
                [
                    packet(1, b"\0\x05\0\0\0\0\0\x01\0\0\0\0"),
                    packet(2, b"\x03def"),
                    packet(3, b"\xfe\0\0\x02\0"),
                ]
                .concat(),
            ),
            (C, packet(0, b"\x17\x05\0\0\0\0\x01\0\0\0")),
            (S, packet(1, b"\0\x01\0\x02\0\0\0")),
            (C, packet(0, b"\x03nonsense")),
            (S, packet(1, b"\xff\x28\x04#42000no")),
        ];
        for step in [1, 3, 10_000] {
            let (mut session, mut found) = (Session::default(), Vec::new());
            for (from, bytes) in &script {
                for piece in bytes.chunks(step) {
                    session.read(*from, piece, &mut |d| found.push((d.text, d.rows, d.error)));
                }
            }
            assert_eq!(
                found,
                [
                    ("SELECT a".to_owned(), Some(2), None),
                    ("DELETE".to_owned(), Some(7), None),
                    ("INSERT ?".to_owned(), Some(1), None),
                    ("nonsense".to_owned(), None, Some("1064 (42000): no".to_owned())),
                ],
                "{step}"
            );
        }
    }

    #[test]
    fn nonsense_is_passed_over() {
        let mut session = Session::default();
        for byte in 0..=255 {
            session.read(Direction::Response, &[byte; 300], &mut |_| {});
            session.read(Direction::Request, &[byte; 300], &mut |_| {});
        }
        session.end(&mut |_| {});
    }
}
