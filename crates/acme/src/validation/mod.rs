//! Validation of names: the challenges of RFC 8555 section 8, RFC 8737 and RFC 8738.
//!
//! A CA that connects to whatever address a client names could be made to knock at doors of others,
//! so every address is held to a list of networks before anything is sent to it.

mod dns_01;
mod http_01;
mod resolve;
mod tls_alpn_01;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::protocol::{Identifier, Kind, NameRules, Problem};
use crate::store::ChallengeKind;
pub use resolve::Resolver;
pub(crate) use tls_alpn_01::{PROTOCOL, sni};

/// Where and how names are checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port of http-01; 80 everywhere but in tests.
    pub http_port: u16,
    /// The port of tls-alpn-01; 443 everywhere but in tests.
    pub tls_port: u16,
    /// The networks that may be connected to.
    pub networks: NameRules,
    /// The DNS server to ask, instead of the system's.
    pub dns: Option<SocketAddr>,
    /// How long one check may take, all of it.
    pub timeout: Duration,
    /// What a record of dns-persist-01 names as the CA.
    pub issuer_domain: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let private = sealwire::pki::NameConstraint::private();
        Self {
            http_port: 80,
            tls_port: 443,
            networks: NameRules::below(private),
            dns: None,
            timeout: Duration::from_secs(20),
            issuer_domain: None,
        }
    }
}

/// What must be shown, and by which server.
#[derive(Debug, Clone)]
pub struct Proof {
    /// By which way.
    pub kind: ChallengeKind,
    /// The name.
    pub identifier: Identifier,
    /// Whether `*.` of it is wanted.
    pub wildcard: bool,
    /// In the path of http-01.
    pub token: String,
    /// The token and the name of the account's key.
    pub key_authorization: String,
    /// The account's URLs, any of which a record of dns-persist-01 may name.
    pub accounts: Vec<String>,
}

/// Checks proofs.
pub struct Validator {
    settings: Settings,
    resolver: Resolver,
}

impl Validator {
    /// A validator, which asks the DNS of the system or of `settings`.
    ///
    /// # Errors
    /// When the system's DNS settings cannot be read.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let resolver = Resolver::new(settings.dns)?;
        Ok(Self { settings, resolver })
    }

    /// Checks a proof.
    ///
    /// # Errors
    /// What is missing, for the operator of the server.
    pub async fn check(&self, proof: &Proof) -> Result<(), Problem> {
        let checking = async {
            match proof.kind {
                ChallengeKind::Http01 => http_01::check(self, proof).await,
                ChallengeKind::TlsAlpn01 => tls_alpn_01::check(self, proof).await,
                ChallengeKind::Dns01 => dns_01::check(self, proof).await,
                ChallengeKind::DnsPersist01 => dns_01::check_persistent(self, proof).await,
            }
        };
        let limit = self.settings.timeout;
        tokio::time::timeout(limit, checking).await.unwrap_or_else(|_| {
            let detail = format!("{}: not done after {} s", proof.identifier, limit.as_secs());
            Err(Problem::new(Kind::Connection, detail))
        })
    }

    /// The addresses of a host, as far as they may be connected to.
    async fn addresses(&self, host: &Identifier) -> Result<Vec<IpAddr>, Problem> {
        let all = match host {
            Identifier::Ip(address) => vec![*address],
            Identifier::Dns(name) => self.resolver.addresses(name).await?,
        };
        let permitted: Vec<_> = all
            .iter()
            .copied()
            .filter(|address| self.settings.networks.permit_address(*address))
            .collect();
        match (permitted.is_empty(), all.first()) {
            (false, _) => Ok(permitted),
            (true, Some(address)) => Err(Problem::new(
                Kind::RejectedIdentifier,
                format!(
                    "{host} is at {address}, and this CA connects to addresses in {} only; its \
                     operator permits others with --permit-address",
                    self.settings.networks
                ),
            )),
            (true, None) => {
                Err(Problem::new(Kind::Dns, format!("{host} has no address (A or AAAA)")))
            }
        }
    }

    /// Connects to a host, by each of its addresses until one answers.
    async fn connect(&self, host: &Identifier, port: u16) -> Result<TcpStream, Problem> {
        const EACH: Duration = Duration::from_secs(5);
        let mut last = None;
        for address in self.addresses(host).await? {
            let at = SocketAddr::new(address, port);
            let tried = tokio::time::timeout(EACH, TcpStream::connect(at)).await;
            match tried.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(tcp) => return Ok(tcp),
                Err(e) => last = Some((at, e)),
            }
        }
        let why = match last {
            Some((at, e)) if e.kind() == io::ErrorKind::ConnectionRefused => {
                format!("{at}: nothing listens there")
            }
            Some((at, e)) if e.kind() == io::ErrorKind::TimedOut => format!("{at}: no answer"),
            Some((at, e)) => format!("{at}: {e}"),
            None => "no address".to_owned(),
        };
        Err(Problem::new(Kind::Connection, format!("{host}: {why}")))
    }
}

/// A part of what a peer sent, to find the fault by.
fn excerpt(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes).chars().take(64).collect();
    format!("{text:?}")
}
