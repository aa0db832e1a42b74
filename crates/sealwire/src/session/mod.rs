//! One connection, without any I/O: bytes in, bytes out, events out.
//!
//! A [`Session`] is given the bytes that came from the peer and gives the bytes to send; it
//! neither reads nor writes, waits, looks at a clock of its own or calls the program. Where a
//! decision is the program's, the session raises a [`Question`] and stands still until
//! [`reply`](Session::reply). The adapters for tokio and for blocking streams are made on it, and
//! any other transport can be.
//!
//! Promises, each tested as a property: no data of the peer comes out, and none of ours is
//! encrypted, before the peer is judged; every byte given is consumed or left to the caller; the
//! result does not depend on how the bytes are split (but for the guess in [`NotTls`], made from the
//! bytes at hand); hostile bytes end in an error.

mod engine;
mod event;
mod facts;
mod hello;
pub(crate) mod provider;
pub(crate) mod secrets;
mod sniff;
pub(crate) mod tap;
pub(crate) mod verifier;

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use sealwire_x509::Purpose;

pub use engine::Sink;
use engine::{Engine, Step};
pub use event::{Event, HelloReply, Question, Reply};
pub use facts::ByteCount;
use facts::{Counted, Kept, Traffic};
pub use hello::{ClientHello, MAX_CLIENT_HELLO};
pub use sniff::NotTls;
use tap::{Desk, Examiner};

use crate::context::{SecureContext, Serving};
use crate::error::Error;
use crate::identity::Identity;
use crate::names::ProtocolVersion;
use crate::options::{ClientAuth, ClientOptions, ClientSettings, PeerVerification, ServerOptions};
use crate::peer::{Authorization, Peer};

/// One side of one TLS connection.
pub struct Session {
    stage: Stage,
    context: SecureContext,
    /// Bytes to send that no call has fetched yet: handshake, alerts, tickets, key updates.
    out: Vec<u8>,
    /// Data that came with the last handshake message, until the verdict.
    held: Vec<u8>,
    events: VecDeque<Event>,
    peer: Option<Box<Peer>>,
    /// What the handshake left that is secret.
    kept: Option<Box<Kept>>,
    traffic: Traffic,
    closing: Closing,
}

enum Stage {
    /// A server that has not read the whole ClientHello yet.
    Hello(Box<ServerOptions>, hello::Reassembly),
    /// Stands still until [`Reply`] to [`Question::ClientHello`].
    HelloAsked(Box<ServerOptions>, Offer),
    Handshake(Box<Handshake>),
    /// Stands still until [`Reply`] to [`Question::VerifyPeer`].
    PeerAsked(Box<dyn Engine>),
    Open(Box<dyn Engine>),
    Failed(Error),
}

/// What is needed until the handshake is complete, and not after.
struct Handshake {
    engine: Box<dyn Engine>,
    desk: Option<Desk>,
    asked_for_certificate: bool,
    ask_about_peer: bool,
    request_ocsp: bool,
    server_name: Option<String>,
    /// The identity that is ours when none was asked for.
    own: Option<Identity>,
    /// The signature schemes of a client's hello, by number.
    offered_schemes: Vec<u16>,
    /// Whether the first bytes of the peer are still to be looked at.
    unheard: bool,
}

/// What is kept of a ClientHello.
struct Offer {
    server_name: Option<String>,
    signature_schemes: Vec<u16>,
}

#[derive(Default, Clone, Copy)]
struct Closing {
    peer_sent_close_notify: bool,
    we_sent_close_notify: bool,
}

