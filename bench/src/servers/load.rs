//! The load generator: one client for all servers, rustls by itself on one core. It believes every
//! certificate, so that a server is never waited for by a verifier.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs as provider;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::echo::FEED;
use super::process::{MorePorts, Running};
use crate::contestant::{Failure, Stream};

/// What kind of handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terms {
    Full,
    FullTls12,
    Resumed,
    ResumedTls12,
}

impl Terms {
    pub(crate) fn all() -> [Self; 4] {
        [Self::Full, Self::FullTls12, Self::Resumed, Self::ResumedTls12]
    }

    pub(crate) fn is_full(self) -> bool {
        matches!(self, Self::Full | Self::FullTls12)
    }

    pub(crate) fn config(self) -> Result<Arc<ClientConfig>, Failure> {
        let version = match self {
            Self::FullTls12 | Self::ResumedTls12 => &rustls::version::TLS12,
            Self::Full | Self::Resumed => &rustls::version::TLS13,
        };
        let provider = rustls::crypto::CryptoProvider {
            // The first is used; in TLS 1.2 OpenSSL wants to see the curve of its certificate too.
            kx_groups: vec![provider::kx_group::X25519, provider::kx_group::SECP256R1],
            ..provider::default_provider()
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believer))
            .with_no_client_auth();
        if self.is_full() {
            config.resumption = rustls::client::Resumption::disabled();
        }
        Ok(Arc::new(config))
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "TLS 1.3, full",
            Self::FullTls12 => "TLS 1.2, full",
            Self::Resumed => "TLS 1.3, resumed",
            Self::ResumedTls12 => "TLS 1.2, resumed",
        })
    }
}

/// So many things in so much time.
pub(crate) struct Done {
    pub(crate) count: u64,
    time: Duration,
}

impl Done {
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }
}

/// What requests took, in order.
pub(crate) struct Latencies {
    pub(crate) done: Done,
    sorted: Vec<Duration>,
}

impl Latencies {
    pub(crate) fn at(&self, part: f64) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get((last as f64 * part).round() as usize).copied().unwrap_or_default()
    }
}

/// Connections that wait.
pub(crate) struct Open(Vec<Box<dyn Stream>>);

/// A client of one server.
pub(crate) struct Load {
    port: u16,
    more: Option<MorePorts>,
    plain: bool,
    /// How long a measurement takes.
    pub(crate) time: Duration,
    runtime: tokio::runtime::Runtime,
}

