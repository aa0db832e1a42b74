//! Sessions that the server's program stores: asked about one by one, looked up at the
//! ClientHello, and checked like tickets.

use std::collections::HashMap;

use sealwire::session::{HelloReply, Question, SessionData};
use sealwire::{
    ClientAuth, ClientOptions, ProtocolVersion, SecureContext, SecureContextBuilder, ServerOptions,
};

use crate::pair::Pair;
use crate::peers::credentials::context;
use crate::peers::present;
use crate::resumption::{Clock, build, resumed};
use crate::{VERSIONS, to};

/// A server's program with a store.
#[derive(Default)]
struct Store {
    sessions: HashMap<Vec<u8>, Vec<u8>>,
    /// How many were stored in the last connection.
    stored: usize,
}

impl Store {
    /// Connects, and answers the server's questions.
    fn connect(
        &mut self,
        client: (&SecureContext, &ClientOptions),
        server: (&SecureContext, ClientAuth),
    ) -> Pair {
        let options = ServerOptions::new().client_auth(server.1);
        let options = options.ask_client_hello(true).ask_store_session(true);
        let mut pair = Pair::new(client, (server.0, &options));
        self.stored = 0;
        loop {
            pair.settle();
            if pair.server.session.question().is_none() {
                return pair;
            }
            let answered = match pair.server.session.question() {
                Some(Question::ClientHello(asked)) => {
                    let found = asked.hello().session_ids().find_map(|id| self.sessions.get(id));
                    let reply = HelloReply::new();
                    asked.answer(match found {
                        Some(data) => reply.resume(data.clone()),
                        None => reply,
                    })
                }
                Some(Question::StoreSession(asked)) => {
                    assert!(!pair.server.complete, "it is stored before the handshake ends");
                    assert_eq!(asked.id().len(), 32);
                    self.stored += 1;
                    self.sessions.insert(asked.id().to_vec(), asked.data().clone().into_vec());
                    asked.stored()
                }
                other => panic!("{other:?}"),
            };
            pair.server.go_on(answered);
        }
    }
}

fn server(builder: SecureContextBuilder, version: ProtocolVersion) -> SecureContext {
    build(builder.stateless_tickets(false), version)
}

#[test]
fn stored_sessions_are_resumed() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for client_auth in [ClientAuth::None, ClientAuth::Request, ClientAuth::Require] {
            let mut store = Store::default();
            let client = build(context("client", "ca"), version);
            for turn in 0..4 {
                // A process of its own each time, or another machine.
                let server = server(context("rsa", "ca"), version);
                let mut pair = store.connect((&client, &to("localhost")), (&server, client_auth));
                assert_eq!(resumed(&pair), turn > 0, "{version} {client_auth:?} {turn}");
                assert_eq!(pair.server.authorized(), client_auth != ClientAuth::None);
                assert!(pair.client.authorized());
                let expected = match (version, turn) {
                    (ProtocolVersion::Tls13, _) => 2,
                    (_, 0) => 1,
                    _ => 0, // a session of TLS 1.2 goes on being the same
                };
                assert_eq!(store.stored, expected, "{version} {turn}");
                pair.converse();
            }
        }
    }
}

#[test]
fn without_a_store_nothing_is_resumed_and_the_memory_does_not_grow() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("", "ca"), version);
        let server = server(context("p256", ""), version);
        for _ in 0..2 {
            let mut pair = crate::resumption::connect(
                (&client, &to("localhost")),
                (&server, ClientAuth::None),
            );
            pair.converse();
            assert!(!resumed(&pair) && pair.client.sessions.is_empty(), "{version}");
        }
    }
}

