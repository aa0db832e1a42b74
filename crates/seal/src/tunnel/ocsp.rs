//! A service whose certificates have OCSP responses stapled: fetched and renewed, and said when one is
//! out of date.

use std::sync::Arc;

use sealwire::pki::Moment;
use tracing::{error, info};

use super::metrics::Metrics;
use super::service::Service;
use crate::net::staple::{LOOK, News};

/// Looks after them for as long as the service runs.
pub(crate) async fn keep(service: Arc<Service>, metrics: Arc<Metrics>) {
    loop {
        tokio::time::sleep(LOOK).await;
        look(&service, &metrics).await;
    }
}

/// Looks once.
pub(crate) async fn look(service: &Service, metrics: &Metrics) {
    let state = service.state();
    let looked = service.stapler.look(&state.identities(), state.config.ocsp_fetch).await;
    for news in &looked.news {
        match news {
            News::Fetched { subject, until } => {
                service.metrics.staples_fetched.inc();
                let until = until.map(|until| Moment::from_seconds(until).to_string());
                let until = until.as_deref().unwrap_or("not said");
                info!(service = service.name, subject, until, "OCSP response fetched");
            }
            News::Failed { subject, reason } => {
                service.metrics.failed_staples.inc();
                error!(service = service.name, subject, reason, "no OCSP response fetched");
            }
            News::Stale { subject } => {
                error!(service = service.name, subject, "the stapled OCSP response is out of date");
            }
        }
    }
    if looked.changed {
        service.reload(None, metrics);
    }
    service.metrics.staples_lacking.set(looked.lacking);
    service.metrics.staples_until.set(looked.until.unwrap_or(0));
}
