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
    /// Number of worker threads [default: one per core]
    #[arg(long, value_name = "NUMBER")]
    pub(super) workers: Option<usize>,

    /// Serve /metrics and /status at ADDRESS:PORT or unix:PATH
    #[arg(long, value_name = "PLACE")]
    pub(super) status: Option<String>,

    /// Switch to this user after opening the ports
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,

    /// Switch to this group [default: the user's]
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(super) group: Option<String>,

    /// Restrict file access with Landlock [default: auto]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(super) sandbox: Option<Sandbox>,

    /// Time to let open connections finish after SIGTERM [default: 30s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) drain: Option<String>,

    /// Interval for checking files, in addition to change notifications [default: 1m]
    #[arg(long, value_name = "TIME")]
    pub(super) reload_every: Option<String>,

    /// Log level on stderr [default: info]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(super) log: Option<LogLevel>,

    /// Log format [default: text]
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

    /// Address to listen on: ADDRESS:PORT, unix:PATH, systemd or systemd:NAME; may be repeated
    #[arg(short, long, required = true, value_name = "PLACE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) listen: Vec<String>,

    /// Address to forward to: HOST:PORT or unix:PATH; may be repeated, see --balance
    #[arg(short, long, required = true, value_name = "PLACE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) target: Vec<String>,

    /// How to choose among several targets [default: failover]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(super) balance: Option<Balance>,

    /// Name to send in SNI and to require in the server's certificate [default: the target's]
    #[arg(long, alias = "server-name", value_name = "NAME")]
    #[serde(alias = "server-name")]
    pub(super) servername: Option<String>,

    /// Start TLS within this protocol (STARTTLS). Servers support smtp, imap, pop3, ldap and
    /// postgres, and refuse clients that do not upgrade; clients also support ftp, xmpp and mysql
    #[arg(long, value_name = "PROTOCOL")]
    pub(super) starttls: Option<String>,

    /// Own certificate in PEM, the leaf first, then its intermediates; may be repeated
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) cert: Vec<PathBuf>,

    /// Private key of --cert in PEM, plain or encrypted
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) key: Vec<PathBuf>,

    /// Own certificate and key in a PFX (PKCS#12) file; may be repeated
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) pfx: Vec<PathBuf>,

    /// OCSP response to staple, in DER; may be repeated, the first for the first --cert, then for
    /// --pfx
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) ocsp: Vec<PathBuf>,

    /// Fetch OCSP responses from the responders that the certificates name, staple them, and
    /// refresh them while the tunnel runs. The file of --cert must contain the issuer's certificate
    #[arg(long)]
    pub(super) ocsp_fetch: bool,

    /// Take the identity and the trust bundle from a SPIFFE Workload API instead of files.
    /// Certificates of its trust domain are accepted; restrict them by rules:
    /// uri=spiffe://DOMAIN/PATH
    #[arg(long, value_enum, value_name = "SOURCE")]
    pub(super) identity: Option<IdentitySource>,

    /// Endpoint of the Workload API: unix:///PATH or tcp://ADDRESS:PORT [default:
    /// SPIFFE_ENDPOINT_SOCKET]
    #[arg(long, value_name = "ENDPOINT", requires = "identity")]
    pub(super) spiffe_socket: Option<String>,

    /// Trust this federated trust domain as well; the agent must know it; may be repeated
    #[arg(long, value_name = "DOMAIN", requires = "identity")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) spiffe_federated: Vec<String>,

    /// Obtain the certificate from the ACME CA with this directory URL, and renew it while the
    /// tunnel runs. The CA validates the names at this service's port (tls-alpn-01), or at
    /// --acme-http
    #[arg(long, value_name = "URL", conflicts_with_all = ["cert", "pfx"], requires = "acme_name")]
    pub(super) acme: Option<String>,

    /// Name for the certificate; may be repeated
    #[arg(long, value_name = "NAME", requires = "acme")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) acme_name: Vec<String>,

    /// Verify the ACME server against these CAs: a PEM file, `system` or `bundled` [default: both]
    #[arg(long, value_name = "FILE", requires = "acme")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) acme_ca: Vec<String>,

    /// Folder of the account and the certificate; several processes and machines may share it
    #[arg(long, value_name = "DIR", requires = "acme")]
    pub(super) acme_dir: Option<PathBuf>,

    /// Answer http-01 challenges at this address instead; port 80 of the names must lead to it.
    /// Services may share it
    #[arg(long, value_name = "ADDRESS:PORT", requires = "acme")]
    pub(super) acme_http: Option<String>,

    /// Certificate profile of the CA
    #[arg(long, value_name = "PROFILE", requires = "acme")]
    pub(super) acme_profile: Option<String>,

    /// Contact address for the CA; may be repeated
    #[arg(long, value_name = "MAILBOX", requires = "acme")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) acme_contact: Vec<String>,

    /// Read the passphrase of the keys and PFX files from FILE or env:NAME
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<String>,

    /// Trust these CAs: a PEM file, `system`, or `bundled` for Mozilla's roots; may be repeated
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) ca: Vec<String>,

    /// CRLs in PEM; if given, each issuer in a chain needs one
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) crl: Vec<PathBuf>,

    /// Acceptable certificate policy in a peer's chain, as a dotted OID; may be repeated [default:
    /// any]
    #[arg(long, value_name = "OID")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) policy: Vec<String>,

    /// Require that a chain is valid for an acceptable policy (requireExplicitPolicy)
    #[arg(long)]
    pub(super) explicit_policy: bool,

    /// Ignore anyPolicy in certificates (inhibitAnyPolicy)
    #[arg(long)]
    pub(super) inhibit_any: bool,

    /// Ignore policy mappings (inhibitPolicyMapping)
    #[arg(long)]
    pub(super) inhibit_map: bool,

    /// Request a client certificate [default: require with --ca, otherwise none]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(super) client_auth: Option<ClientAuth>,

    /// Accept only peers with matching names: KIND=PATTERN, with cn, o, ou, dns, uri, email, ip or
    /// pin. Terms joined by commas must all match; of several --allow, one must
    #[arg(long, value_name = "RULE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) allow: Vec<String>,

    /// Refuse peers with matching names; takes precedence over --allow
    #[arg(long, value_name = "RULE")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) deny: Vec<String>,

    /// ALPN protocols, in order of preference (RFC 7301)
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) alpn: Vec<String>,

    /// Also allow TLS 1.0 and 1.1, CBC, RSA key exchange and DHE, through this system's OpenSSL 3
    /// or 4. Insecure; for peers that cannot be replaced
    #[arg(long)]
    pub(super) legacy: bool,

    /// Minimum TLS version: 1.2 or 1.3, and with --legacy 1.0 (its default) or 1.1
    #[arg(long, value_name = "VERSION")]
    pub(super) min_version: Option<String>,

    /// Expect a PROXY header before TLS. Its sender can claim any source address: restrict senders
    /// with --proxy-from
    #[arg(long, value_enum, value_name = "VERSION")]
    pub(super) proxy_in: Option<Accepts>,

    /// Accept PROXY headers from this address or network only, and refuse other senders:
    /// 10.0.0.0/8; may be repeated [default: any]
    #[arg(long, value_name = "ADDRESS", requires = "proxy_in")]
    #[serde(deserialize_with = "one_or_many")]
    pub(super) proxy_from: Vec<String>,

    /// Send a PROXY header to the target
    #[arg(long, value_enum, value_name = "VERSION")]
    pub(super) proxy_out: Option<Version>,

    /// File with the secret from which a fleet derives its session ticket keys, at least 32 bytes
    #[arg(long, value_name = "FILE")]
    pub(super) ticket_secret_file: Option<PathBuf>,

    /// Number of session tickets to send in TLS 1.3, each for one resumption; 0 disables tickets,
    /// also in TLS 1.2, for clients that only write and never read [default: 2]
    #[arg(long, value_name = "NUMBER")]
    pub(super) tickets: Option<usize>,

    /// Accept the key share that a client sends even where a HelloRetryRequest would lead to
    /// X25519MLKEM768: saves such a client a round trip, at the cost of post-quantum key exchange
    #[arg(long)]
    pub(super) no_hybrid_retry: bool,

    /// Store shared by several servers for TLS 1.2 sessions: redis://HOST:PORT/DB
    #[arg(long, value_name = "URL", requires = "ticket_secret_file")]
    pub(super) session_store: Option<String>,

    /// Maximum number of connections; further ones wait in the listen queue
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_connections: Option<usize>,

    /// Maximum number of concurrent handshakes
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_handshakes: Option<usize>,

    /// Maximum number of connections from one address (one /64 of IPv6)
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_per_source: Option<usize>,

    /// Time limit for a client's handshake; for every timeout, a bare number is seconds [default:
    /// 10s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) handshake_timeout: Option<String>,

    /// Time limit for connecting to a target [default: 10s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) connect_timeout: Option<String>,

    /// Close a connection after this time without data [default: 12h]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) idle_timeout: Option<String>,

    /// The same, once one side has closed its direction [default: 1m]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) half_close_timeout: Option<String>,

    /// What to do with open connections whose peer is no longer acceptable: after a change of CRLs,
    /// CAs or rules, or because its certificate has expired [default: close]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) recheck: Option<Recheck>,

    /// Time to let such connections finish before closing them [default: 0s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) recheck_drain: Option<String>,

    /// Maximum lifetime of a connection, shortened at random by up to a tenth [default: no limit]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) max_lifetime: Option<String>,

    /// Interval of health checks; 0s disables them [default: 5s with several targets]
    #[arg(long, value_name = "TIME")]
    pub(super) health_interval: Option<String>,

    /// Time limit for a health check [default: 2s]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "time")]
    pub(super) health_timeout: Option<String>,

    /// Consecutive failures before a target is taken out of service [default: 2]
    #[arg(long, value_name = "NUMBER")]
    pub(super) health_fall: Option<u32>,

    /// Consecutive successes before it is put back into service [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(super) health_rise: Option<u32>,

    /// Allow to listen where other machines can come in, without TLS
    #[arg(long)]
    pub(super) unsafe_listen: bool,

    /// Allow targets on other machines, which receive plaintext over the network
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
    /// Request one; accept clients without it, unless there are rules
    Request,
    /// Refuse clients without a valid certificate
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
    /// Close them
    #[default]
    Close,
    /// Leave them open
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Balance {
    /// The first that is available
    #[default]
    Failover,
    /// Each target in turn
    RoundRobin,
    /// The target with the fewest connections
    LeastConnections,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sandbox {
    /// As far as the kernel supports it
    #[default]
    Auto,
    /// Refuse to start without it
    Require,
    /// No
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    /// Failures
    Error,
    /// Also refusals and recoveries
    Warn,
    /// Also each connection when it closes
    #[default]
    Info,
    /// Also each step of a connection
    Debug,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// Human-readable
    #[default]
    Text,
    /// One JSON object per line
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

/// The same, where an absent option differs from an empty list.
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
