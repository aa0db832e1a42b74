//! Mixed traffic through the tunnel while its certificate is renewed, its backend restarts, and
//! clients reset, garble and give up. What is said comes back unchanged, and neither memory nor
//! descriptors grow. Fifteen seconds; `SOAK_SECONDS` says otherwise (`just soak`).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sealwire::Connector;
use sealwire::pki::ExtendedKeyUsage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::support::{PATIENCE, Tunnel, connect, files};

/// An echo server that goes away now and then, with all of its connections.
struct Restarting {
    port: u16,
    /// How often it went away.
    lives: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Restarting {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (lives, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let this = Self { port, lives: lives.clone(), ended: ended.clone() };
        std::thread::spawn(move || {
            let mut listener = Some(listener);
            while !ended.load(Ordering::SeqCst) {
                let bound = listener.take().unwrap_or_else(|| bind_again(port));
                live(&bound, Duration::from_millis(900), &ended);
                lives.fetch_add(1, Ordering::SeqCst);
            }
        });
        this
    }

    fn lives(&self) -> u64 {
        self.lives.load(Ordering::SeqCst)
    }
}

impl Drop for Restarting {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

fn bind_again(port: u16) -> TcpListener {
    let until = Instant::now() + PATIENCE;
    loop {
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => return listener,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        std::thread::yield_now();
    }
}

/// Serves for a while; then every connection is ended, wherever it is.
fn live(listener: &TcpListener, time: Duration, ended: &AtomicBool) {
    let until = Instant::now() + time;
    listener.set_nonblocking(true).expect("a socket");
    let mut open: Vec<TcpStream> = Vec::new();
    while Instant::now() < until && !ended.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((mut tcp, _)) => {
                tcp.set_nonblocking(false).expect("a socket");
                open.push(tcp.try_clone().expect("a second handle"));
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 32 * 1024];
                    while let Ok(count @ 1..) = tcp.read(&mut buffer) {
                        if tcp.write_all(&buffer[..count]).is_err() {
                            return;
                        }
                    }
                    let _ = tcp.shutdown(std::net::Shutdown::Both);
                });
            }
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
        open.retain(|tcp| tcp.peer_addr().is_ok());
    }
    for tcp in open {
        let _ = tcp.shutdown(std::net::Shutdown::Both);
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    served: u64,
    bytes: u64,
    /// The backend went away meanwhile.
    interrupted: u64,
    rude: u64,
}

/// Bytes that are no others'.
fn pattern(salt: u64, length: usize) -> Vec<u8> {
    let mut state = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    })
    .take(length)
    .collect()
}

/// One client after another until it is over.
async fn clients(
    connector: Connector,
    port: u16,
    lives: Arc<AtomicU64>,
    seed: u64,
    until: Instant,
) -> Count {
    let mut count = Count::default();
    for number in seed.. {
        if Instant::now() >= until {
            break;
        }
        let before = lives.load(Ordering::SeqCst);
        let length = [10, 1000, 100_000, 1_000_000][(number % 4) as usize];
        let said = pattern(number, length);
        match number % 7 {
            0 => {
                rude(port, &said).await;
                count.rude += 1;
            }
            _ => match tokio::time::timeout(PATIENCE, converse(&connector, port, &said)).await {
                Ok(Ok(())) => {
                    count.served += 1;
                    count.bytes += length as u64;
                }
                // Only who was served by a backend that ended may be let down.
                Ok(Err(error)) => {
                    let lived = lives.load(Ordering::SeqCst);
                    let gone = async {
                        while lives.load(Ordering::SeqCst) == lived && lived == before {
                            tokio::task::yield_now().await;
                        }
                    };
                    let waited = tokio::time::timeout(Duration::from_secs(5), gone).await;
                    assert!(waited.is_ok(), "{error} though the backend lived");
                    count.interrupted += 1;
                }
                Err(_) => panic!("the tunnel hangs"),
            },
        }
    }
    count
}

