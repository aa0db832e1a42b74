//! One connection, without any I/O: bytes in, bytes out, events out.
//!
//! A [`Session`] is given the bytes that came from the peer and gives the bytes to send; it
//! neither reads nor writes, waits, looks at a clock of its own or calls the program. Where a
//! decision is the program's, the session raises a [`Question`] and stands still until it is
//! answered. The adapters for tokio and for blocking streams are made on it, and
//! any other transport can be.
//!
//! Promises, each tested as a property: no data of the peer comes out, and none of ours is
//! encrypted, before the peer is judged; every byte given is consumed or left to the caller; the
//! result does not depend on how the bytes are split (but for the guess in [`NotTls`], made from the
//! bytes at hand); hostile bytes end in an error.

mod asked;
mod diagnosis;
mod event;
mod facts;
mod handshake;
mod keeping;
mod options;
mod peer;
mod question;
mod refused;
mod reply;
mod sni_router;

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;
use std::mem;
use std::sync::Arc;

use asked::{AskedHello, AskedPeer, AskedPsk, AskedStore};
pub use event::Event;
pub use facts::ByteCount;
use facts::{Counted, HandshakeSummary, Traffic};
use handshake::{AwaitedHello, Handshake};
pub(crate) use options::ClientSettings;
pub use options::{ClientOptions, EchOffer, ServerOptions};
pub use peer::{EchStatus, Peer};
pub use question::{
    HelloAnswer, HelloQuestion, PeerAnswer, PeerQuestion, PskQuestion, Question, StoreQuestion,
};
pub use reply::HelloReply;
use sealwire_x509::Purpose;
pub use sni_router::SniRouter;

use crate::context::SecureContext;
pub use crate::engine::Sink;
pub use crate::engine::resumption::{ClientSession, SessionData, TicketKeys};
use crate::engine::{self, Channel, EngineState, Examiner, HandshakeState, Old, OldClient, Step};
use crate::error::Error;
use crate::reading::Reassembly;
pub use crate::reading::{ClientHello, MAX_CLIENT_HELLO, NotTls};
pub use crate::verify::CertificateRequest;
use crate::words::{Alert, ClientAuth, PeerVerification};

/// One side of one TLS connection.
pub struct Session {
    stage: Stage,
    core: Core,
}

/// What a session has at every stage.
struct Core {
    /// Bytes to send that no call has fetched yet: handshake, alerts, tickets, key updates.
    out: Vec<u8>,
    max_fragment: usize,
    events: VecDeque<Event>,
    peer: Option<Arc<Peer>>,
    /// What the engine finds and leaves.
    conn: EngineState,
    /// What the handshake left that is secret.
    kept: Option<Box<HandshakeSummary>>,
    /// What a server asked of us that may refuse us still.
    asked: Option<Box<refused::Asked>>,
    traffic: Traffic,
    closing: Closing,
    /// The last words of an engine that is gone.
    trace: Option<Vec<u8>>,
    /// The peer is judged by another context than ours, which the answer to its hello named.
    #[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "the adapter asks"))]
    judged_elsewhere: bool,
}

/// How far a session is. Each stage goes over into the next.
enum Stage {
    Hello(AwaitedHello),
    /// Stands still until the [`HelloQuestion`] is answered.
    HelloAsked(AskedHello),
    Handshake(Box<Handshake>),
    /// Pauses until the [`PskQuestion`] is answered, and then continues the handshake.
    PskAsked(AskedPsk),
    /// Stands still until the [`PeerQuestion`] is answered.
    PeerAsked(AskedPeer),
    /// Stands still until the [`StoreQuestion`] is answered, and then asks about the rest.
    StoreAsked(AskedStore),
    Open(Box<dyn Channel>),
    Failed(Error),
}

/// What became of a stage that was shown some bytes.
struct Turn {
    consumed: usize,
    stage: Stage,
    /// Whether the stage it came to can continue without more bytes.
    goes_on: bool,
}

/// The bounds of [`Session::set_max_fragment_size`].
const MIN_FRAGMENT: usize = 512;
const MAX_FRAGMENT: usize = 16 * 1024;

#[derive(Default, Clone, Copy)]
struct Closing {
    peer_sent_close_notify: bool,
    we_sent_close_notify: bool,
}

