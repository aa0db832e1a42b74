//! TLS over a transport of your own: everything between a [`Session`](crate::Session) and the bytes
//! on the wire, without any I/O.
//!
//! A [`Driver`] holds a session, received bytes that are not consumed, unread data, and
//! bytes to send. Its user only reads and writes the transport: the streams for tokio and
//! for blocking transports are built on it, and so are `seal tunnel` and the npm package.
//!
//! 1. [`next`](Driver::next) until the handshake is complete: it returns events, or needs the
//!    transport. Then [`outgoing`](Driver::outgoing) is to be sent, and more to be read, into
//!    [`room`](Driver::room) say.
//! 2. [`read`](Driver::read) and [`write`](Driver::write) data. After each, `outgoing` may have
//!    something. Write no more while the driver [`is_congested`](Driver::is_congested): that is how a
//!    slow peer slows its sender.
//!
//! ```no_run
//! use sealwire::session::Event;
//! use sealwire::wire::{Driver, Next, Received};
//! use sealwire::{ClientOptions, Error, SecureContext, Session};
//! use std::io::{Read, Write};
//!
//! fn ask(context: &SecureContext, mut tcp: std::net::TcpStream) -> Result<Vec<u8>, Error> {
//!     let options = ClientOptions::new("localhost".parse().expect("a name"));
//!     let mut driver = Driver::new(Session::client(context, &options)?);
//!     loop {
//!         match driver.next() {
//!             Next::Event(Event::HandshakeComplete) => break,
//!             Next::Event(_) => {}
//!             Next::Transport => exchange(&mut driver, &mut tcp)?,
//!             // The alert goes out before the error is returned.
//!             Next::Failed(error) => {
//!                 let _ = tcp.write_all(driver.outgoing());
//!                 return Err(error);
//!             }
//!         }
//!     }
//!     driver.write(b"hello\n")?;
//!     driver.close();
//!     let mut answer = Vec::new();
//!     loop {
//!         match driver.read(&mut answer)? {
//!             Received::Data(_) => {}
//!             Received::Blocked => exchange(&mut driver, &mut tcp)?,
//!             Received::End => return Ok(answer),
//!         }
//!     }
//! }
//!
//! fn exchange(driver: &mut Driver, tcp: &mut std::net::TcpStream) -> Result<(), Error> {
//!     let sent = driver.outgoing().len();
//!     tcp.write_all(driver.outgoing())?;
//!     driver.sent(sent);
//!     match tcp.read(driver.room())? {
//!         0 => driver.receive_eof()?,
//!         count => driver.filled(count),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! **Relays.** Two drivers back to back are a proxy that sees the data: what is read from one is
//! written to the other while that is not congested. With
//! [`ServerOptions::ask_client_hello`](crate::ServerOptions::ask_client_hello) the client's first
//! message is there before anything is answered ([`Driver::question`]): the server to connect to, and
//! the identity to show, can be chosen by it, its bytes be passed on as they came
//! ([`Driver::unconsumed`]), or the connection be handed on without TLS ([`Driver::into_parts`]).
//!
//! **Many connections.** A driver need not own buffers: bytes may be decrypted in room that all
//! connections of a thread share ([`Driver::read_in`]), and encrypted into such
//! ([`Driver::write_in`]); it keeps the part of a record that is left over, and what the
//! transport did not take.

mod driver;
mod inbox;
mod outbox;
mod parts;
mod unread;

use std::io;
use std::time::Duration;

pub use driver::{Driver, Next, Received};
pub use parts::Parts;
pub use unread::Room;

/// How much data one write takes: four full records.
pub const WRITE_SIZE: usize = 64 * 1024;

/// How long a refused peer should be given to read its alert, before the
/// transport is closed. Closed while something of the peer's is unread, a TCP connection is reset,
/// and the alert may be lost with it: end the writing side, and read until the end, until this
/// time is over, or until [`FAREWELL_BYTES`] have come.
pub const FAREWELL: Duration = Duration::from_secs(1);

/// How much a refused peer may still send: see [`FAREWELL`].
pub const FAREWELL_BYTES: usize = 1024 * 1024;

/// Whether a write failed because the peer has closed: why, it may have said before.
pub(crate) fn has_hung_up(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::BrokenPipe | K::ConnectionReset | K::ConnectionAborted)
}
