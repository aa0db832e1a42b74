//! TLS for people who write programs: make certificates, use TLS, see why a peer was refused.
#![forbid(unsafe_code)]

pub mod blocking;
mod context;
mod engine;
mod error;
mod key_log;
pub mod live;
pub mod pki;
pub mod reading;
pub mod session;
#[cfg(feature = "starttls")]
pub mod starttls;
pub mod story;
#[cfg(feature = "tokio")]
mod tokio;
pub mod verify;
pub mod wire;
mod words;

pub use context::{Identity, SecureContext, SecureContextBuilder};
pub use engine::resumption::{ClientSession, TicketKeys};
pub use error::{Error, Fault};
pub use key_log::{KeyLogFile, KeyLogLine};
pub use live::Live;
#[cfg(feature = "watch")]
pub use live::Watched;
pub use pki::TrustStore;
pub use sealwire_x509::Foreign;
pub use session::{ClientOptions, Peer, ServerOptions, Session, SniRouter};
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
