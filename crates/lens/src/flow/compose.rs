//! Requests that no client sent: repeated, edited, or written by hand.

use std::pin::Pin;

use bytes::Bytes;

use super::{FlowId, RequestHead};

/// A request to send. What it repeats is in [`RequestHead::repeats`].
#[derive(Clone, Debug)]
pub struct Composed {
    /// The head; scheme and authority say where to.
    pub head: RequestHead,
    /// The whole body.
    pub body: Bytes,
}

/// The new flow's number, as soon as its request was recorded, or why nothing was sent.
pub type Sending = Pin<Box<dyn Future<Output = Result<FlowId, String>> + Send>>;

/// Sends what was composed as a new flow, recorded like any other. The relay is one.
pub trait Sender: Send + Sync + 'static {
    /// Sends it. The answer is recorded, not returned.
    fn send(&self, request: Composed) -> Sending;
}
