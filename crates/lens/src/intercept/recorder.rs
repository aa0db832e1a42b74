//! Records one connection, and its flows.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::flow::{
    Body, ConnectionId, Direction, End, Entrance, Event, FlowId, Header, Leg, Outcome, Recorder,
    RequestHead, ResponseHead, What,
};

/// The recorder of all connections of a proxy, and the numbers that they get.
#[derive(Clone)]
pub(crate) struct ProxyRecorder {
    sink: Arc<dyn Recorder>,
    numbers: Arc<Numbers>,
    /// Whether the bytes on the wire are recorded, too.
    wire: bool,
}

#[derive(Default)]
struct Numbers {
    connections: AtomicU64,
    flows: AtomicU64,
}

/// Records one connection.
#[derive(Clone)]
pub(crate) struct ConnectionRecorder {
    proxy: ProxyRecorder,
    connection: ConnectionId,
    composed: Option<Arc<Composed>>,
}

/// The parts of a request that no client sent, before it is recorded.
struct Composed {
    repeats: Option<FlowId>,
    began: Mutex<Option<oneshot::Sender<FlowId>>>,
}

/// Records one flow, and counts its bytes. It ends once.
pub(crate) struct FlowRecorder {
    connection: ConnectionRecorder,
    flow: FlowId,
    bodies: [AtomicU64; 2],
    ended: bool,
}

impl ProxyRecorder {
    pub(crate) fn new(recorder: Arc<dyn Recorder>, first: u64, wire: bool) -> Self {
        let numbers = Numbers { connections: AtomicU64::new(first), flows: AtomicU64::new(first) };
        Self { sink: recorder, numbers: Arc::new(numbers), wire }
    }

    /// A connection begins.
    pub(crate) fn connection(&self) -> ConnectionRecorder {
        let number = self.numbers.connections.fetch_add(1, Ordering::Relaxed);
        ConnectionRecorder { proxy: self.clone(), connection: ConnectionId(number), composed: None }
    }
}

impl ConnectionRecorder {
    /// The request to come is a composed one: the flow that it repeats, and the channel for its flow's number.
    pub(crate) fn composing(
        mut self,
        repeats: Option<FlowId>,
        began: oneshot::Sender<FlowId>,
    ) -> Self {
        let began = Mutex::new(Some(began));
        self.composed = Some(Arc::new(Composed { repeats, began }));
        self
    }

    pub(crate) fn connection(&self) -> ConnectionId {
        self.connection
    }

    pub(crate) fn record(&self, what: What) {
        self.proxy.sink.record(Event { at: SystemTime::now(), what });
    }

    pub(crate) fn connected(&self, client: SocketAddr, entrance: Entrance) {
        self.record(What::Connected { connection: self.connection, client, entrance });
    }

    pub(crate) fn origin(&self, host: &str, port: u16, address: Option<SocketAddr>) {
        let (connection, host) = (self.connection, host.to_owned());
        self.record(What::Origin { connection, host, port, address });
    }

    pub(crate) fn passed_by(&self, reason: impl Into<String>) {
        self.record(What::PassedBy { connection: self.connection, reason: reason.into() });
    }

    /// Whether to record the bytes on the wire.
    pub(crate) fn wants_wire(&self) -> bool {
        self.proxy.wire
    }

    pub(crate) fn wire(&self, leg: Leg, direction: Direction, bytes: &[u8]) {
        let data = Bytes::copy_from_slice(bytes);
        self.record(What::Wire { connection: self.connection, leg, direction, data });
    }

    /// A flow begins with its request.
    pub(crate) fn request(&self, mut head: RequestHead) -> FlowRecorder {
        let flow = FlowId(self.proxy.numbers.flows.fetch_add(1, Ordering::Relaxed));
        head.repeats = self.composed.as_ref().and_then(|composed| composed.repeats);
        self.record(What::Request { flow, connection: self.connection, head: Box::new(head) });
        if let Some(composed) = &self.composed
            && let Some(began) =
                composed.began.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            // The caller may be gone.
            let _ = began.send(flow);
        }
        FlowRecorder { connection: self.clone(), flow, bodies: Default::default(), ended: false }
    }
}

impl FlowRecorder {
    pub(crate) fn id(&self) -> FlowId {
        self.flow
    }

    pub(crate) fn record(&self, what: What) {
        self.connection.record(what);
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.record(What::Note { flow: self.flow, text: text.into() });
    }

    pub(crate) fn informational(&self, head: ResponseHead) {
        self.record(What::Informational { flow: self.flow, head: Box::new(head) });
    }

    pub(crate) fn response(&self, head: ResponseHead) {
        self.record(What::Response { flow: self.flow, head: Box::new(head) });
    }

    pub(crate) fn trailers(&self, direction: Direction, headers: Vec<Header>) {
        if !headers.is_empty() {
            self.record(What::Trailers { flow: self.flow, direction, headers });
        }
    }

    /// A piece of a body.
    pub(crate) fn body(&self, direction: Direction, data: Bytes) {
        // A short piece is a small part of a buffer, to which it would hold on until it is written.
        const SHORT: usize = 8 * 1024;
        if !data.is_empty() {
            self.passed(direction, data.len() as u64);
            let data = if data.len() < SHORT { Bytes::copy_from_slice(&data) } else { data };
            self.record(What::Body(Body { flow: self.flow, direction, data }));
        }
    }

    /// Counts bytes of a body that are recorded otherwise: those of messages.
    pub(crate) fn passed(&self, direction: Direction, count: u64) {
        self.bodies[direction as usize].fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn end(mut self, outcome: Outcome) {
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: Outcome) {
        if !std::mem::replace(&mut self.ended, true) {
            let bodies = self.bodies.each_ref().map(|count| count.load(Ordering::Relaxed));
            let end = End { outcome, bodies };
            self.record(What::End { flow: self.flow, end });
        }
    }
}

impl Drop for FlowRecorder {
    /// A task that was dropped in the middle of a flow: the proxy is stopping.
    fn drop(&mut self) {
        self.finish(Outcome::Refused("the proxy stopped".to_owned()));
    }
}
