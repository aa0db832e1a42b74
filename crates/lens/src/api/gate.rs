//! Who gets in, and where a request goes.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, header};

use super::answer::{Answer, failure, text};
use super::{Session, events, flows, write};
use crate::ui;

/// What opens the API. 32 random bytes, written as hexadecimal.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn new() -> Result<Self, String> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "no random bytes".to_owned())?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The token, for a URL of ours.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    fn is(&self, given: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), given.as_bytes())
            .is_ok()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

pub(super) async fn answer(
    session: Arc<Session>,
    address: SocketAddr,
    request: Request<Incoming>,
) -> Answer {
    if let Err(reason) = is_for_us(&request, address) {
        return failure(403, reason);
    }
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix("/api/") else {
        return match (request.method(), ui::file(&path)) {
            (&Method::GET, Some((kind, body))) => text(kind, body),
            _ => failure(404, "there is nothing here"),
        };
    };
    if !has_token(&session, &request) {
        return failure(401, "the token is missing or wrong: open the URL that seal proxy printed");
    }
    let parts: Vec<_> = path.split('/').map(str::to_owned).collect();
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    match (request.method(), &parts[..]) {
        (&Method::GET, ["events"]) => events::stream(session, request.uri().query()),
        (&Method::GET, _) => {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let parts: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
            let work = move || {
                let parts: Vec<_> = parts.iter().map(String::as_str).collect();
                flows::read(&session, &parts, &query)
            };
            match tokio::task::spawn_blocking(work).await {
                Ok(answer) => answer,
                Err(_) => failure(500, "reading failed"),
            }
        }
        (&Method::POST | &Method::PUT, _) => write::change(&session, &parts, request).await,
        _ => failure(405, "only GET, POST and PUT"),
    }
}

/// A request that a site in the same browser made has another `Host` (its own name, if it was bound to
/// our address) or says another `Origin`.
fn is_for_us(request: &Request<Incoming>, address: SocketAddr) -> Result<(), &'static str> {
    let port = address.port();
    let ours = [address.to_string(), format!("localhost:{port}")];
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
    if hosts.next().is_some() || !ours.iter().any(|own| own.eq_ignore_ascii_case(host)) {
        return Err("the Host of this request is not this server's");
    }
    let is_own = |origin: &header::HeaderValue| {
        ours.iter().any(|own| *origin == format!("http://{own}").as_str())
    };
    if request.headers().get_all(header::ORIGIN).iter().any(|origin| !is_own(origin)) {
        return Err("this request comes from another site");
    }
    Ok(())
}

fn has_token(session: &Session, request: &Request<Incoming>) -> bool {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    given.is_some_and(|given| session.token.is(given))
}
