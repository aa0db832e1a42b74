//! The file as it is meant: everything checked that can be checked without opening another file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use sealwire::{ProtocolVersion, ServerName};

use super::super::allow::{Access, Rule};
use super::super::endpoint::{Listen, Target};
use super::super::pattern::Pattern;
use super::super::proxy::{Accepts, Version};
use super::raw::{self, LogFormat, LogLevel, OneOrMany};
use super::{length, raw::Sandbox, sense};
use crate::net::starttls::Protocol;
use crate::passphrase::Source;

pub(crate) use super::raw::{Balance, ClientAuth, Mode, Sandbox as Confinement};

/// All that a tunnel does.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The file it was read from; none when it came from flags.
    pub(crate) file: Option<PathBuf>,
    pub(crate) process: Process,
    pub(crate) services: Vec<Service>,
}

/// What concerns the whole process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// Threads that move data.
    pub(crate) workers: usize,
    /// Where metrics and the status page are.
    pub(crate) status: Option<Listen>,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) sandbox: Sandbox,
    /// How long open connections may go on after SIGTERM.
    pub(crate) drain: Duration,
    /// How often files are looked at, besides being told of changes.
    pub(crate) reload_every: Duration,
    pub(crate) log: LogLevel,
    pub(crate) log_format: LogFormat,
}

/// One service: places to listen on, and what becomes of who comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) listen: Vec<Listen>,
    /// Where everybody goes whom no route takes. None in a service of routes only.
    pub(crate) default: Option<Route>,
    pub(crate) routes: Vec<Route>,
    /// Of clients' certificates (server), or of the server's (client).
    pub(crate) ca: Vec<Anchor>,
    pub(crate) crl: Vec<PathBuf>,
    pub(crate) client_auth: ClientAuth,
    /// The name that the server must prove, if it is not the target's.
    pub(crate) server_name: Option<ServerName>,
    /// By which protocol TLS is asked for, of the target (client) or by clients (server), if it is
    /// not what comes first.
    pub(crate) starttls: Option<Protocol>,
    pub(crate) alpn: Vec<String>,
    pub(crate) min_version: ProtocolVersion,
    pub(crate) proxy_in: Option<Accepts>,
    pub(crate) proxy_out: Option<Version>,
    pub(crate) ticket_secret_file: Option<PathBuf>,
    pub(crate) session_store: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) health: Health,
    pub(crate) unsafe_listen: bool,
    pub(crate) unsafe_target: bool,
}

/// What becomes of a connection with such a ClientHello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// Any of these names; empty: any name, or none.
    pub(crate) sni: Vec<Pattern>,
    /// Any of these protocols offered; empty: whatever is.
    pub(crate) alpn: Vec<String>,
    /// TLS goes on to the target as it is.
    pub(crate) passthrough: bool,
    pub(crate) targets: Vec<Target>,
    pub(crate) balance: Balance,
    /// Who we are there; empty: as the service.
    pub(crate) identity: IdentityFiles,
    pub(crate) access: Access,
}

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Anchor {
    File(PathBuf),
    /// The operating system's roots.
    System,
    /// Mozilla's, as built in.
    Bundled,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IdentityFiles {
    /// Certificate chains and keys, PEM.
    pub(crate) pairs: Vec<(PathBuf, PathBuf)>,
    pub(crate) pfx: Option<PathBuf>,
    pub(crate) passphrase: Option<Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) handshakes: usize,
    /// Connections from one address (one /64 of IPv6).
    pub(crate) per_source: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// From the first byte of a connection until TLS stands, a PROXY header included.
    pub(crate) handshake: Duration,
    /// For one target to answer, TLS included.
    pub(crate) connect: Duration,
    /// Without a byte in either direction.
    pub(crate) idle: Duration,
    /// The same, once one side has no more to send.
    pub(crate) half_close: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Health {
    /// None: targets are known by the connections to them only.
    pub(crate) interval: Option<Duration>,
    pub(crate) timeout: Duration,
    /// So many failures in a row take a target out.
    pub(crate) fall: u32,
    /// So many good checks in a row bring it back.
    pub(crate) rise: u32,
}

impl IdentityFiles {
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.pfx.is_none()
    }

    /// Every file in it.
    fn files(&self) -> impl Iterator<Item = &Path> {
        let passphrase = match &self.passphrase {
            Some(Source::File(path)) => Some(Path::new(path)),
            _ => None,
        };
        let pairs = self.pairs.iter().flat_map(|(cert, key)| [cert, key]);
        pairs.chain(&self.pfx).map(PathBuf::as_path).chain(passphrase)
    }
}

