//! Between the relay's threads and the store's: nothing here waits.

use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Shared;
use crate::flow::{Body, Direction, Event, FlowId, Frame, What};

/// A command to the store's thread.
pub(super) enum Command {
    Event(Event),
    /// There was no room for something of this flow; `Shared::left_out` says how much.
    LeftOut(FlowId),
    Flush(SyncSender<()>),
    Close,
}

/// Facts that may wait. So many are only there when the disk hangs.
const MOST_FACTS: u64 = 1_000_000;
/// From so many on, what a flow may have any number of is left out: each takes some hundred bytes while it waits.
const MANY_FACTS: u64 = 4_096;

pub(super) struct Inbox {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
}

/// Pending commands. Their reader is woken by the first of many and by what cannot wait: to wake it
/// each time would cost a relay more than to send.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    commands: Vec<Command>,
    /// Of bodies and the like in it.
    bytes: usize,
    /// Something in it cannot wait.
    is_urgent: bool,
    /// Its reader is gone: commands are dropped, and waiting callers get an error.
    is_over: bool,
}

/// The receiving end for the store's thread.
pub(super) struct Arrivals(Arc<Queue>);

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrivals {
    /// Waits until something comes, and then for as long for more, unless it is enough or cannot wait. The room
    /// of `commands`, which is empty, is for what comes next.
    pub(super) fn take(&self, delay: Duration, commands: &mut Vec<Command>) {
        let waiting = self.0.lock();
        let waiting = self.0.came.wait_while(waiting, |waiting| waiting.commands.is_empty());
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let more = |waiting: &mut Waiting| !waiting.is_enough();
        let waited = self.0.came.wait_timeout_while(waiting, delay, more);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.is_urgent = false;
        waiting.bytes = 0;
        // What a burst took is given back.
        commands.shrink_to(2 * ENOUGH);
        std::mem::swap(&mut waiting.commands, commands);
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.is_over = true;
        waiting.commands.clear();
    }
}

/// So much is written without waiting for more: well before there is no room for it.
const ENOUGH: usize = 2_048;
const ENOUGH_BYTES: usize = 1 << 20;

impl Waiting {
    fn is_enough(&self) -> bool {
        self.is_urgent || self.commands.len() >= ENOUGH || self.bytes >= ENOUGH_BYTES
    }
}

impl Inbox {
    pub(super) fn new(shared: Arc<Shared>) -> (Self, Arrivals) {
        let queue = Arc::<Queue>::default();
        (Self { queue: queue.clone(), shared }, Arrivals(queue))
    }

    pub(super) fn send(&self, command: Command) {
        let mut waiting = self.queue.lock();
        if waiting.is_over {
            return;
        }
        let was_enough = waiting.is_enough();
        match &command {
            Command::Event(event) => waiting.bytes += weight(&event.what),
            Command::Flush(_) | Command::Close => waiting.is_urgent = true,
            Command::LeftOut(_) => {}
        }
        waiting.commands.push(command);
        let wakes = waiting.commands.len() == 1 || waiting.is_enough() && !was_enough;
        drop(waiting);
        if wakes {
            self.queue.came.notify_one();
        }
    }

    pub(super) fn record(&self, event: Event) {
        let shared = &*self.shared;
        if shared.is_stopped.load(Ordering::Relaxed) {
            return;
        }
        if is_one_of_many(&event.what) && shared.facts.load(Ordering::Relaxed) > MANY_FACTS {
            return self.leave_out(&event.what);
        }
        let bytes = weight(&event.what) as u64;
        if bytes > 0 {
            let waiting = shared.waiting.fetch_add(bytes, Ordering::Relaxed);
            if waiting + bytes > shared.options.waiting as u64 {
                shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
                return self.lighten(event);
            }
        }
        self.fact(Command::Event(event));
    }

    fn fact(&self, command: Command) {
        if self.shared.facts.fetch_add(1, Ordering::Relaxed) > MOST_FACTS {
            self.shared
                .stop("recording stopped: the disk did not accept writes for too long".to_owned());
        }
        self.send(command);
    }

    /// There is no room: the data go, the fact of a message stays.
    fn lighten(&self, mut event: Event) {
        match &mut event.what {
            What::Frame(frame) => {
                let dropped = std::mem::take(&mut frame.data).len() as u64;
                self.shared.dropped.fetch_add(dropped, Ordering::Relaxed);
                self.fact(Command::Event(event));
            }
            what => self.leave_out(what),
        }
    }

    /// There is no room at all: that something is missing is told once, and how much by the time it is
    /// heard.
    fn leave_out(&self, what: &What) {
        let (flow, direction, bytes) = match what {
            What::Body(body) => (body.flow, body.direction, body.data.len() as u64),
            What::Frame(frame) => (frame.flow, frame.direction, frame.data.len() as u64),
            What::Statement(statement) => {
                (statement.flow, Direction::Request, statement.text.len() as u64)
            }
            What::Informational { flow, .. } => (*flow, Direction::Response, 0),
            What::Wire { data, .. } => {
                self.shared.dropped.fetch_add(data.len() as u64, Ordering::Relaxed);
                return;
            }
            _ => return,
        };
        self.shared.dropped.fetch_add(bytes, Ordering::Relaxed);
        let mut left_out = self.shared.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !left_out.contains_key(&flow);
        left_out.entry(flow).or_default()[super::fold::side(direction)] += bytes;
        drop(left_out);
        if is_new {
            self.fact(Command::LeftOut(flow));
        }
    }
}

/// What a flow may have any number of.
fn is_one_of_many(what: &What) -> bool {
    matches!(
        what,
        What::Body(_)
            | What::Frame(_)
            | What::Statement(_)
            | What::Wire { .. }
            | What::Informational { .. }
    )
}

/// What an event takes beside its data, roughly.
const OVERHEAD: usize = 256;

/// Bytes that an event holds on to, when they may be dropped.
pub(super) fn weight(what: &What) -> usize {
    match what {
        What::Body(Body { data, .. })
        | What::Frame(Frame { data, .. })
        | What::Wire { data, .. }
            if !data.is_empty() =>
        {
            data.len() + OVERHEAD
        }
        What::Statement(statement) => statement.text.len() + OVERHEAD,
        _ => 0,
    }
}