impl Load {
    pub(crate) fn new(server: &Running, time: Duration) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let Running { port, more, plain, .. } = *server;
        Ok(Self { port, more, plain, time, runtime })
    }

    /// Connects, says a byte, hears it and is gone; `at_once` of them at a time.
    pub(crate) fn handshakes(
        &self,
        terms: Terms,
        at_once: usize,
        time: Duration,
    ) -> Result<Done, Failure> {
        let dialer = self.dialer(terms)?;
        self.runtime.block_on(async {
            dialer.dial().await?; // leaves a session to resume
            let (start, mut clients) = (Instant::now(), JoinSet::new());
            for _ in 0..at_once {
                let dialer = dialer.clone();
                clients.spawn(async move {
                    let mut count = 0;
                    while start.elapsed() < time {
                        dialer.dial().await?;
                        count += 1;
                    }
                    Ok::<u64, Failure>(count)
                });
            }
            all_of(clients, start).await
        })
    }

    /// Connects `at_once` clients in the same moment, again and again. For how long the server's
    /// event loop stood still then, in milliseconds: median, slowest percent and longest.
    pub(crate) fn storm(&self, at_once: usize, time: Duration) -> Result<[f64; 3], Failure> {
        let dialer = self.dialer(Terms::Full)?;
        self.runtime.block_on(async {
            self.delay().await?; // from here on
            let start = Instant::now();
            while start.elapsed() < time {
                let mut clients = JoinSet::new();
                for _ in 0..at_once {
                    clients.spawn(dialer.dial());
                }
                while let Some(dialed) = clients.join_next().await {
                    dialed??;
                }
            }
            self.delay().await
        })
    }

    async fn delay(&self) -> Result<[f64; 3], Failure> {
        let port = self.more.ok_or("it has no event loop")?.delay;
        let mut told = String::new();
        TcpStream::connect(("127.0.0.1", port)).await?.read_to_string(&mut told).await?;
        let times: Vec<f64> = told.split_whitespace().flat_map(str::parse).collect();
        times.try_into().map_err(|_| format!("no three times: {told:?}").into())
    }

    /// Bytes that come back on one connection, written in messages of `size`.
    pub(crate) fn echo(&self, size: usize, time: Duration) -> Result<Done, Failure> {
        let dialer = self.dialer(Terms::Full)?;
        self.runtime.block_on(async {
            let (mut reader, mut writer) = tokio::io::split(dialer.dial().await?);
            let start = Instant::now();
            let sending = async {
                let (message, mut sent) = (vec![7; size], 0);
                while start.elapsed() < time {
                    writer.write_all(&message).await?;
                    sent += size as u64;
                }
                writer.flush().await?;
                std::io::Result::Ok(sent)
            };
            // What is sent is known at the end only: the receiver goes on until told.
            let (tell, mut told) = tokio::sync::oneshot::channel();
            let receiving = async {
                let (mut buffer, mut received, mut all) = (vec![0; 64 * 1024], 0, None);
                while all != Some(received) {
                    tokio::select! {
                        biased;
                        sent = &mut told, if all.is_none() => all = sent.ok(),
                        count = reader.read(&mut buffer) => match count? {
                            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                            count => received += count as u64,
                        }
                    }
                }
                std::io::Result::Ok(received)
            };
            let sending = async {
                let sent = sending.await?;
                let _ = tell.send(sent);
                Ok(())
            };
            let (count, ()) = tokio::try_join!(receiving, sending)?;
            Ok(Done { count, time: start.elapsed() })
        })
    }

    /// Bytes that come on one connection from a server that feeds it.
    pub(crate) fn download(&self, time: Duration) -> Result<Done, Failure> {
        let dialer = self.dialer(Terms::Full)?;
        self.runtime.block_on(async {
            let mut stream = dialer.dial_saying(FEED).await?;
            let (start, mut buffer, mut count) = (Instant::now(), vec![0; 256 * 1024], 0);
            while start.elapsed() < time {
                match stream.read(&mut buffer).await? {
                    0 => return Err("the download ended".into()),
                    some => count += some as u64,
                }
            }
            Ok(Done { count, time: start.elapsed() })
        })
    }

    /// So many open connections.
    pub(crate) fn open(&self, count: usize) -> Result<Open, Failure> {
        let dialer = self.dialer(Terms::Full)?;
        self.runtime.block_on(async { Ok(Open(dialer.dial_all(count).await?)) })
    }

    /// Requests of 64 bytes on all of `open`, each answered before the next.
    pub(crate) fn requests(&self, open: Open, time: Duration) -> Result<Latencies, Failure> {
        self.runtime.block_on(async {
            let (start, mut clients) = (Instant::now(), JoinSet::new());
            for mut stream in open.0 {
                clients.spawn(async move {
                    let (mut latencies, mut message) = (Vec::new(), [7; 64]);
                    while start.elapsed() < time {
                        let begin = Instant::now();
                        stream.write_all(&message).await?;
                        stream.flush().await?;
                        stream.read_exact(&mut message).await?;
                        latencies.push(begin.elapsed());
                    }
                    Ok::<_, Failure>(latencies)
                });
            }
            let mut sorted = Vec::new();
            while let Some(client) = clients.join_next().await {
                sorted.extend(client??);
            }
            sorted.sort_unstable();
            let done = Done { count: sorted.len() as u64, time: start.elapsed() };
            Ok(Latencies { done, sorted })
        })
    }

    /// HTTPS requests on `count` kept connections, each answered before the next.
    pub(crate) fn https(&self, count: usize, time: Duration) -> Result<Done, Failure> {
        const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let port = self.more.ok_or("it has no HTTPS")?.https;
        let dialer = Dialer { port, ..self.dialer(Terms::Full)? };
        self.runtime.block_on(async {
            let mut clients = JoinSet::new();
            let start = Instant::now();
            for _ in 0..count {
                let dialer = dialer.clone();
                clients.spawn(async move {
                    let (mut stream, mut count) = (dialer.connect().await?, 0);
                    let mut answer = Vec::with_capacity(1024);
                    while start.elapsed() < time {
                        stream.write_all(REQUEST).await?;
                        stream.flush().await?;
                        answer.clear();
                        // The body ends in the only line end that stands alone.
                        while !answer.ends_with(b"world\n") {
                            if stream.read_buf(&mut answer).await? == 0 {
                                return Err("the server hung up".into());
                            }
                        }
                        count += 1;
                    }
                    Ok::<u64, Failure>(count)
                });
            }
            all_of(clients, start).await
        })
    }

    /// How much `resident` grows by `count` connections that are open and idle, after `warm_up`
    /// others.
    pub(crate) fn idle(
        &self,
        warm_up: usize,
        count: usize,
        resident: impl Fn() -> usize,
    ) -> Result<usize, Failure> {
        let dialer = self.dialer(Terms::Full)?;
        self.runtime.block_on(async {
            let mut open = dialer.dial_all(warm_up).await?;
            let before = resident();
            open.extend(dialer.dial_all(count).await?);
            Ok(resident().saturating_sub(before))
        })
    }

    fn dialer(&self, terms: Terms) -> Result<Dialer, Failure> {
        let connector = match self.plain {
            true => None,
            false => Some(tokio_rustls::TlsConnector::from(terms.config()?)),
        };
        Ok(Dialer { port: self.port, connector })
    }
}

