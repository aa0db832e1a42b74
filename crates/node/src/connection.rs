//! One connection between the turns of its handshake.

use std::collections::VecDeque;
use std::mem;

use napi::bindgen_prelude::Buffer;
use sealwire::session::{Event, HelloAnswer, HelloReply, Question};
use sealwire::wire::{Driver, Next};
use sealwire::{ClientOptions, ClientSession, Error, KeyLogLine, ServerName};

use crate::failure::Failure;
use crate::progress::{Agreed, Hello, Progress, PskAsked, SessionEvents, Stored};
use crate::turn;

/// The state of a connection, which goes to the thread pool and back.
pub(crate) struct Connection {
    pub(crate) stage: Stage,
    /// Data that had no place in the chunk that they came in.
    pub(crate) data: Vec<u8>,
    /// Events of the handshake that are to be told.
    events: Vec<Event>,
    pub(crate) session_events: SessionEvents,
    /// Whether the program has a say in the answer to a ClientHello.
    pub(crate) asks_hello: bool,
    /// The client's SNI, until it is reported.
    server_name: Option<String>,
    /// Secrets, which leave here only with a listener.
    pub(crate) key_log: Vec<KeyLogLine>,
    /// The session that is offered to the server, and then the one told last.
    pub(crate) session: Option<ClientSession>,
    /// Sessions that the server has given and that are to be told.
    pub(crate) sessions: VecDeque<ClientSession>,
    pub(crate) failure: Option<Error>,
    /// What a client says that can say no hello.
    last_word: Option<&'static [u8]>,
}

/// OpenSSL's: `internal_error`, fatal.
const UNABLE: [u8; 7] = [21, 3, 1, 0, 2, 2, 80];

/// How far a connection is.
#[allow(clippy::large_enum_variant, reason = "a session is live for nearly all of its life")]
pub(crate) enum Stage {
    /// A client whose first message is yet to be made: that costs key generation, so the pool
    /// does it.
    New(Box<(sealwire::SecureContext, ClientOptions)>),
    Live(Box<Driver>),
    Gone,
}

impl Connection {
    pub(crate) fn new(stage: Stage, offered: Option<ClientSession>) -> Self {
        Self {
            stage,
            data: Vec::new(),
            events: Vec::new(),
            session_events: SessionEvents::default(),
            asks_hello: true,
            server_name: None,
            key_log: Vec::new(),
            session: offered,
            sessions: VecDeque::new(),
            failure: None,
            last_word: None,
        }
    }

    /// Takes bytes that have come, while the handshake lasts.
    pub(crate) fn push(&mut self, received: &[u8]) {
        if let Stage::Live(driver) = &mut self.stage {
            driver.push(received);
        }
    }

    /// Continues the handshake as far as the received bytes allow.
    pub(crate) fn advance(&mut self) {
        if let Stage::New(start) = &self.stage {
            let (context, options) = &**start;
            self.stage = match sealwire::Session::client(context, options) {
                Ok(session) => Stage::Live(Box::new(Driver::new(session))),
                Err(error) => {
                    self.failure = Some(error);
                    self.last_word = Some(&UNABLE);
                    Stage::Gone
                }
            };
        }
        while self.failure.is_none() {
            let Stage::Live(driver) = &mut self.stage else { return };
            match driver.next() {
                Next::Event(Event::Question) if self.answers_hello() => {}
                Next::Event(event) => {
                    let pauses = matches!(event, Event::Question | Event::HandshakeComplete);
                    self.note(event);
                    // Data wait for the JavaScript thread.
                    if pauses {
                        return;
                    }
                }
                Next::Transport => return,
                Next::Failed(error) => self.failure = Some(error),
            }
        }
    }

    /// Answers a ClientHello in which the program has no say: only its name is told, also of a
    /// handshake that fails. False: it is another question.
    fn answers_hello(&mut self) -> bool {
        let Stage::Live(driver) = &mut self.stage else { return false };
        let Some(Question::ClientHello(asked)) = driver.question() else { return false };
        // A name that the first engine does not take is a question in any case.
        let is_host = |name: &str| name.parse::<ServerName>().is_ok();
        if self.asks_hello || !asked.hello().server_name().is_none_or(is_host) {
            return false;
        }
        self.server_name = asked.hello().server_name().map(str::to_owned);
        if let Err(error) = asked.answer(HelloAnswer::Serve(HelloReply::new())) {
            self.failure = Some(error);
        }
        true
    }

    /// What there is to tell, as bits: see [`turn`](crate::turn).
    pub(crate) fn outline(&mut self) -> u32 {
        self.gather();
        let has_ended = self.failure.is_some() || !self.session_events.is_empty();
        let asks = self.events.iter().any(|event| !matches!(event, Event::HandshakeComplete));
        let Stage::Live(driver) = &mut self.stage else { return turn::MORE };
        if has_ended || asks || driver.session().peer_has_closed() {
            return turn::MORE;
        }
        let mut bits = 0;
        if !self.events.is_empty() {
            self.events.clear();
            bits |= turn::COMPLETE;
            if !driver.session().peer().is_some_and(sealwire::Peer::is_resumed) {
                self.session = None; // what was offered was not taken
            }
        }
        if self.has_output() {
            bits |= turn::HAS_OUTPUT;
        }
        if self.asks_again() {
            bits |= turn::ASKS_AGAIN;
        }
        if self.server_name.is_some() {
            bits |= turn::NAMED;
        }
        bits
    }

