//! What is served follows its files, and clients that would not be accepted any longer are closed.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sealwire::live::{Change, Closed, Current, LiveOptions, LoadError, WatchedBuilder};
use sealwire::pki::Purpose;
use sealwire::{Live, SecureContext, Watched};

use super::event::{Event, Reporter};
use super::shown::{ByName, Shown};
use crate::net::legacy::LegacyOption;
use crate::say::failure::Failure;
use crate::tunnel::Recheck;

/// How often lifetimes are looked at where nothing else is.
const TICK: Duration = Duration::from_millis(500);

/// How long connections may be open, and whether their sessions can be resumed afterwards.
pub(super) struct Lives {
    pub(super) tickets: bool,
    pub(super) hybrid_retry: bool,
    pub(super) recheck: Recheck,
    pub(super) longest: Option<Duration>,
}

impl Lives {
    /// The open connections, of which those are closed that would not be accepted any longer.
    pub(super) fn live(&self, reporter: Reporter) -> Live {
        let options = LiveOptions::new()
            .max_lifetime(self.longest)
            .close_at_expiry(self.recheck == Recheck::Close)
            .on_close(move |closed: &Closed<'_, ()>| {
                let subject = closed.peer.certificate().map(|one| one.subject().to_string());
                let (why, reason) = (closed.why.name(), closed.why.to_string());
                reporter.tell(&Event::CutOff { subject, why, reason });
            });
        let live = Live::new(options);
        if self.recheck == Recheck::Off && self.longest.is_some() {
            let ticking = live.clone();
            tokio::spawn(async move {
                let mut interval = tokio::time::interval(TICK);
                loop {
                    interval.tick().await;
                    ticking.tick();
                }
            });
        }
        live
    }

    /// Begins to follow the files. The first is taken as it is: a server may be there to show a
    /// certificate that is not good.
    pub(super) fn follow(
        &self,
        files: WatchedBuilder,
        legacy: LegacyOption,
        live: &Live,
        reporter: Reporter,
    ) -> Result<Watched, Failure> {
        let (tickets, hybrid_retry) = (self.tickets, self.hybrid_retry);
        let files = files
            .settings(move |builder| {
                let builder = legacy.apply(builder).retry_for_post_quantum(hybrid_retry);
                Ok(if tickets { builder } else { builder.tickets(0) })
            })
            .purpose(Purpose::Server)
            .take_the_first_as_it_is()
            .on_change(move |change| match change {
                Change::Loaded(_) => reporter.tell(&Event::Reloaded),
                Change::Refused(error) => {
                    reporter.tell(&Event::NotReloaded { reason: error.to_string() });
                }
                _ => {}
            });
        let files = if self.recheck == Recheck::Close { files.live(live) } else { files };
        files.start().map_err(|error| match error {
            LoadError::Material(error) => error.into(),
            error => Failure::usage(error.to_string()),
        })
    }
}

/// Which certificate is shown for which name, of a context that changes.
pub(super) struct Names {
    current: Current,
    legacy: LegacyOption,
    made: ArcSwap<(SecureContext, Option<ByName>)>,
}

impl Names {
    pub(super) fn of(current: Current, legacy: LegacyOption) -> Self {
        let context = current.context();
        let made = Self::choice(&context, legacy);
        Self { current, legacy, made: ArcSwap::from_pointee((context, made)) }
    }

    /// Whose credentials a client gets that asks for this name; `None` leaves it to the context.
    pub(super) fn named(&self, name: Option<&str>) -> Option<SecureContext> {
        let now = self.current.context();
        let mut made = self.made.load_full();
        if !made.0.is_same(&now) {
            let choice = Self::choice(&now, self.legacy);
            made = Arc::new((now, choice));
            self.made.store(made.clone());
        }
        let by_name = made.1.as_ref()?;
        by_name.named(name).or_else(|| by_name.fallback().ok())
    }

    fn choice(context: &SecureContext, legacy: LegacyOption) -> Option<ByName> {
        let shown = Shown::given(context.identities().to_vec());
        let by_name = shown.by_name(Some(context.trust().clone()), legacy).ok()?;
        by_name.is_a_choice().then_some(by_name)
    }
}
