//! A plaintext client of PostgreSQL, whose log-in continues in TLS.

use sealwire::Error;
use sealwire::starttls::postgres::{self, Beginning, Message};
use sealwire::starttls::{self, Protocol};
use tokio::time::{Instant, timeout_at};

use super::Failed;
use crate::tunnel::end::End;
use crate::tunnel::metrics::Turned;
use crate::tunnel::socket::Socket;

/// Hears the client out, as far as it logs in or cancels a statement.
pub(super) async fn hear(
    client: &mut Socket,
    heard: Vec<u8>,
    deadline: Instant,
) -> Result<Beginning, Failed> {
    let turned = |reason: String| Err(Failed::Turned(Turned::Starttls, reason));
    match timeout_at(deadline, postgres::beginning(client, heard)).await {
        Ok(Ok(beginning)) => Ok(beginning),
        Err(_) => Err(Failed::Handshake(Error::HandshakeTimedOut)),
        Ok(Err(starttls::Error::Closed(Protocol::Postgres))) => Err(Failed::Silent),
        Ok(Err(starttls::Error::Io(e))) => Err(Failed::Handshake(e.into())),
        Ok(Err(starttls::Error::NoTls(..))) => turned(
            "the client requests TLS on the plaintext side of the tunnel: set sslmode=disable (or prefer) there"
                .to_owned(),
        ),
        Ok(Err(starttls::Error::Unlike(_, said))) if said.starts_with('\u{16}') => turned(
            "the client started TLS on the plaintext side of the tunnel: set sslmode=disable there"
                .to_owned(),
        ),
        Ok(Err(other)) => turned(other.to_string()),
    }
}

/// Begins for the client. Gives the server's first words, as far as how the client is to log in: what
/// is bound to this TLS connection is not offered to it.
pub(super) async fn begin(target: &mut End, beginning: &Beginning) -> Result<Vec<u8>, Error> {
    target.send_first(&beginning.bytes())?;
    if !beginning.logs_in() {
        return Ok(Vec::new());
    }
    target.flush().await?;
    let (mut received, mut words) = (Vec::new(), Vec::new());
    loop {
        while let Some(message) = Message::take(&mut received)? {
            let decides = message.decides();
            words.extend(message.without_channel_binding()?);
            if decides {
                words.append(&mut received);
                return Ok(words);
            }
        }
        match target.receive().await? {
            data if data.is_empty() => return Err(Error::Truncated),
            data => received.extend(data),
        }
    }
}
