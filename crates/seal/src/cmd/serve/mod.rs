//! `seal serve`: a server for whatever is at hand. It echoes, shows a folder, or runs a program.

mod acme;
mod echo;
mod folder;
mod page;
mod proxy;
mod shown;
mod told;
mod web;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sealwire::pki::SubjectAltName;
use sealwire::session::HelloReply;
use sealwire::{Acceptor, ClientAuth, Listener, TlsStream};
use sealwire_acme::client::Keeper;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub(crate) use echo::greet_and_echo;

use self::folder::Folder;
use self::proxy::{Proxy, Target};
use self::shown::Shown;
use self::told::{Teller, Told};
use self::web::Web;
use crate::files::ca_folder::{CaFolder, data_folder};
use crate::files::material::{Anchor, Material};
use crate::net::first_bytes::{self, FirstByte};
use crate::net::key_log::KeyLog;
use crate::net::legacy::LegacyOption;
use crate::net::program;
use crate::net::stop::Stop;
use crate::say::failure::Failure;
use crate::say::report::Answer;
use crate::tunnel;
use crate::view::connection::{Facts, Side};
use crate::words::length::Timeout;

/// Serve TLS: a folder over HTTPS, a program, or an echo
///
/// With a FOLDER, its files are served over HTTP/1.1 and HTTP/2, and plain HTTP on the same port
/// is sent to HTTPS. With --proxy, the same in front of a server that speaks plain HTTP. With --exec, each connection gets a program of its own. Without either, each
/// client is greeted with "Hello World !" and gets back what it sends.
///
/// Without a certificate, one is made on the spot: by the CA of `seal ca`, if there is one, which
/// browsers here believe after `seal trust install`; else by itself, and nobody believes it.
///
/// With --ca, clients must show a certificate that leads to it (mutual TLS); --client-auth says
/// otherwise. Like `openssl s_server`, `npx serve`, and the server of Node's tls tutorials.
#[derive(Args)]
#[command(after_help = "Examples:
  seal serve .                                       this folder at https://localhost:1234/
  seal serve public --cert cert.pem --key key.pem --host 0.0.0.0 --port 443
  seal serve --proxy http://localhost:3000           HTTPS before a development server
  seal serve --exec 'date; cat' --ca clients.pem     a program for clients with a certificate
  seal serve --cert a.pem --key a-key.pem --cert b.pem --key b-key.pem    two names (SNI)
  seal serve --cert amit-cert.pem --key amit-key.pem --ca amit-cert.pem   the tutorial's server")]
pub(crate) struct ServeArgs {
    /// Serve the files of this folder over HTTPS
    #[arg(value_name = "FOLDER", conflicts_with = "exec")]
    folder: Option<PathBuf>,

    /// Run this in a shell for each connection, which is its stdin and stdout. SEAL_CLIENT,
    /// SEAL_AUTHORIZED, SEAL_CLIENT_SUBJECT, SEAL_SERVER_NAME, SEAL_ALPN, SEAL_PROTOCOL and
    /// SEAL_CIPHER are in its environment
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,

