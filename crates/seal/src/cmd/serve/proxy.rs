//! HTTPS in front of a server that speaks plain HTTP, such as a development server.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri, Version, upgrade};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use sealwire::TlsStream;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::event::{Event, Reporter};
use super::web::{Body, sentence, serve_http};
use crate::net::stop::Stop;

/// How long the server behind may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What concerns one connection only, and is not passed on (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The server behind: `http://localhost:3000`.
#[derive(Debug, Clone)]
pub(super) struct Target(Authority);

/// Passes requests on to the server behind, and its answers back.
#[derive(Clone)]
pub(super) struct Proxy {
    target: Target,
    client: Client<HttpConnector, Incoming>,
    reporter: Reporter,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.parse::<Uri>().map_err(|e| e.to_string())?.into_parts();
        let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(at)) if scheme == Scheme::HTTP && path == "/" => {
                if at.as_str().contains('@') {
                    return Err("no user name is allowed".to_owned());
                }
                Ok(Self(at))
            }
            (Some(scheme), _) if scheme == Scheme::HTTPS => {
                Err("it already uses TLS: see `seal tunnel`".to_owned())
            }
            (Some(_), Some(_)) if path != "/" => {
                Err("no path is allowed: all paths are passed on unchanged".to_owned())
            }
            _ => Err("expected a URL like http://localhost:3000".to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

impl Proxy {
    pub(super) fn new(target: Target, reporter: Reporter) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Self { target, client, reporter }
    }

    /// Serves one connection until the client has enough, or until asked to stop.
    pub(super) async fn serve(
        &self,
        stream: TlsStream<TcpStream>,
        client: SocketAddr,
        stop: &Stop,
    ) {
        let service = service_fn(|request: Request<Incoming>| {
            let (proxy, stop) = (self.clone(), stop.clone());
            async move { Ok::<_, Infallible>(proxy.told_answer(client, request, &stop).await) }
        });
        serve_http(stream, client, stop, self.reporter, service).await;
    }

    async fn told_answer(
        &self,
        client: SocketAddr,
        request: Request<Incoming>,
        stop: &Stop,
    ) -> Response<Body> {
        let (method, version) = (request.method().clone(), request.version());
        let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
        let head_only = method == Method::HEAD;
        let response = match self.pass_on(client, request, stop).await {
            Ok(response) => response,
            Err(Trouble::Request(fact)) => sentence(StatusCode::BAD_REQUEST, fact, head_only),
            Err(Trouble::Behind(fact)) => sentence(StatusCode::BAD_GATEWAY, &fact, head_only),
        };
        self.reporter.tell(&Event::request(client, version, &method, target, &response));
        response
    }

    async fn pass_on(
        &self,
        client: SocketAddr,
        mut request: Request<Incoming>,
        stop: &Stop,
    ) -> Result<Response<Body>, Trouble> {
        if request.method() == Method::CONNECT {
            return Err(Trouble::Request("not a proxy for other hosts"));
        }
        let host = host_of(&request).ok_or(Trouble::Request("the request names no host"))?;
        let wanted = request.headers().get(header::UPGRADE).cloned();
        let on_client = wanted.is_some().then(|| upgrade::on(&mut request));
        let outgoing = self.outgoing(client, request, &host, wanted)?;

        let mut response = self.client.request(outgoing).await.map_err(|e| self.behind(&e))?;
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let protocol = response.headers().get(header::UPGRADE).cloned();
        let on_server = upgrade::on(&mut response);
        let mut response = response.map(|body| body.map_err(std::io::Error::other).boxed_unsync());
        strip(response.headers_mut());
        self.correct_location(response.headers_mut(), &host);
        if let (true, Some(on_client), Some(protocol)) = (switches, on_client, protocol) {
            response.headers_mut().insert(header::UPGRADE, protocol);
            let upgrade = HeaderValue::from_static("upgrade");
            response.headers_mut().insert(header::CONNECTION, upgrade);
            // From now on the bytes are forwarded unread. The first end ends both.
            stop.spawn(async move {
                if let (Ok(client), Ok(server)) = (on_client.await, on_server.await) {
                    let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
        Ok(response)
    }

    /// The request as the server behind gets it: over HTTP/1.1, with the host that the client
    /// asked for, and with what the client cannot be trusted to say of itself.
    fn outgoing(
        &self,
        client: SocketAddr,
        request: Request<Incoming>,
        host: &HeaderValue,
        upgrade: Option<HeaderValue>,
    ) -> Result<Request<Incoming>, Trouble> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().cloned();
        parts.uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.target.0.clone())
            .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
            .build()
            .map_err(|_| Trouble::Request("this is not a path"))?;
        parts.version = Version::HTTP_11;
        strip(&mut parts.headers);
        parts.headers.remove(header::FORWARDED);
        join_cookies(&mut parts.headers);
        if let Some(protocol) = upgrade {
            parts.headers.insert(header::UPGRADE, protocol);
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        }
        parts.headers.insert(header::HOST, host.clone());
        parts.headers.insert(FORWARDED_HOST, host.clone());
        parts.headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
        let address = client.ip().to_canonical().to_string();
        if let Ok(address) = HeaderValue::from_str(&address) {
            parts.headers.insert(FORWARDED_FOR, address);
        }
        Ok(Request::from_parts(parts, body))
    }

    /// A redirect to where the server thinks it is, leads to where it is reached.
    fn correct_location(&self, headers: &mut HeaderMap, host: &HeaderValue) {
        let Some(location) = headers.get(header::LOCATION).and_then(|value| value.to_str().ok())
        else {
            return;
        };
        let own = [self.target.0.as_str(), host.to_str().unwrap_or_default()];
        let path = own.iter().find_map(|authority| {
            let rest = location.strip_prefix("http://")?.strip_prefix(authority)?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)
        });
        let Some(path) = path else { return };
        let secure = [b"https://", host.as_bytes(), path.as_bytes()].concat();
        if let Ok(value) = HeaderValue::from_bytes(&secure) {
            headers.insert(header::LOCATION, value);
        }
    }

    fn behind(&self, error: &hyper_util::client::legacy::Error) -> Trouble {
        let target = &self.target;
        Trouble::Behind(if error.is_connect() {
            format!("no answer from {target}: is the server running?")
        } else {
            format!("invalid response from the server at {target}")
        })
    }
}

/// Why a request has no answer of the server behind.
enum Trouble {
    Request(&'static str),
    Behind(String),
}

/// The host that the client asked for: of HTTP/2 and of the absolute form it is in the URI.
fn host_of(request: &Request<Incoming>) -> Option<HeaderValue> {
    let in_uri = request.uri().authority().map(Authority::as_str);
    match in_uri {
        Some(authority) => HeaderValue::from_str(authority).ok(),
        None => request.headers().get(header::HOST).cloned(),
    }
}

/// HTTP/2 lets a client send each cookie as a header of its own; HTTP/1.1 has one for all
/// (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<_> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(all) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, all);
    }
}

/// Takes away what concerns one connection only, also by being named in `Connection`.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}
