//! What went by in a handshake, and the facts in it.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sealwire::reading::{ClientHello, HANDSHAKE, HandshakeMessage, Record};
use sealwire::trace::{Message, Sender, Tracer};
use sealwire::{Error, KeyLogLine, Peer};

use super::advice;
use crate::flow::{
    CertificateFact, ClientHelloFacts, HandshakeFacts, Leg, TlsFailure, VerdictFacts,
};

/// Bytes and secrets of a handshake, as they went by.
pub(crate) struct Seen {
    leg: Leg,
    start: Instant,
    began: SystemTime,
    chunks: Vec<(Duration, Sender, Vec<u8>)>,
    length: usize,
    secrets: Vec<KeyLogLine>,
}

/// How much of a handshake is kept. With long chains and post-quantum shares it has some 10 KiB.
const MOST: usize = 256 * 1024;

impl Seen {
    pub(crate) fn new(leg: Leg) -> Self {
        Self {
            leg,
            start: Instant::now(),
            began: SystemTime::now(),
            chunks: Vec::new(),
            length: 0,
            secrets: Vec::new(),
        }
    }

    pub(crate) fn read(&mut self, bytes: &[u8]) {
        let from = if self.leg == Leg::Client { Sender::Client } else { Sender::Server };
        self.keep(from, bytes);
    }

    pub(crate) fn wrote(&mut self, bytes: &[u8]) {
        let from = if self.leg == Leg::Client { Sender::Server } else { Sender::Client };
        self.keep(from, bytes);
    }

    pub(crate) fn secret(&mut self, line: KeyLogLine) {
        self.secrets.push(line);
    }

    /// The facts of a handshake that ended, well or by `error`.
    pub(crate) fn facts(&self, peer: Option<&Peer>, error: Option<&Error>) -> HandshakeFacts {
        let trace = self.trace();
        let messages = trace.messages();
        let mut facts = HandshakeFacts {
            hello: self.hello().map_or_else(ClientHelloFacts::default, |hello| facts_of(&hello)),
            told: messages.iter().map(line).collect(),
            key_log: self.secrets.iter().map(|line| line.as_str().to_owned()).collect(),
            wire: [self.wire(Sender::Client), self.wire(Sender::Server)],
            failure: error.map(failure),
            ..HandshakeFacts::default()
        };
        if self.leg == Leg::Origin {
            facts.chain = trace.certificates().iter().map(fact).collect();
            facts.asked_for_certificate = asked(messages);
            facts.verdict = match (peer, error) {
                (Some(peer), _) => Some(verdict(peer.authorization_error())),
                (None, Some(Error::PeerRefused(refusal))) => Some(verdict(Some(refusal))),
                _ => None,
            };
        }
        if let Some(peer) = peer {
            facts.version = Some(peer.protocol().to_string());
            facts.cipher = Some(peer.cipher().to_string());
            facts.group = peer.group().map(|group| group.to_string());
            facts.alpn = peer.alpn().map(Bytes::copy_from_slice);
            facts.resumed = peer.is_resumed();
            if !peer.certificates().is_empty() {
                facts.chain = peer.certificates().iter().map(fact).collect();
            }
        }
        facts
    }

    fn keep(&mut self, from: Sender, bytes: &[u8]) {
        if bytes.is_empty() || self.length + bytes.len() > MOST {
            return;
        }
        self.length += bytes.len();
        self.chunks.push((self.start.elapsed(), from, bytes.to_vec()));
    }

    fn trace(&self) -> Tracer {
        let mut tracer = Tracer::new(self.began);
        for line in &self.secrets {
            tracer.secret(line.clone());
        }
        for (at, from, bytes) in &self.chunks {
            tracer.bytes(*from, *at, bytes);
        }
        tracer
    }

    fn wire(&self, of: Sender) -> Bytes {
        let bytes = self.chunks.iter().filter(|(_, from, _)| *from == of);
        bytes.flat_map(|(_, _, bytes)| bytes.iter().copied()).collect()
    }

    fn hello(&self) -> Option<ClientHello> {
        let bytes = self.wire(Sender::Client);
        let mut rest = &bytes[..];
        let mut message = Vec::new();
        while let Some(record) = Record::first(rest).filter(|record| record.kind == HANDSHAKE) {
            message.extend_from_slice(record.content());
            if let Some(whole) = HandshakeMessage::first(&message) {
                return ClientHello::parse(whole.bytes);
            }
            rest = &rest[record.bytes.len()..];
        }
        None
    }
}

fn facts_of(hello: &ClientHello) -> ClientHelloFacts {
    ClientHelloFacts {
        server_name: hello.server_name().map(str::to_owned),
        alpn: hello.alpn().iter().map(|name| Bytes::copy_from_slice(name)).collect(),
        ja3: Some(hello.ja3()),
        ja4: Some(hello.ja4()),
    }
}

fn fact(certificate: &sealwire::pki::Certificate) -> CertificateFact {
    CertificateFact { der: Bytes::copy_from_slice(certificate.der()) }
}

fn verdict(refusal: Option<&sealwire::verify::Refusal>) -> VerdictFacts {
    let Some(refusal) = refusal else {
        return VerdictFacts {
            authorized: true,
            code: None,
            evidence: Vec::new(),
            advice: Vec::new(),
        };
    };
    let code = refusal.code().name();
    VerdictFacts {
        authorized: false,
        code: Some(code.to_owned()),
        evidence: refusal.findings().iter().map(ToString::to_string).collect(),
        advice: advice::for_code(code).map(str::to_owned).into_iter().collect(),
    }
}

/// Alerts by which a client says that it does not want our certificate (RFC 8446, 6.2).
fn refuses_certificate(alert: u8) -> bool {
    matches!(alert, 42..=46 | 48)
}

fn failure(error: &Error) -> TlsFailure {
    let alert = error.alert().map(sealwire::Alert::number);
    TlsFailure {
        reason: match error {
            Error::PeerRefused(refusal) => refusal.to_string(),
            _ => format!("{error} [{}]", error.code()),
        },
        alert,
        refused_certificate: alert.is_some_and(refuses_certificate),
    }
}

/// The CAs that an origin accepts certificates of; `None` when it asked for none.
fn asked(messages: &[Message]) -> Option<Vec<String>> {
    let request = messages.iter().find(|message| message.name == "CertificateRequest")?;
    let names = request.fields.iter().filter(|(name, _)| name == "CA");
    Some(names.map(|(_, ca)| ca.clone()).collect())
}

/// A line as `seal inspect --explain` has it.
fn line(message: &Message) -> String {
    let at = (message.at.as_secs_f64() * 1e4).round() / 10.0;
    let arrow = if message.from == Sender::Client { "->" } else { "<-" };
    let name = match message.encrypted {
        true => format!("{{{}}}", message.name),
        false => message.name.clone(),
    };
    let mut line = format!("{at:.1} ms {arrow} {name} {} B: {}", message.bytes, message.says);
    if let Some(why) = &message.why {
        line.push_str(" (");
        line.push_str(why);
        line.push(')');
    }
    line
}
