//! Between the relay's threads and the store's: nothing here waits.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    commands: Sender<Command>,
    waiting: Arc<Waiting>,
    shared: Arc<Shared>,
}

/// What waits in the channel, which takes no lock: the system may take the processor from a thread that holds one,
/// and all others of the relay would stand still for as long. The reader is woken by the first of many and by what
/// cannot wait: to wake it each time would cost a relay more than to send.
#[derive(Default)]
struct Waiting {
    commands: AtomicUsize,
    /// One of them cannot wait.
    is_urgent: AtomicBool,
    /// The reader looks at the numbers with this locked, and whoever wakes it locks it once after changing them.
    reader: Mutex<()>,
    came: Condvar,
}

/// The receiving end for the store's thread.
pub(super) struct Arrivals {
    commands: Receiver<Command>,
    waiting: Arc<Waiting>,
    shared: Arc<Shared>,
}

impl Arrivals {
    /// Waits until something comes, and then for as long for more, unless it is enough or cannot wait.
    pub(super) fn take(&self, delay: Duration) -> impl Iterator<Item = Command> {
        let waiting = &*self.waiting;
        let reader = waiting.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |(): &mut ()| waiting.commands.load(Ordering::Acquire) == 0;
        let reader = waiting.came.wait_while(reader, none).unwrap_or_else(PoisonError::into_inner);
        let more = |(): &mut ()| !waiting.is_enough(&self.shared);
        drop(waiting.came.wait_timeout_while(reader, delay, more));
        // In this order: what is urgent was counted before it was called so.
        waiting.is_urgent.store(false, Ordering::SeqCst);
        let count = waiting.commands.swap(0, Ordering::SeqCst);
        self.commands.try_iter().take(count)
    }
}

/// So much is written without waiting for more: well before there is no room for it.
const ENOUGH: usize = 2_048;
const ENOUGH_BYTES: u64 = 1 << 20;

impl Waiting {
    fn is_enough(&self, shared: &Shared) -> bool {
        self.is_urgent.load(Ordering::SeqCst)
            || self.commands.load(Ordering::Relaxed) >= ENOUGH
            || shared.waiting.load(Ordering::Relaxed) >= ENOUGH_BYTES
    }

    fn wake(&self) {
        drop(self.reader.lock());
        self.came.notify_one();
    }
}

impl Inbox {
    pub(super) fn new(shared: Arc<Shared>) -> (Self, Arrivals) {
        let (sender, receiver) = mpsc::channel();
        let waiting = Arc::<Waiting>::default();
        let arrivals =
            Arrivals { commands: receiver, waiting: waiting.clone(), shared: shared.clone() };
        (Self { commands: sender, waiting, shared }, arrivals)
    }

    /// When its reader is gone, a command is dropped, and a caller that waits for it gets an error.
    pub(super) fn send(&self, command: Command) {
        let waiting = &*self.waiting;
        let is_urgent = matches!(command, Command::Flush(_) | Command::Close);
        if self.commands.send(command).is_err() {
            return;
        }
        let before = waiting.commands.fetch_add(1, Ordering::SeqCst);
        if is_urgent {
            waiting.is_urgent.store(true, Ordering::SeqCst);
        }
        if before == 0 || before + 1 == ENOUGH || is_urgent {
            waiting.wake();
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
        if bytes == 0 {
            return self.fact(Command::Event(event));
        }
        let before = shared.waiting.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > shared.options.waiting as u64 {
            shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
            return self.lighten(event);
        }
        self.fact(Command::Event(event));
        if before < ENOUGH_BYTES && before + bytes >= ENOUGH_BYTES {
            self.waiting.wake();
        }
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
