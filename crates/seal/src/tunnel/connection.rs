//! One connection, from the moment it is accepted until it is over.

mod client;
mod mysql;
mod outward;
mod postgres;
mod server;
mod upgrade;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use sealwire::live::{Admission, Tether};
use tracing::{info, warn};

use super::config::Mode;
use super::end::End;
use super::gate::{FromSource, Pass};
use super::live::Place;
use super::metrics::Turned;
use super::pool::InUse;
use super::relay::{Reason, Relay};
use super::service::Service;
use super::socket::Socket;
use crate::say::advice;

/// A connection that was just accepted.
pub(crate) struct Incoming {
    pub(crate) socket: Socket,
    /// Where it comes from; without an address on a Unix socket.
    pub(crate) source: Option<SocketAddr>,
    pub(crate) since: Instant,
    /// Its place among the connections, and among the handshakes.
    pub(crate) pass: Pass,
    pub(crate) handshake: Pass,
}

/// A connection that is ready to carry data.
struct Established {
    client: End,
    target: End,
    in_use: InUse,
    source: Option<SocketAddr>,
    from_source: Option<FromSource>,
    about: About,
    tether: Option<Tether>,
}

/// What the log says of a connection when it ends.
#[derive(Debug, Default)]
struct About {
    /// `TLSv1.3 resumed`, or the passthrough.
    tls: String,
    server_name: Option<String>,
    alpn: Option<String>,
    /// The subject of the peer's certificate.
    peer: Option<String>,
}

/// Why a connection came to nothing.
enum Failed {
    /// The TLS of the client.
    Handshake(sealwire::Error),
    /// Turned away though its TLS was in order.
    Turned(Turned, String),
    /// It went away by itself, before it said anything: a port scan, a health check.
    Silent,
}

/// Serves one connection to its end.
pub(crate) async fn serve(incoming: Incoming, service: Arc<Service>) {
    let Incoming { socket, source, since, pass, handshake } = incoming;
    // Before the settings are taken, so that a change between is noticed.
    let admission = service.live.admit();
    let state = service.state();
    service.metrics.accepted.inc();
    let open = Open::of(&service);
    let arrival = Arrival { socket, source, since, handshake, admission };
    // Boxed: what it takes to establish a connection is much, and given back here.
    let established = match state.config.mode {
        Mode::Server => Box::pin(server::establish(arrival, &service, &state)).await,
        Mode::Client => Box::pin(client::establish(arrival, &service, &state)).await,
    };
    let Established { client, target, in_use, source, from_source, about, tether } =
        match established {
            Ok(established) => established,
            Err(failed) => {
                let is_server = state.config.mode == Mode::Server;
                return tell_failure(&failed, source, &service, is_server);
            }
        };
    let timeouts = state.config.timeouts;
    let is_server = state.config.mode == Mode::Server;
    drop(state);
    let about = Box::new(about);
    let quiet = (timeouts.idle, timeouts.half_close);
    let ended = Relay::new(client, target, quiet, tether).run().await;
    service.metrics.bytes_up.inc_by(ended.up);
    service.metrics.bytes_down.inc_by(ended.down);
    let (service_name, target) = (&service.name, in_use.target().to_string());
    // Once its end is logged, no count includes it.
    drop((open, pass, in_use, from_source));
    let (seconds, up, down) = (since.elapsed().as_secs_f64(), ended.up, ended.down);
    let (source, how) = (shown(source), how(&ended.reason));
    let About { tls, server_name, alpn, peer } = &*about;
    // Passthrough does not see what the client thinks of the server.
    let hint = match &ended.reason {
        _ if !is_server || !tls.starts_with("TLS") => None,
        Reason::Client(error) if error.alert().is_some() => advice::of_client(error),
        Reason::Finished | Reason::Client(_) if up == 0 => {
            service.metrics.left.inc();
            Some(advice::LEFT.to_owned())
        }
        _ => None,
    };
    info!(
        service = service_name,
        source,
        target,
        tls,
        server_name,
        alpn,
        peer,
        up,
        down,
        seconds,
        end = how,
        hint,
        "connection ended"
    );
}

/// What `establish` needs of an incoming connection.
struct Arrival {
    socket: Socket,
    source: Option<SocketAddr>,
    since: Instant,
    handshake: Pass,
    admission: Admission<Place>,
}

/// Counts a connection as open until dropped.
struct Open(super::metrics::Level);

impl Open {
    fn of(service: &Service) -> Self {
        service.metrics.open.inc();
        Self(service.metrics.open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn tell_failure(failed: &Failed, source: Option<SocketAddr>, service: &Service, is_server: bool) {
    let (name, source) = (&service.name, shown(source));
    match failed {
        Failed::Handshake(error) => {
            service.metrics.handshake_failed(error.code());
            info!(
                service = name,
                source,
                code = error.code(),
                reason = error.to_string(),
                hint = is_server.then(|| advice::of_client(error)).flatten(),
                "handshake failed"
            );
        }
        Failed::Turned(why, reason) => {
            service.metrics.turned_away(*why);
            warn!(service = name, source, why = why.name(), reason, "client refused");
        }
        Failed::Silent => tracing::debug!(service = name, source, "closed without sending data"),
    }
}

fn how(reason: &Reason) -> String {
    match reason {
        Reason::Finished => "finished".to_owned(),
        Reason::Client(error) => format!("client: {error}"),
        Reason::Target(error) => format!("target: {error}"),
        Reason::Idle => "idle for too long".to_owned(),
        Reason::CutOff(why) => format!("closed: {why}"),
        Reason::HalfClosed => "half closed and idle for too long".to_owned(),
    }
}

pub(super) fn shown(source: Option<SocketAddr>) -> String {
    source.map_or_else(|| "unix".to_owned(), |source| source.to_string())
}

impl From<sealwire::Error> for Failed {
    fn from(error: sealwire::Error) -> Self {
        Self::Handshake(error)
    }
}
