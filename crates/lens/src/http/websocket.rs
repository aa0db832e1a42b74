//! WebSockets (RFC 6455) with permessage-deflate (RFC 7692): the bytes pass untouched, and the messages
//! in them are told.

use std::io;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};

use super::head;
use super::link::{Link, Reader, Writer};
use crate::flow::{Direction, Frame, FrameKind, Header, Outcome, What};
use crate::intercept::FlowRecorder;

/// How much of a message is kept to be told.
const KEPT: usize = 256 * 1024;
/// The limit on one inflated message, against compression bombs.
const MOST_INFLATED: u64 = 64 * 1024 * 1024;

/// What the two sides agreed on about compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deflate {
    Off,
    /// Whether each side resets its context with each message: the client's, the server's.
    On {
        anew: [bool; 2],
    },
    /// An extension that is not known here.
    Unknown,
}

impl Deflate {
    /// What an answer says.
    pub(crate) fn of(headers: &[Header]) -> Self {
        let mut found = Self::Off;
        for value in head::values(headers, "sec-websocket-extensions") {
            for extension in value.split(|byte| *byte == b',') {
                let mut parts = extension.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                if !parts.next().unwrap_or_default().eq_ignore_ascii_case(b"permessage-deflate") {
                    return Self::Unknown;
                }
                let mut anew = [false; 2];
                for part in parts {
                    anew[0] |= part.eq_ignore_ascii_case(b"client_no_context_takeover");
                    anew[1] |= part.eq_ignore_ascii_case(b"server_no_context_takeover");
                }
                found = Self::On { anew };
            }
        }
        found
    }
}

/// Passes the frames of both sides on until the end.
pub(crate) async fn relay(
    flow: FlowRecorder,
    client: Link,
    origin: Link,
    deflate: Deflate,
) -> io::Result<()> {
    let (mut client, mut origin) = (client, origin);
    let passed = tokio::try_join!(
        pass(&mut client.reader, &mut origin.writer, &flow, Direction::Request, deflate),
        pass(&mut origin.reader, &mut client.writer, &flow, Direction::Response, deflate),
    );
    match passed {
        Ok(_) => flow.end(Outcome::Complete),
        Err((Direction::Request, error)) => flow.end(Outcome::ClientFailed(error.to_string())),
        Err((Direction::Response, error)) => flow.end(Outcome::OriginFailed(error.to_string())),
    }
    Ok(())
}

async fn pass(
    from: &mut Reader,
    to: &mut Writer,
    flow: &FlowRecorder,
    direction: Direction,
    deflate: Deflate,
) -> Result<(), (Direction, io::Error)> {
    let other = match direction {
        Direction::Request => Direction::Response,
        Direction::Response => Direction::Request,
    };
    let mut listener = Listener::new(direction, deflate);
    loop {
        if !from.buffer.is_empty() {
            let piece = from.buffer.split().freeze();
            listener.hear(&piece, flow);
            to.write(piece, Bytes::new()).await.map_err(|e| (other, e))?;
            to.flush().await.map_err(|e| (other, e))?;
        }
        if from.fill().await.map_err(|e| (direction, e))? == 0 {
            return to.end().await.map_err(|e| (other, e));
        }
    }
}

/// Hears the bytes of one side, and tells its messages.
pub(crate) struct Listener {
    direction: Direction,
    messages: Messages,
    deaf: bool,
}

impl Listener {
    pub(crate) fn new(direction: Direction, deflate: Deflate) -> Self {
        Self { direction, messages: Messages::new(direction, deflate), deaf: false }
    }

    pub(crate) fn hear(&mut self, bytes: &[u8], flow: &FlowRecorder) {
        let direction = self.direction;
        flow.passed(direction, bytes.len() as u64);
        if self.deaf {
            return;
        }
        let read = self.messages.read(bytes, &mut |message| {
            let Message { kind, data, length, .. } = message;
            let frame = Frame { flow: flow.id(), direction, kind, data: data.into(), length };
            flow.record(What::Frame(frame));
        });
        if let Err(why) = read {
            self.deaf = true;
            let whose = match direction {
                Direction::Request => "the client's",
                Direction::Response => "the server's",
            };
            flow.note(format!(
                "{whose} messages are forwarded without parsing from here on: {why}"
            ));
        }
    }
}

