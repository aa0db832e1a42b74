//! The client's side.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::TlsStream;
use super::asked::OnRequest;
use super::deadline::Deadlines;
use crate::context::SecureContext;
use crate::error::Error;
use crate::key_log::KeyLogFile;
use crate::live::{Current, Live};
use crate::session::{CertificateRequest, ClientSession, Session};
use crate::session::{ClientOptions, ClientSettings, EchOffer};
use crate::verify::NameCheck;
use crate::words::{InvalidServerName, PeerVerification, Pin, Psk, ServerName};

/// Connects to TLS servers. Cheap to clone; one serves any number of connections.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use sealwire::{Connector, SecureContext, TrustStore};
/// let context = SecureContext::builder().trust(TrustStore::from_pem_file("ca.pem")?).build()?;
/// let tls = Connector::new(context).connect_to("localhost:1234").await?;
/// assert!(tls.peer().authorized());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Connector {
    pub(super) context: Current,
    pub(super) live: Option<Live>,
    pub(super) settings: ClientSettings,
    handshake_timeout: Duration,
    deadlines: Deadlines,
    pub(super) key_log: Option<KeyLogFile>,
    on_request: Option<OnRequest>,
    pub(super) keep_session: bool,
    pub(super) psk: Option<Psk>,
}

impl Connector {
    /// A connector that verifies the server
    /// ([RFC 9525](https://www.rfc-editor.org/rfc/rfc9525)), sends SNI and resumes sessions. Each
    /// connection has the context of its moment: a [`SecureContext`] until another is
    /// [set](Self::set_context), or what a `Watched` has loaded.
    pub fn new(context: impl Into<Current>) -> Self {
        Self {
            context: context.into(),
            live: None,
            settings: ClientSettings::default(),
            handshake_timeout: super::acceptor::DEFAULT_HANDSHAKE_TIMEOUT,
            deadlines: Deadlines::default(),
            key_log: None,
            on_request: None,
            keep_session: false,
            psk: None,
        }
    }

    /// What to do when the server does not verify.
    #[must_use]
    pub fn peer_verification(mut self, verification: PeerVerification) -> Self {
        self.settings.verification = verification;
        self
    }

    /// By which rules the server's certificate is compared with the name.
    #[must_use]
    pub fn name_check(mut self, check: NameCheck) -> Self {
        self.settings.name_check = check;
        self
    }

    /// Lets only servers pass that have one of these keys in their verified chain: as leaf, or as
    /// any CA above it ([RFC 7469, 2.6](https://www.rfc-editor.org/rfc/rfc7469#section-2.6)).
    /// Anything else is refused with `PINNED_KEY_MISMATCH`,
    /// regardless of its issuer. An empty list refuses every peer.
    #[must_use]
    pub fn pins(mut self, pins: impl IntoIterator<Item = Pin>) -> Self {
        self.settings.pins = Some(pins.into_iter().collect());
        self
    }

    /// Whether the name is sent in SNI; on by default.
    #[must_use]
    pub fn send_sni(mut self, send: bool) -> Self {
        self.settings.send_sni = send;
        self
    }

