//! Responding to challenges: over HTTP, over TLS, or in the DNS by an external program.

mod http_01;

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use sealwire::pki::{CertificateBuilder, KeyAlgorithm, PrivateKey};
use sealwire::session::ClientHello;
use sealwire::{Identity, SecureContext};

use super::{Error, Folder};
use crate::protocol::Identifier;
use crate::store::ChallengeKind;
use crate::validation::{PROTOCOL, sni};
pub use http_01::{Http01, HttpDoor, Standalone};

/// What is to be shown for one name.
#[derive(Debug, Clone)]
pub struct Responder {
    /// The name.
    pub identifier: Identifier,
    /// In the path of http-01.
    pub token: String,
    /// The token and the name of the account's key.
    pub key_authorization: String,
}

type Done<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// The responder.
pub trait Solver: Send + Sync {
    /// By which way.
    fn kind(&self) -> ChallengeKind;
    /// Shows it, from now on.
    fn present<'a>(&'a self, responder: &'a Responder) -> Done<'a>;
    /// Shows it no longer.
    fn clean<'a>(&'a self, responder: &'a Responder) -> Done<'a>;
}

/// tls-alpn-01 on the port of a service that speaks TLS itself.
#[derive(Clone, Default)]
pub struct TlsAlpn01 {
    shown: Arc<Mutex<HashMap<String, SecureContext>>>,
    folder: Option<Folder>,
}

impl TlsAlpn01 {
    /// One that shows the same on all machines that share a folder.
    #[must_use]
    pub fn in_folder(folder: &Folder) -> Self {
        Self { shown: Arc::default(), folder: Some(folder.clone()) }
    }

    /// Whether a client is a CA that validates a name: it offers `acme-tls/1` and nothing else. No other
    /// client does, and it gives no access to the service.
    #[must_use]
    pub fn asks(hello: &ClientHello) -> bool {
        let mut offered = hello.alpn().iter();
        offered.next().is_some_and(|one| &one[..] == PROTOCOL.as_bytes())
            && offered.next().is_none()
    }

    /// The context to answer such a client with, with a certificate that shows what it looks for
    /// and no tickets; `None` when nothing is to be shown for this name. The connection is to be
    /// closed after the handshake.
    #[must_use]
    pub fn context(&self, hello: &ClientHello) -> Option<SecureContext> {
        let name = hello.server_name()?.to_ascii_lowercase();
        let own = self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        own.or_else(|| {
            let text = std::fs::read_to_string(self.folder.as_ref()?.shown(&name)).ok()?;
            let (identifier, key_authorization) = text.split_once(' ')?;
            let identifier = match identifier.parse() {
                Ok(address) => Identifier::Ip(address),
                Err(_) => Identifier::Dns(identifier.to_owned()),
            };
            let (token, key_authorization) = (String::new(), key_authorization.to_owned());
            context(&Responder { identifier, token, key_authorization }).ok()
        })
    }

    /// The protocol that has to be chosen for it.
    #[must_use]
    pub fn protocol() -> &'static str {
        PROTOCOL
    }
}

impl Solver for TlsAlpn01 {
    fn kind(&self) -> ChallengeKind {
        ChallengeKind::TlsAlpn01
    }

    fn present<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        Box::pin(async move {
            let context = context(responder)?;
            let name = sni(&responder.identifier);
            if let Some(folder) = &self.folder {
                let text = format!("{} {}", responder.identifier, responder.key_authorization);
                folder.show(&name, &text)?;
            }
            self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(name, context);
            Ok(())
        })
    }

    fn clean<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        Box::pin(async move {
            let name = sni(&responder.identifier);
            self.shown.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
            match &self.folder {
                Some(folder) => {
                    let path = folder.shown(&name);
                    std::fs::remove_file(&path).map_err(|e| Error::at(path.display(), e))
                }
                None => Ok(()),
            }
        })
    }
}

fn context(responder: &Responder) -> Result<SecureContext, Error> {
    let mut wanted = [0; 32];
    wanted.copy_from_slice(digest(&SHA256, responder.key_authorization.as_bytes()).as_ref());
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let certificate =
        CertificateBuilder::for_names(vec![responder.identifier.to_subject_alt_name()])?
            .acme_identifier(&wanted)?
            .self_signed(&key)?;
    let identity = Identity::new(vec![certificate], &key).map_err(|e| Error::new(e.to_string()))?;
    let built = SecureContext::builder().identity(identity).tickets(0).build();
    built.map_err(|e| Error::new(e.to_string()))
}

/// http-01 by files below the root of a web server.
#[derive(Debug, Clone)]
pub struct Webroot(pub PathBuf);

impl Webroot {
    fn file(&self, responder: &Responder) -> Result<PathBuf, Error> {
        let safe = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if responder.token.is_empty() || !responder.token.chars().all(safe) {
            return Err(Error::new("the CA's token is invalid: it contains path characters"));
        }
        Ok(self.0.join(".well-known/acme-challenge").join(&responder.token))
    }
}

impl Solver for Webroot {
    fn kind(&self) -> ChallengeKind {
        ChallengeKind::Http01
    }

    fn present<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        Box::pin(async move {
            let file = self.file(responder)?;
            let folder = file.parent().unwrap_or_else(|| Path::new("."));
            tokio::fs::create_dir_all(folder).await.map_err(|e| Error::at(folder.display(), e))?;
            let written = tokio::fs::write(&file, &responder.key_authorization).await;
            written.map_err(|e| Error::at(file.display(), e))
        })
    }

    fn clean<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        Box::pin(async move {
            let file = self.file(responder)?;
            tokio::fs::remove_file(&file).await.map_err(|e| Error::at(file.display(), e))
        })
    }
}

/// dns-01 by a program, which is run with `present` or `clean`, the name of the record, and its
/// text.
#[derive(Debug, Clone)]
pub struct Hook(pub String);

impl Hook {
    async fn run(&self, what: &str, responder: &Responder) -> Result<(), Error> {
        let record = format!("_acme-challenge.{}", responder.identifier);
        let digest = digest(&SHA256, responder.key_authorization.as_bytes());
        let ran = tokio::process::Command::new(&self.0)
            .args([what, &record, &crate::jws::base64url(digest.as_ref())])
            .stdin(std::process::Stdio::null())
            .status()
            .await;
        match ran {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Error::at(&self.0, format!("{what} {record}: {status}"))),
            Err(e) => Err(Error::at(&self.0, e)),
        }
    }
}

impl Solver for Hook {
    fn kind(&self) -> ChallengeKind {
        ChallengeKind::Dns01
    }

    fn present<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        Box::pin(self.run("present", responder))
    }

    fn clean<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        Box::pin(self.run("clean", responder))
    }
}