/// Reads messages out of the frames of one side.
#[derive(Debug)]
pub(crate) struct Messages {
    header: Vec<u8>,
    /// The frame whose payload comes now.
    frame: Option<Payload>,
    /// The message whose frames come now.
    message: Option<Message>,
    inflating: Option<Inflating>,
    unknown: bool,
}

#[derive(Debug)]
struct Payload {
    left: u64,
    mask: Option<[u8; 4]>,
    at: usize,
    fin: bool,
    /// Ping, pong and close come between the frames of messages.
    control: Option<Message>,
}

/// A message as far as it has come.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: FrameKind,
    pub(crate) data: Vec<u8>,
    pub(crate) length: u64,
    compressed: bool,
}

#[derive(Debug)]
struct Inflating {
    inflate: Decompress,
    anew: bool,
}

impl Messages {
    pub(crate) fn new(direction: Direction, deflate: Deflate) -> Self {
        let inflating = match deflate {
            Deflate::On { anew } => {
                Some(Inflating { inflate: Decompress::new(false), anew: anew[direction as usize] })
            }
            _ => None,
        };
        let unknown = deflate == Deflate::Unknown;
        Self { header: Vec::new(), frame: None, message: None, inflating, unknown }
    }

    /// Reads what came, and gives each message that is whole.
    ///
    /// # Errors
    /// What is wrong; nothing can be read after it.
    pub(crate) fn read(
        &mut self,
        mut bytes: &[u8],
        whole: &mut impl FnMut(Message),
    ) -> Result<(), String> {
        if self.unknown {
            return Err("they negotiated an unknown extension".to_owned());
        }
        loop {
            let Some(frame) = &mut self.frame else {
                let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
                self.header.push(byte);
                bytes = rest;
                self.begin_frame()?;
                // A frame without payload is whole at once.
                if self.frame.as_ref().is_some_and(|frame| frame.left == 0) {
                    self.end_frame(whole)?;
                }
                continue;
            };
            if bytes.is_empty() {
                return Ok(());
            }
            let count = usize::try_from(frame.left).map_or(bytes.len(), |n| n.min(bytes.len()));
            let (piece, rest) = bytes.split_at(count);
            bytes = rest;
            self.payload(piece)?;
            if self.frame.as_ref().is_some_and(|frame| frame.left == 0) {
                self.end_frame(whole)?;
            }
        }
    }

