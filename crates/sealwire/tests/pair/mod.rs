//! Two sessions joined in memory: no socket, no clock, no thread.
#![allow(dead_code, reason = "each test binary uses its part")]

use sealwire::session::{ClientHello, Event, HelloAnswer, PeerAnswer, Question};
use sealwire::{ClientOptions, ClientSession, Error, SecureContext, ServerOptions, Session};

/// One end: the session, what it has received and what came out of it.
pub(crate) struct End {
    pub(crate) session: Session,
    /// Bytes from the peer that the session has not consumed.
    pub(crate) received: Vec<u8>,
    /// Every byte that this end put on the wire.
    pub(crate) sent: Vec<u8>,
    pub(crate) plaintext: Vec<u8>,
    pub(crate) complete: bool,
    pub(crate) peer_closed: bool,
    /// The newest sessions that a client was given.
    pub(crate) sessions: Vec<ClientSession>,
    pub(crate) key_log: Vec<String>,
    /// What was told of a stapled OCSP response.
    pub(crate) ocsp: Vec<Option<Vec<u8>>>,
    pub(crate) error: Option<Error>,
}

/// A client and a server, and the wire between them.
pub(crate) struct Pair {
    pub(crate) client: End,
    pub(crate) server: End,
    /// How many bytes cross the wire at once.
    pub(crate) split: usize,
}

impl End {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            received: Vec::new(),
            sent: Vec::new(),
            plaintext: Vec::new(),
            complete: false,
            peer_closed: false,
            sessions: Vec::new(),
            key_log: Vec::new(),
            ocsp: Vec::new(),
            error: None,
        }
    }

    /// Shows the session what was received, and notes what happens.
    pub(crate) fn process(&mut self) {
        match self.session.receive(&mut self.received, &mut self.plaintext) {
            Ok(consumed) => drop(self.received.drain(..consumed)),
            Err(error) => self.error = Some(error),
        }
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::HandshakeComplete => self.complete = true,
                Event::PeerClosed => self.peer_closed = true,
                Event::Question => assert!(self.session.question().is_some()),
                Event::NewSession(session) => {
                    assert!(self.complete, "a session is told after the handshake");
                    self.sessions.push(session);
                    self.sessions.drain(..self.sessions.len().saturating_sub(16));
                }
                Event::KeyLog(line) => self.key_log.push(line.as_str().to_owned()),
                Event::OcspResponse(response) => {
                    assert!(!self.complete, "it comes before the end of the handshake");
                    self.ocsp.push(response);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Takes bytes off the wire.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        self.process();
    }

    /// The hello that the session asks about.
    pub(crate) fn hello(&mut self) -> ClientHello {
        match self.session.question() {
            Some(Question::ClientHello(asked)) => asked.hello().clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn answer_hello(&mut self, answer: impl Into<HelloAnswer>) {
        let answered = match self.session.question() {
            Some(Question::ClientHello(asked)) => asked.answer(answer),
            other => panic!("{other:?}"),
        };
        self.go_on(answered);
    }

    pub(crate) fn asks_about_peer(&mut self) -> bool {
        matches!(self.session.question(), Some(Question::VerifyPeer(_)))
    }

    pub(crate) fn answer_peer(&mut self, answer: impl Into<PeerAnswer>) {
        let answered = match self.session.question() {
            Some(Question::VerifyPeer(asked)) => asked.answer(answer),
            other => panic!("{other:?}"),
        };
        self.go_on(answered);
    }

    /// Goes on after an answer.
    pub(crate) fn go_on(&mut self, answered: Result<(), Error>) {
        match answered {
            Ok(()) => self.process(),
            Err(error) => self.error = Some(error),
        }
    }

    /// What the session has to send by itself.
    pub(crate) fn output(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.session.take_output(&mut out);
        self.sent.extend_from_slice(&out);
        out
    }

    /// Encrypts, and gives the bytes for the wire.
    pub(crate) fn send(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.session.encrypt(plaintext, &mut out).expect("an open session");
        self.sent.extend_from_slice(&out);
        out
    }

    /// The name of the alert that the peer sent, if that is how the session ended.
    pub(crate) fn alert(&self) -> Option<&'static str> {
        Some(self.error.as_ref()?.alert()?.name())
    }

    /// The codes of everything found against the peer, in order, whether the handshake failed by
    /// it or not. Empty: it is authorized, or was not asked.
    pub(crate) fn findings(&self) -> Vec<&'static str> {
        let refused = self.error.as_ref().and_then(Error::refusal);
        let recorded = self.session.peer().and_then(|peer| peer.authorization_error());
        let findings = refused.or(recorded).map_or(&[][..], |refusal| refusal.findings());
        findings.iter().map(|finding| finding.code().name()).collect()
    }

    pub(crate) fn authorized(&self) -> bool {
        self.session.peer().is_some_and(|peer| peer.authorized())
    }
}

impl Pair {
    pub(crate) fn new(
        client: (&SecureContext, &ClientOptions),
        server: (&SecureContext, &ServerOptions),
    ) -> Self {
        Self {
            client: End::new(Session::client(client.0, client.1).expect("a client session")),
            server: End::new(Session::server(server.0, server.1)),
            split: usize::MAX,
        }
    }

    /// Carries bytes to and fro until neither side has anything to send.
    pub(crate) fn settle(&mut self) {
        loop {
            let there = carry(&mut self.client, &mut self.server, self.split);
            let back = carry(&mut self.server, &mut self.client, self.split);
            if !there && !back {
                return;
            }
        }
    }

    /// Sends a word each way, and asserts that both arrive.
    pub(crate) fn converse(&mut self) {
        let to_server = self.client.send(b"from the client");
        self.server.receive(&to_server);
        let to_client = self.server.send(b"from the server");
        self.client.receive(&to_client);
        self.settle();
        assert_eq!(self.server.plaintext, b"from the client");
        assert_eq!(self.client.plaintext, b"from the server");
    }
}

fn carry(from: &mut End, to: &mut End, split: usize) -> bool {
    let wire = from.output();
    for part in wire.chunks(split) {
        to.receive(part);
    }
    !wire.is_empty()
}

/// The records in `wire`, as (content type, length of the body).
pub(crate) fn records(wire: &[u8]) -> Vec<(u8, usize)> {
    let mut rest = wire;
    let mut found = Vec::new();
    while let [kind, 3, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        found.push((*kind, length));
        rest = &after[length..];
    }
    assert!(rest.is_empty(), "{} bytes that are no record", rest.len());
    found
}
