//! The tunnel: adds TLS to plaintext servers and clients.
//!
//! ```text
//!   config    a plan, by flags or by file            check     says what it means, and tries it
//!   run       opens, confines itself, reloads, drains
//!   worker    one thread: accepts, and keeps its connections to itself
//!   connection  one of them: handshake, access control, the target
//!   relay     moves its data, between two ends
//!   service   the settings that a reload replaces    pool      targets, and which are up
//!   live      open connections, judged again
//!   tickets   what a fleet shares                    session_store  and where
//!   acme      certificates that are fetched while it serves    ocsp   and what is stapled to them
//!   status, metrics, log, systemd                    confine   what is given up
//! ```

mod acme;
mod allow;
mod check;
mod config;
mod confine;
mod connection;
mod contexts;
mod embedded;
mod end;
mod endpoint;
mod gate;
mod greeting;
mod listen;
mod live;
mod log;
mod metrics;
mod ocsp;
mod pool;
mod proxy;
mod relay;
mod run;
mod scratch;
mod service;
mod session_store;
mod socket;
mod status;
mod systemd;
mod tickets;
mod worker;

pub(crate) use acme::keeper;
pub(crate) use check::check;
pub(crate) use config::flags::{ClientArgs, ServerArgs};
pub(crate) use config::from_file;
pub(crate) use config::{Acme, IdentitySource, Plan, Recheck};
pub use embedded::Tunnel;
pub(crate) use run::run;