/// What is stored under another id, id context, kind of client authentication, or is too old, is
/// passed over; and bytes that are no session at all.
#[test]
fn a_stored_session_that_does_not_fit_is_passed_over() {
    if !present("openssl") {
        return;
    }
    let none = ClientAuth::None;
    for version in VERSIONS {
        let clock = Clock::now();
        let of = |id_context: &str| {
            let builder = context("p256", "ca").time_source(clock.clone());
            server(builder.session_id_context(id_context).unwrap(), version)
        };
        let (ours, theirs) = (of("ours"), of("theirs"));
        let again = |change: &dyn Fn(&mut Store), server: (&SecureContext, ClientAuth)| {
            let mut store = Store::default();
            // The client's clock stands still: only the server can know the age.
            let client = build(context("client", "ca"), version);
            store.connect((&client, &to("localhost")), (&ours, none)).converse();
            change(&mut store);
            let mut pair = store.connect((&client, &to("localhost")), server);
            pair.converse();
            resumed(&pair)
        };
        let same = |_: &mut Store| {};
        assert!(again(&same, (&ours, none)), "{version}");
        assert!(!again(&same, (&theirs, none)), "{version}");
        assert!(!again(&same, (&ours, ClientAuth::Require)), "{version}");
        assert!(!again(&|_| clock.advance(301), (&ours, none)), "{version}");
        let swap = |store: &mut Store| {
            // Each id leads to the session of another client.
            let other = build(context("", "ca"), version);
            let mut foreign = Store::default();
            foreign.connect((&other, &to("localhost")), (&ours, none)).converse();
            let data = foreign.sessions.into_values().next().unwrap();
            store.sessions.values_mut().for_each(|session| session.clone_from(&data));
        };
        assert!(!again(&swap, (&ours, none)), "{version}");
        for noise in [&b""[..], b"x", &[1; 300]] {
            let spoil = |store: &mut Store| {
                store.sessions.values_mut().for_each(|session| *session = noise.to_vec());
            };
            assert!(!again(&spoil, (&ours, none)), "{version}");
        }
        for cut in [3, 40, 80] {
            let shorten = |store: &mut Store| {
                store.sessions.values_mut().for_each(|session| session.truncate(cut));
            };
            assert!(!again(&shorten, (&ours, none)), "{version}");
        }
    }
}

#[test]
fn the_client_of_a_stored_session_is_judged_by_todays_policy() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let mut store = Store::default();
        let client = build(context("client", "ca"), version);
        let trusting = server(context("p256", "ca"), version);
        let distrusting = server(context("p256", "other-ca"), version);
        let client = (&client, &to("localhost"));
        store.connect(client, (&trusting, ClientAuth::Require)).converse();
        assert!(resumed(&store.connect(client, (&trusting, ClientAuth::Require))));
        let pair = store.connect(client, (&distrusting, ClientAuth::Require));
        assert_eq!(pair.client.alert(), Some("unknown_ca"), "{version}");
        assert!(!pair.server.complete && pair.server.error.is_some());
    }
}

/// Node's `newSession`: with tickets it is told of TLS 1.3 sessions, too, and of those of TLS 1.2
/// clients that take no ticket.
#[test]
fn sessions_in_tickets_are_told_as_in_node() {
    if !present("openssl") {
        return;
    }
    for (version, expected) in [(ProtocolVersion::Tls12, 0), (ProtocolVersion::Tls13, 2)] {
        let mut store = Store::default();
        let client = build(context("", "ca"), version);
        let server = build(context("p256", ""), version);
        let mut pair = store.connect((&client, &to("localhost")), (&server, ClientAuth::None));
        pair.converse();
        assert_eq!(store.stored, expected, "{version}");
        // The ticket is what is resumed.
        store.sessions.clear();
        let mut pair = store.connect((&client, &to("localhost")), (&server, ClientAuth::None));
        pair.converse();
        assert!(resumed(&pair), "{version}");
    }
}

/// A program may end the connection instead of storing.
#[test]
fn a_question_about_storing_may_close_the_connection() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("", "ca"), version);
        let server = server(context("p256", ""), version);
        let options = ServerOptions::new().ask_store_session(true);
        let mut pair = Pair::new((&client, &to("localhost")), (&server, &options));
        pair.settle();
        let question = pair.server.session.question().expect("it is asked");
        assert!(matches!(question, Question::StoreSession(_)), "{question:?}");
        assert!(!format!("{question:?}").contains('['), "no secret is shown: {question:?}");
        question.close();
        pair.server.process();
        assert!(pair.server.error.is_some() && !pair.server.complete);
    }
}

#[test]
fn session_data_do_not_show_themselves() {
    let data = SessionData::from(vec![1, 2, 3]);
    assert_eq!(format!("{data:?}"), "SessionData(3 bytes)");
    assert_eq!(data.as_ref(), [1, 2, 3]);
}
