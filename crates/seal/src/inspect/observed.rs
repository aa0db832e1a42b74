//! A handshake of ours with a server, with every byte of it and when it went.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use sealwire::session::{CertificateRequest, Event};
use sealwire::trace::{Sender, Tracer};
use sealwire::wire::{Driver, Next, Received};
use sealwire::{ClientOptions, Error, KeyLogLine, SecureContext, Session};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::carriage::Carriage;

/// Bytes that went over the wire at one moment.
pub(crate) struct Chunk {
    /// Since the beginning.
    pub(crate) at: Duration,
    pub(crate) from: Sender,
    pub(crate) bytes: Vec<u8>,
}

/// A handshake, and a moment after it for what the server sends by itself.
pub(crate) struct Observed {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) secrets: Vec<KeyLogLine>,
    pub(crate) driver: Driver,
    carriage: Carriage,
    /// What the server asked for, when it asked for a certificate.
    pub(crate) request: Option<CertificateRequest>,
    /// When the handshake was complete on our side, or why it failed.
    pub(crate) outcome: Result<Duration, Error>,
    /// How the server refused us after it: in TLS 1.3 it judges our certificate then.
    pub(crate) refusal: Option<Error>,
}

/// How long a server may take to hand out session tickets after the handshake, and to end its side.
const TICKETS: Duration = Duration::from_millis(250);

/// Shakes hands; `start` is when everything began. The time for it is `patience`.
pub(crate) async fn handshake(
    tcp: &mut TcpStream,
    context: &SecureContext,
    options: &ClientOptions,
    start: Instant,
    patience: Duration,
) -> Result<Observed, Error> {
    handshake_by(Carriage::Whole, tcp, context, options, start, patience).await
}

/// The same, with our hello cut in pieces.
pub(crate) async fn handshake_by(
    carriage: Carriage,
    tcp: &mut TcpStream,
    context: &SecureContext,
    options: &ClientOptions,
    start: Instant,
    patience: Duration,
) -> Result<Observed, Error> {
    let session =
        Session::client(context, &options.clone().key_log(true).tell_certificate_request(true))?;
    let driver = Driver::new(session);
    let mut observed = Observed {
        chunks: Vec::new(),
        secrets: Vec::new(),
        driver,
        carriage,
        request: None,
        outcome: Ok(Duration::ZERO),
        refusal: None,
    };
    let outcome = tokio::time::timeout(patience, observed.shake(tcp, start)).await;
    observed.outcome = outcome.unwrap_or(Err(Error::HandshakeTimedOut)).map(|()| start.elapsed());
    if observed.outcome.is_ok() {
        // A server sends its tickets before it reads on, and ends its side when it reads that we have ended
        // ours: so there is no wait for such a server.
        observed.driver.close();
        let listened = async {
            observed.send(tcp, start).await?;
            observed.listen(tcp, start).await
        };
        let ended = tokio::time::timeout(TICKETS, listened).await;
        observed.refusal = ended.ok().and_then(Result::err).filter(|error| error.alert().is_some());
    }
    Ok(observed)
}

impl Observed {
    /// Tells what was observed.
    pub(crate) fn trace(&self) -> Tracer {
        let mut tracer = Tracer::new(SystemTime::now());
        for line in &self.secrets {
            tracer.secret(line.clone());
        }
        for chunk in &self.chunks {
            tracer.bytes(chunk.from, chunk.at, &chunk.bytes);
        }
        tracer
    }

    /// Exchanges bytes until the handshake is complete.
    async fn shake(&mut self, tcp: &mut TcpStream, start: Instant) -> Result<(), Error> {
        loop {
            match self.driver.next() {
                Next::Event(Event::KeyLog(line)) => self.secrets.push(line),
                Next::Event(Event::CertificateRequested(request)) => self.request = Some(request),
                Next::Event(Event::HandshakeComplete) => return Ok(self.send(tcp, start).await?),
                Next::Event(_) => {}
                Next::Transport => self.exchange(tcp, start).await?,
                Next::Failed(error) => {
                    // An alert of ours goes out before its reason is told.
                    let _ = self.send(tcp, start).await;
                    return Err(error);
                }
            }
        }
    }

    /// Reads until the end.
    async fn listen(&mut self, tcp: &mut TcpStream, start: Instant) -> Result<(), Error> {
        let mut data = Vec::new();
        while self.driver.read(&mut data)? != Received::End {
            self.exchange(tcp, start).await?;
        }
        Ok(())
    }

    /// Sends what there is to send, and reads more.
    async fn exchange(&mut self, tcp: &mut TcpStream, start: Instant) -> Result<(), Error> {
        self.send(tcp, start).await?;
        let mut bytes = vec![0; 16 * 1024];
        let read = tcp.read(&mut bytes).await?;
        if read == 0 {
            return self.driver.receive_eof();
        }
        bytes.truncate(read);
        self.driver.push(&bytes);
        self.chunks.push(Chunk { at: start.elapsed(), from: Sender::Server, bytes });
        Ok(())
    }

    async fn send(&mut self, tcp: &mut TcpStream, start: Instant) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.driver.take_outgoing(&mut bytes);
        if bytes.is_empty() {
            return Ok(());
        }
        let (bytes, sent) = self.carriage.send(tcp, bytes).await;
        self.chunks.push(Chunk { at: start.elapsed(), from: Sender::Client, bytes });
        sent
    }
}
