//! A listener for `axum::serve`, and what its handlers may ask for.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use axum::serve::IncomingStream;
use http::Extensions;
use http::request::Parts;
use tokio::net::TcpStream;

use super::{Authorized, NotAuthorized, PeerInfo};
use crate::tokio::{Listener, TlsStream};

/// How long a listener rests whose socket fails: it may pass.
const REST: Duration = Duration::from_secs(1);

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    /// The next client whose handshake is complete.
    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match Self::accept(self).await {
                Ok(client) => return client,
                Err(error) => {
                    tracing::error!(%error, "the listening socket fails");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Self::local_addr(self)
    }
}

/// For `into_make_service_with_connect_info::<PeerInfo>()`.
impl Connected<IncomingStream<'_, Listener>> for PeerInfo {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self::of(stream.io()).at(*stream.remote_addr())
    }
}

pub(super) fn connected(extensions: &Extensions) -> Option<&PeerInfo> {
    extensions.get::<ConnectInfo<PeerInfo>>().map(|ConnectInfo(info)| info)
}

impl<S: Sync> FromRequestParts<S> for Authorized {
    type Rejection = NotAuthorized;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(&parts.extensions)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Authorized {
    type Rejection = NotAuthorized;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        match Self::of(&parts.extensions) {
            Ok(authorized) => Ok(Some(authorized)),
            Err(NotAuthorized::Unknown) => Err(NotAuthorized::Unknown),
            Err(_) => Ok(None),
        }
    }
}

impl IntoResponse for NotAuthorized {
    fn into_response(self) -> Response {
        if matches!(self, Self::Unknown) {
            tracing::error!(
                "the peer is not available to the handler: serve the router with Router::into_make_service_with_connect_info::<sealwire::http::PeerInfo>()"
            );
        }
        (self.status(), self.told()).into_response()
    }
}
