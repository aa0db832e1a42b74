//! `seal acme renew`.

use clap::Args;
use sealwire_acme::client::{self, Folder, RenewalConfig, chance};

use super::failed;
use super::issue::fetch;
use super::means::{Means, Place};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::words::clock;

/// Renew the certificates that are due; run it from a timer, at least hourly
///
/// Asks each CA for its renewal window (ARI, RFC 9773); without one, renews after two thirds of the
/// validity period. After a failure, retries after a minute, then two, up to a day; the old
/// certificate stays in use.
#[derive(Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    place: Place,
    /// Only these [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Renew now, even if not due, and ignore the limit of five recent certificates
    #[arg(long)]
    force: bool,
    /// Report as JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl Renew {
    pub(super) async fn run(self) -> Result<Answer, Failure> {
        let folder = self.place.open()?;
        let known = folder.names().map_err(failed)?;
        if let Some(unknown) =
            self.names.iter().find(|name| !known.contains(&name.replace('*', "_wildcard")))
        {
            return Err(Failure::usage(format!("{unknown}: no such certificate"))
                .advise("`seal acme status` lists them"));
        }
        let names = if self.names.is_empty() { known } else { self.names.clone() };
        let mut answer = Answer::Yes;
        for name in names {
            // Another process in the folder may have renewed it meanwhile.
            let _lock = folder.lock().map_err(failed)?;
            let Some(mut config) = folder.renewal_config(&name).map_err(failed)? else { continue };
            if config.is_renewed_by_service() {
                if !self.names.is_empty() {
                    answer = Answer::No;
                    report::note(left_to_its_service(&name));
                }
                continue;
            }
            match self.one(&mut config, &folder).await {
                Ok(()) => {}
                Err(failure) => {
                    answer = Answer::No;
                    report::note(&failure);
                    config.schedule.failed(failure.to_string(), clock::now(), chance());
                    folder.store_renewal_config(&config).map_err(failed)?;
                }
            }
        }
        Ok(answer)
    }

    async fn one(&self, config: &mut RenewalConfig, folder: &Folder) -> Result<(), Failure> {
        let now = clock::now();
        let name = config.names.first().cloned().unwrap_or_default();
        if now < config.schedule.retry_at && !self.force {
            return Ok(());
        }
        let means = Means::of(config)?;
        let session = means.session(config, folder).await?;
        if let Some(held) = folder.held(&name).map_err(failed)? {
            if now >= config.schedule.ask_at {
                // A CA that does not say when still renews.
                if let Ok(Some((start, end, again))) =
                    client::renewal_window_of(&session, &held.chain[0]).await
                {
                    config.schedule.take_window(start, end, chance());
                    config.schedule.ask_at = now + again;
                    folder.store_renewal_config(config).map_err(failed)?;
                }
            }
            let (begin, end) = held.validity();
            if !self.force && !config.schedule.is_due(begin, end, now) {
                return Ok(());
            }
            if !self.force {
                config.schedule.check_enough(end - begin, now).map_err(failed)?;
            }
        }
        let report = fetch(&session, &means, config, folder).await?;
        match self.json {
            true => report::print_line(&report),
            false => report::print_text(&report.to_string()),
        }
    }
}

/// The service proves the names at its own port, and swaps the certificate in.
fn left_to_its_service(name: &str) -> Failure {
    Failure::refused(format!(
        "{name}: renewed by the server that obtained it, not by `seal acme renew`"
    ))
    .advise("run `seal serve --acme` or `seal tunnel` with this folder")
}
