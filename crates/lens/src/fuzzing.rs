//! The readers of what others say, each with what has to hold for any bytes: for `fuzz/`, and for the test
//! below, which tries some. Each panics where it does not hold.

use std::collections::HashMap;
use std::ops::Range;

use bytes::BytesMut;
use sealwire::starttls::Protocol;

use crate::content::protobuf::{Descriptors, Of};
use crate::export;
use crate::flow::{ConnectionId, Direction, Event, FlowId, Header, Recorder};
use crate::http::{Deflate, Framing, Messages, body, head};
use crate::query::Filter;
use crate::sql;

/// HTTP/1: a head is the bytes that it came in, and a body ends at the same place however it comes.
pub fn http_message(wire: &[u8]) {
    let mut buffer = BytesMut::from(wire);
    if let Ok(Some(head)) = head::request(&mut buffer) {
        assert_eq!([&head.raw[..], &buffer[..]].concat(), wire, "nothing of it is lost");
        if let Ok(framing) = Framing::of_request(&head) {
            one_body(framing, &buffer);
        }
    }
    let mut buffer = BytesMut::from(wire);
    if let Ok(Some(head)) = head::response(&mut buffer) {
        assert_eq!([&head.raw[..], &buffer[..]].concat(), wire, "nothing of it is lost");
        for method in ["GET", "HEAD", "CONNECT"] {
            if let Ok(framing) = Framing::of_response(&head, method) {
                one_body(framing, &buffer);
            }
        }
    }
}

fn one_body(framing: Framing, wire: &[u8]) {
    let read = |step: usize| {
        let mut reader = body::Reader::new(framing);
        let (mut data, mut at) = (Vec::new(), 0);
        while at < wire.len() && !reader.is_done() {
            let piece = &wire[at..wire.len().min(at + step)];
            let mut told = |range: Range<usize>| data.extend_from_slice(&piece[range]);
            match reader.read(piece, &mut told) {
                Ok(count) => at += count,
                Err(why) => return Err(why),
            }
        }
        let _ = reader.trailers();
        Ok((at, data, reader.is_done()))
    };
    let whole = read(wire.len().max(1));
    assert_eq!(read(1), whole, "by byte");
    if let Ok((at, data, _)) = whole {
        assert!(data.len() <= at && at <= wire.len());
    }
}

/// WebSocket: the same messages however the frames come, none of them larger than is kept.
pub fn websocket(wire: &[u8]) {
    let Some((&first, wire)) = wire.split_first() else { return };
    let direction = if first & 1 == 0 { Direction::Request } else { Direction::Response };
    let deflate = match first & 6 {
        0 => Deflate::Off,
        2 => Deflate::On { anew: [true; 2] },
        4 => Deflate::On { anew: [false; 2] },
        _ => Deflate::Unknown,
    };
    let read = |step: usize| {
        let mut messages = Messages::new(direction, deflate);
        let mut whole = Vec::new();
        for piece in wire.chunks(step) {
            let read = messages.read(piece, &mut |message| {
                whole.push((message.kind, message.data, message.length));
            });
            if let Err(why) = read {
                return (whole, Some(why));
            }
        }
        (whole, None)
    };
    let (whole, _) = read(wire.len().max(1));
    assert_eq!(read(1).0, whole, "by byte");
    // Inflated, a message is larger than its frames, and bounded all the same.
    const MOST: usize = 16 << 20;
    assert!(
        whole.iter().all(|(_, data, length)| data.len() as u64 <= *length && data.len() <= MOST)
    );
}

