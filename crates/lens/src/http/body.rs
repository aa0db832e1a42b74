//! Where the body of an HTTP/1 message ends (RFC 9112, section 6). The bytes pass as they are; what of
//! them is data is told apart from what frames it.

use std::ops::Range;

use bytes::Bytes;

use super::head::{self, Request, Response};
use crate::flow::{Header, HttpVersion};

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No body.
    None,
    Length(u64),
    Chunked,
    /// With the connection.
    UntilClose,
}

/// Reads a body out of its bytes on the wire.
#[derive(Debug)]
pub(crate) struct Reader {
    state: State,
    /// The trailer section, as it came.
    trailers: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length(u64),
    UntilClose,
    /// The digits of a chunk's size so far.
    Size {
        size: u64,
        digits: u8,
    },
    /// The rest of a line with a size.
    Extension {
        size: u64,
    },
    Data(u64),
    /// The line end behind a chunk.
    DataEnd {
        cr: bool,
    },
    Trailers {
        line: usize,
    },
    Done,
}

/// The longest trailer section.
const LONGEST_TRAILERS: usize = 64 * 1024;

impl Framing {
    pub(crate) fn of_request(head: &Request) -> Result<Self, String> {
        let encodings = encodings(&head.headers);
        match encodings.last() {
            Some(last) if last == b"chunked" => Ok(Self::Chunked),
            Some(_) => Err("its Transfer-Encoding does not end with chunked".to_owned()),
            None => Ok(length(&head.headers)?.map_or(Self::None, Self::Length)),
        }
    }

    pub(crate) fn of_response(head: &Response, method: &str) -> Result<Self, String> {
        let no_body = method == "HEAD"
            || matches!(head.status, 100..=199 | 204 | 304)
            || method == "CONNECT" && (200..300).contains(&head.status);
        if no_body {
            return Ok(Self::None);
        }
        match encodings(&head.headers).last() {
            Some(last) if last == b"chunked" && head.version != HttpVersion::Http10 => {
                Ok(Self::Chunked)
            }
            Some(_) => Ok(Self::UntilClose),
            None => Ok(length(&head.headers)?.map_or(Self::UntilClose, Self::Length)),
        }
    }
}

fn encodings(headers: &[Header]) -> Vec<Vec<u8>> {
    head::values(headers, "transfer-encoding")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(|one| one.trim_ascii().to_ascii_lowercase())
        .filter(|one| !one.is_empty())
        .collect()
}

fn length(headers: &[Header]) -> Result<Option<u64>, String> {
    let mut found = None;
    for value in head::values(headers, "content-length") {
        for one in value.split(|byte| *byte == b',') {
            let digits = one.trim_ascii();
            let number = std::str::from_utf8(digits)
                .ok()
                .filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|text| text.parse().ok());
            let Some(number) = number else {
                return Err("its Content-Length is not a number".to_owned());
            };
            if found.is_some_and(|before| before != number) {
                return Err("it has two different Content-Length values".to_owned());
            }
            found = Some(number);
        }
    }
    Ok(found)
}

