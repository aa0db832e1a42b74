//! TLS clients and servers with Node's semantics, certificates, and the reason for every refusal.
//!
//! The protocol is rustls, in memory-safe Rust. The cryptography and the verdicts on certificates are
//! AWS-LC's, so the codes are OpenSSL's (`CERT_HAS_EXPIRED`) and the names on top are those of Node's
//! `tls` module (`authorized`, `ERR_TLS_CERT_ALTNAME_INVALID`).
//!
//! A [`SecureContext`] holds identities, trust and protocol settings; it is built once and shared. A [`Connector`] makes
//! clients of it, an [`Acceptor`] or [`Listener`] servers, and what comes out is a [`TlsStream`] whose
//! [`Peer`] describes the other side.
//!
//! # A client
//!
//! ```no_run
//! use sealwire::{Connector, SecureContext, TrustStore};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[cfg(feature = "tokio")]
//! # async fn client() -> Result<(), Box<dyn std::error::Error>> {
//! let context = SecureContext::builder().trust(TrustStore::bundled()).build()?;
//! let tcp = tokio::net::TcpStream::connect("www.example.com:443").await?;
//! // The certificate is verified, and the name compared, before this returns.
//! let mut tls = Connector::new(context).connect("www.example.com".parse()?, tcp).await?;
//! tls.write_all(b"GET / HTTP/1.0\r\nHost: www.example.com\r\n\r\n").await?;
//! let mut answer = Vec::new();
//! tls.read_to_end(&mut answer).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # A server with mutual TLS
//!
//! ```no_run
//! use sealwire::{Acceptor, ClientAuth, Identity, Listener, SecureContext, TrustStore};
//!
//! # #[cfg(feature = "tokio")]
//! # async fn server() -> Result<(), Box<dyn std::error::Error>> {
//! let context = SecureContext::builder()
//!     .identity(Identity::from_pem_files("cert.pem", "key.pem")?)
//!     .trust(TrustStore::from_pem_file("ca.pem")?)
//!     .build()?;
//! let acceptor = Acceptor::new(context).client_auth(ClientAuth::Require);
//! let mut listener = Listener::bind("127.0.0.1:1234", acceptor).await?;
//! loop {
//!     // A handshake that is slow or fails delays no other connection.
//!     let (tls, address) = listener.accept().await?;
//!     println!("{address} is {}", tls.peer().certificate().expect("required").subject());
//! }
//! # }
//! ```
//!
//! # Why a certificate is refused
//!
//! ```
//! use sealwire::pki::{ChainCheck, Purpose};
//! use sealwire::verify::NameCheck;
//! use sealwire::{Identity, TrustStore};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let identity = Identity::self_signed(["localhost"])?;
//! let trust = TrustStore::bundled();
//! let check = ChainCheck {
//!     presented: &[identity.leaf().clone()],
//!     trust: &trust,
//!     crls: &[],
//!     purpose: Purpose::Server,
//!     name: Some(("localhost".parse()?, NameCheck::default())),
//!     time: identity.leaf().not_before() + 1,
//!     security_level: 2,
//! };
//! let verdict = check.verdict();
//! assert!(!verdict.is_trusted());
//! assert_eq!(verdict.findings()[0].code().name(), "DEPTH_ZERO_SELF_SIGNED_CERT");
//! # Ok(())
//! # }
//! ```
//!
//! # A CA of one's own
//!
//! ```
//! use sealwire::pki::{CertificateBuilder, Issuer, KeyAlgorithm, PrivateKey};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let root_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
//! let root = CertificateBuilder::new("/CN=Example Root".parse()?)
//!     .authority(Some(0))
//!     .name_constraints(["example.test".parse()?], [])
//!     .self_signed(&root_key)?;
//! let root = Issuer::new(root, root_key)?;
//! let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
//! let leaf = CertificateBuilder::for_names(vec!["www.example.test".parse()?])?
//!     .signed_by(&root, key.spki_der())?;
//! println!("{}{}", leaf.to_pem(), root.certificate().to_pem());
//! # Ok(())
//! # }
//! ```
//!
//! # Without any I/O
//!
//! ```
//! use sealwire::wire::{Driver, Next};
//! use sealwire::{ClientOptions, SecureContext, Session, TrustStore};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let context = SecureContext::builder().trust(TrustStore::bundled()).build()?;
//! let session = Session::client(&context, &ClientOptions::new("localhost".parse()?))?;
//! let mut driver = Driver::new(session);
//! assert!(matches!(driver.next(), Next::Transport));
//! // The ClientHello, for whatever transport there is; what comes back goes into `Driver::push`.
//! assert_eq!(driver.outgoing()[0], 22);
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//!
//! | module | content |
//! |---|---|
//! | the root | contexts, connectors, acceptors, streams, peers |
//! | [`verify`] | verdicts, their codes and evidence, server names, pins |
//! | [`pki`] | keys, requests, certificates, revocation lists, PFX files, CAs |
//! | [`live`] | contexts that follow their files; peers that are judged again while connected |
//! | [`session`], [`wire`] | the protocol as a state machine without I/O, and a driver of its bytes |
//! | [`blocking`] | streams over [`std::io`] |
//! | [`reading`], [`trace`] | ClientHello and ServerHello read, handshakes message by message |
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `tokio` (default) | [`Connector`], [`Acceptor`], [`Listener`], [`TlsStream`] |
//! | `watch` | [`live::Watched`]: identity, trust and lists that follow their files |
//! | `hyper`, `axum`, `tonic` | connections of HTTP clients and servers, and the peer of a request |
//! | `rustls-config` | a `rustls::ClientConfig` with our verdicts, for reqwest and others |
//! | `spiffe` | identity and trust from a SPIFFE Workload API |
//! | `starttls` | the dialogues that come before TLS: SMTP, IMAP, POP3, LDAP, PostgreSQL, MySQL |
//! | `legacy`, `legacy-vendored` | TLS 1.0 and 1.1, CBC, DHE and pre-shared keys, by an OpenSSL found at run time, or built in |
#![forbid(unsafe_code)]

pub mod blocking;
mod context;
mod engine;
mod error;
#[cfg(any(feature = "hyper", feature = "axum"))]
pub mod http;
mod key_log;
pub mod live;
pub mod pki;
pub mod reading;
pub mod session;
#[cfg(feature = "starttls")]
pub mod starttls;
#[cfg(feature = "tokio")]
mod tokio;
pub mod trace;
pub mod verify;
pub mod wire;
mod words;

pub use context::{Identity, SecureContext, SecureContextBuilder};
pub use engine::resumption::{ClientSession, TicketKeys};
pub use error::{EchRejection, Error, Fault, OwnCertificate};
pub use key_log::{KeyLogFile, KeyLogLine};
pub use live::Live;
#[cfg(feature = "watch")]
pub use live::Watched;
pub use pki::TrustStore;
pub use sealwire_x509::Foreign;
pub use session::{ClientOptions, EchOffer, EchStatus, Peer, ServerOptions, Session, SniRouter};
#[cfg(feature = "tokio")]
pub use tokio::{Acceptor, Connector, Listener, MemorySessionStore, SessionStore, TlsStream};
pub use wire::Parts;
pub use words::{
    Alert, CannotSpeak, CertCompression, CipherSuite, ClientAuth, ConfigError, InvalidServerName,
    NamedGroup, OpensslReason, PeerVerification, ProtocolVersion, Psk, ServerName, SignatureScheme,
    TimeSource,
};
#[cfg(feature = "legacy")]
pub use words::{Legacy, OpensslSource};
