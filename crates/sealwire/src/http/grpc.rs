//! gRPC over our TLS, by tonic: channels whose identity and trust follow their files, and services
//! that know their clients.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use http::Uri;
use http::uri::{Authority, InvalidUriParts, PathAndQuery, Scheme};
use tokio::net::TcpStream;
use tonic::Status;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint};

use super::{HttpsConnector, NotAuthorized, PeerInfo};
use crate::tokio::{Connector, Listener, TlsStream};

/// The endpoint of `https://host:port`, for [`channel`]; tonic's settings (timeouts, limits) may be
/// changed. Its origin distinguishes it from others, since tonic itself adds no TLS to it.
///
/// # Errors
/// When it is not such a URL.
pub fn endpoint(uri: &Uri) -> Result<Endpoint, InvalidUriParts> {
    let mut below = uri.clone().into_parts();
    if let Some(authority) = &below.authority
        && authority.port().is_none()
        && let Ok(with_port) = format!("{authority}:443").parse::<Authority>()
    {
        below.authority = Some(with_port);
    }
    below.scheme = Some(Scheme::HTTP);
    below.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    let mut origin = uri.clone().into_parts();
    origin.scheme = Some(Scheme::HTTPS);
    origin.path_and_query = below.path_and_query.clone();
    Ok(Endpoint::from(Uri::from_parts(below)?).origin(Uri::from_parts(origin)?))
}

/// A channel to an [`endpoint`], which connects when it is first used, and again when a connection has
/// ended: each time with the context that `connector` has then.
pub fn channel(endpoint: &Endpoint, connector: Connector) -> Channel {
    let https = HttpsConnector::new(connector.alpn(["h2"]));
    endpoint.connect_with_connector_lazy(https.of_any_scheme())
}

/// The clients of a listener whose handshakes are complete: for `Router::serve_with_incoming`. The
/// acceptor has to [offer](crate::Acceptor::alpn) `h2`.
pub struct Incoming {
    /// Waits for the next one.
    accepting: Accepting,
}

type Accepting = Pin<Box<dyn Future<Output = (Listener, TlsStream<TcpStream>)> + Send>>;

/// How long a listener rests whose socket fails: it may pass.
const REST: Duration = Duration::from_secs(1);

impl Incoming {
    /// Those of `listener`.
    pub fn new(listener: Listener) -> Self {
        Self { accepting: Box::pin(accept(listener)) }
    }
}

impl Stream for Incoming {
    type Item = Result<TlsStream<TcpStream>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (listener, stream) = ready!(self.accepting.as_mut().poll(cx));
        self.accepting = Box::pin(accept(listener));
        Poll::Ready(Some(Ok(stream)))
    }
}

async fn accept(mut listener: Listener) -> (Listener, TlsStream<TcpStream>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (listener, stream),
            Err(error) => {
                tracing::error!(%error, "the listening socket fails");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

impl Connected for TlsStream<TcpStream> {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        let info = PeerInfo::of(self);
        match self.get_ref().peer_addr() {
            Ok(address) => info.at(address),
            Err(_) => info,
        }
    }
}

/// For `Authorized::of(request.extensions())?`.
impl From<NotAuthorized> for Status {
    fn from(why: NotAuthorized) -> Self {
        match why {
            NotAuthorized::Unknown => Self::internal(why.told()),
            _ => Self::unauthenticated(why.told()),
        }
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}
