//! Between a client and its origin: where clients come in, TLS of both legs, and who is let alone.
//!
//! A client's ClientHello is read first. Then the origin is reached, with the protocols and the name
//! that the client asked for, and only when it has answered the client is: so the client finds the
//! protocol, the names and the failure that it would have found without us.

mod advice;
mod authority;
mod connection;
mod dial;
mod entrance;
mod handshake;
pub(crate) mod opaque;
mod passthrough;
mod refusal;
mod seen;
mod settings;
mod socks;
mod starttls;
mod stream;
mod target;
mod teller;
mod tls;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use authority::Authority;
pub use dial::UpstreamProxy;
pub use passthrough::{HostPattern, Passthrough};
pub(crate) use refusal::Refusal;
pub use settings::{Mode, Reverse, Settings};
pub(crate) use stream::Stream;
pub use target::Target;
pub(crate) use teller::{FlowTeller, Teller};

use crate::flow::Recorder;
use crate::rules::{Current, Holds, Rules};
use teller::Chronicle;

/// A proxy that shows what goes through it.
pub struct Proxy {
    settings: Settings,
    chronicle: Chronicle,
    contexts: tls::Contexts,
    refused: passthrough::Refused,
    listening: std::sync::OnceLock<SocketAddr>,
    rules: Current,
    holds: Holds,
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
        let chronicle = Chronicle::new(recorder, first, settings.record_wire);
        Ok(Self {
            settings,
            chronicle,
            contexts,
            refused: passthrough::Refused::default(),
            listening: std::sync::OnceLock::new(),
            rules: Current::default(),
            holds: Holds::default(),
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

    /// Serves the clients of `listener` until `stop` is done; then those that are open have
    /// `patience` to end.
    ///
    /// # Errors
    /// When the listener itself fails; a connection that fails is told to the recorder.
    pub async fn serve(
        self: &Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
        patience: Duration,
    ) -> io::Result<()> {
        let _ = self.listening.set(listener.local_addr()?);
        let mut open = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((tcp, client)) => {
                        open.spawn(connection::serve(self.clone(), tcp, client));
                    }
                    Err(error) => wait_out(error).await?,
                },
                Some(_) = open.join_next() => {}
                () = &mut stop => break,
            }
        }
        drop(listener);
        let all = async { while open.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(patience, all).await;
        Ok(())
    }

    /// Whether clients come to it as to one origin.
    fn stands_for_one(&self) -> bool {
        matches!(self.settings.mode, Mode::Reverse(_))
    }

    fn speaks_tls_to_origin(&self) -> bool {
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
        teller: &Teller,
        target: &Target,
        tls: bool,
    ) -> Result<Stream, Refusal> {
        let wire = entrance::reach(self, teller, target).await?;
        if !tls {
            return Ok(Stream::plain(wire));
        }
        let (name, alpn) = (&target.host, vec![b"http/1.1".to_vec()]);
        let ask = tls::Ask { target, name, send_sni: true, alpn, resume: true };
        tls::shake_origin(self, teller, wire, &ask).await.map(|origin| origin.stream)
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

/// Errors of `accept` that pass: a client that left early, or no descriptor to be had just now.
async fn wait_out(error: io::Error) -> io::Result<()> {
    const NO_FILE_DESCRIPTORS: [i32; 2] = [23, 24]; // ENFILE, EMFILE
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted => Ok(()),
        _ if error.raw_os_error().is_some_and(|code| NO_FILE_DESCRIPTORS.contains(&code)) => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(())
        }
        _ => Err(error),
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("settings", &self.settings).finish_non_exhaustive()
    }
}
