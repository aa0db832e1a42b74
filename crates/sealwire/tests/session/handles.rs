//! A client's sessions in the hands of its program.

use sealwire::verify::{NameCheck, Pin};
use sealwire::{
    ClientAuth, ClientOptions, ClientSession, Identity, PeerVerification, ProtocolVersion,
    SecureContext,
};

use crate::pair::Pair;
use crate::peers::credentials::{context, credentials};
use crate::peers::present;
use crate::resumption::{Clock, build, connect, resumed};
use crate::{VERSIONS, to};

/// Connects with no session of the context's, and gives those that the server gave.
fn sessions(
    client: &SecureContext,
    options: &ClientOptions,
    server: (&SecureContext, ClientAuth),
) -> Vec<ClientSession> {
    let options = options.clone().resume(false);
    let mut pair = connect((client, &options), server);
    pair.converse();
    pair.client.sessions
}

fn with(client: &SecureContext, session: &ClientSession, server: &SecureContext) -> Pair {
    let options = to("localhost").resume(false).resume_session(session.clone());
    let mut pair = connect((client, &options), (server, ClientAuth::None));
    pair.converse();
    pair
}

#[test]
fn a_session_is_told_and_resumes() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("", "ca"), version);
        let server = build(context("p256", ""), version);
        let none = ClientAuth::None;
        let told = sessions(&client, &to("localhost"), (&server, none));
        let tls13 = version == ProtocolVersion::Tls13;
        assert_eq!(told.len(), if tls13 { 2 } else { 1 });
        for session in &told {
            assert_eq!(session.protocol(), version);
            assert_eq!(session.server_name().as_str(), "localhost");
            assert!(!session.is_expired());
            // One of TLS 1.3 is good once, one of TLS 1.2 for as long as it lasts.
            for turn in 0..3 {
                let pair = with(&client, session, &server);
                assert_eq!(resumed(&pair), turn == 0 || !tls13, "{version} {turn}");
                // One in the place of the one that was used; two after a full handshake.
                let given = if tls13 && !resumed(&pair) { 2 } else { 1 };
                assert_eq!(pair.client.sessions.len(), given, "{version} {turn}");
            }
            assert_eq!(session.is_expired(), tls13);
        }
        // The context has kept none of them.
        assert!(!resumed(&connect((&client, &to("localhost")), (&server, none))));
    }
}

/// As OpenSSL's clients and servers do: one session again and again, and no other for it.
#[test]
fn a_session_is_resumed_again_and_its_server_gives_no_other() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("", "ca"), version);
        let server = build(context("p256", "").renew_tickets(false), version);
        let options = to("localhost").reuse_sessions(true);
        let told = sessions(&client, &options, (&server, ClientAuth::None));
        let session = told.last().unwrap();
        assert!(session.ticket().is_some());
        for turn in 0..3 {
            let pair = with(&client, session, &server);
            assert!(resumed(&pair), "{version} {turn}");
            assert!(pair.client.sessions.is_empty(), "{version} {turn}");
            assert!(!session.is_expired());
        }
        // Its connection may be gone, and its siblings are sessions of their own.
        let tickets: Vec<_> = told.iter().map(ClientSession::ticket).collect();
        assert!(tickets.windows(2).all(|two| two[0] != two[1]));
    }
}

/// The program's and the context's are the same sessions: used once is used.
#[test]
fn a_session_that_the_context_has_used_is_expired() {
    if !present("openssl") {
        return;
    }
    let client = build(context("", "ca"), ProtocolVersion::Tls13);
    let server = build(context("p256", "").tickets(1), ProtocolVersion::Tls13);
    let mut pair = connect((&client, &to("localhost")), (&server, ClientAuth::None));
    pair.converse();
    let session = pair.client.sessions.pop().unwrap();
    assert!(!session.is_expired());
    assert!(resumed(&connect((&client, &to("localhost")), (&server, ClientAuth::None))));
    assert!(session.is_expired());
    assert!(!resumed(&with(&client, &session, &server)));
}

#[test]
fn a_session_goes_through_bytes_within_the_process() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("", "ca"), version);
        let server = build(context("p256", ""), version);
        let session = sessions(&client, &to("localhost"), (&server, ClientAuth::None)).remove(0);
        let bytes = session.to_bytes();
        assert_eq!(bytes, session.to_bytes(), "one session has one handle");
        drop(session);
        let session = ClientSession::from_bytes(&bytes).expect("it is kept");
        assert!(resumed(&with(&client, &session, &server)), "{version}");
        drop(session);
        // What was used is gone.
        let left = ClientSession::from_bytes(&bytes);
        assert_eq!(left.is_some(), version == ProtocolVersion::Tls12);
        for wrong in [&b""[..], b"nonsense", &bytes[1..], &[&bytes[..], b"x"].concat()] {
            assert_eq!(ClientSession::from_bytes(wrong), None);
        }
        let mut unknown = bytes.clone();
        *unknown.last_mut().unwrap() ^= 1;
        assert_eq!(ClientSession::from_bytes(&unknown), None);
    }
}

