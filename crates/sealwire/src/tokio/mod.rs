//! The async adapter: TLS over anything that is [`AsyncRead`] and [`AsyncWrite`].
//!
//! [`Connector`] and [`Acceptor`] make a [`TlsStream`] of a stream; [`Listener`] is a TCP listener
//! whose handshakes never wait for each other.
//!
//! [`AsyncRead`]: tokio::io::AsyncRead
//! [`AsyncWrite`]: tokio::io::AsyncWrite

mod acceptor;
mod asked;
mod connector;
mod deadline;
#[cfg(feature = "rustls-config")]
mod lent;
mod listener;
mod store;
mod stream;

pub use acceptor::Acceptor;
pub use connector::Connector;
pub use listener::Listener;
pub use store::{MemorySessionStore, SessionStore};
pub use stream::TlsStream;
