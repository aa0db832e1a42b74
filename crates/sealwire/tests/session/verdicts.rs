//! Who is refused by whom, with what code, and what the other side is told.

use sealwire::pki::Crl;
use sealwire::verify::NameCheck;
use sealwire::{ClientAuth, Error, PeerVerification, ProtocolVersion, ServerOptions};

use crate::pair::{Pair, records};
use crate::peers::credentials::{bare_context, context, credentials};
use crate::peers::present;
use crate::{VERSIONS, to};

/// One chain, judged by somebody who trusts `trusted`: what is found, in order, and the alert
/// that its owner is sent in the mode that refuses.
struct Case {
    shown: &'static str,
    trusted: &'static str,
    findings: &'static [&'static str],
    alert: &'static str,
}

const fn case(
    shown: &'static str,
    trusted: &'static str,
    findings: &'static [&'static str],
    alert: &'static str,
) -> Case {
    Case { shown, trusted, findings, alert }
}

const fn good(shown: &'static str, trusted: &'static str) -> Case {
    case(shown, trusted, &[], "")
}

const UNKNOWN_ISSUER: &[&str] =
    &["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"];
const SELF_SIGNED: &[&str] = &["DEPTH_ZERO_SELF_SIGNED_CERT"];

/// What is judged alike, whichever side shows it.
const ALIKE: &[Case] = &[
    good("p256", "ca"),
    good("p256", "other-ca ca"),
    case("p256", "other-ca", UNKNOWN_ISSUER, "unknown_ca"),
    case("p256", "", UNKNOWN_ISSUER, "unknown_ca"),
    // A leaf is not its own issuer, trusted or not.
    case("p256", "p256", UNKNOWN_ISSUER, "unknown_ca"),
    case("expired", "ca", &["CERT_HAS_EXPIRED"], "certificate_expired"),
    case(
        "expired",
        "other-ca",
        &[
            "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            "CERT_HAS_EXPIRED",
        ],
        "certificate_expired",
    ),
    case("early", "ca", &["CERT_NOT_YET_VALID"], "bad_certificate"),
    case("forged", "ca", &["CERT_SIGNATURE_FAILURE"], "decrypt_error"),
    case("sha1", "ca", &["CA_MD_TOO_WEAK"], "bad_certificate"),
    // The signature of a top that nobody vouches for is of no interest.
    case("sha1", "other-ca", UNKNOWN_ISSUER, "unknown_ca"),
    case("sha1-expired", "ca", &["CA_MD_TOO_WEAK", "CERT_HAS_EXPIRED"], "certificate_expired"),
    case("deep", "ca", UNKNOWN_ISSUER, "unknown_ca"),
    case("deep", "inter", &["UNABLE_TO_GET_ISSUER_CERT"], "unknown_ca"),
    good("deep", "inter ca"),
    good("deep-chain", "ca"),
    case("deep-chain", "other-ca", &["UNABLE_TO_GET_ISSUER_CERT_LOCALLY"], "unknown_ca"),
    good("deep-full", "ca"),
    case("deep-full", "other-ca", &["SELF_SIGNED_CERT_IN_CHAIN"], "unknown_ca"),
    good("deep-shuffled", "ca"),
    // X.509 v1: of a CA, and the self-signed one of the tutorial.
    good("v1-leaf", "ca"),
    case("v1-leaf", "other-ca", UNKNOWN_ISSUER, "unknown_ca"),
    good("tutorial", "tutorial"),
    case("tutorial", "ca", SELF_SIGNED, "unknown_ca"),
    good("self-signed", "self-signed"),
    case("self-signed", "ca", SELF_SIGNED, "unknown_ca"),
    case("ca", "ca", &["INVALID_PURPOSE"], "unsupported_certificate"),
];

const OF_SERVERS: &[Case] = &[
    good("server-only", "ca"),
    good("no-san", "ca"), // by Node's rules; see `names`
    case("client-only", "ca", &["INVALID_PURPOSE"], "unsupported_certificate"),
    case("wrong-name", "ca", &["ERR_TLS_CERT_ALTNAME_INVALID"], "bad_certificate"),
    // What is wrong with the chain counts before the name.
    case("wrong-name", "other-ca", UNKNOWN_ISSUER, "unknown_ca"),
];

const OF_CLIENTS: &[Case] = &[
    good("client-only", "ca"),
    good("wrong-name", "ca"), // nobody asks a client for its name
    case("server-only", "ca", &["INVALID_PURPOSE"], "unsupported_certificate"),
    case(
        "server-only",
        "other-ca",
        &[
            "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
            "INVALID_PURPOSE",
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        ],
        "unknown_ca",
    ),
];

