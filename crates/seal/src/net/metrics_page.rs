//! Metrics for Prometheus at `/metrics` of an address.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::answer::{OPEN_METRICS, TEXT, answer};
use crate::say::failure::Failure;

/// How long a client may take over the head of its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clients at once.
const CLIENTS: usize = 64;

/// What the page shows, at the moment it is asked for.
pub(crate) type Text = Arc<dyn Fn() -> Bytes + Send + Sync>;

/// Serves `text` in tasks of its own, until the process ends; tells where. `option` is named in errors.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) async fn serve(option: &str, listen: &str, text: Text) -> Result<SocketAddr, Failure> {
    let failed = |e: std::io::Error| Failure::usage(format!("{option} {listen}: {e}"));
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tokio::spawn(accept(listener, text));
    Ok(address)
}

async fn accept(listener: TcpListener, text: Text) {
    let clients = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let Ok(place) = Arc::clone(&clients).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((tcp, _)) => {
                let text = Arc::clone(&text);
                tokio::spawn(async move {
                    talk(tcp, text).await;
                    drop(place);
                });
            }
            // No descriptor is left: some come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn talk(tcp: TcpStream, text: Text) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(&request, &text);
        async move { Ok::<_, Infallible>(response) }
    });
    // A client that breaks off, or does not speak HTTP, is its own affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(tcp), service)
        .await;
}

fn respond(request: &Request<Incoming>, text: &Text) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => answer(StatusCode::OK, OPEN_METRICS, text()),
        (&Method::GET | &Method::HEAD, _) => {
            answer(StatusCode::NOT_FOUND, TEXT, "not found; see /metrics\n")
        }
        _ => answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n"),
    }
}
