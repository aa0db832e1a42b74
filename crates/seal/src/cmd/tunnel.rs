//! `seal tunnel`: TLS for plaintext servers and clients.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::tunnel::{self, ClientArgs, ServerArgs};

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Server(Box<ServerArgs>),
    Client(Box<ClientArgs>),
    Run(RunArgs),
    Check(CheckArgs),
}

/// Run the services of a configuration file
///
/// SIGHUP reloads the file and everything it names; SIGTERM stops after open connections have
/// finished, see drain.
#[derive(Args, Debug)]
#[command(
    after_help = "Example of a file:\n  status = \"127.0.0.1:9102\"\n\n  [[service]]\n  name = \"web\"\n  listen = \":8443\"\n  target = \"127.0.0.1:8080\"\n  cert = \"cert.pem\"\n  key = \"key.pem\""
)]
pub(crate) struct RunArgs {
    /// The file, TOML
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Check a configuration file, its certificates and its targets
///
/// Exits with 0 when everything works, 1 when something does not, 2 when the file cannot be read.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The file, TOML
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Check only the file and the files it names, not the targets
    #[arg(long)]
    files_only: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Command {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::Server(args) => tunnel::run(args.plan()?),
            Self::Client(args) => tunnel::run(args.plan()?),
            Self::Run(args) => tunnel::run(tunnel::from_file(&args.file)?),
            Self::Check(args) => args.run(),
        }
    }
}

impl CheckArgs {
    fn run(self) -> Result<Answer, Failure> {
        let plan = tunnel::from_file(&self.file)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::usage(format!("cannot start threads: {e}")))?;
        let report = runtime.block_on(tunnel::check(&plan, !self.files_only));
        runtime.shutdown_background();
        report::print(&report, self.json)?;
        Ok(report.answer())
    }
}
