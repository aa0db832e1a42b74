//! What stands in the way of a handshake that broke off without a reason: our hello again, changed a
//! little at a time, until one goes through. At most eight changed hellos, one after the other.

mod change;
mod finding;

use std::time::{Duration, Instant};

use sealwire::reading::{HANDSHAKE, Record};
use sealwire::starttls::{self, Protocol};
use sealwire::trace::Sender;
use sealwire::{Alert, ClientOptions, Error, SecureContextBuilder, ServerName};
use serde::{Serialize, Serializer};

use super::observed::{self, Observed};
use crate::net::dial::Route;
use crate::net::target::Target;
use crate::say::failure::Failure;
pub(crate) use change::Change;
use change::{Hello, changed};
pub(crate) use finding::Obstacle;
use finding::Seen;

/// The connection that broke off: where to, and with what.
pub(crate) struct Broken<'a> {
    pub(crate) route: &'a Route,
    pub(crate) target: &'a Target,
    pub(crate) name: &'a ServerName,
    pub(crate) alpn: &'a [String],
    /// Whether TLS was begun at once on PostgreSQL's port, without an option to do so.
    pub(crate) may_be_postgres: bool,
    pub(crate) options: &'a ClientOptions,
    /// The settings that its context was built of.
    pub(crate) settings: &'a dyn Fn() -> Result<SecureContextBuilder, Failure>,
    pub(crate) observed: &'a Observed,
}

/// A changed hello, and what became of it.
#[derive(Debug, Serialize)]
pub(crate) struct Try {
    /// None: our hello as it was, once more.
    pub(crate) changes: Vec<Change>,
    pub(crate) hello_bytes: usize,
    pub(crate) outcome: Outcome,
}

/// What became of a hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The handshake was complete.
    Through,
    /// The server answered, and refused: with this.
    Answered(String),
    /// It broke off as the first did, or so.
    Died(&'static str),
    /// There was no connection to say it on.
    NotReached,
}

/// How many changed hellos are tried at most, and how long each may take.
const MOST: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a handshake ended without a reason: a reset, a close, silence, or an alert without one.
pub(crate) fn is_unexplained(error: &Error) -> bool {
    died(error).is_some() || error.alert().is_some_and(names_no_reason)
}

/// Alerts by which everything may be meant (RFC 8446, 6.2): unexpected_message, handshake_failure,
/// illegal_parameter, decode_error, internal_error. Those that are sent about a certificate, a name, a
/// version or a protocol say what it is.
fn names_no_reason(alert: Alert) -> bool {
    matches!(alert.number(), 10 | 40 | 47 | 50 | 80)
}

fn died(error: &Error) -> Option<&'static str> {
    use std::io::ErrorKind as K;
    match error {
        Error::ClosedInHandshake => Some("closed"),
        Error::HandshakeTimedOut => Some("timed out"),
        Error::Io(io) => match io.kind() {
            K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => Some("reset"),
            K::UnexpectedEof => Some("closed"),
            K::TimedOut => Some("timed out"),
            _ => None,
        },
        _ => None,
    }
}

/// Looks for the smallest change of our hello with which the handshake gets further.
pub(crate) async fn find(broken: Broken<'_>) -> Result<Obstacle, Failure> {
    let mut search = Search { heard: broken.has_heard(), tried: Vec::new(), broken };
    for changes in search.changes() {
        if search.attempt(changes.clone()).await? {
            let smallest = search.without_what_is_not_needed(changes).await?;
            return search.confirmed(smallest).await;
        }
    }
    Ok(search.obstacle(None))
}

struct Search<'a> {
    broken: Broken<'a>,
    /// Whether anything of the server came before it broke off.
    heard: bool,
    tried: Vec<Try>,
}

