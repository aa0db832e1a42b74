//! Incoming TLS: the handshake, access control, and the target.

use std::sync::Arc;

use sealwire::Foreign;
use sealwire::session::{
    ClientHello, Event, HelloAnswer, HelloQuestion, HelloReply, PeerAnswer, Question, SessionData,
};
use sealwire::{Alert, ClientAuth, Error, Peer, Session};
use sealwire_acme::client::TlsAlpn01;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::outward::{self, Source};
use super::{About, Arrival, Established, Failed, upgrade};
use crate::tunnel::end::End;
use crate::tunnel::live::Place;
use crate::tunnel::metrics::Turned;
use crate::tunnel::proxy::TlsFacts;
use crate::tunnel::service::{ActiveRoute, Service, State};

/// Makes an incoming connection ready to carry data.
pub(super) async fn establish(
    arrival: Arrival,
    service: &Arc<Service>,
    state: &State,
) -> Result<Established, Failed> {
    let Arrival { mut socket, source, since, handshake, admission } = arrival;
    let timeouts = state.config.timeouts;
    let deadline = Instant::from_std(since) + timeouts.handshake;
    let heard = outward::hear(&mut socket, source, deadline, service, state).await?;
    let (from, mut rest) = heard;
    let mut greeted = None;
    if let Some(protocol) = state.config.starttls {
        let addresses = from.addresses;
        let upgraded = upgrade::await_upgrade(socket, rest, protocol, state, addresses, deadline);
        // Boxed: connections without it have no room for it.
        let upgraded = Box::pin(upgraded).await?;
        (socket, rest, greeted) = (upgraded.socket, upgraded.received, upgraded.target);
    }
    let session = Session::server(&state.context, &state.server_options);
    let mut client = End::tls(socket, session, rest);
    let outcome = timeout_at(deadline, shake(&mut client, service, state))
        .await
        .unwrap_or(Err(Failed::Handshake(Error::HandshakeTimedOut)));
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(failed) => {
            client.farewell().await;
            return Err(failed);
        }
    };
    drop(handshake);
    match outcome {
        HelloOutcome::Terminated { way, offered } => {
            let took = since.elapsed().as_secs_f64();
            let peer = client.peer().ok_or(Failed::Silent)?;
            service.metrics.handshake_seconds.observe(took);
            service.metrics.handshake_with_client(peer);
            let about = about(peer);
            let facts = facts(peer, way);
            let (target, in_use) = match greeted {
                Some(reached) => reached,
                None => {
                    let told = facts.borrow();
                    match outward::reach(state, &way.pool, from.addresses, Some(&told)).await {
                        Ok(reached) => reached,
                        Err(failed) => {
                            // An end without a word looks like an answer that is empty.
                            client.break_off(Alert::INTERNAL_ERROR).await;
                            return Err(failed);
                        }
                    }
                }
            };
            let Source { source, from_source, .. } = from;
            let place = Place::of_client(source, way, offered);
            let context = way.context.as_ref().unwrap_or(&state.context);
            let tether =
                client.session().and_then(|session| admission.join(session, context, place));
            Ok(Established { client, target, in_use, source, from_source, about, tether })
        }
        HelloOutcome::Through { hello, way } => {
            service.metrics.passed_through.inc();
            pass_through(client, &hello, way, from, state).await
        }
    }
}

/// What became of a ClientHello.
enum HelloOutcome<'a> {
    /// With the protocols that the client offered, where routes go by them.
    Terminated {
        way: &'a ActiveRoute,
        offered: Vec<Vec<u8>>,
    },
    Through {
        hello: Box<ClientHello>,
        way: &'a ActiveRoute,
    },
}

/// What came of a question of the session.
enum Answered<'a> {
    /// The handshake continues.
    On,
    /// Not for us: the target speaks TLS.
    Through(Box<ClientHello>, &'a ActiveRoute),
    /// The client is turned away, and the session has an alert for it.
    Away(Turned, String),
}

