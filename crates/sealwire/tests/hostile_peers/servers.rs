//! Servers that are hostile from their first byte on, against a client of ours.

use sealwire::{ClientOptions, Error, Session};

use crate::MOST_FOR_A_STRANGER;
use crate::memory::Memory;
use crate::pair::End;
use crate::peers::credentials::context;
use crate::peers::present;
use crate::wire::{extension, message, record, records};

/// What a server may say about itself in a ServerHello.
struct ServerHello {
    version: [u8; 2],
    random: [u8; 32],
    session_id: Vec<u8>,
    suite: [u8; 2],
    compression: u8,
    extensions: Vec<Vec<u8>>,
}

/// The random that makes a ServerHello a HelloRetryRequest (RFC 8446, 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

impl ServerHello {
    /// Of TLS 1.3, to a client with this session id.
    fn new(session_id: &[u8]) -> Self {
        let key_share = [&[0, 29, 0, 32][..], &[9; 32]].concat();
        Self {
            version: [3, 3],
            random: [7; 32],
            session_id: session_id.to_vec(),
            suite: [0x13, 2],
            compression: 0,
            extensions: vec![extension(43, &[3, 4]), extension(51, &key_share)],
        }
    }

    fn tls12(session_id: &[u8]) -> Self {
        let extensions = vec![extension(0xff01, &[0])];
        Self { suite: [0xc0, 0x2b], extensions, ..Self::new(session_id) }
    }

    fn retry(session_id: &[u8], group: [u8; 2]) -> Self {
        let extensions = vec![extension(43, &[3, 4]), extension(51, &group)];
        Self { random: RETRY, extensions, ..Self::new(session_id) }
    }

    fn message(&self) -> Vec<u8> {
        let mut body = [&self.version[..], &self.random, &[self.session_id.len() as u8]].concat();
        body.extend(&self.session_id);
        body.extend(self.suite);
        body.push(self.compression);
        let extensions = self.extensions.concat();
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        message(2, &body)
    }

    fn wire(&self) -> Vec<u8> {
        records(&self.message(), 16_384)
    }
}

/// What is said to a client whose session id is `id`.
fn said(id: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hello = || ServerHello::new(id);
    let tls12 = || ServerHello::tls12(id);
    let downgrade = |last: u8| {
        let mut random = [7; 32];
        random[24..].copy_from_slice(b"DOWNGRD\0");
        random[31] = last;
        random
    };
    let with = |more: Vec<u8>| {
        let mut hello = hello();
        hello.extensions.push(more);
        hello.wire()
    };
    let long = with(extension(0xfafa, &[0; 60_000]));
    let mut short = hello().wire();
    short.truncate(30);
    vec![
        ("a hello of TLS 1.1", ServerHello { version: [3, 2], ..tls12() }.wire()),
        ("a hello of SSL 3", ServerHello { version: [3, 0], ..tls12() }.wire()),
        ("TLS 1.2 where both have 1.3", ServerHello { random: downgrade(1), ..tls12() }.wire()),
        ("TLS 1.1 where both have 1.2", ServerHello { random: downgrade(0), ..tls12() }.wire()),
        ("a suite that was not offered", ServerHello { suite: [0x13, 9], ..hello() }.wire()),
        ("the null suite", ServerHello { suite: [0, 0], ..tls12() }.wire()),
        ("compression", ServerHello { compression: 1, ..tls12() }.wire()),
        ("to try again, with another session id", {
            ServerHello { session_id: vec![1; 32], ..ServerHello::retry(id, [0, 24]) }.wire()
        }),
        ("a session id of 255 bytes", ServerHello { session_id: vec![1; 255], ..hello() }.wire()),
        ("an extension that was not offered", with(extension(0xfafa, b""))),
        ("an extension twice", with(extension(43, &[3, 4]))),
        ("early data that was not offered", with(extension(42, b""))),
        ("a key share of a group not offered", {
            let share = extension(51, &[&[0xfa, 0xfa, 0, 32][..], &[9; 32]].concat());
            ServerHello { extensions: vec![extension(43, &[3, 4]), share], ..hello() }.wire()
        }),
        ("a key share of zeros", {
            let share = extension(51, &[&[0, 29, 0, 32][..], &[0; 32]].concat());
            ServerHello { extensions: vec![extension(43, &[3, 4]), share], ..hello() }.wire()
        }),
        ("to try again with what was sent", ServerHello::retry(id, [0, 29]).wire()),
        ("to try again, twice", ServerHello::retry(id, [0, 24]).wire().repeat(2)),
        ("a hello of 60 KB in records of one byte", {
            let mut hello = hello();
            hello.extensions.push(extension(0xfafa, &[0; 60_000]));
            records(&hello.message(), 1)
        }),
        ("a long hello with an extension not offered", long),
        ("a hello of 16 MiB", record(22, &[2, 255, 255, 255])),
        ("a certificate first", records(&message(11, &[0, 0, 0]), 1000)),
        ("nothing but HelloRequests", records(&message(0, b"").repeat(5000), 16_384)),
        ("warnings", record(21, &[1, 90]).repeat(1000)),
        ("ChangeCipherSpec for ever", record(20, &[1]).repeat(1000)),
        ("data", record(23, &[7; 100])),
        ("a ClientHello", records(&message(1, &[3; 100]), 1000)),
    ]
}

#[tokio::test]
async fn a_client_takes_nothing_that_it_did_not_offer() {
    if !present("openssl") {
        return;
    }
    let context = context("client", "ca").build().unwrap();
    let options = ClientOptions::new("localhost".parse().unwrap()).resume(false);
    let mut memory = Memory::measured_alone().await;
    let begun = || {
        let mut end = End::new(Session::client(&context, &options).unwrap());
        let hello = end.output();
        // Behind the headers of record and message, the version, the random and a length.
        let id = hello[5 + 4 + 2 + 32 + 1..][..32].to_vec();
        (end, id)
    };
    for kind in 0..said(&[0; 32]).len() {
        let (mut client, id) = begun();
        let (what, wire) = said(&id).swap_remove(kind);
        memory.begin();
        for part in wire.chunks(16_384) {
            if client.error.is_none() {
                client.receive(part);
            }
        }
        let most = memory.most();
        assert!(most < MOST_FOR_A_STRANGER, "{what}: {most} bytes");
        assert!(client.session.peer().is_none() && client.plaintext.is_empty(), "{what}");
        let error = client.error.as_ref().unwrap_or_else(|| panic!("{what}: no error"));
        assert!(
            matches!(
                error,
                Error::Misbehaved(_) | Error::Incompatible(_) | Error::AlertReceived { .. }
            ),
            "{what}: {error}"
        );
        assert!(error.to_string().contains(": "), "{what}: {error} says nothing");
        // Nothing that a server says makes a client send its certificate.
        let sent: usize = client.output().len();
        assert!(sent < 2500, "{what}: {sent} bytes");
    }
}
