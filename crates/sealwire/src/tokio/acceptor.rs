//! The server's side.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::TlsStream;
use super::deadline::Deadlines;
use super::store::{self, AnyStore, SessionStore};
use crate::context::SecureContext;
use crate::error::Error;
use crate::key_log::KeyLogFile;
use crate::live::{Current, Live};
use crate::session::{
    ClientHello, Event, HelloAnswer, HelloReply, Peer, PeerAnswer, Question, ServerOptions, Session,
};
use crate::words::{ClientAuth, Psk, Storing};

/// How long a handshake may take unless said otherwise.
pub(super) const DEFAULT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Accepts TLS clients. Cheap to clone; clones share the context that
/// [`set_context`](Self::set_context) swaps.
#[derive(Clone)]
pub struct Acceptor {
    context: Current,
    live: Option<Live>,
    options: ServerOptions,
    on_client_hello: Option<Arc<HelloFn>>,
    on_peer: Option<Arc<PeerFn>>,
    on_psk: Option<Arc<PskFn>>,
    store: Option<Arc<dyn AnyStore>>,
    handshake_timeout: Duration,
    deadlines: Deadlines,
    key_log: Option<KeyLogFile>,
}

type HelloFuture = Pin<Box<dyn Future<Output = HelloAnswer> + Send>>;
type HelloFn = dyn Fn(ClientHello) -> HelloFuture + Send + Sync;
type PskFn = dyn Fn(&[u8]) -> Option<Psk> + Send + Sync;
type PeerFn = dyn Fn(&Peer) -> PeerAnswer + Send + Sync;

impl Acceptor {
    /// An acceptor that asks its clients for no certificate. Each connection has the context of its
    /// moment: a [`SecureContext`] until another is [set](Self::set_context), or what a `Watched` has
    /// loaded.
    pub fn new(context: impl Into<Current>) -> Self {
        Self {
            context: context.into(),
            live: None,
            options: ServerOptions::new(),
            on_client_hello: None,
            on_peer: None,
            on_psk: None,
            store: None,
            handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT,
            deadlines: Deadlines::default(),
            key_log: None,
        }
    }

