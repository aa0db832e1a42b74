//! One connection between the turns of its handshake.

use std::collections::VecDeque;
use std::mem;

use napi::bindgen_prelude::Buffer;
use sealwire::session::{Event, Question};
use sealwire::{ClientOptions, ClientSession, Error, KeyLogLine};

use crate::failure::Failure;
use crate::peer::PeerFacts;
use crate::progress::{Hello, Progress, Stored, Told};
use crate::sinks::Held;

/// The state of a connection, which goes to the thread pool and back.
pub(crate) struct Connection {
    pub(crate) stage: Stage,
    /// Bytes received and not used yet, while the handshake lasts.
    pub(crate) received: Vec<u8>,
    /// Data that came along with the end of the handshake.
    pub(crate) data: Vec<u8>,
    /// Records that did not fit into the room that JavaScript had for them.
    pub(crate) unsent: Vec<u8>,
    pub(crate) told: Told,
    /// Secrets, which leave here only when somebody listens.
    pub(crate) key_log: Vec<KeyLogLine>,
    /// The session that is offered to the server, and then the one told last.
    pub(crate) session: Option<ClientSession>,
    /// Sessions that the server has given and that are to be told.
    pub(crate) sessions: VecDeque<ClientSession>,
    pub(crate) failure: Option<Error>,
}

/// How far a connection is.
#[allow(clippy::large_enum_variant, reason = "a session is live for nearly all of its life")]
pub(crate) enum Stage {
    /// A client whose first message is yet to be made: that costs key generation, so the pool
    /// does it.
    New(Box<(sealwire::SecureContext, ClientOptions)>),
    Live(sealwire::Session),
    Gone,
}

impl Connection {
    pub(crate) fn new(stage: Stage, offered: Option<ClientSession>) -> Self {
        Self {
            stage,
            received: Vec::new(),
            data: Vec::new(),
            unsent: Vec::new(),
            told: Told::default(),
            key_log: Vec::new(),
            session: offered,
            sessions: VecDeque::new(),
            failure: None,
        }
    }

    /// Goes on with the handshake as far as the bytes received lead.
    pub(crate) fn advance(&mut self) {
        if let Stage::New(start) = &self.stage {
            let (context, options) = &**start;
            self.stage = match sealwire::Session::client(context, options) {
                Ok(session) => Stage::Live(session),
                Err(error) => {
                    self.failure = Some(error);
                    Stage::Gone
                }
            };
        }
        let Stage::Live(session) = &mut self.stage else { return };
        if self.failure.is_some() {
            return;
        }
        // The sink is full from the start: data wait for the JavaScript thread.
        let mut outcome = session.receive(&mut self.received, &mut Held(&mut self.data));
        if let Ok(consumed) = outcome {
            self.received.drain(..consumed);
            if !session.is_handshaking() {
                // The engine may have more to say at the end of its handshake.
                outcome = session.receive(&mut [], &mut self.data);
            }
        }
        self.failure = outcome.err();
    }

    /// What there is to tell.
    pub(crate) fn progress(&mut self) -> Progress {
        let mut progress = Progress {
            output: self.output(),
            client_hello: None,
            store_session: None,
            complete: None,
            data: None,
            rest: None,
            peer_closed: false,
            told: None,
            failure: self.failure.as_ref().map(Failure::from),
        };
        for event in self.gather() {
            let Stage::Live(session) = &mut self.stage else { continue };
            match event {
                Event::Question => match session.question() {
                    Some(Question::ClientHello(asked)) => {
                        progress.client_hello = Some(Hello::from(asked.hello()));
                    }
                    Some(Question::StoreSession(asked)) => {
                        let (id, data) = (asked.id().into(), asked.data().clone().into_vec());
                        progress.store_session = Some(Stored { id, data: data.into() });
                    }
                    _ => {}
                },
                Event::HandshakeComplete => {
                    progress.complete = session.peer().map(PeerFacts::from);
                    if !session.peer().is_some_and(sealwire::Peer::is_resumed) {
                        self.session = None; // what was offered was not taken
                    }
                }
                _ => {}
            }
        }
        progress.told = (!self.told.is_empty()).then(|| mem::take(&mut self.told));
        let Stage::Live(session) = &mut self.stage else { return progress };
        progress.peer_closed = session.peer_has_closed();
        if progress.complete.is_some() {
            progress.data = (!self.data.is_empty()).then(|| mem::take(&mut self.data).into());
            progress.rest =
                (!self.received.is_empty()).then(|| mem::take(&mut self.received).into());
        }
        progress
    }

    /// Before any is told, the newest that there is.
    pub(crate) fn current_session(&self) -> Option<&ClientSession> {
        self.session.as_ref().or_else(|| self.sessions.back())
    }

    /// Writes down what was told, and gives the events that are for the handshake.
    pub(crate) fn gather(&mut self) -> Vec<Event> {
        let Stage::Live(session) = &mut self.stage else { return Vec::new() };
        let mut others = Vec::new();
        while let Some(event) = session.poll_event() {
            match event {
                Event::KeyLog(line) => {
                    self.told.key_log += 1;
                    self.key_log.push(line);
                }
                Event::OcspResponse(response) => {
                    self.told.has_ocsp = true;
                    self.told.ocsp_response = response.map(Buffer::from);
                }
                Event::NewSession(session) => {
                    self.told.sessions += 1;
                    self.sessions.push_back(session);
                }
                event => others.push(event),
            }
        }
        others
    }

    /// What there is to send.
    pub(crate) fn output(&mut self) -> Option<Buffer> {
        let mut out = mem::take(&mut self.unsent);
        if let Stage::Live(session) = &mut self.stage {
            session.take_output(&mut out);
        }
        (!out.is_empty()).then(|| out.into())
    }
}
