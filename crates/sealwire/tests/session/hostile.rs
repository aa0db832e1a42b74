//! Peers that lie about who they are, and peers that turn hostile once they are in.

use rustls::Connection;
use rustls_pki_types::CertificateDer;
use sealwire::{ClientAuth, Error, PeerVerification, ProtocolVersion, ServerOptions, Session};

use crate::pair::{End, records};
use crate::peers::credentials::context;
use crate::peers::present;
use crate::rogue::{self, Rogue, chain, exchange, identity};
use crate::{VERSIONS, to};

const MODES: [PeerVerification; 2] = [PeerVerification::Required, PeerVerification::Recorded];

fn our_client(mode: PeerVerification) -> End {
    let context = context("", "ca").build().unwrap();
    End::new(Session::client(&context, &to("localhost").verification(mode)).unwrap())
}

fn our_server(client_auth: ClientAuth) -> End {
    let context = context("p256", "ca").build().unwrap();
    End::new(Session::server(&context, &ServerOptions::new().client_auth(client_auth)))
}

fn settle(ours: &mut End, theirs: &mut Connection) {
    while exchange(ours, theirs) {}
}

/// What a peer sees of our error: the alert that rustls received.
fn alert(theirs: &mut Connection) -> String {
    match theirs.process_new_packets() {
        Err(rustls::Error::AlertReceived(alert)) => format!("{alert:?}"),
        other => format!("{other:?}"),
    }
}

/// Whoever shows a certificate has to prove that the key is theirs, in every mode and whatever
/// the version of the certificate.
#[test]
fn a_certificate_without_its_key_is_never_enough() {
    if !present("openssl") {
        return;
    }
    // A key of the same kind, so that only the signature itself is wrong.
    for (shown, key) in [("p256", "client"), ("v1-leaf", "client"), ("tutorial", "rsa")] {
        for version in VERSIONS {
            for mode in MODES {
                let mut ours = our_client(mode);
                let mut theirs = rogue::server(version, identity(chain(shown), key));
                settle(&mut ours, &mut theirs);
                assert!(!ours.complete && ours.session.peer().is_none(), "{version} {shown}");
                match ours.error {
                    Some(Error::Misbehaved(_)) => assert_eq!(alert(&mut theirs), "DecryptError"),
                    // The chain is looked at before the signature.
                    Some(Error::PeerRefused(_)) => assert_eq!(mode, PeerVerification::Required),
                    other => panic!("{version} {shown}: {other:?}"),
                }
            }
            for client_auth in [ClientAuth::Request, ClientAuth::Require] {
                let mut ours = our_server(client_auth);
                let mut theirs = rogue::client(version, identity(chain(shown), key));
                settle(&mut ours, &mut theirs);
                assert!(!ours.complete && ours.session.peer().is_none(), "{version} {shown}");
                assert!(ours.error.is_some(), "{version} {shown}");
            }
        }
    }
}

#[test]
fn a_leaf_that_cannot_be_read_ends_the_handshake_in_every_mode() {
    if !present("openssl") {
        return;
    }
    for garbage in [&b"no certificate at all"[..], &[0x30, 0x03, 0x02, 0x01, 0x00], &[]] {
        for version in VERSIONS {
            for mode in MODES {
                let garbage = vec![CertificateDer::from(garbage.to_vec())];
                let mut ours = our_client(mode);
                let mut theirs = rogue::server(version, identity(garbage.clone(), "p256"));
                settle(&mut ours, &mut theirs);
                assert!(!ours.complete && ours.error.is_some(), "{version} {mode:?}");
                assert_ne!(alert(&mut theirs), "Ok", "{version} {mode:?}");

                let mut ours = our_server(ClientAuth::Request);
                let mut theirs = rogue::client(version, identity(garbage, "p256"));
                settle(&mut ours, &mut theirs);
                assert!(!ours.complete && ours.error.is_some(), "{version}");
            }
        }
    }
}