impl Session {
    /// A client session. The ClientHello is in the first output.
    ///
    /// # Errors
    /// [`Error::Internal`] when the engine cannot start: no random bytes.
    pub fn client(context: &SecureContext, options: &ClientOptions) -> Result<Self, Error> {
        let config = context.client_config(&options.settings);
        let engine =
            engine::client(config, options.server_name.to_rustls()).map_err(Error::from_rustls)?;
        let ClientSettings { verification, name_check, send_sni, ask_about_peer, .. } =
            &options.settings;
        let ClientSettings { request_ocsp, key_log, .. } = options.settings;
        let examiner = Examiner {
            policy: context.policy().clone(),
            name: Some((options.server_name.clone(), name_check.clone())),
            purpose: Purpose::Server,
        };
        let sni = *send_sni && options.server_name.ip().is_none();
        let handshake = Handshake {
            engine,
            desk: Some(Desk::new(examiner, *verification == PeerVerification::Required, key_log)),
            asked_for_certificate: true,
            ask_about_peer: *ask_about_peer,
            request_ocsp,
            own: context.identities().first().cloned(),
            offered_schemes: Vec::new(),
            server_name: sni.then(|| options.server_name.to_string()),
            unheard: true,
        };
        let mut session = Self::new(context.clone(), Stage::Handshake(Box::new(handshake)));
        session.receive(&mut [], &mut Vec::new())?;
        Ok(session)
    }

    /// A server session; it waits for a ClientHello.
    pub fn server(context: &SecureContext, options: &ServerOptions) -> Self {
        Self::new(
            context.clone(),
            Stage::Hello(Box::new(options.clone()), hello::Reassembly::default()),
        )
    }

    /// Takes what came from the peer. `tls` is everything received and not yet consumed, oldest
    /// byte first; it is decrypted in place. Data go into `sink`, record by record, until it is
    /// full. Returns how many bytes at the front of `tls` are done with; the caller keeps the
    /// rest and shows it again, with more behind it.
    ///
    /// Afterwards, also after an error, [`take_output`](Self::take_output) has what is to be
    /// sent and [`poll_event`](Self::poll_event) what happened. While a question is open, and
    /// after the peer's `close_notify`, nothing is consumed.
    ///
    /// # Errors
    /// Why the connection failed. From then on, every call gives the same error.
    pub fn receive(&mut self, tls: &mut [u8], sink: &mut dyn Sink) -> Result<usize, Error> {
        let mut consumed = 0;
        loop {
            let rest = &mut tls[consumed..];
            match &mut self.stage {
                Stage::Failed(error) => return Err(error.clone()),
                Stage::HelloAsked(..) | Stage::PeerAsked(..) => return Ok(consumed),
                Stage::Hello(..) => {
                    if !self.read_hello(rest)? {
                        return Ok(consumed);
                    }
                }
                Stage::Handshake(_) => {
                    let (taken, complete) = self.advance_handshake(rest);
                    consumed += taken;
                    self.traffic.received.tls += taken as u64;
                    if !complete? {
                        return Ok(consumed);
                    }
                }
                Stage::Open(engine) => {
                    let mut sink = Counted::new(sink, &mut self.traffic.received.plaintext);
                    if !self.held.is_empty() {
                        sink.take(&mem::take(&mut self.held));
                    }
                    if sink.is_full() || self.closing.peer_sent_close_notify {
                        return Ok(consumed);
                    }
                    let (taken, step) = engine.advance(rest, &mut self.out, &mut sink);
                    consumed += taken;
                    self.traffic.received.tls += taken as u64;
                    match step {
                        Err(error) => return Err(self.fail(Error::from_rustls(error))),
                        Ok(Step::PeerClosed) => {
                            self.closing.peer_sent_close_notify = true;
                            self.events.push_back(Event::PeerClosed);
                        }
                        Ok(_) => return Ok(consumed),
                    }
                }
            }
        }
    }

    /// The transport has ended: no more bytes will come.
    ///
    /// # Errors
    /// [`Error::ClosedInHandshake`], or [`Error::Truncated`] when no `close_notify` came before.
    pub fn receive_eof(&mut self) -> Result<(), Error> {
        match &self.stage {
            Stage::Failed(error) => Err(error.clone()),
            Stage::Open(_) if self.closing.peer_sent_close_notify => Ok(()),
            Stage::Open(_) => Err(Error::Truncated),
            _ => Err(self.fail(Error::ClosedInHandshake)),
        }
    }

