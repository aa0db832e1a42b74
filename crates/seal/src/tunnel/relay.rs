//! Moves data between two ends until both have said that they have no more.
//!
//! No end owns a buffer while nothing waits: data are read into the thread's scratch room and
//! written from there at once; only what a slow peer does not take is kept, and then nothing more
//! is read for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sealwire::live::{Tether, Why};
use sealwire::{Alert, Error};
use tokio::time::{Instant, Sleep};

use super::end::{End, Received};
use super::scratch::{self, Scratch};

/// Two ends that talk to each other through us.
pub(crate) struct Relay {
    client: End,
    target: End,
    /// From the client to the target, and back.
    up: Stage,
    down: Stage,
    idle: Duration,
    half_close: Duration,
    last_activity: Instant,
    alarm: Pin<Box<Sleep>>,
    /// The list that may revoke the peer's admission.
    tether: Option<Box<Tether>>,
    /// It was not polled before: there may be tickets for the client.
    fresh: bool,
}

/// How a relay ended, and what went through it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) reason: Reason,
    /// Bytes of data from the client to the target.
    pub(crate) up: u64,
    /// Bytes of data from the target to the client.
    pub(crate) down: u64,
}

#[derive(Debug)]
pub(crate) enum Reason {
    /// Both sides said that they have no more.
    Finished,
    /// The connection with the client broke.
    Client(Error),
    /// The connection with the target broke.
    Target(Error),
    /// Nothing moved for too long.
    Idle,
    /// One side had finished, and the other sent nothing for too long.
    HalfClosed,
    /// The peer is not accepted any longer, or the connection was open for too long.
    CutOff(Why),
}

/// How far one direction is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The sender is done: what waits is sent, and then the end.
    Ending,
    Done,
}

/// On which side of a direction something failed.
enum Broken {
    From(Error),
    To(Error),
}

impl Relay {
    pub(crate) fn new(
        client: End,
        target: End,
        (idle, half_close): (Duration, Duration),
        tether: Option<Tether>,
    ) -> Self {
        let now = Instant::now();
        Self {
            client,
            target,
            up: Stage::Open,
            down: Stage::Open,
            idle,
            half_close,
            last_activity: now,
            alarm: Box::pin(tokio::time::sleep_until(now + idle)),
            tether: tether.map(Box::new),
            fresh: true,
        }
    }

    fn poll_ends(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Reason> {
        let (up, down) = (self.target.delivered, self.client.delivered);
        let result = self.poll_directions(cx, scratch);
        if (up, down) != (self.target.delivered, self.client.delivered) {
            self.last_activity = Instant::now();
        }
        result
    }

    fn poll_directions(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Reason> {
        let up = poll_direction(cx, &mut self.client, &mut self.target, &mut self.up, scratch);
        if let Poll::Ready(Err(broken)) = up {
            return Poll::Ready(match broken {
                Broken::From(error) => Reason::Client(error),
                Broken::To(error) => Reason::Target(error),
            });
        }
        let down = poll_direction(cx, &mut self.target, &mut self.client, &mut self.down, scratch);
        if let Poll::Ready(Err(broken)) = down {
            return Poll::Ready(match broken {
                Broken::From(error) => Reason::Target(error),
                Broken::To(error) => Reason::Client(error),
            });
        }
        // What a session says by itself (an alert, a key update) goes out though no data do. But a client
        // that has asked something gets its tickets with the answer.
        if !(std::mem::take(&mut self.fresh) && self.target.delivered > 0) {
            say(cx, &mut self.client);
        }
        say(cx, &mut self.target);
        match (up, down) {
            (Poll::Ready(_), Poll::Ready(_)) => Poll::Ready(Reason::Finished),
            _ => Poll::Pending,
        }
    }

    /// Whether the connection is to be closed. One atomic load, when there is nothing else to do.
    fn poll_cut(&mut self, cx: &Context<'_>) -> Poll<Reason> {
        let cut = self.tether.as_mut().map(|tether| tether.poll_cut(cx));
        cut.unwrap_or(Poll::Pending).map(Reason::CutOff)
    }

    /// Whether it has been quiet for too long. The timer is reset only when it fires.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        loop {
            let half_closed = self.up != Stage::Open || self.down != Stage::Open;
            let allowed = if half_closed { self.half_close.min(self.idle) } else { self.idle };
            let due = self.last_activity + allowed;
            if due < self.alarm.deadline() {
                self.alarm.as_mut().reset(due);
            }
            ready!(self.alarm.as_mut().poll(cx));
            if Instant::now() >= due {
                return Poll::Ready(if half_closed { Reason::HalfClosed } else { Reason::Idle });
            }
            self.alarm.as_mut().reset(due);
        }
    }
}

impl Relay {
    /// Moves data until it is over, and closes both ends.
    pub(crate) async fn run(mut self) -> Ended {
        let reason = (&mut self).await;
        let (up, down) = (self.target.delivered, self.client.delivered);
        if !matches!(reason, Reason::Finished) {
            // Neither side may take a broken stream for a whole one.
            let Self { client, target, .. } = &mut self;
            let alert = match &reason {
                Reason::CutOff(why) => why.alert(),
                _ => Alert::INTERNAL_ERROR,
            };
            tokio::join!(client.break_off(alert), target.break_off(alert));
        }
        Ended { reason, up, down }
    }
}

impl Future for Relay {
    type Output = Reason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        let this = &mut *self;
        let reason = match scratch::with(|scratch| this.poll_ends(cx, scratch)) {
            Poll::Ready(reason) => reason,
            Poll::Pending => match this.poll_cut(cx) {
                Poll::Ready(reason) => reason,
                Poll::Pending => ready!(this.poll_alarm(cx)),
            },
        };
        Poll::Ready(reason)
    }
}

/// Sends what there is to send, if the socket takes it. A failure shows with the next read.
fn say(cx: &mut Context<'_>, end: &mut End) {
    if end.is_sending() {
        let _ = end.poll_flush(cx);
    }
}

/// Moves data one way until there are no more now, or the receiver is slow.
fn poll_direction(
    cx: &mut Context<'_>,
    from: &mut End,
    to: &mut End,
    stage: &mut Stage,
    scratch: &mut Scratch,
) -> Poll<Result<(), Broken>> {
    loop {
        match stage {
            Stage::Done => return Poll::Ready(Ok(())),
            Stage::Ending => {
                let finished = ready!(to.poll_finish(cx));
                *stage = Stage::Done;
                return Poll::Ready(finished.map_err(|e| Broken::To(e.into())));
            }
            Stage::Open => {
                if to.is_blocked() {
                    ready!(to.poll_flush(cx)).map_err(|e| Broken::To(e.into()))?;
                }
                scratch.plain.clear();
                match ready!(from.poll_receive(cx, scratch)).map_err(Broken::From)? {
                    Received::End => *stage = Stage::Ending,
                    Received::Some if scratch.plain.is_empty() => {}
                    Received::Some => {
                        to.send(cx, &scratch.plain, &mut scratch.sealed).map_err(Broken::To)?;
                    }
                }
            }
        }
    }
}
