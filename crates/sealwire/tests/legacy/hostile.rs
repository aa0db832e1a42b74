//! Peers that break the rules, and bytes that were changed on the way.

use sealwire::{ClientAuth, ClientOptions, ServerOptions, Session};

use crate::pair::Pair;
use crate::peers::credentials::{context, credentials};
use crate::{OLD, Tls10, Tls12, old, ready, server, settled, to};

/// A record of the handshake.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind, 3, 1][..], &length, content].concat()
}

/// A hello of TLS 1.0 with RSA and AES, and these extensions.
fn hello(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 1];
    body.extend([5; 32]);
    body.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    let mut message = vec![1];
    message.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
    message.extend(body);
    message
}

/// What twenty hostile clients say, behind a hello that is answered or in its place.
fn hostile_clients() -> Vec<(&'static str, Vec<u8>)> {
    let good = record(22, &hello(&[]));
    let behind = |more: &[u8]| [&good[..], more].concat();
    vec![
        ("data in the plain", behind(&record(23, b"data"))),
        (
            "a Finished without keys",
            behind(&record(22, &[20, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        ),
        ("keys that are none", behind(&record(22, &[16, 0, 0, 2, 0, 0]))),
        ("keys that are too long", behind(&record(22, &[16, 0, 0xff, 0xff, 0, 1]))),
        ("a change of keys before there are any", behind(&record(20, &[1]))),
        ("a change of keys that says more", behind(&record(20, &[1, 1]))),
        ("a second hello", behind(&good)),
        ("a certificate that nobody asked for", behind(&record(22, &[11, 0, 0, 3, 0, 0, 0]))),
        ("a signature that nobody asked for", behind(&record(22, &[15, 0, 0, 4, 0, 0, 0, 0]))),
        ("a hello of a server", behind(&record(22, &[2, 0, 0, 0]))),
        ("a message of no kind", behind(&record(22, &[99, 0, 0, 0]))),
        ("a record of no kind", behind(&record(99, b"x"))),
        ("an empty record", behind(&record(22, &[]))),
        ("an alert of one byte", behind(&record(21, &[2]))),
        ("an alert of no level", behind(&record(21, &[9, 9]))),
        ("a record that is too long", behind(&[22, 3, 1, 0xff, 0xff, 1])),
        ("another version in the middle", behind(&[22, 2, 0, 0, 1, 1])),
        ("extensions that are cut", record(22, &hello(&[0, 0, 0, 9, 1]))),
        ("one extension twice", record(22, &hello(&[0, 23, 0, 0, 0, 23, 0, 0]))),
        ("a heartbeat", behind(&record(24, &[1, 0x40, 0]))),
    ]
}

#[test]
fn twenty_hostile_clients_get_nowhere() {
    if !ready() {
        return;
    }
    let clients = hostile_clients();
    assert_eq!(clients.len(), 20);
    let server = server("rsa");
    for client_auth in [ClientAuth::None, ClientAuth::Require] {
        let options = ServerOptions::new().client_auth(client_auth);
        for (who, said) in &clients {
            for split in [1, usize::MAX] {
                let outcome = served(&server, &options, said, split);
                assert!(!outcome.0, "{who}: the handshake is complete");
                assert!(outcome.1.is_empty(), "{who}: data came out");
            }
        }
    }
}

/// A message of the handshake.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

/// A server's hello.
fn answer(version: [u8; 2], suite: [u8; 2], compression: u8, extensions: &[u8]) -> Vec<u8> {
    let mut body = [&version[..], &[5; 32], &[0], &suite, &[compression]].concat();
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    message(2, &body)
}

/// What twenty hostile servers answer a client of TLS 1.0 with RSA or DHE.
fn hostile_servers() -> Vec<(&'static str, Vec<u8>)> {
    const TLS10: [u8; 2] = [3, 1];
    const RSA: [u8; 2] = [0, 0x2f];
    let alone = |said: &[u8]| record(22, said);
    let hello = |suite: [u8; 2]| alone(&answer(TLS10, suite, 0, &[]));
    let behind = |suite: [u8; 2], more: &[u8]| [hello(suite), more.to_vec()].concat();
    let leaf = credentials().certificate("rsa").der().to_vec();
    let listed = |certificates: &[&[u8]]| {
        let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes()[1..].to_vec();
        let each = certificates.iter().map(|der| [length(der.len()), der.to_vec()].concat());
        let all = each.collect::<Vec<_>>().concat();
        message(11, &[length(all.len()), all].concat())
    };
    let known =
        |suite, more: &[u8]| behind(suite, &alone(&[listed(&[&leaf]), more.to_vec()].concat()));
    let done = message(14, &[]);
    // p, g and the server's share, each behind its length, and a signature of nothing.
    let parameters = |p: &[u8], g: &[u8], share: &[u8]| {
        let one =
            |number: &[u8]| [&u16::try_from(number.len()).unwrap().to_be_bytes(), number].concat();
        message(12, &[one(p), one(g), one(share), vec![0, 4, 1, 2, 3, 4]].concat())
    };
    vec![
        ("a version that nobody offered", alone(&answer([3, 0], RSA, 0, &[]))),
        ("a version that there is not", alone(&answer([9, 9], RSA, 0, &[]))),
        ("a suite that nobody offered", hello([0, 5])),
        ("a suite of TLS 1.3", hello([0x13, 1])),
        ("no encryption", hello([0, 1])),
        ("an anonymous suite", hello([0, 0x34])),
        ("compression", alone(&answer(TLS10, RSA, 1, &[]))),
        (
            "a protocol that nobody offered",
            alone(&answer(TLS10, RSA, 0, &[0, 16, 0, 5, 0, 3, 2, b'h', b'2'])),
        ),
        ("one extension twice", alone(&answer(TLS10, RSA, 0, &[0, 23, 0, 0, 0, 23, 0, 0]))),
        ("extensions that are cut", alone(&answer(TLS10, RSA, 0, &[0, 23, 0, 9]))),
        ("a hello that is cut", alone(&message(2, &[3, 1, 5, 5]))),
        ("no certificate", behind(RSA, &alone(&done))),
        (
            "an empty list of certificates",
            behind(RSA, &alone(&[listed(&[]), done.clone()].concat())),
        ),
        ("a certificate that is none", behind(RSA, &alone(&listed(&[b"none"])))),
        ("a list of certificates that is cut", behind(RSA, &alone(&message(11, &[0, 9, 9, 0, 0])))),
        (
            "parameters where none belong",
            known(RSA, &[parameters(&[7; 128], &[2], &[3; 128]), done.clone()].concat()),
        ),
        ("a group of 512 bits", known([0, 0x33], &parameters(&[0xff; 64], &[2], &[3; 64]))),
        ("a share of nothing", known([0, 0x33], &parameters(&[0xff; 256], &[2], &[]))),
        (
            "a Finished in place of keys",
            behind(RSA, &[record(20, &[1]), record(22, &[7; 16])].concat()),
        ),
        ("data in the plain", behind(RSA, &record(23, b"secret"))),
    ]
}

#[test]
fn twenty_hostile_servers_get_nowhere() {
    if !ready() {
        return;
    }
    let servers = hostile_servers();
    assert_eq!(servers.len(), 20);
    let client = old(context("client", "ca"), Tls10, "AES128-SHA:DHE-RSA-AES128-SHA");
    for (who, said) in &servers {
        for split in [1, usize::MAX] {
            let mut session = Session::client(&client, &to("localhost")).expect("a client");
            let (mut waiting, mut data, mut out) = (Vec::new(), Vec::new(), Vec::new());
            session.take_output(&mut out);
            for part in said.chunks(split) {
                waiting.extend_from_slice(part);
                match session.receive(&mut waiting, &mut data) {
                    Ok(consumed) => drop(waiting.drain(..consumed)),
                    Err(_) => break,
                }
            }
            assert!(session.error().is_some(), "{who}: it is taken");
            assert!(session.peer().is_none() && data.is_empty(), "{who}");
            out.clear();
            session.take_output(&mut out);
            // An alert, and nothing that only the right server may have.
            assert!(out.first().is_none_or(|kind| *kind == 21) && out.len() < 64, "{who}: {out:?}");
        }
    }
}

/// Whether the handshake was complete, and the data that came out.
fn served(
    server: &sealwire::SecureContext,
    options: &ServerOptions,
    said: &[u8],
    split: usize,
) -> (bool, Vec<u8>) {
    let mut session = Session::server(server, options);
    let (mut waiting, mut data, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for part in said.chunks(split) {
        waiting.extend_from_slice(part);
        match session.receive(&mut waiting, &mut data) {
            Ok(consumed) => drop(waiting.drain(..consumed)),
            Err(_) => break,
        }
        session.take_output(&mut out);
        assert!(out.len() < 64 * 1024, "a stranger is told no more");
    }
    (!session.is_handshaking() && session.error().is_none(), data)
}

/// Numbers that look random, and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn a_changed_byte_lets_nobody_in_who_is_not_trusted() {
    if !ready() {
        return;
    }
    let mut dice = Dice(7);
    let server = server("rsa");
    let options = ServerOptions::new().client_auth(ClientAuth::Require);
    let mut ended = 0;
    for version in OLD {
        let client = old(context("client", "ca"), version, "AES128-SHA:DHE-RSA-AES128-SHA");
        for _ in 0..60 {
            let asking: ClientOptions = to("localhost");
            let mut pair = Pair::new((&client, &asking), (&server, &options));
            let (step, mut at_step) = (dice.below(4), 0);
            loop {
                let mut there = pair.client.output();
                change(&mut there, at_step == step, &mut dice);
                pair.server.receive(&there);
                at_step += 1;
                let mut back = pair.server.output();
                change(&mut back, at_step == step, &mut dice);
                pair.client.receive(&back);
                at_step += 1;
                if there.is_empty() && back.is_empty() {
                    break;
                }
            }
            for end in [&pair.client, &pair.server] {
                assert!(end.plaintext.is_empty());
                ended += usize::from(end.error.is_some());
                if end.complete {
                    assert!(end.authorized(), "{version}");
                }
            }
        }
    }
    assert!(ended > 100, "{ended} ends were told");
}

fn change(bytes: &mut [u8], now: bool, dice: &mut Dice) {
    if now && !bytes.is_empty() {
        let at = dice.below(bytes.len());
        bytes[at] ^= 1 << dice.below(8);
    }
}

#[test]
fn a_changed_byte_of_data_is_noticed() {
    if !ready() {
        return;
    }
    let mut dice = Dice(9);
    for version in [Tls10, Tls12] {
        let client = old(context("", "ca"), version, "AES128-SHA");
        let server = server("rsa");
        for _ in 0..20 {
            let mut pair = settled(&client, &server, &ServerOptions::new());
            let mut wire = pair.client.send(b"from the client");
            // Of the first record, and not of a header: who waits for more has not been deceived.
            let length = usize::from(u16::from_be_bytes([wire[3], wire[4]]));
            let at = 5 + dice.below(length);
            wire[at] ^= 1 << dice.below(8);
            pair.server.receive(&wire);
            assert!(pair.server.error.is_some(), "{version} {at}");
            assert!(b"from the client".starts_with(&pair.server.plaintext), "{version} {at}");
        }
    }
}

#[test]
fn noise_gets_nobody_anywhere() {
    if !ready() {
        return;
    }
    let mut dice = Dice(11);
    let server = server("rsa");
    for _ in 0..300 {
        let mut noise = record(22, &hello(&[]));
        for _ in 0..dice.below(5) {
            let content: Vec<u8> =
                (0..dice.below(200)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
            let kind = u8::try_from(20 + dice.below(5)).unwrap();
            noise.extend(record(kind, &content));
        }
        let (complete, data) = served(&server, &ServerOptions::new(), &noise, 1 + dice.below(64));
        assert!(!complete && data.is_empty());
    }
    // A client whose server says anything.
    for version in OLD {
        let client = old(context("", "ca"), version, "AES128-SHA");
        for _ in 0..100 {
            let mut session = Session::client(&client, &to("localhost")).expect("a client");
            let content: Vec<u8> =
                (0..dice.below(200)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
            let mut noise = record(u8::try_from(20 + dice.below(4)).unwrap(), &content);
            let mut data = Vec::new();
            let _ = session.receive(&mut noise, &mut data);
            assert!(data.is_empty() && session.peer().is_none());
        }
    }
}