impl Reader {
    pub(crate) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size { size: 0, digits: 0 },
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, trailers: Vec::new() }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the connection's end is the body's.
    pub(crate) fn ends_with_connection(&self) -> bool {
        self.state == State::UntilClose
    }

    /// The fields behind the body.
    pub(crate) fn trailers(&self) -> Vec<Header> {
        if self.trailers.is_empty() {
            return Vec::new();
        }
        let mut room = vec![httparse::EMPTY_HEADER; 256];
        let raw = Bytes::copy_from_slice(&self.trailers);
        match httparse::parse_headers(&raw, &mut room) {
            Ok(httparse::Status::Complete((_, fields))) => fields
                .iter()
                .map(|field| Header {
                    name: raw.slice_ref(field.name.as_bytes()),
                    value: match field.value.is_empty() {
                        true => Bytes::new(),
                        false => raw.slice_ref(field.value),
                    },
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Reads what is at the front of `wire`; `data` is told which parts of it are. Gives how many bytes
    /// are the body's: all of them, until it is done.
    ///
    /// # Errors
    /// What is wrong with the framing.
    pub(crate) fn read(
        &mut self,
        wire: &[u8],
        data: &mut impl FnMut(Range<usize>),
    ) -> Result<usize, String> {
        let mut at = 0;
        while at < wire.len() {
            let rest = wire.len() - at;
            let byte = wire[at];
            self.state = match self.state {
                State::Done => break,
                State::UntilClose => {
                    data(at..wire.len());
                    return Ok(wire.len());
                }
                State::Length(left) | State::Data(left) => {
                    let count = usize::try_from(left).map_or(rest, |left| left.min(rest));
                    data(at..at + count);
                    at += count;
                    let left = left - count as u64;
                    match (self.state, left) {
                        (State::Length(_), 0) => State::Done,
                        (State::Length(_), left) => State::Length(left),
                        (_, 0) => State::DataEnd { cr: false },
                        (_, left) => State::Data(left),
                    }
                }
                State::Size { size, digits } => {
                    at += 1;
                    size_byte(byte, size, digits)?
                }
                State::Extension { size } => {
                    let end = wire[at..].iter().position(|byte| *byte == b'\n');
                    at += end.map_or(rest, |end| end + 1);
                    match (end, size) {
                        (None, size) => State::Extension { size },
                        (Some(_), 0) => State::Trailers { line: 0 },
                        (Some(_), size) => State::Data(size),
                    }
                }
                State::DataEnd { cr } => {
                    at += 1;
                    match (byte, cr) {
                        (b'\r', false) => State::DataEnd { cr: true },
                        (b'\n', _) => State::Size { size: 0, digits: 0 },
                        _ => return Err("a chunk is longer than its size".to_owned()),
                    }
                }
                State::Trailers { line } => {
                    at += 1;
                    self.trailers.push(byte);
                    if self.trailers.len() > LONGEST_TRAILERS {
                        return Err("its trailers do not end".to_owned());
                    }
                    match byte {
                        b'\n' if line == 0 => State::Done,
                        b'\n' => State::Trailers { line: 0 },
                        b'\r' if line == 0 => State::Trailers { line: 0 },
                        _ => State::Trailers { line: line + 1 },
                    }
                }
            };
        }
        Ok(at)
    }
}

/// One byte of a line with a chunk's size.
fn size_byte(byte: u8, size: u64, digits: u8) -> Result<State, String> {
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ if digits == 0 => return Err("the size of a chunk is missing".to_owned()),
        b'\n' if size == 0 => return Ok(State::Trailers { line: 0 }),
        b'\n' => return Ok(State::Data(size)),
        b';' | b'\r' | b' ' | b'\t' => return Ok(State::Extension { size }),
        _ => return Err("the size of a chunk is not a number".to_owned()),
    };
    if digits == 16 {
        return Err("a chunk's size is too large".to_owned());
    }
    Ok(State::Size { size: size << 4 | u64::from(digit), digits: digits + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `wire` in pieces of `step` bytes: the data, the trailers, and what is left.
    fn read(
        framing: Framing,
        wire: &[u8],
        step: usize,
    ) -> Result<(Vec<u8>, usize, Reader), String> {
        let mut reader = Reader::new(framing);
        let (mut data, mut used) = (Vec::new(), 0);
        for piece in wire.chunks(step) {
            let count = reader.read(piece, &mut |range| data.extend_from_slice(&piece[range]))?;
            used += count;
            if count < piece.len() {
                break;
            }
        }
        Ok((data, used, reader))
    }

    #[test]
    fn bodies_end_where_they_say() {
        let chunked = b"3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nT-One: 1\r\nt: \r\n\r\n";
        let with_next = [&chunked[..], b"GET"].concat();
        for step in [1, 2, 3, 7, 1000] {
            let (data, used, reader) = read(Framing::Chunked, &with_next, step).unwrap();
            assert_eq!((&data[..], used), (&b"abc0123456789"[..], chunked.len()), "{step}");
            let trailers = reader.trailers();
            assert!(reader.is_done() && trailers.len() == 2, "{trailers:?}");
            assert_eq!((&trailers[0].name[..], &trailers[0].value[..]), (&b"T-One"[..], &b"1"[..]));
            let (data, used, reader) = read(Framing::Length(3), b"abcd", step).unwrap();
            assert_eq!((&data[..], used, reader.is_done()), (&b"abc"[..], 3, true));
            let (data, _, reader) = read(Framing::UntilClose, b"abcd", step).unwrap();
            assert!(data == b"abcd" && reader.ends_with_connection());
        }
        let (_, _, reader) = read(Framing::Chunked, b"0\r\n\r\n", 1).unwrap();
        assert!(reader.is_done() && reader.trailers().is_empty());
    }

    #[test]
    fn broken_framing_is_told() {
        for wire in
            [&b"\r\n"[..], b"x\r\n", b"1\r\nab", b"12345678123456789\r\n", b"-1\r\n", b"1g\r\n"]
        {
            assert!(read(Framing::Chunked, wire, 1).is_err(), "{wire:?}");
        }
        let endless = [&b"0\r\n"[..], &vec![b'a'; LONGEST_TRAILERS + 2]].concat();
        assert!(read(Framing::Chunked, &endless, 4096).is_err());
    }

    #[test]
    fn the_framing_is_that_of_the_rfc() {
        let response = |text: &str| {
            let mut buffer = bytes::BytesMut::from(text.as_bytes());
            head::response(&mut buffer).unwrap().unwrap()
        };
        for (text, method, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "GET", Ok(Framing::Length(3))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HEAD", Ok(Framing::None)),
            ("HTTP/1.1 304 OK\r\nContent-Length: 3\r\n\r\n", "GET", Ok(Framing::None)),
            ("HTTP/1.1 200 OK\r\n\r\n", "GET", Ok(Framing::UntilClose)),
            ("HTTP/1.1 200 OK\r\n\r\n", "CONNECT", Ok(Framing::None)),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\ncontent-length: 1\r\n\r\n",
                "GET",
                Ok(Framing::Chunked),
            ),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", "GET", Ok(Framing::UntilClose)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n", "GET", Ok(Framing::Length(3))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "GET", Err(())),
            ("HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n", "GET", Err(())),
        ] {
            let found = Framing::of_response(&response(text), method).map_err(drop);
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