    /// What was agreed, once the handshake is complete, and the client's SNI.
    pub(crate) fn agreed(&self) -> Option<Agreed> {
        let Stage::Live(driver) = &self.stage else { return None };
        driver.session().peer().map(Agreed::from)
    }

    /// Bytes received and not used by the handshake.
    pub(crate) fn take_rest(&mut self) -> Option<Buffer> {
        let Stage::Live(driver) = &mut self.stage else { return None };
        let rest = driver.take_unconsumed();
        (!rest.is_empty()).then(|| rest.into())
    }

    /// The client's SNI, once.
    pub(crate) fn take_server_name(&mut self) -> Option<String> {
        self.server_name.take()
    }

    /// All that there is to tell.
    pub(crate) fn progress(&mut self) -> Progress {
        let mut progress = Progress {
            has_output: self.has_output(),
            asks_again: self.asks_again(),
            client_hello: None,
            store_session: None,
            psk: None,
            complete: None,
            data: None,
            rest: None,
            peer_closed: false,
            events: None,
            failure: self.failure.as_ref().map(Failure::from),
            server_name: self.server_name.take(),
        };
        for event in mem::take(&mut self.events) {
            let Stage::Live(driver) = &mut self.stage else { continue };
            match event {
                Event::Question => match driver.question() {
                    Some(Question::ClientHello(asked)) => {
                        progress.client_hello = Some(Hello::from(asked.hello()));
                    }
                    Some(Question::StoreSession(asked)) => {
                        let (id, data) = (asked.id().into(), asked.data().clone().into_vec());
                        progress.store_session = Some(Stored { id, data: data.into() });
                    }
                    Some(Question::Psk(asked)) => {
                        progress.psk = Some(PskAsked {
                            identity: asked.identity().map(Buffer::from),
                            hint: asked.hint().map(Buffer::from),
                        });
                    }
                    _ => {}
                },
                Event::HandshakeComplete => {
                    let peer = driver.session().peer();
                    progress.complete = peer.map(Agreed::from);
                    if !peer.is_some_and(sealwire::Peer::is_resumed) {
                        self.session = None; // what was offered was not taken
                    }
                }
                _ => {}
            }
        }
        self.gather();
        progress.events =
            (!self.session_events.is_empty()).then(|| mem::take(&mut self.session_events));
        let Stage::Live(driver) = &mut self.stage else { return progress };
        progress.peer_closed = driver.session().peer_has_closed();
        if progress.complete.is_some() {
            progress.rest = self.take_rest();
        }
        progress
    }

    /// Before any is told, the newest that there is.
    pub(crate) fn current_session(&self) -> Option<&ClientSession> {
        self.session.as_ref().or_else(|| self.sessions.back())
    }

    /// Writes down what an open connection has told.
    pub(crate) fn gather(&mut self) {
        while let Stage::Live(driver) = &mut self.stage
            && let Some(event) = driver.poll_event()
        {
            self.note(event);
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::KeyLog(line) => {
                self.session_events.key_log += 1;
                self.key_log.push(line);
            }
            Event::OcspResponse(response) => {
                self.session_events.has_ocsp = true;
                self.session_events.ocsp_response = response.map(Buffer::from);
            }
            Event::NewSession(session) => {
                self.session_events.sessions += 1;
                self.sessions.push_back(session);
            }
            Event::Renegotiating => self.session_events.renegotiating += 1,
            Event::Renegotiated => self.session_events.renegotiated += 1,
            Event::PeerClosed => {}
            event => self.events.push(event),
        }
    }

    /// Whether there is something to send.
    fn has_output(&self) -> bool {
        let is_sending = matches!(&self.stage, Stage::Live(driver) if driver.is_sending());
        is_sending || self.last_word.is_some()
    }

    /// Whether what there is to send begins with a HelloRetryRequest (RFC 8446, 4.1.3).
    fn asks_again(&mut self) -> bool {
        /// Behind the headers of record and message, and the version.
        const RANDOM: usize = 11;
        const RETRY: &[u8] = b"\xcf\x21\xad\x74";
        let Stage::Live(driver) = &mut self.stage else { return false };
        driver.outgoing().get(RANDOM..).is_some_and(|random| random.starts_with(RETRY))
    }

    /// What there is to send.
    pub(crate) fn output(&mut self) -> Option<Buffer> {
        if let Some(said) = self.last_word.take() {
            return Some(said.into());
        }
        let Stage::Live(driver) = &mut self.stage else { return None };
        let mut out = Vec::new();
        driver.take_outgoing(&mut out);
        (!out.is_empty()).then(|| out.into())
    }
}
