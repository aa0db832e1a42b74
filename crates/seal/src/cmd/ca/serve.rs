//! `seal ca serve`.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use sealwire::pki::{CaStore, Certificate, Error, NameConstraint, Problem};
use sealwire_acme::authority::{Authority, Profile};
use sealwire_acme::clock::Clock;
use sealwire_acme::protocol::{Identifier, NameRules};
use sealwire_acme::server::{Check, Door, Server, Settings};
use sealwire_acme::validation::{self, Validator};
use sealwire_lens::door::{self, Token};
use serde::Serialize;
use tokio::net::TcpListener;

use super::database;
use super::page::CaPage;
use crate::files::ca_folder::{CaFolder, CaPassphrase};
use crate::files::ledger::Ledger;
use crate::net::page::listen;
use crate::net::stop::Stop;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::words::length::Length;

/// Run an ACME server for this CA
///
/// Works with certbot, lego, Caddy, Traefik, `seal acme` and other ACME clients, at
/// https://localhost:14000/directory. They must trust the CA, through `seal trust install` or an
/// option of their own. An intermediate CA, created at the first start, signs the certificates; the
/// server's own certificate comes from the CA too. Issued certificates are kept in ca.db in the
/// CA's folder, or in PostgreSQL, where several servers with copies of the folder may share the
/// work.
///
/// Issues for the private names that the CA may sign for, and those of --permit. Challenge
/// validation connects to loopback and private addresses only, and those of --permit-address.
#[derive(Args)]
#[command(after_help = "Examples:
  seal ca init && seal ca serve
  seal ca serve --listen 10.0.0.5:443 --name ca.internal --require-eab
  seal ca serve --listen 10.0.0.5:443 --name ca.internal --database postgres://ca@db.internal/ca
  certbot certonly --standalone --server https://localhost:14000/directory -d app.internal")]
pub(crate) struct Serve {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    passphrase: CaPassphrase,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:14000")]
    listen: SocketAddr,
    /// Name of this server; may be repeated [default: localhost, 127.0.0.1, ::1 and the address of
    /// --listen]
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Also issue for names below this domain, or addresses in this network; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "any_name")]
    permit: Vec<NameConstraint>,
    /// Issue for every name that the CA may sign for
    #[arg(long)]
    any_name: bool,
    /// Also connect to addresses in this network for challenge validation; may be repeated
    #[arg(long, value_name = "NETWORK", conflicts_with = "any_address")]
    permit_address: Vec<NameConstraint>,
    /// Connect to any address for challenge validation
    #[arg(long)]
    any_address: bool,
    /// Require external account binding with a key of `seal ca eab new`
    #[arg(long)]
    require_eab: bool,
    /// Validity of certificates of the profiles `server` and `client`
    #[arg(long, value_name = "TIME", default_value = "7d")]
    lifetime: Length,
    /// Time for which an account's authorization for a name is reused; 0s disables reuse
    #[arg(long, value_name = "TIME", default_value = "1h")]
    proofs_last: Length,
    /// Validity of a CRL
    #[arg(long, value_name = "TIME", default_value = "1d")]
    crl_lasts: Length,
    /// DNS server to query instead of the system's
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns: Option<SocketAddr>,
    /// Port for http-01 validation
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    http_port: u16,
    /// Port for tls-alpn-01 validation
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    tls_port: u16,
    /// Offer dns-persist-01 (a draft) with this issuer domain name
    #[arg(long, value_name = "DOMAIN")]
    dns_persist: Option<String>,
    /// Serve a page that shows issued, expiring and failed certificates and can revoke them, and
    /// print its URL
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    page: Option<SocketAddr>,
    #[command(flatten)]
    database: database::Place,
    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listening {
    directory: String,
    root_file: String,
    issuer: String,
    database: String,
    /// Where the page is, with its token.
    page: Option<String>,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "serving ACME at {}", self.directory)?;
        writeln!(f, "clients must trust {}", self.root_file)?;
        write!(f, "signing as {}, recording in {}", self.issuer, self.database)?;
        match &self.page {
            Some(url) => write!(f, "\nthe page: {url}"),
            None => Ok(()),
        }
    }
}

