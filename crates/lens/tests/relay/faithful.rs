//! What passes is what was sent, byte for byte, and when it was sent.

use sealwire::Connector;
use sealwire::SecureContext;
use sealwire_lens::flow::{Body, Direction, Event, Outcome, What};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::origins::{plain, tls};
use crate::support::{Pki, Running, start};

/// A connection to `host:port` through the proxy, as far as TLS.
pub(crate) async fn tunnel(proxy: &Running, host: &str, port: u16) -> TcpStream {
    let mut tcp = TcpStream::connect(proxy.address).await.unwrap();
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(head(&mut tcp).await, "HTTP/1.1 200 Connection established\r\n\r\n");
    tcp
}

/// A client that trusts the proxy's CA.
pub(crate) fn client(proxy: &Running) -> Connector {
    client_of(proxy, &[])
}

/// The same, which offers these protocols.
pub(crate) fn client_of(proxy: &Running, protocols: &[&str]) -> Connector {
    let trust = sealwire::TrustStore::from_pem_file(proxy.ca()).unwrap();
    let context = SecureContext::builder().trust(trust).build().unwrap();
    Connector::new(context).alpn(protocols.iter().copied())
}

/// A head, byte by byte.
pub(crate) async fn head(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn exactly(io: &mut (impl AsyncRead + Unpin), expected: &[u8]) {
    let mut read = vec![0; expected.len()];
    io.read_exact(&mut read).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(expected));
}