    /// Encrypts all of `plaintext` into records appended to `out`, after what else there is to
    /// send.
    ///
    /// # Errors
    /// [`Error::Misused`] before [`Event::HandshakeComplete`] and after
    /// [`send_close_notify`](Self::send_close_notify); the connection's error if it has failed.
    pub fn encrypt(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if self.closing.we_sent_close_notify {
            return Err(Error::Misused("data after close_notify"));
        }
        match &mut self.stage {
            Stage::Open(engine) => {
                let before = out.len();
                out.append(&mut self.out);
                engine.encrypt(plaintext, out).map_err(Error::from_rustls)?;
                self.traffic.sent.plaintext += plaintext.len() as u64;
                self.traffic.sent.tls += (out.len() - before) as u64;
                Ok(())
            }
            Stage::Failed(error) => Err(error.clone()),
            _ => Err(Error::Misused("data before the handshake is complete")),
        }
    }

    /// Appends what the session itself has to send to `out`: handshake messages, alerts.
    pub fn take_output(&mut self, out: &mut Vec<u8>) {
        self.traffic.sent.tls += self.out.len() as u64;
        out.append(&mut self.out);
    }

    /// Whether [`take_output`](Self::take_output) has something.
    pub fn has_output(&self) -> bool {
        !self.out.is_empty()
    }

    /// Says that no more data will be sent (RFC 8446, 6.1). Receiving goes on. Once is enough.
    /// Before [`Event::HandshakeComplete`] it is kept until then.
    pub fn send_close_notify(&mut self) {
        if mem::replace(&mut self.closing.we_sent_close_notify, true) {
            return;
        }
        if let Stage::Open(engine) = &mut self.stage {
            engine.close(&mut self.out);
        }
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Answers the open question. Call [`receive`](Self::receive) again afterwards, with the
    /// bytes that were left.
    ///
    /// # Errors
    /// [`Error::Misused`] when no question is open; [`Error::RefusedByProgram`] for
    /// [`Reply::Refuse`] and [`Reply::RefuseWith`], which end the session.
    pub fn reply(&mut self, reply: Reply) -> Result<(), Error> {
        let stage = mem::replace(&mut self.stage, Stage::Failed(Error::RefusedByProgram));
        match (stage, reply) {
            (stage @ (Stage::HelloAsked(..) | Stage::PeerAsked(..)), Reply::Refuse) => {
                drop(stage);
                Err(Error::RefusedByProgram)
            }
            (Stage::HelloAsked(..), Reply::RefuseWith(alert)) => {
                // Nothing is encrypted yet: a plain record of the version that all can read.
                self.out.extend_from_slice(&[21, 3, 3, 0, 2, 2, alert.number()]);
                Err(Error::RefusedByProgram)
            }
            (Stage::PeerAsked(_), Reply::RefuseWith(_)) => Err(Error::RefusedByProgram),
            (Stage::HelloAsked(options, offer), reply) => {
                let reply = match reply {
                    Reply::ClientHello(reply) => reply,
                    _ => HelloReply::new(),
                };
                self.start_server(*options, offer, reply)
            }
            (Stage::PeerAsked(engine), _) => {
                self.open(engine);
                Ok(())
            }
            (stage, _) => {
                self.stage = stage;
                Err(Error::Misused("a reply without a question"))
            }
        }
    }

    /// What is known of the peer; `None` until the handshake is complete.
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_deref()
    }

    /// Whether the handshake is not complete yet.
    pub fn is_handshaking(&self) -> bool {
        !matches!(self.stage, Stage::Open(_) | Stage::Failed(_))
    }

    /// Whether the peer has said that it will send no more data.
    pub fn peer_has_closed(&self) -> bool {
        self.closing.peer_sent_close_notify
    }

    fn new(context: SecureContext, stage: Stage) -> Self {
        Self {
            stage,
            context,
            out: Vec::new(),
            held: Vec::new(),
            events: VecDeque::new(),
            peer: None,
            kept: None,
            traffic: Traffic::default(),
            closing: Closing::default(),
        }
    }

