//! A CA whose files change, and both ends of connections.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use sealwire::live::{Change, Live};
use sealwire::pki::{
    Certificate, CertificateBuilder, Crl, CrlBuilder, ExtendedKeyUsage, Issuer, KeyAlgorithm,
    PrivateKey, RevocationReason, Revoked, Subject, SubjectAltName, Validity,
};
use sealwire::{
    Acceptor, ClientAuth, Connector, Identity, SecureContext, TlsStream, TrustStore,
    live::WatchedBuilder,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// How long anything may take that is waited for. Only a test that fails takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) struct Ca(pub(crate) Issuer);

/// A certificate and its key.
pub(crate) struct Pair {
    pub(crate) certificate: Certificate,
    pub(crate) key: PrivateKey,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let name = Subject::from_common_name(name).unwrap();
        let ca = CertificateBuilder::new(name).authority(None).self_signed(&key).unwrap();
        Self(Issuer::new(ca, key).unwrap())
    }

    pub(crate) fn certificate(&self) -> &Certificate {
        self.0.certificate()
    }

    pub(crate) fn trust(&self) -> TrustStore {
        TrustStore::from_certificates([self.certificate().clone()]).unwrap()
    }

    pub(crate) fn issue(&self, name: &str, usage: ExtendedKeyUsage) -> Pair {
        let now = SystemTime::now();
        self.issue_for(name, usage, Validity::between(now - HOUR, now + 24 * HOUR).unwrap())
    }

    pub(crate) fn issue_for(
        &self,
        name: &str,
        usage: ExtendedKeyUsage,
        validity: Validity,
    ) -> Pair {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let names: [SubjectAltName; 1] = [name.parse().unwrap()];
        let certificate = CertificateBuilder::new(Subject::from_common_name(name).unwrap())
            .names(names)
            .extended_key_usage([usage])
            .validity(validity)
            .signed_by(&self.0, key.spki_der())
            .unwrap();
        Pair { certificate, key }
    }

    pub(crate) fn server(&self) -> Pair {
        self.issue("localhost", ExtendedKeyUsage::SERVER_AUTH)
    }

    pub(crate) fn client(&self, name: &str) -> Pair {
        self.issue(name, ExtendedKeyUsage::CLIENT_AUTH)
    }

    pub(crate) fn list(&self, revoked: &[&Certificate]) -> Crl {
        let now = SystemTime::now();
        self.list_until(revoked, now + HOUR)
    }

    pub(crate) fn list_until(&self, revoked: &[&Certificate], next_update: SystemTime) -> Crl {
        let revoke = |one: &&Certificate| Revoked::now(one, RevocationReason::KeyCompromise);
        let list = CrlBuilder {
            number: 1u64.into(),
            this_update: SystemTime::now() - 2 * HOUR,
            next_update,
            revoked: revoked.iter().map(revoke).collect(),
        };
        list.signed_by(&self.0).unwrap()
    }
}

impl Pair {
    pub(crate) fn identity(&self) -> Identity {
        Identity::new(vec![self.certificate.clone()], &self.key).unwrap()
    }

    /// Puts both in place: one after the other, as renewals do.
    pub(crate) fn put(&self, dir: &Path, name: &str) {
        replace(&dir.join(format!("{name}.key")), self.key.to_pem().as_bytes());
        replace(&dir.join(format!("{name}.pem")), self.certificate.to_pem().as_bytes());
    }
}

/// Puts a file in the place of another, never half written.
pub(crate) fn replace(path: &Path, content: &[u8]) {
    let new = PathBuf::from(format!("{}.new", path.display()));
    fs::write(&new, content).unwrap();
    fs::rename(&new, path).unwrap();
}

/// What a `Watched` tells.
pub(crate) struct Reloads(Receiver<Result<u64, String>>);

impl Reloads {
    /// The next thing: a generation that was loaded, or why nothing was.
    pub(crate) fn next(&self) -> Result<u64, String> {
        self.0.recv_timeout(PATIENCE).expect("nothing was told")
    }

    /// The next context that was loaded, whatever failed before.
    pub(crate) fn loaded(&self) -> u64 {
        std::iter::repeat_with(|| self.next()).find_map(Result::ok).expect("endless")
    }

    /// The next failure.
    pub(crate) fn refused(&self) -> String {
        std::iter::repeat_with(|| self.next()).find_map(Result::err).expect("endless")
    }
}

pub(crate) fn told(builder: WatchedBuilder) -> (WatchedBuilder, Reloads) {
    let (tell, told) = channel();
    let builder = builder.on_change(move |change| {
        let _ = tell.send(match change {
            Change::Loaded(status) => Ok(status.generation),
            Change::Refused(error) => Err(error.to_string()),
            other => Err(format!("{other:?}")),
        });
    });
    (builder, Reloads(told))
}

/// A server that wants certificates, with this trust and these lists.
pub(crate) fn demanding(ca: &Ca, crls: Vec<Crl>, server: &Pair) -> SecureContext {
    let builder = SecureContext::builder().identity(server.identity()).trust(ca.trust());
    builder.crls(crls).build().unwrap()
}

pub(crate) fn acceptor(context: SecureContext, live: &Live) -> Acceptor {
    Acceptor::new(context).client_auth(ClientAuth::Require).live(live.clone())
}

pub(crate) fn connector(ca: &Ca, client: &Pair) -> Connector {
    let context = SecureContext::builder().identity(client.identity()).trust(ca.trust());
    Connector::new(context.build().unwrap())
}

pub(crate) type Stream = TlsStream<DuplexStream>;

/// A connection: the server's end, and the client's.
pub(crate) async fn connect(acceptor: &Acceptor, connector: &Connector) -> (Stream, Stream) {
    let (here, there) = duplex(64 * 1024);
    let name = "localhost".parse().unwrap();
    let both = async { tokio::join!(acceptor.accept(here), connector.connect(name, there)) };
    let (server, client) = in_time(both).await;
    (server.expect("the client is good"), client.expect("the server is good"))
}

/// Whether data go there and back.
pub(crate) async fn talks(server: &mut Stream, client: &mut Stream) -> bool {
    let mut heard = [0; 4];
    let said = client.write_all(b"ping").await.is_ok() && client.flush().await.is_ok();
    said && server.read_exact(&mut heard).await.is_ok() && heard == *b"ping"
}

/// Ends a test that hangs.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("the test hangs")
}
