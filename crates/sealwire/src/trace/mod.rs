//! Traces a handshake, message by message: direction, time, size, content and reason.
//!
//! A [`Tracer`] takes the bytes of a connection, in both directions, and the
//! secrets of its key log, which decrypt TLS 1.3. Its texts are for people; what peers
//! sent is escaped in them ([`Foreign`](crate::Foreign)).

mod summary;
mod unlock;

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use sealwire_x509::Certificate;

use crate::KeyLogLine;
use crate::reading::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE};
use crate::reading::{EchConfigList, HandshakeMessage, Record, hex};
use summary::{Context, MessageSummary};
use unlock::Unlock;

/// The side that sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The side that opened the connection.
    Client,
    /// The side that accepted it.
    Server,
}

/// One message of a handshake, an alert, or a record that stays closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Time since the start, as passed to [`Tracer::bytes`].
    pub at: Duration,
    /// The side that sent it.
    pub from: Sender,
    /// Its name in the RFCs: `ClientHello`.
    pub name: String,
    /// Whether it was encrypted; it is decrypted where the secrets are known.
    pub encrypted: bool,
    /// Its length, with its header.
    pub bytes: usize,
    /// Its content, in one line.
    pub says: String,
    /// The reason for the message, for learners.
    pub why: Option<String>,
    /// Its parts by name.
    pub fields: Vec<(String, String)>,
    /// The message itself in hexadecimal, its first 4096 bytes (and `...`).
    pub hex: String,
}

/// Traces a connection from its bytes.
pub struct Tracer {
    messages: Vec<Message>,
    secrets: Vec<KeyLogLine>,
    context: Context,
    client: Direction,
    server: Direction,
}

/// One direction of the connection.
#[derive(Default)]
struct Direction {
    bytes: Vec<u8>,
    /// Handshake messages that are not whole yet.
    messages: Vec<u8>,
    unlock: Option<Unlock>,
    /// Secrets for later, in order: each Finished takes the next.
    later: VecDeque<&'static str>,
    /// In TLS 1.2: everything from here on is encrypted, and stays so.
    sealed: bool,
}

