//! What a driver holds, and for how long.

use std::io::IoSlice;

use sealwire::session::Event;
use sealwire::wire::{Driver, Next, Received, WRITE_SIZE};
use sealwire::{Alert, Error, ServerOptions, Session};

use crate::{VERSIONS, carry, client, contexts, go_on, pair, server, word};

/// Data that come with the end of the handshake stay encrypted until somebody reads.
#[test]
fn data_wait_for_a_reader() {
    for version in VERSIONS {
        let (serving, trusting) = contexts("localhost", version);
        let (mut client, mut server) = (client(&trusting, "localhost"), server(&serving));
        let (mut opened, mut accepted) = (false, false);
        while !(opened && accepted) {
            if !opened && go_on(&mut client).unwrap() {
                opened = true;
                client.write(b"at once").unwrap();
            }
            carry(&mut client, &mut server);
            accepted |= go_on(&mut server).unwrap();
            carry(&mut server, &mut client);
        }
        carry(&mut client, &mut server);
        for _ in 0..3 {
            assert!(matches!(server.next(), Next::Transport), "{version}");
            assert!(!server.unconsumed().is_empty(), "{version}");
        }
        let mut heard = Vec::new();
        assert_eq!(server.read(&mut heard).unwrap(), Received::Data(7), "{version}");
        assert_eq!(heard, b"at once");
        assert_eq!(server.read(&mut heard).unwrap(), Received::Blocked);
    }
}

#[test]
fn a_record_is_read_in_as_many_pieces_as_the_reader_likes() {
    for version in VERSIONS {
        let (mut client, mut server) = pair(version);
        let data = word(40_000);
        assert_eq!(client.write(&data).unwrap(), data.len());
        client.close();
        carry(&mut client, &mut server);
        let mut heard = Vec::new();
        loop {
            let mut piece = [0; 977];
            match server.read(&mut &mut piece[..]).unwrap() {
                Received::Data(count) => heard.extend_from_slice(&piece[..count]),
                Received::Blocked => panic!("all has come"),
                Received::End => break,
            }
        }
        assert!(heard == data, "{version}");
        assert_eq!(server.read(&mut heard).unwrap(), Received::End, "the end stays the end");
    }
}

#[test]
fn a_write_takes_what_fits_and_says_when_it_is_enough() {
    for version in VERSIONS {
        let (mut client, mut server) = pair(version);
        let data = word(WRITE_SIZE + 1);
        let half = &data[..WRITE_SIZE / 2 + 1];
        for (pieces, taken) in [
            (&[&data[..]][..], WRITE_SIZE),
            (&[b"", half, half], half.len()),
            (&[b"head", b"", b"body"], 8),
            (&[b"", &data], WRITE_SIZE),
            (&[b"", b""], 0),
            (&[], 0),
        ] {
            let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            assert_eq!(client.write_vectored(&slices).unwrap(), taken);
            assert_eq!(client.is_congested(), taken == WRITE_SIZE);
            carry(&mut client, &mut server);
            assert!(!client.is_congested() && !client.is_sending());
            let mut heard = Vec::new();
            while let Received::Data(_) = server.read(&mut heard).unwrap() {}
            assert!(pieces.concat().starts_with(&heard) && heard.len() == taken, "{version}");
        }
    }
}

/// Room that many connections share: only what is left over stays with the driver.
#[test]
fn rooms_of_somebody_else_do_as_well() {
    for version in VERSIONS {
        let (mut client, mut server) = pair(version);
        let (data, mut sealed, mut heard) = (word(50_000), Vec::new(), Vec::new());
        client.write_in(&data, &mut sealed).unwrap();
        assert!(!client.is_sending(), "all of it is in the room");
        // A transport that takes little, and a reader that gets it in odd portions.
        client.put_back(&sealed[1000..]);
        client.close();
        let mut wire = sealed[..1000].to_vec();
        client.take_outgoing(&mut wire);
        let mut room = vec![0; 16 * 1024 * 2];
        for part in wire.chunks(7001) {
            let held = server.unconsumed().len();
            room[..held].copy_from_slice(server.unconsumed());
            room[held..held + part.len()].copy_from_slice(part);
            let length = held + part.len();
            let consumed = server.read_in(&mut room[..length], &mut heard).unwrap();
            server.keep(&room[consumed..length]);
        }
        assert!(heard == data && server.session().peer_has_closed(), "{version}");
        assert!(server.unconsumed().is_empty());
    }
}