    /// Reads the ClientHello if all of it is there, and starts the engine or asks how to.
    /// False: more bytes are needed.
    fn read_hello(&mut self, tls: &[u8]) -> Result<bool, Error> {
        if let Some(found) = sniff::not_tls(tls, true) {
            return Err(self.fail(Error::NotTls(found)));
        }
        let Stage::Hello(_, reassembly) = &mut self.stage else {
            unreachable!("called in this stage only")
        };
        let hello = match reassembly.read(tls) {
            hello::Read::Incomplete => return Ok(false),
            hello::Read::Complete(hello) => hello,
            // Whatever is wrong with it, the engine says it, with the right alert.
            hello::Read::Broken => Box::default(),
        };
        let stage = mem::replace(&mut self.stage, Stage::Failed(Error::RefusedByProgram));
        let Stage::Hello(options, _) = stage else { unreachable!("called in this stage only") };
        let offer = Offer {
            server_name: hello.server_name().map(str::to_owned),
            signature_schemes: hello.signature_schemes().to_vec(),
        };
        if options.ask_client_hello {
            self.events.push_back(Event::Question(Question::ClientHello(hello)));
            self.stage = Stage::HelloAsked(options, offer);
        } else {
            self.start_server(*options, offer, HelloReply::new())?;
        }
        Ok(true)
    }

    fn start_server(
        &mut self,
        options: ServerOptions,
        offer: Offer,
        reply: HelloReply,
    ) -> Result<(), Error> {
        if let Some(context) = reply.context {
            self.context = context;
        }
        let own = reply
            .identity
            .as_ref()
            .or_else(|| reply.credentials.as_ref()?.identities().first())
            .or_else(|| self.context.identities().first())
            .cloned();
        let config = self.context.server_config(Serving {
            client_auth: options.client_auth,
            alpn: reply.alpn.as_deref().unwrap_or(&options.alpn),
            credentials: reply.credentials.as_ref(),
            identity: reply.identity,
            ocsp_staple: reply.ocsp_staple,
        });
        let engine = match engine::server(config) {
            Ok(engine) => engine,
            Err(error) => return Err(self.fail(Error::from_rustls(error))),
        };
        let examiner = Examiner {
            policy: reply.credentials.as_ref().unwrap_or(&self.context).policy().clone(),
            name: None,
            purpose: Purpose::Client,
        };
        self.stage = Stage::Handshake(Box::new(Handshake {
            engine,
            desk: Some(Desk::new(
                examiner,
                options.client_auth == ClientAuth::Require,
                options.key_log,
            )),
            asked_for_certificate: options.client_auth != ClientAuth::None,
            ask_about_peer: options.ask_about_peer,
            request_ocsp: false,
            server_name: offer.server_name,
            own,
            offered_schemes: offer.signature_schemes,
            unheard: false,
        }));
        Ok(())
    }

    /// Drives the handshake. Gives the bytes consumed, and whether it is complete.
    fn advance_handshake(&mut self, tls: &mut [u8]) -> (usize, Result<bool, Error>) {
        let Stage::Handshake(handshake) = &mut self.stage else {
            unreachable!("called in this stage only")
        };
        if handshake.unheard && !tls.is_empty() {
            if let Some(found) = sniff::not_tls(tls, false) {
                return (0, Err(self.fail(Error::NotTls(found))));
            }
            handshake.unheard = false;
        }
        let Handshake { engine, desk, .. } = &mut **handshake;
        let (out, held) = (&mut self.out, &mut self.held);
        let (consumed, step) = tap::with(desk, || engine.advance(tls, out, held));
        if let Some(lines) = desk.as_mut().and_then(|desk| desk.key_log.as_mut()) {
            self.events.extend(lines.drain(..).map(Event::KeyLog));
        }
        let outcome = match step {
            Ok(Step::HandshakeComplete) => self.complete_handshake().map(|()| true),
            Ok(_) => Ok(false),
            Err(error) => {
                let version = engine.version();
                let refusal = desk
                    .as_mut()
                    .and_then(|desk| desk.examined.take())
                    .and_then(|(_, verdict)| verdict.refusal())
                    .filter(|_| matches!(error, rustls::Error::InvalidCertificate(_)));
                Err(self.fail(match refusal {
                    Some(refusal) => Error::PeerRefused(refusal),
                    None => Error::in_handshake(error, version),
                }))
            }
        };
        (consumed, outcome)
    }