/// Says everything and hears it, both at once. A byte that is not the right one ends the test.
async fn converse(connector: &Connector, port: u16, said: &[u8]) -> std::io::Result<()> {
    let tls = connect(connector, port).await;
    let (mut reader, mut writer) = tokio::io::split(tls);
    let speaking = async {
        writer.write_all(said).await?;
        writer.flush().await
    };
    let listening = async {
        let (mut heard, mut buffer) = (0, vec![0; 16 * 1024]);
        while heard < said.len() {
            let count = reader.read(&mut buffer).await?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            assert!(buffer[..count] == said[heard..heard + count], "a byte was changed");
            heard += count;
        }
        Ok(())
    };
    tokio::try_join!(speaking, listening)?;
    writer.shutdown().await
}

/// No TLS, or half a hello, and gone without a word.
async fn rude(port: u16, bytes: &[u8]) {
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
    let mut tcp = tcp.expect("the tunnel listens");
    let half_a_hello = [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3], &bytes[..10]].concat();
    let _ = tcp.write_all(if bytes.len().is_multiple_of(3) { bytes } else { &half_a_hello }).await;
    let _ = tcp.set_zero_linger();
}

/// Resident bytes and open descriptors of a process.
fn held(process: u32) -> (usize, usize) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
    (kilobytes * 1024, descriptors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_grows_and_nothing_is_lost() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(15, |text| text.parse().expect("seconds"));
    let dir = files();
    let backend = Restarting::start();
    let target = format!("127.0.0.1:{}", backend.port);
    let mut tunnel = Tunnel::start(
        &dir,
        &format!(
            "server --listen 127.0.0.1:0 --target {target} --cert server.pem --key server.key"
        ),
    );
    let (port, process) = (tunnel.port(), tunnel.process());
    const LEGS: u32 = 5;
    const WARM: usize = 1;
    let (mut seen, mut total, mut idle) = (Vec::new(), Count::default(), None);
    for leg in 0..LEGS {
        let until = Instant::now() + Duration::from_secs(seconds) / LEGS;
        let mut all = JoinSet::new();
        for client in 0..6 {
            let seed = u64::from(leg * 6 + client) << 32;
            let connector = dir.connector(None).resume(client % 2 == 0);
            all.spawn(clients(connector, port, backend.lives.clone(), seed, until));
        }
        for renewal in 0.. {
            if Instant::now() >= until {
                break;
            }
            match renewal % 4 {
                3 => dir.replace("server.pem", b"garbage"),
                _ => {
                    let names = &["localhost", "127.0.0.1"];
                    dir.issue("server", "/CN=renewed", names, ExtendedKeyUsage::SERVER_AUTH);
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        dir.issue("server", "/CN=whole", &["localhost"], ExtendedKeyUsage::SERVER_AUTH);
        while let Some(count) = all.join_next().await {
            let count = count.expect("no client panics");
            total.served += count.served;
            total.bytes += count.bytes;
            total.interrupted += count.interrupted;
            total.rude += count.rude;
        }
        // Connections end when the tunnel has seen that both sides are gone.
        let most = idle.map_or(usize::MAX, |(_, descriptors)| descriptors + 2);
        let until = Instant::now() + PATIENCE;
        while held(process).1 > most {
            assert!(Instant::now() < until, "descriptors grow: {:?} to {:?}", idle, held(process));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if leg as usize == WARM {
            tokio::time::sleep(Duration::from_millis(500)).await;
            idle = Some(held(process));
        }
        seen.push(held(process));
    }
    println!("{total:?}, {} lives of the backend; {seen:?}", backend.lives());
    let (warm, end) = (seen[WARM], seen[LEGS as usize - 1]);
    let slack = 6 * 1024 * 1024;
    assert!(end.0 < warm.0 + slack, "memory grows: {seen:?}");
    assert!(total.served > 10 && total.rude > 2 && backend.lives() > 2, "{total:?}");
    // Most are served: the backend is away for moments only.
    assert!(total.interrupted < total.served, "{total:?}");
}