    /// Reads the header, if all of it is there.
    fn begin_frame(&mut self) -> Result<(), String> {
        let &[first, second, ref rest @ ..] = &self.header[..] else { return Ok(()) };
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = second & 0x80 != 0;
        if rest.len() < extended + if masked { 4 } else { 0 } {
            return Ok(());
        }
        let length = match extended {
            0 => u64::from(second & 0x7f),
            count => rest[..count].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        let mask = masked.then(|| [0, 1, 2, 3].map(|i| rest[extended + i]));
        if length >> 63 != 0 {
            return Err("a frame is longer than allowed".to_owned());
        }
        let (fin, compressed) = (first & 0x80 != 0, first & 0x40 != 0);
        if first & 0x30 != 0 || compressed && self.inflating.is_none() {
            return Err("a frame has reserved bits that were not negotiated".to_owned());
        }
        let new = |kind| Message { kind, data: Vec::new(), length: 0, compressed };
        let control = match first & 0x0f {
            0 if self.message.is_none() => {
                return Err("a continuation frame without a message".to_owned());
            }
            0 => None,
            1 | 2 if self.message.is_some() => {
                return Err("a message starts inside another one".to_owned());
            }
            1 => {
                self.message = Some(new(FrameKind::Text));
                None
            }
            2 => {
                self.message = Some(new(FrameKind::Binary));
                None
            }
            control @ 8..=10 => {
                if length > 125 || !fin {
                    return Err("a control frame is too long".to_owned());
                }
                Some(new(
                    [FrameKind::Close, FrameKind::Ping, FrameKind::Pong][usize::from(control - 8)]
                ))
            }
            other => return Err(format!("a frame has the unknown opcode {other}")),
        };
        self.header.clear();
        self.frame = Some(Payload { left: length, mask, at: 0, fin, control });
        Ok(())
    }

    fn payload(&mut self, piece: &[u8]) -> Result<(), String> {
        let Some(frame) = &mut self.frame else { return Ok(()) };
        frame.left -= piece.len() as u64;
        let mut unmasked = Vec::new();
        let plain = match frame.mask {
            None => piece,
            Some(mask) => {
                let at = frame.at;
                unmasked
                    .extend(piece.iter().enumerate().map(|(i, byte)| byte ^ mask[(at + i) % 4]));
                frame.at = (at + piece.len()) % 4;
                &unmasked
            }
        };
        match (&mut frame.control, &mut self.message, &mut self.inflating) {
            (Some(control), ..) => control.add(plain),
            (None, Some(message), Some(inflating)) if message.compressed => {
                inflating.inflate(plain, message)?;
            }
            (None, Some(message), _) => message.add(plain),
            (None, None, _) => {}
        }
        Ok(())
    }

    fn end_frame(&mut self, whole: &mut impl FnMut(Message)) -> Result<(), String> {
        let Some(frame) = self.frame.take() else { return Ok(()) };
        if let Some(control) = frame.control {
            whole(control);
        } else if frame.fin
            && let Some(mut message) = self.message.take()
        {
            if let (true, Some(inflating)) = (message.compressed, &mut self.inflating) {
                // RFC 7692, 7.2.2.
                inflating.inflate(&[0, 0, 0xff, 0xff], &mut message)?;
                if inflating.anew {
                    inflating.inflate.reset(false);
                }
            }
            whole(message);
        }
        Ok(())
    }
}

impl Message {
    fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let room = KEPT.saturating_sub(self.data.len());
        self.data.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl Inflating {
    fn inflate(&mut self, mut input: &[u8], message: &mut Message) -> Result<(), String> {
        let mut room = [0; 8 * 1024];
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(input, &mut room, FlushDecompress::Sync)
                .map_err(|_| "a message cannot be inflated".to_owned())?;
            let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(0);
            let taken = count(self.inflate.total_in(), before_in);
            let given = count(self.inflate.total_out(), before_out);
            message.add(&room[..given]);
            if message.length > MOST_INFLATED {
                return Err("a message inflates to more than 64 MiB".to_owned());
            }
            input = &input[taken..];
            match status {
                // A final block ends a stream, and what follows begins another (RFC 7692, 7.2.3.4), in the same
                // message, too.
                Status::StreamEnd => {
                    self.inflate.reset(false);
                    if input.is_empty() {
                        return Ok(());
                    }
                }
                _ if taken == 0 && given == 0 => return Ok(()),
                _ if input.is_empty() && given < room.len() => return Ok(()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
        let bit = if mask.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![first];
        match payload.len() {
            short @ 0..=125 => bytes.push(bit | short as u8),
            medium @ 126..=0xffff => {
                bytes.push(bit | 126);
                bytes.extend((medium as u16).to_be_bytes());
            }
            long => {
                bytes.push(bit | 127);
                bytes.extend((long as u64).to_be_bytes());
            }
        }
        bytes.extend(mask.unwrap_or_default().iter().take(if mask.is_some() { 4 } else { 0 }));
        let mask = mask.unwrap_or_default();
        bytes.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
        bytes
    }

    fn read(
        wire: &[u8],
        deflate: Deflate,
        step: usize,
    ) -> Result<Vec<(FrameKind, Vec<u8>, u64)>, String> {
        let mut messages = Messages::new(Direction::Request, deflate);
        let mut found = Vec::new();
        for piece in wire.chunks(step) {
            messages.read(piece, &mut |m| found.push((m.kind, m.data, m.length)))?;
        }
        Ok(found)
    }

    #[test]
    fn messages_are_put_together() {
        let mask = Some([1, 2, 3, 4]);
        let wire = [
            frame(0x01, b"he", mask),
            frame(0x89, b"ping", mask),
            frame(0x80, b"llo", mask),
            frame(0x82, &[7; 70_000], None),
            frame(0x81, b"", None),
            frame(0x88, &[3, 0xe8], mask),
        ]
        .concat();
        for step in [1, 5, 1_000_000] {
            let found = read(&wire, Deflate::Off, step).unwrap();
            let kinds: Vec<_> = found.iter().map(|(kind, _, length)| (*kind, *length)).collect();
            assert_eq!(
                kinds,
                [
                    (FrameKind::Ping, 4),
                    (FrameKind::Text, 5),
                    (FrameKind::Binary, 70_000),
                    (FrameKind::Text, 0),
                    (FrameKind::Close, 2)
                ]
            );
            assert_eq!(found[1].1, b"hello");
        }
    }

    #[test]
    fn messages_are_inflated_over_their_common_window() {
        let mut compress = Compress::new(Compression::best(), false);
        let mut wire = Vec::new();
        for _ in 0..3 {
            let mut out = Vec::with_capacity(1000);
            compress.compress_vec(b"the same words again", &mut out, FlushCompress::Sync).unwrap();
            out.truncate(out.len() - 4);
            wire.extend(frame(0xc1, &out, Some([9; 4])));
        }
        for step in [1, 1000] {
            let found = read(&wire, Deflate::On { anew: [false; 2] }, step).unwrap();
            assert!(found.iter().all(|(_, data, _)| data == b"the same words again"), "{found:?}");
            assert_eq!(found.len(), 3);
        }
    }

    #[test]
    fn what_follows_a_final_block_is_inflated_however_it_comes() {
        let mut out = Vec::new();
        for part in [b"one, ", b"two, ", b"three"] {
            let mut compress = Compress::new(Compression::best(), false);
            let mut stream = Vec::with_capacity(100);
            compress.compress_vec(part, &mut stream, FlushCompress::Finish).unwrap();
            out.extend(stream);
        }
        let wire = [frame(0x41, &out[..9], None), frame(0x80, &out[9..], None)].concat();
        for step in [1, 3, 1000] {
            let found = read(&wire, Deflate::On { anew: [false; 2] }, step).unwrap();
            assert_eq!(found, [(FrameKind::Text, b"one, two, three".to_vec(), 15)], "{step}");
        }
    }

    #[test]
    fn a_bomb_is_bounded() {
        let mut compress = Compress::new(Compression::best(), false);
        let mut out = Vec::with_capacity(1024 * 1024);
        let zeros = vec![0; 1024 * 1024];
        for _ in 0..80 {
            compress.compress_vec(&zeros, &mut out, FlushCompress::None).unwrap();
            out.reserve(64 * 1024);
        }
        compress.compress_vec(&[], &mut out, FlushCompress::Sync).unwrap();
        let error = read(&frame(0xc2, &out, None), Deflate::On { anew: [true; 2] }, 4096);
        assert_eq!(error.unwrap_err(), "a message inflates to more than 64 MiB");
    }

    #[test]
    fn what_is_wrong_is_told() {
        for wire in [
            frame(0x80, b"x", None),
            [frame(0x01, b"x", None), frame(0x01, b"x", None)].concat(),
            frame(0x83, b"x", None),
            frame(0xc1, b"x", None),
            frame(0x89, &[0; 126], None),
            vec![0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert!(read(&wire, Deflate::Off, 3).is_err(), "{wire:?}");
        }
    }
}