impl Service {
    /// The routes, and the way for everybody else.
    pub(crate) fn all_routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().chain(&self.default)
    }

    /// Whether it can take the place of `running` without opening anything.
    pub(crate) fn fits_into(&self, running: &Self) -> bool {
        self.listen == running.listen && self.mode == running.mode
    }

    /// Every file that its settings are read from.
    pub(crate) fn files(&self) -> Vec<&Path> {
        let anchors = self.ca.iter().filter_map(|anchor| match anchor {
            Anchor::File(path) => Some(path),
            _ => None,
        });
        let identities = self.all_routes().flat_map(|route| route.identity.files());
        let files = anchors.chain(&self.crl).chain(&self.ticket_secret_file);
        files.map(PathBuf::as_path).chain(identities).collect()
    }
}

/// Turns the file as it is written into what is meant. `folder` is where relative paths start.
///
/// # Errors
/// One line with the service and the option at fault.
pub(super) fn build(raw: raw::File, folder: &Path, file: Option<&Path>) -> Result<Plan, String> {
    if raw.service.is_empty() {
        return Err("service: there is none; add a [[service]] with listen and target".to_owned());
    }
    let process = process(&raw)?;
    let mut services = Vec::new();
    let mut names = HashSet::new();
    for (index, service) in raw.service.into_iter().enumerate() {
        let name = match &service.name {
            Some(name) => name.clone(),
            None => return Err(format!("service {}: name: it has none", index + 1)),
        };
        let at = |e: String| format!("service \"{name}\": {e}");
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            return Err(at("name: letters, digits, `-`, `_` and `.` make a name".to_owned()));
        }
        if !names.insert(name.clone()) {
            return Err(at("name: another service has it".to_owned()));
        }
        services.push(build_service(name.clone(), service, folder).map_err(at)?);
    }
    sense::one_listener_each(&services, process.status.as_ref())?;
    Ok(Plan { file: file.map(Path::to_path_buf), process, services })
}

