//! DNS lookups, without a cache.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

use crate::protocol::{Kind, Problem};

/// Asks for addresses and texts.
pub struct Resolver(TokioResolver);

impl Resolver {
    /// One that asks `server`, or the system's resolvers.
    ///
    /// # Errors
    /// When the system's settings cannot be read.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, String> {
        let mut builder = match server {
            Some(server) => {
                let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                for connection in &mut connections {
                    connection.port = server.port();
                }
                let server = NameServerConfig::new(server.ip(), true, connections);
                let config = ResolverConfig::from_name_servers(vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio()
                .map_err(|e| format!("the system's DNS settings: {e}"))?,
        };
        let options = builder.options_mut();
        // What was true a minute ago is not a proof now.
        options.cache_size = 0;
        options.timeout = Duration::from_secs(3);
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.build().map(Self).map_err(|e| e.to_string())
    }

    /// All addresses of a host, those of IPv4 first.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Problem> {
        // RFC 6761, section 6.3: it is never anywhere else, and asking would tell others.
        if host == "localhost" || host.ends_with(".localhost") {
            return Ok(["127.0.0.1", "::1"].iter().filter_map(|text| text.parse().ok()).collect());
        }
        match self.0.lookup_ip(absolute(host)).await {
            Ok(found) => Ok(found.iter().collect()),
            Err(e) if e.is_no_records_found() => Ok(Vec::new()),
            Err(e) => Err(failed(host, &e)),
        }
    }

    /// All texts at a name, each put together; names that stand for others are followed.
    pub(super) async fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let found = match self.0.lookup(absolute(name), RecordType::TXT).await {
            Ok(found) => found,
            Err(e) if e.is_no_records_found() => return Ok(Vec::new()),
            Err(e) => return Err(failed(name, &e)),
        };
        let text = |data: &RData| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        };
        Ok(found.answers().iter().filter_map(|record| text(&record.data)).collect())
    }
}

/// With a dot at its end, so that no domain of this machine is put behind it.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn failed(name: &str, error: &NetError) -> Problem {
    Problem::new(Kind::Dns, format!("the DNS lookup of {name} failed: {error}"))
}