async fn shake<'a>(
    client: &mut End,
    service: &Service,
    state: &'a State,
) -> Result<HelloOutcome<'a>, Failed> {
    let mut way = state.default_route();
    let mut checked = false;
    let mut offered = Vec::new();
    loop {
        match client.next_event().await {
            Ok(Event::Question) => {
                let Some(mut question) = client.question() else { continue };
                let shown = service.keeper.as_ref().and_then(|keeper| keeper.way.tls_alpn());
                if let Some(shown) = shown
                    && let Question::ClientHello(asked) = question
                {
                    if TlsAlpn01::asks(asked.hello()) {
                        show(asked, shown)?;
                        checked = true;
                        continue;
                    }
                    question = Question::ClientHello(asked);
                }
                if checked {
                    // A validating CA gets no further, whatever it may be.
                    match question {
                        Question::VerifyPeer(asked) => asked.answer(PeerAnswer::Accept)?,
                        Question::StoreSession(asked) => asked.stored()?,
                        other => other.close(),
                    }
                    continue;
                }
                if let Question::ClientHello(asked) = &question {
                    offered = state.offered(asked.hello());
                }
                match answer(question, &mut way, service, state).await? {
                    Answered::On => {}
                    Answered::Through(hello, way) => {
                        return Ok(HelloOutcome::Through { hello, way });
                    }
                    Answered::Away(why, reason) => {
                        // The alert goes out; that it ended so is known.
                        let _ = client.next_event().await;
                        return Err(Failed::Turned(why, reason));
                    }
                }
            }
            Ok(Event::HandshakeComplete) => {
                client.flush_handshake().await.map_err(Error::from)?;
                client.settle();
                if checked {
                    return Err(Failed::Silent);
                }
                return match way {
                    Some(way) => Ok(HelloOutcome::Terminated { way, offered }),
                    None => Err(Failed::Silent),
                };
            }
            Ok(other) => debug!(event = ?other, "unexpected event"),
            // Balancers look whether a port is open, and say nothing.
            Err(Error::ClosedInHandshake) if client.heard_nothing() => return Err(Failed::Silent),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Shows a CA that checks a name what it looks for: a certificate of its own, no ticket, and nothing
/// of the service.
fn show(asked: HelloQuestion<'_>, shown: &TlsAlpn01) -> Result<(), Error> {
    match shown.context(asked.hello()) {
        Some(context) => {
            let reply = HelloReply::new().context(context).alpn([TlsAlpn01::protocol()]);
            let _ = asked.answer(reply.client_auth(ClientAuth::None));
        }
        None => {
            let _ = asked.answer(HelloAnswer::Refuse(Alert::UNRECOGNIZED_NAME));
        }
    }
    Ok(())
}

/// Answers a question; `way` becomes the one that the client's hello chose.
async fn answer<'a>(
    question: Question<'_>,
    way: &mut Option<&'a ActiveRoute>,
    service: &Service,
    state: &'a State,
) -> Result<Answered<'a>, Error> {
    match question {
        Question::ClientHello(asked) if asked.hello().as_bytes().is_empty() => {
            // It cannot be read (two names, say), so its route is unknown, nor may it be
            // passed on: the session says what is wrong with it.
            asked.answer(HelloReply::new()).map(|()| Answered::On)
        }
        Question::ClientHello(asked) => {
            *way = state.route(asked.hello());
            answer_hello(asked, *way, service, state).await
        }
        Question::VerifyPeer(asked) => {
            let judged = match way {
                Some(way) => state.admits(asked.peer(), way),
                None => Err("it has no route".to_owned()),
            };
            if let Err(reason) = judged {
                let _ = asked.answer(PeerAnswer::Refuse(Alert::ACCESS_DENIED));
                return Ok(Answered::Away(Turned::Rules, reason));
            }
            asked.answer(PeerAnswer::Accept).map(|()| Answered::On)
        }
        Question::StoreSession(asked) => {
            if let Some(store) = &state.store {
                store.store(asked.id(), asked.data(), &service.metrics).await;
            }
            asked.stored().map(|()| Answered::On)
        }
        other => {
            debug!(question = ?other, "unexpected question");
            other.close();
            Ok(Answered::On)
        }
    }
}

