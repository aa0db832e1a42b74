//! Between a client and its origin: the entrances for clients, TLS of both legs, and passthrough.
//!
//! A client's ClientHello is read first. Then the origin is reached, with the protocols and the name
//! that the client asked for, and only when it has answered the client is: so the client finds the
//! protocol, the names and the failure that it would have found without us.

mod advice;
mod ahead;
mod authority;
mod dial;
pub(crate) mod entrance;
mod handshake;
pub(crate) mod opaque;
mod outbox;
mod passthrough;
mod recorder;
mod refusal;
mod seen;
mod settings;
mod socks;
mod stream;
mod target;
pub(crate) mod tls;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

pub use authority::Authority;
pub use dial::UpstreamProxy;
pub(crate) use outbox::Order;
pub use passthrough::{HostPattern, Passthrough};
pub(crate) use recorder::{ConnectionRecorder, FlowRecorder};
pub(crate) use refusal::Refusal;
pub use settings::{Mode, Reverse, Settings};
pub(crate) use stream::Stream;
pub use target::Target;
pub(crate) use wire::Wire;

use crate::flow::Recorder;
use crate::rules::{Current, Holds, Rules};
use recorder::ProxyRecorder;

/// A proxy that shows what goes through it.
pub struct Proxy {
    settings: Settings,
    recorder: ProxyRecorder,
    contexts: tls::Contexts,
    refused: passthrough::Refused,
    listening: std::sync::OnceLock<SocketAddr>,
    rules: Current,
    holds: Holds,
    outbox: outbox::Outbox,
}

impl Proxy {
    /// A proxy that tells `recorder` what it sees. Connections and flows are numbered from `first` on.
    ///
    /// # Errors
    /// When a setting cannot be honoured.
    pub fn new(
        settings: Settings,
        recorder: Arc<dyn Recorder>,
        first: u64,
    ) -> Result<Self, sealwire::pki::Error> {
        let contexts = tls::Contexts::new(&settings)?;
        let recorder = ProxyRecorder::new(recorder, first, settings.record_wire);
        Ok(Self {
            settings,
            recorder,
            contexts,
            refused: passthrough::Refused::default(),
            listening: std::sync::OnceLock::new(),
            rules: Current::default(),
            holds: Holds::default(),
            outbox: outbox::Outbox::default(),
        })
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The rules that traffic is changed by from now on.
    pub fn set_rules(&self, rules: Rules) {
        self.rules.set(rules);
    }

    /// The rules, if there are any.
    pub fn rules(&self) -> Option<Arc<Rules>> {
        let rules = self.rules.get();
        (!rules.is_empty()).then_some(rules)
    }

    /// Where the rules are, for a page that changes them.
    pub fn current_rules(&self) -> &Current {
        &self.rules
    }

    /// The messages that wait at breakpoints.
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// The requests to send, for the relay.
    pub(crate) fn orders(&self) -> Option<tokio::sync::mpsc::Receiver<Order>> {
        self.outbox.take()
    }

    /// Where it listens, once it does.
    pub(crate) fn listens_on(&self, address: SocketAddr) {
        let _ = self.listening.set(address);
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listening.get().copied()
    }

    /// The recorder of all connections.
    pub(crate) fn recorder(&self) -> &ProxyRecorder {
        &self.recorder
    }

    /// Whether clients come to it as to one origin.
    pub(crate) fn stands_for_one(&self) -> bool {
        matches!(self.settings.mode, Mode::Reverse(_))
    }

    pub(crate) fn speaks_tls_to_origin(&self) -> bool {
        matches!(&self.settings.mode, Mode::Reverse(reverse) if reverse.tls)
    }

    /// The name to write into requests in place of the client's.
    pub(crate) fn host_to_write(&self) -> Option<String> {
        match &self.settings.mode {
            Mode::Reverse(reverse) if !reverse.keep_host => {
                Some(reverse.origin.authority(if reverse.tls { 443 } else { 80 }))
            }
            _ => None,
        }
    }

    /// Connects to an origin that a request names.
    pub(crate) async fn reach(
        &self,
        recorder: &ConnectionRecorder,
        target: &Target,
        tls: bool,
    ) -> Result<Stream, Refusal> {
        self.reach_by(recorder, target, tls.then_some(&[b"http/1.1"])).await.map(|o| o.stream)
    }

    /// The same, offering these protocols; none: in plaintext.
    pub(crate) async fn reach_by(
        &self,
        recorder: &ConnectionRecorder,
        target: &Target,
        protocols: Option<&[&[u8]]>,
    ) -> Result<tls::Origin, Refusal> {
        let wire = entrance::reach(self, recorder, target).await?;
        let Some(protocols) = protocols else {
            return Ok(tls::Origin { stream: Stream::plain(wire), asked: None });
        };
        let alpn = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let ask = tls::Ask { target, name: &target.host, send_sni: true, alpn, resume: true };
        tls::shake_origin(self, recorder, wire, &ask).await
    }

    /// Whether this address is where this proxy listens: a request to it would go round for ever.
    fn is_itself(&self, address: SocketAddr) -> bool {
        self.listening.get().is_some_and(|own| {
            own.port() == address.port()
                && (own.ip() == address.ip() || own.ip().is_unspecified() && is_local(address))
        })
    }
}

fn is_local(address: SocketAddr) -> bool {
    address.ip().is_loopback() || std::net::UdpSocket::bind((address.ip(), 0)).is_ok()
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("settings", &self.settings).finish_non_exhaustive()
    }
}