fn process(raw: &raw::File) -> Result<Process, String> {
    let workers = match raw.workers {
        Some(0) => return Err("workers: at least one thread has to do the work".to_owned()),
        Some(workers) => workers,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let status = raw.status.as_deref().map(str::parse).transpose();
    Ok(Process {
        workers,
        status: status.map_err(|e: String| format!("status: {e}"))?,
        user: raw.user.clone(),
        group: raw.group.clone(),
        sandbox: raw.sandbox.unwrap_or_default(),
        drain: time(&raw.drain, "drain", Duration::from_secs(30))?,
        reload_every: positive(&raw.reload_every, "reload-every", Duration::from_secs(60))?,
        log: raw.log.unwrap_or_default(),
        log_format: raw.log_format.unwrap_or_default(),
    })
}

fn build_service(name: String, raw: raw::Service, folder: &Path) -> Result<Service, String> {
    let mode = raw.mode.unwrap_or(Mode::Server);
    let listen = parse_all::<Listen>(&raw.listen, "listen")?;
    if listen.is_empty() {
        return Err("listen: it says nowhere".to_owned());
    }
    let access = access(&raw.allow, &raw.deny)?;
    let identity = identity(&raw.cert, &raw.key, &raw.pfx, &raw.passphrase_file, folder)?;
    let targets = parse_all::<Target>(&raw.target, "target")?;
    let routes = raw
        .route
        .iter()
        .enumerate()
        .map(|(i, route)| {
            build_route(route, &access, folder).map_err(|e| format!("route {}: {e}", i + 1))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let default = match targets.is_empty() {
        true if routes.is_empty() => return Err("target: it says nowhere".to_owned()),
        true => None,
        false => Some(Route {
            sni: Vec::new(),
            alpn: Vec::new(),
            passthrough: false,
            targets,
            balance: raw.balance.unwrap_or_default(),
            identity: identity.clone(),
            access: access.clone(),
        }),
    };
    // A route without an identity of its own has the service's.
    let routes: Vec<Route> = routes
        .into_iter()
        .map(|route| match route.identity.is_empty() && !route.passthrough {
            true => Route { identity: identity.clone(), ..route },
            false => route,
        })
        .collect();
    let ca: Vec<Anchor> = raw
        .ca
        .as_slice()
        .iter()
        .map(|text| match text.as_str() {
            "system" => Anchor::System,
            "bundled" => Anchor::Bundled,
            path => Anchor::File(folder.join(path)),
        })
        .collect();
    let several = default.iter().chain(&routes).any(|route| route.targets.len() > 1);
    let service = Service {
        name,
        mode,
        listen,
        default,
        routes,
        client_auth: raw.client_auth.unwrap_or(match ca.is_empty() {
            true => ClientAuth::None,
            false => ClientAuth::Require,
        }),
        ca,
        crl: raw.crl.as_slice().iter().map(|path| folder.join(path)).collect(),
        server_name: raw
            .server_name
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|e| format!("server-name: {e}"))?,
        starttls: raw
            .starttls
            .as_deref()
            .map(|name| Protocol::from_str(name, true))
            .transpose()
            .map_err(|_| unknown_protocol(&raw.starttls))?,
        alpn: protocols(&raw.alpn)?,
        min_version: match raw.min_version.as_deref() {
            None | Some("1.2" | "TLSv1.2") => ProtocolVersion::Tls12,
            Some("1.3" | "TLSv1.3") => ProtocolVersion::Tls13,
            Some(other) => return Err(format!("min-version: {other:?} is neither 1.2 nor 1.3")),
        },
        proxy_in: raw.proxy_in,
        proxy_out: raw.proxy_out,
        ticket_secret_file: raw.ticket_secret_file.as_ref().map(|path| folder.join(path)),
        session_store: raw.session_store.clone(),
        limits: limits(&raw)?,
        timeouts: timeouts(&raw)?,
        health: health(&raw, several)?,
        unsafe_listen: raw.unsafe_listen,
        unsafe_target: raw.unsafe_target,
    };
    sense::check(&service, raw.client_auth.is_some())?;
    Ok(service)
}

fn build_route(raw: &raw::Route, inherited: &Access, folder: &Path) -> Result<Route, String> {
    let sni = raw.sni.as_slice();
    if sni.is_empty() && raw.alpn.is_empty() {
        return Err("it needs sni or alpn to be chosen by".to_owned());
    }
    let targets = parse_all::<Target>(&raw.target, "target")?;
    if targets.is_empty() {
        return Err("target: it says nowhere".to_owned());
    }
    let identity = identity(&raw.cert, &raw.key, &raw.pfx, &raw.passphrase_file, folder)?;
    let own = |rules: &Option<OneOrMany<String>>, name, inherited: &Vec<Rule>| match rules {
        Some(rules) => parse_all::<Rule>(rules, name),
        None => Ok(inherited.clone()),
    };
    if raw.passthrough && (!identity.is_empty() || raw.allow.is_some() || raw.deny.is_some()) {
        return Err(
            "passthrough: TLS does not end here, so there is no cert, allow or deny".to_owned()
        );
    }
    let access = match raw.passthrough {
        true => Access::default(),
        false => Access {
            allow: own(&raw.allow, "allow", &inherited.allow)?,
            deny: own(&raw.deny, "deny", &inherited.deny)?,
        },
    };
    Ok(Route {
        sni: sni.iter().map(|name| Pattern::new(name.to_ascii_lowercase(), Some('.'))).collect(),
        alpn: protocols(&raw.alpn)?,
        passthrough: raw.passthrough,
        targets,
        balance: raw.balance.unwrap_or_default(),
        identity,
        access,
    })
}

fn identity(
    certs: &OneOrMany<PathBuf>,
    keys: &OneOrMany<PathBuf>,
    pfx: &Option<PathBuf>,
    passphrase: &Option<String>,
    folder: &Path,
) -> Result<IdentityFiles, String> {
    let (certs, keys) = (certs.as_slice(), keys.as_slice());
    if certs.len() != keys.len() {
        let (few, option) =
            (certs.len().min(keys.len()), if certs.len() < keys.len() { "cert" } else { "key" });
        return Err(format!(
            "{option}: each certificate has its key: {few} of one, more of the other"
        ));
    }
    let passphrase = passphrase.as_deref().map(|text| match text.parse::<Source>() {
        Ok(Source::File(path)) => Source::File(folder.join(path).display().to_string()),
        Ok(other) => other,
        Err(never) => match never {},
    });
    if matches!(passphrase, Some(Source::Stdin)) {
        return Err(
            "passphrase-file: it is read again at each reload, so it cannot be stdin".to_owned()
        );
    }
    if passphrase.is_some() && certs.is_empty() && pfx.is_none() {
        return Err("passphrase-file: there is no key that it could open".to_owned());
    }
    Ok(IdentityFiles {
        pairs: certs.iter().zip(keys).map(|(c, k)| (folder.join(c), folder.join(k))).collect(),
        pfx: pfx.as_ref().map(|path| folder.join(path)),
        passphrase,
    })
}

fn access(allow: &OneOrMany<String>, deny: &OneOrMany<String>) -> Result<Access, String> {
    Ok(Access { allow: parse_all(allow, "allow")?, deny: parse_all(deny, "deny")? })
}

fn protocols(names: &OneOrMany<String>) -> Result<Vec<String>, String> {
    match names.as_slice().iter().find(|name| name.is_empty() || name.len() > 255) {
        Some(bad) => Err(format!("alpn: {bad:?}: a protocol's name has 1 to 255 bytes")),
        None => Ok(names.as_slice().to_vec()),
    }
}

fn unknown_protocol(given: &Option<String>) -> String {
    let known: Vec<_> = Protocol::value_variants()
        .iter()
        .filter_map(|protocol| protocol.to_possible_value())
        .map(|value| value.get_name().to_owned())
        .collect();
    let given = given.as_deref().unwrap_or_default();
    format!("starttls: {given:?} is none of {}", known.join(", "))
}

fn limits(raw: &raw::Service) -> Result<Limits, String> {
    let at_least_one = |value: Option<usize>, name: &str, default| match value {
        Some(0) => Err(format!("{name}: with 0 nobody comes in")),
        Some(value) => Ok(value),
        None => Ok(default),
    };
    at_least_one(raw.max_per_source, "max-per-source", 1)?;
    Ok(Limits {
        connections: at_least_one(raw.max_connections, "max-connections", 1_000_000)?,
        handshakes: at_least_one(raw.max_handshakes, "max-handshakes", 16_384)?,
        per_source: raw.max_per_source,
    })
}

fn timeouts(raw: &raw::Service) -> Result<Timeouts, String> {
    let seconds = Duration::from_secs;
    Ok(Timeouts {
        handshake: positive(&raw.handshake_timeout, "handshake-timeout", seconds(10))?,
        connect: positive(&raw.connect_timeout, "connect-timeout", seconds(10))?,
        idle: positive(&raw.idle_timeout, "idle-timeout", seconds(12 * 3600))?,
        half_close: positive(&raw.half_close_timeout, "half-close-timeout", seconds(60))?,
    })
}

fn health(raw: &raw::Service, several_targets: bool) -> Result<Health, String> {
    let every = if several_targets { Duration::from_secs(5) } else { Duration::ZERO };
    let interval = time(&raw.health_interval, "health-interval", every)?;
    let count = |value: Option<u32>, name: &str, default| match value {
        Some(0) => Err(format!("{name}: at least 1")),
        value => Ok(value.unwrap_or(default)),
    };
    Ok(Health {
        interval: (!interval.is_zero()).then_some(interval),
        timeout: positive(&raw.health_timeout, "health-timeout", Duration::from_secs(2))?,
        fall: count(raw.health_fall, "health-fall", 2)?,
        rise: count(raw.health_rise, "health-rise", 1)?,
    })
}

fn time(text: &Option<String>, name: &str, default: Duration) -> Result<Duration, String> {
    text.as_deref().map_or(Ok(default), length::parse).map_err(|e| format!("{name}: {e}"))
}

fn positive(text: &Option<String>, name: &str, default: Duration) -> Result<Duration, String> {
    match time(text, name, default)? {
        Duration::ZERO => Err(format!("{name}: no time at all")),
        length => Ok(length),
    }
}

fn parse_all<T: std::str::FromStr<Err = String>>(
    texts: &OneOrMany<String>,
    option: &str,
) -> Result<Vec<T>, String> {
    texts
        .as_slice()
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|e: String| format!("{option}: {e}"))
}
