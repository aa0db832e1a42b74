//! Resumed sessions: both sides know, and nobody is believed for having been believed once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use sealwire::session::HelloReply;
use sealwire::verify::NameCheck;
use sealwire::{
    ClientAuth, ClientOptions, PeerVerification, ProtocolVersion, SecureContext,
    SecureContextBuilder, ServerOptions, TicketKeys, TimeSource,
};

use crate::pair::Pair;
use crate::peers::credentials::{context, credentials};
use crate::peers::present;
use crate::{VERSIONS, to};

/// A clock that stands still until it is set.
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn now() -> Arc<Self> {
        credentials(); // none must be younger
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Arc::new(Self(AtomicU64::new(now.as_secs())))
    }

    /// A minute before the certificate `name` expires.
    fn before_expiry_of(name: &str) -> Arc<Self> {
        let expiry = credentials().identity(name).leaf().not_after();
        Arc::new(Self(AtomicU64::new(u64::try_from(expiry).unwrap() - 60)))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn build(builder: SecureContextBuilder, version: ProtocolVersion) -> SecureContext {
    builder.versions(version..=version).build().unwrap()
}

pub(crate) fn connect(
    client: (&SecureContext, &ClientOptions),
    server: (&SecureContext, ClientAuth),
) -> Pair {
    let mut pair = Pair::new(client, (server.0, &ServerOptions::new().client_auth(server.1)));
    pair.settle();
    pair
}

/// Whether the connection is resumed, about which both sides agree.
pub(crate) fn resumed(pair: &Pair) -> bool {
    let of = |end: &crate::pair::End| end.session.peer().expect("complete").is_resumed();
    assert_eq!(of(&pair.client), of(&pair.server));
    of(&pair.client)
}

#[test]
fn both_sides_know_that_a_session_is_resumed() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for client_auth in [ClientAuth::None, ClientAuth::Request, ClientAuth::Require] {
            let client = build(context("client", "ca"), version);
            let server = build(context("rsa", "ca"), version);
            for turn in 0..4 {
                let mut pair = connect((&client, &to("localhost")), (&server, client_auth));
                assert_eq!(resumed(&pair), turn > 0, "{version} {client_auth:?} {turn}");
                assert!(pair.client.authorized());
                assert_eq!(pair.server.authorized(), client_auth != ClientAuth::None);
                let seen = pair.client.session.peer().unwrap();
                assert_eq!(seen.certificate(), Some(server.identities()[0].leaf()));
                let seen = pair.server.session.peer().unwrap().certificate();
                let shown =
                    (client_auth != ClientAuth::None).then(|| client.identities()[0].leaf());
                assert_eq!(seen, shown);
                pair.converse();
            }
        }
    }
}

#[test]
fn sessions_belong_to_one_context_and_one_server_name() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("", "ca"), version);
        let server = build(context("p256", ""), version);
        let none = ClientAuth::None;
        connect((&client, &to("localhost")), (&server, none)).converse();
        let another = build(context("", "ca"), version);
        assert!(!resumed(&connect((&another, &to("localhost")), (&server, none))));
        assert!(!resumed(&connect((&client, &to("127.0.0.1")), (&server, none))));
        assert!(!resumed(&connect((&client, &to("localhost").resume(false)), (&server, none))));
        assert!(resumed(&connect((&client, &to("localhost")), (&server, none))));
        // The tickets of a context are no other context's, alike as it may be.
        let renewed = build(context("p256", ""), version);
        assert!(!resumed(&connect((&client, &to("localhost")), (&renewed, none))));
    }
}

/// The certificate expires between two connections of the same contexts: the session is not
/// offered, and the full handshake tells both sides.
#[test]
fn a_client_judges_the_server_of_a_session_by_todays_time() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for mode in [PeerVerification::Recorded, PeerVerification::Required] {
            let clock = Clock::before_expiry_of("p256");
            let client = build(context("", "ca").time_source(clock.clone()), version);
            let server = build(context("p256", ""), version);
            let options = to("localhost").verification(mode);
            let mut pair = connect((&client, &options), (&server, ClientAuth::None));
            assert!(pair.client.authorized());
            pair.converse();
            clock.advance(120);
            let mut pair = connect((&client, &options), (&server, ClientAuth::None));
            assert_eq!(pair.client.findings(), ["CERT_HAS_EXPIRED"], "{version} {mode:?}");
            assert!(!pair.client.authorized());
            match mode {
                PeerVerification::Recorded => {
                    assert!(!resumed(&pair), "{version}");
                    pair.converse();
                    // What is refused every time is resumed: no handshake would tell otherwise.
                    assert!(resumed(&connect((&client, &options), (&server, ClientAuth::None))));
                }
                _ => {
                    assert!(!pair.client.complete && pair.client.session.peer().is_none());
                    assert_eq!(pair.server.alert(), Some("certificate_expired"), "{version}");
                }
            }
        }
    }
}

