//! The options of a tunnel as they are written, each declared once: as a flag, as a key of the file,
//! with its help. Nothing is checked here but types; what they mean is for [`super::plan`].

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use sealwire::pki::Purpose;
use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

use crate::tunnel::proxy::{Accepts, Version};

/// What concerns the whole process.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Process {
    /// Threads that move data [default: one per core]
    #[arg(long, value_name = "NUMBER")]
    pub(super) workers: Option<usize>,

    /// Where /metrics and /status are: ADDRESS:PORT or unix:PATH
    #[arg(long, value_name = "PLACE")]
    pub(super) status: Option<String>,

    /// Become this user once the ports are open
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,

    /// Become this group [default: the user's]
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(super) group: Option<String>,

    /// Let the kernel keep us to the files that we need (Landlock) [default: auto]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(super) sandbox: Option<Sandbox>,

    /// How long open connections may go on after SIGTERM [default: 30s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) drain: Option<String>,

    /// How often files are looked at, besides being told of changes [default: 1m]
    #[arg(long, value_name = "TIME")]
    pub(super) reload_every: Option<String>,

    /// How much is told on stderr [default: info]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(super) log: Option<LogLevel>,

    /// In what form [default: text]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(super) log_format: Option<LogFormat>,

    /// In the file, the services; by flags there is one.
    #[arg(skip)]
    pub(super) service: Vec<Service>,
}