    /// Whether clients are asked for a certificate.
    #[must_use]
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.options = self.options.client_auth(client_auth);
        self
    }

    /// The application protocols, in order of preference.
    #[must_use]
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.options = self.options.alpn(protocols);
        self
    }

    /// Appends the secrets of each connection to this file, for a debugger. Writing is blocking,
    /// and short.
    #[must_use]
    pub fn key_log(mut self, file: KeyLogFile) -> Self {
        self.options = self.options.key_log(true);
        self.key_log = Some(file);
        self
    }

    /// How long a handshake may take; 30 seconds by default. The stream is closed then.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Answers the client's first message: other certificates for other names (SNI), other
    /// protocols, an OCSP staple. The choice may take its time. It returns a [`HelloReply`]; an
    /// `Option` of one, where `None` ends the connection; a `Result` with the
    /// [`Alert`](crate::Alert) to refuse by; or any [`HelloAnswer`].
    #[must_use]
    pub fn on_client_hello<F, Fut>(mut self, choose: F) -> Self
    where
        F: Fn(ClientHello) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Into<HelloAnswer>> + Send + 'static,
    {
        self.options = self.options.ask_client_hello(true);
        self.on_client_hello = Some(Arc::new(move |hello| {
            let answer = choose(hello);
            Box::pin(async { answer.await.into() })
        }));
        self
    }

    /// Says of each client, once its handshake is complete and its certificate is judged, whether
    /// it is admitted. A `Result` may hold the [`Alert`](crate::Alert) that refuses it, say
    /// [`ACCESS_DENIED`](crate::Alert::ACCESS_DENIED); [`accept`](Self::accept) fails with
    /// [`Error::RefusedByProgram`] then.
    #[must_use]
    pub fn on_peer<A: Into<PeerAnswer>>(
        mut self,
        decide: impl Fn(&Peer) -> A + Send + Sync + 'static,
    ) -> Self {
        self.options = self.options.ask_about_peer(true);
        self.on_peer = Some(Arc::new(move |peer| decide(peer).into()));
        self
    }

    /// The pre-shared key of the client that calls itself so, if there is one: for contexts with
    /// `Legacy::psk`. Such a client is [`authorized`](Peer::authorized) by it.
    #[must_use]
    pub fn on_psk(mut self, find: impl Fn(&[u8]) -> Option<Psk> + Send + Sync + 'static) -> Self {
        self.on_psk = Some(Arc::new(find));
        self
    }

    /// Keeps sessions in `store`, and looks there when a client wants to resume one: for contexts
    /// without [tickets](crate::SecureContextBuilder::stateless_tickets).
    #[must_use]
    pub fn session_store(mut self, store: impl SessionStore) -> Self {
        self.options = self.options.ask_client_hello(true);
        self.options.storing = Storing::Ticketless;
        self.store = Some(Arc::new(store));
        self
    }

    /// Verifies the clients of open connections again: see [`Live`]. Those for whom
    /// [`on_client_hello`](Self::on_client_hello) has named another context are closed at the end of
    /// their lifetime only.
    #[must_use]
    pub fn live(mut self, live: Live) -> Self {
        self.live = Some(live);
        self
    }

    /// Uses `context` for the connections to come: a renewed certificate, other CAs. Those that
    /// exist keep theirs.
    pub fn set_context(&self, context: SecureContext) {
        self.context.set(context);
    }

    /// Performs the TLS handshake as a server over `io`.
    ///
    /// # Errors
    /// Why the handshake failed. The alert that says so is sent before this returns, and the client
    /// has had the time to read it: until it closed, or a second.
    pub async fn accept<IO>(&self, io: IO) -> Result<TlsStream<IO>, Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let admission = self.live.as_ref().map(Live::admit);
        let context = self.context.load();
        let session = Session::server(&context, &self.options);
        let mut stream = TlsStream::new(io, session);
        stream.log_keys_to(self.key_log.clone());
        let handshake = self.handshake(&mut stream);
        match self.deadlines.within(self.handshake_timeout, handshake).await {
            Ok(()) => {
                stream.join(admission, &context);
                Ok(stream)
            }
            Err(error) => {
                if !matches!(error, Error::HandshakeTimedOut | Error::Io(_)) {
                    stream.farewell().await;
                }
                Err(error)
            }
        }
    }

    /// How long a handshake may take.
    pub(super) fn timeout(&self) -> Duration {
        self.handshake_timeout
    }

    async fn handshake<IO>(&self, stream: &mut TlsStream<IO>) -> Result<(), Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match stream.next_event().await? {
                Event::HandshakeComplete => return stream.flush_handshake().await,
                Event::Question => {
                    if let Some(question) = stream.question() {
                        self.answer(question).await;
                    }
                }
                _ => {}
            }
        }
    }

    /// Answers a question. A refusal becomes the error of the next event, after its alert was sent.
    async fn answer(&self, question: Question<'_>) {
        let _ = match question {
            Question::ClientHello(asked) => {
                let found = match &self.store {
                    Some(store) => store::look_up(&**store, asked.hello()).await,
                    None => None,
                };
                let answer = match &self.on_client_hello {
                    Some(choose) => choose(asked.hello().clone()).await,
                    None => HelloReply::new().into(),
                };
                asked.answer(store::resuming(answer, found))
            }
            Question::VerifyPeer(asked) => {
                let decided = self.on_peer.as_ref().map(|decide| decide(asked.peer()));
                asked.answer(decided.unwrap_or(PeerAnswer::Accept))
            }
            Question::StoreSession(asked) => {
                if let Some(store) = &self.store {
                    store.put(asked.id().to_vec(), asked.data().clone()).await;
                }
                asked.stored()
            }
            Question::Psk(asked) => {
                let find = self.on_psk.as_ref();
                let key = asked.identity().and_then(|identity| find?(identity));
                asked.answer(key)
            }
        };
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("context", &self.context)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