#[test]
fn a_chain_that_cannot_be_read_is_not_believed() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for mode in MODES {
            let mut shown = chain("p256");
            shown.push(CertificateDer::from(b"garbage".to_vec()));
            let mut ours = our_client(mode);
            let mut theirs = rogue::server(version, identity(shown, "p256"));
            settle(&mut ours, &mut theirs);
            assert_eq!(ours.findings(), ["UNSPECIFIED"], "{version} {mode:?}");
            assert!(!ours.authorized());
            assert_eq!(ours.complete, mode == PeerVerification::Recorded);
        }
    }
}

#[test]
fn a_chain_of_hundreds_is_judged_in_no_time() {
    if !present("openssl") {
        return;
    }
    let mut shown = chain("deep");
    for _ in 0..100 {
        shown.extend(chain("inter"));
    }
    let mut ours = our_client(PeerVerification::Recorded);
    let mut theirs = rogue::server(ProtocolVersion::Tls13, identity(shown, "deep"));
    settle(&mut ours, &mut theirs);
    assert!(ours.complete && ours.authorized(), "{:?}", ours.findings());
}

/// A complete connection to a rogue of either role.
fn rogues() -> Vec<(End, Rogue, ProtocolVersion)> {
    let mut all = Vec::new();
    for version in VERSIONS {
        let shown = || identity(chain("p256"), "p256");
        let mut ours = our_client(PeerVerification::Required);
        let mut theirs = rogue::server(version, shown());
        settle(&mut ours, &mut theirs);
        all.push((ours, Rogue::take_over(theirs, version), version));
        let mut ours = our_server(ClientAuth::None);
        let mut theirs = rogue::client(version, shown());
        settle(&mut ours, &mut theirs);
        all.push((ours, Rogue::take_over(theirs, version), version));
    }
    for (ours, rogue, _) in &mut all {
        let data = rogue.record(23, b"in");
        ours.receive(&data);
        assert_eq!(std::mem::take(&mut ours.plaintext), b"in");
    }
    all
}

/// A handshake message of which a part is missing must not keep us from sending or closing.
#[test]
fn half_a_handshake_message_does_not_stop_us() {
    if !present("openssl") {
        return;
    }
    for (end, (mut ours, mut rogue, version)) in rogues().into_iter().enumerate() {
        // The front of a message of 1000 bytes that may come here, in pieces: a NewSessionTicket,
        // or the ClientHello of one who wants to negotiate again.
        let kind = match (version, end % 2) {
            (ProtocolVersion::Tls13, 0) => 4,
            (ProtocolVersion::Tls12, 1) => 1,
            _ => continue,
        };
        for piece in [&[kind][..], &[0, 3], &[0xe8, 7, 7], &[7; 500]] {
            let part = rogue.record(22, piece);
            ours.receive(&part);
            assert!(ours.error.is_none(), "{version}: {:?}", ours.error);
            assert!(ours.received.is_empty());
            assert!(!ours.send(b"data").is_empty());
        }
        ours.session.send_close_notify();
        assert!(!ours.output().is_empty());
        // Anything between the parts of a message is a violation.
        let data = rogue.record(23, b"in between");
        ours.receive(&data);
        assert!(matches!(ours.error, Some(Error::Misbehaved(_))), "{version}: {:?}", ours.error);
        assert!(ours.plaintext.is_empty());
    }
}

/// What may not come is refused at its first byte: nobody waits for the rest, nor keeps the part.
#[test]
fn half_a_handshake_message_that_may_not_come_is_refused() {
    if !present("openssl") {
        return;
    }
    for (end, (mut ours, mut rogue, version)) in rogues().into_iter().enumerate() {
        let kind = match (version, end % 2) {
            (ProtocolVersion::Tls13, 0) => 13, // CertificateRequest: we offered no such thing
            _ => 4,
        };
        let part = rogue.record(22, &[kind]);
        ours.receive(&part);
        let error = ours.error.as_ref().expect("refused");
        assert_eq!(error.code(), "ERR_SSL_UNEXPECTED_MESSAGE", "{version}");
        assert!(ours.session.has_output(), "an alert");
    }
}

