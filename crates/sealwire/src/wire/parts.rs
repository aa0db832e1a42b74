//! The parts of a stream.

use crate::session::Session;

/// The parts of a TLS stream, for a protocol that continues without TLS, or for a program that
/// continues with the [`Session`] itself. Nothing received is lost.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<IO> {
    /// The transport.
    pub io: IO,
    /// Data of the peer that were decrypted and not read.
    pub unread: Vec<u8>,
    /// Bytes from the transport that are not part of the session, or not yet: what the peer sent
    /// after its `close_notify`, the beginning of a record.
    pub received: Vec<u8>,
    /// Bytes that the transport has still to take, such as a `close_notify`, or a server's tickets. None
    /// after `shutdown` or `flush`.
    pub unsent: Vec<u8>,
    /// The session.
    pub session: Session,
}
