//! The connections of an HTTP client.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::PeerInfo;
use crate::tokio::{Connector, TlsStream};
use crate::words::ServerName;

/// Makes the HTTPS connections of a client: of hyper-util's, or of any that takes a service from a
/// [`Uri`] to a connection. Cheap to clone.
///
/// Each connection has the context that its [`Connector`] has at that moment. So one client, made
/// once with a connector that follows a `Watched`, keeps working while key, CAs and CRLs change:
/// what is open in its pool stays, what is new has the new identity. Give the connector a
/// [`Live`](crate::Live), and what is open is closed when its server would not be accepted any longer.
///
/// HTTP/2 is used when the connector [offers it](Connector::alpn) and the server chooses it.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let context = sealwire::SecureContext::builder().build()?;
/// # type Body = String;
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// use sealwire::{Connector, http::HttpsConnector};
/// let connector = Connector::new(context).alpn(["h2", "http/1.1"]);
/// let client: Client<_, Body> =
///     Client::builder(TokioExecutor::new()).build(HttpsConnector::new(connector));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct HttpsConnector<C = HttpConnector> {
    connector: Connector,
    below: C,
    any_scheme: bool,
}

/// What is said of a request that is not to be sent over TLS.
const NOT_HTTPS: &str = "is not an https URL, and this client uses TLS only";

impl HttpsConnector {
    /// Over TCP.
    pub fn new(connector: Connector) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self::over(connector, tcp)
    }
}

impl<C> HttpsConnector<C> {
    /// Connects through another service: a proxy, say.
    pub fn over(connector: Connector, below: C) -> Self {
        Self { connector, below, any_scheme: false }
    }

    /// Makes TLS whatever the scheme says.
    #[cfg(feature = "tonic")]
    pub(super) fn of_any_scheme(self) -> Self {
        Self { any_scheme: true, ..self }
    }
}

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<IO> = Pin<Box<dyn Future<Output = Result<IO, BoxError>> + Send>>;

impl<C> Service<Uri> for HttpsConnector<C>
where
    C: Service<Uri>,
    C::Response: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = TokioIo<TlsStream<TokioIo<C::Response>>>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.below.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let name = match self.any_scheme || uri.scheme() == Some(&Scheme::HTTPS) {
            true => server_of(&uri),
            false => Err(invalid(&uri, NOT_HTTPS)),
        };
        let name = match name {
            Ok(name) => name,
            Err(error) => return Box::pin(async { Err(error.into()) }),
        };
        let (connector, below) = (self.connector.clone(), self.below.call(uri));
        Box::pin(async move {
            let below = below.await.map_err(Into::into)?;
            Ok(TokioIo::new(connector.connect(name, TokioIo::new(below)).await?))
        })
    }
}

/// Whose name the certificate has to have.
fn server_of(uri: &Uri) -> Result<ServerName, io::Error> {
    let host = uri.host().ok_or_else(|| invalid(uri, "the host is missing"))?;
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    literal.unwrap_or(host).parse().map_err(|why| invalid(uri, &format!("{why}")))
}

fn invalid(uri: &Uri, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{uri}: {why}"))
}

impl<T: Connection> Connection for TlsStream<TokioIo<T>>
where
    TokioIo<T>: AsyncRead + AsyncWrite,
{
    fn connected(&self) -> Connected {
        let connected = self.get_ref().inner().connected().extra(PeerInfo::of(self));
        match self.peer().alpn() {
            Some(b"h2") => connected.negotiated_h2(),
            _ => connected,
        }
    }
}
