//! A client of PostgreSQL that knows nothing of TLS, and a server that wants it. The client's own
//! requests for encryption are declined, and the server, which sees TLS, is kept from offering the client
//! what it could not do without: a log-in that is bound to the TLS connection (`SCRAM-SHA-256-PLUS`).

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use super::binary::{CANCEL_REQUEST, GSS_ENCRYPTION_REQUEST, SSL_REQUEST};
use super::talk::Talk;
use super::{Error, Protocol};

/// What a client begins with, once its requests for encryption are declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    packet: Vec<u8>,
    rest: Vec<u8>,
    logs_in: bool,
}

/// Hears a client out, of which `heard` has come already, as far as its StartupMessage or
/// CancelRequest, and says no to requests for TLS and for GSSAPI encryption.
///
/// # Errors
/// When it leaves, as one does that wants TLS (`sslmode=require`), begins with TLS, or speaks something
/// else.
pub async fn beginning<IO>(client: &mut IO, heard: Vec<u8>) -> Result<Beginning, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    /// As in PostgreSQL (`MAX_STARTUP_PACKET_LENGTH`).
    const LONGEST: usize = 10_000;
    /// libpq asks for each once.
    const MOST_WISHES: usize = 8;
    let mut talk = Talk::after(client, Protocol::Postgres, heard);
    let mut wants_tls = false;
    for _ in 0..MOST_WISHES {
        let head = match talk.bytes(8).await {
            Err(Error::Closed(protocol)) if wants_tls => {
                return Err(Error::NoTls(
                    protocol,
                    "it closed the connection on that answer".to_owned(),
                ));
            }
            head => head?,
        };
        let (length, code) = head.split_at(4);
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        match code {
            code if length == 8 && (code == SSL_REQUEST || code == GSS_ENCRYPTION_REQUEST) => {
                // The client waits for the answer: bytes after the request were not sent by a client that
                // heard it.
                talk.nothing_ahead()?;
                wants_tls |= code == SSL_REQUEST;
                talk.say(b"N").await?;
            }
            code if length == 16 && code == CANCEL_REQUEST || is_startup(code) => {
                if !(8..=LONGEST).contains(&length) {
                    return Err(talk.unlike(&head));
                }
                let logs_in = code != CANCEL_REQUEST;
                let packet = [head, talk.bytes(length - 8).await?].concat();
                return Ok(Beginning { packet, rest: talk.with_rest(Vec::new()), logs_in });
            }
            _ => return Err(talk.unlike(&head)),
        }
    }
    Err(Error::TooMuch(Protocol::Postgres))
}

/// Version 3 of the protocol.
fn is_startup(code: &[u8]) -> bool {
    matches!(code, [0, 3, ..])
}

impl Beginning {
    /// All that has come of it and behind it, as the server is to get it.
    pub fn bytes(&self) -> Vec<u8> {
        [&self.packet[..], &self.rest].concat()
    }

    /// Whether the server answers by the steps of a log-in. A request to cancel a statement has no
    /// answer.
    pub fn logs_in(&self) -> bool {
        self.logs_in
    }
}

/// A message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message(Vec<u8>);

impl Message {
    /// Takes one off the front, if it is there as a whole.
    ///
    /// # Errors
    /// During authentication, messages are short; anything else is another protocol.
    pub fn take(ahead: &mut Vec<u8>) -> io::Result<Option<Self>> {
        const LONGEST: usize = 64 * 1024;
        let Some(&[_, a, b, c, d]) = ahead.first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if !(4..=LONGEST).contains(&length) {
            return Err(io::Error::other("the server does not log in as PostgreSQL does"));
        }
        if ahead.len() < 1 + length {
            return Ok(None);
        }
        let rest = ahead.split_off(1 + length);
        Ok(Some(Self(std::mem::replace(ahead, rest))))
    }

    /// Whether it says how the client is to log in, or that it cannot: then nothing more needs to be
    /// looked at.
    pub fn decides(&self) -> bool {
        matches!(self.0.first(), Some(b'R' | b'E'))
    }

