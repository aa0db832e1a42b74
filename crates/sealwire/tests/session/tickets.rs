//! Session tickets: whose keys open them, how long they are good, and how many there are.

use std::time::Duration;

use sealwire::{
    ClientAuth, Identity, ProtocolVersion, SecureContext, SecureContextBuilder, TicketKeys,
};

use crate::pair::{Pair, records};
use crate::peers::credentials::{context, credentials};
use crate::peers::present;
use crate::resumption::{Clock, build, connect, resumed};
use crate::{VERSIONS, to};

const DAY: u64 = 24 * 60 * 60;

fn keys(seed: u8) -> TicketKeys {
    TicketKeys::from_bytes(&[seed; 48])
}

fn join(client: &SecureContext, server: &SecureContext) -> Pair {
    connect((client, &to("localhost")), (server, ClientAuth::None))
}

/// Connects once for the session, and again: whether the second server resumes it.
fn resumes(client: &SecureContext, first: &SecureContext, second: &SecureContext) -> bool {
    join(client, first).converse();
    let mut pair = join(client, second);
    pair.converse();
    resumed(&pair)
}

#[test]
fn servers_with_the_same_keys_resume_each_others_sessions() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let server = |seed: u8| build(context("p256", "").ticket_keys(keys(seed)), version);
        let client = build(context("", "ca"), version);
        assert!(resumes(&client, &server(1), &server(1)), "{version}");
        let client = build(context("", "ca"), version);
        assert!(!resumes(&client, &server(1), &server(2)), "{version}");
        assert_eq!(*server(7).ticket_keys().to_bytes(), [7; 48]);
    }
}

#[test]
fn other_keys_count_at_once_and_may_accept_the_old() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = || build(context("", "ca"), version);
        let server = build(context("p256", "").ticket_keys(keys(1)), version);
        let change = |new: TicketKeys| {
            let client = client();
            join(&client, &server).converse();
            server.set_ticket_keys(new);
            resumed(&join(&client, &server))
        };
        assert!(!change(keys(2)), "{version}");
        assert!(change(keys(3).accepting([server.ticket_keys()])), "{version}");
        // Putting the old keys back revives their tickets.
        let client = client();
        join(&client, &server).converse();
        server.set_ticket_keys(keys(4));
        server.set_ticket_keys(keys(3));
        assert!(resumed(&join(&client, &server)), "{version}");
    }
}

/// A context that replaces another goes on with its sessions, on either side; whom it trusts is
/// its own affair.
#[test]
fn a_context_may_go_on_with_the_sessions_of_another() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("client", "ca"), version);
        let server = build(context("p256", "ca"), version);
        let options = to("localhost");
        let require = ClientAuth::Require;
        connect((&client, &options), (&server, require)).converse();
        let next_server = build(context("p384", "ca").sessions_of(&server), version);
        let next_client = build(context("client", "ca").sessions_of(&client), version);
        let mut pair = connect((&next_client, &options), (&next_server, require));
        pair.converse();
        assert!(resumed(&pair), "{version}");
        assert_eq!(*server.ticket_keys().to_bytes(), *next_server.ticket_keys().to_bytes());

        let other = build(context("p256", "other-ca").sessions_of(&server), version);
        let pair = connect((&client, &options), (&other, require));
        assert_eq!(pair.client.alert(), Some("unknown_ca"), "{version}");
        let other = build(context("client", "other-ca").sessions_of(&client), version);
        let pair = connect((&other, &options), (&server, require));
        assert_eq!(pair.server.alert(), Some("unknown_ca"), "{version}");
    }
}

#[test]
fn random_keys_change_by_themselves_and_turn_nobody_away() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let clock = Clock::now();
        let server = build(context("p256", "").time_source(clock.clone()), version);
        let client = build(context("", "ca"), version);
        let before = server.ticket_keys().to_bytes();
        clock.advance(6 * 60 * 60 - 100);
        join(&client, &server).converse();
        assert_eq!(*server.ticket_keys().to_bytes(), *before);
        clock.advance(200);
        assert!(resumed(&join(&client, &server)), "{version}");
        assert_ne!(*server.ticket_keys().to_bytes(), *before);
    }
}

#[test]
fn sessions_are_resumed_under_their_id_context_only() {
    if !present("openssl") {
        return;
    }
    let server = |id: &str, version| {
        let builder = context("p256", "").ticket_keys(keys(1));
        build(builder.session_id_context(id).unwrap(), version)
    };
    for version in VERSIONS {
        for (first, second, expected) in [("a", "a", true), ("a", "b", false), ("a", "", false)] {
            let client = build(context("", "ca"), version);
            let outcome = resumes(&client, &server(first, version), &server(second, version));
            assert_eq!(outcome, expected, "{version} {first} {second}");
        }
    }
    let error = context("p256", "").session_id_context([0; 33]).err().unwrap();
    assert_eq!(error.option(), "session_id_context");
}

