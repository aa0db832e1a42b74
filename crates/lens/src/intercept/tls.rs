//! TLS of both legs: the client's hello first, then the origin, then the client's answer.

use sealwire::pki::{Certificate, Error as PkiError};
use sealwire::session::{Event, HelloReply, Question};
use sealwire::verify::PublicRevocations;
use sealwire::{
    Alert, ClientOptions, Error, Peer, PeerVerification, SecureContext, ServerName, ServerOptions,
    Session,
};
use tokio::io::AsyncWriteExt;

use super::handshake::Handshake;
use super::stream::Stream;
use super::wire::Wire;
use super::{ConnectionRecorder, HostPattern, Proxy, Refusal, Settings, Target};
use crate::flow::{Leg, PublicRevocationFacts, What};

/// What is made once for all connections.
pub(crate) struct Contexts {
    client: SecureContext,
    origin: SecureContext,
    /// Those with a certificate of ours, for the hosts that ask.
    identified: Vec<(HostPattern, SecureContext)>,
}

/// What became of a client that began with TLS.
pub(crate) enum Met {
    /// Both legs are open, or the client's only, with the origin's failure.
    Open { client: Stream, origin: Result<Origin, Refusal> },
    /// Left alone, with what the client has sent already.
    LeftAlone { client: Wire, origin: Wire },
    /// The client did not come in.
    Failed(String),
}

/// An origin that is connected.
pub(crate) struct Origin {
    pub(crate) stream: Stream,
    /// The CAs that it takes client certificates of, if it asked for one.
    pub(crate) asked: Option<Vec<String>>,
}

/// How an origin is to be asked.
pub(crate) struct Ask<'a> {
    pub(crate) target: &'a Target,
    /// The name that it must prove.
    pub(crate) name: &'a str,
    pub(crate) send_sni: bool,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) resume: bool,
}

impl Contexts {
    pub(crate) fn new(settings: &Settings) -> Result<Self, PkiError> {
        let build = |builder: sealwire::SecureContextBuilder| {
            builder
                .build()
                .map_err(|e| PkiError::new(sealwire::pki::Problem::InvalidValue, e.to_string()))
        };
        let origin = || SecureContext::builder().trust(settings.trust.clone());
        let mut identified = Vec::new();
        for (host, identity) in &settings.client_certificates {
            identified.push((host.clone(), build(origin().identity(identity.clone()))?));
        }
        // Each connection shows an identity of its own; this one is never shown.
        let placeholder = settings.authority.identity("proxy.invalid", None)?;
        let client = build(SecureContext::builder().identity(placeholder))?;
        Ok(Self { client, origin: build(origin())?, identified })
    }

    fn for_origin(&self, host: &str) -> &SecureContext {
        let fits = self.identified.iter().find(|(pattern, _)| pattern.fits(host));
        fits.map_or(&self.origin, |(_, context)| context)
    }
}

