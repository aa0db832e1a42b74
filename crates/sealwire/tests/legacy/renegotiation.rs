//! Connections that are negotiated again.

use sealwire::session::Event;
use sealwire::{ClientAuth, Error, Legacy, ProtocolVersion, ServerOptions, Session};

use crate::pair::Pair;
use crate::peers::credentials::context;
use crate::{OLD, Tls13, old_with, ready, to};

/// Carries bytes to and fro, and notes what each side tells.
fn settle(client: &mut Session, server: &mut Session) -> [Vec<&'static str>; 2] {
    let mut told = [Vec::new(), Vec::new()];
    let mut waiting = [Vec::new(), Vec::new()];
    loop {
        let mut moved = false;
        for (at, from, to) in [(1, &mut *client, 0), (0, &mut *server, 1)] {
            let _ = to;
            let mut out = Vec::new();
            from.take_output(&mut out);
            moved |= !out.is_empty();
            let at: usize = at;
            let bytes: &mut Vec<u8> = &mut waiting[at];
            bytes.extend(out);
        }
        for (at, session) in [&mut *client, &mut *server].into_iter().enumerate() {
            loop {
                let bytes: &mut Vec<u8> = &mut waiting[at];
                let mut data = Vec::new();
                let consumed = session.receive(bytes, &mut data).unwrap_or(0);
                bytes.drain(..consumed);
                let before = told[at].len();
                while let Some(event) = session.poll_event() {
                    told[at].push(match event {
                        Event::Renegotiating => "renegotiating",
                        Event::Renegotiated => "renegotiated",
                        Event::PeerClosed => "closed",
                        _ => "other",
                    });
                }
                if !data.is_empty() {
                    told[at].push("data");
                }
                if told[at].len() == before {
                    break;
                }
                moved = true;
            }
        }
        if !moved {
            return told;
        }
    }
}

fn open(version: ProtocolVersion, allowed: bool, options: &ServerOptions) -> Pair {
    let legacy = Legacy::new().renegotiation(allowed);
    let list = "AES128-SHA:ECDHE-RSA-AES128-SHA";
    let client = old_with(context("client", "ca"), legacy.clone(), version, list);
    let server = old_with(context("rsa", "ca"), legacy, version, list);
    let mut pair = Pair::new((&client, &to("localhost")), (&server, options));
    pair.settle();
    assert!(pair.client.complete && pair.server.complete, "{version}");
    pair
}

#[test]
fn either_side_may_begin_where_the_program_allows_it() {
    if !ready() {
        return;
    }
    for version in OLD {
        for by_client in [true, false] {
            let Pair { client, server, .. } = open(version, true, &ServerOptions::new());
            let (mut client, mut server) = (client.session, server.session);
            let starter = if by_client { &mut client } else { &mut server };
            starter.renegotiate(None).expect("it may");
            // What is said meanwhile is not lost.
            let mut out = Vec::new();
            client.encrypt(b"meanwhile", &mut out).expect("an open session");
            let mut told = [Vec::new(), Vec::new()];
            if !out.is_empty() {
                let mut data = Vec::new();
                let consumed = server.receive(&mut out, &mut data).unwrap();
                out.drain(..consumed);
                let consumed = server.receive(&mut out, &mut data).unwrap();
                assert_eq!(consumed, out.len());
                if !data.is_empty() {
                    told[1].push("data");
                }
            }
            for (all, more) in told.iter_mut().zip(settle(&mut client, &mut server)) {
                all.extend(more);
            }
            for told in &told {
                assert!(told.contains(&"renegotiated"), "{version} {by_client}: {told:?}");
            }
            assert!(told[1].contains(&"data"), "{version} {by_client}: {told:?}");
            assert!(client.peer().unwrap().authorized(), "{version}");
        }
    }
}

#[test]
fn a_server_asks_for_a_certificate_later() {
    if !ready() {
        return;
    }
    for version in OLD {
        let Pair { client, server, .. } = open(version, true, &ServerOptions::new());
        let (mut client, mut server) = (client.session, server.session);
        assert!(!server.peer().unwrap().authorized());
        server.renegotiate(Some(ClientAuth::Require)).expect("it may");
        let told = settle(&mut client, &mut server);
        assert!(told[1].contains(&"renegotiated"), "{version}: {told:?} {:?}", server.error());
        let peer = server.peer().unwrap();
        assert!(peer.authorized() && peer.certificate().is_some(), "{version}");
    }
}

#[test]
fn nobody_may_unless_the_program_says_so() {
    if !ready() {
        return;
    }
    for version in OLD {
        let Pair { mut client, mut server, .. } = open(version, false, &ServerOptions::new());
        for end in [&mut client, &mut server] {
            let refused = end.session.renegotiate(None);
            assert!(matches!(refused, Err(Error::Misused(_))), "{version}: {refused:?}");
        }
    }
    let legacy = Legacy::new().renegotiation(true).psk(true);
    let client = context("", "ca").legacy(legacy.clone()).versions(Tls13..=Tls13).build().unwrap();
    let server = context("rsa", "ca").legacy(legacy).versions(Tls13..=Tls13).build().unwrap();
    let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
    crate::psk::settle(&mut pair, None);
    assert!(pair.client.complete);
    assert!(matches!(pair.client.session.renegotiate(None), Err(Error::Misused(_))));
}
