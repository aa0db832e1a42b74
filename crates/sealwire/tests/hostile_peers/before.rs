//! Clients that are hostile from their first byte on.

use std::time::{Duration, Instant};

use sealwire::{ClientAuth, ClientOptions, Error, ServerOptions, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::MOST_FOR_A_STRANGER;
use crate::arena::Arena;
use crate::memory::Memory;
use crate::pair::End;
use crate::peers::credentials::context;
use crate::peers::{in_time, present};
use crate::wire::{extension, hello, long_hello, message, record, records, tls13, usual, vector16};

struct Kind {
    what: &'static str,
    bytes: Vec<u8>,
    /// The beginning of the error, and its code where there is one of its own.
    told: &'static str,
    code: &'static str,
}

fn kinds() -> Vec<Kind> {
    let kind = |what, bytes: &[u8], told, code| Kind { what, bytes: bytes.to_vec(), told, code };
    let twice = [usual(), usual()].concat();
    let whole = hello([3, 3], &usual());
    let mut lies = whole.clone();
    let at = lies.len() - 7;
    lies[at] = 0xff; // the length of the last extension
    const NOT_TLS: &str = "the client does not speak TLS";
    const BROKE: &str = "the peer broke the protocol: ";
    const NOTHING: &str = "nothing in common with the peer: ";
    const WRONG_VERSION: &str = "ERR_SSL_WRONG_VERSION_NUMBER";
    vec![
        kind("plain HTTP", b"GET / HTTP/1.1\r\n\r\n", NOT_TLS, "ERR_SSL_HTTP_REQUEST"),
        kind("zeros", &[0; 5000], NOT_TLS, WRONG_VERSION),
        kind("SSL 2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00", NOT_TLS, WRONG_VERSION),
        kind(
            "a hello of 16 MiB",
            &record(22, &[1, 255, 255, 255]),
            BROKE,
            "ERR_SSL_EXCESSIVE_MESSAGE_SIZE",
        ),
        kind(
            "a hello of 64 KiB in records of one byte",
            &records(&long_hello(65_000), 1),
            BROKE,
            "ERR_SSL_EXCESSIVE_MESSAGE_SIZE",
        ),
        kind("a record of 64 KiB", &[22, 3, 1, 255, 255, 1, 0, 255, 0], BROKE, ""),
        kind("records of nothing", &record(22, b"").repeat(1000), BROKE, ""),
        kind("data first", &record(23, b"hi"), BROKE, "ERR_SSL_UNEXPECTED_MESSAGE"),
        kind("warnings", &record(21, &[1, 90]).repeat(1000), BROKE, ""),
        kind(
            "ChangeCipherSpec for ever",
            &record(20, &[1]).repeat(1000),
            BROKE,
            "ERR_SSL_UNEXPECTED_MESSAGE",
        ),
        kind("a fatal alert", &record(21, &[2, 40]), BROKE, "ERR_SSL_UNEXPECTED_MESSAGE"),
        kind(
            "a Finished",
            &records(&message(20, &[3; 12]), 1000),
            BROKE,
            "ERR_SSL_UNEXPECTED_MESSAGE",
        ),
        kind("a hello that lies about a length", &records(&lies, 1000), BROKE, ""),
        kind("a hello with an extension twice", &records(&hello([3, 3], &twice), 1000), BROKE, ""),
        kind(
            "a hello of SSL 3",
            &records(&hello([3, 0], &usual()), 1000),
            NOTHING,
            "ERR_SSL_VERSION_TOO_LOW",
        ),
        kind(
            "a hello of TLS 1.3 that says it is SSL 3",
            &records(&hello([3, 0], &[usual(), tls13()].concat()), 1000),
            BROKE,
            "ERR_SSL_VERSION_TOO_LOW",
        ),
        kind(
            "a hello of TLS 1.3 that says version 0",
            &records(&hello([0, 0], &[usual(), tls13()].concat()), 1000),
            BROKE,
            "ERR_SSL_VERSION_TOO_LOW",
        ),
        kind(
            "a ChangeCipherSpec of two bytes",
            &[records(&whole, 1000), record(20, &[1, 1])].concat(),
            BROKE,
            "ERR_SSL_BAD_CHANGE_CIPHER_SPEC",
        ),
        kind(
            "a hello in a record of more than 2^14 bytes",
            &records(&long_hello(16_400), 17_000),
            BROKE,
            "ERR_SSL_DATA_LENGTH_TOO_LONG",
        ),
        kind(
            "a hello of version 0",
            &records(&hello([0, 0], &usual()), 1000),
            NOTHING,
            "ERR_SSL_UNSUPPORTED_PROTOCOL",
        ),
        kind(
            "a hello of TLS 1.0",
            &records(&hello([3, 1], &usual()), 1000),
            NOTHING,
            "ERR_SSL_UNSUPPORTED_PROTOCOL",
        ),
        kind("two hellos at once", &records(&[whole.clone(), whole].concat(), 10_000), BROKE, ""),
    ]
}

#[tokio::test]
async fn strangers_get_nowhere_and_cost_little() {
    if !present("openssl") {
        return;
    }
    const AT_ONCE: usize = 10;
    let mut memory = Memory::measured_alone().await;
    for Kind { what, bytes, told, code } in kinds() {
        let mut arena = Arena::open().await;
        arena.others_are_served().await;
        memory.begin();
        let mut peers = Vec::new();
        for _ in 0..AT_ONCE {
            peers.push(arena.said(&bytes).await);
        }
        arena.others_are_served().await;
        for _ in 0..AT_ONCE {
            let error = arena.failure().await;
            assert!(code.is_empty() || error.code() == code, "{what}: {error}: {}", error.code());
            assert!(error.to_string().starts_with(told), "{what}: {error}");
        }
        let most = memory.most() / AT_ONCE;
        assert!(most < MOST_FOR_A_STRANGER, "{what}: {most} bytes each");
    }
}

/// Who speaks TLS is told by an alert that it went wrong.
#[test]
fn strangers_are_told_by_an_alert() {
    if !present("openssl") {
        return;
    }
    let context = context("p256", "ca").build().expect("a context");
    for Kind { what, bytes, told, .. } in kinds() {
        let mut ours = End::new(Session::server(&context, &ServerOptions::new()));
        ours.receive(&bytes);
        let Some(error) = ours.error.take() else { continue }; // it waits for more of it
        let (out, told_by) = (ours.output(), error.to_string());
        match what {
            "a hello of TLS 1.3 that says it is SSL 3"
            | "a hello of TLS 1.3 that says version 0"
            | "a hello of version 0" => {
                assert_eq!(out.last(), Some(&70));
            }
            "a ChangeCipherSpec of two bytes" => assert_eq!(out.last(), Some(&10)),
            "a hello in a record of more than 2^14 bytes" => assert_eq!(out.last(), Some(&22)),
            _ => {}
        }
        if told.ends_with("TLS") {
            assert!(out.is_empty(), "{what}: {out:?}");
        } else {
            assert!(matches!(out[..], [.., 21, 3, _, 0, 2, 2, _]), "{what}: {told_by}: {out:?}");
        }
    }
}

/// A hello that never ends, or nothing at all, and the connection stays open.
#[tokio::test]
async fn floods_of_half_open_connections_cost_little() {
    if !present("openssl") {
        return;
    }
    let endless = long_hello(65_000);
    let nearly = |size| {
        let mut bytes = records(&endless, size);
        bytes.truncate(bytes.len() - 1);
        bytes
    };
    let mut in_bytes = nearly(1);
    in_bytes.truncate(96 * 1024 - 6);
    let mut memory = Memory::measured_alone().await;
    for (what, bytes, peers, most_each) in [
        ("silence", Vec::new(), 300, 8 * 1024),
        ("half a record", record(22, &long_hello(10_000))[..5000].to_vec(), 300, 10 * 1024),
        ("a record but for a byte", nearly(16_384)[..16_388].to_vec(), 300, 21 * 1024),
        ("a hello of 64 KiB but for a byte", nearly(16_384), 50, 150 * 1024),
        ("a hello in records of 64 bytes", nearly(64), 50, MOST_FOR_A_STRANGER),
        ("a hello in records of one byte", in_bytes, 50, MOST_FOR_A_STRANGER),
    ] {
        let arena = Arena::open().await;
        arena.others_are_served().await;
        memory.begin();
        let mut open = Vec::new();
        for _ in 0..peers {
            open.push(arena.said(&bytes).await);
        }
        arena.others_are_served().await;
        // What one of them needs only while it is heard is not what all of them hold.
        let each = memory.grown() / peers;
        assert!(each < most_each, "{what}: {each} bytes each");
    }
}

/// More connections that say nothing than there may be handshakes: those that have taken longest
/// make room.
#[tokio::test]
async fn a_flood_beyond_the_limit_does_not_shut_others_out() {
    if !present("openssl") {
        return;
    }
    const LIMIT: usize = 20;
    let begin = Instant::now();
    let mut arena = Arena::of(ClientAuth::None, |listener| listener.handshake_limit(LIMIT)).await;
    let mut silent = Vec::new();
    for _ in 0..LIMIT + 10 {
        silent.push(arena.dial().await);
    }
    for _ in 0..5 {
        arena.others_are_served().await;
    }
    let error = arena.failure().await;
    assert!(matches!(error, Error::HandshakeTimedOut), "{error:?}");
    let taken = begin.elapsed();
    assert!(taken < Duration::from_secs(25), "{taken:?}: the timeout made room, not the limit");
}

/// A hello may make of its bytes what takes more memory than they do; not much more.
#[tokio::test]
async fn a_hello_of_many_small_things_is_no_bomb() {
    if !present("openssl") {
        return;
    }
    let many = |what: &[u8]| what.repeat(60_000 / what.len());
    let hello_with = |kind, body: Vec<u8>| {
        hello([3, 3], &[usual(), vec![extension(kind, &vector16(&body))]].concat())
    };
    let extensions: Vec<_> = (0..14_000).map(|kind| extension(0x4000 + kind, b"")).collect();
    let mut memory = Memory::measured_alone().await;
    for (what, hello) in [
        ("names of protocols", hello_with(16, many(b"\x01x"))),
        ("empty names of protocols", hello_with(16, many(b"\0"))),
        ("server names", hello_with(0, many(b"\0\0\x01x"))),
        ("groups", hello([3, 3], &[extension(10, &vector16(&many(b"\x0a\x0a")))])),
        ("signature schemes", hello([3, 3], &[extension(13, &vector16(&many(b"\x0a\x0a")))])),
        ("extensions", hello([3, 3], &[usual(), extensions].concat())),
    ] {
        let arena = Arena::open().await;
        arena.others_are_served().await;
        memory.begin();
        let mut open = Vec::new();
        for _ in 0..5 {
            open.push(arena.said(&records(&hello, 16_384)).await);
        }
        arena.others_are_served().await;
        let most = memory.most();
        assert!(most < 8 * 1024 * 1024, "{what}: {most} bytes");
    }
}

/// A reset after any number of bytes, in the middle of any message of either side.
#[tokio::test]
async fn resets_in_every_state_concern_nobody_else() {
    if !present("openssl") {
        return;
    }
    let mut arena = Arena::open().await;
    let context = context("client", "ca").build().expect("a context");
    let options = ClientOptions::new("localhost".parse().expect("a name")).resume(false);
    for flights in 0..3 {
        for part in [0, 1, 5, 6, 100, usize::MAX] {
            let mut session = Session::client(&context, &options).expect("a session");
            let mut tcp = arena.dial().await;
            exchange(&mut session, &mut tcp, flights).await;
            let mut rest = Vec::new();
            session.take_output(&mut rest);
            tcp.write_all(&rest[..part.min(rest.len())]).await.expect("the server reads");
            tcp.set_zero_linger().expect("a socket");
            drop(tcp);
            // After the last flight the handshake may be complete on their side.
            let error = arena.failure().await;
            assert_eq!(error.code(), "ECONNRESET", "{flights} flights and {part}: {error:?}");
        }
        arena.others_are_served().await;
    }
}

/// Sends so many flights, each when what came before it was answered.
async fn exchange(session: &mut Session, tcp: &mut TcpStream, flights: usize) {
    let mut received = Vec::new();
    for _ in 0..flights {
        let mut out = Vec::new();
        session.take_output(&mut out);
        tcp.write_all(&out).await.expect("the server reads");
        while !session.has_output() && session.is_handshaking() {
            in_time(tcp.read_buf(&mut received)).await.expect("the server answers");
            let consumed = session.receive(&mut received, &mut Vec::new()).expect("well said");
            received.drain(..consumed);
        }
    }
}