#[test]
fn a_client_judges_servers() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for case in ALIKE.iter().chain(OF_SERVERS) {
            for mode in [PeerVerification::Required, PeerVerification::Recorded] {
                judged_by_client(case, &[], version, mode);
            }
        }
    }
}

#[test]
fn a_server_judges_clients() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for case in ALIKE.iter().chain(OF_CLIENTS) {
            for mode in [ClientAuth::Require, ClientAuth::Request] {
                judged_by_server(case, &[], version, mode);
            }
        }
    }
}

#[test]
fn revocation_lists_count_on_both_sides() {
    if !present("openssl") {
        return;
    }
    let crl = credentials().crl();
    for version in VERSIONS {
        for case in [
            good("p256", "ca"),
            case("revoked", "ca", &["CERT_REVOKED"], "certificate_revoked"),
            case("deep-chain", "ca", &["UNABLE_TO_GET_CRL"], "unknown_ca"),
        ] {
            judged_by_client(&case, &crl, version, PeerVerification::Required);
            judged_by_client(&case, &crl, version, PeerVerification::Recorded);
            judged_by_server(&case, &crl, version, ClientAuth::Require);
            judged_by_server(&case, &crl, version, ClientAuth::Request);
        }
    }
}

/// However large a list is, connections do not pay for its signature: it is checked when the context is
/// built, and a list that is shared by several contexts once for all of them.
#[test]
fn the_signature_of_a_list_is_checked_once_and_not_in_a_handshake() {
    if !present("openssl") {
        return;
    }
    let crl = credentials().crl();
    let checks = || crl.iter().map(Crl::signature_checks).collect::<Vec<_>>();
    assert_eq!(checks(), [0]);
    let client = context("client", "ca").crls(crl.clone()).build().unwrap();
    let server = context("p256", "ca").crls(crl.clone()).build().unwrap();
    assert_eq!(checks(), [1], "two contexts");
    let asking = ServerOptions::new().client_auth(ClientAuth::Require);
    for version in VERSIONS {
        let client = client.clone();
        for _ in 0..50 {
            let options = to("localhost");
            let mut pair = Pair::new((&client, &options), (&server, &asking));
            pair.settle();
            assert!(pair.client.authorized() && pair.server.authorized(), "{version}");
        }
    }
    assert_eq!(checks(), [1], "100 handshakes, each with two verdicts");
    // It is the lists that are asked, all the same.
    let revoked = bare_context("revoked", "ca").build().unwrap();
    let mut pair = Pair::new((&client, &to("localhost")), (&revoked, &asking));
    pair.settle();
    assert_eq!(pair.client.findings(), ["CERT_REVOKED"]);
    assert_eq!(checks(), [1]);
}

fn judged_by_client(case: &Case, crls: &[Crl], version: ProtocolVersion, mode: PeerVerification) {
    let name =
        format!("{version} {mode:?}: {} to a client that trusts {:?}", case.shown, case.trusted);
    let client = context("client", case.trusted).crls(crls.to_vec()).build().unwrap();
    let server = bare_context(case.shown, "ca").versions(version..=version).build().unwrap();
    let options = to("localhost").verification(mode).name_check(NameCheck::Node);
    let asking = ServerOptions::new().client_auth(ClientAuth::Require);
    let mut pair = Pair::new((&client, &options), (&server, &asking));
    pair.settle();

    let mut found = pair.client.findings();
    // Some of the certificates are for others, which is told beside what is wrong with the chain.
    if found.len() > 1 {
        found.retain(|code| *code != "ERR_TLS_CERT_ALTNAME_INVALID");
    }
    assert_eq!(found, case.findings, "{name}");
    assert_eq!(pair.client.authorized(), case.findings.is_empty(), "{name}");
    if case.findings.is_empty() || mode == PeerVerification::Recorded {
        assert!(pair.client.complete && pair.server.complete, "{name}");
        assert!(pair.client.error.is_none() && pair.server.error.is_none(), "{name}");
        assert!(pair.server.authorized(), "{name}");
        return pair.converse();
    }
    assert_refused(&pair.client.error, case.findings, &name);
    assert_eq!(pair.server.alert(), Some(case.alert), "{name}");
    assert!(!pair.client.complete && !pair.server.complete, "{name}");
    // Nothing of ours went out but the hello and the alert: no certificate, no data.
    let sent = records(&pair.client.sent);
    match version {
        ProtocolVersion::Tls12 => {
            assert!(matches!(sent[..], [(22, _), (21, 2)]), "{name}: {sent:?}");
        }
        // An encrypted record of 19 bytes: two of alert, one of type, sixteen of tag.
        _ => assert!(matches!(sent[..], [(22, _), (20, 1), (23, 19)]), "{name}: {sent:?}"),
    }
}