    /// Judges the peer, unless that was done inside the handshake, and writes down what is known.
    fn complete_handshake(&mut self) -> Result<(), Error> {
        let stage = mem::replace(&mut self.stage, Stage::Failed(Error::RefusedByProgram));
        let Stage::Handshake(handshake) = stage else { unreachable!("called in this stage only") };
        let Handshake { engine, desk, asked_for_certificate, ask_about_peer, server_name, .. } =
            *handshake;
        let Handshake { request_ocsp, own, offered_schemes, .. } = *handshake;
        let facts = engine.facts().expect("a complete handshake has all facts");
        let mut desk = desk.expect("the engine gave the desk back");
        let we_are_client = desk.examiner.purpose == Purpose::Server;
        let must_pass = desk.refuse_at_once;
        let (certificates, authorization) = if asked_for_certificate {
            // Inside a resumed handshake nobody was asked. It is judged here from the chain that
            // the session was made with, so that it gives no other answer than a full handshake
            // would today.
            let (certificates, verdict) = desk.examined.take().unwrap_or_else(|| {
                desk.examiner.examine(desk.leaf.as_ref(), engine.peer_chain(), self.context.now())
            });
            let authorization =
                verdict.refusal().map_or(Authorization::Authorized, Authorization::Refused);
            (certificates, authorization)
        } else {
            (Vec::new(), Authorization::NotAsked)
        };
        if let (true, Authorization::Refused(refusal)) = (must_pass, &authorization) {
            if let Some((server_name, _)) = &desk.examiner.name {
                self.context.forget_sessions(server_name);
            }
            return Err(self.fail(Error::PeerRefused(refusal.clone())));
        }
        let schemes = if we_are_client { &desk.requested_schemes } else { &offered_schemes };
        let shared_schemes = match facts.resumed {
            true => Box::default(), // nobody signed anything
            false => self.context.shared_schemes(schemes),
        };
        let can_staple = !facts.resumed || facts.protocol != ProtocolVersion::Tls12;
        let ocsp_response = desk.ocsp_response.filter(|_| request_ocsp);
        if request_ocsp && can_staple {
            self.events.push_back(Event::OcspResponse(ocsp_response.clone()));
        }
        self.peer = Some(Box::new(Peer {
            authorization,
            certificates,
            protocol: facts.protocol,
            cipher: facts.cipher,
            group: facts.group,
            alpn: facts.alpn,
            server_name,
            resumed: facts.resumed,
            local_certificates: desk.shown.or_else(|| Some(own?.shared_chain().clone())),
            shared_schemes,
            ocsp_response,
        }));
        self.kept = Some(Box::new(Kept { we_are_client, secrets: desk.secrets }));
        if ask_about_peer {
            self.events.push_back(Event::Question(Question::VerifyPeer));
            self.stage = Stage::PeerAsked(engine);
        } else {
            self.open(engine);
        }
        Ok(())
    }

    fn open(&mut self, mut engine: Box<dyn Engine>) {
        if self.closing.we_sent_close_notify {
            engine.close(&mut self.out);
        }
        self.events.push_back(Event::HandshakeComplete);
        self.stage = Stage::Open(engine);
    }

    /// Ends the session: what was held is dropped, and every later call gives the same error.
    fn fail(&mut self, error: Error) -> Error {
        self.held = Vec::new();
        self.stage = Stage::Failed(error.clone());
        error
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Hello(..) => "waiting for the ClientHello",
            Stage::HelloAsked(..) => "asking about the ClientHello",
            Stage::Handshake(_) => "in the handshake",
            Stage::PeerAsked(_) => "asking about the peer",
            Stage::Open(_) => "open",
            Stage::Failed(_) => "failed",
        };
        f.debug_struct("Session").field("stage", &stage).finish_non_exhaustive()
    }
}