impl Tracer {
    /// Starts observing at `now`, the time against which certificates are described.
    pub fn new(now: SystemTime) -> Self {
        let direction =
            |later| Direction { later: VecDeque::from([later]), ..Direction::default() };
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            messages: Vec::new(),
            secrets: Vec::new(),
            context: Context {
                now: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                ..Context::default()
            },
            client: direction("CLIENT_TRAFFIC_SECRET_0"),
            server: direction("SERVER_TRAFFIC_SECRET_0"),
        }
    }

    /// A secret of the connection, to be passed in before the bytes that it decrypts.
    pub fn secret(&mut self, line: KeyLogLine) {
        self.secrets.push(line);
    }

    /// Bytes that went by at this moment since the beginning, split anyhow.
    pub fn bytes(&mut self, from: Sender, at: Duration, bytes: &[u8]) {
        self.direction(from).bytes.extend_from_slice(bytes);
        self.records(from, at);
    }

    /// The messages so far, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The certificates of the server as it sent them, also when the handshake failed later.
    pub fn certificates(&self) -> &[Certificate] {
        &self.context.certificates
    }

    /// The configurations of Encrypted Client Hello that the server gave: it has it, and could not decrypt
    /// what the client sent (which is so of [`EchOffer::grease`](crate::EchOffer::grease)).
    pub fn ech_retry_configs(&self) -> Option<&EchConfigList> {
        self.context.ech_retry.as_ref()
    }

    fn direction(&mut self, from: Sender) -> &mut Direction {
        match from {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        }
    }

    /// Tells every record that is whole.
    fn records(&mut self, from: Sender, at: Duration) {
        loop {
            let direction = self.direction(from);
            let Some(record) = Record::first(&direction.bytes) else { return };
            let (kind, whole) = (record.kind, record.bytes.to_vec());
            direction.bytes.drain(..whole.len());
            let opened = match (&mut direction.unlock, kind) {
                (Some(unlock), APPLICATION_DATA) => unlock.open(&whole),
                _ => None,
            };
            let encrypted = opened.is_some() || direction.sealed;
            match opened.unwrap_or_else(|| (kind, whole[5..].to_vec())) {
                (HANDSHAKE, content) if !encrypted || kind == APPLICATION_DATA => {
                    self.direction(from).messages.extend_from_slice(&content);
                    self.handshake_messages(from, at, encrypted);
                }
                (kind, content) => self.other(from, at, encrypted, kind, &content),
            }
        }
    }

    /// Tells every handshake message that is whole.
    fn handshake_messages(&mut self, from: Sender, at: Duration, encrypted: bool) {
        loop {
            let direction = self.direction(from);
            let Some(message) = HandshakeMessage::first(&direction.messages) else { return };
            let (kind, length) = (message.kind, message.bytes.len());
            let whole: Vec<u8> = direction.messages.drain(..length).collect();
            let message = HandshakeMessage { kind, bytes: &whole };
            let summary = summary::handshake(from, message, &mut self.context);
            self.add(from, at, encrypted, summary, &whole);
            if kind == 2 {
                self.keys_of_the_handshake();
            }
            if kind == 20 && self.context.tls13 {
                self.next_keys(from);
            }
        }
    }

    fn keys_of_the_handshake(&mut self) {
        let Some(hello) = self.context.server_hello.as_ref().filter(|hello| !hello.is_retry) else {
            return;
        };
        if hello.version != 0x0304 {
            return;
        }
        let (suite, secrets) = (hello.cipher_suite, &self.secrets);
        self.client.unlock = Unlock::new(suite, secrets, "CLIENT_HANDSHAKE_TRAFFIC_SECRET");
        self.server.unlock = Unlock::new(suite, secrets, "SERVER_HANDSHAKE_TRAFFIC_SECRET");
    }

    fn next_keys(&mut self, from: Sender) {
        let suite = self.context.server_hello.as_ref().map_or(0, |hello| hello.cipher_suite);
        let secrets = &self.secrets;
        let direction = match from {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        };
        if let Some(label) = direction.later.pop_front() {
            direction.unlock = Unlock::new(suite, secrets, label);
        }
    }

    /// Tells a record that is not a handshake message, or one that stays closed.
    fn other(&mut self, from: Sender, at: Duration, encrypted: bool, kind: u8, content: &[u8]) {
        let summary = match kind {
            CHANGE_CIPHER_SPEC => {
                let tls13 = self.context.tls13 || self.context.server_hello.is_none();
                if !tls13 {
                    self.direction(from).sealed = true;
                }
                summary::change_cipher_spec(tls13)
            }
            ALERT if !self.direction(from).sealed => summary::alert(from, content),
            ALERT => MessageSummary::new("Alert", "encrypted: most often close_notify"),
            HANDSHAKE => MessageSummary::new("Finished", "encrypted, with the keys of TLS 1.2")
                .why("proves that both have seen the same handshake"),
            APPLICATION_DATA => MessageSummary::new("data", "the application's data"),
            other => MessageSummary::new("record", format!("unknown content type {other}")),
        };
        self.add(from, at, encrypted, summary, content);
    }

    fn add(
        &mut self,
        from: Sender,
        at: Duration,
        encrypted: bool,
        summary: MessageSummary,
        bytes: &[u8],
    ) {
        const SHOWN: usize = 4096;
        let mut text = hex(&bytes[..bytes.len().min(SHOWN)]);
        if bytes.len() > SHOWN {
            text.push_str("...");
        }
        self.messages.push(Message {
            at,
            from,
            name: summary.name,
            encrypted,
            bytes: bytes.len(),
            says: summary.says,
            why: summary.why,
            fields: summary.fields,
            hex: text,
        });
    }
}
