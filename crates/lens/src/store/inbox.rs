//! Between the relay's threads and the store's: nothing here waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};

use super::Shared;
use crate::flow::{Direction, Event, FlowId, What};

/// What the store's thread is told.
pub(super) enum Told {
    Event(Event),
    /// A body (or a wire's piece) that there was no room for.
    Dropped(FlowId, Direction, u64),
    Flush(SyncSender<()>),
    Close,
}

/// Facts that may wait. So many are only there when the disk hangs.
const MOST_FACTS: u64 = 1_000_000;

pub(super) struct Inbox {
    sender: Sender<Told>,
    shared: Arc<Shared>,
}

impl Inbox {
    pub(super) fn new(shared: Arc<Shared>) -> (Self, Receiver<Told>) {
        let (sender, receiver) = mpsc::channel();
        (Self { sender, shared }, receiver)
    }

    pub(super) fn tell(&self, told: Told) {
        let _ = self.sender.send(told);
    }

    pub(super) fn record(&self, event: Event) {
        let shared = &*self.shared;
        if shared.is_stopped.load(Ordering::Relaxed) {
            return;
        }
        let bytes = weight(&event.what) as u64;
        if bytes > 0 {
            let waiting = shared.waiting.fetch_add(bytes, Ordering::Relaxed);
            if waiting + bytes > shared.options.waiting as u64 {
                return self.lighten(event, bytes);
            }
        }
        self.fact(Told::Event(event));
    }

    fn fact(&self, told: Told) {
        if self.shared.facts.fetch_add(1, Ordering::Relaxed) > MOST_FACTS {
            self.shared.stop(
                "recording has stopped: the disk has not taken anything for too long".to_owned(),
            );
        }
        self.tell(told);
    }

    /// There is no room: the data go, the fact stays.
    fn lighten(&self, mut event: Event, bytes: u64) {
        self.shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
        self.shared.dropped.fetch_add(bytes, Ordering::Relaxed);
        match &mut event.what {
            What::Body(body) => self.fact(Told::Dropped(body.flow, body.direction, bytes)),
            What::Wire { .. } => {}
            What::Frame(frame) => {
                frame.data = bytes::Bytes::new();
                self.fact(Told::Event(event));
            }
            _ => self.fact(Told::Event(event)),
        }
    }
}

/// Bytes that an event holds on to, when they may be dropped.
pub(super) fn weight(what: &What) -> usize {
    match what {
        What::Body(body) => body.data.len(),
        What::Frame(frame) => frame.data.len(),
        What::Wire { data, .. } => data.len(),
        _ => 0,
    }
}
