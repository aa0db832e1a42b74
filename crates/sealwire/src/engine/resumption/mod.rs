//! Resumption: sessions that continue in a later connection, without certificates.
//!
//! An earlier verdict does not count. Before a session is offered (client) or
//! accepted (server), the peer that it was made with is judged by today's trust, lists and clock;
//! where the verdict is another than it was, the session is passed over, a full handshake
//! follows, and the certificates sent today decide. So a refusal has its alert, and a renewed
//! certificate is seen.
//!
//! The server's side: `keys` and `ring` seal tickets, `state` is what is in them, `server` makes
//! and takes them. The client's side: `client` is one connection's part, `handle` is a session
//! as the program has it, `cache` keeps a context's, `session_table` those that the program keeps as bytes,
//! and `ticket` reads the ticket that TLS 1.2 sends in the clear.

mod cache;
mod client;
mod data;
mod handle;
mod keys;
mod ring;
mod server;
mod session_table;
mod state;
mod ticket;

pub(crate) use cache::SessionCache;
pub(crate) use client::ClientSessions;
pub use data::SessionData;
pub use handle::ClientSession;
pub use keys::TicketKeys;
pub(crate) use ring::TicketRing;
pub(crate) use server::{Granting, ServerSessions, Terms};

/// The maximum lifetime of a session (RFC 8446, 4.6.1), in seconds; renewed tickets do not
/// lengthen it, so that a peer proves its key at least that often.
pub(crate) const MAX_AGE: i64 = 7 * 24 * 60 * 60;
