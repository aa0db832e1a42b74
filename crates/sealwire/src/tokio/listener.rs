//! A TCP listener whose handshakes never wait for each other.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Acceptor, TlsStream};
use crate::error::Error;

/// Accepts TCP connections and returns those whose handshake is complete.
///
/// Each handshake is a task of its own, with the acceptor's timeout and a limit on how many are
/// under way, so that a silent or slow client delays no other, nor do so many of them that the
/// limit is reached. They make progress only while a caller waits in [`accept`](Self::accept);
/// dropping the listener ends them.
///
/// ```no_run
/// # async fn example(context: sealwire::SecureContext) -> std::io::Result<()> {
/// use sealwire::{Acceptor, Listener};
/// let mut listener = Listener::bind("127.0.0.1:1234", Acceptor::new(context)).await?;
/// loop {
///     let (mut tls, _) = listener.accept().await?;
///     tokio::spawn(async move {
///         let (mut reader, mut writer) = tokio::io::split(tls);
///         tokio::io::copy(&mut reader, &mut writer).await
///     });
/// }
/// # }
/// ```
pub struct Listener {
    tcp: TcpListener,
    acceptor: Acceptor,
    limit: usize,
    handshakes: JoinSet<Option<Handshaken>>,
    /// The same, oldest first, some of them finished.
    begun: VecDeque<Begun>,
    prepare: Option<Arc<PrepareFn>>,
    on_error: Arc<ErrorFn>,
}

struct Begun {
    at: Instant,
    address: SocketAddr,
    task: AbortHandle,
}

type ErrorFn = dyn Fn(SocketAddr, &Error) + Send + Sync;
type Handshaken = (SocketAddr, Result<TlsStream<TcpStream>, Error>);
type Client = (TcpStream, SocketAddr);
type PrepareFuture = Pin<Box<dyn Future<Output = io::Result<Option<Client>>> + Send>>;
type PrepareFn = dyn Fn(TcpStream, SocketAddr) -> PrepareFuture + Send + Sync;

/// How many handshakes may be under way unless said otherwise.
const DEFAULT_LIMIT: usize = 4096;

/// How long a handshake may take when others wait for its place. Most take a few round trips.
const PATIENCE_AT_THE_LIMIT: Duration = Duration::from_secs(3);

impl Listener {
    /// Listens on `address`.
    ///
    /// # Errors
    /// Those of binding: the port is in use, or not ours to take.
    pub async fn bind(address: impl ToSocketAddrs, acceptor: Acceptor) -> io::Result<Self> {
        Ok(Self::new(TcpListener::bind(address).await?, acceptor))
    }

    /// Takes a listener that exists.
    pub fn new(tcp: TcpListener, acceptor: Acceptor) -> Self {
        Self {
            tcp,
            acceptor,
            limit: DEFAULT_LIMIT,
            handshakes: JoinSet::new(),
            begun: VecDeque::new(),
            prepare: None,
            on_error: Arc::new(log),
        }
    }

    /// How many handshakes may be under way at once; 4096 by default. Further clients wait in the
    /// system's queue; when the oldest handshake has taken more than three seconds, it is given up
    /// for them ([`Error::HandshakeTimedOut`]), so that a flood of silent clients excludes no
    /// client.
    #[must_use]
    pub fn handshake_limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Runs before a client's handshake, in the same task: a PROXY header is read
    /// (and the address that it names returned), STARTTLS negotiated, plain HTTP redirected. `None`
    /// means that this client is served already. It has the handshake's timeout for itself.
    #[must_use]
    pub fn before_handshake<F, Fut>(mut self, prepare: F) -> Self
    where
        F: Fn(TcpStream, SocketAddr) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Option<(TcpStream, SocketAddr)>>> + Send + 'static,
    {
        self.prepare = Some(Arc::new(move |tcp, address| Box::pin(prepare(tcp, address))));
        self
    }

