//! What is measured: a client and a server, each on a thread of its own, over loopback.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::contestant::{Contestant, Failure};

/// Measures each contestant once a round, in turn, so that a machine that changes its speed
/// changes it for all. Gives the rates by contestant; the first round only warms up.
pub(crate) fn interleaved<T: Clone>(
    rounds: usize,
    contestants: &[Contestant],
    measure: impl Fn(&Contestant) -> Result<T, Failure>,
) -> Result<Vec<Vec<T>>, Failure> {
    let mut results = vec![Vec::new(); contestants.len()];
    for round in 0..=rounds {
        for (contestant, results) in contestants.iter().zip(&mut results) {
            let result = measure(contestant)?;
            if round > 0 {
                results.push(result);
            }
        }
    }
    Ok(results)
}

/// One measurement over a transport.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// How much a second.
    pub(crate) rate: f64,
    /// Seconds of processor time for one, of both sides and of the kernel for them. What else the
    /// machine does hardly changes it.
    pub(crate) cost: f64,
}

/// Processor time of this thread so far, from the kernel's scheduler: other programs on the machine
/// do not count.
pub(crate) fn processor_time() -> std::io::Result<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split(' ').next().and_then(|first| first.parse().ok());
    Ok(Duration::from_nanos(nanoseconds.ok_or(std::io::ErrorKind::InvalidData)?))
}

/// Full handshakes a second, one after the other. Each ends with a byte from the server, so that
/// both sides are done.
pub(crate) fn handshakes(contestant: &Contestant, count: usize) -> Result<Sample, Failure> {
    with_server(contestant, count, count as f64, serve_byte, async |contestant, address| {
        let start = Instant::now();
        for _ in 0..count {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            let mut stream = (contestant.connect)(tcp).await?;
            stream.read_exact(&mut [0]).await?;
        }
        Ok(start.elapsed())
    })
}

/// Megabytes a second that go to the server in writes of `size` bytes and come back.
pub(crate) fn echo(contestant: &Contestant, size: usize, total: usize) -> Result<Sample, Failure> {
    with_server(
        contestant,
        1,
        (total / size * size) as f64 / 1e6,
        serve_echo,
        async |contestant, address| {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            let stream = (contestant.connect)(tcp).await?;
            let (mut reader, mut writer) = tokio::io::split(stream);
            let count = total / size;
            let start = Instant::now();
            let sending = async {
                let message = vec![7; size];
                for _ in 0..count {
                    writer.write_all(&message).await?;
                }
                writer.flush().await
            };
            let receiving = async {
                let mut buffer = vec![0; 64 * 1024];
                let mut left = count * size;
                while left > 0 {
                    left -= reader.read(&mut buffer).await?;
                }
                std::io::Result::Ok(())
            };
            tokio::try_join!(sending, receiving)?;
            Ok(start.elapsed())
        },
    )
}

async fn serve_byte(mut stream: Box<dyn crate::contestant::Stream>) -> std::io::Result<()> {
    stream.write_all(&[1]).await?;
    stream.flush().await
}

async fn serve_echo(stream: Box<dyn crate::contestant::Stream>) -> std::io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        writer.write_all(&buffer[..count]).await?;
        writer.flush().await?;
    }
}

/// Runs `client`, which takes some time for some amount, against a server of `connections` on
/// another thread.
fn with_server<S: Future<Output = std::io::Result<()>>>(
    contestant: &Contestant,
    connections: usize,
    amount: f64,
    serve: impl Fn(Box<dyn crate::contestant::Stream>) -> S + Send + Copy,
    client: impl AsyncFnOnce(&Contestant, SocketAddr) -> Result<Duration, Failure>,
) -> Result<Sample, Failure> {
    let std_listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    std_listener.set_nonblocking(true)?;
    let address = std_listener.local_addr()?;
    std::thread::scope(|scope| {
        let server = scope.spawn(move || -> Result<Duration, Failure> {
            runtime()?.block_on(async {
                let listener = TcpListener::from_std(std_listener)?;
                for _ in 0..connections {
                    let (tcp, _) = listener.accept().await?;
                    tcp.set_nodelay(true)?;
                    let stream = (contestant.accept)(tcp).await?;
                    // A client that has what it wanted hangs up without a word.
                    let _ = serve(stream).await;
                }
                Ok::<_, Failure>(())
            })?;
            Ok(processor_time()?)
        });
        let before = processor_time()?;
        let elapsed = runtime()?.block_on(client(contestant, address));
        let ours = processor_time()? - before;
        let served = server.join().map_err(|_| "the server panicked")?;
        let rate = amount / elapsed?.as_secs_f64();
        Ok(Sample { rate, cost: (ours + served?).as_secs_f64() / amount })
    })
}

pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
