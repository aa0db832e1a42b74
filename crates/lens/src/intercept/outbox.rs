//! Requests to send that no client sent: they wait here until the proxy takes them up.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::{Proxy, Target};
use crate::flow::{Composed, FlowId, Sender, Sending};

/// Requests that may wait.
const MOST_WAITING: usize = 256;

/// A request to send, and the channel for its flow's number.
pub(crate) struct Order {
    pub(crate) request: Composed,
    pub(crate) began: oneshot::Sender<FlowId>,
}

pub(super) struct Outbox {
    sender: mpsc::Sender<Order>,
    receiver: Mutex<Option<mpsc::Receiver<Order>>>,
}

impl Default for Outbox {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }
}

impl Outbox {
    /// What comes out, for the relay.
    pub(super) fn take(&self) -> Option<mpsc::Receiver<Order>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Sender for Proxy {
    fn send(&self, request: Composed) -> Sending {
        let sender = self.outbox.sender.clone();
        Box::pin(async move {
            let head = &request.head;
            let port = match head.scheme.as_str() {
                "http" => 80,
                "https" => 443,
                other => return Err(format!("{other}: unsupported scheme, use http or https")),
            };
            if Target::parse(&head.authority, Some(port)).is_none() {
                return Err(format!("{:?} is not HOST or HOST:PORT", head.authority));
            }
            let (began, flow) = oneshot::channel();
            sender.try_send(Order { request, began }).map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => "too many requests wait to be sent",
                mpsc::error::TrySendError::Closed(_) => "the proxy is stopping",
            })?;
            flow.await.map_err(|_| "the proxy is stopping".to_owned())
        })
    }
}