#[test]
fn a_message_that_is_too_long_is_refused_at_its_header() {
    if !present("openssl") {
        return;
    }
    for (mut ours, mut rogue, version) in rogues() {
        let kind = match version {
            ProtocolVersion::Tls13 => 24,
            _ => continue,
        };
        let part = rogue.record(22, &[kind, 1, 0, 0]);
        ours.receive(&part);
        let error = ours.error.expect("refused");
        assert_eq!(error.code(), "ERR_SSL_EXCESSIVE_MESSAGE_SIZE", "{version}");
    }
}

/// A change of keys ends its record (RFC 8446, 5.1).
#[test]
fn nothing_follows_a_key_update_in_its_record() {
    if !present("openssl") {
        return;
    }
    const UPDATE: [u8; 5] = [24, 0, 0, 1, 0];
    for more in [&[24][..], &UPDATE] {
        for (mut ours, mut rogue, version) in rogues() {
            if version == ProtocolVersion::Tls12 {
                continue;
            }
            let record = rogue.record(22, &[&UPDATE, more].concat());
            ours.receive(&record);
            assert!(matches!(ours.error, Some(Error::Misbehaved(_))), "{:?}", ours.error);
            assert!(ours.session.has_output(), "an alert");
        }
    }
}

/// A request to negotiate again is declined with a warning, the first time (RFC 5746, 4.5).
#[test]
fn renegotiation_is_declined() {
    if !present("openssl") {
        return;
    }
    for (end, (mut ours, mut rogue, version)) in rogues().into_iter().enumerate() {
        if version == ProtocolVersion::Tls13 {
            continue;
        }
        let hello = [&[1, 0, 1, 0][..], &[3; 256]].concat();
        let request = if end % 2 == 0 { &[0, 0, 0, 0][..] } else { &hello };
        let (first, second) = request.split_at(2);
        let wire = [rogue.record(22, first), rogue.record(22, second)].concat();
        ours.receive(&wire);
        assert!(ours.error.is_none(), "{:?}", ours.error);
        assert_eq!(records(&ours.output()), [(21, 2 + 16)]);
        let data = rogue.record(23, b"data");
        ours.receive(&data);
        assert_eq!(ours.plaintext, b"data");
        let again = rogue.record(22, request);
        ours.receive(&again);
        assert!(matches!(ours.error, Some(Error::Misbehaved(_))), "{:?}", ours.error);
    }
}

#[test]
fn a_key_update_in_parts_is_followed() {
    if !present("openssl") {
        return;
    }
    for (mut ours, mut rogue, version) in rogues() {
        if version == ProtocolVersion::Tls12 {
            continue;
        }
        // key_update (24) of one byte: update_requested (1).
        for part in [&[24, 0][..], &[0, 1], &[1]] {
            assert!(!ours.session.has_output());
            let part = rogue.record(22, part);
            ours.receive(&part);
            assert!(ours.error.is_none(), "{:?}", ours.error);
        }
        // We answer before our next data (RFC 8446, 4.6.3), with a record of 5 + 1 + 16 bytes.
        assert_eq!(records(&ours.send(b"data")), [(23, 22), (23, 21)]);
        // The rogue goes on with its old keys, which are no longer good.
        let data = rogue.record(23, b"old keys");
        ours.receive(&data);
        assert!(matches!(ours.error, Some(Error::Misbehaved(_))));
        assert!(ours.plaintext.is_empty());
    }
}

