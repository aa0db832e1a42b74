//! What a client speaks, by its first byte, which stays unread.

use std::io;

use tokio::net::TcpStream;

/// What the first byte of a client's says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstByte {
    /// A TLS record, or nothing we know: TLS says what is wrong with it.
    Tls,
    /// A capital letter: a method of plain HTTP.
    Http,
}

/// Waits for the client's first byte. A client that closes the connection first is left to the handshake.
pub(crate) async fn look(tcp: &TcpStream) -> io::Result<FirstByte> {
    let mut first = [0];
    Ok(match (tcp.peek(&mut first).await?, first[0]) {
        // Methods are case-sensitive and all in capitals (RFC 9110, section 9.1); the types of
        // TLS records are 20 to 23 (RFC 8446, section 5.1).
        (1, b'A'..=b'Z') => FirstByte::Http,
        _ => FirstByte::Tls,
    })
}