async fn answer_hello<'a>(
    asked: HelloQuestion<'_>,
    way: Option<&'a ActiveRoute>,
    service: &Service,
    state: &State,
) -> Result<Answered<'a>, Error> {
    let hello = asked.hello();
    let Some(way) = way else {
        let name = Foreign::new(hello.server_name().unwrap_or("none")).to_string();
        let _ = asked.answer(HelloAnswer::Refuse(Alert::UNRECOGNIZED_NAME));
        return Ok(Answered::Away(Turned::NoRoute, format!("no route for the name {name}")));
    };
    let Some(context) = &way.context else {
        return Ok(Answered::Through(Box::new(hello.clone()), way));
    };
    let mut reply = HelloReply::new().context(context.clone());
    if !way.route.alpn.is_empty() {
        reply = reply.alpn(way.route.alpn.iter().map(String::as_str));
    }
    if let Some(session) = stored(hello, service, state).await {
        reply = reply.resume(session);
    }
    // A client that cannot be served gets an alert with the next event.
    let _ = asked.answer(reply);
    Ok(Answered::On)
}

/// The session that this client would resume, if the store has it.
async fn stored(hello: &ClientHello, service: &Service, state: &State) -> Option<SessionData> {
    let store = state.store.as_ref()?;
    for id in hello.session_ids() {
        if let Some(session) = store.load(id, &service.metrics).await {
            return Some(session);
        }
    }
    None
}

async fn pass_through(
    client: End,
    hello: &ClientHello,
    way: &ActiveRoute,
    from: Source,
    state: &State,
) -> Result<Established, Failed> {
    let facts = TlsFacts { authority: hello.server_name(), ..TlsFacts::default() };
    let (mut target, in_use) =
        outward::reach(state, &way.pool, from.addresses, Some(&facts)).await?;
    let (socket, heard) = client.into_raw();
    target
        .send_raw(heard)
        .await
        .map_err(|e| Failed::Turned(Turned::NoTarget, format!("{}: {e}", in_use.target())))?;
    let about = About {
        tls: "passed through".to_owned(),
        server_name: hello.server_name().map(str::to_owned),
        ..About::default()
    };
    let Source { source, from_source, .. } = from;
    let client = End::plain(socket);
    Ok(Established { client, target, in_use, source, from_source, about, tether: None })
}

/// What the log says.
fn about(peer: &Peer) -> About {
    let resumed = if peer.is_resumed() { " resumed" } else { "" };
    About {
        tls: format!("{}{resumed}", peer.protocol()),
        server_name: peer.server_name().map(str::to_owned),
        alpn: peer.alpn().map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
        peer: peer
            .certificate()
            .filter(|_| peer.authorized())
            .map(|certificate| certificate.subject().to_string()),
    }
}

/// What the PROXY header says of the client's TLS; owned, as its source lives on.
struct Facts {
    version: String,
    cipher: &'static str,
    verified: bool,
    common_name: Option<String>,
    resumed: bool,
    alpn: Option<Vec<u8>>,
    authority: Option<String>,
    own: Option<(String, String)>,
}

fn facts(peer: &Peer, way: &ActiveRoute) -> Facts {
    let subject = peer.certificate().filter(|_| peer.authorized()).map(|c| c.subject());
    // With several identities it is not known which was shown.
    let own = match way.context.as_ref().map(|context| context.identities()) {
        Some([identity]) => Some(identity.leaf()),
        _ => None,
    };
    Facts {
        version: peer.protocol().to_string(),
        cipher: peer.cipher().openssl_name(),
        verified: subject.is_some(),
        common_name: subject.and_then(|subject| subject.common_name().map(str::to_owned)),
        resumed: peer.is_resumed(),
        alpn: peer.alpn().map(<[u8]>::to_vec),
        authority: peer.server_name().map(str::to_owned),
        own: own.map(outward::algorithms),
    }
}

impl Facts {
    fn borrow(&self) -> TlsFacts<'_> {
        TlsFacts {
            terminated: true,
            version: &self.version,
            cipher: self.cipher,
            client: self.verified.then_some(self.common_name.as_deref()),
            own: self.own.as_ref().map(|(key, signature)| (key.as_str(), signature.as_str())),
            resumed: self.resumed,
            alpn: self.alpn.as_deref(),
            authority: self.authority.as_deref(),
        }
    }
}
