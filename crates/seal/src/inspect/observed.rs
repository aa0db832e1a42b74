//! A handshake of ours with a server, with every byte of it and when it went.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use sealwire::session::Event;
use sealwire::story::{From, Storyteller};
use sealwire::{ClientOptions, Error, KeyLogLine, SecureContext, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes that went over the wire at one moment.
pub(crate) struct Chunk {
    /// Since the beginning.
    pub(crate) at: Duration,
    pub(crate) from: From,
    pub(crate) bytes: Vec<u8>,
}

/// A handshake, and a moment after it for what the server sends by itself.
pub(crate) struct Observed {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) secrets: Vec<KeyLogLine>,
    pub(crate) session: Session,
    /// When the handshake was complete on our side, or why it was not.
    pub(crate) outcome: Result<Duration, Error>,
}

/// How long a server may take to hand out session tickets after the handshake.
const TICKETS: Duration = Duration::from_millis(250);

/// Shakes hands; `start` is when everything began. The time for it is `patience`.
pub(crate) async fn handshake(
    tcp: &mut TcpStream,
    context: &SecureContext,
    options: &ClientOptions,
    start: Instant,
    patience: Duration,
) -> Result<Observed, Error> {
    let session = Session::client(context, &options.clone().key_log(true))?;
    let mut observed =
        Observed { chunks: Vec::new(), secrets: Vec::new(), session, outcome: Ok(Duration::ZERO) };
    let mut incoming = Vec::new();
    let shaken = observed.exchange(tcp, &mut incoming, start, true);
    let shaken = tokio::time::timeout(patience, shaken).await;
    observed.outcome = shaken.unwrap_or(Err(Error::HandshakeTimedOut)).map(|()| start.elapsed());
    if observed.outcome.is_ok() {
        let after = observed.exchange(tcp, &mut incoming, start, false);
        // Whatever comes now has been seen, and how it ends does not matter.
        let _ = tokio::time::timeout(TICKETS, after).await;
        observed.session.send_close_notify();
        let _ = observed.send(tcp, start).await;
    }
    Ok(observed)
}

impl Observed {
    /// Tells what was observed.
    pub(crate) fn story(&self) -> Storyteller {
        let mut teller = Storyteller::new(SystemTime::now());
        for line in &self.secrets {
            teller.secret(line.clone());
        }
        for chunk in &self.chunks {
            teller.bytes(chunk.from, chunk.at, &chunk.bytes);
        }
        teller
    }

    /// Exchanges bytes until the handshake is complete, or until the end.
    async fn exchange(
        &mut self,
        tcp: &mut TcpStream,
        incoming: &mut Vec<u8>,
        start: Instant,
        until_complete: bool,
    ) -> Result<(), Error> {
        let mut data = Vec::new();
        loop {
            let received = self.session.receive(incoming, &mut data);
            if let Ok(consumed) = received {
                incoming.drain(..consumed);
            }
            let mut complete = false;
            while let Some(event) = self.session.poll_event() {
                match event {
                    Event::KeyLog(line) => self.secrets.push(line),
                    Event::HandshakeComplete => complete = true,
                    _ => {}
                }
            }
            // An alert of ours goes out before its reason is told.
            let sent = self.send(tcp, start).await;
            received?;
            sent?;
            if complete && until_complete {
                return Ok(());
            }
            let mut buffer = vec![0; 16 * 1024];
            let read = tcp.read(&mut buffer).await?;
            if read == 0 {
                return self.session.receive_eof();
            }
            buffer.truncate(read);
            incoming.extend_from_slice(&buffer);
            self.chunks.push(Chunk { at: start.elapsed(), from: From::Server, bytes: buffer });
        }
    }

    async fn send(&mut self, tcp: &mut TcpStream, start: Instant) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.session.take_output(&mut bytes);
        if bytes.is_empty() {
            return Ok(());
        }
        let sent = tcp.write_all(&bytes).await;
        self.chunks.push(Chunk { at: start.elapsed(), from: From::Client, bytes });
        sent
    }
}