fn judged_by_server(case: &Case, crls: &[Crl], version: ProtocolVersion, mode: ClientAuth) {
    let name =
        format!("{version} {mode:?}: {} to a server that trusts {:?}", case.shown, case.trusted);
    let client = bare_context(case.shown, "ca").build().unwrap();
    let server = context("p256", case.trusted)
        .crls(crls.to_vec())
        .versions(version..=version)
        .build()
        .unwrap();
    let asking = ServerOptions::new().client_auth(mode);
    let mut pair = Pair::new((&client, &to("localhost")), (&server, &asking));
    pair.settle();

    assert!(pair.client.authorized() || pair.client.error.is_some(), "{name}");
    assert_eq!(pair.server.findings(), case.findings, "{name}");
    assert_eq!(pair.server.authorized(), case.findings.is_empty(), "{name}");
    if case.findings.is_empty() || mode == ClientAuth::Request {
        assert!(pair.client.complete && pair.server.complete, "{name}");
        assert!(pair.client.error.is_none() && pair.server.error.is_none(), "{name}");
        let shown = credentials().identity(case.shown);
        assert_eq!(pair.server.session.peer().unwrap().certificate(), Some(shown.leaf()), "{name}");
        return pair.converse();
    }
    assert_refused(&pair.server.error, case.findings, &name);
    assert_eq!(pair.client.alert(), Some(case.alert), "{name}");
    assert!(!pair.server.complete && pair.server.session.peer().is_none(), "{name}");
    // In TLS 1.3 a client is done before the server has judged its certificate.
    assert_eq!(pair.client.complete, version == ProtocolVersion::Tls13, "{name}");
}

fn assert_refused(error: &Option<Error>, findings: &[&str], name: &str) {
    let Some(Error::PeerRefused(refusal)) = error else { panic!("{name}: {error:?}") };
    assert_eq!(Some(&refusal.code().name()), findings.last(), "{name}");
    assert!(!refusal.evidence().is_empty(), "{name}");
}

#[test]
fn a_client_without_a_certificate() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("", "ca").build().unwrap();
        let server = context("p256", "ca").versions(version..=version).build().unwrap();
        let meet = |client_auth| {
            let options = ServerOptions::new().client_auth(client_auth);
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &options));
            pair.settle();
            pair
        };

        let mut pair = meet(ClientAuth::None);
        assert!(pair.server.complete && !pair.server.authorized());
        assert!(pair.server.session.peer().unwrap().authorization_error().is_none());
        pair.converse();

        let mut pair = meet(ClientAuth::Request);
        assert!(pair.server.complete && !pair.server.authorized());
        assert_eq!(pair.server.findings(), ["UNABLE_TO_GET_ISSUER_CERT"]);
        assert!(pair.server.session.peer().unwrap().certificate().is_none());
        pair.converse();

        let pair = meet(ClientAuth::Require);
        let error = pair.server.error.expect("refused");
        assert_eq!(error.code(), "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");
        assert!(!pair.server.complete);
        // RFC 5246, 7.4.6, and RFC 8446, 4.4.2.4.
        let alert = match version {
            ProtocolVersion::Tls12 => "handshake_failure",
            _ => "certificate_required",
        };
        assert_eq!(pair.client.alert(), Some(alert), "{version}");
        assert_eq!(pair.client.complete, version == ProtocolVersion::Tls13);
    }
}

#[test]
fn a_server_without_a_certificate_refuses() {
    for version in VERSIONS {
        let client = context("", "").build().unwrap();
        let server = context("", "").versions(version..=version).build().unwrap();
        let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
        pair.settle();
        let error = pair.server.error.expect("nothing to show");
        assert!(matches!(error, Error::Incompatible(_)), "{version}: {error:?}");
        let code = match version {
            ProtocolVersion::Tls12 => "ERR_SSL_NO_SHARED_CIPHER",
            _ => "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM",
        };
        assert_eq!(error.code(), code);
        assert_eq!(pair.client.alert(), Some("handshake_failure"), "{version}");
    }
}
