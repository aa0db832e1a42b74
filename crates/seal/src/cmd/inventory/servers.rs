//! Servers are asked for what they show.

use std::sync::Arc;
use std::time::Instant;

use clap::ValueEnum;
use sealwire::{ClientOptions, Identity, PeerVerification, SecureContext, ServerName};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::inspect::posture::Posture;
use crate::inspect::{observed, scan};
use crate::inventory::{Found, Shown, What};
use crate::net::dial::Route;
use crate::net::protocol::Starttls;
use crate::net::target::Target;
use crate::say::advice;
use crate::say::failure::Failure;

/// A server, and how it is asked for TLS.
#[derive(Clone)]
pub(crate) struct Server {
    target: Target,
    starttls: Option<Starttls>,
}

/// How servers are asked.
pub(crate) struct Asking {
    pub(crate) route: Route,
    /// The client identity.
    pub(crate) identities: Vec<Identity>,
    pub(crate) at_once: u16,
    /// Whether for the groups that they know, too.
    pub(crate) posture: bool,
}

impl Server {
    /// `HOST`, `HOST:PORT`, `PROTOCOL://HOST`; `starttls` counts where no protocol stands there.
    pub(crate) fn parse(text: &str, starttls: Option<Starttls>) -> Result<Self, Failure> {
        const HTTPS: u16 = 443;
        let protocol = text.split_once("://").and_then(|(scheme, rest)| {
            Starttls::from_str(scheme, true).ok().map(|protocol| (protocol, rest))
        });
        let (starttls, rest, port) = match protocol {
            Some((protocol, rest)) => (Some(protocol), rest.trim_end_matches('/'), protocol.port()),
            None => (starttls, text, starttls.map_or(HTTPS, Starttls::port)),
        };
        let target =
            Target::parse(rest, port).map_err(|e| Failure::usage(format!("{text}: {e}")))?;
        Ok(Self { target, starttls })
    }
}

/// Asks all of them.
pub(crate) async fn ask_all(asking: Asking, servers: &[Server]) -> Result<Vec<Found>, Failure> {
    if servers.is_empty() {
        return Ok(Vec::new());
    }
    let mut builder = SecureContext::builder();
    for identity in &asking.identities {
        builder = builder.identity(identity.clone());
    }
    let context = builder.build().map_err(|e| Failure::usage(e.to_string()))?;
    let places = Arc::new(Semaphore::new(usize::from(asking.at_once)));
    let how = Arc::new(asking);
    let mut asking = JoinSet::new();
    for server in servers.iter().cloned() {
        let (how, context, places) = (Arc::clone(&how), context.clone(), Arc::clone(&places));
        asking.spawn(async move {
            let _place = places.acquire_owned().await;
            let place = server.target.to_string();
            ask(&how, &context, &server).await.unwrap_or_else(|failure| {
                vec![Found { place, what: What::Unreadable(failure.to_string()) }]
            })
        });
    }
    Ok(asking.join_all().await.into_iter().flatten().collect())
}

/// What a server shows; why its handshake failed, beside what it had shown before that.
async fn ask(
    how: &Asking,
    context: &SecureContext,
    server: &Server,
) -> Result<Vec<Found>, Failure> {
    let Server { target, starttls } = server;
    let name: ServerName =
        target.host.parse().map_err(|e| Failure::usage(format!("{target}: {e}")))?;
    let start = Instant::now();
    let mut reached = how.route.reach_by(target, name.as_str(), *starttls).await?;
    let options = ClientOptions::new(name.clone()).verification(PeerVerification::Recorded);
    let timeout = how.route.timeout.get();
    let observed = observed::handshake(&mut reached.tcp, context, &options, start, timeout).await;
    let observed = observed.map_err(|e| Failure::of_connection(&target.to_string(), &e))?;
    let trace = observed.trace();
    let asked = trace.messages().iter().any(|message| message.name == "CertificateRequest");
    let mut found = Vec::new();
    let groups = match how.posture {
        true => {
            let sni = name.ip().is_none().then(|| name.as_str());
            let asked = scan::ask_groups(&how.route, target, *starttls, name.as_str(), sni).await;
            // What the handshake has shown stays.
            asked.map_err(|e| format!("its groups were not probed: {e}")).map(Some)
        }
        false => Ok(None),
    };
    let groups = groups.unwrap_or_else(|why| {
        found.push(Found { place: target.to_string(), what: What::Unreadable(why) });
        None
    });
    let posture = Posture::of(&observed, trace.messages(), trace.certificates(), groups);
    if posture.protocol.is_some() || posture.key_exchange.asked.is_some() {
        found.push(Found { place: target.to_string(), what: What::Server(Box::new(posture)) });
    }
    if let Err(error) = &observed.outcome {
        let why = advice::sentence(error);
        let why = if asked { format!("{why}; it requests a client certificate") } else { why };
        found.push(Found { place: target.to_string(), what: What::Unreadable(why) });
    }
    for (depth, certificate) in trace.certificates().iter().enumerate() {
        let is_own = depth == 0;
        let shown = Shown {
            certificate: certificate.clone(),
            beside: trace.certificates().to_vec(),
            server: is_own.then(|| name.clone()),
            note: (is_own && asked).then(|| "requests a client certificate".to_owned()),
        };
        found.push(Found { place: target.to_string(), what: What::Certificate(Box::new(shown)) });
    }
    Ok(found)
}
