//! A page on this machine for the holder of its URL, whatever it shows.
//!
//! Every request must name this server by its address or `localhost` in `Host` (so no site whose name
//! was bound to 127.0.0.1 gets in), come from no other origin, and, for anything but the page's own
//! files, carry the token in `Authorization: Bearer`. What changes something is JSON, which no form of
//! another site can send. Nothing but the page's own files runs ([`Answer`]).

mod answer;
mod query;
mod token;

pub use answer::{Answer, AnswerBody, download, failure, json, pieces, text};
pub use query::Query;
pub use token::{Token, page_url};

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// An answer that takes its time.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What a page is made of.
pub trait Page: Send + Sync + 'static {
    /// The access check.
    fn token(&self) -> &Token;

    /// The command that has printed the page's URL.
    fn printed_by(&self) -> &'static str;

    /// Type and text of one of the page's own files.
    fn file(&self, path: &str) -> Option<(&'static str, &'static [u8])>;

    /// Answers a request that carries the token; `path` is what follows `/api/`.
    fn answer(self: Arc<Self>, path: String, request: Request<Incoming>) -> Answering;
}

/// Connections that are served at a time.
const MOST_CONNECTIONS: usize = 64;

/// Serves until dropped.
///
/// # Errors
/// When the listener's address is not known.
pub async fn serve(listener: TcpListener, page: Arc<impl Page>) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let places = Arc::new(tokio::sync::Semaphore::new(MOST_CONNECTIONS));
    let mut open = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
        };
        // A failed connection affects no other; a lack of descriptors passes.
        let Ok((tcp, _)) = accepted else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let page = Arc::clone(&page);
        open.spawn(async move {
            let _place = place;
            let service = service_fn(|request| {
                let page = Arc::clone(&page);
                async move { Ok::<_, std::convert::Infallible>(answer(page, address, request).await) }
            });
            let mut server = hyper::server::conn::http1::Builder::new();
            server.max_buf_size(64 * 1024);
            let _ = server.serve_connection(TokioIo::new(tcp), service).await;
        });
    }
}

async fn answer(page: Arc<impl Page>, address: SocketAddr, request: Request<Incoming>) -> Answer {
    if let Err(reason) = is_for_us(&request, address) {
        return failure(403, reason);
    }
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix("/api/") else {
        return match (request.method(), page.file(&path)) {
            (&Method::GET, Some((kind, body))) => text(kind, body),
            _ => failure(404, "not found"),
        };
    };
    if !has_token(page.token(), &request) {
        let by = page.printed_by();
        return failure(
            401,
            format!("the token is missing or wrong: open the URL that {by} printed"),
        );
    }
    let path = path.to_owned();
    page.answer(path, request).await
}

/// The body of a request that changes something.
///
/// # Errors
/// The answer to one that is not JSON, or longer than `longest`.
pub async fn body(request: Request<Incoming>, longest: usize) -> Result<Bytes, Box<Answer>> {
    // A form of another site cannot send this, whatever else it manages.
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_none_or(|kind| !kind.starts_with("application/json")) {
        return Err(Box::new(failure(415, "Content-Type must be application/json")));
    }
    match Limited::new(request.into_body(), longest).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(Box::new(failure(413, format!("the body cannot be read: {error}")))),
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

fn has_token(token: &Token, request: &Request<Incoming>) -> bool {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    given.is_some_and(|given| token.is(given))
}