/// Meets a client that begins with TLS, on its way to `origin`.
pub(crate) async fn meet(
    proxy: &Proxy,
    recorder: &ConnectionRecorder,
    client: Wire,
    origin: Result<Wire, Refusal>,
    target: &Target,
) -> Met {
    let options = ServerOptions::new().ask_client_hello(true).key_log(true);
    let session = Session::server(&proxy.contexts.client, &options);
    let mut shaking = Handshake::new(client, session, Leg::Client);
    let hello = match shaking.next().await {
        Ok(_) => match shaking.driver().question() {
            Some(Question::ClientHello(asked)) => asked.hello().clone(),
            _ => return Met::Failed("the client's handshake failed".to_owned()),
        },
        Err(error) => return Met::Failed(failed(proxy, recorder, shaking, &error, None)),
    };
    let host = hello.server_name().unwrap_or(&target.host).to_owned();
    if let Some(reason) = left_alone(proxy, &host, target) {
        recorder.passed_by(reason);
        return match origin {
            Ok(origin) => Met::LeftAlone { client: shaking.leave(), origin },
            Err(refusal) => Met::Failed(refusal.line()),
        };
    }
    let ask = Ask {
        target,
        name: if proxy.stands_for_one() { &target.host } else { &host },
        send_sni: hello.server_name().is_some() || proxy.stands_for_one(),
        alpn: hello.alpn().to_vec(),
        resume: hello.offers_ticket(),
    };
    let origin = match origin {
        Ok(wire) => shake_origin(proxy, recorder, wire, &ask).await,
        Err(refusal) => Err(refusal),
    };
    let reply = match reply(proxy, &host, &hello, &origin) {
        Ok(reply) => Ok(reply),
        Err(error) => {
            recorder.passed_by(format!("no certificate can be made for {host}: {error}"));
            Err(Alert::UNRECOGNIZED_NAME)
        }
    };
    let complete = match shaking.answer(reply) {
        Ok(()) => shaking.next().await,
        Err(error) => Err(error),
    };
    match complete {
        Ok(Event::HandshakeComplete) => {
            let facts = shaking.seen.facts(shaking.session().peer(), None);
            told(recorder, Leg::Client, facts);
        }
        Ok(_) => return Met::Failed("the client's handshake failed".to_owned()),
        Err(error) => {
            if let Ok(mut origin) = origin {
                // It was never asked anything; it is told that nothing comes.
                let _ = origin.stream.shutdown().await;
            }
            return Met::Failed(failed(proxy, recorder, shaking, &error, Some(&host)));
        }
    }
    match shaking.into_stream() {
        Ok(tls) => Met::Open { client: Stream::tls(tls), origin },
        Err(error) => Met::Failed(error.to_string()),
    }
}

/// Meets a client that begins with TLS, where the origin is asked in plaintext.
pub(crate) async fn meet_alone(
    proxy: &Proxy,
    recorder: &ConnectionRecorder,
    client: Wire,
    target: &Target,
) -> Result<Stream, String> {
    let options = ServerOptions::new().ask_client_hello(true).key_log(true);
    let session = Session::server(&proxy.contexts.client, &options);
    let mut shaking = Handshake::new(client, session, Leg::Client);
    let outcome = async {
        shaking.next().await?;
        let hello = match shaking.driver().question() {
            Some(Question::ClientHello(asked)) => asked.hello().clone(),
            _ => return Err(Error::Misused("no hello")),
        };
        let host = hello.server_name().unwrap_or(&target.host);
        let reply = match proxy.settings.authority.identity(host, None) {
            Ok(identity) => {
                let one = hello.alpn().iter().any(|protocol| protocol == b"http/1.1");
                Ok(HelloReply::new().identity(identity).alpn(one.then_some("http/1.1")))
            }
            Err(_) => Err(Alert::UNRECOGNIZED_NAME),
        };
        shaking.answer(reply)?;
        shaking.next().await
    };
    match outcome.await {
        Ok(_) => {
            told(recorder, Leg::Client, shaking.seen.facts(shaking.session().peer(), None));
            shaking.into_stream().map(Stream::tls).map_err(|e| e.to_string())
        }
        Err(error) => Err(failed(proxy, recorder, shaking, &error, Some(&target.host))),
    }
}

/// Shakes hands with an origin.
pub(crate) async fn shake_origin(
    proxy: &Proxy,
    recorder: &ConnectionRecorder,
    wire: Wire,
    ask: &Ask<'_>,
) -> Result<Origin, Refusal> {
    let name: ServerName = ask.name.parse().map_err(|e| {
        Refusal::other(ask.target, format!("{:?} is not a server name: {e}", ask.name))
    })?;
    let verification = match proxy.settings.insecure {
        true => PeerVerification::Recorded,
        false => PeerVerification::Required,
    };
    let options = ClientOptions::new(name)
        .alpn(ask.alpn.iter().cloned())
        .send_sni(ask.send_sni)
        .resume(ask.resume)
        .verification(verification)
        .key_log(true);
    let session = Session::client(proxy.contexts.for_origin(ask.name), &options)
        .map_err(|e| Refusal::tls(ask.target, &e, None))?;
    let mut shaking = Handshake::new(wire, session, Leg::Origin);
    let outcome = shaking.next().await;
    let peer = shaking.session().peer();
    let mut facts = shaking.seen.facts(peer, outcome.as_ref().err());
    if let Some(data) = &proxy.settings.public_revocations {
        let refusal = match &outcome {
            Err(Error::PeerRefused(refusal)) => Some(refusal),
            _ => peer.and_then(Peer::authorization_error),
        };
        let chain = refusal
            .map(sealwire::verify::Refusal::chain)
            .or_else(|| peer.map(Peer::verified_chain));
        facts.public_revocation = on_public_web(data, chain.unwrap_or_default());
    }
    let asked = facts.asked_for_certificate.clone();
    told(recorder, Leg::Origin, facts);
    let outcome = outcome.and_then(|_| shaking.into_stream());
    let tls = outcome.map_err(|e| Refusal::tls(ask.target, &e, asked.as_deref()))?;
    Ok(Origin { stream: Stream::tls(tls), asked })
}