impl Serve {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|e| Failure::usage(format!("cannot start threads: {e}")))?;
        let outcome = runtime.block_on(self.serve());
        runtime.shutdown_background();
        outcome
    }

    async fn serve(self) -> Result<Answer, Failure> {
        let ca = self.folder.open()?;
        let ledger = self.database.ledger(&self.folder, &ca)?;
        let authority = Arc::new(open_authority(&ca, &self.passphrase, &ledger)?);
        let (store, database) = self.database.open(&self.folder)?;
        let tcp = TcpListener::bind(self.listen).await.map_err(|e| {
            Failure::usage(format!("{}: cannot listen: {e}", self.listen))
                .advise("--listen names another address or port")
        })?;
        let address = tcp.local_addr().map_err(|e| Failure::usage(e.to_string()))?;
        let names = self.names(address)?;
        let first = names.first().map(ToString::to_string).unwrap_or_default();
        let settings = self.settings(&names, address);
        let check = self.check()?;
        let server = Server::new(store, authority.clone(), settings, check)
            .map_err(|e| Failure::usage(e.to_string()))?;
        let directory = format!("https://{}:{}/directory", bracketed(&first), address.port());
        let page = match self.page {
            Some(at) => {
                let token = Token::new().map_err(Failure::usage)?;
                let (listener, url) = listen(at, &token).await?;
                let (server, directory) = (server.clone(), directory.clone());
                let page = CaPage { server, directory, database: database.clone(), token };
                tokio::spawn(door::serve(listener, Arc::new(page)));
                Some(url)
            }
            None => None,
        };
        let door = Door::new(server, names).map_err(Failure::usage)?;
        let stop = Stop::on_signals().map_err(|e| Failure::usage(format!("signals: {e}")))?;
        let told = Listening {
            directory,
            root_file: ca.root_file()?.display().to_string(),
            issuer: authority.signer().certificate().subject().to_string(),
            database,
            page,
        };
        match self.json {
            true => report::print_line(&told)?,
            false => report::print_text(&told.to_string())?,
        }
        tokio::select! {
            served = door.serve(tcp) => served.map_err(|e| Failure::usage(format!("{address}: {e}")))?,
            () = stop.asked() => {}
        }
        Ok(Answer::Yes)
    }

    fn names(&self, address: SocketAddr) -> Result<Vec<Identifier>, Failure> {
        let mut texts = self.name.clone();
        if texts.is_empty() {
            texts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
            let own = address.ip().to_string();
            if !address.ip().is_unspecified() && !texts.contains(&own) {
                texts.push(own);
            }
        }
        let read = |text: &String| match text.parse() {
            Ok(sealwire::pki::SubjectAltName::Dns(name)) => Ok(Identifier::Dns(name)),
            Ok(sealwire::pki::SubjectAltName::Ip(address)) => Ok(Identifier::Ip(address)),
            _ => Err(Failure::usage(format!("--name {text}: not a host name or IP address"))),
        };
        texts.iter().map(read).collect()
    }

    fn settings(&self, names: &[Identifier], address: SocketAddr) -> Settings {
        let lifetime = self.lifetime.get();
        let profiles = Profile::usual().into_iter().map(|profile| match profile.name() {
            "shortlived" => profile,
            _ => profile.lasting(lifetime),
        });
        let seconds = |length: Length| i64::try_from(length.get().as_secs()).unwrap_or(i64::MAX);
        let host = names.first().map(ToString::to_string).unwrap_or_default();
        let bare = |name: &Identifier| bracketed(&name.to_string());
        Settings {
            hosts: names.iter().map(bare).collect(),
            eab_required: self.require_eab,
            names: rules(self.any_name, &self.permit),
            profiles: profiles.collect(),
            proofs_last: seconds(self.proofs_last),
            persist_as: self.dns_persist.clone(),
            crl_base: Some(format!("http://{}:{}", bracketed(&host), address.port())),
            crl_lasts: seconds(self.crl_lasts).max(60),
        }
    }

    fn check(&self) -> Result<Check, Failure> {
        let settings = validation::Settings {
            http_port: self.http_port,
            tls_port: self.tls_port,
            networks: rules(self.any_address, &self.permit_address),
            dns: self.dns,
            issuer_domain: self.dns_persist.clone(),
            ..validation::Settings::default()
        };
        let validator = Arc::new(Validator::new(settings).map_err(Failure::usage)?);
        Ok(Arc::new(move |proof| {
            let validator = validator.clone();
            Box::pin(async move { validator.check(&proof).await })
        }))
    }
}

fn rules(any: bool, more: &[NameConstraint]) -> NameRules {
    match any {
        true => NameRules::default(),
        false => NameRules::below(NameConstraint::private().chain(more.iter().cloned())),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Opens the signer of a CA; its first intermediate is made here.
pub(super) fn open_authority(
    ca: &CaStore,
    passphrase: &CaPassphrase,
    ledger: &Ledger,
) -> Result<Authority, Failure> {
    passphrase.open(ca, |secret| {
        Authority::open(ca.folder(), secret, Clock::system(), &|certificate, deliver| {
            note_in(ledger, certificate, deliver)
        })
    })
}

/// Notes an intermediate with what the root has signed.
pub(super) fn note_in(
    ledger: &Ledger,
    certificate: &Certificate,
    deliver: &mut dyn FnMut() -> Result<(), Error>,
) -> Result<(), Error> {
    let noted = ledger.record(certificate, || Ok(deliver()?));
    noted.map_err(|e| Error::new(Problem::Internal, e.to_string()))
}