/// Bytes that come in any portions, into the driver's own room or not.
#[test]
fn bytes_come_in_any_portions() {
    for version in VERSIONS {
        let (serving, trusting) = contexts("localhost", version);
        let (mut client, mut server) = (client(&trusting, "localhost"), server(&serving));
        let mut complete = [false; 2];
        while complete != [true; 2] {
            for side in 0..2 {
                let (from, to) =
                    if side == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
                complete[side] |= go_on(from).unwrap();
                let mut flight = Vec::new();
                from.take_outgoing(&mut flight);
                for (i, byte) in flight.iter().enumerate() {
                    if i % 2 == 0 {
                        to.push(&[*byte]);
                    } else {
                        to.room()[0] = *byte;
                        to.filled(1);
                    }
                    complete[1 - side] |= go_on(to).unwrap();
                }
            }
        }
        client.write(b"hello").unwrap();
        carry(&mut client, &mut server);
        let mut heard = Vec::new();
        assert_eq!(server.read(&mut heard).unwrap(), Received::Data(5), "{version}");
    }
}

#[test]
fn a_driver_is_taken_apart_without_a_loss() {
    for version in VERSIONS {
        let (mut client, mut server) = pair(version);
        client.write(b"abc").unwrap();
        client.close();
        carry(&mut client, &mut server);
        server.push(b"and then without TLS");
        let mut first = [0; 1];
        assert_eq!(server.read(&mut &mut first[..]).unwrap(), Received::Data(1));
        server.write(b"answer").unwrap();
        let parts = server.into_parts("the transport");
        assert_eq!((parts.io, &first, &parts.unread[..]), ("the transport", b"a", &b"bc"[..]));
        assert_eq!(parts.received, b"and then without TLS");
        client.push(&parts.unsent);
        let mut heard = Vec::new();
        assert_eq!(client.read(&mut heard).unwrap(), Received::Data(6), "{version}");
    }
}

/// The alert is outgoing before the error is told, and both sides know.
#[test]
fn a_connection_is_broken_off_by_an_alert() {
    for version in VERSIONS {
        let (mut client, mut server) = pair(version);
        server.write(b"half of").unwrap();
        server.abort(Alert::INTERNAL_ERROR);
        assert!(matches!(server.write(b"more"), Err(Error::RefusedByProgram)));
        carry(&mut server, &mut client);
        let mut heard = Vec::new();
        assert_eq!(client.read(&mut heard).unwrap(), Received::Data(7));
        let error = client.read(&mut heard).unwrap_err();
        assert_eq!(error.alert(), Some(Alert::INTERNAL_ERROR), "{version}");
        // What has failed says nothing more.
        client.abort(Alert::ACCESS_DENIED);
        assert_eq!(client.outgoing(), b"");
    }
    let (serving, trusting) = contexts("localhost", VERSIONS[1]);
    let (mut client, mut server) = (client(&trusting, "localhost"), server(&serving));
    server.abort(Alert::ACCESS_DENIED);
    carry(&mut server, &mut client);
    let error = go_on(&mut client).unwrap_err();
    assert_eq!(error.alert(), Some(Alert::ACCESS_DENIED));
}

#[test]
fn a_question_is_told_until_it_is_answered() {
    let (serving, trusting) = contexts("localhost", VERSIONS[1]);
    let mut client = client(&trusting, "localhost");
    let options = ServerOptions::new().ask_client_hello(true);
    let mut server = Driver::new(Session::server(&serving, &options));
    assert!(!server.has_heard());
    carry(&mut client, &mut server);
    for _ in 0..3 {
        assert!(matches!(server.next(), Next::Event(Event::Question)));
        assert!(server.has_heard());
    }
    server.question().expect("it is open").close();
    assert!(matches!(server.next(), Next::Failed(Error::RefusedByProgram)));
}
