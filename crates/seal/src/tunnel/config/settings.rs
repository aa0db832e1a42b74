//! What a tunnel does, everything checked that can be checked without opening another file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealwire::{ProtocolVersion, ServerName};

use super::options::{Balance, ClientAuth, LogFormat, LogLevel, Mode, Recheck, Sandbox};
use crate::files::agent::Endpoint;
use crate::files::material::{Anchor, IdentityFiles};
use crate::files::policies::PolicyOptions;
use crate::tunnel::allow::Access;
use crate::tunnel::endpoint::{Listen, Network, Target};
use crate::tunnel::proxy::{Accepts, Version};
use crate::words::pattern::Pattern;
use sealwire::starttls::Protocol;

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
    /// How long open connections may stay open after SIGTERM.
    pub(crate) drain: Duration,
    /// How often files are looked at, besides being told of changes.
    pub(crate) reload_every: Duration,
    pub(crate) log: LogLevel,
    pub(crate) log_format: LogFormat,
}

/// One service: places to listen on, and what happens to its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) listen: Vec<Listen>,
    /// The target of clients without a route. `None` in a service of routes only.
    pub(crate) default: Option<Route>,
    pub(crate) routes: Vec<Route>,
    /// Of clients' certificates (server), or of the server's (client).
    pub(crate) ca: Vec<Anchor>,
    pub(crate) crl: Vec<PathBuf>,
    pub(crate) policies: PolicyOptions,
    pub(crate) client_auth: ClientAuth,
    /// The name that the server must prove, if it is not the target's.
    pub(crate) servername: Option<ServerName>,
    /// By which protocol TLS is asked for, of the target (client) or by clients (server), if it is
    /// not what comes first.
    pub(crate) starttls: Option<Protocol>,
    pub(crate) alpn: Vec<String>,
    /// Whether old peers are spoken with.
    pub(crate) legacy: bool,
    pub(crate) min_version: ProtocolVersion,
    pub(crate) proxy_in: Option<Accepts>,
    /// The senders whose headers are believed; empty: all.
    pub(crate) proxy_from: Vec<Network>,
    pub(crate) proxy_out: Option<Version>,
    pub(crate) acme: Option<Acme>,
    /// The agent that provides identity and trust.
    pub(crate) spiffe: Option<Endpoint>,
    pub(crate) ticket_secret_file: Option<PathBuf>,
    pub(crate) session_store: Option<String>,
    /// How many tickets a client is given.
    pub(crate) tickets: Option<usize>,
    /// Whether OCSP responses are fetched, for certificates without one.
    pub(crate) ocsp_fetch: bool,
    /// Whether a client that can do a hybrid group is asked for its share (HelloRetryRequest).
    pub(crate) hybrid_retry: bool,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) lives: Lives,
    pub(crate) health: Health,
    pub(crate) unsafe_listen: bool,
    pub(crate) unsafe_target: bool,
}

/// Where a service's certificate is fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acme {
    pub(crate) server: String,
    pub(crate) names: Vec<String>,
    /// Of the CA's server.
    pub(crate) ca: Vec<Anchor>,
    pub(crate) dir: PathBuf,
    pub(crate) profile: Option<String>,
    pub(crate) contact: Vec<String>,
    /// Where names are proved by http-01; none: at the service's own port, by tls-alpn-01.
    pub(crate) http: Option<SocketAddr>,
}

/// What becomes of a connection with such a ClientHello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// Any of these names; empty: any name, or none.
    pub(crate) sni: Vec<Pattern>,
    /// Any of these protocols offered; empty: whatever is.
    pub(crate) alpn: Vec<String>,
    /// TLS is forwarded to the target unchanged.
    pub(crate) passthrough: bool,
    pub(crate) targets: Vec<Target>,
    pub(crate) balance: Balance,
    /// The identity there; empty: the service's.
    pub(crate) identity: IdentityFiles,
    pub(crate) access: Access,
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

/// What ends an open connection besides its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lives {
    pub(crate) recheck: Recheck,
    /// How long it may stay open after its peer is no longer admitted.
    pub(crate) drain: Duration,
    pub(crate) longest: Option<Duration>,
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

impl Service {
    /// The routes, and the default.
    pub(crate) fn all_routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().chain(&self.default)
    }

    /// Whether it can take the place of `running` without opening anything.
    pub(crate) fn fits_into(&self, running: &Self) -> bool {
        self.listen == running.listen
            && self.mode == running.mode
            && self.spiffe == running.spiffe
            && self.acme == running.acme
    }

    /// Every file that its settings are read from.
    pub(crate) fn files(&self) -> Vec<&Path> {
        let identities = self.all_routes().flat_map(|route| route.identity.paths());
        let secret = self.ticket_secret_file.iter().map(PathBuf::as_path);
        self.trust_files().into_iter().chain(secret).chain(identities).collect()
    }

    /// The sources of trust and revocation.
    pub(crate) fn trust_files(&self) -> Vec<&Path> {
        let anchors = self.ca.iter().filter_map(|anchor| match anchor {
            Anchor::File(path) => Some(path),
            _ => None,
        });
        anchors.chain(&self.crl).map(PathBuf::as_path).collect()
    }
}