    /// Programs at once; further clients wait
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..), requires = "exec")]
    max_programs: u32,

    /// How long a program may say nothing once its client has no more to say; then it is killed,
    /// with what it started
    #[arg(long, value_name = "TIME", default_value = "1m", requires = "exec")]
    exec_timeout: Timeout,

    /// Serve what this server answers over plain HTTP, such as http://localhost:3000, with
    /// X-Forwarded-For, -Host and -Proto; WebSockets too
    #[arg(long, value_name = "URL", conflicts_with_all = ["folder", "exec"])]
    proxy: Option<Target>,

    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: String,

    /// Port to listen on; 0 takes a free one
    #[arg(short, long, default_value_t = 1234)]
    port: u16,

    #[command(flatten)]
    material: Material,

    /// Names for the certificate that is made on the spot; may be repeated [default: localhost,
    /// 127.0.0.1, ::1 and the address of --host]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["cert", "pfx"])]
    name: Vec<SubjectAltName>,

    /// The folder of the CA that makes it [default: the one of `seal ca`]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cert", "pfx"])]
    ca_dir: Option<PathBuf>,

    /// Whether clients are asked for a certificate [default: require with --ca, else none]
    #[arg(long, value_enum, value_name = "WHEN")]
    client_auth: Option<ClientAuthArg>,

    /// Application protocols to speak, best first (RFC 7301) [default with FOLDER: h2,http/1.1]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    alpn: Vec<String>,

    #[command(flatten)]
    legacy: LegacyOption,

    /// Serve names that start with a dot as well: .git, .env
    #[arg(long, requires = "folder")]
    dotfiles: bool,

    /// Serve PEM files with private keys in them; the server's own keys never are
    #[arg(long, requires = "folder")]
    private_keys: bool,

    /// Show no page for a folder without an index.html
    #[arg(long, requires = "folder")]
    no_listing: bool,

    /// Fetch the certificate for the --name's from this CA by ACME, and renew it while serving: the
    /// URL of its directory. The CA checks the names at this port (tls-alpn-01)
    #[arg(long, value_name = "URL", conflicts_with_all = ["cert", "pfx", "ca_dir"], requires = "name")]
    acme: Option<String>,

    /// Whom to trust as the CA's server: a PEM file, `system` or `bundled` [default: both]
    #[arg(long, value_name = "FILE", requires = "acme")]
    acme_ca: Vec<Anchor>,

    /// The folder of the account and the certificate [default: sealwire/acme in your data folder]
    #[arg(long, value_name = "DIR", requires = "acme")]
    acme_dir: Option<PathBuf>,

    #[command(flatten)]
    key_log: KeyLog,

    /// End after one connection
    #[arg(long)]
    once: bool,

    /// How long open connections may go on after SIGINT or SIGTERM; a number alone is seconds
    #[arg(long, value_name = "TIME", default_value = "10s")]
    drain: Timeout,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum ClientAuthArg {
    /// Not asked
    None,
    /// Asked, and told whether it passes; all are let in
    Request,
    /// Asked, and refused without one that passes
    Require,
}

/// A program for each connection.
struct Exec {
    line: String,
    silence: Duration,
}

/// What a client gets.
enum Service {
    Echo,
    Exec(Exec),
    Folder(Web),
    Proxy(Proxy),
}

pub(crate) async fn run(args: ServeArgs) -> Result<Answer, Failure> {
    let teller = Teller { json: args.json };
    let service = Arc::new(args.service(teller)?);
    let keeper = args.keeper()?;
    let shown = match &keeper {
        Some(keeper) => Shown::given(vec![acme::identity(keeper)?]),
        None => args.shown()?,
    };
    let mut acceptor = args.acceptor(&service, &shown)?;
    if let Some(keeper) = &keeper {
        acceptor = acme::answering(acceptor, keeper.solver.clone());
        let (trust, legacy) = (args.material.trust()?, args.legacy);
        tokio::spawn(acme::keep(keeper.clone(), acceptor.clone(), move |identity| {
            Shown::given(vec![identity]).by_name(trust.clone(), legacy)?.fallback()
        }));
    }
    let at = format!("{}:{}", bracketed(&args.host), args.port);
    let tcp = TcpListener::bind(&at).await.map_err(|e| cannot_listen(&at, &e))?;
    let address = tcp.local_addr().map_err(|e| Failure::usage(e.to_string()))?;
    let url = service.is_http().then(|| match address.port() {
        443 => format!("https://{}/", shown.reachable_as(address.ip())),
        port => format!("https://{}:{port}/", shown.reachable_as(address.ip())),
    });
    let mut listener = Listener::new(tcp, acceptor)
        .on_handshake_error(move |client, error| teller.failed(client, error));
    if let Some(home) = url.clone() {
        listener = listener
            .before_handshake(move |tcp, client| only_tls(tcp, client, home.clone(), teller));
    }
    // From here on a signal ends the program in good order.
    let stop = Stop::on_signals().map_err(|e| Failure::usage(format!("signals: {e}")))?;
    let serving = args.serving();
    teller.tell(&Told::Listening { address, serving, url, certificates: &shown.told() });
    let places = Arc::new(Semaphore::new(match *service {
        Service::Exec(_) => args.max_programs as usize,
        _ => Semaphore::MAX_PERMITS,
    }));
    loop {
        let place = tokio::select! {
            () = stop.asked() => break,
            place = places.clone().acquire_owned() => place,
        };
        let (stream, client) = tokio::select! {
            () = stop.asked() => break,
            accepted = listener.accept() => accepted
                .map_err(|e| Failure::usage(format!("{address}: cannot accept: {e}")))?,
        };
        if acme::is_check(&stream) {
            stop.spawn(acme::end(stream));
            continue;
        }
        let (service, of_one) = (service.clone(), stop.clone());
        let serving = async move {
            let _place = place;
            service.serve(stream, client, teller, &of_one).await;
        };
        if args.once {
            drop(listener);
            serving.await;
            return Ok(Answer::Yes);
        }
        stop.spawn(serving);
    }
    drop(listener);
    teller.tell(&Told::Stopping { open: stop.at_work() });
    let drained = stop.drained(args.drain.get()).await;
    program::kill_all();
    let cut_off = drained.map_err(|e| Failure::usage(format!("signals: {e}")))?;
    teller.tell(&Told::Stopped { cut_off });
    Ok(Answer::Yes)
}

