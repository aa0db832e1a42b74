//! The way from the first byte to the verdict: the ClientHello, the engine's handshake, the peer
//! judged, the connection opened.

use std::mem;
use std::sync::Arc;

use sealwire_x509::{Certificate, Purpose};

use super::event::{Event, HelloReply, Question};
use super::facts::Kept;
use super::options::ServerOptions;
use super::peer::{Authorization, Peer};
use super::{Session, Stage, diagnosis, keeping};
use crate::context::Serving;
use crate::engine::{self, Engine, Examiner, Papers, Step, last_word};
use crate::error::{Error, Fault};
use crate::reading::{self, ClientHello};
use crate::words::{
    Alert, ClientAuth, PeerVerification, ProtocolVersion, openssl_reason as reason,
};

/// What is needed until the handshake is complete, and not after.
pub(super) struct Handshake {
    pub(super) engine: Box<dyn Engine>,
    pub(super) asked_for_certificate: bool,
    pub(super) ask_about_peer: bool,
    pub(super) request_ocsp: bool,
    pub(super) server_name: Option<String>,
    /// The identity that is ours when none was asked for.
    pub(super) own: Option<Arc<[Certificate]>>,
    /// What the client said, when we are the server.
    pub(super) hello: Option<Box<ClientHello>>,
    /// Whether we have sent what only the keys of this connection can read.
    pub(super) encrypting: bool,
    /// Whether the first bytes of the peer are still to be looked at.
    pub(super) unheard: bool,
}

impl Session {
    /// Reads the ClientHello if all of it is there, and starts the engine or asks how to.
    /// False: more bytes are needed.
    pub(super) fn read_hello(&mut self, tls: &[u8]) -> Result<bool, Error> {
        if let Some(found) = reading::not_tls(tls, true) {
            return Err(self.fail(Error::NotTls(found)));
        }
        if matches!(tls, [21, 3, ..]) {
            // rustls would take it for the client's last word, and wait.
            let fault = Fault::found("an alert before any hello", &reason::UNEXPECTED_MESSAGE);
            return Err(self.refuse(Error::Misbehaved(fault), Alert::from_number(10)));
        }
        let Stage::Hello(_, reassembly) = &mut self.stage else {
            unreachable!("called in this stage only")
        };
        let hello = match reassembly.read(tls) {
            reading::Read::Incomplete => return Ok(false),
            reading::Read::Complete(hello) => hello,
            // Whatever is wrong with it, the engine says it, with the right alert.
            reading::Read::Broken => Box::default(),
        };
        let stage = mem::replace(&mut self.stage, Stage::Failed(Error::RefusedByProgram));
        let Stage::Hello(options, _) = stage else { unreachable!("called in this stage only") };
        if options.ask_client_hello {
            self.events.push_back(Event::Question(Question::ClientHello(hello.clone())));
            self.stage = Stage::HelloAsked(options, hello);
        } else {
            self.start_server(*options, hello, HelloReply::new())?;
        }
        Ok(true)
    }

    pub(super) fn start_server(
        &mut self,
        options: ServerOptions,
        hello: Box<ClientHello>,
        reply: HelloReply,
    ) -> Result<(), Error> {
        if let Some(context) = reply.context {
            self.context = context;
        }
        if let Err(lack) = self.context.can_speak() {
            return Err(self.refuse(lack.into(), lack.alert()));
        }
        let newest = self.context.newest_version();
        if let Some((error, alert)) = diagnosis::objection(&hello, newest) {
            return Err(self.refuse(error, alert));
        }
        let own = match (&reply.identity, &reply.credentials) {
            (Some(identity), _) => Some(identity.credential().chain()),
            (None, Some(credentials)) => credentials.first_chain(),
            (None, None) => None,
        };
        let own = own.or_else(|| self.context.first_chain()).cloned();
        let config = self.context.server_config(Serving {
            client_auth: options.client_auth,
            alpn: reply.alpn.as_deref().unwrap_or(&options.alpn),
            credentials: reply.credentials.as_ref(),
            identity: reply.identity,
            ocsp_staple: reply.ocsp_staple,
        });
        let engine = match engine::server(config) {
            Ok(engine) => engine,
            Err(failure) => return Err(self.fail(failure.into())),
        };
        let examiner = Examiner {
            policy: reply.credentials.as_ref().unwrap_or(&self.context).policy().clone(),
            name: None,
            pins: None,
            purpose: Purpose::Client,
        };
        let refuse_at_once = options.client_auth == ClientAuth::Require
            && options.verification == PeerVerification::Required;
        let mut papers = Box::new(Papers::new(examiner, refuse_at_once, options.key_log));
        papers.at_most = diagnosis::at_most(&hello);
        papers.server.storing = options.storing;
        papers.server.found = reply.resume;
        self.desk.papers = Some(papers);
        self.stage = Stage::Handshake(Box::new(Handshake {
            engine,
            asked_for_certificate: options.client_auth != ClientAuth::None,
            ask_about_peer: options.ask_about_peer,
            request_ocsp: false,
            server_name: hello.server_name().map(str::to_owned),
            own,
            hello: Some(hello),
            encrypting: false,
            unheard: false,
        }));
        Ok(())
    }

