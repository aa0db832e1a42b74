//! A service whose certificate is fetched and renewed by ACME while it serves.

use std::sync::Arc;
use std::time::Duration;

use sealwire::{Connector, SecureContext};
use sealwire_acme::client::{Folder, Http, Keeper, Login, Step, TlsAlpn01};
use sealwire_acme::clock::Clock;
use tracing::{debug, error, info};

use super::config::Acme;
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
        solver: TlsAlpn01::in_folder(&folder),
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
                error!(service = service.name, name = keeper.name(), reason = %e, "not renewed; what there is goes on");
                service.metrics.failed_renewals.inc();
                service.renewal_failed(Some(e.to_string()));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
