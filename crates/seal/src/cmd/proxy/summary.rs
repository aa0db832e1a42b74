//! What it all came to.

use std::collections::{BTreeMap, BTreeSet};

use sealwire::Foreign;
use sealwire_lens::flow::{ConnectionId, Event, Leg, Outcome, What};

use super::terminal::size;
use crate::words::count::counted;

#[derive(Default)]
pub(super) struct Summary {
    pub(super) connections: u64,
    pub(super) flows: u64,
    failed: u64,
    bytes: [u64; 2],
    hosts: BTreeMap<String, u64>,
    /// Hosts whose certificate of ours a client refused, and by which alert.
    refused: BTreeMap<String, String>,
    /// Hosts after whose handshake a client closed without a word.
    closed: BTreeSet<String>,
    passed_by: u64,
    /// Of connections that are open.
    names: BTreeMap<ConnectionId, String>,
}

impl Summary {
    pub(super) fn add(&mut self, event: &Event) {
        match &event.what {
            What::Connected { .. } => self.connections += 1,
            What::Origin { connection, host, .. } => {
                self.names.insert(*connection, host.clone());
            }
            What::Handshake { connection, leg: Leg::Client, facts } => {
                let name = facts.hello.server_name.clone();
                let name = name.or_else(|| self.names.get(connection).cloned()).unwrap_or_default();
                match &facts.failure {
                    Some(failure) if failure.refused_certificate => {
                        self.refused.insert(name, failure.reason.clone());
                    }
                    Some(failure) if failure.alert.is_none() => drop(self.closed.insert(name)),
                    _ => {}
                }
            }
            What::PassedBy { .. } => self.passed_by += 1,
            What::Disconnected { connection, fault, .. } => {
                let name = self.names.remove(connection);
                let closed =
                    fault.as_ref().is_some_and(|why| why.contains("right after the handshake"));
                if let (true, Some(name)) = (closed, name) {
                    self.closed.insert(name);
                }
            }
            What::Request { head, .. } => {
                self.flows += 1;
                *self.hosts.entry(format!("{}://{}", head.scheme, head.authority)).or_default() +=
                    1;
            }
            What::End { end, .. } => {
                self.bytes[0] += end.bodies[0];
                self.bytes[1] += end.bodies[1];
                self.failed += u64::from(!matches!(end.outcome, Outcome::Complete));
            }
            _ => {}
        }
    }

    /// Human-readable.
    pub(super) fn lines(&self) -> Vec<String> {
        let failed = match self.failed {
            0 => String::new(),
            count => format!(", {count} failed"),
        };
        let [sent, received] = self.bytes;
        let mut lines = vec![format!(
            "{}{failed}, {} sent, {} received, over {}",
            counted(self.flows, "request"),
            size(sent),
            size(received),
            counted(self.connections, "connection")
        )];
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        hosts.sort_by(|a, b| b.1.cmp(a.1));
        for (host, count) in hosts.iter().take(10) {
            lines.push(format!("  {count:>5}  {}", Foreign::new(host)));
        }
        if hosts.len() > 10 {
            lines.push(format!("  and {} more", counted(hosts.len() as u64 - 10, "host")));
        }
        if self.passed_by > 0 {
            let were = if self.passed_by == 1 { "was" } else { "were" };
            let connections = counted(self.passed_by, "connection");
            lines.push(format!("{connections} {were} left alone, unread"));
        }
        for (host, why) in &self.refused {
            lines.push(format!(
                "not trusted: a program refused the proxy's certificate for {} ({}): it uses its own roots, or pins another certificate; --passthrough {} leaves it alone",
                Foreign::new(host),
                Foreign::new(why),
                Foreign::new(host)
            ));
        }
        for host in self.closed.iter().filter(|host| !self.refused.contains_key(*host)) {
            lines.push(format!(
                "perhaps not trusted: a program closed its connection to {} in the handshake or \
                 right after it, without a word; so does Node.js when it does not trust a \
                 certificate",
                Foreign::new(host)
            ));
        }
        lines
    }
}
