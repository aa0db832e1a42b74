//! `seal acme issue`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use sealwire::pki::{KeyAlgorithm, SubjectAltName};
use sealwire_acme::client::{self, Folder, RenewalConfig, Schedule, Session};
use serde::Serialize;

use super::failed;
use super::means::{Means, Place, Proof, Server, http};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::words::clock;

/// Obtain a certificate and register it for `seal acme renew`
///
/// Writes fullchain.pem, privkey.pem and combined.pem (both, for HAProxy) to live/NAME in the
/// folder, replaced together. Names are validated by http-01 on port 80 by default.
#[derive(Args)]
#[command(after_help = "Examples:
  seal acme issue app.internal --server https://ca.internal/directory --ca root.pem
  seal acme issue app.internal --server URL --webroot /var/www --run 'systemctl reload nginx'
  seal acme issue '*.app.internal' --server URL --dns-hook /usr/local/bin/change-dns")]
pub(crate) struct Issue {
    #[command(flatten)]
    place: Place,
    /// Names for the certificate; the first is its identifier
    #[arg(value_name = "NAME", required = true)]
    names: Vec<SubjectAltName>,
    #[command(flatten)]
    server: Server,
    /// Validate by http-01, listening at this address [default: 0.0.0.0:80]
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["webroot", "tls_alpn", "dns_hook"])]
    http: Option<SocketAddr>,
    /// Validate by http-01, with files below this web root
    #[arg(long, value_name = "DIR", conflicts_with_all = ["tls_alpn", "dns_hook"])]
    webroot: Option<PathBuf>,
    /// Validate by tls-alpn-01, listening at this address
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "dns_hook")]
    tls_alpn: Option<SocketAddr>,
    /// Validate by dns-01: run this program with `present` or `clean`, the record's name and its
    /// text
    #[arg(long, value_name = "PROGRAM")]
    dns_hook: Option<String>,
    /// Certificate profile of the CA: server, client, shortlived, tlsserver, ...
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Run COMMAND in a shell now and after each renewal, with SEAL_ACME_NAME and SEAL_ACME_LIVE in
    /// its environment
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,
    /// Ignore the limit of five recent certificates for this name
    #[arg(long)]
    force: bool,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// A certificate that was fetched.
#[derive(Serialize)]
pub(super) struct Report {
    name: String,
    live: String,
    not_after: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: a certificate to {}, in {}", self.name, self.not_after, self.live)
    }
}

impl Issue {
    pub(super) async fn run(self) -> Result<Answer, Failure> {
        let folder = self.place.open()?;
        let _lock = folder.lock().map_err(|e| Failure::usage(e.to_string()))?;
        let means = Means { proof: self.proof(), ca: self.absolute_ca()? };
        let config = RenewalConfig {
            names: self.names.iter().map(|name| name.value().into_owned()).collect(),
            server: self.server.server.clone(),
            profile: self.profile.clone(),
            proof: serde_json::to_value(&means).unwrap_or_default(),
            run: self.run.clone(),
            schedule: self.schedule(&folder)?,
        };
        let login = self.server.login()?;
        let session = Session::open(&login, &folder, &http(&means.ca)?).await.map_err(failed)?;
        let report = fetch(&session, &means, &config, &folder).await?;
        report::print(&report, self.json)?;
        Ok(Answer::Yes)
    }

    /// Kept from an earlier order: when the last certificates came. A script that asks again and
    /// again would use up what a CA gives for a name.
    fn schedule(&self, folder: &Folder) -> Result<Schedule, Failure> {
        let name = self.names.first().map(|name| name.value().into_owned()).unwrap_or_default();
        let kept = folder.renewal_config(&name).map_err(failed)?;
        let issued = kept.map(|config| config.schedule.issued).unwrap_or_default();
        let schedule = Schedule { issued, ..Schedule::default() };
        if let Some(held) = folder.held(&name).map_err(failed)?
            && !self.force
        {
            let (begin, end) = held.validity();
            let checked = schedule.check_enough(end - begin, clock::now());
            checked.map_err(|e| failed(e).prefix(&name).advise("--force requests it anyway"))?;
        }
        Ok(schedule)
    }

    fn proof(&self) -> Proof {
        match (&self.webroot, self.tls_alpn, &self.dns_hook) {
            (Some(folder), ..) => Proof::Webroot { folder: folder.clone() },
            (_, Some(listen), _) => Proof::TlsAlpn { listen },
            (.., Some(program)) => Proof::DnsHook { program: program.clone() },
            _ => Proof::Http { listen: self.http.unwrap_or_else(|| ([0, 0, 0, 0], 80).into()) },
        }
    }

    /// A renewal runs somewhere else.
    fn absolute_ca(&self) -> Result<Vec<String>, Failure> {
        let absolute = |text: &String| match text.as_str() {
            "system" | "bundled" => Ok(text.clone()),
            path => std::path::absolute(path)
                .map(|path| path.display().to_string())
                .map_err(|e| Failure::usage(format!("{path}: {e}"))),
        };
        self.server.ca.iter().map(absolute).collect()
    }
}

/// Fetches a certificate as configured, installs it, and runs the hook.
pub(super) async fn fetch(
    session: &Session,
    means: &Means,
    config: &RenewalConfig,
    folder: &Folder,
) -> Result<Report, Failure> {
    let name = config.names.first().cloned().unwrap_or_default();
    let held = folder.held(&name).map_err(failed)?;
    let replaces = held.as_ref().map(|held| &held.chain[0]);
    let solver = means.solver().await?;
    let fetched = client::issue(
        session,
        &config.names,
        config.profile.as_deref(),
        replaces,
        KeyAlgorithm::EcdsaP256,
        solver.as_ref(),
    );
    let fetched = fetched.await.map_err(|e| failed(e).prefix(&name))?;
    let live = folder.install(&name, &fetched.chain, &fetched.key).map_err(failed)?;
    let mut kept = config.clone();
    kept.schedule.renewed(clock::now());
    folder.store_renewal_config(&kept).map_err(failed)?;
    if let Some(command) = &config.run {
        run(command, &name, &live).await?;
    }
    let held = folder.held(&name).map_err(failed)?;
    let not_after = held.map_or(0, |held| held.validity().1);
    Ok(Report { name, live: live.display().to_string(), not_after: card::time(not_after) })
}

async fn run(command: &str, name: &str, live: &std::path::Path) -> Result<(), Failure> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let ran = tokio::process::Command::new(shell)
        .args([flag, command])
        .env("SEAL_ACME_NAME", name)
        .env("SEAL_ACME_LIVE", live)
        .status()
        .await;
    match ran {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::refused(format!("--run {command:?}: {status}"))
            .advise("the certificate is in place")),
        Err(e) => Err(Failure::usage(format!("--run {command:?}: {e}"))),
    }
}
