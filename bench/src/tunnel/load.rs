//! The clients: the same for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Measured;
use crate::contestant::{Failure, Material};
use crate::origin::{ANSWER, BULK, REQUEST};

/// What puts load on a tunnel.
pub(crate) struct Load {
    config: ClientConfig,
    connections: usize,
    time: Duration,
}

/// Connections that are held open.
pub(crate) struct Held {
    _streams: Vec<TlsStream<TcpStream>>,
    _runtime: Runtime,
}

/// Threads that act as clients.
const THREADS: usize = 2;

impl Load {
    pub(crate) fn new(
        material: &Material,
        connections: usize,
        time: Duration,
    ) -> Result<Self, Failure> {
        // One group for all: what old OpenSSL has too.
        let provider = CryptoProvider {
            kx_groups: vec![aws_lc_rs::kx_group::X25519],
            ..aws_lc_rs::default_provider()
        };
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(material.ca.clone()))?;
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config, connections, time })
    }

    /// Requests on connections that stay open.
    pub(crate) fn kept(&self, port: u16) -> Result<Measured, Failure> {
        self.clients(port, |connector, port, stop| async move {
            let mut latencies = Vec::new();
            let mut stream = connect(&connector, port).await?;
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                exchange(&mut stream).await?;
                latencies.push(start.elapsed());
            }
            Ok(latencies)
        })
    }

    /// A new connection for each request.
    pub(crate) fn fresh(&self, port: u16, resumed: bool) -> Result<Measured, Failure> {
        let mut load = Self { config: self.config.clone(), ..*self };
        load.config.resumption = match resumed {
            true => Resumption::in_memory_sessions(64),
            false => Resumption::disabled(),
        };
        load.clients(port, |connector, port, stop| async move {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                let mut stream = connect(&connector, port).await?;
                exchange(&mut stream).await?;
                latencies.push(start.elapsed());
                // Closed as clients do that are in a hurry.
                let _ = stream.shutdown().await;
            }
            Ok(latencies)
        })
    }

    /// One connection that is fed as fast as it goes.
    pub(crate) fn bulk(&self, port: u16) -> Result<Measured, Failure> {
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut stream = connect(&connector, port).await?;
            stream.write_all(&[BULK; REQUEST]).await?;
            let mut buffer = vec![0; 256 * 1024];
            let (mut bytes, start) = (0, Instant::now());
            while start.elapsed() < self.time {
                bytes += stream.read(&mut buffer).await?;
            }
            let done = bytes as f64 / 1e6;
            Ok(Measured { done, rate: done / start.elapsed().as_secs_f64(), p99: None })
        })
    }

    /// Opens connections that have done one request, and holds them.
    pub(crate) fn idle(&self, port: u16, count: usize) -> Result<Held, Failure> {
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let streams = runtime.block_on(async {
            let mut streams = Vec::new();
            for _ in 0..count {
                let mut stream = connect(&connector, port).await?;
                exchange(&mut stream).await?;
                streams.push(stream);
            }
            Ok::<_, Failure>(streams)
        })?;
        Ok(Held { _streams: streams, _runtime: runtime })
    }

    fn clients<F>(
        &self,
        port: u16,
        client: impl Fn(TlsConnector, u16, Arc<AtomicBool>) -> F + Sync,
    ) -> Result<Measured, Failure>
    where
        F: Future<Output = Result<Vec<Duration>, Failure>> + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let start = Instant::now();
        let mut latencies = Vec::new();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (stop, client) = (stop.clone(), &client);
                    scope.spawn(move || -> Result<Vec<Duration>, Failure> {
                        let count = self.connections / THREADS
                            + usize::from(thread < self.connections % THREADS);
                        let runtime = Builder::new_current_thread().enable_all().build()?;
                        runtime.block_on(async {
                            let mut tasks = tokio::task::JoinSet::new();
                            for _ in 0..count {
                                // Sessions are each client's own: a ticket is good once.
                                let connector = TlsConnector::from(Arc::new(self.config.clone()));
                                tasks.spawn(client(connector, port, stop.clone()));
                            }
                            let mut all = Vec::new();
                            while let Some(done) = tasks.join_next().await {
                                all.extend(done??);
                            }
                            Ok(all)
                        })
                    })
                })
                .collect();
            std::thread::sleep(self.time);
            stop.store(true, Ordering::Relaxed);
            for thread in threads {
                latencies.extend(thread.join().map_err(|_| "a client panicked")??);
            }
            Ok::<_, Failure>(())
        })?;
        let done = latencies.len() as f64;
        let rate = done / start.elapsed().as_secs_f64();
        latencies.sort_unstable();
        let p99 = latencies.get(latencies.len() * 99 / 100).copied();
        Ok(Measured { done, rate, p99 })
    }
}

async fn connect(connector: &TlsConnector, port: u16) -> Result<TlsStream<TcpStream>, Failure> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
    tcp.set_nodelay(true)?;
    Ok(connector.connect(ServerName::try_from("localhost")?, tcp).await?)
}

async fn exchange(stream: &mut TlsStream<TcpStream>) -> Result<(), Failure> {
    stream.write_all(&[b'a'; REQUEST]).await?;
    stream.flush().await?;
    stream.read_exact(&mut [0; ANSWER]).await?;
    Ok(())
}