impl Search<'_> {
    /// What is tried, the smallest change first: what changes no bit of the hello, what the server
    /// does not miss, all of that at once, and what both sides lose by. A hello of TLS 1.2 is without
    /// ML-KEM and ML-DSA anyway, so it comes last.
    fn changes(&self) -> Vec<Vec<Change>> {
        use Change as C;
        let may_be_postgres = self.broken.may_be_postgres;
        let offers_alpn = !self.broken.alpn.is_empty();
        let sends_name = self.broken.sends_name();
        let new = [(true, C::NoMlDsa), (offers_alpn, C::NoAlpn), (true, C::NoMlKem)];
        let new = new.into_iter().filter_map(|(sensible, change)| sensible.then_some(change));
        let new: Vec<C> = new.collect();
        // A hello that was answered has passed in one piece.
        let cut: &[C] = if self.heard { &[] } else { &[C::TwoSegments, C::TwoRecords] };
        let name: &[C] = match (sends_name, self.heard) {
            (true, _) => &[C::NoSni],
            (false, false) => &[C::AnyName],
            (false, true) => &[],
        };
        let ask: &[C] = if may_be_postgres && !self.heard { &[C::AskFirst] } else { &[] };
        let mut singles = [ask, cut, &new, name].concat();
        // PostgreSQL closes a connection without its protocol, so it is left out with others only.
        singles.retain(|change| *change != C::NoAlpn || !may_be_postgres);
        let singles = singles.into_iter().map(|change| vec![change]);
        singles.chain([new, vec![C::Tls12Only]]).collect()
    }

    /// The same, with as little as helps, as far as tries are left.
    async fn without_what_is_not_needed(
        &mut self,
        mut changes: Vec<Change>,
    ) -> Result<Vec<Change>, Failure> {
        for change in changes.clone() {
            let fewer: Vec<Change> = changes.iter().copied().filter(|one| *one != change).collect();
            // One alone has been tried.
            if fewer.len() > 1 && self.tries_left() > 0 && self.attempt(fewer.clone()).await? {
                changes = fewer;
            }
        }
        Ok(changes)
    }

    /// How many changed hellos may still be said.
    fn tries_left(&self) -> usize {
        MOST.saturating_sub(self.tried.iter().filter(|one| !one.changes.is_empty()).count())
    }

    /// Says a changed hello, and notes what became of it. Whether it went through.
    async fn attempt(&mut self, changes: Vec<Change>) -> Result<bool, Failure> {
        let hello = changed(&self.broken, &changes, self.broken.hello_bytes())?;
        let start = Instant::now();
        let patience = PATIENCE.min(self.broken.route.timeout.get());
        let (outcome, hello_bytes) = tokio::time::timeout(patience, self.say(&hello, start))
            .await
            .unwrap_or((Outcome::Died("timed out"), hello.bytes));
        // A server that requires a name refuses a reserved one: any answer counts.
        let through = match outcome {
            Outcome::Through => true,
            Outcome::Answered(_) => changes.contains(&Change::AnyName),
            _ => false,
        };
        self.tried.push(Try { changes, hello_bytes, outcome });
        Ok(through)
    }

    async fn say(&self, hello: &Hello, start: Instant) -> (Outcome, usize) {
        let Broken { route, target, name, .. } = self.broken;
        let Ok(mut reached) = route.reach(target, name.as_str()).await else {
            return (Outcome::NotReached, hello.bytes);
        };
        let Hello { asks_first, carriage, context, options, .. } = hello;
        // The time is kept by the caller, for all of it.
        let ours = route.timeout.get();
        let tcp = &mut reached.tcp;
        if *asks_first
            && let Err(error) = starttls::ask(tcp, Protocol::Postgres, name.as_str()).await
        {
            let outcome = match error {
                starttls::Error::NoTls(..) | starttls::Error::TurnedAway(..) => {
                    Outcome::Answered(error.to_string())
                }
                starttls::Error::Unlike(..) => Outcome::Died("not PostgreSQL"),
                _ => Outcome::Died("closed"),
            };
            return (outcome, hello.bytes);
        }
        let observed = observed::handshake_by(*carriage, tcp, context, options, start, ours).await;
        let Ok(observed) = observed else { return (Outcome::NotReached, hello.bytes) };
        let outcome = match &observed.outcome {
            Ok(_) => Outcome::Through,
            Err(error) => match died(error) {
                Some(how) => Outcome::Died(how),
                None if error.alert().is_some() && error.alert() == self.broken.alert() => {
                    Outcome::Died("refused")
                }
                None => Outcome::Answered(error.to_string()),
            },
        };
        (outcome, hello_bytes(&observed))
    }

    /// After a success: does our own hello still fail, and is it for its length or for what it says?
    async fn confirmed(mut self, changes: Vec<Change>) -> Result<Obstacle, Failure> {
        if self.attempt(Vec::new()).await? {
            return Ok(self.obstacle(Some(Vec::new())));
        }
        let as_long = vec![Change::NoMlKem, Change::AsLong];
        if changes == [Change::NoMlKem] && self.tries_left() > 0 {
            self.attempt(as_long).await?;
        }
        Ok(self.obstacle(Some(changes)))
    }

    fn obstacle(self, smallest: Option<Vec<Change>>) -> Obstacle {
        let (broken, heard) = (&self.broken, self.heard);
        let name = broken.sends_name().then(|| broken.name.to_string());
        let (alert, tried) = (broken.alert(), self.tried);
        Obstacle::new(
            smallest,
            Seen { hello_bytes: broken.hello_bytes(), tried, heard, name, alert },
        )
    }
}

impl Broken<'_> {
    fn sends_name(&self) -> bool {
        self.name.ip().is_none()
    }

    /// Whether a message of the server's came; an alert may be of whatever stands before it.
    fn has_heard(&self) -> bool {
        let mut chunks = self.observed.chunks.iter();
        chunks.any(|chunk| chunk.from == Sender::Server && chunk.bytes.first() == Some(&HANDSHAKE))
    }

    /// By which alert it ended, if by one.
    fn alert(&self) -> Option<Alert> {
        self.observed.outcome.as_ref().err().and_then(Error::alert)
    }

    fn hello_bytes(&self) -> usize {
        hello_bytes(self.observed)
    }
}

/// How long the first ClientHello of a connection was, its records included.
fn hello_bytes(observed: &Observed) -> usize {
    let mut chunks = observed.chunks.iter();
    let Some(first) = chunks.find(|chunk| chunk.from == Sender::Client) else { return 0 };
    let mut rest = &first.bytes[..];
    while let Some(record) = Record::first(rest).filter(|record| record.kind == HANDSHAKE) {
        rest = &rest[record.bytes.len()..];
    }
    first.bytes.len() - rest.len()
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Through => "through",
            Self::Answered(_) => "refused",
            Self::Died(how) => how,
            Self::NotReached => "not reached",
        })
    }
}
