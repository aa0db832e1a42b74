//! The way from the first byte to the verdict: the ClientHello, the engine's handshake, the peer
//! judged.

use std::mem;
use std::sync::Arc;

use sealwire_x509::{Certificate, Purpose};

use super::asked::{AskedHello, AskedPeer, AskedPsk, store_or_open};
use super::event::Event;
use super::facts::HandshakeSummary;
use super::options::ServerOptions;
use super::peer::{Authorization, EchStatus, Peer};
use super::refused::{Asked, explained};
use super::reply::HelloReply;
use super::{Core, Stage, Turn, diagnosis, keeping};
use crate::context::{SecureContext, Serving};
use crate::engine::{
    self, Again, Channel, EarlyData, Engine, Examiner, Facts, Failure, HandshakeState, Step,
    last_word,
};
use crate::error::{Error, Fault};
use crate::reading::{self, ClientHello, Reassembly};
use crate::verify::Verdict;
use crate::words::{
    Alert, ClientAuth, PeerVerification, ProtocolVersion, openssl_reason as reason,
};

/// A server that has not read the whole ClientHello yet.
pub(super) struct AwaitedHello {
    pub(super) context: SecureContext,
    pub(super) options: Box<ServerOptions>,
    pub(super) reassembly: Reassembly,
}

/// What is needed until the handshake is complete, and not after.
pub(super) struct Handshake {
    pub(super) engine: Box<dyn Engine>,
    /// Not kept beyond: an open connection may outlive many contexts, each with its revocation lists.
    pub(super) context: SecureContext,
    pub(super) asked_for_certificate: bool,
    pub(super) ask_about_peer: bool,
    pub(super) request_ocsp: bool,
    pub(super) server_name: Option<String>,
    /// The identity that is ours when none was asked for.
    pub(super) own: Option<Arc<[Certificate]>>,
    /// Whether our hello looks as if it hid something.
    pub(super) greases: bool,
    /// What the client said, when we are the server.
    pub(super) hello: Option<Box<ClientHello>>,
    /// Whether we have sent what only the keys of this connection can read.
    pub(super) encrypting: bool,
    /// Whether the first bytes of the peer are still to be looked at.
    pub(super) unheard: bool,
}

impl AwaitedHello {
    /// Reads the ClientHello if all of it is there, and starts the engine or asks how to.
    pub(super) fn read(mut self, tls: &[u8], core: &mut Core) -> Turn {
        if let Some(found) = reading::not_tls(tls, true) {
            return Turn::on(0, Stage::Failed(Error::NotTls(found)));
        }
        if matches!(tls, [21, 3, ..]) {
            // The engine would take it for the client's last word, and wait.
            let fault =
                Fault::found("an alert before the ClientHello", &reason::UNEXPECTED_MESSAGE);
            let refused = core.refuse(Error::Misbehaved(fault), Alert::from_number(10));
            return Turn::on(0, refused);
        }
        let hello = match self.reassembly.read(tls) {
            reading::Read::Incomplete => return Turn::waits(0, Stage::Hello(self)),
            reading::Read::Complete(hello) => hello,
            // Whatever is wrong with it, the engine says it, with the right alert.
            reading::Read::Broken => Box::default(),
        };
        let asks = self.options.ask_client_hello;
        let asked = AskedHello { context: self.context, options: self.options, hello };
        if asks {
            core.events.push_back(Event::Question);
            return Turn::on(0, Stage::HelloAsked(asked));
        }
        Turn::on(0, serve(asked, HelloReply::new(), core))
    }
}

/// Starts the engine of a server, as the reply to the hello has it.
pub(super) fn serve(asked: AskedHello, reply: HelloReply, core: &mut Core) -> Stage {
    let AskedHello { context, options, hello } = asked;
    let client_auth = reply.client_auth.unwrap_or(options.client_auth);
    let context = reply.context.unwrap_or(context);
    if let Err(lack) = context.can_speak() {
        return core.refuse(lack.into(), lack.alert());
    }
    let own = match (&reply.identity, &reply.credentials) {
        (Some(identity), _) => Some(identity.credential().chain()),
        (None, Some(credentials)) => credentials.first_chain(),
        (None, None) => None,
    };
    let own = own.or_else(|| context.first_chain()).cloned();
    let serving = Serving {
        client_auth,
        alpn: reply.alpn.as_deref().unwrap_or(&options.alpn),
        credentials: reply.credentials.as_ref(),
        identity: reply.identity,
        ocsp_staple: reply.ocsp_staple,
    };
    let engine = match context.old_server(&serving, &hello) {
        Some((old, service)) => old.server(service, options.trace),
        None => {
            if let Some((error, alert)) = diagnosis::objection(&hello, context.newest_version()) {
                return core.refuse(error, alert);
            }
            engine::server(context.server_config(serving, &hello))
        }
    };
    let engine = match engine {
        Ok(engine) => engine,
        Err(failure) => return Stage::Failed(failure.into()),
    };
    let examiner = Examiner {
        policy: reply.credentials.as_ref().unwrap_or(&context).policy().clone(),
        name: None,
        pins: None,
        purpose: Purpose::Client,
    };
    let refuse_at_once =
        client_auth == ClientAuth::Require && options.verification == PeerVerification::Required;
    let mut handshake = Box::new(HandshakeState::new(examiner, refuse_at_once, options.key_log));
    handshake.at_most = diagnosis::at_most(&hello);
    handshake.early_data = hello.offers_early_data().then(EarlyData::default);
    handshake.server.storing = options.storing;
    handshake.server.found = reply.resume;
    core.conn.handshake = Some(handshake);
    core.judged_elsewhere =
        reply.credentials.as_ref().is_some_and(|other| !other.judges_like(&context));
    Stage::Handshake(Box::new(Handshake {
        engine,
        context,
        asked_for_certificate: client_auth != ClientAuth::None,
        ask_about_peer: options.ask_about_peer,
        request_ocsp: false,
        server_name: hello.server_name().map(str::to_owned),
        own,
        greases: false,
        hello: Some(hello),
        encrypting: false,
        unheard: false,
    }))
}

