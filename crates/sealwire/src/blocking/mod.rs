//! TLS over anything that is [`Read`] and [`Write`], for programs with a thread for each
//! connection.
//!
//! [`connect`] and [`accept`] perform the handshake and return a [`Stream`]. Timeouts are set on
//! the transport (`TcpStream::set_read_timeout`).
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use sealwire::{ClientOptions, SecureContext, TrustStore, blocking};
//! use std::io::{Read, Write};
//! let context = SecureContext::builder().trust(TrustStore::from_pem_file("ca.pem")?).build()?;
//! let tcp = std::net::TcpStream::connect("localhost:1234")?;
//! let mut tls = blocking::connect(&context, &ClientOptions::new("localhost".parse()?), tcp)?;
//! tls.write_all(b"hello\n")?;
//! tls.shutdown()?;
//! let mut answer = String::new();
//! tls.read_to_string(&mut answer)?;
//! # Ok(()) }
//! ```

mod stream;
mod transport;

use std::io::{Read, Write};

pub use stream::Stream;
pub use transport::Transport;

use crate::context::SecureContext;
use crate::error::Error;
use crate::session::{ClientOptions, Event, ServerOptions, Session};
use crate::wire::Driver;

/// Performs the TLS handshake as a client over `io` and verifies that the peer is the server that the options name.
///
/// In TLS 1.3 a server judges the client's certificate after the client is done: such a refusal
/// comes as the error of the first read
/// ([RFC 8446, section 4.4.2.4](https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2.4)).
///
/// # Errors
/// Why the handshake failed; the alert that says so is sent before this returns. Options that raise
/// a question need [`handshake`]: here there is no callback to answer, which is
/// [`Error::RefusedByProgram`].
pub fn connect<IO: Read + Write>(
    context: &SecureContext,
    options: &ClientOptions,
    io: IO,
) -> Result<Stream<IO>, Error> {
    let mut stream = Stream::new(io, Session::client(context, options)?);
    stream.handshake(|_, _| {})?;
    Ok(stream)
}

/// Performs the TLS handshake as a server over `io`. A client that is refused is given
/// [a moment](crate::wire::FAREWELL) to read why.
///
/// # Errors
/// As [`connect`].
pub fn accept<IO: Transport>(
    context: &SecureContext,
    options: &ServerOptions,
    io: IO,
) -> Result<Stream<IO>, Error> {
    handshake(Session::server(context, options), io, |_, _| {})
}

/// Performs the handshake of `session` over `io`. `on_event` receives the events, and answers the
/// session's [`question`](Driver::question) when there is [one](Event::Question). A question that
/// it leaves open ends the connection without a word ([`Error::RefusedByProgram`]). A peer that is
/// refused is given [a moment](crate::wire::FAREWELL) to read why.
///
/// # Errors
/// Why the handshake failed; the alert that says so is sent before this returns.
pub fn handshake<IO: Transport>(
    session: Session,
    io: IO,
    on_event: impl FnMut(Event, &mut Driver),
) -> Result<Stream<IO>, Error> {
    let mut stream = Stream::new(io, session);
    match stream.handshake(on_event) {
        Ok(()) => Ok(stream),
        Err(error) => {
            if !matches!(error, Error::Io(_)) {
                stream.farewell();
            }
            Err(error)
        }
    }
}
