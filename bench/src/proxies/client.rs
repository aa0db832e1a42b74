//! The client of all proxies: rustls by itself on one thread. It believes every certificate.

use std::time::{Duration, Instant};

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::contestant::{Failure, Stream};
use crate::servers::{Done, Terms, all_of};

/// The way to the origin.
#[derive(Clone, Copy)]
pub(super) struct Road {
    /// Through this proxy, if any.
    pub(super) proxy: Option<u16>,
    pub(super) origin: u16,
    pub(super) is_tls: bool,
}

pub(super) struct Client {
    dialer: Dialer,
    runtime: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Dialer {
    road: Road,
    connector: tokio_rustls::TlsConnector,
}

/// The head of a message.
pub(super) struct Head {
    pub(super) first: String,
    pub(super) length: Option<u64>,
}

/// The path of a short answer: its length.
const SHORT: &str = "/1024";

impl Client {
    pub(super) fn new(road: Road) -> Result<Self, Failure> {
        let connector = tokio_rustls::TlsConnector::from(Terms::Full.config()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { dialer: Dialer { road, connector }, runtime })
    }

    /// Requests of so many clients, each answered before its next, on connections that are kept or on
    /// one each.
    pub(super) fn requests(
        &self,
        clients: usize,
        is_kept: bool,
        time: Duration,
    ) -> Result<Done, Failure> {
        self.runtime.block_on(async {
            let mut asking = JoinSet::new();
            let mut open = Vec::new();
            for _ in 0..clients {
                open.push(self.dialer.connect().await?);
            }
            let start = Instant::now();
            for mut stream in open {
                let dialer = self.dialer.clone();
                asking.spawn(async move {
                    let mut count = 0;
                    while start.elapsed() < time {
                        if !is_kept && count > 0 {
                            stream = dialer.connect().await?;
                        }
                        dialer.ask(&mut stream).await?;
                        count += 1;
                    }
                    Ok::<u64, Failure>(count)
                });
            }
            all_of(asking, start).await
        })
    }

    /// How long a body of so many bytes takes, from the request to the last byte of the answer.
    pub(super) fn body(&self, bytes: u64, is_up: bool) -> Result<Duration, Failure> {
        const PIECE: usize = 256 * 1024;
        self.runtime.block_on(async {
            let mut stream = self.dialer.connect().await?;
            let (begin, mut piece) = (Instant::now(), vec![b'x'; PIECE]);
            let request = if is_up {
                self.dialer.head("POST", SHORT, &format!("Content-Length: {bytes}\r\n"))
            } else {
                self.dialer.head("GET", &format!("/{bytes}"), "")
            };
            stream.write_all(request.as_bytes()).await?;
            let mut left = if is_up { bytes } else { 0 };
            while left > 0 {
                let count = left.min(PIECE as u64);
                stream.write_all(&piece[..count as usize]).await?;
                left -= count;
            }
            stream.flush().await?;
            answered(&mut stream, &mut piece).await?;
            Ok(begin.elapsed())
        })
    }
}

impl Dialer {
    /// A connection on which the origin can be asked. It is reset when dropped, so that no port is left
    /// waiting.
    async fn connect(&self) -> Result<Box<dyn Stream>, Failure> {
        let Road { proxy, origin, is_tls } = self.road;
        let mut tcp = TcpStream::connect(("127.0.0.1", proxy.unwrap_or(origin))).await?;
        tcp.set_nodelay(true)?;
        tcp.set_zero_linger()?;
        if !is_tls {
            return Ok(Box::new(tcp));
        }
        if proxy.is_some() {
            let ask =
                format!("CONNECT localhost:{origin} HTTP/1.1\r\nHost: localhost:{origin}\r\n\r\n");
            tcp.write_all(ask.as_bytes()).await?;
            let answer = head(&mut tcp, &mut Vec::new()).await?;
            is_ok(answer.as_ref())?;
        }
        let name = ServerName::try_from("localhost")?;
        Ok(Box::new(self.connector.connect(name, tcp).await?))
    }

    async fn ask(&self, stream: &mut Box<dyn Stream>) -> Result<(), Failure> {
        stream.write_all(self.head("GET", SHORT, "").as_bytes()).await?;
        stream.flush().await?;
        answered(stream, &mut [0; 4096]).await
    }

    fn head(&self, method: &str, path: &str, fields: &str) -> String {
        let Road { proxy, origin, is_tls } = self.road;
        let to = match proxy {
            Some(_) if !is_tls => format!("http://localhost:{origin}"),
            _ => String::new(),
        };
        format!("{method} {to}{path} HTTP/1.1\r\nHost: localhost:{origin}\r\n{fields}\r\n")
    }
}

/// Reads an answer to its end.
async fn answered(stream: &mut (impl AsyncRead + Unpin), room: &mut [u8]) -> Result<(), Failure> {
    let mut read = Vec::with_capacity(2048);
    let head = head(stream, &mut read).await?;
    is_ok(head.as_ref())?;
    let length = head.and_then(|head| head.length).ok_or("an answer without Content-Length")?;
    let mut left = length.checked_sub(read.len() as u64).ok_or("more than the answer")?;
    while left > 0 {
        match stream.read(room).await? {
            0 => return Err("the answer was cut off".into()),
            count => left = left.checked_sub(count as u64).ok_or("more than the answer")?,
        }
    }
    Ok(())
}

fn is_ok(head: Option<&Head>) -> Result<(), Failure> {
    match head {
        Some(head) if head.first.split(' ').nth(1) == Some("200") => Ok(()),
        Some(head) => Err(head.first.clone().into()),
        None => Err("it hung up".into()),
    }
}

/// Reads a head; what came behind it is left in `room`. `None`: nothing comes any more.
pub(super) async fn head(
    stream: &mut (impl AsyncRead + Unpin),
    room: &mut Vec<u8>,
) -> Result<Option<Head>, Failure> {
    let end = loop {
        if let Some(end) = room.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(room).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&room[..end]).into_owned();
    room.drain(..end + 4);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let length = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Ok(Some(Head { first, length }))
}