impl ServeArgs {
    fn service(&self, teller: Teller) -> Result<Service, Failure> {
        if let Some(target) = &self.proxy {
            return Ok(Service::Proxy(Proxy::new(target.clone(), teller)));
        }
        Ok(match (&self.folder, &self.exec) {
            (Some(path), _) => {
                let material = self.material.files();
                let ours: Vec<_> = material.secrets().collect();
                let shown =
                    folder::Shown { dotfiles: self.dotfiles, private_keys: self.private_keys };
                let told = move |path: &Path, why| teller.tell(&Told::withheld(path, why));
                let folder = Folder::open(path, shown, &ours, told)
                    .map_err(|e| cannot_serve(&path.display().to_string(), &e))?;
                Service::Folder(Web::new(folder, !self.no_listing, teller))
            }
            (None, Some(command)) => {
                Service::Exec(Exec { line: command.clone(), silence: self.exec_timeout.get() })
            }
            (None, None) => Service::Echo,
        })
    }

    /// What is served, in words.
    fn serving(&self) -> String {
        match (&self.folder, &self.exec, &self.proxy) {
            (Some(folder), ..) => folder.display().to_string(),
            (_, Some(command), _) => command.clone(),
            (.., Some(target)) => target.to_string(),
            (None, None, None) => "an echo".to_owned(),
        }
    }

    /// What keeps the certificate, where a CA is asked for it.
    fn keeper(&self) -> Result<Option<Arc<Keeper>>, Failure> {
        let Some(server) = &self.acme else { return Ok(None) };
        let usual = || data_folder().map(|data| data.join("sealwire").join("acme"));
        let dir = self.acme_dir.clone().or_else(usual).ok_or_else(|| {
            Failure::usage("this user has no home folder").advise("give one with --acme-dir")
        })?;
        let keeper = tunnel::keeper(&tunnel::Acme {
            server: server.clone(),
            names: self.name.iter().map(|name| name.value().into_owned()).collect(),
            ca: self.acme_ca.clone(),
            dir,
            profile: None,
            contact: Vec::new(),
        })?;
        Ok(Some(Arc::new(keeper)))
    }

    fn shown(&self) -> Result<Shown, Failure> {
        let given = self.material.identities()?;
        if !given.is_empty() {
            return Ok(Shown::given(given));
        }
        let mut names = self.name.clone();
        if names.is_empty() {
            let local = ["localhost", "127.0.0.1", "::1"];
            names = local.iter().filter_map(|name| name.parse().ok()).collect();
            let is_everywhere = matches!(self.host.as_str(), "0.0.0.0" | "::");
            if let (Ok(host), false) = (self.host.parse(), is_everywhere)
                && !names.contains(&host)
            {
                names.push(host);
            }
        }
        Shown::made_here(&CaFolder::new(self.ca_dir.clone()), names)
    }

