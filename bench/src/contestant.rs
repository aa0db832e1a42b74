//! Who takes part: the same certificate, group and suite for all.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use sealwire::pki::{CertificateBuilder, KeyAlgorithm, PrivateKey, SubjectAltName};
use sealwire::{
    Acceptor, ClientOptions, Connector, Identity, ProtocolVersion, SecureContext, ServerOptions,
    TrustStore,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::memory::Ends;

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
    /// The same without a transport.
    pub(crate) ends: Option<Arc<Ends>>,
}

/// What is agreed on in a handshake that is measured.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) key: KeyAlgorithm,
    pub(crate) version: ProtocolVersion,
    /// Whether sessions are resumed, all but the first.
    pub(crate) resume: bool,
}

impl Terms {
    /// All that is measured.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for version in [ProtocolVersion::Tls13, ProtocolVersion::Tls12] {
            for key in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa { bits: 2048 }] {
                all.push(Self { key, version, resume: false });
            }
            all.push(Self { key: KeyAlgorithm::EcdsaP256, version, resume: true });
        }
        all
    }

    /// What bulk data are measured with.
    pub(crate) const BULK: Self =
        Self { key: KeyAlgorithm::EcdsaP256, version: ProtocolVersion::Tls13, resume: false };
}

impl std::fmt::Display for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.resume { "resumed" } else { "full" };
        write!(f, "{kind}, {}, {} leaf", self.version, self.key)
    }
}

/// Those that speak TLS.
pub(crate) fn tls(terms: Terms) -> Result<Vec<Contestant>, Failure> {
    Material::new(terms)?.contestants()
}

/// Those, and plain TCP: the limit.
pub(crate) fn all(terms: Terms) -> Result<Vec<Contestant>, Failure> {
    let mut contestants = tls(terms)?;
    contestants.push(plain());
    Ok(contestants)
}

/// A CA and a leaf of it, in both libraries' forms.
pub(crate) struct Material {
    ca: sealwire::pki::Certificate,
    leaf: sealwire::pki::Certificate,
    key: PrivateKey,
    terms: Terms,
}

impl Material {
    pub(crate) fn new(terms: Terms) -> Result<Self, Failure> {
        let localhost: SubjectAltName = "localhost".parse()?;
        let ca_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        let subject = sealwire::pki::Subject::from_common_name("Bench CA")?;
        let ca = CertificateBuilder::new(subject).authority(None).self_signed(&ca_key)?;
        let issuer = sealwire::pki::Issuer::new(ca.clone(), ca_key)?;
        let key = PrivateKey::generate(terms.key)?;
        let leaf =
            CertificateBuilder::for_names(vec![localhost])?.signed_by(&issuer, key.spki_der())?;
        Ok(Self { ca, leaf, key, terms })
    }

    pub(crate) fn contestants(&self) -> Result<Vec<Contestant>, Failure> {
        Ok(vec![sealwire_contestant(self)?, tokio_rustls_contestant(self)?])
    }

    /// For another process.
    pub(crate) fn to_pem(&self) -> String {
        [self.ca.to_pem(), self.leaf.to_pem(), self.key.to_pem().to_string()].concat()
    }

    pub(crate) fn from_pem(pem: &str, terms: Terms) -> Result<Self, Failure> {
        let [ca, leaf] = sealwire::pki::Certificate::all_from_pem(pem.as_bytes())?
            .try_into()
            .map_err(|_| "two certificates are expected")?;
        Ok(Self { ca, leaf, key: PrivateKey::from_pem(pem.as_bytes(), None)?, terms })
    }
}

fn sealwire_contestant(material: &Material) -> Result<Contestant, Failure> {
    let Terms { version, resume, .. } = material.terms;
    let identity = Identity::new(vec![material.leaf.clone()], &material.key)?;
    let server = SecureContext::builder().identity(identity).build()?;
    let trust = TrustStore::from_certificates([material.ca.clone()])?;
    let client = SecureContext::builder().trust(trust).versions(version..=version);
    let client = client.groups("X25519")?.build()?;
    let name: sealwire::ServerName = "localhost".parse()?;
    let asking = ClientOptions::new(name.clone()).resume(resume);
    let ends = Ends::Sealwire(client.clone(), asking, server.clone(), ServerOptions::new());
    let acceptor = Acceptor::new(server);
    let connector = Connector::new(client).resume(resume);
    Ok(Contestant {
        name: "sealwire",
        ends: Some(Arc::new(ends)),
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
    let Terms { version, resume, .. } = material.terms;
    let version = match version {
        ProtocolVersion::Tls12 => &rustls::version::TLS12,
        _ => &rustls::version::TLS13,
    };
    let mut client = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    if !resume {
        client.resumption = rustls::client::Resumption::disabled();
    }
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(material.key.to_pkcs8_der().to_vec()));
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(material.leaf.der().to_vec())], key)?;
    // As the other contestant has it: tickets that hold the state.
    server.ticketer = aws_lc_rs::Ticketer::new()?;
    let (client, server) = (Arc::new(client), Arc::new(server));
    let name = ServerName::try_from("localhost")?;
    let ends = Ends::Rustls(client.clone(), name.clone(), server.clone());
    let connector = tokio_rustls::TlsConnector::from(client);
    let acceptor = tokio_rustls::TlsAcceptor::from(server);
    Ok(Contestant {
        name: "tokio-rustls",
        ends: Some(Arc::new(ends)),
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
        ends: None,
        connect: Arc::new(|tcp| Box::pin(async { Ok(Box::new(tcp) as Box<dyn Stream>) })),
        accept: Arc::new(|tcp| Box::pin(async { Ok(Box::new(tcp) as Box<dyn Stream>) })),
    }
}