#[test]
fn the_handles_kept_are_limited() {
    if !present("openssl") {
        return;
    }
    let client = build(context("", "ca"), ProtocolVersion::Tls13);
    let server = build(context("p256", "").tickets(200), ProtocolVersion::Tls13);
    let mut handles = Vec::new();
    while handles.len() < 2400 {
        let told = sessions(&client, &to("localhost"), (&server, ClientAuth::None));
        assert_eq!(told.len(), 8, "of many the newest wait");
        handles.extend(told.iter().map(ClientSession::to_bytes));
    }
    let alive = |handle: &&Vec<u8>| ClientSession::from_bytes(handle).is_some();
    assert!(handles.iter().filter(alive).count() <= 2048);
    assert!(handles[2000..].iter().all(|handle| alive(&handle)), "the newest are there");
}

/// Contexts that show the same identity resume each other's sessions; with another identity, or
/// none, the server would take the client for somebody else.
#[test]
fn a_session_belongs_to_the_identity_that_made_it() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let server = build(context("p256", "ca"), version);
        let client = |name: &str| build(context(name, "ca"), version);
        for (first, second, expected) in [
            ("client", "client", true),
            ("", "", true),
            ("client", "p256", false),
            ("client", "", false),
            ("", "client", false),
        ] {
            let asked = (&server, ClientAuth::Request);
            let session = sessions(&client(first), &to("localhost"), asked).remove(0);
            let options = to("localhost").resume_session(session);
            let pair = connect((&client(second), &options), asked);
            let case = format!("{version} {first} {second}");
            assert_eq!(resumed(&pair), expected, "{case}");
            let shown = pair.server.session.peer().unwrap().certificate().cloned();
            let identity: Option<Identity> =
                (!second.is_empty()).then(|| credentials().identity(second));
            assert_eq!(shown.as_ref(), identity.as_ref().map(Identity::leaf), "{case}");
        }
    }
}

#[test]
fn a_session_of_another_server_name_is_not_offered() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("", "ca"), version);
        let server = build(context("p256", ""), version);
        let none = (&server, ClientAuth::None);
        let session = sessions(&client, &to("127.0.0.1"), none).remove(0);
        assert!(!resumed(&with(&client, &session, &server)));
        assert!(!session.is_expired(), "it was not touched");
        let options = to("127.0.0.1").resume_session(session);
        assert!(resumed(&connect((&client, &options), none)));
    }
}

/// Made where nobody insisted, it is of no use where somebody does.
#[test]
fn a_session_made_without_verification_skips_no_check() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("", "other-ca"), version);
        let server = build(context("p256", ""), version);
        let recorded = to("localhost").verification(PeerVerification::Recorded);
        let session = sessions(&client, &recorded, (&server, ClientAuth::None)).remove(0);
        let options = to("localhost").resume_session(session);
        let pair = connect((&client, &options), (&server, ClientAuth::None));
        assert!(!pair.client.complete && !pair.client.authorized());
        assert_eq!(pair.server.alert(), Some("unknown_ca"), "{version}");
    }
}

/// Pins and the rules for names are the connection's; a session made under others is not offered.
#[test]
fn a_session_made_under_other_rules_skips_no_check() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("", "ca"), version);
        let none = ClientAuth::None;
        let pins = || [Pin::of(credentials().identity("rsa").leaf())];
        for (shown, easy, strict, code, alert) in [
            (
                "p256",
                to("localhost"),
                to("localhost").pins(pins()),
                "PINNED_KEY_MISMATCH",
                "certificate_unknown",
            ),
            (
                "wrong-name",
                to("localhost").name_check(NameCheck::DangerousNone),
                to("localhost"),
                "ERR_TLS_CERT_ALTNAME_INVALID",
                "bad_certificate",
            ),
        ] {
            let server = build(context(shown, ""), version);
            let session = || sessions(&client, &easy, (&server, none)).remove(0);
            let again = |options: &ClientOptions| {
                let options = options.clone().resume(false).resume_session(session());
                connect((&client, &options), (&server, none))
            };
            assert!(resumed(&again(&easy)), "{version} {code}");
            let pair = again(&strict);
            assert_eq!(pair.client.findings(), [code], "{version}");
            assert_eq!(pair.server.alert(), Some(alert), "{version} {code}");
            let pair = again(&strict.verification(PeerVerification::Recorded));
            assert!(!resumed(&pair) && !pair.client.authorized(), "{version} {code}");
        }
    }
}

#[test]
fn the_ticket_of_a_tls12_session_is_there_to_see() {
    if !present("openssl") {
        return;
    }
    let server = build(context("p256", ""), ProtocolVersion::Tls12);
    let client = build(context("", "ca"), ProtocolVersion::Tls12);
    let session = sessions(&client, &to("localhost"), (&server, ClientAuth::None)).remove(0);
    let ticket = session.ticket().expect("a ticket");
    assert_eq!(ticket[..16], server.ticket_keys().to_bytes()[..16]);
    let pair = with(&client, &session, &server);
    assert!(resumed(&pair));
    let offered = pair.client.sent.windows(ticket.len()).any(|window| window == ticket);
    assert!(offered, "it is what the client sends");
    // The server renews it.
    let renewed = &pair.client.sessions[0];
    assert_ne!(renewed.ticket(), Some(ticket));
    assert!(renewed.ticket().is_some());
}

#[test]
fn an_expired_session_is_not_offered() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let clock = Clock::now();
        let client = build(context("", "ca").time_source(clock.clone()), version);
        let server = build(context("p256", ""), version);
        let session = sessions(&client, &to("localhost"), (&server, ClientAuth::None)).remove(0);
        clock.advance(8 * 24 * 60 * 60);
        assert!(session.is_expired(), "{version}");
        assert!(!resumed(&with(&client, &session, &server)));
    }
}