    /// Drives the handshake. Gives the bytes consumed, and whether it is complete.
    pub(super) fn advance_handshake(&mut self, tls: &mut [u8]) -> (usize, Result<bool, Error>) {
        let Stage::Handshake(handshake) = &mut self.stage else {
            unreachable!("called in this stage only")
        };
        if handshake.unheard && !tls.is_empty() {
            if let Some(found) = reading::not_tls(tls, false) {
                return (0, Err(self.fail(Error::NotTls(found))));
            }
            handshake.unheard = false;
        }
        let Handshake { engine, encrypting, hello, .. } = &mut **handshake;
        let (start, desk) = (self.out.len(), &mut self.desk);
        let (consumed, step) = engine.advance(desk, tls, &mut self.out);
        if let Some(sessions) = &mut desk.sessions {
            sessions.look(&tls[..consumed]);
        }
        if let Some(lines) = desk.papers.as_mut().and_then(|papers| papers.key_log.as_mut()) {
            self.events.extend(lines.drain(..).map(Event::KeyLog));
        }
        let outcome = match step {
            Ok(Step::HandshakeComplete) => self.complete_handshake().map(|()| true),
            Ok(_) => {
                *encrypting |= last_word::has_begun_to_encrypt(&self.out[start..]);
                Ok(false)
            }
            Err(mut failure) => {
                let version = engine.version();
                if let Some(hello) = hello {
                    let likely = version.or_else(|| diagnosis::at_most(hello));
                    diagnosis::refine(&mut failure, hello, likely, &self.context);
                }
                if let Some(alert) = failure.alert {
                    let may_add = !*encrypting && version != Some(ProtocolVersion::Tls13);
                    last_word::correct(&mut self.out, start, alert, may_add);
                }
                Err(self.fail(failure.into()))
            }
        };
        (consumed, outcome)
    }

    /// Judges the peer, unless that was done inside the handshake, and writes down what is known.
    pub(super) fn complete_handshake(&mut self) -> Result<(), Error> {
        let stage = mem::replace(&mut self.stage, Stage::Failed(Error::RefusedByProgram));
        let Stage::Handshake(handshake) = stage else { unreachable!("called in this stage only") };
        let Handshake { engine, asked_for_certificate, ask_about_peer, server_name, .. } =
            *handshake;
        let Handshake { request_ocsp, own, hello, .. } = *handshake;
        let facts = engine.facts().expect("a complete handshake has all facts");
        let papers = self.desk.papers.as_mut().expect("the engine gave the desk back");
        let we_are_client = papers.examiner.purpose == Purpose::Server;
        let must_pass = papers.refuse_at_once;
        let (certificates, authorization) = if asked_for_certificate {
            // Inside a resumed handshake nobody is asked; the chain that the session was made with
            // was judged before it was offered or accepted. A client that was asked and had no
            // certificate is judged here.
            let chain = engine.peer_chain();
            let judged = if facts.resumed { papers.resumed.take() } else { papers.examined.take() };
            let (certificates, verdict) = judged
                .filter(|(judged, _)| !facts.resumed || keeping::is_chain(judged, &chain))
                .unwrap_or_else(|| papers.examiner.examine(None, chain, self.context.now()));
            let authorization =
                verdict.refusal().map_or(Authorization::Authorized, Authorization::Refused);
            (certificates, authorization)
        } else {
            (Vec::new(), Authorization::NotAsked)
        };
        if let (true, Authorization::Refused(refusal)) = (must_pass, &authorization) {
            if let Some((server_name, _)) = &papers.examiner.name {
                self.context.forget_sessions(server_name);
            }
            return Err(self.fail(Error::PeerRefused(refusal.clone())));
        }
        let schemes = match &hello {
            Some(hello) => hello.signature_schemes(),
            None => &papers.requested_schemes,
        };
        let shared_schemes = match facts.resumed {
            true => Box::default(), // nobody signed anything
            false => self.context.shared_schemes(schemes),
        };
        let can_staple = !facts.resumed || facts.protocol != ProtocolVersion::Tls12;
        let ocsp_response = papers.ocsp_response.take().filter(|_| request_ocsp);
        if request_ocsp && can_staple {
            self.events.push_back(Event::OcspResponse(ocsp_response.clone()));
        }
        let to_store = mem::take(&mut papers.server).made(facts.protocol == ProtocolVersion::Tls13);
        self.peer = Some(Box::new(Peer {
            authorization,
            certificates,
            protocol: facts.protocol,
            cipher: facts.cipher,
            group: facts.group,
            alpn: facts.alpn,
            server_name,
            resumed: facts.resumed,
            local_certificates: papers.shown.take().or(own),
            shared_schemes,
            ocsp_response,
        }));
        self.kept = Some(Box::new(Kept { we_are_client, secrets: mem::take(&mut papers.secrets) }));
        if ask_about_peer {
            self.events.push_back(Event::Question(Question::VerifyPeer));
            self.stage = Stage::PeerAsked(engine, to_store);
            Ok(())
        } else {
            self.store_or_open(engine, to_store)
        }
    }

    /// Leaves the handshake behind: from here on there are data.
    pub(super) fn open(&mut self, engine: Box<dyn Engine>) -> Result<(), Error> {
        let mut channel = match engine.open(&mut self.desk, &mut self.out) {
            Ok(channel) => channel,
            Err(failure) => return Err(self.fail(failure.into())),
        };
        self.desk.papers = None;
        if self.closing.we_sent_close_notify {
            channel.close(&mut self.out);
        }
        self.events.push_back(Event::HandshakeComplete);
        self.tell_first_session();
        self.stage = Stage::Open(channel);
        Ok(())
    }
}