impl Handshake {
    /// Drives the handshake.
    pub(super) fn advance(mut self: Box<Self>, tls: &mut [u8], core: &mut Core) -> Turn {
        if self.unheard && !tls.is_empty() {
            if let Some(found) = reading::not_tls(tls, false) {
                return Turn::on(0, Stage::Failed(Error::NotTls(found)));
            }
            self.unheard = false;
        }
        let start = core.out.len();
        let (consumed, step) = self.drive(tls, core);
        if step.is_ok() && self.is_unread() && core.out.len() > start {
            // The program was shown no hello, so the engine may not answer one either.
            core.out.truncate(start);
            let fault = Fault::found("a ClientHello that cannot be read", &reason::LENGTH_MISMATCH);
            let refused = core.refuse(Error::Misbehaved(fault), Alert::from_number(50));
            return Turn::on(consumed, refused);
        }
        match step {
            Ok(Step::HandshakeComplete) => Turn::on(consumed, self.complete(core)),
            Ok(Step::AskPsk) => {
                core.events.push_back(Event::Question);
                Turn::on(consumed, Stage::PskAsked(AskedPsk { handshake: self }))
            }
            Ok(_) => {
                self.encrypting |= last_word::has_begun_to_encrypt(&core.out[start..]);
                Turn::waits(consumed, Stage::Handshake(self))
            }
            Err(failure) => {
                core.trace = self.engine.take_trace();
                Turn::on(consumed, Stage::Failed(self.diagnose(failure, start, core)))
            }
        }
    }

