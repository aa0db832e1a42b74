//! Breakpoints: messages that wait for a decision.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use crate::flow::{FlowId, RequestHead, ResponseHead};

/// The messages that wait. Clones are the same.
#[derive(Clone, Debug)]
pub struct Holds {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    held: BTreeMap<u64, (Held, oneshot::Sender<Decision>)>,
    closed: bool,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub struct Held {
    /// By which it is decided.
    pub id: u64,
    /// Its flow.
    pub flow: FlowId,
    /// What waits.
    pub message: HeldMessage,
    /// The whole body; `None` when it is longer than can be held, and is forwarded unchanged.
    pub body: Option<Bytes>,
}

/// One of the two.
#[derive(Clone, Debug)]
pub enum HeldMessage {
    /// A request before it is sent.
    Request(Box<RequestHead>),
    /// An answer before it is sent.
    Response(Box<ResponseHead>),
}

/// What becomes of it.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Forward it unchanged.
    Continue,
    /// Forward this request. `None` keeps the body.
    Request(Box<RequestHead>, Option<Bytes>),
    /// This answer is given; to a request that waits, without asking the origin.
    Response(Box<ResponseHead>, Option<Bytes>),
    /// The connection is closed.
    Abort,
}

impl Default for Holds {
    fn default() -> Self {
        let changes = watch::Sender::new(0);
        Self { shared: Arc::new(Shared { waiting: Mutex::default(), changes }) }
    }
}

impl Holds {
    /// Waits for a decision on a request. Dropping the future (the client has gone) takes it back.
    pub async fn request(&self, flow: FlowId, head: RequestHead, body: Option<Bytes>) -> Decision {
        self.hold(flow, HeldMessage::Request(Box::new(head)), body).await
    }

    /// Waits for a decision on an answer.
    pub async fn response(
        &self,
        flow: FlowId,
        head: ResponseHead,
        body: Option<Bytes>,
    ) -> Decision {
        self.hold(flow, HeldMessage::Response(Box::new(head)), body).await
    }

    /// What waits now.
    #[must_use]
    pub fn list(&self) -> Vec<Held> {
        self.lock().held.values().map(|(held, _)| held.clone()).collect()
    }

    /// Decides. `false` when it does not wait (any longer).
    pub fn decide(&self, id: u64, decision: Decision) -> bool {
        let found = self.lock().held.remove(&id);
        self.changed();
        found.is_some_and(|(_, answer)| answer.send(decision).is_ok())
    }

    /// Forwards everything, now and later: no client is left to decide.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let held = std::mem::take(&mut waiting.held);
        drop(waiting);
        for (_, answer) in held.into_values() {
            let _ = answer.send(Decision::Continue);
        }
        self.changed();
    }

    /// Tells each change of the list.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    async fn hold(&self, flow: FlowId, message: HeldMessage, body: Option<Bytes>) -> Decision {
        let (answer, decided) = oneshot::channel();
        let id = {
            let mut waiting = self.lock();
            if waiting.closed {
                return Decision::Continue;
            }
            waiting.next += 1;
            let id = waiting.next;
            waiting.held.insert(id, (Held { id, flow, message, body }, answer));
            id
        };
        self.changed();
        let _leave = Leave { holds: self, id };
        decided.await.unwrap_or(Decision::Continue)
    }

    fn changed(&self) {
        self.shared.changes.send_modify(|n| *n += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.shared.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Takes a message off the list when its flow no longer waits.
struct Leave<'a> {
    holds: &'a Holds,
    id: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.holds.lock().held.remove(&self.id).is_some() {
            self.holds.changed();
        }
    }
}
