//! OCSP responses that are fetched and renewed while their certificates are served.

use sealwire::Watched;
use sealwire::pki::Moment;

use super::event::{Event, Reporter};
use crate::net::staple::{LOOK, News, Stapler};

/// Looks after the responses of what is served.
pub(super) struct Stapled {
    pub(super) stapler: Stapler,
    pub(super) watched: Watched,
    pub(super) fetch: bool,
    pub(super) reporter: Reporter,
}

impl Stapled {
    /// For as long as the server runs.
    pub(super) async fn keep(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look().await;
        }
    }

    /// Looks once.
    pub(super) async fn look(&self) {
        let context = self.watched.context();
        let looked = self.stapler.look(context.identities(), self.fetch).await;
        for news in looked.news {
            self.reporter.tell(&match news {
                News::Fetched { subject, until } => Event::Stapled {
                    subject,
                    until: until.map(|until| Moment::from_seconds(until).to_string()),
                },
                News::Failed { subject, reason } => Event::NotStapled { subject, reason },
                News::Stale { subject } => Event::StapleStale { subject },
            });
        }
        if looked.changed {
            let watched = self.watched.clone();
            // Why it was refused is told where files are watched.
            let _ = tokio::task::spawn_blocking(move || watched.reload().is_ok()).await;
        }
    }
}
