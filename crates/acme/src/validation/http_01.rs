//! http-01 (RFC 8555, section 8.3): a file on the web server of the name.

use std::net::IpAddr;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use sealwire::{Connector, InvalidServerName, PeerVerification, SecureContext, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Proof, Validator, excerpt};
use crate::protocol::{Identifier, Kind, Problem};

/// As many as Let's Encrypt follows.
const REDIRECTS: usize = 10;

/// A key authorization has less than a hundred bytes; some servers put a page around what is not
/// there.
const LONGEST_BODY: usize = 4096;

pub(super) async fn check(validator: &Validator, proof: &Proof) -> Result<(), Problem> {
    let port = validator.settings.http_port;
    let path = format!("/.well-known/acme-challenge/{}", proof.token);
    let mut place = Place { tls: false, host: proof.identifier.clone(), port, path };
    for _ in 0..=REDIRECTS {
        match fetch(validator, &place).await? {
            Fetched::There(body) => return compare(&place, &body, &proof.key_authorization),
            Fetched::Elsewhere(location) => place = place.redirected(&location, validator)?,
        }
    }
    let what = format!("{}: more than {REDIRECTS} redirects", proof.identifier);
    Err(Problem::new(Kind::Connection, what))
}

fn compare(place: &Place, body: &[u8], expected: &str) -> Result<(), Problem> {
    // Editors and `echo` leave a line end behind.
    if body.trim_ascii_end() == expected.as_bytes() {
        return Ok(());
    }
    Err(Problem::new(
        Kind::IncorrectResponse,
        format!("{place}: it holds {}, not the key authorization", excerpt(body)),
    ))
}

enum Fetched {
    There(Bytes),
    Elsewhere(String),
}

/// Where a file is.
struct Place {
    tls: bool,
    host: Identifier,
    port: u16,
    path: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}{}", bracketed(&self.host), self.port, self.path)
    }
}

impl Place {
    /// Where a redirect leads: to the ports of the web only.
    fn redirected(&self, location: &str, validator: &Validator) -> Result<Self, Problem> {
        let bad = |why: &str| {
            let shown: String = location.chars().take(120).collect();
            Err(Problem::new(Kind::Connection, format!("{self}: a redirect to {shown:?}: {why}")))
        };
        let Ok(uri) = location.parse::<Uri>() else { return bad("not a URL") };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let Some(authority) = uri.authority() else {
            if !path.starts_with('/') {
                return bad("not a path");
            }
            let (tls, host, port) = (self.tls, self.host.clone(), self.port);
            return Ok(Self { tls, host, port, path });
        };
        let (tls, usual) = match uri.scheme_str() {
            Some("http") => (false, validator.settings.http_port),
            Some("https") => (true, validator.settings.tls_port),
            _ => return bad("to a scheme other than http or https"),
        };
        let port = authority.port_u16().unwrap_or(usual);
        if ![80, 443, validator.settings.http_port, validator.settings.tls_port].contains(&port) {
            return bad("to a port other than 80 or 443");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let host = match host.parse::<IpAddr>() {
            Ok(address) => Identifier::Ip(address),
            Err(_) => Identifier::Dns(host.to_ascii_lowercase()),
        };
        Ok(Self { tls, host, port, path })
    }
}

async fn fetch(validator: &Validator, place: &Place) -> Result<Fetched, Problem> {
    let tcp = validator.connect(&place.host, place.port).await?;
    if !place.tls {
        return ask(tcp, place).await;
    }
    let failed = |e: &dyn std::fmt::Display| Problem::new(Kind::Tls, format!("{place}: {e}"));
    let context = SecureContext::builder().build().map_err(|e| failed(&e))?;
    let name: ServerName =
        place.host.to_string().parse().map_err(|e: InvalidServerName| failed(&e))?;
    // The server may not have a valid certificate yet.
    let connector = Connector::new(context).peer_verification(PeerVerification::Recorded);
    let tls = connector.connect(name, tcp).await.map_err(|e| failed(&e))?;
    ask(tls, place).await
}

async fn ask<IO>(io: IO, place: &Place) -> Result<Fetched, Problem>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed =
        |e: &dyn std::fmt::Display| Problem::new(Kind::Connection, format!("{place}: {e}"));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(io)).await.map_err(|e| failed(&e))?;
    let connection = tokio::spawn(connection);
    let usual = if place.tls { 443 } else { 80 };
    let host = match place.port {
        port if port == usual => bracketed(&place.host),
        port => format!("{}:{port}", bracketed(&place.host)),
    };
    let request = Request::get(&place.path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("sealwire-acme/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|e| failed(&e))?;
    let response = sender.send_request(request).await.map_err(|e| failed(&e))?;
    let status = response.status();
    let fetched = if status.is_redirection() {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        location
            .map(|location| Fetched::Elsewhere(location.to_owned()))
            .ok_or_else(|| failed(&"a redirect without a place"))
    } else if status == StatusCode::OK {
        let body = Limited::new(response.into_body(), LONGEST_BODY).collect().await;
        body.map(|body| Fetched::There(body.to_bytes())).map_err(|_| {
            let what = format!("{place}: more than {LONGEST_BODY} bytes, or an answer cut short");
            Problem::new(Kind::IncorrectResponse, what)
        })
    } else {
        let what = format!("{place}: the server says {status}");
        Err(Problem::new(Kind::IncorrectResponse, what))
    };
    connection.abort();
    fetched
}

fn bracketed(host: &Identifier) -> String {
    match host {
        Identifier::Ip(IpAddr::V6(address)) => format!("[{address}]"),
        other => other.to_string(),
    }
}