impl Session {
    /// A client session. The ClientHello is in the first output.
    ///
    /// # Errors
    /// [`Error::CannotSpeak`] when the context leaves nothing to offer; [`Error::Internal`] when
    /// the engine cannot start: no random bytes.
    pub fn client(context: &SecureContext, options: &ClientOptions) -> Result<Self, Error> {
        context.can_speak()?;
        let ClientSettings { verification, name_check, send_sni, alpn, ask_about_peer, .. } =
            &options.settings;
        let ClientSettings { request_ocsp, key_log, .. } = options.settings;
        let examiner = Examiner {
            policy: context.policy().clone(),
            name: Some((options.server_name.clone(), name_check.clone())),
            pins: options.settings.pins.clone(),
            purpose: Purpose::Server,
        };
        let must_pass = *verification == PeerVerification::Required;
        let mut handshake = Box::new(HandshakeState::new(examiner, must_pass, key_log));
        let sni = *send_sni && options.server_name.ip().is_none();
        let sni_text = options.settings.sni_text.as_deref();
        let old = context.old().filter(|old| sni_text.is_some() || old.speaks_as_client());
        if old.is_none() && sni_text.is_some() {
            return Err(Error::Misused(
                "an SNI that is not a host name, without the legacy engine",
            ));
        }
        // With pre-shared keys there is no certificate.
        if old.is_some() && options.settings.ech.is_some() {
            return Err(Error::Misused("Encrypted Client Hello with the legacy engine"));
        }
        let sessions = old.is_none_or(Old::keeps_sessions);
        let sessions = sessions.then(|| keeping::choose(context, options, &mut handshake, old));
        handshake.tell_request = options.settings.tell_certificate_request;
        let mut conn = EngineState::new(handshake, sessions);
        let engine = match old {
            Some(old) => {
                let wanted = OldClient {
                    alpn,
                    sni: sni_text.or_else(|| sni.then(|| options.server_name.for_sni())),
                    request_ocsp,
                    traced: options.settings.trace,
                };
                old.client(wanted, &mut conn)?
            }
            None => {
                let mut config = context.client_config(alpn, *send_sni);
                if let Some(offer) = &options.settings.ech {
                    let (hiding, public_name) = context
                        .with_ech(&config, offer.0.as_deref())
                        .map_err(|_| Error::Misused("Encrypted Client Hello without TLS 1.3"))?;
                    config = hiding;
                    if let Some(handshake) = conn.handshake.as_mut() {
                        handshake.public_name = public_name;
                    }
                }
                engine::client(config, &options.server_name, &mut conn)?
            }
        };
        let handshake = Handshake {
            engine,
            context: context.clone(),
            asked_for_certificate: true,
            ask_about_peer: *ask_about_peer,
            request_ocsp,
            own: context.first_chain().cloned(),
            greases: options.settings.ech.as_ref().is_some_and(|offer| offer.0.is_none()),
            hello: None,
            encrypting: false,
            server_name: sni_text
                .map(str::to_owned)
                .or_else(|| sni.then(|| options.server_name.to_string())),
            unheard: true,
        };
        let mut session = Self::new(Stage::Handshake(Box::new(handshake)));
        session.core.conn = conn;
        session.receive(&mut [], &mut Vec::new())?;
        Ok(session)
    }

