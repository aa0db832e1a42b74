//! The handshake of one leg, driven by hand: every byte of it is seen, and before a client is
//! answered, other code may take it over.

use std::io;
use std::time::Duration;

use sealwire::session::{Event, HelloAnswer, Question};
use sealwire::wire::{Driver, FAREWELL, FAREWELL_BYTES, Next};
use sealwire::{Error, Session, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::seen::Seen;
use super::wire::Wire;
use crate::flow::Leg;

/// How long a handshake may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Handshake {
    wire: Wire,
    driver: Driver,
    pub(crate) seen: Seen,
}

impl Handshake {
    pub(crate) fn new(mut wire: Wire, session: Session, leg: Leg) -> Self {
        let received = wire.take_ahead();
        let mut seen = Seen::new(leg);
        seen.read(&received);
        Self { wire, driver: Driver::with_received(session, received.to_vec()), seen }
    }

    /// Continues until the handshake is complete, or has a question.
    pub(crate) async fn next(&mut self) -> Result<Event, Error> {
        match tokio::time::timeout(PATIENCE, self.event()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::HandshakeTimedOut),
        }
    }

    /// Answers the question about a client's hello.
    pub(crate) fn answer(&mut self, answer: impl Into<HelloAnswer>) -> Result<(), Error> {
        match self.driver.question() {
            Some(Question::ClientHello(asked)) => asked.answer(answer),
            _ => Ok(()),
        }
    }

    pub(crate) fn driver(&mut self) -> &mut Driver {
        &mut self.driver
    }

    pub(crate) fn session(&self) -> &Session {
        self.driver.session()
    }

    /// Leaves the connection as it was before a byte of it was answered.
    pub(crate) fn leave(mut self) -> Wire {
        self.wire.put_back(self.driver.take_unconsumed());
        self.wire
    }

    /// The stream, when the handshake is complete.
    pub(crate) fn into_stream(self) -> Result<TlsStream<Wire>, Error> {
        TlsStream::from_driver(self.wire, self.driver)
    }

    /// Ends a connection whose other side was told why, when it has had the time to read it.
    pub(crate) async fn farewell(mut self) {
        let rest = async {
            self.send().await?;
            self.wire.shutdown().await?;
            let (mut left, mut room) = (FAREWELL_BYTES, vec![0; 8 * 1024]);
            loop {
                match self.wire.read(&mut room).await? {
                    0 => return io::Result::Ok(()),
                    count if count >= left => return Ok(()),
                    count => left -= count,
                }
            }
        };
        // However that ends, it is over.
        let _ = tokio::time::timeout(FAREWELL, rest).await;
    }

    async fn event(&mut self) -> Result<Event, Error> {
        loop {
            match self.driver.next() {
                Next::Event(Event::KeyLog(line)) => self.seen.secret(line),
                Next::Event(event @ (Event::HandshakeComplete | Event::Question)) => {
                    self.send().await?;
                    return Ok(event);
                }
                Next::Event(_) => {}
                Next::Transport => {
                    if let Err(error) = self.exchange().await {
                        return Err(self.last_word(error).await);
                    }
                }
                Next::Failed(error) => {
                    // The alert goes out before its reason is told; its loss changes nothing.
                    let _ = self.send().await;
                    return Err(error);
                }
            }
        }
    }

    async fn exchange(&mut self) -> Result<(), Error> {
        self.send().await?;
        self.fill().await
    }

    async fn fill(&mut self) -> Result<(), Error> {
        let mut bytes = Vec::with_capacity(8 * 1024);
        if self.wire.read_buf(&mut bytes).await? == 0 {
            return self.driver.receive_eof();
        }
        self.seen.read(&bytes);
        self.driver.push(&bytes);
        Ok(())
    }

    async fn send(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.driver.take_outgoing(&mut bytes);
        if bytes.is_empty() {
            return Ok(());
        }
        self.seen.wrote(&bytes);
        self.wire.write_all(&bytes).await
    }

    /// A write failed since the other side has closed the connection: why, it may have said before.
    async fn last_word(&mut self, error: Error) -> Error {
        if !matches!(error, Error::Io(_)) {
            return error;
        }
        while self.fill().await.is_ok() {
            if let Next::Failed(said) = self.driver.next() {
                return said;
            }
        }
        error
    }
}