/// PostgreSQL and MySQL: whatever both sides say, statements are told and nothing grows.
pub fn database(wire: &[u8]) {
    let Some((&first, wire)) = wire.split_first() else { return };
    let protocol = if first & 1 == 0 { Protocol::Postgres } else { Protocol::Mysql };
    let step = usize::from(first >> 1) + 1;
    let mut reader = sql::Reader::of(protocol);
    let mut told = 0;
    let mut statement = |done: sql::Done| {
        told += 1;
        assert!(done.text.len() <= 3 * wire.len() + 64);
    };
    for (n, piece) in wire.chunks(step).enumerate() {
        let from = if n % 2 == 0 { Direction::Request } else { Direction::Response };
        reader.read(from, piece, &mut statement);
    }
    reader.end(&mut statement);
    assert!(told <= wire.len() + 64, "each takes bytes");
}

/// HAR: any file is imported, or refused with a reason.
pub fn har(text: &[u8]) {
    struct Nobody;
    impl Recorder for Nobody {
        fn record(&self, _: Event) {}
    }
    if let Err(reason) = export::import(text, &Nobody, (ConnectionId(1), FlowId(1))) {
        assert!(!reason.is_empty());
    }
}

/// The filter language: any text is a filter, or refused with a place that is in it.
pub fn filter(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    match Filter::parse(text) {
        Ok(filter) => {
            let condition = filter.condition(&HashMap::new());
            assert_eq!(condition.sql.matches('?').count(), condition.parameters.len());
        }
        Err(error) => assert!(error.at <= text.len(), "{error}"),
    }
}

/// What protoc makes of `message A { optional sint32 n = 1; optional string s = 2; optional A a = 3; repeated float r = 4;
/// map<bool, E> m = 5; optional group G = 6 { optional bytes b = 1; } } enum E { X = 0; Y = 1; } service S { rpc M(A)
/// returns (A); }`.
const DESCRIBED: &[u8] = b"\n\xea\x01\n\x07a.proto\x22\xb9\x01\n\x01A\x12\x0c\n\x01n\x18\x01 \x01(\x11R\x01n\x12\x0c\n\x01s\x18\x02 \x01(\x09R\x01s\x12\x10\n\x01a\x18\x03 \x01(\x0b2\x02.AR\x01a\x12\x0c\n\x01r\x18\x04 \x03(\x02R\x01r\x12\x17\n\x01m\x18\x05 \x03(\x0b2\x09.A.MEntryR\x01m\x12\x12\n\x01g\x18\x06 \x01(\n2\x04.A.GR\x01g\x1a8\n\x06MEntry\x12\x10\n\x03key\x18\x01 \x01(\x08R\x03key\x12\x18\n\x05value\x18\x02 \x01(\x0e2\x02.ER\x05value:\x028\x01\x1a\x11\n\x01G\x12\x0c\n\x01b\x18\x01 \x01(\x0cR\x01b*\x11\n\x01E\x12\x05\n\x01X\x10\x00\x12\x05\n\x01Y\x10\x012\x10\n\x01S\x12\x0b\n\x01M\x12\x02.A\x1a\x02.A";

