//! What stands between a client and its server, and lets not every hello pass: in front of a real
//! server, on a port of this machine.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sealwire::reading::{ClientHello, HANDSHAKE, HandshakeMessage, Record};

/// What a middlebox sees of a connection before it lets it pass.
pub(crate) struct Seen {
    pub(crate) hello: ClientHello,
    /// Everything that came, and what came first.
    pub(crate) bytes: Vec<u8>,
    pub(crate) first_read: usize,
    pub(crate) records: usize,
}

/// What becomes of a connection.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    Pass,
    Reset,
    Close,
    /// A fatal alert, and a close.
    Alert(u8),
    /// Nothing is said until the client gives up.
    Silence,
    /// It passes, as long as what the server says in one go is not longer than this.
    PassUpTo(usize),
}

/// A middlebox before the server at `upstream`; its port. It lives as long as the test's process.
pub(crate) fn before(upstream: u16, judge: impl Fn(&Seen) -> Fate + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let judge = Arc::new(judge);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let judge = judge.clone();
            std::thread::spawn(move || pass(client, upstream, &*judge));
        }
    });
    port
}

/// An HTTP proxy that connects to `upstream`, whatever it is asked for; its port. So a server on any
/// port is reached as if it were on a well-known one.
pub(crate) fn proxy_to(upstream: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") {
                    client.read_exact(&mut byte).ok()?;
                    head.push(byte[0]);
                }
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
                relay(client, upstream, &[], usize::MAX);
                Some(())
            });
        }
    });
    port
}

fn pass(mut client: TcpStream, upstream: u16, judge: &dyn Fn(&Seen) -> Fate) {
    let Some(seen) = look(&mut client) else { return };
    match judge(&seen) {
        Fate::Pass => relay(client, upstream, &seen.bytes, usize::MAX),
        Fate::PassUpTo(most) => relay(client, upstream, &seen.bytes, most),
        Fate::Close => drop(client),
        Fate::Alert(number) => {
            let _ = client.write_all(&[21, 3, 3, 0, 2, 2, number]);
        }
        Fate::Reset => reset(&client),
        Fate::Silence => while client.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {},
    }
}

fn reset(tcp: &TcpStream) {
    let _ = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}

/// Reads until the hello is whole.
fn look(client: &mut TcpStream) -> Option<Seen> {
    let (mut bytes, mut first_read) = (Vec::new(), 0);
    loop {
        let mut room = [0; 16 * 1024];
        let read = client.read(&mut room).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&room[..read]);
        first_read = if first_read == 0 { read } else { first_read };
        if bytes.first() != Some(&HANDSHAKE) {
            return None; // somebody asks for TLS first, which nobody here answers
        }
        let (mut rest, mut message, mut records) = (&bytes[..], Vec::new(), 0);
        while let Some(record) = Record::first(rest).filter(|record| record.kind == HANDSHAKE) {
            message.extend_from_slice(record.content());
            rest = &rest[record.bytes.len()..];
            records += 1;
        }
        if let Some(whole) = HandshakeMessage::first(&message) {
            let hello = ClientHello::parse(whole.bytes)?;
            return Some(Seen { hello, bytes, first_read, records });
        }
    }
}

/// Carries bytes both ways; what the server says in one go may be `most` bytes.
fn relay(client: TcpStream, upstream: u16, first: &[u8], most: usize) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", upstream)) else { return };
    if server.write_all(first).is_err() {
        return;
    }
    let answered = Arc::new(AtomicBool::new(false));
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    let heard = answered.clone();
    let there = std::thread::spawn(move || {
        let mut room = [0; 16 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut room) {
            heard.store(true, Ordering::SeqCst);
            if to_server.write_all(&room[..read]).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut to_client, mut room, mut said) = (&client, [0; 16 * 1024], 0);
    while let Ok(read @ 1..) = server.read(&mut room) {
        said += read;
        if said > most && !answered.load(Ordering::SeqCst) {
            let _ = to_client.write_all(&room[..read.saturating_sub(said - most)]);
            break;
        }
        if to_client.write_all(&room[..read]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Write);
    let _ = there.join();
}
