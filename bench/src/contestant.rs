//! Who takes part: the same certificate, group and suite for all.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use sealwire::pki::{CertificateBuilder, KeyAlgorithm, PrivateKey, SubjectAltName};
use sealwire::{Acceptor, Connector, Identity, SecureContext, TrustStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What all of them are driven through.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, Failure>> + Send>>;

/// One way of making a stream out of a TCP connection, on both sides.
#[derive(Clone)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) connect: Arc<dyn Fn(TcpStream) -> Connecting + Send + Sync>,
    pub(crate) accept: Arc<dyn Fn(TcpStream) -> Connecting + Send + Sync>,
}

/// The kinds of certificate measured.
pub(crate) const KEYS: [KeyAlgorithm; 2] =
    [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa { bits: 2048 }];

/// Those that speak TLS.
pub(crate) fn tls(key: KeyAlgorithm) -> Result<Vec<Contestant>, Failure> {
    let material = Material::new(key)?;
    Ok(vec![sealwire_contestant(&material)?, tokio_rustls_contestant(&material)?])
}

/// Those, and plain TCP: the limit.
pub(crate) fn all(key: KeyAlgorithm) -> Result<Vec<Contestant>, Failure> {
    let mut contestants = tls(key)?;
    contestants.push(plain());
    Ok(contestants)
}

/// A CA and a leaf of it, in both libraries' forms.
struct Material {
    ca: sealwire::pki::x509::Certificate,
    leaf: sealwire::pki::x509::Certificate,
    key: PrivateKey,
}

impl Material {
    fn new(algorithm: KeyAlgorithm) -> Result<Self, Failure> {
        let localhost: SubjectAltName = "localhost".parse()?;
        let ca_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        let subject = sealwire::pki::Subject::from_common_name("Bench CA")?;
        let ca = CertificateBuilder::new(subject).authority(None).self_signed(&ca_key)?;
        let issuer = sealwire::pki::Issuer::new(ca.clone(), ca_key)?;
        let key = PrivateKey::generate(algorithm)?;
        let leaf =
            CertificateBuilder::for_names(vec![localhost])?.signed_by(&issuer, key.spki_der())?;
        Ok(Self { ca, leaf, key })
    }
}

fn sealwire_contestant(material: &Material) -> Result<Contestant, Failure> {
    let identity = Identity::new(vec![material.leaf.clone()], &material.key)?;
    let acceptor = Acceptor::new(SecureContext::builder().identity(identity).build()?);
    let trust = TrustStore::from_certificates([material.ca.clone()])?;
    let context = SecureContext::builder().trust(trust).groups("X25519")?.build()?;
    let connector = Connector::new(context).resume(false);
    let name: sealwire::ServerName = "localhost".parse()?;
    Ok(Contestant {
        name: "sealwire",
        connect: Arc::new(move |tcp| {
            let (connector, name) = (connector.clone(), name.clone());
            Box::pin(async move {
                let tls = connector.connect(name, tcp).await?;
                Ok(Box::new(tls) as Box<dyn Stream>)
            })
        }),
        accept: Arc::new(move |tcp| {
            let acceptor = acceptor.clone();
            Box::pin(async move { Ok(Box::new(acceptor.accept(tcp).await?) as Box<dyn Stream>) })
        }),
    })
}

fn tokio_rustls_contestant(material: &Material) -> Result<Contestant, Failure> {
    let provider = Arc::new(CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        ..aws_lc_rs::default_provider()
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(material.ca.der().to_vec()))?;
    let mut client = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = rustls::client::Resumption::disabled();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(material.key.to_pkcs8_der().to_vec()));
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(material.leaf.der().to_vec())], key)?;
    // As the other contestant has it: tickets that hold the state.
    server.ticketer = aws_lc_rs::Ticketer::new()?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let name = ServerName::try_from("localhost")?;
    Ok(Contestant {
        name: "tokio-rustls",
        connect: Arc::new(move |tcp| {
            let (connector, name) = (connector.clone(), name.clone());
            Box::pin(
                async move { Ok(Box::new(connector.connect(name, tcp).await?) as Box<dyn Stream>) },
            )
        }),
        accept: Arc::new(move |tcp| {
            let acceptor = acceptor.clone();
            Box::pin(async move { Ok(Box::new(acceptor.accept(tcp).await?) as Box<dyn Stream>) })
        }),
    })
}

fn plain() -> Contestant {
    Contestant {
        name: "plain TCP",
        connect: Arc::new(|tcp| Box::pin(async { Ok(Box::new(tcp) as Box<dyn Stream>) })),
        accept: Arc::new(|tcp| Box::pin(async { Ok(Box::new(tcp) as Box<dyn Stream>) })),
    }
}