const REQUEST: &[u8] = b"pOST /a%2fb?c=%20 HTTP/1.1\r\nhOST: localhost\r\nX-b: 1\r\nX-A:   2  \r\n\
    x-b: 3\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=\"1\"\r\nabc\r\n00\r\nT-Railer: yes\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n\
    HTTP/1.1 299 Fine by me\r\nset-cookie: a\r\nSET-COOKIE: b\r\ntransfer-encoding: chunked\r\n\r\n\
    5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_passes_byte_for_byte() {
    let pki = Pki::new();
    let origin = tls(&pki, &["localhost"], &["http/1.1"], |mut tls| async move {
        for _ in 0..2 {
            exactly(&mut tls, REQUEST).await;
            tls.write_all(ANSWER).await.unwrap();
        }
        tls.shutdown().await.unwrap();
    })
    .await;
    let proxy = start(|settings| settings.trust = pki.trust()).await;
    let tcp = tunnel(&proxy, "localhost", origin.port()).await;
    let connector = client(&proxy).alpn(["http/1.1"]);
    let mut tls = connector.connect("localhost".parse().unwrap(), tcp).await.unwrap();
    // Both at once: the second waits for the first's answer.
    tls.write_all(&[REQUEST, REQUEST].concat()).await.unwrap();
    exactly(&mut tls, &[ANSWER, ANSWER].concat()).await;
    assert_eq!(tls.read(&mut [0; 1]).await.unwrap(), 0, "the origin's end is passed on");
    proxy.memory.fault().await;
    let head = &proxy.memory.requests()[1];
    assert!(REQUEST.starts_with(&head.raw) && head.raw.ends_with(b"\r\n\r\n"));
    assert_eq!((head.method.as_str(), head.path.as_str()), ("pOST", "/a%2fb?c=%20"));
    let names: Vec<_> = head.headers.iter().map(|header| &header.name[..]).collect();
    assert_eq!(names, [&b"hOST"[..], b"X-b", b"X-A", b"x-b", b"Transfer-Encoding"]);
    let events = proxy.memory.all();
    let bodies = |wanted| -> Vec<u8> {
        let of = |event: &Event| match &event.what {
            What::Body(Body { direction, data, .. }) if *direction == wanted => Some(data.clone()),
            _ => None,
        };
        events.iter().filter_map(of).flatten().collect()
    };
    assert_eq!(bodies(Direction::Request), b"abcabc");
    assert_eq!(bodies(Direction::Response), b"hellohello");
    let trailers =
        events.iter().filter(|event| matches!(event.what, What::Trailers { .. })).count();
    let early =
        events.iter().filter(|event| matches!(event.what, What::Informational { .. })).count();
    assert_eq!((trailers, early), (4, 2));
    assert_eq!(proxy.memory.responses()[0].reason, "Fine by me");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_there_before_the_next_is_sent() {
    let origin = plain(|tcp| async move {
        let mut tcp = BufReader::new(tcp);
        head(&mut tcp).await;
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await.unwrap();
        tcp.write_all(b"data: 0\n\n").await.unwrap();
        // The answer does not end before the client does.
        let _ = tcp.read_u8().await;
    })
    .await;
    let proxy = start(|_| {}).await;
    let mut tcp = BufReader::new(tunnel(&proxy, "127.0.0.1", origin.port()).await);
    tcp.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    head(&mut tcp).await;
    let mut line = String::new();
    tcp.read_line(&mut line).await.unwrap();
    assert_eq!(line, "data: 0\n");
    let is_told = |event: &Event| matches!(&event.what, What::Body(body) if body.data.starts_with(b"data: 0"));
    proxy.memory.told(move |events| events.iter().find(|event| is_told(event)).map(drop)).await;
    // The client's end reaches the origin, whose answer is complete by its own end.
    tcp.get_mut().shutdown().await.unwrap();
    proxy
        .memory
        .told(|events| {
            events.iter().find_map(|event| match &event.what {
                What::End { end, .. } => {
                    assert!(matches!(end.outcome, Outcome::Complete));
                    Some(())
                }
                _ => None,
            })
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_something_else_is_passed_on() {
    async fn greets(mut io: impl AsyncRead + AsyncWrite + Unpin) {
        io.write_all(b"SSH-2.0-hello\r\n").await.unwrap();
        exactly(&mut io, b"\x00\x01binary").await;
        io.write_all(b"bye").await.unwrap();
        io.shutdown().await.unwrap();
    }
    async fn greeted(mut io: impl AsyncRead + AsyncWrite + Unpin) {
        exactly(&mut io, b"SSH-2.0-hello\r\n").await;
        io.write_all(b"\x00\x01binary").await.unwrap();
        exactly(&mut io, b"bye").await;
        assert_eq!(io.read(&mut [0; 1]).await.unwrap(), 0);
        io.shutdown().await.unwrap();
    }
    let pki = Pki::new();
    let proxy = start(|settings| settings.trust = pki.trust()).await;
    let in_plain = plain(greets).await;
    greeted(tunnel(&proxy, "127.0.0.1", in_plain.port()).await).await;
    let in_tls = tls(&pki, &["localhost"], &["x-odd"], greets).await;
    let tcp = tunnel(&proxy, "localhost", in_tls.port()).await;
    let connector = client(&proxy).alpn(["x-other", "x-odd"]);
    let stream = connector.connect("localhost".parse().unwrap(), tcp).await.unwrap();
    assert_eq!(stream.peer().alpn(), Some(&b"x-odd"[..]));
    greeted(stream).await;
    proxy
        .memory
        .told(|events| {
            let ends = events.iter().filter(|event| {
                matches!(&event.what, What::End { end, .. }
                    if matches!(end.outcome, Outcome::Complete) && end.bodies == [8, 18])
            });
            (ends.count() == 2).then_some(())
        })
        .await;
    let schemes: Vec<_> = proxy.memory.requests().into_iter().map(|head| head.scheme).collect();
    assert_eq!(schemes, ["tcp", "tls"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_passes_with_little_memory() {
    const SIZE: usize = 64 * 1024 * 1024;
    let origin = plain(|mut tcp| async move {
        head(&mut tcp).await;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        tcp.write_all(head.as_bytes()).await.unwrap();
        let piece = vec![7; 64 * 1024];
        for _ in 0..SIZE / piece.len() {
            if tcp.write_all(&piece).await.is_err() {
                return;
            }
        }
    })
    .await;
    // Bodies are counted, not kept.
    struct Counts;
    impl sealwire_lens::flow::Recorder for Counts {
        fn record(&self, _: Event) {}
    }
    let settings = sealwire_lens::intercept::Settings::new(
        sealwire_lens::intercept::Authority::throw_away(&[]).unwrap(),
    );
    let proxy = sealwire_lens::intercept::Proxy::new(settings, std::sync::Arc::new(Counts), 1);
    let proxy = std::sync::Arc::new(proxy.unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let never = std::future::pending();
        proxy.serve(listener, never, std::time::Duration::ZERO).await
    });
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let request = format!("GET http://{origin}/ HTTP/1.1\r\nHost: x\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    head(&mut tcp).await;
    let before = resident();
    // A reader that waits is waited for.
    let mut room = vec![0; 64 * 1024];
    let mut left = SIZE;
    while left > 0 {
        match tcp.read(&mut room).await.unwrap() {
            0 => panic!("cut off with {left} left"),
            count => left -= count,
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes more");
}

/// Memory of this process in bytes, where the system tells.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    pages * 4096
}
