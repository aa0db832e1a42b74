//! `seal tunnel check`: says what a file means, and tries what can be tried without serving.

use sealwire::live::{KnownFiles, Staples};
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::config::{self, ClientAuth, Mode, Plan, Recheck, Route};
use super::contexts::Contexts;
use super::metrics::Metrics;
use super::pool::Pool;
use crate::files::agent::Agent;
use crate::files::material::Anchor;
use crate::say::report::Answer;
use crate::words::length::Length;

/// What was found out about a file.
#[derive(Serialize)]
pub(crate) struct Report {
    file: Option<String>,
    services: Vec<ServiceReport>,
}

#[derive(Serialize)]
struct ServiceReport {
    name: String,
    /// What it does, sentence by sentence.
    does: Vec<String>,
    /// Whether certificates, keys, trust and lists were loaded.
    material: Result<String, String>,
    targets: Vec<TargetReport>,
}

#[derive(Serialize)]
struct TargetReport {
    target: String,
    /// Why it did not answer.
    error: Option<String>,
}

/// Explains a plan, and tries it: its files, and its targets too where that is wanted.
pub(crate) async fn check(plan: &Plan, targets: bool) -> Report {
    let mut services = Vec::new();
    for service in &plan.services {
        services.push(check_service(service, targets).await);
    }
    Report { file: plan.file.as_ref().map(|file| file.display().to_string()), services }
}

impl Report {
    /// Yes when everything that was tried worked.
    pub(crate) fn answer(&self) -> Answer {
        let good = |service: &ServiceReport| {
            service.material.is_ok() && service.targets.iter().all(|target| target.error.is_none())
        };
        if self.services.iter().all(good) { Answer::Yes } else { Answer::No }
    }
}

async fn check_service(service: &config::Service, try_targets: bool) -> ServiceReport {
    let agent = super::service::agent(service, || {});
    let id = agent.as_ref().ok().and_then(Option::as_ref).map(Agent::id);
    let who = id.map(|id| format!(" as {id}")).unwrap_or_default();
    let material = agent
        .and_then(|agent| {
            Contexts::load(service, agent.as_ref(), &Staples::new(), &KnownFiles::new())
        })
        .map(|contexts| match contexts.not_after {
            Some(time) => {
                format!(
                    "loaded{who}; the certificate is valid until {}",
                    sealwire::pki::Moment::from_seconds(time)
                )
            }
            None => format!("loaded{who}"),
        })
        .map_err(|failure| failure.to_string());
    let mut targets = Vec::new();
    let metrics = Metrics::new();
    for route in service.all_routes().filter(|_| try_targets) {
        let (list, balance) = (&route.targets, route.balance);
        let pool = Pool::new(&service.name, list, balance, service.health, &metrics);
        for backend in pool.backends() {
            let tried = match backend.resolve().await {
                Ok(()) => backend.connect(service.health.timeout).await.map(drop),
                Err(e) => Err(e),
            };
            targets.push(TargetReport {
                target: backend.target.to_string(),
                error: tried.err().map(|e| e.to_string()),
            });
        }
    }
    ServiceReport { name: service.name.clone(), does: explain(service), material, targets }
}