/// Either side alone sees to it that a session does not outlive its time.
#[test]
fn a_session_is_good_until_its_timeout() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for (age, expected) in [(0, true), (300, true), (301, false)] {
            for of_server in [true, false] {
                let clock = Clock::now();
                let (still, moving) = (Clock::now(), clock.clone());
                let (client, server) = if of_server { (still, moving) } else { (moving, still) };
                let client = build(context("", "ca").time_source(client), version);
                let server = build(context("p256", "").time_source(server), version);
                join(&client, &server).converse();
                clock.advance(age);
                let outcome = resumed(&join(&client, &server));
                assert_eq!(outcome, expected, "{version} {age} s, of the server: {of_server}");
            }
        }
        let timeout = |seconds| {
            let builder = context("p256", "").session_timeout(Duration::from_secs(seconds));
            build(builder, version)
        };
        let client = build(context("", "ca"), version);
        assert!(!resumes(&client, &timeout(0), &timeout(0)), "{version}");
    }
}

/// Each resumption brings a new ticket; the peer must prove its key once in seven days all the
/// same (RFC 8446, 4.6.1).
#[test]
fn renewed_tickets_do_not_lengthen_a_session_for_ever() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for of_server in [true, false] {
            let clock = Clock::now();
            let (still, moving) = (Clock::now(), clock.clone());
            let (client, server) = if of_server { (still, moving) } else { (moving, still) };
            let client = build(context("", "ca").time_source(client), version);
            let server = context("p256", "").time_source(server);
            let server = build(server.session_timeout(Duration::from_secs(4 * DAY)), version);
            let outcomes = [0, 3, 3, 3, 3].map(|days| {
                clock.advance(days * DAY);
                let mut pair = join(&client, &server);
                pair.converse();
                resumed(&pair)
            });
            let case = format!("{version}, of the server: {of_server}");
            assert_eq!(outcomes, [false, true, true, false, true], "{case}");
        }
    }
}

/// The number of TLS 1.3 tickets; a client resumes as many connections at once.
#[test]
fn a_server_gives_as_many_tickets_as_it_is_told() {
    if !present("openssl") {
        return;
    }
    for count in [0, 1, 2, 5] {
        let small = |builder: SecureContextBuilder| {
            build(builder.groups("X25519").unwrap(), ProtocolVersion::Tls13)
        };
        let (client, server) =
            (small(context("", "ca")), small(context("p256", "").tickets(count)));
        let mut pair = join(&client, &server);
        pair.converse();
        assert_eq!(pair.client.sessions.len(), count);
        // Nothing is read, so that no new tickets come.
        let again: Vec<bool> = (0..6)
            .map(|_| {
                let options = to("localhost");
                let mut pair = Pair::new((&client, &options), (&server, &Default::default()));
                let hello = pair.client.output();
                pair.server.receive(&hello);
                let answer = pair.server.output();
                answer.len() < 400 // no certificate is in it
            })
            .collect();
        assert_eq!(again.iter().filter(|resumed| **resumed).count(), count, "{again:?}");
    }
    let server = build(context("p256", "").tickets(0), ProtocolVersion::Tls12);
    let client = build(context("", "ca"), ProtocolVersion::Tls12);
    assert!(!resumes(&client, &server, &server));
}

/// A client's chain is in its tickets. However long it is, the hello that offers one stays within
/// one record; where that is not possible there is no ticket.
#[test]
fn a_ticket_does_not_blow_the_client_hello() {
    if !present("openssl") {
        return;
    }
    let deep = credentials().identity("deep-full");
    let key = sealwire::pki::PrivateKey::from_file(&credentials().files("deep").key, None);
    let key = key.unwrap();
    for version in VERSIONS {
        for copies in [0, 5, 14, 20, 24, 60] {
            let issuer = deep.chain()[1].clone();
            let mut chain = deep.chain().to_vec();
            chain.extend(std::iter::repeat_n(issuer, copies));
            let size: usize = chain.iter().map(|one| one.der().len()).sum();
            let identity = Identity::new(chain, &key).unwrap();
            let client = build(context("", "ca").identity(identity), version);
            let server = build(context("p256", "ca"), version);
            let (client, server) = ((&client, &to("localhost")), (&server, ClientAuth::Require));
            connect(client, server).converse();
            let mut pair = connect(client, server);
            pair.converse();
            let fits = size < 11 * 1024;
            assert_eq!(resumed(&pair), fits, "{version}: a chain of {size} bytes");
            assert!(pair.server.authorized());
            let hello = records(&pair.client.sent)[0];
            assert!(hello.1 < 15 * 1024, "{version}: a chain of {size}, a hello of {}", hello.1);
        }
    }
}
