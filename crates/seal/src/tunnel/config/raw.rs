//! The file as it is written: every key by its name, nothing checked yet but its type.

use std::path::PathBuf;

use serde::Deserialize;

use super::super::proxy::{Accepts, Version};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct File {
    pub(super) workers: Option<usize>,
    pub(super) status: Option<String>,
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
    pub(super) sandbox: Option<Sandbox>,
    pub(super) drain: Option<String>,
    pub(super) reload_every: Option<String>,
    pub(super) log: Option<LogLevel>,
    pub(super) log_format: Option<LogFormat>,
    #[serde(default)]
    pub(super) service: Vec<Service>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Service {
    pub(super) name: Option<String>,
    pub(super) mode: Option<Mode>,
    #[serde(default)]
    pub(super) listen: OneOrMany<String>,
    #[serde(default)]
    pub(super) target: OneOrMany<String>,
    pub(super) balance: Option<Balance>,
    pub(super) server_name: Option<String>,
    pub(super) starttls: Option<String>,
    #[serde(default)]
    pub(super) cert: OneOrMany<PathBuf>,
    #[serde(default)]
    pub(super) key: OneOrMany<PathBuf>,
    pub(super) pfx: Option<PathBuf>,
    pub(super) passphrase_file: Option<String>,
    #[serde(default)]
    pub(super) ca: OneOrMany<String>,
    #[serde(default)]
    pub(super) crl: OneOrMany<PathBuf>,
    pub(super) client_auth: Option<ClientAuth>,
    #[serde(default)]
    pub(super) allow: OneOrMany<String>,
    #[serde(default)]
    pub(super) deny: OneOrMany<String>,
    #[serde(default)]
    pub(super) alpn: OneOrMany<String>,
    pub(super) min_version: Option<String>,
    pub(super) proxy_in: Option<Accepts>,
    pub(super) proxy_out: Option<Version>,
    pub(super) ticket_secret_file: Option<PathBuf>,
    pub(super) session_store: Option<String>,
    pub(super) max_connections: Option<usize>,
    pub(super) max_handshakes: Option<usize>,
    pub(super) max_per_source: Option<usize>,
    pub(super) handshake_timeout: Option<String>,
    pub(super) connect_timeout: Option<String>,
    pub(super) idle_timeout: Option<String>,
    pub(super) half_close_timeout: Option<String>,
    pub(super) health_interval: Option<String>,
    pub(super) health_timeout: Option<String>,
    pub(super) health_fall: Option<u32>,
    pub(super) health_rise: Option<u32>,
    #[serde(default)]
    pub(super) unsafe_listen: bool,
    #[serde(default)]
    pub(super) unsafe_target: bool,
    #[serde(default)]
    pub(super) route: Vec<Route>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Route {
    #[serde(default)]
    pub(super) sni: OneOrMany<String>,
    #[serde(default)]
    pub(super) alpn: OneOrMany<String>,
    #[serde(default)]
    pub(super) target: OneOrMany<String>,
    pub(super) balance: Option<Balance>,
    #[serde(default)]
    pub(super) passthrough: bool,
    #[serde(default)]
    pub(super) cert: OneOrMany<PathBuf>,
    #[serde(default)]
    pub(super) key: OneOrMany<PathBuf>,
    pub(super) pfx: Option<PathBuf>,
    pub(super) passphrase_file: Option<String>,
    pub(super) allow: Option<OneOrMany<String>>,
    pub(super) deny: Option<OneOrMany<String>>,
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
    /// Asked; one without is let in, unless rules speak of names
    Request,
    /// Asked, and refused without one that passes
    Require,
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
pub(crate) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> OneOrMany<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}