    /// Whether there was no reading the hello of the client that we serve.
    fn is_unread(&self) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.as_bytes().is_empty())
    }

    /// Calls the engine with the connection's state.
    fn drive(&mut self, tls: &mut [u8], core: &mut Core) -> (usize, Result<Step, Failure>) {
        let conn = &mut core.conn;
        let (consumed, step) = self.engine.advance(conn, tls, &mut core.out);
        if let Some(sessions) = &mut conn.sessions {
            sessions.look(&tls[..consumed]);
        }
        if let Some(lines) =
            conn.handshake.as_mut().and_then(|handshake| handshake.key_log.as_mut())
        {
            core.events.extend(lines.drain(..).map(Event::KeyLog));
        }
        // Only once the server has passed: a refused server's request is not reported.
        if step.is_ok()
            && let Some(handshake) =
                conn.handshake.as_mut().filter(|handshake| handshake.examined.is_some())
            && handshake.tell_request
            && let Some(request) = handshake.request()
        {
            handshake.tell_request = false;
            core.events.push_back(Event::CertificateRequested(request));
        }
        (consumed, step)
    }

    /// The party at fault for the failed handshake; and the alert that says so, at the end of what is
    /// sent, of which the engine wrote what is behind `start`.
    fn diagnose(self, mut failure: Failure, start: usize, core: &mut Core) -> Error {
        let version = self.engine.version();
        if let Some(hello) = &self.hello
            && !self.engine.is_openssl()
        {
            let likely = version.or_else(|| diagnosis::at_most(hello));
            diagnosis::refine(&mut failure, hello, likely, &self.context);
        }
        if let Some(alert) = failure.alert
            && !self.engine.say_last(alert, &core.conn, start, &mut core.out)
        {
            let may_add = !self.encrypting && version != Some(ProtocolVersion::Tls13);
            last_word::correct(&mut core.out, start, alert, may_add);
        }
        match self.hello {
            Some(_) => failure.error,
            None => {
                let own = self.own.as_deref().unwrap_or_default();
                let request =
                    core.conn.handshake.as_deref_mut().and_then(HandshakeState::take_request);
                explained(failure.error, &self.context, own, request)
            }
        }
    }

    /// Judges the peer, unless that was done inside the handshake, and writes down what is known.
    fn complete(self, core: &mut Core) -> Stage {
        let Self { engine, context, asked_for_certificate, ask_about_peer, .. } = self;
        let Self { server_name, request_ocsp, own, hello, greases, .. } = self;
        let facts = engine.facts().expect("a complete handshake has all facts");
        let handshake =
            core.conn.handshake.as_mut().expect("they stay until the connection is open");
        // With pins it must prove one of those keys, and a PSK proves none.
        let by_psk = handshake.psk.used.take();
        let by_psk =
            by_psk.filter(|_| handshake.examined.is_none() && handshake.examiner.pins.is_none());
        let (certificates, authorization) = match by_psk {
            Some(identity) => (Vec::new(), Authorization::ByPsk(identity.into())),
            None if asked_for_certificate => judged(&*engine, &facts, handshake, context.now()),
            None => (Vec::new(), Authorization::NotAsked),
        };
        if let (true, Authorization::Refused(refusal)) = (handshake.refuse_at_once, &authorization)
        {
            if let Some((server_name, _)) = &handshake.examiner.name {
                context.forget_sessions(server_name);
            }
            engine.refuse(engine::alert_for(refusal), &mut core.conn, &mut core.out);
            return Stage::Failed(Error::PeerRefused(refusal.clone()));
        }
        let schemes = match &hello {
            Some(hello) => hello.signature_schemes(),
            None => &handshake.requested_schemes,
        };
        let shared_schemes = if facts.resumed {
            Box::default() // without a signature
        } else {
            context.shared_schemes(schemes)
        };
        let can_staple = !facts.resumed || facts.protocol != ProtocolVersion::Tls12;
        let ocsp_response = handshake.ocsp_response.take().filter(|_| request_ocsp);
        if request_ocsp && can_staple {
            core.events.push_back(Event::OcspResponse(ocsp_response.clone()));
        }
        // Up to TLS 1.2 it has passed judgement before the handshake is complete.
        let request = handshake.take_request().filter(|_| facts.protocol == ProtocolVersion::Tls13);
        let to_store =
            mem::take(&mut handshake.server).made(facts.protocol == ProtocolVersion::Tls13);
        let we_are_client = handshake.examiner.purpose == Purpose::Server;
        let peer = Arc::new(Peer {
            authorization,
            certificates,
            protocol: facts.protocol,
            cipher: facts.cipher,
            group: facts.group,
            dh_bits: facts.dh_bits,
            alpn: facts.alpn,
            server_name,
            resumed: facts.resumed,
            local_certificates: handshake.shown.take().or(own),
            shared_schemes,
            ocsp_response,
            is_server: we_are_client,
            // A server that does not take what is hidden ends the handshake with an error.
            ech: match (&handshake.public_name, greases) {
                (Some(public_name), _) => EchStatus::Accepted { public_name: public_name.clone() },
                (None, true) => EchStatus::Grease,
                (None, false) => EchStatus::NotOffered,
            },
        });
        core.peer = Some(peer.clone());
        core.kept = Some(Box::new(HandshakeSummary {
            we_are_client,
            secrets: mem::take(&mut handshake.secrets),
        }));
        core.asked = request.map(|request| Box::new(Asked { context, request }));
        if ask_about_peer {
            core.events.push_back(Event::Question);
            Stage::PeerAsked(AskedPeer { engine, peer, to_store })
        } else {
            store_or_open(engine, to_store, core)
        }
    }
}

/// The peer's chain and what was found of it.
///
/// A resumed handshake carries no certificates; the chain that the session was made with was judged
/// before it was offered or accepted. A client that was asked and had no certificate is judged here.
fn judged(
    engine: &dyn Engine,
    facts: &Facts,
    handshake: &mut HandshakeState,
    now: i64,
) -> (Vec<Certificate>, Authorization) {
    let chain = engine.peer_chain();
    let judged = if facts.resumed { handshake.resumed.take() } else { handshake.examined.take() };
    let (certificates, verdict) = judged
        .filter(|(judged, _)| !facts.resumed || keeping::is_chain(judged, &chain))
        .unwrap_or_else(|| handshake.examiner.examine(None, chain, now));
    (certificates, authorization_of(verdict))
}

fn authorization_of(verdict: Verdict) -> Authorization {
    match verdict.into_path() {
        Ok(path) => Authorization::Authorized(path),
        Err(refusal) => Authorization::Refused(refusal),
    }
}

impl Core {
    /// An open connection was negotiated again: what is known of the peer is what it has shown now.
    pub(super) fn renegotiated(&mut self, channel: &mut dyn Channel) {
        let (Some(again), Some(before)) = (channel.again(), &self.peer) else { return };
        let Again { facts, examined } = again;
        let mut peer = Peer::clone(before);
        if let Some((certificates, verdict)) = examined {
            peer.certificates = certificates;
            peer.authorization = authorization_of(verdict);
        } else if !facts.resumed && !matches!(peer.authorization, Authorization::ByPsk(_)) {
            // It was not asked, or has no certificate: an earlier one does not count now.
            peer.certificates = Vec::new();
            peer.authorization = Authorization::NotAsked;
        }
        (peer.protocol, peer.cipher) = (facts.protocol, facts.cipher);
        (peer.group, peer.dh_bits, peer.resumed) = (facts.group, facts.dh_bits, facts.resumed);
        self.peer = Some(Arc::new(peer));
        self.events.push_back(Event::Renegotiated);
    }
}