#[test]
fn a_server_judges_the_client_of_a_session_by_todays_time() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for client_auth in [ClientAuth::Request, ClientAuth::Require] {
            let clock = Clock::before_expiry_of("client");
            let client = build(context("client", "ca"), version);
            let server = build(context("p256", "ca").time_source(clock.clone()), version);
            let mut pair = connect((&client, &to("localhost")), (&server, client_auth));
            assert!(pair.server.authorized());
            pair.converse();
            clock.advance(120);
            let mut pair = connect((&client, &to("localhost")), (&server, client_auth));
            assert_eq!(pair.server.findings(), ["CERT_HAS_EXPIRED"], "{version} {client_auth:?}");
            assert!(!pair.server.authorized());
            match client_auth {
                ClientAuth::Request => {
                    assert!(!resumed(&pair), "{version}");
                    pair.converse();
                    assert!(resumed(&connect((&client, &to("localhost")), (&server, client_auth))));
                }
                _ => {
                    assert!(!pair.server.complete && pair.server.session.peer().is_none());
                    assert_eq!(pair.client.alert(), Some("certificate_expired"), "{version}");
                }
            }
        }
    }
}

/// Other trust, a new revocation list: servers that share their ticket keys and
/// differ in policy.
#[test]
fn a_server_judges_the_client_of_a_session_by_its_own_policy() {
    if !present("openssl") {
        return;
    }
    let keys = TicketKeys::generate().unwrap();
    for version in VERSIONS {
        let build =
            |builder: SecureContextBuilder| build(builder.ticket_keys(keys.clone()), version);
        let server = build(context("p256", "ca"));
        for (policy, code, alert) in [
            (context("p256", "other-ca"), "SELF_SIGNED_CERT_IN_CHAIN", "unknown_ca"),
            (
                context("p256", "ca").crls(credentials().crl()),
                "CERT_REVOKED",
                "certificate_revoked",
            ),
        ] {
            let stricter = build(policy);
            let client = build(context("revoked", "ca"));
            let options = to("localhost");
            for client_auth in [ClientAuth::Request, ClientAuth::Require] {
                connect((&client, &options), (&server, client_auth)).converse();
                assert!(resumed(&connect((&client, &options), (&server, client_auth))), "{code}");
                let pair = connect((&client, &options), (&stricter, client_auth));
                assert_eq!(pair.server.findings().last(), Some(&code), "{version}");
                assert!(!pair.server.authorized());
                match client_auth {
                    ClientAuth::Request => assert!(!resumed(&pair)),
                    _ => assert_eq!(pair.client.alert(), Some(alert), "{version}"),
                }
            }
        }
    }
}

/// A name's own context, given in answer to the ClientHello, counts for its sessions, too.
#[test]
fn a_server_judges_the_client_of_a_session_by_the_credentials_of_the_hour() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("client", "ca"), version);
        let server = build(context("p256", "ca"), version);
        let distrusting = context("", "other-ca").build().unwrap();
        let options = ServerOptions::new().client_auth(ClientAuth::Require).ask_client_hello(true);
        let connect = |credentials: &SecureContext| {
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &options));
            pair.settle();
            let reply = HelloReply::new().credentials(credentials.clone());
            pair.server.answer_hello(reply);
            pair.settle();
            pair
        };
        connect(&server).converse();
        assert!(resumed(&connect(&server)), "{version}");
        let pair = connect(&distrusting);
        assert_eq!(pair.client.alert(), Some("unknown_ca"), "{version}");
        assert!(!pair.server.complete, "{version}");
    }
}