/// Of a chain, leaf first. `None` where it has no issuer, or the data cannot be read: then the verdict says why.
fn on_public_web(data: &PublicRevocations, chain: &[Certificate]) -> Option<PublicRevocationFacts> {
    let [leaf, issuer, ..] = chain else { return None };
    let status = data.status(leaf, issuer).ok()?.name();
    let age = data.fetched().ok().and_then(|since| since.elapsed().ok());
    Some(PublicRevocationFacts { status, hours: age.map(|age| age.as_secs() / 3600) })
}

/// Why this connection is to be left alone.
fn left_alone(proxy: &Proxy, host: &str, target: &Target) -> Option<String> {
    let passthrough = &proxy.settings.passthrough;
    if let Some(why) = passthrough.why(host).or_else(|| {
        // Both names have to be among those that are read.
        passthrough
            .hosts
            .iter()
            .any(|pattern| pattern.fits(&target.host))
            .then_some("its host is on the passthrough list")
    }) {
        return Some(why.to_owned());
    }
    proxy.refused.why(host, passthrough.after_refusal?)
}

/// The answer to the client's hello, by what the origin chose.
fn reply(
    proxy: &Proxy,
    host: &str,
    hello: &sealwire::session::ClientHello,
    origin: &Result<Origin, Refusal>,
) -> Result<HelloReply, PkiError> {
    let leaf = match origin {
        Ok(origin) if !proxy.stands_for_one() => origin.stream.peer().and_then(Peer::certificate),
        _ => None,
    };
    let identity = proxy.settings.authority.identity(host, leaf)?;
    let alpn: Vec<Vec<u8>> = match origin {
        Ok(origin) => origin.stream.alpn().map(<[u8]>::to_vec).into_iter().collect(),
        // The page that says why is HTTP.
        Err(_) => {
            let offers = |protocol: &[u8]| hello.alpn().iter().any(|offer| offer == protocol);
            let spoken = [&b"http/1.1"[..], b"h2"].into_iter().find(|protocol| offers(protocol));
            spoken.map(<[u8]>::to_vec).into_iter().collect()
        }
    };
    Ok(HelloReply::new().identity(identity).alpn(alpn))
}

/// Tells of a client's handshake that failed, and remembers a refusal. Gives the fault in a line.
fn failed(
    proxy: &Proxy,
    recorder: &ConnectionRecorder,
    shaking: Handshake,
    error: &Error,
    host: Option<&str>,
) -> String {
    let facts = shaking.seen.facts(None, Some(error));
    let failure = facts.failure.clone();
    told(recorder, Leg::Client, facts);
    let refused = failure.as_ref().is_some_and(|failure| failure.refused_certificate);
    let mut fault = format!("the client's handshake failed: {error}");
    if let (true, Some(host), Some(alert)) = (refused, host, error.alert()) {
        proxy.refused.remember(host, alert.name().to_owned());
        fault = format!(
            "the client refused the proxy's certificate for {host} by {}: it does not trust the proxy's CA, or pins another certificate",
            alert.name()
        );
    } else if host.is_some() && matches!(error, Error::ClosedInHandshake | Error::Io(_)) {
        fault.push_str("; it gave no reason, and may not trust the proxy's CA");
    }
    if !matches!(error, Error::HandshakeTimedOut | Error::Io(_)) {
        tokio::spawn(shaking.farewell());
    }
    fault
}

fn told(recorder: &ConnectionRecorder, leg: Leg, facts: crate::flow::HandshakeFacts) {
    let connection = recorder.connection();
    recorder.record(What::Handshake { connection, leg, facts: Box::new(facts) });
}
