//! `seal proxy`: what passes between programs and servers, in plaintext and over TLS.

#[cfg(target_os = "linux")]
mod capture;
mod child;
mod demo;
mod descriptors;
mod environment;
mod export;
mod json;
mod mcp;
mod open;
mod options;
mod query;
mod record;
mod remote;
mod sessions;
#[cfg(target_os = "linux")]
mod sockets;
mod stream;
mod summary;
mod terminal;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use sealwire_lens::intercept::Proxy;
use tokio::net::TcpListener;

use crate::net::stop::Stop;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use options::Options;
use stream::Stream;

/// Debugging proxy: show what programs send over HTTP and HTTPS
///
/// Listens on this machine as a forward proxy (HTTP, CONNECT, SOCKS 5), or as a reverse proxy for
/// one server (--reverse). Decrypts TLS with certificates of a CA that it creates at start and that
/// clients must trust; the CA's key is kept in memory only. Servers are verified as by any TLS
/// client.
///
/// `seal proxy run -- COMMAND` sets all of this up for one command, without installing anything.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  seal proxy run -- npm test                         what does it send, and to which hosts?
  seal proxy run --ca dev-ca.pem -- python app.py    servers with certificates of a private CA
  seal proxy run --capture-all -- ./a.out            for a program that ignores proxy variables
  seal proxy                                         then: curl -x http://127.0.0.1:8888 ...
  seal proxy --reverse https://api.example.com       http://127.0.0.1:8888 stands for that server
  seal proxy --reverse postgres://db.lan:5432        statements, their times and results
  seal proxy run --session s.db --page -- npm test   in the browser, and recorded
  seal proxy demo                                    what an eavesdropper sees without TLS and with it"
)]
pub(crate) struct ProxyArgs {
    #[command(subcommand)]
    command: Option<Command>,

    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8888")]
    listen: SocketAddr,

    #[command(flatten)]
    options: Options,
}

// One at a time, on the stack of the program's start.
#[allow(clippy::large_enum_variant)]
#[derive(Subcommand, Debug)]
enum Command {
    Run(RunArgs),
    Demo(demo::DemoArgs),
    Open(open::OpenArgs),
    Query(query::QueryArgs),
    Resend(remote::ResendArgs),
    Compose(remote::ComposeArgs),
    Rules(remote::RulesArgs),
    Export(export::ExportArgs),
    Import(export::ImportArgs),
    Mcp(mcp::McpArgs),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Captured(capture::InsideArgs),
}

/// Run a command behind the proxy and show what it sends
///
/// Sets the environment variables for proxies and CAs for this command only, and reports afterwards
/// which of its programs bypassed the proxy or did not trust the CA. Trust stores are not changed.
/// Exits with the command's code.
#[derive(Args, Debug)]
struct RunArgs {
    #[command(flatten)]
    options: Options,

    /// Do not record. Without --session, a session is recorded in the user's state folder, which
    /// keeps the last twenty
    #[arg(long, conflicts_with = "session")]
    no_session: bool,

    /// Capture every TCP connection of the command, even if it ignores proxy variables (Linux, in a
    /// network namespace; needs the programs ip and nft)
    #[arg(long)]
    capture_all: bool,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    command: Vec<std::ffi::OsString>,
}

pub(crate) async fn run(args: ProxyArgs) -> Result<Answer, Failure> {
    match args.command {
        Some(Command::Run(run)) => child::run(&run).await,
        Some(Command::Demo(args)) => demo::run(args).await,
        Some(Command::Open(args)) => open::run(args).await,
        Some(Command::Query(args)) => query::run(&args),
        Some(Command::Resend(args)) => remote::resend(args),
        Some(Command::Compose(args)) => remote::compose(args),
        Some(Command::Rules(args)) => remote::rules(&args),
        Some(Command::Export(args)) => export::export(&args),
        Some(Command::Import(args)) => export::take_in(&args),
        Some(Command::Mcp(args)) => mcp::run(&args),
        #[cfg(target_os = "linux")]
        Some(Command::Captured(args)) => capture::run(args).await,
        None => serve(&args.options, args.listen).await,
    }
}

/// How long connections that are open have to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// A proxy until it is stopped.
async fn serve(options: &Options, listen: SocketAddr) -> Result<Answer, Failure> {
    let folder = tempfile::Builder::new().prefix("seal-proxy-").tempdir();
    let folder =
        folder.map_err(|e| Failure::usage(format!("cannot create a temporary folder: {e}")))?;
    let started = Started::new(options, listen, folder.path(), None).await?;
    started.say(options);
    let stop = Stop::on_signals().map_err(|e| Failure::usage(format!("signals: {e}")))?;
    let Started { proxy, listener, stream, kept, .. } = started;
    let served = proxy.serve(listener, stop.asked(), PATIENCE).await;
    stream.end();
    kept.end();
    served.map_err(|e| Failure::usage(format!("{listen}: {e}")))?;
    Ok(Answer::Yes)
}

/// A proxy that listens.
struct Started {
    proxy: Arc<Proxy>,
    listener: TcpListener,
    stream: Arc<Stream>,
    kept: Arc<record::ActiveRecording>,
    address: SocketAddr,
    ca_file: std::path::PathBuf,
}

impl Started {
    async fn new(
        options: &Options,
        listen: SocketAddr,
        folder: &std::path::Path,
        session: Option<std::path::PathBuf>,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(listen).await.map_err(|e| {
            let fact = match e.kind() {
                std::io::ErrorKind::AddrInUse => "is in use".to_owned(),
                _ => format!("cannot be listened on: {e}"),
            };
            Failure::usage(format!("{listen} {fact}")).advise("choose another with --listen")
        })?;
        let address =
            listener.local_addr().map_err(|e| Failure::usage(format!("{listen}: {e}")))?;
        let mut settings = options.settings()?;
        let ca_file = match &options.ca_out {
            Some(path) => path.clone(),
            None => folder.join("ca.pem"),
        };
        std::fs::write(&ca_file, settings.authority.certificate().to_pem())
            .map_err(|e| sealwire::pki::Error::io(&ca_file, &e))?;
        settings.ca_file = Some(ca_file.clone());
        let stream = Arc::new(Stream::start(options.json, options.quiet));
        settings.record_wire = options.recording.wire;
        let rules = options.rules()?;
        let kept = options.recording.start(stream.clone(), folder, session)?;
        let proxy = Arc::new(Proxy::new(settings, kept.clone(), kept.first())?);
        proxy.set_rules(rules);
        if !options.recording.show(&kept, &proxy).await? {
            // No client is here to decide.
            proxy.holds().close();
        }
        Ok(Self { proxy, listener, stream, kept, address, ca_file })
    }

    /// Says how to get here.
    fn say(&self, options: &Options) {
        if options.quiet {
            return;
        }
        let address = self.address;
        match &options.reverse {
            Some(reverse) => report::note(format_args!("listening on {address} for {reverse}")),
            None => report::note(format_args!("listening on {address} (HTTP, CONNECT, SOCKS 5)")),
        }
        report::note(format_args!(
            "clients must trust {}, also at http://{address}/ca.pem",
            self.ca_file.display()
        ));
        if !address.ip().is_loopback() {
            report::note(
                "other machines can connect, read the traffic, and send requests from your address",
            );
        }
    }
}
