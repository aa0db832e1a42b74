//! The promises of a session, for any split of the bytes, any data and any damage on the way.

mod damage;
#[path = "../pair/mod.rs"]
mod pair;
#[path = "../peers/mod.rs"]
mod peers;
mod scene;

use pair::{End, Pair};
use peers::present;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use scene::{Scene, TLS13, WORLDS, open, scenes};
use sealwire::ClientAuth;
use sealwire::session::{Event, HelloReply, PeerAnswer, Question, Sink};

/// So many cases, unless `PROPTEST_CASES` says otherwise.
fn config(cases: u32) -> Config {
    let standard = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { standard.cases } else { cases };
    Config { cases, failure_persistence: None, ..standard }
}

/// Everything that can be known of an end from outside.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<String>,
    plaintext: Vec<u8>,
    findings: Vec<&'static str>,
    authorized: bool,
    error: Option<String>,
}

/// Cuts bytes into pieces of the sizes given, over and over.
struct Cutter {
    sizes: Vec<usize>,
    next: usize,
}

impl Cutter {
    fn new(sizes: &[usize]) -> Self {
        Self { sizes: sizes.to_vec(), next: 0 }
    }

    fn cut<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let size = self.sizes[self.next % self.sizes.len()].min(bytes.len());
            self.next += 1;
            let (piece, rest) = bytes.split_at(size);
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

/// Lets two ends talk, in pieces: each answers all questions, says a word once it may, closes.
fn play(scene: &Scene, sizes: &[usize]) -> [Outcome; 2] {
    let mut pair = scene.pair();
    let mut cutter = Cutter::new(sizes);
    let mut events = [Vec::new(), Vec::new()];
    let mut spoken = [false, false];
    loop {
        let mut moved = false;
        for side in 0..2 {
            let Pair { client, server, .. } = &mut pair;
            let (from, to) = if side == 0 { (client, server) } else { (server, client) };
            let mut wire = from.output();
            if from.complete && from.error.is_none() && !spoken[side] {
                spoken[side] = true;
                wire.extend(from.send(&[side as u8; 3000]));
                from.session.send_close_notify();
                wire.extend(from.output());
            }
            moved |= !wire.is_empty();
            for piece in cutter.cut(&wire) {
                to.received.extend_from_slice(piece);
                step(to, &mut events[1 - side]);
            }
        }
        if !moved {
            break;
        }
    }
    let [of_client, of_server] = events;
    [outcome(pair.client, of_client), outcome(pair.server, of_server)]
}

/// Shows an end what it received until it wants no more of it, and answers what it asks.
fn step(end: &mut End, events: &mut Vec<String>) {
    loop {
        let before = end.plaintext.len();
        match end.session.receive(&mut end.received, &mut end.plaintext) {
            Ok(consumed) => drop(end.received.drain(..consumed)),
            Err(error) => end.error = Some(error),
        }
        assert!(end.plaintext.len() == before || end.session.peer().is_some(), "data too early");
        let mut answered = false;
        while let Some(event) = end.session.poll_event() {
            let told = match (&event, end.session.question()) {
                (Event::Question, Some(Question::ClientHello(asked))) => {
                    asked.answer(HelloReply::new()).expect("it can be served");
                    answered = true;
                    "asked about the hello".to_owned()
                }
                (Event::Question, Some(Question::VerifyPeer(asked))) => {
                    asked.answer(PeerAnswer::Accept).expect("the connection opens");
                    answered = true;
                    "asked about the peer".to_owned()
                }
                (Event::Question, other) => panic!("{other:?}"),
                (Event::NewSession(_), _) => "a session".to_owned(),
                (other, _) => format!("{other:?}"),
            };
            events.push(told);
            end.complete |= matches!(event, Event::HandshakeComplete);
        }
        if !answered {
            return;
        }
    }
}

fn outcome(end: End, events: Vec<String>) -> Outcome {
    Outcome {
        events,
        findings: end.findings(),
        authorized: end.authorized(),
        plaintext: end.plaintext,
        error: end.error.map(|error| error.to_string()),
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn no_split_of_the_bytes_changes_anything(
        scene in scenes(),
        sizes in vec(prop_oneof![1..8usize, 1..2000usize], 1..12),
    ) {
        if present("openssl") {
            let whole = play(&scene, &[usize::MAX]);
            prop_assert_eq!(play(&scene, &sizes), whole);
        }
    }
}

#[test]
fn byte_by_byte_is_one_of_the_splits() {
    if !present("openssl") {
        return;
    }
    for world in 0..WORLDS {
        let scene = Scene {
            world,
            client: 0,
            recorded: false,
            client_auth: ClientAuth::Require,
            ask: true,
        };
        let whole = play(&scene, &[usize::MAX]);
        assert_eq!(play(&scene, &[1]), whole);
        let told =
            ["asked about the hello", "asked about the peer", "HandshakeComplete", "PeerClosed"];
        assert_eq!(whole[1].events, told);
        // TLS 1.3 brings two tickets.
        let sessions = vec!["a session"; if world == TLS13 { 2 } else { 1 }];
        assert_eq!(whole[0].events, [&told[1..3], &sessions, &told[3..]].concat());
        assert_eq!(whole[1].plaintext, [0; 3000]);
        assert_eq!(whole[0].plaintext, [1; 3000]);
    }
}

/// A reader with little room, which checks that it is given records.
struct Narrow {
    room: usize,
    taken: Vec<u8>,
}

impl Sink for Narrow {
    fn take(&mut self, plaintext: &[u8]) {
        assert!(plaintext.len() <= 16384, "more than a record");
        assert!(!self.is_full(), "a full sink was given more");
        self.room = self.room.saturating_sub(plaintext.len());
        self.taken.extend_from_slice(plaintext);
    }

    fn is_full(&self) -> bool {
        self.room == 0
    }
}

proptest! {
    #![proptest_config(config(48))]

    /// Both ways at once, in writes and pieces of any size, with a reader that is often full; and
    /// what follows close_notify is left to the caller, to the last byte.
    #[test]
    fn data_arrive_whole(
        world in 0..WORLDS,
        writes in vec(prop_oneof![0..100usize, 0..40_000usize], 0..6),
        sizes in vec(prop_oneof![1..50usize, 1..40_000usize], 1..8),
        room in prop_oneof![1..100usize, 1..50_000usize],
        after in vec(any::<u8>(), 0..50),
    ) {
        if !present("openssl") {
            return Ok(());
        }
        let mut pair = open(world);
        let mut cutter = Cutter::new(&sizes);
        for salt in 0..2 {
            let Pair { client, server, .. } = &mut pair;
            let (from, to) = if salt == 0 { (client, server) } else { (server, client) };
            let mut said = Vec::new();
            let mut wire = Vec::new();
            for length in &writes {
                let data: Vec<u8> = (0..*length).map(|i| (i * 7 + i / 256 + salt) as u8).collect();
                wire.extend(from.send(&data));
                said.extend(data);
            }
            from.session.send_close_notify();
            wire.extend(from.output());
            wire.extend_from_slice(&after);
            let mut heard = Vec::new();
            for piece in cutter.cut(&wire) {
                to.received.extend_from_slice(piece);
                loop {
                    let mut sink = Narrow { room, taken: Vec::new() };
                    let consumed = to.session.receive(&mut to.received, &mut sink).unwrap();
                    to.received.drain(..consumed);
                    heard.extend_from_slice(&sink.taken);
                    if consumed == 0 && sink.taken.is_empty() {
                        break;
                    }
                }
            }
            prop_assert!(to.session.peer_has_closed());
            prop_assert_eq!(&heard, &said);
            prop_assert_eq!(&to.received, &after);
        }
    }
}
