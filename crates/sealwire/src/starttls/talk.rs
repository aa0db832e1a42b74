//! A conversation in plaintext: what is said, what is heard, and how much of it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Error, Protocol};

/// The longest conversation: greetings with a banner are a few kilobytes.
const MOST: usize = 64 * 1024;

/// One side of a conversation before TLS.
pub(super) struct Talk<'a, IO> {
    io: &'a mut IO,
    protocol: Protocol,
    /// Heard and not taken yet.
    ahead: Vec<u8>,
    heard: usize,
}

impl<'a, IO: AsyncRead + AsyncWrite + Unpin> Talk<'a, IO> {
    pub(super) fn new(io: &'a mut IO, protocol: Protocol) -> Self {
        Self::after(io, protocol, Vec::new())
    }

    /// A conversation of which this much was heard already.
    pub(super) fn after(io: &'a mut IO, protocol: Protocol, ahead: Vec<u8>) -> Self {
        Self { io, protocol, heard: ahead.len(), ahead }
    }

    pub(super) async fn say(&mut self, words: impl AsRef<[u8]>) -> Result<(), Error> {
        let said = async {
            self.io.write_all(words.as_ref()).await?;
            self.io.flush().await
        };
        said.await.map_err(|e| self.failed(e))
    }

    /// The next line, without its end.
    pub(super) async fn line(&mut self) -> Result<String, Error> {
        loop {
            if let Some(end) = self.ahead.iter().position(|&byte| byte == b'\n') {
                let line = self.take(end + 1);
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.hear().await?;
        }
    }

    /// A client's next line. `None` when it starts with TLS.
    pub(super) async fn command(&mut self) -> Result<String, Error> {
        if self.ahead.is_empty() {
            self.hear().await?;
        }
        match self.ahead.first() {
            Some(0x16) => Err(self.unlike(&[])),
            _ => self.line().await,
        }
    }

    /// Everything up to and with the first of these words, and which one it was.
    pub(super) async fn until(&mut self, words: &[&str]) -> Result<(String, usize), Error> {
        loop {
            let text = String::from_utf8_lossy(&self.ahead);
            let found = words
                .iter()
                .enumerate()
                .filter_map(|(i, word)| text.find(word).map(|at| (at + word.len(), i)));
            if let Some((end, which)) = found.min() {
                // XML of these servers is ASCII up to here; anything else would only cut later.
                let taken = self.take(end.min(self.ahead.len()));
                return Ok((String::from_utf8_lossy(&taken).into_owned(), which));
            }
            self.hear().await?;
        }
    }

    /// The next `count` bytes.
    pub(super) async fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        if count > MOST {
            return Err(Error::TooMuch(self.protocol));
        }
        while self.ahead.len() < count {
            self.hear().await?;
        }
        Ok(self.take(count))
    }

    /// What was heard and not taken: what a server of another protocol said.
    pub(super) fn unlike(&self, already: &[u8]) -> Error {
        let all = [already, &self.ahead].concat();
        let shown: Vec<u8> = all.into_iter().take(60).collect();
        let text = String::from_utf8_lossy(&shown);
        Error::Unlike(self.protocol, text.lines().next().unwrap_or_default().to_owned())
    }

    pub(super) fn unlike_line(&self, line: &str) -> Error {
        Error::Unlike(self.protocol, line.chars().take(60).collect())
    }

    pub(super) fn no_tls(&self, said: impl AsRef<str>) -> Error {
        Error::NoTls(self.protocol, said.as_ref().chars().take(100).collect())
    }

    pub(super) fn turned_away(&self, said: impl AsRef<str>) -> Error {
        Error::TurnedAway(self.protocol, said.as_ref().chars().take(100).collect())
    }

    /// The other side went away, or said that it would.
    pub(super) fn left(&self) -> Error {
        Error::Closed(self.protocol)
    }

    /// What was taken and what is ahead of it: no talk after all.
    pub(super) fn with_rest(self, mut taken: Vec<u8>) -> Vec<u8> {
        taken.extend(self.ahead);
        taken
    }

    /// The server has agreed: nothing may be ahead.
    pub(super) fn end(self) -> Result<(), Error> {
        self.nothing_ahead()
    }

    /// TLS is next: nothing may be ahead.
    pub(super) fn nothing_ahead(&self) -> Result<(), Error> {
        match self.ahead.len() {
            0 => Ok(()),
            count => Err(Error::Injected(self.protocol, count)),
        }
    }

    async fn hear(&mut self) -> Result<(), Error> {
        if self.heard >= MOST {
            return Err(Error::TooMuch(self.protocol));
        }
        let mut buffer = [0; 4096];
        let heard = self.io.read(&mut buffer).await.map_err(|e| self.failed(e))?;
        if heard == 0 {
            return Err(Error::Closed(self.protocol));
        }
        self.heard += heard;
        self.ahead.extend_from_slice(&buffer[..heard]);
        Ok(())
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.ahead.split_off(count);
        std::mem::replace(&mut self.ahead, rest)
    }

    fn failed(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                Error::Closed(self.protocol)
            }
            _ => Error::Io(error),
        }
    }
}