/// What all clients have done, when they are done.
pub(crate) async fn all_of(
    mut clients: JoinSet<Result<u64, Failure>>,
    start: Instant,
) -> Result<Done, Failure> {
    let mut count = 0;
    while let Some(client) = clients.join_next().await {
        count += client??;
    }
    Ok(Done { count, time: start.elapsed() })
}

#[derive(Clone)]
struct Dialer {
    port: u16,
    connector: Option<tokio_rustls::TlsConnector>,
}

impl Dialer {
    /// A connection that has carried a byte there and back. It is reset when dropped, so that no
    /// port is left waiting.
    fn dial(&self) -> impl Future<Output = Result<Box<dyn Stream>, Failure>> + Send + use<> {
        self.dial_saying(1)
    }

    /// So many of them, a few at a time.
    async fn dial_all(&self, count: usize) -> Result<Vec<Box<dyn Stream>>, Failure> {
        const AT_ONCE: usize = 16;
        let (mut open, mut dialing) = (Vec::with_capacity(count), JoinSet::new());
        for _ in 0..count {
            if dialing.len() == AT_ONCE
                && let Some(dialed) = dialing.join_next().await
            {
                open.push(dialed??);
            }
            dialing.spawn(self.dial());
        }
        while let Some(dialed) = dialing.join_next().await {
            open.push(dialed??);
        }
        Ok(open)
    }

    fn dial_saying(
        &self,
        word: u8,
    ) -> impl Future<Output = Result<Box<dyn Stream>, Failure>> + Send + use<> {
        let dialer = self.clone();
        async move {
            let mut stream = dialer.connect().await?;
            stream.write_all(&[word]).await?;
            stream.flush().await?;
            stream.read_exact(&mut [0]).await?;
            Ok(stream)
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Failure> {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).await?;
        tcp.set_nodelay(true)?;
        tcp.set_zero_linger()?;
        Ok(match &self.connector {
            Some(connector) => {
                let name = ServerName::try_from("localhost")?;
                Box::new(connector.connect(name, tcp).await?)
            }
            None => Box::new(tcp),
        })
    }
}

/// Believes everybody.
#[derive(Debug)]
struct Believer;

#[allow(clippy::disallowed_methods, reason = "a load generator judges nobody")]
impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
