//! What both modes do: read a PROXY header, count a source, reach a target.

use std::net::SocketAddr;
use std::sync::Arc;

use sealwire::Error;
use sealwire::pki::{Certificate, KeyAlgorithm};
use tokio::io::ReadBuf;
use tokio::time::{Instant, timeout_at};
use tracing::error;

use super::Failed;
use crate::tunnel::end::End;
use crate::tunnel::gate::FromSource;
use crate::tunnel::metrics::Turned;
use crate::tunnel::pool::{InUse, Pool};
use crate::tunnel::proxy::{self, Accepts, Header, TlsFacts, Version};
use crate::tunnel::service::{Service, State};
use crate::tunnel::socket::Socket;

/// Where a connection comes from.
pub(super) struct Source {
    /// Both ends of it, as far as they are known.
    pub(super) addresses: Option<(SocketAddr, SocketAddr)>,
    pub(super) source: Option<SocketAddr>,
    pub(super) from_source: Option<FromSource>,
}

/// Finds out where a connection comes from, by its PROXY header where one is expected, and counts
/// it. Gives what came right after the header, too.
pub(super) async fn hear(
    socket: &mut Socket,
    source: Option<SocketAddr>,
    deadline: Instant,
    service: &Arc<Service>,
    state: &State,
) -> Result<(Source, Vec<u8>), Failed> {
    let trusted = &state.config.proxy_from;
    if let Some(stranger) = source.map(|source| source.ip())
        && !trusted.is_empty()
        && !trusted.iter().any(|network| network.contains(stranger))
    {
        let reason = format!("{stranger} is not allowed by proxy-from");
        return Err(Failed::Turned(Turned::ProxyHeader, reason));
    }
    let (header, rest) = match state.config.proxy_in {
        Some(accepts) => timeout_at(deadline, read_header(socket, accepts))
            .await
            .unwrap_or(Err(Failed::Handshake(Error::HandshakeTimedOut)))?,
        None => (None, Vec::new()),
    };
    let (source, destination) = match header {
        Some((source, destination)) => (Some(source), Some(destination)),
        None => (source, socket.local_addr()),
    };
    let from_source = count_source(service, state, source)?;
    Ok((Source { addresses: source.zip(destination), source, from_source }, rest))
}

/// Reads the PROXY header, and what came right after it.
async fn read_header(
    socket: &mut Socket,
    accepts: Accepts,
) -> Result<(Option<(SocketAddr, SocketAddr)>, Vec<u8>), Failed> {
    let mut received = Vec::new();
    loop {
        match proxy::read(&received, accepts) {
            Err(proxy::Broken(reason)) => {
                return Err(Failed::Turned(Turned::ProxyHeader, reason.to_owned()));
            }
            Ok(proxy::Read::Header { header, length }) => {
                received.drain(..length);
                let addresses = match header {
                    Header::Proxied { source, destination } => Some((source, destination)),
                    Header::Local => None,
                };
                return Ok((addresses, received));
            }
            Ok(proxy::Read::Incomplete) => {}
        }
        let mut room = [0; 2048];
        let mut buf = ReadBuf::new(&mut room);
        std::future::poll_fn(|cx| socket.poll_read(cx, &mut buf)).await.map_err(Error::from)?;
        match buf.filled() {
            [] if received.is_empty() => return Err(Failed::Silent),
            [] => {
                let reason = "the connection ended in the middle of a PROXY header".to_owned();
                return Err(Failed::Turned(Turned::ProxyHeader, reason));
            }
            read => received.extend_from_slice(read),
        }
    }
}

/// Counts a connection of its source, where there is a limit.
fn count_source(
    service: &Arc<Service>,
    state: &State,
    source: Option<SocketAddr>,
) -> Result<Option<FromSource>, Failed> {
    let (Some(limit), Some(source)) = (state.config.limits.per_source, source) else {
        return Ok(None);
    };
    match service.sources.enter(source.ip(), limit) {
        Some(counted) => Ok(Some(counted)),
        None => {
            let reason = format!("{} has {limit} connections already", source.ip());
            Err(Failed::Turned(Turned::SourceLimit, reason))
        }
    }
}

/// Connects to the first target that answers, and sends it the PROXY header.
pub(super) async fn reach(
    state: &State,
    pool: &Pool,
    addresses: Option<(SocketAddr, SocketAddr)>,
    tls: Option<&TlsFacts<'_>>,
) -> Result<(End, InUse), Failed> {
    let mut reasons = Vec::new();
    for backend in pool.order() {
        let in_use = backend.in_use();
        let connected = async {
            let socket = backend.connect(state.config.timeouts.connect).await?;
            let mut target = End::plain(socket);
            if let Some(header) = header(state, addresses, tls) {
                target.send_raw(header).await?;
            }
            std::io::Result::Ok(target)
        };
        match connected.await {
            Ok(target) => {
                backend.succeeded(false);
                return Ok((target, in_use));
            }
            Err(e) => {
                backend.failed(&e.to_string());
                reasons.push(format!("{}: {e}", backend.target));
            }
        }
    }
    no_target(state, &reasons)
}

/// Reports that no target can be reached.
pub(super) fn no_target<T>(state: &State, reasons: &[String]) -> Result<T, Failed> {
    let reason = reasons.join("; ");
    error!(service = state.config.name, reason, "no target can be reached");
    Err(Failed::Turned(Turned::NoTarget, reason))
}

/// The PROXY header that is sent, if one is.
pub(super) fn header(
    state: &State,
    addresses: Option<(SocketAddr, SocketAddr)>,
    tls: Option<&TlsFacts<'_>>,
) -> Option<Vec<u8>> {
    Some(match state.config.proxy_out? {
        Version::V1 => proxy::v1(addresses),
        Version::V2 => proxy::v2(addresses, tls),
    })
}

/// The algorithms of a certificate's key and signature, by the names that HAProxy gives them.
pub(super) fn algorithms(certificate: &Certificate) -> (String, String) {
    let key = match KeyAlgorithm::of_spki(&certificate.spki_der()) {
        Ok(KeyAlgorithm::Rsa { bits }) => format!("RSA{bits}"),
        Ok(KeyAlgorithm::EcdsaP256) => "EC256".to_owned(),
        Ok(KeyAlgorithm::EcdsaP384) => "EC384".to_owned(),
        Ok(KeyAlgorithm::EcdsaP521) => "EC521".to_owned(),
        Ok(other) => other.to_string().to_uppercase(),
        Err(_) => "unknown".to_owned(),
    };
    let signature = certificate.signature_algorithm();
    (key, signature.digest.unwrap_or(signature.name).to_uppercase())
}
