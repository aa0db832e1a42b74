//! What happens, as lines for people.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use sealwire_lens::flow::{
    Direction, Event, FlowId, HandshakeFacts, Leg, Outcome, PublicRevocationFacts, RequestHead,
    What,
};

use super::json::{kind_name, short, url};
use crate::words::count::counted;
use sealwire::Foreign;

/// Remembers what lines are made of.
#[derive(Default)]
pub(super) struct Terminal {
    flows: HashMap<FlowId, Open>,
    /// Of whose certificate it was told what is known of the public web.
    revocation_told: HashSet<(String, &'static str)>,
}

struct Open {
    since: SystemTime,
    method: String,
    url: String,
    status: Option<u16>,
    /// It has a line already, since it is open.
    shown: bool,
}

/// The longest URL that is shown whole.
const LONGEST_URL: usize = 120;
const LONGEST_TEXT: usize = 160;
/// Origins that are remembered.
const MOST_TOLD: usize = 4_096;

impl Terminal {
    /// The lines of an event.
    pub(super) fn lines(&mut self, event: &Event) -> Vec<String> {
        match &event.what {
            What::Request { flow, head, .. } => {
                self.flows.insert(*flow, Open::new(event.at, head));
                Vec::new()
            }
            What::Response { flow, head } => {
                let Some(open) = self.flows.get_mut(flow) else { return Vec::new() };
                open.status = Some(head.status);
                let goes_on = head.status == 101
                    || head.headers.iter().any(|header| {
                        header.name.eq_ignore_ascii_case(b"content-type")
                            && header.value.starts_with(b"text/event-stream")
                    });
                if !goes_on {
                    return Vec::new();
                }
                open.shown = true;
                vec![open.line(event.at, "still open")]
            }
            What::Frame(frame) => {
                let arrow = arrow(frame.direction);
                let text = match std::str::from_utf8(&frame.data) {
                    Ok(text) => short(text, LONGEST_TEXT),
                    Err(_) => String::new(),
                };
                let (kind, length) = (kind_name(frame.kind), size(frame.length));
                vec![format!("      {arrow} {kind} {length} {text}")]
            }
            What::Statement(statement) => {
                let result = match (&statement.error, statement.rows) {
                    (Some(error), _) => short(error, LONGEST_TEXT),
                    (None, Some(rows)) => {
                        format!("{}, {}", counted(rows, "row"), size(statement.bytes))
                    }
                    (None, None) => size(statement.bytes),
                };
                let text = short(statement.text.trim(), LONGEST_TEXT);
                vec![format!("  sql {text}: {result}, {}", time(statement.took))]
            }
            What::End { flow, end } => {
                let Some(open) = self.flows.remove(flow) else { return Vec::new() };
                let sizes = match end.bodies {
                    [0, received] => size(received),
                    [sent, received] => format!("{} sent, {}", size(sent), size(received)),
                };
                match &end.outcome {
                    Outcome::Complete if open.shown => Vec::new(),
                    Outcome::Complete => vec![open.line(event.at, &sizes)],
                    Outcome::ClientFailed(why) => {
                        vec![
                            open.line(
                                event.at,
                                &format!("the client failed: {}", Foreign::new(why)),
                            ),
                        ]
                    }
                    Outcome::OriginFailed(why) => {
                        vec![
                            open.line(
                                event.at,
                                &format!("the origin failed: {}", Foreign::new(why)),
                            ),
                        ]
                    }
                    Outcome::Refused(why) => {
                        vec![open.line(event.at, &Foreign::new(why).to_string())]
                    }
                    _ => Vec::new(),
                }
            }
            What::Handshake { leg: Leg::Origin, facts, .. } => self.origin(facts),
            What::PassedBy { reason, .. } => {
                vec![format!("  tls left alone: {}", Foreign::new(reason))]
            }
            What::Disconnected { fault: Some(fault), .. } => {
                vec![format!("      connection: {}", Foreign::new(fault))]
            }
            _ => Vec::new(),
        }
    }

    fn origin(&mut self, facts: &HandshakeFacts) -> Vec<String> {
        let name = facts.hello.server_name.as_deref().unwrap_or("the origin");
        let mut lines = Vec::new();
        if let Some(verdict) = facts.verdict.as_ref().filter(|verdict| !verdict.authorized) {
            let code = verdict.code.as_deref().unwrap_or("refused");
            lines.push(format!("  tls {}: {code}", Foreign::new(name)));
            lines.extend(verdict.evidence.iter().map(|e| format!("      {}", Foreign::new(e))));
            lines.extend(verdict.advice.iter().map(|advice| format!("      {advice}")));
        }
        // Once for each origin, not for each of its connections.
        if let Some(PublicRevocationFacts { status, hours }) = &facts.public_revocation
            && self.revocation_told.insert((name.to_owned(), status))
        {
            let hours = hours.map_or_else(String::new, |hours| format!(", {hours} hours old"));
            lines.push(format!(
                "  tls {}: revocation on the public web (upki's data{hours}): {status}",
                Foreign::new(name)
            ));
            if self.revocation_told.len() > MOST_TOLD {
                self.revocation_told.clear();
            }
        }
        lines
    }
}

impl Open {
    fn new(since: SystemTime, head: &RequestHead) -> Self {
        let (method, url) = (head.method.clone(), url(head));
        Self { since, method, url, status: None, shown: false }
    }

    fn line(&self, now: SystemTime, what: &str) -> String {
        let status = self.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
        let took = now.duration_since(self.since).unwrap_or_default();
        let method = Foreign::new(&self.method);
        let url = short(&self.url, LONGEST_URL);
        format!("  {status} {method} {url}  {what}, {}", time(took)).replace("   ", " ")
    }
}

fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Request => "->",
        Direction::Response => "<-",
    }
}

pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

fn time(took: Duration) -> String {
    match took.as_millis() {
        0..10_000 => format!("{:.1} ms", took.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}
