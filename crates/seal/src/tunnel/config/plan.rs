//! From options as they are written to settings as they are meant.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealwire::ProtocolVersion;
use sealwire_acme::client::Folder;

use super::options::{self, ClientAuth, Mode};
use super::sense;
use super::settings::{Acme, Health, Limits, Lives, Plan, Process, Route, Service, Timeouts};
use crate::files::agent::{Endpoint, Federated};
use crate::files::material::{Anchor, IdentityFiles};
use crate::files::passphrase::Source;
use crate::files::policies::PolicyOptions;
use crate::net::legacy;
use crate::tunnel::allow::{Access, Rule};
use crate::tunnel::endpoint::{Listen, Network, Target};
use crate::words::length::{Length, Timeout};
use crate::words::pattern::Pattern;

/// Each is a connection that is resumed later; no client keeps more.
const MOST_TICKETS: usize = 16;

/// Turns the file as it is written into what is meant. `folder` is where relative paths start.
///
/// # Errors
/// One line with the service and the option at fault.
pub(super) fn build(
    raw: options::Process,
    folder: &Path,
    file: Option<&Path>,
) -> Result<Plan, String> {
    if raw.service.is_empty() {
        return Err("no service: add a [[service]] with listen and target".to_owned());
    }
    let process = process(&raw)?;
    let mut services = Vec::new();
    let mut names = HashSet::new();
    for (index, service) in raw.service.into_iter().enumerate() {
        let name = match &service.name {
            Some(name) => name.clone(),
            None => return Err(format!("service {}: name: missing", index + 1)),
        };
        let at = |e: String| format!("service \"{name}\": {e}");
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            return Err(at("name: only letters, digits, `-`, `_` and `.` are allowed".to_owned()));
        }
        if !names.insert(name.clone()) {
            return Err(at("name: already used by another service".to_owned()));
        }
        services.push(build_service(name.clone(), service, folder).map_err(at)?);
    }
    sense::one_listener_each(&services, process.status.as_ref())?;
    Ok(Plan { file: file.map(Path::to_path_buf), process, services })
}

fn process(raw: &options::Process) -> Result<Process, String> {
    let workers = match raw.workers {
        Some(0) => return Err("workers: must be at least 1".to_owned()),
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
        drain: timeout(&raw.drain, "drain", Duration::from_secs(30))?,
        reload_every: positive(
            interval(&raw.reload_every, "reload-every", Duration::from_secs(60))?,
            "reload-every",
        )?,
        log: raw.log.unwrap_or_default(),
        log_format: raw.log_format.unwrap_or_default(),
    })
}

