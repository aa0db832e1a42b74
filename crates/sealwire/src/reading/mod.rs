//! What bytes say, before any engine: the ClientHello, and what is not TLS at all.

mod client_hello;
mod not_tls;

pub use client_hello::{ClientHello, MAX_CLIENT_HELLO};
pub(crate) use client_hello::{MAX_HANDSHAKE_WIRE, Read, Reassembly};
pub use not_tls::NotTls;
pub(crate) use not_tls::not_tls;