    /// Sets the callback for each client whose handshake failed, with the reason. Unless this is set, such clients are
    /// logged as warnings of [`tracing`], with `address`, `code` and `error`.
    #[must_use]
    pub fn on_handshake_error(
        mut self,
        told: impl Fn(SocketAddr, &Error) + Send + Sync + 'static,
    ) -> Self {
        self.on_error = Arc::new(told);
        self
    }

    /// The next client whose handshake is complete. Cancel safe.
    ///
    /// # Errors
    /// When the listening socket itself fails; a client that fails is not an error here.
    pub async fn accept(&mut self) -> io::Result<(TlsStream<TcpStream>, SocketAddr)> {
        loop {
            let waits_until = self.full_until();
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    // A handshake that was aborted or panicked concerns its own client only.
                    if let Ok(Some((address, outcome))) = done {
                        match outcome {
                            Ok(stream) => return Ok((stream, address)),
                            Err(error) => (self.on_error)(address, &error),
                        }
                    }
                }
                accepted = self.tcp.accept(), if waits_until.is_none() => {
                    match accepted {
                        Ok((tcp, address)) => self.begin(tcp, address),
                        Err(error) => wait_out(error).await?,
                    }
                }
                // The oldest has to make room from then on, if another client comes.
                () = sleep_until(waits_until.unwrap_or_else(Instant::now)),
                    if waits_until.is_some() => {}
            }
        }
    }

    /// The address that is listened on.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    fn begin(&mut self, tcp: TcpStream, address: SocketAddr) {
        if self.handshakes.len() >= self.limit
            && let Some(oldest) = self.begun.pop_front()
            && !oldest.task.is_finished()
        {
            oldest.task.abort();
            (self.on_error)(oldest.address, &Error::HandshakeTimedOut);
        }
        let acceptor = self.acceptor.clone();
        // Records are written whole; waiting for more to send only adds delay.
        let _ = tcp.set_nodelay(true);
        let prepare = self.prepare.clone();
        let task = self.handshakes.spawn(async move {
            let (tcp, address) = match prepare {
                None => (tcp, address),
                Some(prepare) => match prepared(&acceptor, prepare(tcp, address)).await {
                    Ok(client) => client?,
                    Err(error) => return Some((address, Err(error))),
                },
            };
            Some((address, acceptor.accept(tcp).await))
        });
        self.begun.push_back(Begun { at: Instant::now(), address, task });
    }

    /// Until when no client is taken; `None`: there is room, or the oldest can make some.
    fn full_until(&mut self) -> Option<Instant> {
        while self.begun.front().is_some_and(|begun| begun.task.is_finished()) {
            self.begun.pop_front();
        }
        // Those that are done behind one that is slow.
        if self.begun.len() > 2 * self.limit {
            self.begun.retain(|begun| !begun.task.is_finished());
        }
        if self.handshakes.len() < self.limit {
            return None;
        }
        let until = self.begun.front()?.at + PATIENCE_AT_THE_LIMIT;
        (until > Instant::now()).then_some(until)
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("tcp", &self.tcp)
            .field("handshakes", &self.handshakes.len())
            .finish_non_exhaustive()
    }
}

async fn prepared(acceptor: &Acceptor, preparing: PrepareFuture) -> Result<Option<Client>, Error> {
    match tokio::time::timeout(acceptor.timeout(), preparing).await {
        Ok(outcome) => outcome.map_err(Error::from),
        Err(_) => Err(Error::HandshakeTimedOut),
    }
}

/// Logs a failed handshake when no callback is set.
fn log(address: SocketAddr, error: &Error) {
    tracing::warn!(%address, code = error.code(), %error, "a client's handshake failed");
}

/// Errors of `accept` that pass: a client that left early, or no descriptor to be had just now.
async fn wait_out(error: io::Error) -> io::Result<()> {
    const NO_FILE_DESCRIPTORS: [i32; 2] = [23, 24]; // ENFILE, EMFILE
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted => Ok(()),
        _ if error.raw_os_error().is_some_and(|code| NO_FILE_DESCRIPTORS.contains(&code)) => {
            sleep(Duration::from_millis(50)).await;
            Ok(())
        }
        _ => Err(error),
    }
}