/// Protocol buffers: a description or none, and messages by it as far as they go.
pub fn protobuf(data: &[u8]) {
    let mut any = Descriptors::default();
    let is_set = any.add(data).is_ok();
    assert!(!is_set || !any.is_empty());
    let mut known = Descriptors::default();
    known.add(DESCRIBED).expect("a description");
    for kind in [
        "application/grpc",
        "application/protobuf",
        "application/x-protobuf; proto=A; encoding=delimited",
    ] {
        let headers = [("Content-Type", kind), ("Grpc-Encoding", "gzip")];
        let headers =
            headers.map(|(name, value)| Header { name: name.into(), value: value.into() });
        let of = Of { path: "/S/M", headers: &headers, is_response: false };
        for descriptors in [&known, &any] {
            let shown = descriptors.describe(of, data, false);
            let hidden = descriptors.describe(of, data, true);
            let counts =
                [shown, hidden].map(|all| all.map(|all| (all.values.len(), all.is_partial)));
            assert_eq!(counts[0], counts[1], "what is hidden is counted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that come again with the same seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, most: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 11).unwrap_or(0) % most
        }

        /// One of the seeds, with some bytes changed, doubled, moved or cut off.
        fn of(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
            let mut bytes = seeds[self.below(seeds.len())].to_vec();
            for _ in 0..self.below(8) {
                let at = self.below(bytes.len() + 1);
                match self.below(4) {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, [0, 0xff, b'\n', b'"', b'('][self.below(5)]),
                    2 => bytes.extend_from_slice(seeds[self.below(seeds.len())]),
                    _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                    _ => {}
                }
            }
            bytes
        }
    }

    fn tried(reader: fn(&[u8]), seeds: &[&[u8]]) {
        let mut random = Random(0x5EA1);
        for _ in 0..20_000 {
            reader(&random.of(seeds));
        }
    }

    #[test]
    fn any_bytes_are_an_http_message_or_none() {
        tried(
            http_message,
            &[
                b"POST /a?b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n0\r\nT: 1\r\n\r\nGET",
                b"GET http://a/ HTTP/1.0\nContent-Length: 3\n\nabcd",
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\nhello",
                b"HTTP/1.1 200\r\nTransfer-Encoding: gzip, chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
                b"HTTP/1.1 304 Not Modified\r\nContent-Length: 18446744073709551616\r\n\r\n",
            ],
        );
    }

    #[test]
    fn any_bytes_are_frames_or_none() {
        tried(
            websocket,
            &[
                b"\x00\x81\x05hello\x89\x00\x88\x02\x03\xe8",
                b"\x01\x81\x85\x01\x02\x03\x04iglhn\x01\x81a\x80\x81b",
                b"\x02\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
                b"\x04\xc2\x7e\x00\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
            ],
        );
    }

    #[test]
    fn any_bytes_are_statements_or_none() {
        tried(
            database,
            &[
                b"\x10\x00\x00\x00\x08\x00\x03\x00\x00Q\x00\x00\x00\x0dselect 1\x00T\x00\x00\x00\x06\x00\x00C\x00\x00\x00\x0dSELECT 1\x00Z\x00\x00\x00\x05I",
                b"\x11\x0a\x00\x00\x00\x0a8.0.1\x00\x01\x00\x00\x00\x09\x00\x00\x00\x03select 1\x07\x00\x00\x01\x00\x01\x00\x02\x00\x00\x00",
                b"\x0eP\x00\x00\x00\x10a\x00select $1\x00\x00\x00E\x00\x00\x00\x09\x00\x00\x00\x00\x00",
            ],
        );
    }

    #[test]
    fn any_text_is_a_har_or_none() {
        tried(
            har,
            &[
                br#"{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05.678Z","time":1,"request":{"method":"GET","url":"https://a/b","headers":[{"name":"a","value":"b"}]},"response":{"status":200,"content":{"text":"aGk=","encoding":"base64"}}}]}}"#,
                br#"{"log":{"entries":[{"request":{"url":"x"},"_webSocketMessages":[{"type":"send","opcode":1,"data":"x","time":1e308}]}]}}"#,
                b"[1e999, {}, null]",
            ],
        );
    }

    #[test]
    fn any_bytes_are_messages_or_none() {
        let message =
            b"\x08\x05\x12\x02hi\x1a\n%\x00\x00\x80?%\x00\x00\x00@*\x04\x08\x01\x10\x013\n\x01x4";
        let framed = [&[0, 0, 0, 0, message.len() as u8], &message[..]].concat();
        tried(
            protobuf,
            &[DESCRIBED, message, &framed, b"\x0b\x13\x14\x0c", b"\xff\xff\xff\xff\x7f"],
        );
    }

    #[test]
    fn any_text_is_a_filter_or_none() {
        tried(
            filter,
            &[
                br#"host:api.test (status>=400 or took>1s) -is:error "two words""#,
                b"header.Content-Type~/json$/ and not body:x | id:1-5 & size<10kb",
                "url:\u{e9}\u{4e2d}\u{6587} !((is:open))".as_bytes(),
            ],
        );
    }
}
