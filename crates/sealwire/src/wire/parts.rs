//! What a stream is made of, once it is taken apart.

use crate::session::Session;

/// What a TLS stream was made of, for a protocol that goes on without TLS, or for a program that
/// goes on with the [`Session`] by itself. Nothing that was received is lost.
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
