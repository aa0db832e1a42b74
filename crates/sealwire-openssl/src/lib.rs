//! TLS as OpenSSL speaks it, for peers that only an older TLS can reach: TLS 1.0 and 1.1, suites
//! with CBC, RSA or DHE, pre-shared keys, renegotiation. Nothing is linked: the functions are
//! looked up at run time, in the running program ([`Source::Host`]: Node exports its OpenSSL) or in
//! the system's library ([`Source::System`]). With the cargo feature `vendored` one is linked, too
//! ([`Source::Vendored`]).
//!
//! - A [`Context`] is the settings of many connections; [`ContextBuilder`] makes it.
//! - A [`Connection`] takes bytes and gives bytes; it does no I/O.
//! - What OpenSSL has to ask inside of a handshake it asks a [`Handler`]: above all whether a chain
//!   of certificates will do. OpenSSL itself judges none.
//!
//! Never spoken, whatever is asked for: SSL 2 and 3, suites without encryption or without
//! authentication, export suites, RC4.
//!
//! # Safety
//!
//! Every pointer that OpenSSL hands out is owned by a Rust type that gives it back; borrowed ones do
//! not leave the function that got them. A connection is used by one thread at a time. Callbacks
//! reach a handler only while the call lasts that it was given to, and do not unwind. The queue of
//! errors, which is the thread's and shared with all else that uses OpenSSL, is empty after each call.

mod calls;
mod connection;
mod context;
mod failure;
mod origin;
mod owned;
mod sessions;
mod source;
mod table;

pub use calls::{Handler, PskAnswer, TakesTicket};
pub use connection::{Connection, Negotiated, Progress, Read, TemporaryKey};
pub use context::{Context, ContextBuilder, Role, TICKET_KEYS};
pub use failure::Failure;
pub use origin::Unavailable;
pub use owned::{Credential, DhParameters};
pub use sessions::NewSession;
pub use source::{Library, Source};
