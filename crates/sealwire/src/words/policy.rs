//! What to do with a peer, and with the sessions made with it.

/// What to do when a server does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PeerVerification {
    /// The handshake fails, with an alert, before our certificate or any data is sent.
    #[default]
    Required,
    /// The handshake is completed and [`Peer::authorized`](crate::Peer::authorized) holds the
    /// verdict: Node's `rejectUnauthorized: false`. **The program must check it.**
    Recorded,
}

/// Whether a server asks its clients for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// Not asked; such a client is never [`authorized`](crate::Peer::authorized).
    #[default]
    None,
    /// Asked; a client without one, or with one that does not pass, is accepted and
    /// [`authorized`](crate::Peer::authorized) is false: Node's `requestCert: true,
    /// rejectUnauthorized: false`. **The program must check it.**
    Request,
    /// Asked, and the handshake fails without one that passes: mutual TLS. With
    /// [`ServerOptions::verification`](crate::ServerOptions::verification) `Recorded`, any certificate will do for the handshake.
    Require,
}

/// Which sessions of a server the program stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Storing {
    #[default]
    None,
    /// Those that no ticket holds.
    Ticketless,
    All,
}
