//! The status page: metrics for Prometheus, and how it is for people and load balancers.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::ALLOW;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tracing::warn;

use super::gate::Gate;
use super::listen::Open;
use super::metrics::Metrics;
use super::service::Service;
use super::socket::{Listener, Socket};
use crate::files::agent::Agent;
use crate::net::answer::{OPEN_METRICS, TEXT, answer};
use crate::say::failure::Failure;

/// Whether the process still accepts connections.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    draining: AtomicBool,
}

impl Phase {
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// All that the page tells of.
struct Page {
    services: Vec<Arc<Service>>,
    metrics: Arc<Metrics>,
    phase: Arc<Phase>,
}

#[derive(Serialize)]
struct Status {
    ready: bool,
    draining: bool,
    services: Vec<ServiceStatus>,
}

#[derive(Serialize)]
struct ServiceStatus {
    name: String,
    connections: i64,
    up: bool,
    targets: Vec<TargetStatus>,
    /// Seconds since 1970.
    certificate_not_after: Option<i64>,
    loaded_at: u64,
    /// Why the last reload failed; the previous configuration stays in use.
    reload_error: Option<String>,
    /// Why ACME did not renew the certificate; the old one stays in use.
    renewal_error: Option<String>,
    /// Why the SPIFFE agent does not answer; its last answer stays in use.
    agent_error: Option<String>,
}

#[derive(Serialize)]
struct TargetStatus {
    target: String,
    up: bool,
    connections: usize,
    last_error: Option<String>,
}

/// Clients of the page at once.
const CLIENTS: usize = 64;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the page in the runtime of the calling thread, until the process ends.
///
/// # Errors
/// When the listener cannot be used.
pub(crate) fn serve(
    open: &Open,
    services: Vec<Arc<Service>>,
    metrics: Arc<Metrics>,
    phase: Arc<Phase>,
) -> Result<(), Failure> {
    let listener = open.listener().map_err(|e| Failure::usage(format!("status: {e}")))?;
    tokio::spawn(accept(listener, Arc::new(Page { services, metrics, phase })));
    Ok(())
}

async fn accept(listener: Listener, page: Arc<Page>) {
    let clients = Gate::new(CLIENTS);
    loop {
        let pass = clients.enter().await;
        match listener.accept().await {
            Ok((socket, _)) => {
                let page = page.clone();
                tokio::spawn(async move {
                    match socket {
                        Socket::Tcp(tcp) => talk(TokioIo::new(tcp), page).await,
                        Socket::Unix(unix) => talk(TokioIo::new(unix), page).await,
                    }
                    drop(pass);
                });
            }
            Err(e) => {
                warn!(reason = %e, "status page: cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn talk<IO: hyper::rt::Read + hyper::rt::Write + Unpin>(io: IO, page: Arc<Page>) {
    let answer = service_fn(move |request| {
        let page = page.clone();
        async move { Ok::<_, Infallible>(page.answer(&request)) }
    });
    // A client that breaks off, or does not speak HTTP, is its own affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(io, answer)
        .await;
}

impl Page {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refused =
                answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET or HEAD\n".to_owned());
            refused.headers_mut().insert(ALLOW, "GET, HEAD".parse().expect("a header"));
            return refused;
        }
        let status = self.status();
        let well = if status.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        match request.uri().path() {
            "/metrics" => match self.metrics.text() {
                Ok(text) => answer(StatusCode::OK, OPEN_METRICS, text),
                Err(e) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{e}\n")),
            },
            "/status" => {
                let json = serde_json::to_string_pretty(&status).unwrap_or_default();
                answer(well, "application/json", json + "\n")
            }
            "/ready" => {
                answer(well, TEXT, if status.ready { "ready\n" } else { "not ready\n" }.to_owned())
            }
            "/live" => answer(StatusCode::OK, TEXT, "alive\n".to_owned()),
            "/" => answer(StatusCode::OK, TEXT, CONTENTS.to_owned()),
            _ => answer(StatusCode::NOT_FOUND, TEXT, CONTENTS.to_owned()),
        }
    }

    fn status(&self) -> Status {
        let services: Vec<_> = self.services.iter().map(|service| of_service(service)).collect();
        let draining = self.phase.is_draining();
        Status { ready: !draining && services.iter().all(|service| service.up), draining, services }
    }
}

fn of_service(service: &Service) -> ServiceStatus {
    let (state, loaded) = (service.state(), service.loaded());
    let targets =
        state.active_routes().flat_map(|way| way.pool.backends()).map(|backend| TargetStatus {
            target: backend.target.to_string(),
            up: backend.is_up(),
            connections: backend.open(),
            last_error: backend.last_error(),
        });
    let not_after = service.metrics.not_after.get();
    ServiceStatus {
        name: service.name.clone(),
        connections: service.metrics.open.get(),
        up: state.active_routes().all(|way| way.pool.is_up()),
        targets: targets.collect(),
        certificate_not_after: (not_after != 0).then_some(not_after),
        loaded_at: loaded.since.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        reload_error: loaded.last_error,
        renewal_error: service.renewal_error(),
        agent_error: state.agent.as_ref().and_then(Agent::failure),
    }
}

const CONTENTS: &str = "seal tunnel
/metrics  for Prometheus
/status   services and targets, JSON
/ready    200 while connections are accepted and every service has a target that works, else 503
/live     200 while the process runs
";
