//! Clients and origins that never stop saying what is no use: the proxy's memory stays where it was, and it
//! goes on serving others.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use crate::lasting::resident;
use crate::peers::{Folder, installed};
use crate::running::Proxy;

/// How much is said at most.
const MOST_SAID: usize = 48 << 20;
/// The same where each piece is long: were all of it kept, it would be more than the growth that is allowed.
const MOST_LONG: usize = 80 << 20;
/// How many small pieces: if each were kept, with some hundred bytes around it, it would show.
const MOST_SMALL: usize = 400_000;
/// How much the proxy may grow, in MB. The caches of its database take 24, what waits to be recorded some more;
/// were each of the small pieces kept, they would take ten times what is said.
pub(crate) const MOST_GROWTH: u64 = 56;
/// One that takes nothing any more has had enough.
const PATIENCE: Duration = Duration::from_secs(3);

/// Says `first`, then `again` for ever: how many bytes were taken.
fn say(to: TcpStream, first: &[u8], again: &[u8]) -> usize {
    listen_to_nothing(&to);
    let pieces = again.repeat((16 << 10) / again.len() + 1);
    let said = [first.to_vec()].into_iter().chain(std::iter::repeat(pieces));
    say_until(to, said, MOST_SAID)
}

/// Says all of it, as long as it is taken, and not more than what shows whether it is kept: how many
/// bytes were. Of small pieces each would take more than its bytes.
pub(crate) fn say_all(to: TcpStream, pieces: impl Iterator<Item = Vec<u8>>) -> usize {
    let mut small = 0;
    let pieces = pieces.take_while(move |piece| {
        small += usize::from(piece.len() < 1024);
        small < MOST_SMALL
    });
    say_until(to, pieces, MOST_LONG)
}

fn say_until(mut to: TcpStream, pieces: impl Iterator<Item = Vec<u8>>, most: usize) -> usize {
    let _ = to.set_write_timeout(Some(PATIENCE));
    let mut said = 0;
    for piece in pieces {
        if said >= most || to.write_all(&piece).is_err() {
            break;
        }
        said += piece.len();
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    said
}

/// Reads what comes back, and does not look at it.
pub(crate) fn listen_to_nothing(tcp: &TcpStream) {
    let mut back = tcp.try_clone().unwrap();
    std::thread::spawn(move || {
        let mut room = [0; 4096];
        while let Ok(1..) = back.read(&mut room) {}
    });
}

/// Checks that it has not grown, and serves others.
pub(crate) fn is_well(proxy: &Proxy, dir: &Folder, before: u64, what: &str) {
    let now = resident(proxy.id());
    println!("{what}: {before} before, {now} now");
    assert!(now <= before + MOST_GROWTH, "{what}: {before} MB before, {now} MB now");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let _ = tcp.read(&mut [0; 4096]);
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            .unwrap();
    });
    let ran = proxy.curl(dir, &[&url]).output().unwrap();
    assert_eq!(ran.stdout, b"ok", "{what}: {ran:?}");
    serving.join().unwrap();
}

#[test]
fn a_client_that_never_stops_takes_no_memory() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = Folder::new();
    let proxy = Proxy::start(&dir, &["--session", "s.db"]);
    let before = resident(proxy.id());
    let address = proxy.url.trim_start_matches("http://").to_owned();
    for (what, first, again) in [
        ("a request line", &b"GET http://a.test/"[..], &b"a"[..]),
        ("a header field", b"GET http://a.test/ HTTP/1.1\r\nA: ", b"a"),
        ("header fields", b"GET http://a.test/ HTTP/1.1\r\n", b"a: b\r\n"),
        ("a host to CONNECT to", b"CONNECT ", b"a."),
        ("methods of SOCKS", b"\x05\xff", b"\x00"),
        ("records of TLS", b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x40\x00"),
        (
            "frames of HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        ),
        ("nothing that is known", b"\x00", b"\xff\x00"),
    ] {
        let said = say(TcpStream::connect(&address).unwrap(), first, again);
        println!("{what}: {said} bytes were taken");
        is_well(&proxy, &dir, before, what);
    }
}

#[test]
fn an_origin_that_never_stops_takes_no_memory() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = Folder::new();
    let proxy = Proxy::start(&dir, &["--session", "s.db"]);
    let before = resident(proxy.id());
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = |more: &str| format!("{CHUNKED}{more}").into_bytes();
    const SOCKET: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    for (what, first, again) in [
        ("a status line", b"HTTP/1.1 200 ".to_vec(), &b"a"[..]),
        ("a header field", b"HTTP/1.1 200 OK\r\nA: ".to_vec(), b"a"),
        ("header fields", b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n"),
        ("informational answers", Vec::new(), b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        ("digits of a chunk's size", chunked(""), b"0"),
        ("an extension of a chunk", chunked("1;"), b"a"),
        ("chunks of a byte", chunked(""), b"1\r\na\r\n"),
        ("trailers", chunked("0\r\n"), b"a: b\r\n"),
        ("fragments of a message", [SOCKET, b"\x01\x01a"].concat(), b"\x00\x01a"),
        ("pings", SOCKET.to_vec(), b"\x89\x01a"),
        ("what is no HTTP", b"\x00".to_vec(), b"\xff\x00"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let saying = std::thread::spawn(move || {
            let (tcp, _) = listener.accept().unwrap();
            say(tcp, &first, again)
        });
        let ask =
            ["-o", "/dev/null", "-H", "Connection: upgrade", "-H", "Upgrade: websocket", &url];
        let mut curl = proxy.curl(&dir, &ask).stderr(Stdio::null()).spawn().unwrap();
        println!("{what}: {} bytes were taken", saying.join().unwrap());
        let _ = curl.kill();
        let _ = curl.wait();
        is_well(&proxy, &dir, before, what);
    }
}