    /// The application protocols to offer, in order of preference.
    #[must_use]
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.settings.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Whether sessions are resumed; on by default. The server is judged again each time.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.settings.resume = resume;
        self
    }

    /// Whether the OCSP response that the server staples is kept, as
    /// [`Peer::ocsp_response`](crate::Peer::ocsp_response). It is not judged.
    #[must_use]
    pub fn request_ocsp(mut self, request: bool) -> Self {
        self.settings.request_ocsp = request;
        self
    }

    /// Appends the secrets of each connection to this file, for a debugger. Writing is blocking,
    /// and short.
    #[must_use]
    pub fn key_log(mut self, file: KeyLogFile) -> Self {
        self.settings.key_log = true;
        self.key_log = Some(file);
        self
    }

    /// Calls `told` when a server requests a certificate, before ours is sent: to say, for one,
    /// that it names other CAs than ours. It must not block. Not by the engine for old peers.
    #[must_use]
    pub fn on_certificate_request(
        mut self,
        told: impl Fn(&CertificateRequest) + Send + Sync + 'static,
    ) -> Self {
        self.settings.tell_certificate_request = true;
        self.on_request = Some(OnRequest::new(told));
        self
    }

    /// Hides the hello ([RFC 9849](https://www.rfc-editor.org/rfc/rfc9849)), or looks so: see
    /// [`ClientOptions::ech`](crate::ClientOptions::ech).
    #[must_use]
    pub fn ech(mut self, offer: EchOffer) -> Self {
        self.settings.ech = Some(offer);
        self
    }

    /// Resumes this session, rather than one of the context's, if it is one with the server that
    /// is connected to: `connector.clone().resume_session(session).connect(..)`. See
    /// [`ClientOptions::resume_session`](crate::ClientOptions::resume_session).
    #[must_use]
    pub fn resume_session(mut self, session: ClientSession) -> Self {
        self.settings.session = Some(session);
        self
    }

    /// Whether each stream keeps the newest session that its server gives, for
    /// [`TlsStream::take_session`]. Off by default, since the context keeps sessions itself, and
    /// those of idle connections take memory.
    #[must_use]
    pub fn keep_session(mut self, keep: bool) -> Self {
        self.keep_session = keep;
        self
    }

    /// Has the servers of open connections judged again: see [`Live`].
    #[must_use]
    pub fn live(mut self, live: Live) -> Self {
        self.live = Some(live);
        self
    }

    /// Uses `context` for the connections to come, of all clones of this connector. Those that exist
    /// keep theirs.
    pub fn set_context(&self, context: SecureContext) {
        self.context.set(context);
    }

    /// Authenticates us by this key, and takes the server's proof by it: for contexts with
    /// `Legacy::psk`. Such a server is [`authorized`](crate::Peer::authorized) by it.
    #[must_use]
    pub fn psk(mut self, psk: Psk) -> Self {
        self.psk = Some(psk);
        self
    }

    /// How long a handshake may take; 30 seconds by default. The stream is closed then.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Performs the TLS handshake as a client over `io` and verifies that the server is `name`.
    ///
    /// In TLS 1.3 a server judges the client's certificate after the client is done: such a
    /// refusal comes as the error of the first read
    /// ([RFC 8446, section 4.4.2.4](https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2.4)).
    ///
    /// # Errors
    /// Why the handshake failed; the alert that says so is sent before this returns.
    pub async fn connect<IO>(&self, name: ServerName, io: IO) -> Result<TlsStream<IO>, Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let options = ClientOptions { server_name: name, settings: self.settings.clone() };
        let admission = self.live.as_ref().map(Live::admit);
        let context = self.context.context();
        let session = Session::client(&context, &options)?;
        let mut stream = TlsStream::new(io, session);
        stream.log_keys_to(self.key_log.clone());
        stream.tell_requests_to(self.on_request.clone());
        stream.keep_session(self.keep_session);
        let handshake = stream.handshake(self.psk.as_ref());
        self.deadlines.within(self.handshake_timeout, handshake).await?;
        stream.join(admission, &context);
        Ok(stream)
    }

    /// Connects over TCP to `host:port` (`example.com:443`, `[::1]:443`), whose certificate must
    /// be for that host. Every address that the host has is tried, one after the other. To connect
    /// may take as long as the handshake may.
    ///
    /// # Errors
    /// [`Error::Io`] when `address` is not HOST:PORT or no connection can be made, and as
    /// [`connect`](Self::connect).
    pub async fn connect_to(&self, address: &str) -> Result<TlsStream<TcpStream>, Error> {
        let name = host_of(address).map_err(|why| Error::from(invalid(address, &why)))?;
        let tcp = timeout(self.handshake_timeout, TcpStream::connect(address))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        tcp.set_nodelay(true)?;
        self.connect(name, tcp).await
    }
}

/// The host of `host:port`.
fn host_of(address: &str) -> Result<ServerName, String> {
    let (host, port) = address.rsplit_once(':').ok_or("the port is missing")?;
    port.parse::<u16>().map_err(|_| format!("{port:?} is not a port"))?;
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if literal.is_none() && host.contains(':') {
        return Err("an IPv6 address before a port stands in brackets".to_owned());
    }
    literal.unwrap_or(host).parse().map_err(|e: InvalidServerName| e.to_string())
}

fn invalid(address: &str, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{address:?}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (address, host) in [
            ("localhost:1", "localhost"),
            ("example.com:443", "example.com"),
            ("127.0.0.1:443", "127.0.0.1"),
            ("[::1]:443", "::1"),
        ] {
            assert_eq!(host_of(address).unwrap().to_string(), host);
        }
        for (address, why) in [
            ("localhost", "the port is missing"),
            ("localhost:", "\"\" is not a port"),
            ("localhost:65536", "\"65536\" is not a port"),
            ("::1:443", "an IPv6 address before a port stands in brackets"),
        ] {
            assert_eq!(host_of(address).unwrap_err(), why);
        }
        assert!(host_of(":443").is_err());
    }
}
