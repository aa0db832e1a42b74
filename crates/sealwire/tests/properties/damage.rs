//! Bytes that are damaged on their way, or are no TLS at all.

use proptest::collection::vec;
use proptest::prelude::*;
use sealwire::session::HelloReply;
use sealwire::{ClientAuth, ClientOptions, ServerOptions, Session};

use crate::pair::{End, Pair};
use crate::peers::present;
use crate::scene::{ALL, TLS13, WORLDS, open, scenes};
use crate::{Cutter, config, step};

/// Damage to bytes on their way.
#[derive(Debug, Clone)]
enum Damage {
    Flip { at: usize, mask: u8 },
    Cut { at: usize, length: usize },
    Insert { at: usize, bytes: Vec<u8> },
    Repeat { at: usize, length: usize },
    Replace { bytes: Vec<u8> },
}

/// Bytes that are often something like records.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let record =
        (prop_oneof![20..24u8, any::<u8>()], vec(any::<u8>(), 0..300)).prop_map(|(kind, body)| {
            let [high, low] = u16::try_from(body.len()).unwrap().to_be_bytes();
            [&[kind, 3, 3, high, low][..], &body].concat()
        });
    let records = vec(record, 0..4).prop_map(|all| all.concat());
    prop_oneof![records, vec(any::<u8>(), 0..600)]
}

fn damages() -> impl Strategy<Value = Damage> {
    let at = any::<usize>();
    prop_oneof![
        4 => (at, 1..=255u8).prop_map(|(at, mask)| Damage::Flip { at, mask }),
        1 => (at, 1..200usize).prop_map(|(at, length)| Damage::Cut { at, length }),
        1 => (at, noise()).prop_map(|(at, bytes)| Damage::Insert { at, bytes }),
        1 => (at, 1..200usize).prop_map(|(at, length)| Damage::Repeat { at, length }),
        2 => noise().prop_map(|bytes| Damage::Replace { bytes }),
    ]
}

impl Damage {
    fn inflict(&self, wire: &mut Vec<u8>) {
        let within = |at: usize| at % wire.len().max(1);
        match self {
            _ if wire.is_empty() => {}
            Self::Flip { at, mask } => {
                let at = within(*at);
                wire[at] ^= mask;
            }
            Self::Cut { at, length } => {
                let at = within(*at);
                let end = (at + length).min(wire.len());
                wire.drain(at..end);
            }
            Self::Insert { at, bytes } => {
                let at = within(*at);
                wire.splice(at..at, bytes.iter().copied());
            }
            Self::Repeat { at, length } => {
                let at = within(*at);
                let end = (at + length).min(wire.len());
                let part = wire[at..end].to_vec();
                wire.splice(end..end, part);
            }
            Self::Replace { bytes } => *wire = bytes.clone(),
        }
    }
}

proptest! {
    #![proptest_config(config(256))]

    /// Whatever becomes of one flight, neither side takes another for its peer, and nothing that
    /// was not said is heard.
    #[test]
    fn damage_in_the_handshake_does_no_harm(
        scene in scenes().prop_filter("who complete", |scene| scene.client == 0),
        flight in 0..5usize,
        damage in damages(),
    ) {
        if !present("openssl") {
            return Ok(());
        }
        let mut pair = scene.pair();
        let mut flights = 0;
        let (mut of_client, mut of_server) = (Vec::new(), Vec::new());
        for _ in 0..8 {
            for to_server in [true, false] {
                let Pair { client, server, .. } = &mut pair;
                let (from, to, events) = match to_server {
                    true => (client, server, &mut of_server),
                    false => (server, client, &mut of_client),
                };
                let mut wire = from.output();
                if wire.is_empty() {
                    continue;
                }
                if flights == flight {
                    damage.inflict(&mut wire);
                }
                flights += 1;
                to.received.extend_from_slice(&wire);
                step(to, events);
            }
        }
        for end in [&pair.client, &pair.server] {
            prop_assert!(end.plaintext.is_empty());
            prop_assert!(!end.complete || end.session.peer().is_some());
        }
        if let Some(peer) = pair.client.session.peer() {
            prop_assert_eq!(peer.certificate(), Some(ALL[0].server.identities()[0].leaf()));
            prop_assert!(peer.authorized());
        }
        if let Some(peer) = pair.server.session.peer() {
            prop_assert_eq!(peer.authorized(), scene.client_auth != ClientAuth::None);
        }
        if pair.client.complete && pair.client.error.is_none() {
            let wire = pair.client.send(b"word");
            pair.server.received.extend_from_slice(&wire);
            step(&mut pair.server, &mut of_server);
            let heard = &pair.server.plaintext;
            prop_assert!(heard.is_empty() || heard == b"word");
        }
    }

    /// A hello that the session could not read is never one that a handshake comes of: else a
    /// client could hide its server name from the program.
    #[test]
    fn the_engine_takes_no_hello_that_the_program_was_not_shown(damage in damages(), world in 0..WORLDS) {
        if !present("openssl") {
            return Ok(());
        }
        let server = &ALL[world].server;
        let mut pair = Pair::new(
            (&ALL[world].clients[0], &ClientOptions::new("localhost".parse().unwrap()).resume(false)),
            (server, &ServerOptions::new().ask_client_hello(true)),
        );
        let mut hello = pair.client.output();
        damage.inflict(&mut hello);
        pair.server.receive(&hello);
        if pair.server.session.question().is_some() {
            let shown = pair.server.hello();
            pair.server.answer_hello(HelloReply::new());
            let answered = pair.server.error.is_none() && pair.server.session.has_output();
            prop_assert!(!answered || !shown.cipher_suites().is_empty(), "{:?}", shown);
        }
    }

    #[test]
    fn noise_gets_nobody_anywhere(bytes in noise(), as_client: bool, sizes in vec(1..300usize, 1..4)) {
        if !present("openssl") {
            return Ok(());
        }
        let options = ClientOptions::new("localhost".parse().unwrap());
        let session = match as_client {
            true => Session::client(&ALL[TLS13].clients[0], &options).unwrap(),
            false => Session::server(&ALL[TLS13].server, &ServerOptions::new()),
        };
        let mut end = End::new(session);
        for piece in Cutter::new(&sizes).cut(&bytes) {
            end.receive(piece);
        }
        prop_assert!(end.plaintext.is_empty() && !end.complete);
        prop_assert!(end.session.peer().is_none());
        prop_assert!(end.session.receive_eof().is_err());
    }

    /// Damage to data is noticed, and what is heard is always the beginning of what was said.
    #[test]
    fn damage_to_data_is_noticed(world in 0..WORLDS, lengths in vec(1..3000usize, 1..4), damage in damages()) {
        if !present("openssl") {
            return Ok(());
        }
        let mut pair = open(world);
        let (mut said, mut wire) = (Vec::new(), Vec::new());
        for (i, length) in lengths.iter().enumerate() {
            let data = vec![i as u8; *length];
            wire.extend(pair.client.send(&data));
            said.extend(data);
        }
        pair.client.session.send_close_notify();
        wire.extend(pair.client.output());
        damage.inflict(&mut wire);
        pair.server.receive(&wire);
        prop_assert!(said.starts_with(&pair.server.plaintext));
        if pair.server.peer_closed {
            prop_assert_eq!(&pair.server.plaintext, &said);
        } else {
            prop_assert!(pair.server.session.receive_eof().is_err());
        }
    }
}
