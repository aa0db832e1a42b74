//! A service whose certificate is fetched and renewed by ACME while it serves.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use sealwire::{Connector, SecureContext};
use sealwire_acme::client::{
    Folder, Http, Http01, HttpDoor, Keeper, Login, Step, TlsAlpn01, Validation,
};
use sealwire_acme::clock::Clock;
use tracing::{debug, error, info};

use super::config::{Acme, Plan};
use super::metrics::Metrics;
use super::service::Service;
use crate::files::material::{public_roots, trust_in};
use crate::say::failure::Failure;

/// How often it is looked whether it is time.
const LOOK: Duration = Duration::from_secs(30);

/// What keeps the certificate of a service; there is one to begin with.
///
/// # Errors
/// With the file at fault.
pub(crate) fn keeper(acme: &Acme) -> Result<Keeper, Failure> {
    let trust = trust_in(&acme.ca)?.unwrap_or_else(public_roots);
    let context = SecureContext::builder()
        .trust(trust)
        .build()
        .map_err(|e| Failure::usage(format!("acme-ca: {e}")))?;
    let failed = |e: sealwire_acme::client::Error| Failure::usage(format!("acme-dir: {e}"));
    let folder = Folder::open(&acme.dir).map_err(failed)?;
    let keeper = Keeper {
        way: match acme.http {
            Some(_) => Validation::Http(Http01::in_folder(&folder)),
            None => Validation::TlsAlpn(TlsAlpn01::in_folder(&folder)),
        },
        folder,
        login: Login { server: acme.server.clone(), contact: acme.contact.clone(), eab: None },
        names: acme.names.clone(),
        profile: acme.profile.clone(),
        http: Http::new(Connector::new(context)),
        clock: Clock::system(),
    };
    keeper.prepare().map_err(failed)?;
    Ok(keeper)
}

/// The ports where CAs look for what they are to be shown. Several services may have one.
pub(crate) struct Challenges(BTreeMap<SocketAddr, TcpListener>);

impl Challenges {
    /// Listens for all services of a plan.
    ///
    /// # Errors
    /// With the service and the address.
    pub(crate) fn listen(plan: &Plan) -> Result<Self, Failure> {
        let mut listening = BTreeMap::new();
        for service in &plan.services {
            let Some(at) = service.acme.as_ref().and_then(|acme| acme.http) else { continue };
            if listening.contains_key(&at) {
                continue;
            }
            let failed = |e: std::io::Error| {
                let name = &service.name;
                Failure::usage(format!("service \"{name}\": acme-http: {at}: cannot listen: {e}"))
            };
            let tcp = TcpListener::bind(at).map_err(failed)?;
            tcp.set_nonblocking(true).map_err(failed)?;
            listening.insert(at, tcp);
        }
        Ok(Self(listening))
    }

    /// Answers there, for as long as what is returned is kept.
    ///
    /// # Errors
    /// When the runtime does not take a socket.
    pub(crate) fn open(self, services: &[Arc<Service>]) -> Result<Vec<HttpDoor>, Failure> {
        let open = |(at, tcp): (SocketAddr, TcpListener)| {
            let of_service = |service: &Arc<Service>| {
                let here = service.state().config.acme.as_ref().and_then(|acme| acme.http);
                let keeper = service.keeper.as_ref().filter(|_| here == Some(at))?;
                keeper.way.http().cloned()
            };
            let shown = services.iter().filter_map(of_service).collect();
            let tcp = tokio::net::TcpListener::from_std(tcp)
                .map_err(|e| Failure::usage(format!("acme-http: {at}: {e}")))?;
            info!(address = %at, "answering CAs that check names by http-01");
            Ok(HttpDoor::open(tcp, shown))
        };
        self.0.into_iter().map(open).collect()
    }
}

/// Renews for as long as the service runs.
pub(crate) async fn keep(service: Arc<Service>, metrics: Arc<Metrics>) {
    let Some(keeper) = service.keeper.clone() else { return };
    loop {
        match keeper.step().await {
            Ok(Step::Renewed) => {
                info!(service = service.name, name = keeper.name(), "another certificate");
                service.metrics.renewed.inc();
                service.renewal_failed(None);
                service.reload(None, &metrics);
            }
            Ok(Step::NotDue) => {}
            Ok(Step::Busy) => debug!(service = service.name, "another renews"),
            Err(e) => {
                error!(service = service.name, name = keeper.name(), reason = %e, "renewal failed; keeping the current certificate");
                service.metrics.failed_renewals.inc();
                service.renewal_failed(Some(e.to_string()));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
