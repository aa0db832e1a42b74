//! TLS for people who write programs: make certificates, use TLS, see why a peer was refused.
#![forbid(unsafe_code)]

mod alert;
pub mod blocking;
mod cert_compression;
mod cipher_list;
mod context;
mod date;
mod error;
mod fault;
mod groups;
mod identity;
mod key_log;
mod names;
mod openssl_reason;
mod options;
mod parts;
mod peer;
pub mod pki;
mod scheme_list;
mod server_name;
pub mod session;
mod signature_scheme;
mod sni_router;
#[cfg(feature = "tokio")]
mod tokio;
mod trust;
pub mod verify;

pub use alert::Alert;
pub use cert_compression::CertCompression;
pub use context::{ConfigError, SecureContext, SecureContextBuilder, TimeSource};
pub use error::{CannotSpeak, Error};
pub use fault::Fault;
pub use identity::Identity;
pub use key_log::{KeyLogFile, KeyLogLine};
pub use names::{CipherSuite, NamedGroup, ProtocolVersion};
pub use openssl_reason::OpensslReason;
pub use options::{ClientAuth, ClientOptions, PeerVerification, ServerOptions};
pub use parts::Parts;
pub use peer::Peer;
pub use server_name::{InvalidServerName, ServerName};
pub use session::{ClientSession, Session, TicketKeys};
pub use signature_scheme::SignatureScheme;
pub use sni_router::SniRouter;
#[cfg(feature = "tokio")]
pub use tokio::{Acceptor, Connector, Listener, MemorySessionStore, SessionStore, TlsStream};
pub use trust::TrustStore;