/// More handshake messages in the record of Finished: the keys change there, so nothing may follow.
#[test]
fn messages_behind_finished_are_refused() {
    if !present("openssl") {
        return;
    }
    const HELLO_REQUEST: [u8; 4] = [0, 0, 0, 0];
    for more in [&HELLO_REQUEST[..], &HELLO_REQUEST.repeat(3), &[0, 0], &[4, 0, 0, 9]] {
        let mut ours = our_client(PeerVerification::Required);
        let mut theirs = rogue::server(ProtocolVersion::Tls12, identity(chain("p256"), "p256"));
        let last_flight = loop {
            rogue::feed(&mut theirs, &ours.output());
            let flight = rogue::output(&mut theirs);
            if !theirs.is_handshaking() {
                break flight;
            }
            ours.receive(&flight);
        };
        let (spec, finished) = last_flight.split_at(6);
        let rogue = Rogue::take_over(theirs, ProtocolVersion::Tls12);
        ours.receive(&[spec, &rogue.lengthen_first(finished, more)].concat());
        assert!(matches!(ours.error, Some(Error::Misbehaved(_))), "{more:?}: {:?}", ours.error);
        assert!(!ours.complete && ours.session.peer().is_none(), "{more:?}");
    }
}

#[test]
fn what_does_not_belong_on_an_open_connection_is_an_error() {
    if !present("openssl") {
        return;
    }
    for (what, kind, body) in [
        ("a ClientHello", 22, &[1, 0, 0, 2, 3, 3][..]),
        ("a Finished", 22, &[20, 0, 0, 4, 1, 2, 3, 4]),
        ("a message of no known type", 22, &[99, 0, 0, 0]),
        ("an alert of three bytes", 21, &[2, 40, 0]),
        ("a record of no known type", 99, b"x"),
        ("an empty handshake record", 22, b""),
    ] {
        for (mut ours, mut rogue, version) in rogues() {
            let renegotiation = version == ProtocolVersion::Tls12 && what == "a ClientHello";
            let record = rogue.record(kind, body);
            ours.receive(&record);
            let data = rogue.record(23, b"data");
            if ours.error.is_none() && (renegotiation || body.is_empty()) {
                // TLS 1.2 answers with a warning; an empty record is only empty.
                continue;
            }
            assert!(ours.error.is_some(), "{version}: {what}");
            ours.receive(&data);
            assert!(ours.plaintext.is_empty(), "{version}: {what}");
            assert!(ours.session.has_output(), "{version}: {what} deserves an alert");
        }
    }
}

#[test]
fn floods_of_nothing_end() {
    if !present("openssl") {
        return;
    }
    for (what, kind, body) in [
        ("empty data", 23, &b""[..]),
        ("warnings", 21, &[1, 90]),
        ("key updates", 22, &[24, 0, 0, 1, 0]),
    ] {
        for (mut ours, mut rogue, version) in rogues() {
            let mut sent = 0;
            while ours.error.is_none() && sent < 1000 {
                let record = rogue.record(kind, body);
                ours.receive(&record);
                sent += 1;
            }
            assert!(sent < 1000, "{version}: {what}");
            assert!(ours.plaintext.is_empty());
        }
    }
}

#[test]
fn a_fatal_alert_on_an_open_connection_is_told_by_name() {
    if !present("openssl") {
        return;
    }
    for (mut ours, mut rogue, version) in rogues() {
        let wire = [rogue.record(23, b"before"), rogue.record(21, &[2, 80])].concat();
        ours.receive(&wire);
        assert_eq!(ours.plaintext, b"before", "{version}");
        assert_eq!(ours.alert(), Some("internal_error"), "{version}");
        assert_eq!(ours.error.unwrap().code(), "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
    }
}

#[test]
fn the_largest_record_is_taken_and_a_larger_one_is_not() {
    if !present("openssl") {
        return;
    }
    for (mut ours, mut rogue, version) in rogues() {
        let record = rogue.record(23, &[7; 16384]);
        ours.receive(&record);
        assert_eq!(ours.plaintext.len(), 16384, "{version}");
        let record = rogue.record(23, &[7; 16385]);
        ours.receive(&record);
        let error = ours.error.expect("too large");
        assert_eq!(error.code(), "ERR_SSL_DATA_LENGTH_TOO_LONG", "{version}");
        assert_eq!(ours.plaintext.len(), 16384, "{version}");
    }
}