    fn acceptor(&self, service: &Service, shown: &Shown) -> Result<Acceptor, Failure> {
        let client_auth = match self.client_auth {
            Some(ClientAuthArg::None) => ClientAuth::None,
            Some(ClientAuthArg::Request) => ClientAuth::Request,
            Some(ClientAuthArg::Require) => ClientAuth::Require,
            None if self.material.has_trust() => ClientAuth::Require,
            None => ClientAuth::None,
        };
        self.legacy.warn();
        let by_name = shown.by_name(self.material.trust()?, self.legacy)?;
        let mut acceptor = Acceptor::new(by_name.fallback()?)
            .client_auth(client_auth)
            .alpn(self.protocols(service)?);
        if let Some(file) = self.key_log.open()? {
            acceptor = acceptor.key_log(file);
        }
        if !by_name.is_a_choice() {
            return Ok(acceptor);
        }
        Ok(acceptor.on_client_hello(move |hello| {
            let context = by_name.named(hello.server_name());
            async move {
                let reply = HelloReply::new();
                Some(match context {
                    Some(context) => reply.context(context),
                    None => reply,
                })
            }
        }))
    }

    fn protocols(&self, service: &Service) -> Result<Vec<String>, Failure> {
        const HTTP: [&str; 2] = ["h2", "http/1.1"];
        if !service.is_http() {
            return Ok(self.alpn.clone());
        }
        match self.alpn.iter().find(|name| !HTTP.contains(&name.as_str())) {
            Some(other) => Err(Failure::usage(format!(
                "--alpn {other}: HTTP is served over h2 and http/1.1 only"
            ))),
            None if self.alpn.is_empty() => Ok(HTTP.map(str::to_owned).to_vec()),
            None => Ok(self.alpn.clone()),
        }
    }
}

impl Service {
    fn is_http(&self) -> bool {
        matches!(self, Self::Folder(_) | Self::Proxy(_))
    }

    async fn serve(
        &self,
        stream: TlsStream<TcpStream>,
        client: SocketAddr,
        teller: Teller,
        stop: &Stop,
    ) {
        let facts = Facts::of(stream.peer(), Side::Client, None);
        // A browser opens many connections for one page; there the requests are what counts.
        if teller.json || !self.is_http() {
            teller.tell(&Told::Connected { client, facts: Box::new(facts.clone()) });
        }
        let outcome = match self {
            Self::Folder(web) => return web.serve(stream, client, stop).await,
            Self::Proxy(proxy) => return proxy.serve(stream, client, stop).await,
            Self::Echo => greet_and_echo(stream, stop.asked()).await.map(|bytes| (bytes, None)),
            Self::Exec(command) => {
                let facts = facts.as_environment("SEAL_CLIENT", &client.to_string());
                let ran = program::run(&command.line, stream, &facts, command.silence).await;
                ran.map(|ran| (ran.bytes, Some(ran.exit_text())))
            }
        };
        match outcome {
            Ok((bytes, exit)) => teller.tell(&Told::Closed { client, bytes, exit }),
            Err(error) => teller.failed(client, &error.into()),
        }
    }
}

/// Lets TLS through, and answers plain HTTP with where to go.
async fn only_tls(
    tcp: TcpStream,
    client: SocketAddr,
    home: String,
    teller: Teller,
) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    match first_bytes::look(&tcp).await? {
        FirstByte::Tls => Ok(Some((tcp, client))),
        FirstByte::Http => {
            web::to_https(tcp, client, home, teller).await;
            Ok(None)
        }
    }
}

/// An IPv6 address as it stands before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

fn cannot_serve(folder: &str, error: &io::Error) -> Failure {
    let fact = match error.kind() {
        io::ErrorKind::NotFound => "no such folder".to_owned(),
        io::ErrorKind::NotADirectory => "not a folder".to_owned(),
        _ => error.to_string(),
    };
    Failure::usage(format!("{folder}: {fact}"))
}

fn cannot_listen(address: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::usage(format!("{address}: the port is in use"))
            .advise("stop the other program, or choose a port with --port"),
        io::ErrorKind::PermissionDenied => {
            Failure::usage(format!("{address}: not allowed to listen there"))
                .advise("ports under 1024 need privileges")
        }
        _ => Failure::usage(format!("{address}: cannot listen: {error}")),
    }
}
