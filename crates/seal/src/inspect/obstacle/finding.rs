//! What the changed hellos tell together.

use std::fmt;

use sealwire::{Alert, Foreign};
use serde::Serialize;

use super::{Change, Outcome, Try};
use crate::say::advice;

/// Why a handshake dies on the way, as far as changed hellos tell.
#[derive(Debug, Serialize)]
pub(crate) struct Obstacle {
    /// Of our hello, in records.
    hello_bytes: usize,
    /// With which it goes through; null when none of those that were tried helps, empty when our own
    /// hello went through when it was said again.
    smallest_change: Option<Vec<Change>>,
    points_to: String,
    advice: Option<&'static str>,
    tried: Vec<Try>,
}

impl Obstacle {
    pub(super) fn new(smallest_change: Option<Vec<Change>>, seen: Seen) -> Self {
        let points_to = seen.points_to(smallest_change.as_deref());
        let names = |changes: &[Change]| changes.iter().map(|one| one.name()).collect::<Vec<_>>();
        let advice = smallest_change.as_deref().and_then(|it| advice::for_changes(&names(it)));
        let Seen { hello_bytes, tried, .. } = seen;
        Self { hello_bytes, smallest_change, points_to, advice, tried }
    }
}

/// What there is to conclude from.
pub(super) struct Seen {
    pub(super) hello_bytes: usize,
    pub(super) tried: Vec<Try>,
    /// Whether a message of the server's came before it broke off.
    pub(super) heard: bool,
    pub(super) name: Option<String>,
    /// By which our own hello was refused, if it was by one.
    pub(super) alert: Option<Alert>,
}

impl Seen {
    fn points_to(&self, smallest: Option<&[Change]>) -> String {
        match smallest {
            None => self.nothing_helps(),
            Some([]) => {
                "our hello got through when it was sent again: the failure is intermittent (load, one of several servers, a limit on connections)"
                    .to_owned()
            }
            Some([change]) => self.of_one(*change),
            Some(several) => {
                let all = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!(
                    "no single change helps, these together do: {all}; there is more than one obstacle, or one that is intolerant of all that is new in a hello"
                )
            }
        }
    }

    fn of_one(&self, change: Change) -> String {
        match change {
            Change::AskFirst => {
                "the server is PostgreSQL and starts TLS on request: all versions do, and those before 17 only that way"
                    .to_owned()
            }
            Change::TwoSegments => {
                "a middlebox reads only the first packet and closes the connection on its content: probably a filter on names"
                    .to_owned()
            }
            Change::TwoRecords => {
                "a middlebox takes the first record for the whole hello and closes the connection on its content: probably a filter on names"
                    .to_owned()
            }
            Change::NoMlDsa => {
                "the server, or something before it, is intolerant of unknown signature schemes (ML-DSA, 0x0904 to 0x0906)"
                    .to_owned()
            }
            Change::NoAlpn => {
                "the server, or something before it, is intolerant of the protocols offered (ALPN)"
                    .to_owned()
            }
            Change::NoMlKem => self.of_ml_kem(),
            Change::Tls12Only => {
                "the server, or something before it, is intolerant of TLS 1.3".to_owned()
            }
            Change::NoSni => format!(
                "the connection is closed because of the name {}: by a filter, or by a server that does not serve it",
                self.name.as_deref().unwrap_or_default()
            ),
            Change::AnyName => {
                "the server requires a server name (SNI), and an address is not one".to_owned()
            }
            Change::AsLong => "a hello is too short for the server".to_owned(),
        }
    }

    /// Whether it is the length of ML-KEM's share, or ML-KEM itself.
    fn of_ml_kem(&self) -> String {
        let short = self.outcome(&[Change::NoMlKem]).map_or(0, |one| one.hello_bytes);
        let as_long = self.outcome(&[Change::NoMlKem, Change::AsLong]);
        let (ours, long) = (self.hello_bytes, as_long.map_or(0, |one| one.hello_bytes));
        match as_long.map(|one| &one.outcome) {
            Some(Outcome::Died(_)) => format!(
                "a middlebox drops a hello that does not fit one packet: one of {short} B gets through, ours of {ours} B does not, nor one of {long} B without ML-KEM"
            ),
            Some(Outcome::Through | Outcome::Answered(_)) if self.heard => format!(
                "the hello arrives, also when it is as long ({long} B) and without ML-KEM: the connection is closed at the server's answer, which is 1088 B longer with ML-KEM"
            ),
            Some(Outcome::Through | Outcome::Answered(_)) => format!(
                "the length of the hello is not the cause, since one of {long} B without ML-KEM gets through: the server, or something before it, is intolerant of the group X25519MLKEM768, or of an answer that is 1088 B longer for it"
            ),
            _ => format!(
                "a hello of {short} B gets through, ours of {ours} B with ML-KEM does not: a middlebox drops what does not fit one packet, or is intolerant of the group X25519MLKEM768"
            ),
        }
    }

    fn nothing_helps(&self) -> String {
        let answered = self.tried.iter().find_map(|one| match &one.outcome {
            Outcome::Answered(how) => Some((&one.changes, how)),
            _ => None,
        });
        if let Some((changes, how)) = answered {
            return format!("a hello {} is answered, though not agreed to: {how}", listed(changes));
        }
        if self.tried.iter().all(|one| one.outcome == Outcome::NotReached) {
            return "the server is no longer reachable, so the cause was not found".to_owned();
        }
        let no_name = match self.name {
            Some(_) => "",
            None => ", nor is the missing name (SNI)",
        };
        if let Some(alert) = self.alert {
            return format!(
                "nothing new in the hello is the cause{no_name}: the server answers {} to all of them (no certificate, suite or group of its own matches, it requires something else, or it fails internally: see its log)",
                alert.name()
            );
        }
        format!(
            "nothing in the hello is the cause{no_name}: the server closes the connection whatever is sent (it blocks our address, does not speak TLS at this port, or is behind something that blocks all connections)"
        )
    }

    fn outcome(&self, changes: &[Change]) -> Option<&Try> {
        self.tried.iter().find(|one| one.changes == changes)
    }
}

fn listed(changes: &[Change]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.changes[..] {
            [] => f.write_str("as it was, once more")?,
            _ => f.write_str(&listed(&self.changes))?,
        }
        match &self.outcome {
            Outcome::Through => write!(f, " ({} B): goes through", self.hello_bytes),
            Outcome::Answered(how) => {
                write!(f, " ({} B): {}", self.hello_bytes, Foreign::new(how))
            }
            Outcome::Died(how) => write!(f, ": {how}"),
            Outcome::NotReached => f.write_str(": not reached"),
        }
    }
}

impl Obstacle {
    /// What is shown of it: labels, and what belongs to them.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let advice = self.advice.map_or_else(String::new, |advice| format!(" ({advice})"));
        let mut lines = vec![("because", format!("{}{advice}", self.points_to))];
        if let Some(changes @ [_, ..]) = self.smallest_change.as_deref() {
            lines.push(("helps", format!("a hello {}", listed(changes))));
        }
        for (i, one) in self.tried.iter().enumerate() {
            lines.push((if i == 0 { "tried" } else { "" }, one.to_string()));
        }
        lines
    }
}
