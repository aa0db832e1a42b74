//! Plaintext in, TLS out, to a target that is verified.

use std::net::SocketAddr;
use std::sync::Arc;

use sealwire::session::{CertificateRequest, Event};
use sealwire::{Error, ServerName, Session};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::mysql::Login;
use super::outward::{self, Source};
use super::postgres;
use super::{About, Arrival, Established, Failed};
use crate::tunnel::end::End;
use crate::tunnel::greeting;
use crate::tunnel::live::Place;
use crate::tunnel::pool::Backend;
use crate::tunnel::service::{ActiveRoute, Service, State};
use sealwire::starttls::Protocol;
use sealwire::starttls::postgres::Beginning;

/// Makes an incoming connection ready to carry data.
pub(super) async fn establish(
    arrival: Arrival,
    service: &Arc<Service>,
    state: &State,
) -> Result<Established, Failed> {
    let Arrival { mut socket, source, since, handshake, admission } = arrival;
    let deadline = Instant::from_std(since) + state.config.timeouts.handshake;
    let heard = outward::hear(&mut socket, source, deadline, service, state).await?;
    let (Source { addresses, source, from_source }, mut rest) = heard;
    let mut beginning = None;
    if state.config.starttls == Some(Protocol::Postgres) {
        let heard = std::mem::take(&mut rest);
        beginning = Some(postgres::hear(&mut socket, heard, deadline).await?);
    }
    let Some(way) = state.default_route() else { return outward::no_target(state, &[]) };
    let mut reasons = Vec::new();
    for backend in way.pool.order() {
        let in_use = backend.in_use();
        let logs_in = state.config.starttls == Some(Protocol::Mysql);
        let mut login = logs_in.then(|| Login::of(&mut socket, &mut rest));
        let first = First { login: login.as_mut(), beginning: beginning.as_ref() };
        let connected = connect(&backend, way, state, addresses, first).await;
        let (greeted, silent) =
            login.map_or((false, false), |login| (login.greeted, login.waits_for_client));
        match connected {
            Ok((mut target, greeting)) => {
                backend.succeeded(false);
                drop(handshake);
                let about = about(&target, service, since);
                if !rest.is_empty() {
                    target.send_first(&rest)?;
                }
                let mut client = End::plain(socket);
                client.send_first(&greeting)?;
                let context = way.context.as_ref().unwrap_or(&state.context);
                let place = Place::of_target(source, way);
                let tether =
                    target.session().and_then(|session| admission.join(session, context, place));
                return Ok(Established {
                    client,
                    target,
                    in_use,
                    source,
                    from_source,
                    about,
                    tether,
                });
            }
            Err(_) if silent => return Err(Failed::Silent),
            Err(e) => {
                if !matches!(e, Error::Io(_)) {
                    service.metrics.handshake_failed(e.code());
                }
                backend.failed(&e.to_string());
                reasons.push(format!("{}: {e} [{}]", backend.target, e.code()));
                if greeted {
                    break;
                }
            }
        }
    }
    outward::no_target(state, &reasons)
}

/// What the client has to do with how a target is asked for TLS.
struct First<'a, 'b> {
    login: Option<&'a mut Login<'b>>,
    beginning: Option<&'a Beginning>,
}

/// Says before our certificate is sent that the target has named other CAs.
fn warn_of(request: &CertificateRequest, backend: &Backend) {
    if let Some(reason) = request.mismatch() {
        warn!(target = backend.target.to_string(), reason, "the target may refuse us");
    }
}

/// Connects to a target. Gives what it said first, for the client.
async fn connect(
    backend: &Backend,
    way: &ActiveRoute,
    state: &State,
    addresses: Option<(SocketAddr, SocketAddr)>,
    first: First<'_, '_>,
) -> Result<(End, Vec<u8>), Error> {
    let First { mut login, beginning } = first;
    let deadline = Instant::now() + state.config.timeouts.connect;
    let mut socket = backend.connect(state.config.timeouts.connect).await?;
    let name = server_name(backend, state)?;
    let context = way.context.as_ref().unwrap_or(&state.context);
    let outcome = async {
        if let Some(header) = outward::header(state, addresses, None) {
            socket.write_all(&header).await?;
        }
        let (mut greeting, mut answer) = (Vec::new(), None);
        if let Some(login) = login.as_mut() {
            answer = Some(login.begin(&mut socket).await?);
        } else if let Some(protocol) = state.config.starttls {
            let asked = greeting::ask(socket, protocol, name.as_str()).await;
            (socket, greeting) = asked.map_err(std::io::Error::other)?;
        }
        let session = Session::client(context, &state.client_options(name))?;
        let mut target = End::tls(socket, session, Vec::new());
        loop {
            match target.next_event().await? {
                Event::HandshakeComplete => break,
                Event::CertificateRequested(asked) => warn_of(&asked, backend),
                _ => {}
            }
        }
        target.flush().await?;
        target.settle();
        may_be_used(&target, state, way)?;
        if let (Some(login), Some(answer)) = (login, answer) {
            login.finish(&mut target, answer).await?;
        }
        if let Some(beginning) = beginning {
            greeting = postgres::begin(&mut target, beginning).await?;
        }
        Ok((target, greeting))
    };
    timeout_at(deadline, outcome).await.unwrap_or(Err(Error::HandshakeTimedOut))
}

/// The name that the target must prove.
fn server_name(backend: &Backend, state: &State) -> Result<ServerName, Error> {
    match (&state.config.servername, backend.target.host()) {
        (Some(name), _) => Ok(name.clone()),
        (None, Some(host)) => host.parse().map_err(|e| {
            std::io::Error::new(std::io::ErrorKind::InvalidInput, format!("{e}")).into()
        }),
        (None, None) => Err(Error::Misused("a target without a name")),
    }
}

/// The rules are about the server's certificate here. They are judged on every connection.
fn may_be_used(target: &End, state: &State, way: &ActiveRoute) -> Result<(), Error> {
    let peer = target.peer().ok_or(Error::Misused("a target without TLS"))?;
    state
        .admits(peer, way)
        .map_err(|reason| std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason).into())
}

fn about(target: &End, service: &Service, since: std::time::Instant) -> About {
    let Some(peer) = target.peer() else { return About::default() };
    service.metrics.handshake_seconds.observe(since.elapsed().as_secs_f64());
    service.metrics.handshake_with_server(peer);
    let resumed = if peer.is_resumed() { " resumed" } else { "" };
    About {
        tls: format!("{}{resumed}", peer.protocol()),
        server_name: peer.server_name().map(str::to_owned),
        alpn: peer.alpn().map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
        peer: peer.certificate().map(|certificate| certificate.subject().to_string()),
    }
}
