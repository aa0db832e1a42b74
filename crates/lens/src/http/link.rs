//! A connection in its two halves, with what was read of it and not taken.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::intercept::Stream;

/// How much is read at once.
const ROOM: usize = 32 * 1024;

pub(crate) struct Link {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
}

pub(crate) struct Reader {
    io: ReadHalf<Stream>,
    pub(crate) buffer: BytesMut,
}

pub(crate) struct Writer(WriteHalf<Stream>);

impl Link {
    pub(crate) fn new(stream: Stream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let reader = Reader { io: reader, buffer: BytesMut::new() };
        Self { reader, writer: Writer(writer) }
    }

    /// The connection in one again, with what was read of it before what comes.
    pub(crate) fn into_stream(self) -> Stream {
        let Reader { io, buffer } = self.reader;
        let mut stream = io.unsplit(self.writer.0);
        stream.put_back(buffer.freeze());
        stream
    }
}

impl Reader {
    /// Reads more. 0: there is no more.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(ROOM);
        self.io.read_buf(&mut self.buffer).await
    }

    /// Reads more, until there is another end of a line in it or more than a head has: without one
    /// there is nothing new to find in a head. 0: there is no more.
    pub(crate) async fn fill_line(&mut self) -> io::Result<usize> {
        let mut count = 0;
        loop {
            let before = self.buffer.len();
            match self.fill().await? {
                0 => return Ok(0),
                more => count += more,
            }
            if self.buffer[before..].contains(&b'\n') || self.buffer.len() > super::head::LONGEST {
                return Ok(count);
            }
        }
    }

    /// Whether the other side has ended, as far as is known without waiting.
    pub(crate) async fn has_ended(&mut self) -> bool {
        tokio::select! {
            biased;
            filled = self.fill() => !matches!(filled, Ok(1..)),
            () = std::future::ready(()) => false,
        }
    }
}

impl Writer {
    /// Writes one piece behind the other, in as few writes as can be.
    pub(crate) async fn write(&mut self, first: Bytes, second: Bytes) -> io::Result<()> {
        self.0.write_all_buf(&mut first.chain(second)).await
    }

    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.0.flush().await
    }

    /// Says that no more comes.
    pub(crate) async fn end(&mut self) -> io::Result<()> {
        self.0.shutdown().await
    }
}
