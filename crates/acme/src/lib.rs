//! ACME (RFC 8555): a CA that others fetch certificates from, and a client that keeps them fresh.
//!
//! ```text
//!   server      the requests, one file for each kind      client     orders, renews, keeps
//!   validation  whether a client controls a name
//!   authority   the signer, its profiles and validity
//!   store       accounts, orders, certificates, the log; over SQLite or PostgreSQL
//!   jws         signed requests                           protocol   problems, identifiers
//!   clock       the time, all of it
//! ```
#![forbid(unsafe_code)]

pub mod authority;
pub mod client;
pub mod clock;
pub mod jws;
pub mod protocol;
pub mod server;
pub mod store;
pub mod validation;