    /// A server session; it waits for a ClientHello.
    pub fn server(context: &SecureContext, options: &ServerOptions) -> Self {
        let (options, reassembly) = (Box::new(options.clone()), Reassembly::default());
        let context = context.clone();
        Self::new(Stage::Hello(AwaitedHello { context, options, reassembly }))
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
    /// Why the connection failed. From then on, every call returns the same error.
    pub fn receive(&mut self, tls: &mut [u8], sink: &mut dyn Sink) -> Result<usize, Error> {
        let mut consumed = 0;
        loop {
            let rest = &mut tls[consumed..];
            match &mut self.stage {
                Stage::Failed(error) => return Err(error.clone()),
                Stage::HelloAsked(_)
                | Stage::PskAsked(_)
                | Stage::PeerAsked(_)
                | Stage::StoreAsked(_) => {
                    return Ok(consumed);
                }
                Stage::Open(channel) => {
                    let (taken, received) = self.core.receive(&mut **channel, rest, sink);
                    return match received {
                        Ok(()) => Ok(consumed + taken),
                        Err(error) => Err(self.fail(error)),
                    };
                }
                Stage::Hello(_) | Stage::Handshake(_) => {
                    let turn = self.stage.take().advance(rest, &mut self.core);
                    self.stage = turn.stage;
                    consumed += turn.consumed;
                    self.core.traffic.received.tls += turn.consumed as u64;
                    if !turn.goes_on {
                        return Ok(consumed);
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
            Stage::Open(_) if self.core.closing.peer_sent_close_notify => Ok(()),
            Stage::Open(_) => Err(Error::Truncated),
            _ => Err(self.fail(Error::ClosedInHandshake)),
        }
    }

    /// Encrypts all of `plaintext` into records appended to `out`, after pending bytes to
    /// send.
    ///
    /// # Errors
    /// [`Error::Misused`] before [`Event::HandshakeComplete`] and after
    /// [`send_close_notify`](Self::send_close_notify); the connection's error if it has failed.
    pub fn encrypt(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.encrypt_vectored(&[IoSlice::new(plaintext)], out)
    }

    /// As [`encrypt`](Self::encrypt), of data in several pieces. They become as few records as
    /// they would in one piece.
    ///
    /// # Errors
    /// As [`encrypt`](Self::encrypt).
    pub fn encrypt_vectored(
        &mut self,
        plaintext: &[IoSlice<'_>],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if self.core.closing.we_sent_close_notify {
            return Err(Error::Misused("data after close_notify"));
        }
        match &mut self.stage {
            Stage::Open(channel) => {
                let before = out.len();
                let Core { out: said, max_fragment, traffic, .. } = &mut self.core;
                out.extend_from_slice(&mem::take(said));
                channel.encrypt(plaintext, *max_fragment, out)?;
                traffic.sent.plaintext +=
                    plaintext.iter().map(|piece| piece.len() as u64).sum::<u64>();
                traffic.sent.tls += (out.len() - before) as u64;
                Ok(())
            }
            Stage::Failed(error) => Err(error.clone()),
            _ => Err(Error::Misused("data before the handshake is complete")),
        }
    }

    /// How many bytes of data a record holds at most: 512 to 16384, which is the default. From the
    /// next [`encrypt`](Self::encrypt) on. Node calls it `setMaxSendFragment`, OpenSSL
    /// `SSL_set_max_send_fragment`: small records reach the peer's program sooner, large ones cost
    /// less.
    ///
    /// # Errors
    /// [`Error::Misused`] for any other number.
    pub fn set_max_fragment_size(&mut self, bytes: usize) -> Result<(), Error> {
        if !(MIN_FRAGMENT..=MAX_FRAGMENT).contains(&bytes) {
            return Err(Error::Misused("a fragment size is 512 to 16384 bytes"));
        }
        self.core.max_fragment = bytes;
        Ok(())
    }

    /// Appends the session's own pending bytes to `out`: handshake messages, alerts.
    pub fn take_output(&mut self, out: &mut Vec<u8>) {
        // Nothing is kept: after the handshake there is seldom more.
        let said = mem::take(&mut self.core.out);
        self.core.traffic.sent.tls += said.len() as u64;
        if out.is_empty() && out.capacity() < said.len() {
            *out = said;
        } else {
            out.extend_from_slice(&said);
        }
    }

    /// Whether [`take_output`](Self::take_output) has something.
    pub fn has_output(&self) -> bool {
        !self.core.out.is_empty()
    }

    /// Sends close_notify ([RFC 8446, 6.1](https://www.rfc-editor.org/rfc/rfc8446#section-6.1)).
    /// Receiving continues. Repeated calls have no effect.
    /// Before [`Event::HandshakeComplete`] it is kept until then.
    pub fn send_close_notify(&mut self) {
        if mem::replace(&mut self.core.closing.we_sent_close_notify, true) {
            return;
        }
        if let Stage::Open(channel) = &mut self.stage {
            channel.close(&mut self.core.out);
        }
    }

    /// Begins to negotiate an open connection of TLS 1.2 or older again: a client by its hello, a
    /// server by the request for one. [`Event::Renegotiated`] reports its end; what is
    /// encrypted meanwhile is sent then. `client_auth`: whether a server asks for a certificate then,
    /// in place of what it did before.
    ///
    /// # Errors
    /// [`Error::Misused`] where that is not possible: in TLS 1.3, or where the context does not allow
    /// it (`Legacy::renegotiation`).
    pub fn renegotiate(&mut self, client_auth: Option<ClientAuth>) -> Result<(), Error> {
        let client_auth =
            client_auth.map(|auth| (auth != ClientAuth::None, auth == ClientAuth::Require));
        match &mut self.stage {
            Stage::Open(channel) => Ok(channel.renegotiate(client_auth, &mut self.core.out)?),
            Stage::Failed(error) => Err(error.clone()),
            _ => Err(Error::Misused("renegotiation before the handshake is complete")),
        }
    }

    /// Ends the connection with a fatal alert: what was sent is not all, or the peer is not wanted
    /// any longer. Every later call fails with [`Error::RefusedByProgram`]; a session that has failed
    /// before says nothing more. In the middle of a handshake the peer is told only as long as it
    /// can read what is not encrypted.
    pub fn abort(&mut self, alert: Alert) {
        let Core { out, conn, .. } = &mut self.core;
        match self.stage.take() {
            failed @ Stage::Failed(_) => self.stage = failed,
            Stage::Open(mut channel) => channel.abort(alert, out),
            Stage::PeerAsked(asked) => asked.engine.refuse(alert, conn, out),
            Stage::StoreAsked(asked) => asked.engine.refuse(alert, conn, out),
            Stage::Handshake(handshake) if handshake.encrypting => {}
            Stage::Hello(_) | Stage::HelloAsked(_) | Stage::PskAsked(_) | Stage::Handshake(_) => {
                out.extend(alert.plain_record());
            }
        }
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.core.events.pop_front()?;
        if self.core.events.is_empty() {
            self.core.events = VecDeque::new(); // after the handshake there is seldom another
        }
        Some(event)
    }

    /// Traces the connection from now on in OpenSSL's words, where OpenSSL runs it;
    /// from the first message by [`ClientOptions::trace`] and [`ServerOptions::trace`].
    pub fn trace(&mut self) {
        match &mut self.stage {
            Stage::Handshake(handshake) => handshake.engine.trace(),
            Stage::PskAsked(asked) => asked.handshake.engine.trace(),
            Stage::PeerAsked(asked) => asked.engine.trace(),
            Stage::StoreAsked(asked) => asked.engine.trace(),
            Stage::Open(channel) => channel.trace(),
            Stage::Hello(awaited) => awaited.options.trace = true,
            Stage::HelloAsked(asked) => asked.options.trace = true,
            Stage::Failed(_) => {}
        }
    }

    /// The trace since the last call. `None`: the connection is not traced, or OpenSSL does not
    /// run it.
    pub fn take_trace(&mut self) -> Option<Vec<u8>> {
        let said = mem::take(&mut self.core.trace);
        let now = match &mut self.stage {
            Stage::Handshake(handshake) => handshake.engine.take_trace(),
            Stage::PskAsked(asked) => asked.handshake.engine.take_trace(),
            Stage::PeerAsked(asked) => asked.engine.take_trace(),
            Stage::StoreAsked(asked) => asked.engine.take_trace(),
            Stage::Open(channel) => channel.take_trace(),
            Stage::Hello(_) | Stage::HelloAsked(_) | Stage::Failed(_) => None,
        };
        match (said, now) {
            (Some(said), now) => Some([said, now.unwrap_or_default()].concat()),
            (None, now) => now,
        }
    }

    /// The peer; `None` until the handshake is complete.
    pub fn peer(&self) -> Option<&Peer> {
        self.core.peer.as_deref()
    }

    /// The same, to be kept.
    pub(crate) fn shared_peer(&self) -> Option<Arc<Peer>> {
        self.core.peer.clone()
    }

    /// Whether the peer was judged by another context than the session's own.
    #[cfg(feature = "tokio")]
    pub(crate) fn is_judged_elsewhere(&self) -> bool {
        self.core.judged_elsewhere
    }

    /// Why the session failed, if it did: the error that every call returns from then on.
    pub fn error(&self) -> Option<&Error> {
        match &self.stage {
            Stage::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Whether a question is open.
    pub(crate) fn is_asking(&self) -> bool {
        matches!(
            self.stage,
            Stage::HelloAsked(_) | Stage::PskAsked(_) | Stage::PeerAsked(_) | Stage::StoreAsked(_)
        )
    }

    /// Whether the handshake is not complete yet.
    pub fn is_handshaking(&self) -> bool {
        !matches!(self.stage, Stage::Open(_) | Stage::Failed(_))
    }

    /// Whether the peer has said that it sends no more data.
    pub fn peer_has_closed(&self) -> bool {
        self.core.closing.peer_sent_close_notify
    }

    fn new(stage: Stage) -> Self {
        let core = Core {
            out: Vec::new(),
            max_fragment: MAX_FRAGMENT,
            events: VecDeque::new(),
            peer: None,
            conn: EngineState::default(),
            kept: None,
            asked: None,
            traffic: Traffic::default(),
            closing: Closing::default(),
            trace: None,
            judged_elsewhere: false,
        };
        Self { stage, core }
    }

    /// Ends the session: every later call gives the same error.
    fn fail(&mut self, error: Error) -> Error {
        self.stage = Stage::Failed(error.clone());
        error
    }
}

impl Core {
    /// Ends the session over what the peer said, and tells the peer. Nothing is encrypted yet.
    fn refuse(&mut self, error: Error, alert: Alert) -> Stage {
        self.out.extend(alert.plain_record());
        Stage::Failed(error)
    }

    /// Decrypts what came on an open connection. Gives how much of it is done with.
    fn receive(
        &mut self,
        channel: &mut dyn Channel,
        tls: &mut [u8],
        sink: &mut dyn Sink,
    ) -> (usize, Result<(), Error>) {
        if self.closing.peer_sent_close_notify {
            return (0, Ok(()));
        }
        let mut taken = 0;
        let step = loop {
            let mut counted = Counted::new(&mut *sink, &mut self.traffic.received.plaintext);
            let (conn, out) = (&mut self.conn, &mut self.out);
            let (more, step) = channel.receive(conn, &mut tls[taken..], out, &mut counted);
            taken += more;
            match step {
                Ok(Step::Renegotiating) => self.events.push_back(Event::Renegotiating),
                Ok(Step::Renegotiated) => self.renegotiated(channel),
                step => break step,
            }
        };
        if self.asked.is_some() && self.traffic.received.plaintext > 0 {
            self.heard_data();
        }
        self.tell_sessions();
        self.traffic.received.tls += taken as u64;
        let received = step.map_err(|failure| self.refused(failure.into())).map(|step| {
            if step == Step::PeerClosed {
                self.closing.peer_sent_close_notify = true;
                self.events.push_back(Event::PeerClosed);
            }
        });
        (taken, received)
    }
}

impl Stage {
    /// Takes the stage out, to be replaced by the one it leads to; meanwhile there is none to continue
    /// with.
    fn take(&mut self) -> Self {
        mem::replace(self, Self::Failed(Error::RefusedByProgram))
    }

    /// Continues with what the peer sent.
    fn advance(self, tls: &mut [u8], core: &mut Core) -> Turn {
        match self {
            Self::Hello(awaited) => awaited.read(tls, core),
            Self::Handshake(handshake) => handshake.advance(tls, core),
            other => Turn::waits(0, other),
        }
    }
}

impl Turn {
    /// More bytes are needed.
    fn waits(consumed: usize, stage: Stage) -> Self {
        Self { consumed, stage, goes_on: false }
    }

    /// It went over into another stage.
    fn on(consumed: usize, stage: Stage) -> Self {
        Self { consumed, stage, goes_on: true }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello(_) => "waiting for the ClientHello",
            Self::HelloAsked(_) => "asking about the ClientHello",
            Self::Handshake(_) => "in the handshake",
            Self::PskAsked(_) => "asking for a pre-shared key",
            Self::PeerAsked(_) => "asking about the peer",
            Self::StoreAsked(_) => "asking to store a session",
            Self::Open(_) => "open",
            Self::Failed(_) => "failed",
        })
    }
}