fn build_service(name: String, raw: options::Service, folder: &Path) -> Result<Service, String> {
    let mode = raw.mode.unwrap_or(Mode::Server);
    let listen = parse_all::<Listen>(&raw.listen, "listen")?;
    if listen.is_empty() {
        return Err("listen: missing".to_owned());
    }
    let access = access(&raw.allow, &raw.deny)?;
    let acme = acme(&raw, mode, folder)?;
    let spiffe = spiffe(&raw)?;
    let identity = match &acme {
        Some(acme) => acme_identity(acme),
        None => identity((&raw.cert, &raw.key), &raw.pfx, &raw.ocsp, &raw.passphrase_file, folder)?,
    };
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
        true if routes.is_empty() => return Err("target: missing".to_owned()),
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
        .map(|route| {
            if route.identity.is_empty() && !route.passthrough {
                Route { identity: identity.clone(), ..route }
            } else {
                route
            }
        })
        .collect();
    let ca: Vec<Anchor> = raw.ca.iter().map(|text| anchor(text, folder)).collect();
    let several = default.iter().chain(&routes).any(|route| route.targets.len() > 1);
    let service = Service {
        name,
        mode,
        listen,
        default,
        routes,
        client_auth: match raw.client_auth {
            Some(given) => given,
            None if ca.is_empty() && spiffe.is_none() => ClientAuth::None,
            None => ClientAuth::Require,
        },
        ca,
        crl: raw.crl.iter().map(|path| folder.join(path)).collect(),
        policies: PolicyOptions {
            policy: raw.policy.clone(),
            explicit_policy: raw.explicit_policy,
            inhibit_any: raw.inhibit_any,
            inhibit_map: raw.inhibit_map,
        },
        servername: raw
            .servername
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|e| format!("servername: {e}"))?,
        starttls: raw
            .starttls
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|e| format!("starttls: {e}"))?,
        alpn: protocols(&raw.alpn)?,
        legacy: raw.legacy,
        min_version: match raw.min_version.as_deref() {
            None => legacy::oldest(raw.legacy),
            Some("1.0" | "TLSv1") if raw.legacy => ProtocolVersion::Tls10,
            Some("1.1" | "TLSv1.1") if raw.legacy => ProtocolVersion::Tls11,
            Some("1.2" | "TLSv1.2") => ProtocolVersion::Tls12,
            Some("1.3" | "TLSv1.3") => ProtocolVersion::Tls13,
            Some(old @ ("1.0" | "TLSv1" | "1.1" | "TLSv1.1")) => {
                return Err(format!("min-version: {old:?} requires legacy"));
            }
            Some(other) => return Err(format!("min-version: {other:?} is neither 1.2 nor 1.3")),
        },
        proxy_in: raw.proxy_in,
        proxy_from: parse_all::<Network>(&raw.proxy_from, "proxy-from")?,
        proxy_out: raw.proxy_out,
        acme,
        spiffe,
        ticket_secret_file: raw.ticket_secret_file.as_ref().map(|path| folder.join(path)),
        session_store: raw.session_store.clone(),
        tickets: match raw.tickets {
            Some(many) if many > MOST_TICKETS => {
                return Err(format!("tickets: {many}: {MOST_TICKETS} at most"));
            }
            tickets => tickets,
        },
        ocsp_fetch: raw.ocsp_fetch,
        hybrid_retry: !raw.no_hybrid_retry,
        limits: limits(&raw)?,
        timeouts: timeouts(&raw)?,
        lives: lives(&raw)?,
        health: health(&raw, several)?,
        unsafe_listen: raw.unsafe_listen,
        unsafe_target: raw.unsafe_target,
    };
    sense::check(&service, raw.client_auth.is_some())?;
    Ok(service)
}