/// One service. Which options are for servers only, and which for clients only, the plan knows.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Service {
    #[arg(skip)]
    pub(super) name: Option<String>,

    #[arg(skip)]
    pub(super) mode: Option<Mode>,

    /// Where to listen: ADDRESS:PORT, unix:PATH, systemd or systemd:NAME; may be repeated
    #[arg(short, long, required = true, value_name = "PLACE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) listen: Vec<String>,

    /// Where to connect to: HOST:PORT or unix:PATH; several share or take over the work
    #[arg(short, long, required = true, value_name = "PLACE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) target: Vec<String>,

    /// How several targets are used [default: failover]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(super) balance: Option<Balance>,

    /// The name that the server must prove, and that is sent to it (SNI) [default: the target's]
    #[arg(long, alias = "server-name", value_name = "NAME")]
    #[serde(alias = "server-name")]
    pub(super) servername: Option<String>,

    /// The protocol by which TLS is asked for, where it does not come first (STARTTLS). A server's
    /// clients ask, by smtp, imap, pop3, ldap or postgres, and who does not is not let in; a
    /// client's target is asked, by ftp, xmpp and mysql too
    #[arg(long, value_name = "PROTOCOL")]
    pub(super) starttls: Option<String>,

    /// Our certificate: PEM, the leaf first, then its intermediates; may be repeated
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) cert: Vec<PathBuf>,

    /// Its private key: PEM, plain or encrypted
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) key: Vec<PathBuf>,

    /// Certificate and key in one PFX (PKCS#12) file; may be repeated
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) pfx: Vec<PathBuf>,

    /// The OCSP response (DER) that a server staples to its certificate; may be repeated, the first for
    /// the first --cert, then for --pfx
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) ocsp: Vec<PathBuf>,

    /// Fetch the OCSP responses of certificates without one from the responders that they name, staple
    /// them, and renew them while the tunnel runs. A file of --cert has the issuer's certificate, too
    #[arg(long)]
    pub(super) ocsp_fetch: bool,

    /// Who says who we are and whom to trust, in place of files: the agent of a SPIFFE Workload API.
    /// Certificates of its trust domain are believed; rules say which: uri=spiffe://DOMAIN/PATH
    #[arg(long, value_enum, value_name = "SOURCE")]
    pub(super) identity: Option<IdentitySource>,

    /// Where the agent is: unix:///PATH or tcp://ADDRESS:PORT [default: SPIFFE_ENDPOINT_SOCKET]
    #[arg(long, value_name = "ENDPOINT", requires = "identity")]
    pub(super) spiffe_socket: Option<String>,

    /// Believe this trust domain, too, which the agent has to know as federated with ours; may be
    /// repeated
    #[arg(long, value_name = "DOMAIN", requires = "identity")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) spiffe_federated: Vec<String>,

    /// Fetch the certificate from this CA by ACME, and renew it while the tunnel runs: the URL of
    /// its directory. The CA checks the names at this service's own port (tls-alpn-01), or at
    /// --acme-http
    #[arg(long, value_name = "URL", conflicts_with_all = ["cert", "pfx"], requires = "acme_name")]
    pub(super) acme: Option<String>,

    /// A name for the certificate; may be repeated
    #[arg(long, value_name = "NAME", requires = "acme")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) acme_name: Vec<String>,

    /// Whom to trust as the CA's server: a PEM file, `system` or `bundled` [default: both]
    #[arg(long, value_name = "FILE", requires = "acme")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) acme_ca: Vec<String>,

    /// The folder of the account and the certificate, which several processes and machines may
    /// share
    #[arg(long, value_name = "DIR", requires = "acme")]
    pub(super) acme_dir: Option<PathBuf>,

    /// Prove the names by http-01 instead, answering here: port 80 of the names has to lead to it.
    /// Services may share it
    #[arg(long, value_name = "ADDRESS:PORT", requires = "acme")]
    pub(super) acme_http: Option<String>,

    /// The CA's profile
    #[arg(long, value_name = "PROFILE", requires = "acme")]
    pub(super) acme_profile: Option<String>,

    /// A mailbox for the CA to write to; may be repeated
    #[arg(long, value_name = "MAILBOX", requires = "acme")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) acme_contact: Vec<String>,

    /// The passphrase of the keys and PFX files: a file or env:NAME
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<String>,

    /// Whom to trust: a PEM file, `system` or `bundled` (Mozilla's roots); may be repeated
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) ca: Vec<String>,

    /// Revocation lists, PEM; with any, each issuer in a chain needs one
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) crl: Vec<PathBuf>,

    /// A certificate policy that is acceptable in a peer's chain, dotted; may be repeated [default:
    /// any]
    #[arg(long, value_name = "OID")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) policy: Vec<String>,

    /// Demand that a chain is valid for an acceptable policy, whether or not it says so itself
    #[arg(long)]
    pub(super) explicit_policy: bool,

    /// Let anyPolicy in a certificate stand for none
    #[arg(long)]
    pub(super) inhibit_any: bool,

    /// Do not let CAs map policies to others
    #[arg(long)]
    pub(super) inhibit_map: bool,

    /// Whether clients are asked for a certificate [default: require with --ca, else none]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(super) client_auth: Option<ClientAuth>,

    /// Let in only those with such names: KIND=PATTERN of cn, o, ou, dns, uri, email, ip, pin.
    /// Terms joined by commas must all hold; of several --allow, any
    #[arg(long, value_name = "RULE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) allow: Vec<String>,

    /// Keep out those with such names, whatever --allow says
    #[arg(long, value_name = "RULE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) deny: Vec<String>,

    /// Application protocols, best first (RFC 7301)
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) alpn: Vec<String>,

    /// Speak with old peers too: TLS 1.0 and 1.1, CBC, RSA key exchange and DHE, by this system's
    /// OpenSSL 3 or 4. Weak; for what cannot be replaced
    #[arg(long)]
    pub(super) legacy: bool,

    /// The oldest version to speak: 1.2 or 1.3, and with --legacy 1.0 (its default) or 1.1
    #[arg(long, value_name = "VERSION")]
    pub(super) min_version: Option<String>,

    /// Expect a PROXY header before everything else. Whoever sends one names its own source: say
    /// with --proxy-from who may
    #[arg(long, value_enum, value_name = "VERSION")]
    pub(super) proxy_in: Option<Accepts>,

    /// The proxies whose PROXY headers are believed: an address or a network, 10.0.0.0/8; others
    /// are turned away; may be repeated [default: anybody]
    #[arg(long, value_name = "ADDRESS", requires = "proxy_in")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) proxy_from: Vec<String>,

    /// Send a PROXY header to the target
    #[arg(long, value_enum, value_name = "VERSION")]
    pub(super) proxy_out: Option<Version>,

    /// The secret of a fleet, from which session ticket keys are made: at least 32 bytes
    #[arg(long, value_name = "FILE")]
    pub(super) ticket_secret_file: Option<PathBuf>,

    /// How many session tickets a client is given in TLS 1.3, each of which resumes one connection; 0:
    /// none, in TLS 1.2 neither, for clients that only write and never read them [default: 2]
    #[arg(long, value_name = "NUMBER")]
    pub(super) tickets: Option<usize>,

    /// Take the key share that a client sends, also where both sides could do X25519MLKEM768 after a
    /// HelloRetryRequest: such a client is spared a round trip, and its connection is not post-quantum
    #[arg(long)]
    pub(super) no_hybrid_retry: bool,

    /// Where TLS 1.2 sessions are shared: redis://HOST:PORT/DB
    #[arg(long, value_name = "URL", requires = "ticket_secret_file")]
    pub(super) session_store: Option<String>,

    /// Connections at once; further ones wait in the system's queue
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_connections: Option<usize>,

    /// Handshakes at once
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_handshakes: Option<usize>,

    /// Connections at once from one address (one /64 of IPv6)
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_per_source: Option<usize>,

    /// How long a client may take for its handshake; like every timeout, a number alone is seconds
    /// [default: 10s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) handshake_timeout: Option<String>,

    /// How long a target may take to answer [default: 10s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) connect_timeout: Option<String>,

    /// How long a connection may carry nothing [default: 12h]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) idle_timeout: Option<String>,

    /// The same, once one side has no more to send [default: 1m]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) half_close_timeout: Option<String>,

    /// What becomes of open connections whose peer would not be let in any more: by new revocation
    /// lists, CAs and rules, or since its certificate has expired [default: close]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) recheck: Option<Recheck>,

    /// How long they may go on, to end by themselves [default: 0s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) recheck_drain: Option<String>,

    /// How long any connection may be open; each a little less, by up to a tenth [default: no limit]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) max_lifetime: Option<String>,

    /// How often targets are tried; 0s is never [default: 5s with several targets]
    #[arg(long, value_name = "TIME")]
    pub(super) health_interval: Option<String>,

    /// How long a target may take to answer when it is tried [default: 2s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) health_timeout: Option<String>,

    /// So many failures in a row take a target out [default: 2]
    #[arg(long, value_name = "NUMBER")]
    pub(super) health_fall: Option<u32>,

    /// So many good answers in a row bring it back [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(super) health_rise: Option<u32>,

    /// Allow to listen where other machines can come in, without TLS
    #[arg(long)]
    pub(super) unsafe_listen: bool,

    /// Allow targets on other machines, which are spoken to without TLS
    #[arg(long)]
    pub(super) unsafe_target: bool,

    #[arg(skip)]
    pub(super) route: Vec<Route>,
}