    /// The same, and of AuthenticationSASL the mechanisms without channel binding.
    ///
    /// # Errors
    /// When no mechanism is left.
    pub fn without_channel_binding(self) -> io::Result<Vec<u8>> {
        const HEAD: usize = 9;
        let Some(list) = self.0.strip_prefix(b"R").and_then(|it| it.get(4..)) else {
            return Ok(self.0);
        };
        let Some(list) = list.strip_prefix(&[0, 0, 0, 10]) else { return Ok(self.0) };
        let offered = || list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let kept: Vec<&[u8]> = offered().filter(|name| !name.ends_with(b"-PLUS")).collect();
        if kept.is_empty() {
            return Err(io::Error::other(
                "the server offers only authentication bound to its TLS connection \
                 (SCRAM-SHA-256-PLUS), which ends here",
            ));
        }
        let names: Vec<u8> = kept.iter().flat_map(|name| [name, &b"\0"[..]].concat()).collect();
        let length = u32::try_from(HEAD + names.len()).unwrap_or(u32::MAX).to_be_bytes();
        Ok([&b"R"[..], &length, &[0, 0, 0, 10], &names, b"\0"].concat())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{Beginning, Message, beginning};
    use crate::starttls::Error;

    const SSL: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    const GSS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];
    const STARTUP: &[u8] = b"\0\0\0\x11\0\x03\0\0user\0me\0\0";

    /// What becomes of a client that says this, waiting for an answer of a byte after each but the last.
    async fn told(says: &[&[u8]]) -> (Vec<u8>, Result<Beginning, Error>) {
        let (mut client, mut server) = duplex(64 * 1024);
        let client = async move {
            let mut heard = Vec::new();
            for (at, said) in says.iter().enumerate() {
                client.write_all(said).await.unwrap();
                if at + 1 < says.len() {
                    heard.push(client.read_u8().await.unwrap());
                }
            }
            client.shutdown().await.unwrap();
            heard
        };
        tokio::join!(client, beginning(&mut server, Vec::new()))
    }

    #[tokio::test]
    async fn wishes_are_declined_until_the_client_begins() {
        let (heard, begun) = told(&[&GSS, &SSL, STARTUP]).await;
        let begun = begun.unwrap();
        assert_eq!((&heard[..], &begun.bytes()[..], begun.logs_in()), (&b"NN"[..], STARTUP, true));
        let cancel = [&[0, 0, 0, 16, 4, 210, 22, 46][..], &[7; 8]].concat();
        let (_, begun) = told(&[&SSL, &cancel]).await;
        let begun = begun.unwrap();
        assert_eq!((begun.bytes(), begun.logs_in()), (cancel, false));
    }

    #[tokio::test]
    async fn who_wants_tls_or_speaks_something_else_is_named() {
        assert!(matches!(told(&[&SSL, b""]).await.1, Err(Error::NoTls(..))));
        assert!(matches!(told(&[b""]).await.1, Err(Error::Closed(_))));
        assert!(matches!(told(&[b"\x16\x03\x01\x02\0\x01\0\x01"]).await.1, Err(Error::Unlike(..))));
        assert!(matches!(told(&[b"\0\x01\0\0\0\x03\0\0"]).await.1, Err(Error::Unlike(..))));
        let together = [&SSL[..], STARTUP].concat();
        assert!(matches!(told(&[&together]).await.1, Err(Error::Injected(..))));
        let (_, endless) = told(&[&SSL[..]; 9]).await;
        assert!(matches!(endless, Err(Error::TooMuch(_))));
    }

    #[test]
    fn only_the_offer_of_channel_binding_is_taken_out() {
        let mut ahead = b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0S".to_vec();
        let message = Message::take(&mut ahead).unwrap().unwrap();
        assert!(message.decides());
        let kept = message.without_channel_binding().unwrap();
        assert_eq!(kept, b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0");
        assert_eq!((Message::take(&mut ahead).unwrap(), &ahead[..]), (None, &b"S"[..]));
        for other in [&b"R\0\0\0\x08\0\0\0\0"[..], b"R\0\0\0\x0c\0\0\0\x05salt", b"E\0\0\0\x05\0"] {
            let message = Message::take(&mut other.to_vec()).unwrap().unwrap();
            assert!(message.decides());
            assert_eq!(message.without_channel_binding().unwrap(), other);
        }
        let only = Message(b"R\0\0\0\x1c\0\0\0\x0aSCRAM-SHA-256-PLUS\0\0".to_vec());
        assert!(only.without_channel_binding().is_err());
        assert!(Message::take(&mut b"HTTP/1.1 400".to_vec()).is_err());
        let notice = Message::take(&mut b"N\0\0\0\x05\0".to_vec()).unwrap().unwrap();
        assert!(!notice.decides());
    }
}
