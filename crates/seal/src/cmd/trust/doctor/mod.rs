//! `seal trust doctor`.

mod examine;
mod report;
mod runtimes;
mod server;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use clap::Args;
use clap::builder::PossibleValuesParser;
use sealwire::pki::CaStore;
use tokio::sync::Semaphore;

use self::examine::Scene;
use self::report::Report;
use self::runtimes::RUNTIMES;
use self::server::Server;
use crate::files::ca_folder::CaFolder;
use crate::say::failure::Failure;
use crate::say::report::{self as say, Answer};
use crate::truststore::environment::{self, TrustFiles};
use crate::words::length::Timeout;

/// Test whether the installed programs trust your CA, and explain why
///
/// Starts a server on this machine with a certificate of your CA, and connects with each program:
/// Node.js, Deno, Bun, Python's ssl and requests, Go, Java, curl, git, cargo, Ruby, PHP, wget,
/// .NET. For each that trusts the CA, names the variable, file or store that makes it do so; for
/// each that does not, the variable of `seal trust env` that would help. Exits with 1 when one does
/// not.
#[derive(Args)]
#[command(after_help = "Examples:
  seal trust doctor                          this shell as it is
  seal trust run -- seal trust doctor        with the variables of `seal trust env`
  seal trust doctor --only node --only java")]
pub(crate) struct Doctor {
    #[command(flatten)]
    folder: CaFolder,
    /// Folder of another CA that must be trusted too; its root stands for those that the programs
    /// trusted before
    #[arg(long, value_name = "DIR")]
    beside: Option<PathBuf>,
    /// Limit to this program; may be repeated
    #[arg(long, value_name = "PROGRAM", value_parser = PossibleValuesParser::new(RUNTIMES.iter().map(|one| one.name)))]
    only: Vec<String>,
    /// Time limit for each program
    #[arg(long, value_name = "TIME", default_value = "1m")]
    timeout: Timeout,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) async fn run(self) -> Result<Answer, Failure> {
        let store = self.folder.open()?;
        let root = super::root(&self.folder, None)?;
        let other = self.beside.as_deref().map(CaStore::open).transpose()?;
        let temporary = tempfile::Builder::new().prefix("seal-doctor-").tempdir();
        let temporary = temporary
            .map_err(|e| Failure::usage(format!("cannot create a temporary folder: {e}")))?;
        let files = TrustFiles::write(
            temporary.path(),
            temporary.path(),
            &environment::base(&[])?,
            std::slice::from_ref(&root.certificate),
        )?;
        let beside = match &other {
            Some(store) => Some(Server::start(store).await?),
            None => None,
        };
        let scene = Arc::new(Scene {
            ours: Server::start(&store).await?,
            beside,
            root: root.certificate.clone(),
            would_set: files.variables(environment::java_options().as_deref()),
            patience: self.timeout.get(),
        });
        let report = self.examined(&scene, root.subject()).await;
        if report.runtimes.is_empty() {
            return Err(Failure::usage("none of these programs is installed"));
        }
        let all = report.runtimes.iter().all(report::Examined::is_well);
        say::print(&report, self.json)?;
        Ok(if all { Answer::Yes } else { Answer::No })
    }

    /// As many at a time as there are processors.
    async fn examined(&self, scene: &Arc<Scene>, root: String) -> Report {
        let wanted = |name: &str| self.only.is_empty() || self.only.iter().any(|only| only == name);
        let places = thread::available_parallelism().map_or(1, NonZero::get);
        let places = Arc::new(Semaphore::new(places));
        let begun: Vec<_> = RUNTIMES
            .iter()
            .filter(|runtime| wanted(runtime.name))
            .map(|runtime| {
                let (scene, places) = (scene.clone(), places.clone());
                let task = tokio::spawn(async move {
                    let _place = places.acquire_owned().await;
                    scene.examine(runtime).await
                });
                (runtime.name, task)
            })
            .collect();
        let mut report = Report { root, runtimes: Vec::new(), not_installed: Vec::new() };
        for (name, task) in begun {
            match task.await.ok().flatten() {
                Some(examined) => report.runtimes.push(examined),
                None => report.not_installed.push(name),
            }
        }
        report
    }
}
