//! A client that begins in plaintext, and requests TLS by its protocol (STARTTLS).

use std::net::SocketAddr;

use sealwire::Error;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::error;

use super::{Failed, outward};
use crate::tunnel::end::End;
use crate::tunnel::metrics::Turned;
use crate::tunnel::pool::InUse;
use crate::tunnel::service::State;
use crate::tunnel::socket::Socket;
use sealwire::starttls::answer::{self, OfClient};
use sealwire::starttls::{self, Protocol};

/// A client that was told to begin with TLS.
pub(super) struct Upgraded {
    pub(super) socket: Socket,
    /// What came of its TLS already.
    pub(super) received: Vec<u8>,
    /// The target, when its greeting was needed; it waits for what comes out of TLS.
    pub(super) target: Option<(End, InUse)>,
}

/// Talks with a client until it asks for TLS. What it said already is `heard`. Where servers speak
/// first, the target is reached before that, and its greeting is what the client gets.
pub(super) async fn await_upgrade(
    mut socket: Socket,
    heard: Vec<u8>,
    protocol: Protocol,
    state: &State,
    addresses: Option<(SocketAddr, SocketAddr)>,
    deadline: Instant,
) -> Result<Upgraded, Failed> {
    let (greeting, target) = if answer::is_greeted(protocol) {
        let (greeting, target) = greeted(&mut socket, protocol, state, addresses).await?;
        (greeting, Some(target))
    } else {
        (Vec::new(), None)
    };
    let answered = answer::answer(&mut socket, protocol, &greeting, heard);
    let answered = timeout_at(deadline, answered).await;
    match answered.unwrap_or_else(|_| Err(starttls::Error::Io(std::io::ErrorKind::TimedOut.into())))
    {
        Ok(received) => Ok(Upgraded { socket, received, target }),
        Err(starttls::Error::Closed(_)) => Err(Failed::Silent),
        Err(starttls::Error::Io(e)) if e.kind() == std::io::ErrorKind::TimedOut => {
            Err(Failed::Handshake(Error::HandshakeTimedOut))
        }
        Err(starttls::Error::Io(e)) => Err(Failed::Handshake(e.into())),
        Err(other) => Err(Failed::Turned(Turned::Starttls, OfClient(other).to_string())),
    }
}

/// Reaches the target and takes its greeting; an invalid one is forwarded to the client all the same.
async fn greeted(
    client: &mut Socket,
    protocol: Protocol,
    state: &State,
    addresses: Option<(SocketAddr, SocketAddr)>,
) -> Result<(Vec<u8>, (End, InUse)), Failed> {
    let Some(way) = state.default_route() else { return outward::no_target(state, &[]) };
    let (target, in_use) = outward::reach(state, &way.pool, addresses, None).await?;
    let (mut target, _) = target.into_raw();
    let greeting = answer::greeting(&mut target, protocol);
    let reason = match timeout(state.config.timeouts.connect, greeting).await {
        Ok(Ok(greeting)) if greeting.welcomes => {
            return Ok((greeting.text, (End::plain(target), in_use)));
        }
        Ok(Ok(greeting)) => {
            let _ = client.write_all(&greeting.text).await;
            format!("unavailable: {}", String::from_utf8_lossy(&greeting.text).trim_end())
        }
        Ok(Err(e)) => e.to_string(),
        Err(_) => "no greeting in time".to_owned(),
    };
    in_use.failed(&reason);
    let reason = format!("{}: {reason}", in_use.target());
    error!(service = state.config.name, reason, "no greeting from the target");
    Err(Failed::Turned(Turned::NoTarget, reason))
}
