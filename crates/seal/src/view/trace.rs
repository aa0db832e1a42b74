//! A handshake as it is told: message by message, or as JSON.

use std::fmt;
use std::time::Duration;

use sealwire::trace::{Message, Sender};
use serde::{Serialize, Serializer};

/// The whole of it, in order.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Trace {
    messages: Vec<Line>,
}

#[derive(Debug, Clone, Serialize)]
struct Line {
    #[serde(rename = "at_ms", serialize_with = "as_milliseconds")]
    at: Duration,
    from: &'static str,
    name: String,
    encrypted: bool,
    bytes: usize,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    fields: Vec<(String, String)>,
    hex: String,
}

impl Trace {
    pub(crate) fn of(messages: &[Message]) -> Self {
        let line = |message: &Message| Line {
            at: message.at,
            from: if message.from == Sender::Client { "client" } else { "server" },
            name: message.name.clone(),
            encrypted: message.encrypted,
            bytes: message.bytes,
            says: message.says.clone(),
            why: message.why.clone(),
            fields: message.fields.clone(),
            hex: message.hex.clone(),
        };
        Self { messages: messages.iter().map(line).collect() }
    }
}

/// Milliseconds, to a microsecond.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn as_milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*time))
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        for message in &self.messages {
            let time = match last.replace((message.at, message.from)) {
                Some(before) if before == (message.at, message.from) => String::new(),
                _ => format!("{:.1} ms", milliseconds(message.at)),
            };
            let arrow = if message.from == "client" { "->" } else { "<-" };
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
