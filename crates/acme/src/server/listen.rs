//! The server on a port of its own: TLS with a certificate of its own CA, and what is not secret also
//! over plain HTTP on the same port, since revocation lists are fetched by those who do not trust
//! anybody yet.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use sealwire::pki::{KeyAlgorithm, PrivateKey};
use sealwire::{Acceptor, Identity, Listener, SecureContext};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::finalize::new_serial;
use super::{Answer, Server};
use crate::authority::{Profile, Request as Wanted, bytes_of_hex};
use crate::clock::Seconds;
use crate::protocol::Identifier;
use crate::store::Issued;

/// How long a client may take to say what it wants; also how long an idle connection is kept.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections at once.
const CLIENTS: usize = 4096;

/// How often it is looked whether there is anything to do besides requests.
const UPKEEP: Duration = Duration::from_secs(2);

/// How often expired records are removed.
const PRUNE: Duration = Duration::from_secs(600);

/// A server with its door.
pub struct Door {
    server: Server,
    names: Vec<Identifier>,
    acceptor: Acceptor,
    renew_at: Seconds,
    signer: String,
}

impl Door {
    /// A door under these names, with a certificate for them.
    ///
    /// # Errors
    /// When the CA may not sign for one of the names.
    pub fn new(server: Server, names: Vec<Identifier>) -> Result<Self, String> {
        let (context, renew_at) = own_context(&server, &names)?;
        let acceptor = Acceptor::new(context).alpn(["h2", "http/1.1"]);
        let signer = server.authority().signer().id().to_owned();
        Ok(Self { server, names, acceptor, renew_at, signer })
    }

    /// Serves until dropped.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn serve(self, tcp: TcpListener) -> io::Result<()> {
        let in_public = self.server.clone();
        let mut listener = Listener::new(tcp, self.acceptor.clone())
            .before_handshake(move |tcp, client| {
                let server = in_public.clone();
                async move { only_tls(tcp, client, &server).await }
            })
            .on_handshake_error(|client, error| tracing::debug!(%client, %error, "no TLS"));
        let server = self.server.clone();
        let upkeep = tokio::spawn(self.upkeep());
        let places = Arc::new(Semaphore::new(CLIENTS));
        let served = loop {
            let place = places.clone().acquire_owned().await;
            let (stream, _) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(e) => break Err(e),
            };
            let server = server.clone();
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| {
                    let server = server.clone();
                    async move { Ok::<_, Infallible>(server.handle(request).await) }
                });
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                builder.http2().timer(TokioTimer::new()).keep_alive_interval(PATIENCE);
                // A client that breaks off is its own affair.
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                drop(place);
            });
        };
        upkeep.abort();
        served
    }

    /// Notices another intermediate, renews the door's own certificate, forgets what is old.
    async fn upkeep(mut self) {
        let mut since_pruned = Duration::ZERO;
        loop {
            tokio::time::sleep(UPKEEP).await;
            since_pruned += UPKEEP;
            let prune = since_pruned >= PRUNE;
            if prune {
                since_pruned = Duration::ZERO;
            }
            let done = tokio::task::spawn_blocking(move || {
                self.keep_up(prune);
                self
            });
            match done.await {
                Ok(door) => self = door,
                Err(_) => return,
            }
        }
    }

    fn keep_up(&mut self, prune: bool) {
        let server = &self.server;
        match server.authority().refresh() {
            Ok(true) => {
                if let Err(e) = server.note_signer() {
                    tracing::error!(reason = %e, "the new intermediate could not be stored");
                }
            }
            Ok(false) => {}
            Err(e) => tracing::error!(reason = %e, "intermediates cannot be read"),
        }
        let signer = server.authority().signer().id().to_owned();
        if signer != self.signer || server.store().clock().now() >= self.renew_at {
            match own_context(server, &self.names) {
                Ok((context, renew_at)) => {
                    self.acceptor.set_context(context);
                    self.renew_at = renew_at;
                    self.signer = signer;
                }
                Err(e) => tracing::error!(reason = %e, "the server's own certificate"),
            }
        }
        if prune && let Err(e) = server.store().prune() {
            tracing::error!(reason = %e, "expired records could not be removed");
        }
    }
}

/// A certificate for the server itself, recorded like all others; and when to replace it.
fn own_context(server: &Server, names: &[Identifier]) -> Result<(SecureContext, Seconds), String> {
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let signer = server.authority().signer();
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).map_err(|e| text(&e))?;
    let serial = bytes_of_hex(&new_serial().map_err(|e| text(&e))?);
    let now = server.store().clock().now();
    let usual = Profile::usual();
    let certificate = signer.sign(&Wanted {
        serial: &serial,
        identifiers: names,
        user: None,
        spki: key.spki_der(),
        profile: &usual[0],
        not_before: None,
        not_after: None,
        crl_url: None,
        issuer_url: None,
        now,
    });
    let certificate =
        certificate.map_err(|refused| format!("the server's own certificate: {refused}"))?;
    let issued = Issued::now(&certificate, signer.id(), None, names, now);
    server.store().record(&issued, || Ok::<_, crate::store::Error>(())).map_err(|e| text(&e))?;
    let renew_at = now + (certificate.not_after() - now) * 2 / 3;
    let above = signer.chain().iter().filter(|one| !one.is_self_signed()).cloned();
    let chain: Vec<_> = std::iter::once(certificate).chain(above).collect();
    let identity = Identity::new(chain, &key).map_err(|e| text(&e))?;
    let context = SecureContext::builder().identity(identity).build().map_err(|e| text(&e))?;
    Ok((context, renew_at))
}

/// Accepts TLS; plain HTTP gets public data only.
async fn only_tls(
    tcp: TcpStream,
    client: SocketAddr,
    server: &Server,
) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    let mut first = [0];
    // Methods of HTTP are in capitals (RFC 9110, section 9.1); records of TLS begin with 20 to 23.
    if tcp.peek(&mut first).await? == 0 || !first[0].is_ascii_uppercase() {
        return Ok(Some((tcp, client)));
    }
    let service = service_fn(|request: Request<Incoming>| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(in_public(&server, &request).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(tcp), service)
        .await;
    Ok(None)
}

async fn in_public(server: &Server, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Answer::new(StatusCode::METHOD_NOT_ALLOWED).into_response();
    }
    let (server, path) = (server.clone(), request.uri().path().to_owned());
    let answered = tokio::task::spawn_blocking(move || server.answer_in_public(&path)).await;
    let answer = answered.ok().flatten().unwrap_or_else(|| {
        let what = "this port requires TLS: https\n";
        Answer::of_type(StatusCode::FORBIDDEN, "text/plain; charset=utf-8", what)
    });
    answer.into_response()
}
