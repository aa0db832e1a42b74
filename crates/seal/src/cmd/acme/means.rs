//! How a CA is reached, and how it is shown that names are ours: kept with each certificate, so that
//! a renewal needs no options.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use sealwire::{Acceptor, Connector, Listener, SecureContext};
use sealwire_acme::client::{
    self, Credentials, Folder, Hook, Http, Login, RenewalConfig, Session, Solver, TlsAlpn01,
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::files::ca_folder;
use crate::files::material::{Anchor, public_roots, trust_in};
use crate::say::failure::Failure;

/// `--dir`, the same for every verb.
#[derive(Args)]
pub(crate) struct Place {
    /// Folder of accounts and certificates [default: sealwire/acme in the user's data folder]
    #[arg(long, value_name = "DIR", env = "SEAL_ACME_DIR")]
    dir: Option<PathBuf>,
}

impl Place {
    pub(super) fn open(&self) -> Result<Folder, Failure> {
        let path = match &self.dir {
            Some(dir) => dir.clone(),
            None => ca_folder::data_folder()
                .map(|data| data.join("sealwire").join("acme"))
                .ok_or_else(|| Failure::usage("no home folder").advise("give one with --dir"))?,
        };
        Folder::open(&path).map_err(|e| Failure::usage(e.to_string()))
    }
}

/// The CA, and the account there.
#[derive(Args)]
pub(crate) struct Server {
    /// The CA's directory: https://localhost:14000/directory
    #[arg(long, value_name = "URL")]
    pub(super) server: String,
    /// Verify the ACME server against these CAs: a PEM file, `system` or `bundled` [default: both];
    /// may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Vec<String>,
    /// Contact address for the CA; may be repeated
    #[arg(long, value_name = "MAILBOX")]
    contact: Vec<String>,
    /// Key identifier for external account binding (EAB)
    #[arg(long, value_name = "ID", requires = "eab_hmac_key_file")]
    eab_kid: Option<String>,
    /// File with its HMAC key in base64url
    #[arg(long, value_name = "FILE", requires = "eab_kid")]
    eab_hmac_key_file: Option<PathBuf>,
}

impl Server {
    pub(super) fn login(&self) -> Result<Login, Failure> {
        let eab = match (&self.eab_kid, &self.eab_hmac_key_file) {
            (Some(kid), Some(path)) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|e| Failure::from(sealwire::pki::Error::io(path, &e)))?;
                Some(Credentials { kid: kid.clone(), secret: text.trim().to_owned() })
            }
            _ => None,
        };
        let contact = self.contact.iter().map(|mailbox| format!("mailto:{mailbox}")).collect();
        Ok(Login { server: self.server.clone(), contact, eab })
    }
}

/// HTTP to a CA whose server these prove.
pub(super) fn http(ca: &[String]) -> Result<Http, Failure> {
    let anchors: Vec<Anchor> =
        ca.iter().map(|text| text.parse().unwrap_or_else(|e| match e {})).collect();
    let trust = trust_in(&anchors)?.unwrap_or_else(public_roots);
    let context =
        SecureContext::builder().trust(trust).build().map_err(|e| Failure::usage(e.to_string()))?;
    Ok(Http::new(Connector::new(context)))
}

/// How names are proved, and how the CA is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Means {
    pub(super) proof: Proof,
    pub(super) ca: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub(super) enum Proof {
    /// A web server of our own, for as long as it takes.
    Http { listen: SocketAddr },
    /// Files below the root of a web server.
    Webroot { folder: PathBuf },
    /// A TLS server of our own, for as long as it takes.
    TlsAlpn { listen: SocketAddr },
    /// A program that changes the DNS.
    DnsHook { program: String },
}

impl Means {
    pub(super) fn of(config: &RenewalConfig) -> Result<Self, Failure> {
        serde_json::from_value(config.proof.clone()).map_err(|e| {
            let name = config.names.first().map_or("", String::as_str);
            Failure::usage(format!("{name}: what is kept of it cannot be read: {e}"))
        })
    }

    pub(super) async fn session(
        &self,
        config: &RenewalConfig,
        folder: &Folder,
    ) -> Result<Session, Failure> {
        let login = Login { server: config.server.clone(), contact: Vec::new(), eab: None };
        Session::open(&login, folder, &http(&self.ca)?).await.map_err(super::failed)
    }

    pub(super) async fn solver(&self) -> Result<Box<dyn Solver>, Failure> {
        let listen = async |at: &SocketAddr| {
            TcpListener::bind(at).await.map_err(|e| {
                Failure::usage(format!("{at}: cannot listen: {e}"))
                    .advise("the CA connects to ports 80 (http-01) and 443 (tls-alpn-01)")
            })
        };
        Ok(match &self.proof {
            Proof::Http { listen: at } => Box::new(client::Standalone::on(listen(at).await?)),
            Proof::Webroot { folder } => Box::new(client::Webroot(folder.clone())),
            Proof::DnsHook { program } => Box::new(Hook(program.clone())),
            Proof::TlsAlpn { listen: at } => Box::new(Standalone::new(listen(at).await?)?),
        })
    }
}

/// tls-alpn-01 on a port of its own, until dropped.
struct Standalone {
    shown: TlsAlpn01,
    serving: tokio::task::AbortHandle,
}

impl Standalone {
    fn new(tcp: TcpListener) -> Result<Self, Failure> {
        let shown = TlsAlpn01::default();
        // A client that is not a validating CA is refused.
        let nothing =
            SecureContext::builder().build().map_err(|e| Failure::usage(e.to_string()))?;
        let of_listener = Arc::new(shown.clone());
        let acceptor = Acceptor::new(nothing).on_client_hello(move |hello| {
            let shown = of_listener.clone();
            async move {
                use sealwire::session::HelloReply;
                let context = shown.context(&hello).filter(|_| TlsAlpn01::asks(&hello));
                context
                    .map(|context| HelloReply::new().context(context).alpn([TlsAlpn01::protocol()]))
                    .ok_or(sealwire::Alert::UNRECOGNIZED_NAME)
            }
        });
        let mut listener = Listener::new(tcp, acceptor).on_handshake_error(|_, _| {});
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                use tokio::io::AsyncWriteExt;
                let _ = stream.shutdown().await;
            }
        });
        Ok(Self { shown, serving: serving.abort_handle() })
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Done<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), client::Error>> + Send + 'a>>;

impl Solver for Standalone {
    fn kind(&self) -> sealwire_acme::store::ChallengeKind {
        self.shown.kind()
    }

    fn present<'a>(&'a self, responder: &'a client::Responder) -> Done<'a> {
        self.shown.present(responder)
    }

    fn clean<'a>(&'a self, responder: &'a client::Responder) -> Done<'a> {
        self.shown.clean(responder)
    }
}
