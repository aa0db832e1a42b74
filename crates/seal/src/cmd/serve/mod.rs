//! `seal serve`: a server for whatever is at hand. It echoes, shows a folder, or runs a program.

mod acme;
mod args;
mod bad;
mod echo;
mod event;
mod folder;
mod following;
mod key_files;
mod metrics;
mod page;
mod proxy;
mod shown;
mod stapled;
mod web;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealwire::live::{Current, Material as Fixed, Spiffe, Staples};
use sealwire::pki::SubjectAltName;
use sealwire::session::HelloReply;
use sealwire::{Acceptor, Alert, ClientAuth, Listener, TlsStream, Watched};
use sealwire_acme::client::Keeper;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub(crate) use args::ServeArgs;
pub(crate) use echo::greet_and_echo;

use self::args::ClientAuthArg;
use self::event::{Event, Reporter};
use self::folder::Folder;
use self::following::{Lives, Names};
use self::metrics::Metrics;
use self::proxy::Proxy;
use self::shown::Shown;
use self::stapled::Stapled;
use self::web::Web;
use crate::files::agent::{Endpoint, Federated};
use crate::files::ca_folder::{CaFolder, data_folder};
use crate::net::first_bytes::{self, FirstByte};
use crate::net::interfaces;
use crate::net::metrics_page;
use crate::net::program;
use crate::net::staple::{Stapler, check_demands};
use crate::net::stop::Stop;
use crate::say::failure::Failure;
use crate::say::report::Answer;
use crate::tunnel;
use crate::view::connection::{Facts, Side};
use crate::words::length::Length;

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
    let reporter = Reporter { json: args.json };
    if let Some(wanted) = args.bad {
        return bad::run(&args, wanted, reporter).await;
    }
    let service = Arc::new(args.service(reporter)?);
    let keeper = args.keeper()?;
    let agent = args.agent(reporter)?;
    let stapler = Stapler::default();
    let who = (keeper.as_deref(), agent.as_ref());
    let (shown, mut acceptor, watched) =
        args.following(&service, who, &stapler.staples, reporter)?;
    let stapled = (args.ocsp_fetch || !args.ocsp.is_empty()).then(|| Stapled {
        stapler,
        watched: watched.clone(),
        fetch: args.ocsp_fetch,
        reporter,
    });
    let mut _challenges = None;
    if let Some(keeper) = keeper {
        if let Some(shown) = keeper.way.tls_alpn() {
            acceptor = acme::answering(acceptor, shown.clone());
        }
        _challenges = acme::door(&keeper, args.acme_http).await?;
        tokio::spawn(acme::keep(keeper, watched));
    }
    let at = format!("{}:{}", bracketed(&args.host), args.port);
    let tcp = TcpListener::bind(&at).await.map_err(|e| cannot_listen(&at, &e))?;
    let address = tcp.local_addr().map_err(|e| Failure::usage(e.to_string()))?;
    let url = service.is_http().then(|| match address.port() {
        443 => format!("https://{}/", shown.reachable_as(address.ip())),
        port => format!("https://{}:{port}/", shown.reachable_as(address.ip())),
    });
    let metrics = Metrics::new();
    let counting = metrics.clone();
    let mut listener = Listener::new(tcp, acceptor).on_handshake_error(move |client, error| {
        counting.failed(error);
        reporter.failed(client, error);
    });
    if let Some(home) = url.clone() {
        listener = listener
            .before_handshake(move |tcp, client| only_tls(tcp, client, home.clone(), reporter));
    }
    // From here on a signal ends the program in good order.
    let stop = Stop::on_signals().map_err(|e| Failure::usage(format!("signals: {e}")))?;
    let serving = args.serving();
    let page = match &args.metrics {
        Some(listen) => Some(metrics_page::serve("--metrics", listen, metrics.text()).await?),
        None => None,
    };
    reporter.tell(&Event::Listening {
        address,
        serving,
        reachable: args.reachable(address),
        metrics: page,
        url,
        certificates: &shown.told(),
    });
    if let Some(stapled) = stapled {
        // The first client is shown a response, too.
        stapled.look().await;
        tokio::spawn(stapled.keep());
    }
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
        metrics.handshake(stream.peer());
        let (service, of_one, open) = (service.clone(), stop.clone(), metrics.opened());
        let serving = async move {
            let (_place, _open) = (place, open);
            service.serve(stream, client, reporter, &of_one).await;
        };
        if args.once {
            drop(listener);
            serving.await;
            return Ok(Answer::Yes);
        }
        stop.spawn(serving);
    }
    drop(listener);
    reporter.tell(&Event::Stopping { open: stop.at_work() });
    let drained = stop.drained(args.drain.get()).await;
    program::kill_all();
    let cut_off = drained.map_err(|e| Failure::usage(format!("signals: {e}")))?;
    reporter.tell(&Event::Stopped { cut_off });
    Ok(Answer::Yes)
}