fn explain(service: &config::Service) -> Vec<String> {
    let mut says = Vec::new();
    let places = list(&service.listen);
    match service.mode {
        Mode::Server => says.push(format!("accepts TLS on {places}")),
        Mode::Client => says.push(format!("accepts plaintext on {places}")),
    }
    if service.proxy_in.is_some() {
        says.push(match service.proxy_from.as_slice() {
            [] => "expects a PROXY header".to_owned(),
            some => format!("expects a PROXY header from {}", or(some)),
        });
    }
    if let Some(protocol) = service.starttls {
        says.push(match service.mode {
            Mode::Server => format!("waits for clients to start TLS by {protocol}"),
            Mode::Client => format!("starts TLS with the target by {protocol}"),
        });
    }
    for route in &service.routes {
        says.push(explain_route(route, service));
    }
    if let Some(route) = &service.default {
        let prefix = if service.routes.is_empty() { "" } else { "otherwise " };
        says.push(format!("{prefix}{}", explain_target(route, service)));
    }
    if service.mode == Mode::Server {
        says.push(match service.client_auth {
            ClientAuth::None => "does not request client certificates".to_owned(),
            ClientAuth::Request => {
                format!("requests client certificates issued by {}", trust(service))
            }
            ClientAuth::Require => {
                format!("requires client certificates issued by {}", trust(service))
            }
        });
    } else {
        says.push(format!("verifies the target against {}", trust(service)));
    }
    if !service.crl.is_empty() {
        says.push(format!("refuses certificates revoked by {} CRL files", service.crl.len()));
    }
    for route in service.all_routes() {
        for (word, rules) in [("accepts", &route.access.allow), ("refuses", &route.access.deny)] {
            if !rules.is_empty() {
                says.push(format!("{word} {} (to {})", or(rules), list(&route.targets)));
            }
        }
    }
    let timeouts = service.timeouts;
    let length = |time: Duration| Length::new(time);
    says.push(format!(
        "timeouts: handshake {}, connect {}, idle {}, half closed {}",
        length(timeouts.handshake),
        length(timeouts.connect),
        length(timeouts.idle),
        length(timeouts.half_close),
    ));
    let lives = service.lives;
    let mut ends = Vec::new();
    if !service.ca.is_empty() || service.spiffe.is_some() || service.mode == Mode::Client {
        ends.push(match (lives.recheck, lives.drain.is_zero()) {
            (Recheck::Off, _) => "keeps open connections when access rules change".to_owned(),
            (Recheck::Close, true) => {
                "closes open connections whose peer is no longer acceptable".to_owned()
            }
            (Recheck::Close, false) => format!(
                "closes open connections whose peer is no longer acceptable, after {}",
                length(lives.drain)
            ),
        });
    }
    if let Some(longest) = lives.longest {
        ends.push(format!("closes each connection after {} at most", length(longest)));
    }
    says.extend(ends);
    says
}

fn explain_route(route: &Route, service: &config::Service) -> String {
    let mut when = Vec::new();
    if !route.sni.is_empty() {
        when.push(format!("the server name is {}", or(&route.sni)));
    }
    if !route.alpn.is_empty() {
        when.push(format!("{} is offered", or(&route.alpn)));
    }
    format!("when {}: {}", when.join(" and "), explain_target(route, service))
}

fn explain_target(route: &Route, service: &config::Service) -> String {
    let targets = list(&route.targets);
    let how = match (service.mode, route.passthrough) {
        (_, true) => "passes TLS through to",
        (Mode::Server, false) => "decrypts and forwards plaintext to",
        (Mode::Client, false) => "forwards over TLS to",
    };
    let balance = match (route.targets.len(), route.balance) {
        (1, _) => "",
        (_, config::Balance::Failover) => " (the first that works)",
        (_, config::Balance::RoundRobin) => " (in turn)",
        (_, config::Balance::LeastConnections) => " (the one with the fewest connections)",
    };
    format!("{how} {targets}{balance}")
}

fn trust(service: &config::Service) -> String {
    if let Some(agent) = &service.spiffe {
        return format!("the trust domain of the SPIFFE agent at {agent}");
    }
    if service.ca.is_empty() {
        return "Mozilla's and this system's roots".to_owned();
    }
    let name = |anchor: &Anchor| match anchor {
        Anchor::File(path) => path.display().to_string(),
        Anchor::System => "this system's roots".to_owned(),
        Anchor::Bundled => "Mozilla's roots".to_owned(),
    };
    service.ca.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn or<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, service) in self.services.iter().enumerate() {
            if i > 0 {
                write!(f, "\n\n")?;
            }
            write!(f, "service {}", service.name)?;
            for sentence in &service.does {
                write!(f, "\n  {sentence}")?;
            }
            match &service.material {
                Ok(text) => write!(f, "\n  ok    files: {text}")?,
                Err(reason) => write!(f, "\n  BAD   files: {reason}")?,
            }
            for target in &service.targets {
                match &target.error {
                    None => write!(f, "\n  ok    {} answers", target.target)?,
                    Some(reason) => write!(f, "\n  BAD   {}: {reason}", target.target)?,
                }
            }
        }
        Ok(())
    }
}
