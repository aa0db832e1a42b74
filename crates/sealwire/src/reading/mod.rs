//! Parsers for the bytes of a connection, before and beside any engine: records and messages, the
//! hellos of both sides, the names of their numbers, and what is not TLS at all.
//!
//! ```
//! use sealwire::reading::{ClientHello, HANDSHAKE, HandshakeMessage, Record, names};
//!
//! # let sent: &[u8] = &[22, 3, 1, 0, 1, 1];
//! // The first bytes that a client sent, here in one record.
//! let record = Record::first(sent).expect("a whole record");
//! assert_eq!(record.kind, HANDSHAKE);
//! if let Some(message) = HandshakeMessage::first(record.content())
//!     && let Some(hello) = ClientHello::parse(message.bytes)
//! {
//!     println!("{} offers {}", hello.ja4(), names::version(hello.newest_version()));
//! }
//! ```

mod client_hello;
mod ech;
mod fields;
mod fingerprint;
pub mod names;
mod not_tls;
mod record;
mod server_hello;
mod suites;

pub use client_hello::{ClientHello, MAX_CLIENT_HELLO};
pub(crate) use client_hello::{MAX_HANDSHAKE_WIRE, Read, Reassembly};
pub use ech::{ECH, EchConfig, EchConfigList, EchContents, hpke_kem, hpke_suite};
pub use fields::{Extensions, Fields};
pub(crate) use fingerprint::hex;
pub use not_tls::NotTls;
pub(crate) use not_tls::not_tls;
pub use record::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HandshakeMessage, Record,
};
pub use server_hello::{CertificateEntry, ServerHello, certificates, ocsp_response};