/// A route of a service; it has no flags.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Route {
    #[serde(deserialize_with = "one_or_many")]
    pub(super) sni: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) alpn: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) target: Vec<String>,
    pub(super) balance: Option<Balance>,
    pub(super) passthrough: bool,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) cert: Vec<PathBuf>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) key: Vec<PathBuf>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) pfx: Vec<PathBuf>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) ocsp: Vec<PathBuf>,
    pub(super) passphrase_file: Option<String>,
    /// `None`: as the service.
    #[serde(deserialize_with = "given")]
    pub(super) allow: Option<Vec<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) deny: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    Server,
    Client,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientAuth {
    /// Not asked
    None,
    /// Asked; one without is let in, unless there are rules
    Request,
    /// Asked, and refused without one that passes
    Require,
}

impl Mode {
    /// What our certificate is for.
    pub(crate) fn purpose(self) -> Purpose {
        match self {
            Self::Server => Purpose::Server,
            Self::Client => Purpose::Client,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum IdentitySource {
    /// The agent of a SPIFFE Workload API
    Spiffe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Recheck {
    /// They are closed
    #[default]
    Close,
    /// They go on
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Balance {
    /// The first that works: the others are spare
    #[default]
    Failover,
    /// Each in turn
    RoundRobin,
    /// The one with the fewest connections
    LeastConnections,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sandbox {
    /// As far as the kernel can
    #[default]
    Auto,
    /// Do not start without
    Require,
    /// No
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    /// What fails
    Error,
    /// And what is refused, and what comes back
    Warn,
    /// And each connection when it ends
    #[default]
    Info,
    /// And each step of it
    Debug,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// `"a"` or `["a", "b"]`.
fn one_or_many<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or a list of strings")]
    enum OneOrMany<T> {
        One(T),
        Many(Vec<T>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// The same, where to say nothing is something else than to name none.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    one_or_many(deserializer).map(Some)
}

/// A timeout: text, or a number of seconds.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Time;
    impl Visitor<'_> for Time {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a length of time like \"10s\", or a number of seconds")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<String, E> {
            Ok(seconds.to_string())
        }
    }
    deserializer.deserialize_any(Time).map(Some)
}