/// The same for a client, whose sessions go from one context to another by hand.
#[test]
fn a_client_judges_the_server_of_a_session_by_its_own_policy() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let server = build(context("revoked", ""), version);
        let trusting = build(context("", "ca"), version);
        for (policy, code, alert) in [
            (context("", "other-ca"), "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unknown_ca"),
            (context("", "ca").crls(credentials().crl()), "CERT_REVOKED", "certificate_revoked"),
        ] {
            let stricter = build(policy, version);
            let session = || {
                let options = to("localhost").resume(false);
                let mut pair = connect((&trusting, &options), (&server, ClientAuth::None));
                pair.converse();
                pair.client.sessions.remove(0)
            };
            let options = to("localhost").resume_session(session());
            assert!(resumed(&connect((&trusting, &options), (&server, ClientAuth::None))));

            let options = to("localhost").resume_session(session());
            let pair = connect((&stricter, &options), (&server, ClientAuth::None));
            assert_eq!(pair.client.findings().last(), Some(&code), "{version}");
            assert_eq!(pair.server.alert(), Some(alert), "{version}");

            let options = options.verification(PeerVerification::Recorded);
            let pair = connect((&stricter, &options), (&server, ClientAuth::None));
            assert!(!resumed(&pair) && !pair.client.authorized(), "{version} {code}");
        }
    }
}

/// What was let pass once, because nobody insisted, is refused when somebody does.
#[test]
fn a_session_made_without_insisting_does_not_pass_where_it_counts() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for (shown, trusted, easy, code) in [
            (
                "expired",
                "ca",
                to("localhost").verification(PeerVerification::Recorded),
                "CERT_HAS_EXPIRED",
            ),
            (
                "p256",
                "other-ca",
                to("localhost").verification(PeerVerification::Recorded),
                "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            ),
            (
                "wrong-name",
                "ca",
                to("localhost").name_check(NameCheck::DangerousNone),
                "ERR_TLS_CERT_ALTNAME_INVALID",
            ),
        ] {
            let client = build(context("", trusted), version);
            let server = build(context(shown, ""), version);
            connect((&client, &easy), (&server, ClientAuth::None)).converse();
            assert!(resumed(&connect((&client, &easy), (&server, ClientAuth::None))));
            let pair = connect((&client, &to("localhost")), (&server, ClientAuth::None));
            assert_eq!(pair.client.findings().last(), Some(&code), "{version} {shown}");
            assert!(!pair.client.complete, "{version} {shown}");
        }
    }
}

/// A refused session is not offered again: the server may have a new certificate by now.
#[test]
fn after_a_refusal_the_next_handshake_is_a_full_one() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let clock = Clock::before_expiry_of("p256");
        let client = build(context("", "ca").time_source(clock.clone()), version);
        let server = build(context("p256", ""), version);
        let recorded = to("localhost").verification(PeerVerification::Recorded);
        connect((&client, &recorded), (&server, ClientAuth::None)).converse();
        clock.advance(120);
        let refused = connect((&client, &to("localhost")), (&server, ClientAuth::None));
        assert!(refused.client.error.is_some());
        let next = connect((&client, &recorded), (&server, ClientAuth::None));
        assert!(!resumed(&next), "{version}");
    }
}

#[test]
fn a_context_that_no_longer_trusts_gets_a_full_handshake_and_refuses() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = build(context("client", "ca"), version);
        let server = build(context("p256", "ca"), version);
        connect((&client, &to("localhost")), (&server, ClientAuth::Require)).converse();
        let distrusting = build(context("p256", "other-ca"), version);
        let pair = connect((&client, &to("localhost")), (&distrusting, ClientAuth::Require));
        assert_eq!(pair.server.findings().last(), Some(&"SELF_SIGNED_CERT_IN_CHAIN"));
        assert_eq!(pair.client.alert(), Some("unknown_ca"));

        let distrusting = build(context("client", "other-ca"), version);
        let pair = connect((&distrusting, &to("localhost")), (&server, ClientAuth::Require));
        assert_eq!(pair.client.findings().last(), Some(&"SELF_SIGNED_CERT_IN_CHAIN"));
        assert_eq!(pair.server.alert(), Some("unknown_ca"));
    }
}

/// A session in which nobody asked for a certificate cannot stand in for one that does.
#[test]
fn a_session_without_a_certificate_is_not_resumed_where_one_is_asked_for() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for (first, second) in [
            (ClientAuth::None, ClientAuth::Require),
            (ClientAuth::None, ClientAuth::Request),
            (ClientAuth::Request, ClientAuth::Require),
        ] {
            let client = build(context("client", "ca"), version);
            let server = build(context("p256", "ca"), version);
            connect((&client, &to("localhost")), (&server, first)).converse();
            let mut pair = connect((&client, &to("localhost")), (&server, second));
            assert!(!resumed(&pair), "{version} {first:?} {second:?}");
            assert!(pair.server.authorized(), "{version} {first:?} {second:?}");
            pair.converse();
        }
    }
}