fn build_route(raw: &options::Route, inherited: &Access, folder: &Path) -> Result<Route, String> {
    let sni = &raw.sni;
    if sni.is_empty() && raw.alpn.is_empty() {
        return Err("needs sni or alpn".to_owned());
    }
    let targets = parse_all::<Target>(&raw.target, "target")?;
    if targets.is_empty() {
        return Err("target: missing".to_owned());
    }
    let identity =
        identity((&raw.cert, &raw.key), &raw.pfx, &raw.ocsp, &raw.passphrase_file, folder)?;
    let own = |rules: &Option<Vec<String>>, name, inherited: &Vec<Rule>| match rules {
        Some(rules) => parse_all::<Rule>(rules, name),
        None => Ok(inherited.clone()),
    };
    if raw.passthrough && (!identity.is_empty() || raw.allow.is_some() || raw.deny.is_some()) {
        return Err("passthrough: cert, allow and deny do not apply, since TLS is not terminated"
            .to_owned());
    }
    let access = if raw.passthrough {
        Access::default()
    } else {
        Access {
            allow: own(&raw.allow, "allow", &inherited.allow)?,
            deny: own(&raw.deny, "deny", &inherited.deny)?,
        }
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

/// Where the certificate is fetched from, if it is.
fn acme(raw: &options::Service, mode: Mode, folder: &Path) -> Result<Option<Acme>, String> {
    let Some(server) = &raw.acme else {
        let given = !raw.acme_name.is_empty() || raw.acme_dir.is_some() || raw.acme_http.is_some();
        return if given { Err("acme: missing".to_owned()) } else { Ok(None) };
    };
    if mode == Mode::Client {
        return Err("acme: for servers only".to_owned());
    }
    let http = raw.acme_http.as_deref().map(|text| {
        let no = |_| format!("acme-http: {text:?} is not ADDRESS:PORT, such as 0.0.0.0:80");
        text.parse::<SocketAddr>().map_err(no)
    });
    let http = http.transpose()?;
    if raw.starttls.is_some() && http.is_none() {
        return Err("acme: tls-alpn-01 cannot be used with starttls; set acme-http".to_owned());
    }
    if !server.starts_with("https://") {
        return Err(format!("acme: {server:?} is not the https:// URL of a CA's directory"));
    }
    if !raw.cert.is_empty() || !raw.pfx.is_empty() {
        return Err("acme: cannot be combined with cert, key or pfx".to_owned());
    }
    if raw.acme_name.is_empty() {
        return Err("acme-name: missing".to_owned());
    }
    let Some(dir) = &raw.acme_dir else {
        return Err("acme-dir: missing".to_owned());
    };
    let anchor = |text: &String| match text.parse().unwrap_or_else(|never| match never {}) {
        Anchor::File(path) => Anchor::File(folder.join(path)),
        anchor => anchor,
    };
    Ok(Some(Acme {
        server: server.clone(),
        names: raw.acme_name.clone(),
        ca: raw.acme_ca.iter().map(anchor).collect(),
        dir: folder.join(dir),
        profile: raw.acme_profile.clone(),
        contact: raw.acme_contact.iter().map(|one| format!("mailto:{one}")).collect(),
        http,
    }))
}

/// The SPIFFE agent that issues our identity, if any.
fn spiffe(raw: &options::Service) -> Result<Option<Endpoint>, String> {
    if raw.identity.is_none() {
        let alone = match (&raw.spiffe_socket, raw.spiffe_federated.is_empty()) {
            (Some(_), _) => "spiffe-socket",
            (None, false) => "spiffe-federated",
            (None, true) => return Ok(None),
        };
        return Err(format!("{alone}: needs identity = \"spiffe\""));
    }
    let given = [
        ("cert", !raw.cert.is_empty()),
        ("pfx", !raw.pfx.is_empty()),
        ("acme", raw.acme.is_some()),
        ("ca", !raw.ca.is_empty()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(format!("{option}: not allowed with identity = \"spiffe\"")),
        None => {
            let federated = Federated::new(&raw.spiffe_federated)
                .map_err(|e| format!("spiffe-federated: {e}"))?;
            Ok(Some(Endpoint::new(raw.spiffe_socket.clone(), federated)))
        }
    }
}

/// The files into which it is fetched.
fn acme_identity(acme: &Acme) -> IdentityFiles {
    let folder = Folder::at(&acme.dir);
    let live = folder.live(acme.names.first().map_or("", String::as_str));
    let pair = (live.join("fullchain.pem"), live.join("privkey.pem"));
    IdentityFiles { pairs: vec![pair], ..IdentityFiles::default() }
}

fn identity(
    (certs, keys): (&[PathBuf], &[PathBuf]),
    pfx: &[PathBuf],
    ocsp: &[PathBuf],
    passphrase: &Option<String>,
    folder: &Path,
) -> Result<IdentityFiles, String> {
    if certs.len() != keys.len() {
        let (few, option) =
            (certs.len().min(keys.len()), if certs.len() < keys.len() { "cert" } else { "key" });
        return Err(format!(
            "{option}: each certificate needs its key: {few} of one, more of the other"
        ));
    }
    let passphrase = passphrase.as_deref().map(|text| match text.parse::<Source>() {
        Ok(Source::File(path)) => Source::File(folder.join(path).display().to_string()),
        Ok(other) => other,
        Err(never) => match never {},
    });
    if matches!(passphrase, Some(Source::Stdin)) {
        return Err(
            "passphrase-file: cannot be standard input, since it is read at each reload".to_owned()
        );
    }
    if passphrase.is_some() && certs.is_empty() && pfx.is_empty() {
        return Err("passphrase-file: no key to decrypt".to_owned());
    }
    let files = IdentityFiles {
        pairs: certs.iter().zip(keys).map(|(c, k)| (folder.join(c), folder.join(k))).collect(),
        pfx: pfx.iter().map(|path| folder.join(path)).collect(),
        passphrase,
        ocsp: ocsp.iter().map(|path| folder.join(path)).collect(),
    };
    files.check_staples()?;
    Ok(files)
}

fn anchor(text: &str, folder: &Path) -> Anchor {
    match text.parse() {
        Ok(Anchor::File(path)) => Anchor::File(folder.join(path)),
        Ok(other) => other,
        Err(never) => match never {},
    }
}

fn access(allow: &[String], deny: &[String]) -> Result<Access, String> {
    Ok(Access { allow: parse_all(allow, "allow")?, deny: parse_all(deny, "deny")? })
}

fn protocols(names: &[String]) -> Result<Vec<String>, String> {
    match names.iter().find(|name| name.is_empty() || name.len() > 255) {
        Some(bad) => Err(format!("alpn: {bad:?}: a protocol's name has 1 to 255 bytes")),
        None => Ok(names.to_vec()),
    }
}

fn limits(raw: &options::Service) -> Result<Limits, String> {
    let at_least_one = |value: Option<usize>, name: &str, default| match value {
        Some(0) => Err(format!("{name}: must be at least 1")),
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

fn timeouts(raw: &options::Service) -> Result<Timeouts, String> {
    let of = |text: &Option<String>, name: &str, seconds: u64| {
        positive(timeout(text, name, Duration::from_secs(seconds))?, name)
    };
    Ok(Timeouts {
        handshake: of(&raw.handshake_timeout, "handshake-timeout", 10)?,
        connect: of(&raw.connect_timeout, "connect-timeout", 10)?,
        idle: of(&raw.idle_timeout, "idle-timeout", 12 * 3600)?,
        half_close: of(&raw.half_close_timeout, "half-close-timeout", 60)?,
    })
}

fn lives(raw: &options::Service) -> Result<Lives, String> {
    let longest = timeout(&raw.max_lifetime, "max-lifetime", Duration::ZERO)?;
    if raw.max_lifetime.is_some() {
        positive(longest, "max-lifetime")?;
    }
    Ok(Lives {
        recheck: raw.recheck.unwrap_or_default(),
        drain: timeout(&raw.recheck_drain, "recheck-drain", Duration::ZERO)?,
        longest: raw.max_lifetime.as_ref().map(|_| longest),
    })
}

fn health(raw: &options::Service, several_targets: bool) -> Result<Health, String> {
    let every = if several_targets { Duration::from_secs(5) } else { Duration::ZERO };
    let interval = interval(&raw.health_interval, "health-interval", every)?;
    let count = |value: Option<u32>, name: &str, default| match value {
        Some(0) => Err(format!("{name}: at least 1")),
        value => Ok(value.unwrap_or(default)),
    };
    Ok(Health {
        interval: (!interval.is_zero()).then_some(interval),
        timeout: positive(
            timeout(&raw.health_timeout, "health-timeout", Duration::from_secs(2))?,
            "health-timeout",
        )?,
        fall: count(raw.health_fall, "health-fall", 2)?,
        rise: count(raw.health_rise, "health-rise", 1)?,
    })
}

/// How long to wait for something: a number alone is seconds.
fn timeout(text: &Option<String>, name: &str, default: Duration) -> Result<Duration, String> {
    let read = |text: &str| text.parse().map(Timeout::get);
    text.as_deref().map_or(Ok(default), read).map_err(|e| format!("{name}: {e}"))
}

/// How often something is done: in a unit.
fn interval(text: &Option<String>, name: &str, default: Duration) -> Result<Duration, String> {
    let read = |text: &str| text.parse().map(Length::get);
    text.as_deref().map_or(Ok(default), read).map_err(|e| format!("{name}: {e}"))
}

fn positive(length: Duration, name: &str) -> Result<Duration, String> {
    if length.is_zero() { Err(format!("{name}: no time at all")) } else { Ok(length) }
}

fn parse_all<T: std::str::FromStr<Err = String>>(
    texts: &[String],
    option: &str,
) -> Result<Vec<T>, String> {
    texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|e: String| format!("{option}: {e}"))
}
