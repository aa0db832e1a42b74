//! The peer of the connection that a request came on.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Extensions;
use sealwire_x509::Certificate;

use crate::session::Peer;
use crate::tokio::TlsStream;
use crate::verify::Refusal;

/// The other end of a connection: what is known of it, believed or not. Cheap to clone.
///
/// axum passes it as `ConnectInfo<PeerInfo>`, tonic in the extensions of each request, and
/// hyper-util's client among those of each response. A program that drives hyper itself puts it into
/// the extensions of the requests of a connection.
#[derive(Debug, Clone)]
pub struct PeerInfo {
    peer: Arc<Peer>,
    address: Option<SocketAddr>,
}

/// An authenticated peer. Only made by [`PeerInfo::authorized`], which asks
/// for the verdict; so a handler that takes one runs for authenticated clients only.
///
/// As an extractor of axum's it refuses all other clients with 403; `Option<Authorized>` lets them
/// in and is `None`. The verdict is that of the handshake: give the acceptor a
/// [`Live`](crate::Live), and a connection ends when its peer would not be accepted any longer.
///
/// ```compile_fail
/// fn forged(peer: sealwire::http::PeerInfo) -> sealwire::http::Authorized {
///     sealwire::http::Authorized(peer)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Authorized(PeerInfo);

/// The reason for the absence of an [`Authorized`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum NotAuthorized {
    /// No certificate was requested: see `Acceptor::client_auth`.
    NotAsked,
    /// The peer has shown none, or one that is not believed.
    Refused(Refusal),
    /// The request carries no connection information: an error in the program.
    Unknown,
}

impl PeerInfo {
    /// That of a connection.
    pub fn of<IO>(stream: &TlsStream<IO>) -> Self {
        let peer = stream.session().shared_peer();
        Self { peer: peer.expect("a stream is handed out after the handshake"), address: None }
    }

    /// With the address that the connection came from.
    #[must_use]
    pub fn at(self, address: SocketAddr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// The peer of the handshake.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The address that the connection came from, where it is known.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The same, of an authenticated peer.
    ///
    /// # Errors
    /// The reason why it is not.
    pub fn authorized(&self) -> Result<Authorized, NotAuthorized> {
        if self.peer.authorized() {
            return Ok(Authorized(self.clone()));
        }
        let refusal = self.peer.authorization_error().cloned();
        Err(refusal.map_or(NotAuthorized::NotAsked, NotAuthorized::Refused))
    }
}

impl Authorized {
    /// The peer of the connection by which this request came.
    ///
    /// # Errors
    /// Why it is not authorized; [`NotAuthorized::Unknown`] without a [`PeerInfo`] in `extensions`.
    pub fn of(extensions: &Extensions) -> Result<Self, NotAuthorized> {
        let info = extensions.get::<PeerInfo>();
        #[cfg(feature = "axum")]
        let info = info.or_else(|| super::axum::connected(extensions));
        info.ok_or(NotAuthorized::Unknown)?.authorized()
    }

    /// The peer of the handshake.
    pub fn peer(&self) -> &Peer {
        self.0.peer()
    }

    /// The certificate that was verified; `None` for a peer with a pre-shared key.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.peer().verified_chain().first()
    }

    /// The address that the connection came from, where it is known.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.address()
    }
}

impl NotAuthorized {
    /// The status of the response: 403, or 500 where it is the program's mistake.
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::Unknown => http::StatusCode::INTERNAL_SERVER_ERROR,
            _ => http::StatusCode::FORBIDDEN,
        }
    }

    /// The text for the peer: the code, and nothing about our CAs.
    pub fn told(&self) -> String {
        match self {
            Self::NotAsked => "this service needs a client certificate".to_owned(),
            Self::Refused(refusal) => {
                format!("this service needs a client certificate: {}", refusal.code().name())
            }
            Self::Unknown => "internal error".to_owned(),
        }
    }
}

impl fmt::Display for NotAuthorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("no certificate was requested from the peer"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unknown => f.write_str(
                "no PeerInfo among the extensions of the request: the service is not served with \
                 connection information",
            ),
        }
    }
}

impl std::error::Error for NotAuthorized {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}
