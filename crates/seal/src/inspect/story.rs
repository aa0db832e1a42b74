//! A handshake told message by message: who, when, how many bytes, what and why.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use sealwire::pki::Certificate;
use serde::Serialize;

use super::handshake;
use super::names;
use super::observed::{From, Observed};
use super::unlock::Unlock;
use super::wire::{self, ServerHello};

/// One message of the handshake.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Message {
    /// Milliseconds since the beginning.
    pub(crate) at_ms: f64,
    pub(crate) from: From,
    pub(crate) name: String,
    /// Whether it went encrypted; that it can be told all the same is because the secrets are ours.
    pub(crate) encrypted: bool,
    /// With its header.
    pub(crate) bytes: usize,
    /// What it says, in a line.
    pub(crate) says: String,
    /// Why, for those who learn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Its parts.
    pub(crate) fields: Vec<(String, String)>,
    /// The message itself.
    pub(crate) hex: String,
}

/// The whole of it, in order.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Story {
    pub(crate) messages: Vec<Message>,
    /// The certificates of the server as it sent them, also when the handshake failed later.
    #[serde(skip)]
    pub(crate) certificates: Vec<Certificate>,
}

/// What the parts of a handshake so far mean for those to come.
#[derive(Default)]
pub(crate) struct Context {
    pub(crate) client_hello: Option<super::client_hello::ClientHello>,
    pub(crate) server_hello: Option<ServerHello>,
    pub(crate) tls13: bool,
    pub(crate) certificates: Vec<Certificate>,
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

impl Story {
    /// Tells what was observed.
    pub(crate) fn of(observed: &Observed) -> Self {
        let mut teller = Teller {
            story: Self::default(),
            context: Context::default(),
            client: Direction { later: ["CLIENT_TRAFFIC_SECRET_0"].into(), ..Default::default() },
            server: Direction { later: ["SERVER_TRAFFIC_SECRET_0"].into(), ..Default::default() },
            observed,
        };
        for chunk in &observed.chunks {
            teller.direction(chunk.from).bytes.extend_from_slice(&chunk.bytes);
            teller.records(chunk.from, chunk.at);
        }
        teller.story.certificates = teller.context.certificates;
        teller.story
    }

    /// The session tickets that the server handed out.
    pub(crate) fn tickets(&self) -> Vec<&Message> {
        self.messages.iter().filter(|message| message.name == "NewSessionTicket").collect()
    }
}

struct Teller<'a> {
    story: Story,
    context: Context,
    client: Direction,
    server: Direction,
    observed: &'a Observed,
}

impl Teller<'_> {
    fn direction(&mut self, from: From) -> &mut Direction {
        match from {
            From::Client => &mut self.client,
            From::Server => &mut self.server,
        }
    }

    /// Tells every record that is whole.
    fn records(&mut self, from: From, at: Duration) {
        loop {
            let direction = self.direction(from);
            let Some((kind, record, length)) = wire::record(&direction.bytes) else { return };
            let record = record.to_vec();
            direction.bytes.drain(..length);
            let opened = match (&mut direction.unlock, kind) {
                (Some(unlock), wire::APPLICATION_DATA) => unlock.open(&record),
                _ => None,
            };
            let encrypted = opened.is_some() || direction.sealed;
            match opened.unwrap_or_else(|| (kind, record[5..].to_vec())) {
                (wire::HANDSHAKE, content) if !encrypted || kind == wire::APPLICATION_DATA => {
                    self.direction(from).messages.extend_from_slice(&content);
                    self.messages(from, at, encrypted);
                }
                (kind, content) => self.other(from, at, encrypted, kind, &content),
            }
        }
    }

    /// Tells every handshake message that is whole.
    fn messages(&mut self, from: From, at: Duration, encrypted: bool) {
        loop {
            let direction = self.direction(from);
            let Some((kind, content, length)) = wire::message(&direction.messages) else { return };
            let content = content.to_vec();
            let whole: Vec<u8> = direction.messages.drain(..length).collect();
            let told = handshake::tell(from, kind, &content, &mut self.context);
            self.add(from, at, encrypted, told, &whole);
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
        let (suite, secrets) = (hello.cipher_suite, &self.observed.secrets);
        self.client.unlock = Unlock::new(suite, secrets, "CLIENT_HANDSHAKE_TRAFFIC_SECRET");
        self.server.unlock = Unlock::new(suite, secrets, "SERVER_HANDSHAKE_TRAFFIC_SECRET");
    }

    fn next_keys(&mut self, from: From) {
        let suite = self.context.server_hello.as_ref().map_or(0, |hello| hello.cipher_suite);
        let secrets = &self.observed.secrets;
        let direction = match from {
            From::Client => &mut self.client,
            From::Server => &mut self.server,
        };
        if let Some(label) = direction.later.pop_front() {
            direction.unlock = Unlock::new(suite, secrets, label);
        }
    }

    /// Tells a record that is no handshake message, or one that stays closed.
    fn other(&mut self, from: From, at: Duration, encrypted: bool, kind: u8, content: &[u8]) {
        let told = match kind {
            wire::CHANGE_CIPHER_SPEC => {
                let tls13 = self.context.tls13 || self.context.server_hello.is_none();
                if !tls13 {
                    self.direction(from).sealed = true;
                }
                handshake::change_cipher_spec(tls13)
            }
            wire::ALERT if !self.direction(from).sealed => handshake::alert(from, content),
            wire::ALERT => handshake::Told::new("Alert", "encrypted: most often close_notify"),
            wire::HANDSHAKE => {
                handshake::Told::new("Finished", "encrypted, with the keys of TLS 1.2")
                    .why("proves that both have seen the same handshake")
            }
            wire::APPLICATION_DATA => handshake::Told::new("data", "what the connection is for"),
            other => handshake::Told::new("record", format!("of unknown type {other}")),
        };
        self.add(from, at, encrypted, told, content);
    }

    fn add(
        &mut self,
        from: From,
        at: Duration,
        encrypted: bool,
        told: handshake::Told,
        bytes: &[u8],
    ) {
        const SHOWN: usize = 4096;
        let mut hex = wire::hex(&bytes[..bytes.len().min(SHOWN)]);
        if bytes.len() > SHOWN {
            hex.push_str("...");
        }
        self.story.messages.push(Message {
            at_ms: (at.as_secs_f64() * 1e6).round() / 1e3,
            from,
            name: told.name,
            encrypted,
            bytes: bytes.len(),
            says: told.says,
            why: told.why,
            fields: told.fields,
            hex,
        });
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        for message in &self.messages {
            let time = match last.replace((message.at_ms, message.from)) {
                Some(before) if before == (message.at_ms, message.from) => String::new(),
                _ => format!("{:.1} ms", message.at_ms),
            };
            let arrow = if message.from == From::Client { "->" } else { "<-" };
            let name = if message.encrypted {
                format!("{{{}}}", message.name)
            } else {
                message.name.clone()
            };
            let bytes = format!("{} B", message.bytes);
            writeln!(f, "{time:>10} {arrow} {name:<23}{bytes:>8}  {}", message.says)?;
            if let Some(why) = &message.why {
                writeln!(f, "{:>47} {why}", "")?;
            }
        }
        Ok(())
    }
}

/// A list in a line, not longer than an eye takes in.
pub(crate) fn listed(names: impl IntoIterator<Item = String>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

pub(crate) fn suite(number: u16) -> String {
    match names::cipher_suite(number) {
        Some(name) => name,
        None if names::is_grease(number) => "GREASE".to_owned(),
        None => format!("suite {number:#06x}"),
    }
}
