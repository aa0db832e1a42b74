//! One question to a server: a ClientHello, and what it answers. No handshake is finished, and no
//! key is ever agreed on.

use std::time::Duration;

use sealwire::Alert;
use sealwire::reading::{ALERT, HANDSHAKE, HandshakeMessage, Record, ServerHello};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::hello::Offer;
use crate::net::dial::Route;
use crate::net::protocol::Starttls;
use crate::net::target::Target;
use crate::say::failure::Failure;

/// The server to ask, and how.
pub(super) struct Prober<'a> {
    pub(super) route: &'a Route,
    pub(super) target: &'a Target,
    pub(super) name: &'a str,
    pub(super) starttls: Option<Starttls>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Hello(ServerHello),
    Refused(Option<Alert>),
}

impl Answer {
    pub(super) fn hello(self) -> Option<ServerHello> {
        match self {
            Self::Hello(hello) => Some(hello),
            Self::Refused(_) => None,
        }
    }
}

/// How long a server may take for an answer. Silence is a no: some say nothing to what they do not
/// speak.
const PATIENCE: Duration = Duration::from_secs(5);

impl Prober<'_> {
    /// Asks. A server that is not reached is an error, one that says no is an answer.
    pub(super) async fn ask(&self, offer: &Offer<'_>) -> Result<Answer, Failure> {
        let mut tcp = self.route.reach_by(self.target, self.name, self.starttls).await?.tcp;
        let answer = async {
            tcp.write_all(&offer.record()).await?;
            read(&mut tcp).await
        };
        Ok(match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            // It closed the connection, or said nothing.
            Ok(Err(_)) | Err(_) => Answer::Refused(None),
        })
    }
}

async fn read(tcp: &mut TcpStream) -> std::io::Result<Answer> {
    const MOST: usize = 64 * 1024;
    let mut bytes = Vec::new();
    let mut messages = Vec::new();
    loop {
        while let Some(record) = Record::first(&bytes) {
            let length = record.bytes.len();
            match (record.kind, record.content()) {
                // A warning (unrecognized_name) is not the end.
                (ALERT, [1, 1..=255]) => {}
                (ALERT, content) => {
                    let number = content.get(1).copied();
                    return Ok(Answer::Refused(number.map(Alert::from_number)));
                }
                (HANDSHAKE, content) => messages.extend_from_slice(content),
                _ => return Ok(Answer::Refused(None)),
            }
            bytes.drain(..length);
            // What follows a hello, in the same packet too, is of no interest.
            if let Some(message) = HandshakeMessage::first(&messages) {
                let hello = ServerHello::parse(message.content()).filter(|_| message.kind == 2);
                return Ok(hello.map_or(Answer::Refused(None), Answer::Hello));
            }
        }
        if bytes.len() + messages.len() > MOST || tcp.read_buf(&mut bytes).await? == 0 {
            return Ok(Answer::Refused(None));
        }
    }
}