impl ServeArgs {
    fn service(&self, reporter: Reporter) -> Result<Service, Failure> {
        if let Some(target) = &self.proxy {
            return Ok(Service::Proxy(Proxy::new(target.clone(), reporter)));
        }
        Ok(match (&self.folder, &self.exec) {
            (Some(path), _) => {
                let material = self.material.files();
                let ours: Vec<_> = material.secrets().collect();
                let shown =
                    folder::Shown { dotfiles: self.dotfiles, private_keys: self.private_keys };
                let told = move |path: &Path, why| reporter.tell(&Event::withheld(path, why));
                let folder = Folder::open(path, shown, &ours, told)
                    .map_err(|e| cannot_serve(&path.display().to_string(), &e))?;
                Service::Folder(Web::new(folder, !self.no_listing, reporter))
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
        let dir =
            self.acme_dir.clone().or_else(usual).ok_or_else(|| {
                Failure::usage("no home folder").advise("give one with --acme-dir")
            })?;
        let keeper = tunnel::keeper(&tunnel::Acme {
            server: server.clone(),
            names: self.name.iter().map(|name| name.value().into_owned()).collect(),
            ca: self.acme_ca.clone(),
            dir,
            profile: None,
            contact: Vec::new(),
            http: self.acme_http,
        })?;
        Ok(Some(Arc::new(keeper)))
    }

    /// The SPIFFE agent that issues our identity, if any.
    fn agent(&self, reporter: Reporter) -> Result<Option<(Spiffe, Federated)>, Failure> {
        if self.identity.is_none() {
            return Ok(None);
        }
        let federated = Federated::new(&self.spiffe_federated)
            .map_err(|e| Failure::usage(format!("--spiffe-federated: {e}")))?;
        let endpoint = Endpoint::new(self.spiffe_socket.clone(), federated);
        let spiffe = endpoint.connect()?;
        spiffe.on_failure(move |failure| match failure {
            Some(reason) => reporter.tell(&Event::AgentAway { reason: reason.to_owned() }),
            None => reporter.tell(&Event::AgentBack),
        });
        Ok(Some((spiffe, endpoint.federated().clone())))
    }

    /// What is shown, by an acceptor that follows the files, or what the agent gives.
    fn following(
        &self,
        service: &Service,
        (keeper, agent): (Option<&Keeper>, Option<&(Spiffe, Federated)>),
        staples: &Staples,
        reporter: Reporter,
    ) -> Result<(Shown, Acceptor, Watched), Failure> {
        let longest = self.max_lifetime.map(Length::get);
        // A client that is admitted without a certificate stays when its certificate no longer verifies.
        let recheck = match self.client_auth() {
            ClientAuth::Require => self.recheck,
            _ => tunnel::Recheck::Off,
        };
        let lives = Lives {
            recheck,
            longest,
            tickets: !self.no_tickets,
            hybrid_retry: !self.no_hybrid_retry,
        };
        let live = lives.live(reporter);
        let mut files = self.material.watched(&self.ocsp)?;
        if self.ocsp_fetch {
            files = files.staples(staples);
        }
        let mut made = None;
        let files = match (keeper, agent) {
            (Some(keeper), _) => acme::watched(files, keeper),
            (None, Some((agent, _))) => files.spiffe(agent),
            (None, None) if self.material.files().is_empty() => {
                let made = made.insert(self.made_here()?);
                let identities = made.identities().to_vec();
                let fixed = Fixed { identities, ..Fixed::default() };
                files.material(move || Ok::<_, io::Error>(fixed.clone()))
            }
            (None, None) => files,
        };
        let watched = lives.follow(files, self.legacy, &live, reporter)?;
        check_demands(watched.context().identities(), self.ocsp_fetch)?;
        let shown = made.unwrap_or_else(|| Shown::given(watched.context().identities().to_vec()));
        let mut acceptor = self.acceptor(service, &watched)?.live(live);
        if let Some((agent, federated)) = agent.cloned() {
            acceptor = acceptor.on_peer(move |peer| {
                federated.judge(&agent, peer).map_err(|_| Alert::ACCESS_DENIED)
            });
        }
        if shown.identities().len() > 1 {
            let names = Arc::new(Names::of(Current::from(&watched), self.legacy));
            acceptor = acceptor.on_client_hello(move |hello| {
                let named = names.named(hello.server_name());
                async move {
                    let reply = HelloReply::new();
                    Some(match named {
                        Some(context) => reply.credentials(context),
                        None => reply,
                    })
                }
            });
        }
        Ok((shown, acceptor, watched))
    }

    /// A certificate that is made on the spot.
    fn made_here(&self) -> Result<Shown, Failure> {
        let mut names = self.name.clone();
        if names.is_empty() {
            let local = ["localhost", "127.0.0.1", "::1"];
            names = local.iter().filter_map(|name| name.parse().ok()).collect();
            if let (Ok(host), false) = (self.host.parse(), self.is_everywhere())
                && !names.contains(&host)
            {
                names.push(host);
            }
        }
        let ca = CaFolder::new(self.ca_dir.clone());
        let lan = self.lan().into_iter().map(SubjectAltName::Ip);
        let with_lan = names.iter().cloned().chain(lan).collect::<Vec<_>>();
        if self.name.is_empty() && with_lan.len() > names.len() {
            // A CA may be limited to other addresses.
            if let Ok(shown) = Shown::made_here(&ca, with_lan) {
                return Ok(shown);
            }
        }
        Shown::made_here(&ca, names)
    }

    /// Whether --host stands for every address of this machine.
    fn is_everywhere(&self) -> bool {
        matches!(self.host.as_str(), "0.0.0.0" | "::" | "[::]")
    }

    /// The addresses of the local network that --host stands for.
    fn lan(&self) -> Vec<IpAddr> {
        let v4 = self.host == "0.0.0.0";
        match self.is_everywhere() {
            true => interfaces::private_addresses()
                .into_iter()
                .filter(|address| address.is_ipv4() || !v4)
                .collect(),
            false => Vec::new(),
        }
    }

    /// Where other machines reach the server, when it listens on all addresses.
    fn reachable(&self, listening: SocketAddr) -> Vec<SocketAddr> {
        self.lan().into_iter().map(|address| (address, listening.port()).into()).collect()
    }

    fn client_auth(&self) -> ClientAuth {
        match self.client_auth {
            Some(ClientAuthArg::None) => ClientAuth::None,
            Some(ClientAuthArg::Request) => ClientAuth::Request,
            Some(ClientAuthArg::Require) => ClientAuth::Require,
            None if self.material.has_trust() || self.identity.is_some() => ClientAuth::Require,
            None => ClientAuth::None,
        }
    }

    fn acceptor(
        &self,
        service: &Service,
        context: impl Into<Current>,
    ) -> Result<Acceptor, Failure> {
        self.legacy.warn();
        let acceptor =
            Acceptor::new(context).client_auth(self.client_auth()).alpn(self.protocols(service)?);
        Ok(match self.key_log.open()? {
            Some(file) => acceptor.key_log(file),
            None => acceptor,
        })
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
        reporter: Reporter,
        stop: &Stop,
    ) {
        let facts = Facts::of(stream.peer(), Side::Client, None);
        // A browser opens many connections for one page; there the requests are what counts.
        if reporter.json || !self.is_http() {
            reporter.tell(&Event::Connected { client, facts: Box::new(facts.clone()) });
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
            Ok((bytes, exit)) => reporter.tell(&Event::Closed { client, bytes, exit }),
            Err(error) => reporter.failed(client, &error.into()),
        }
    }
}

/// Lets TLS through, and answers plain HTTP with where to go.
async fn only_tls(
    tcp: TcpStream,
    client: SocketAddr,
    home: String,
    reporter: Reporter,
) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    match first_bytes::look(&tcp).await? {
        FirstByte::Tls => Ok(Some((tcp, client))),
        FirstByte::Http => {
            web::to_https(tcp, client, home, reporter).await;
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
        io::ErrorKind::PermissionDenied => Failure::usage(format!("{address}: permission denied"))
            .advise("ports under 1024 need privileges"),
        _ => Failure::usage(format!("{address}: cannot listen: {error}")),
    }
}
