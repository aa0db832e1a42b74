//! Who may come in: certificates, rules and revocation, on every connection.

use super::support::{Origin, Tunnel, files};

const MUTUAL: &str = "server --listen 127.0.0.1:0 --cert server.pem --key server.key --ca ca.pem";

fn mutual(more: &str) -> String {
    let origin = Origin::named("welcome");
    format!("{MUTUAL} --target {} {more}", origin.at())
}

const ALICE: &str = "-cert alice.pem -key alice.key";
const BOB: &str = "-cert bob.pem -key bob.key";

#[test]
fn rules_let_in_and_keep_out() {
    let dir = files();
    for (rules, alice, bob) in [
        ("", true, true),
        ("--allow cn=alice", true, false),
        ("--allow ou=ops --allow cn=bob", true, true),
        ("--allow ou=ops,cn=bob --allow dns=b*.test", false, true),
        ("--allow uri=spiffe://td/*/alice", true, false),
        ("--allow uri=spiffe://td/**,ou=ops,dns=*.test", true, false),
        ("--deny ou=sales", true, false),
        ("--allow ou=* --deny cn=alice", false, true),
    ] {
        let mut tunnel = Tunnel::start(&dir, &mutual(rules));
        let port = tunnel.port();
        for (who, enters) in [(ALICE, alice), (BOB, bob)] {
            for version in ["-tls1_2", "-tls1_3"] {
                let ran = dir.ask(port, &format!("{who} {version}"));
                let expected = if enters { "welcome" } else { "" };
                assert_eq!(ran.text(), expected, "{rules} {who} {version}: {}", ran.stderr);
                let told = ran.stderr.contains("SSL alert number 49");
                assert_eq!(told, !enters, "access_denied: {rules} {who} {version}: {}", ran.stderr);
            }
        }
        if !(alice && bob) {
            let refused = tunnel.wait_message("client refused");
            assert_eq!(refused["why"], "rules");
            let reason = refused["reason"].as_str().unwrap();
            assert!(reason.contains("cn=") && reason.contains("dns="), "{reason}");
        }
    }
}

#[test]
fn without_a_good_certificate_nobody_enters() {
    let dir = files();
    let mut tunnel = Tunnel::start(&dir, &mutual(""));
    let port = tunnel.port();
    let none = dir.ask(port, "");
    assert_eq!(none.text(), "", "{none:?}");
    let failed = tunnel.wait_message("handshake failed");
    assert_eq!(failed["code"], "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");
    // A server's certificate of the same CA is not a client's.
    let wrong = dir.ask(port, "-cert server.pem -key server.key");
    assert_eq!(wrong.text(), "", "{wrong:?}");
    assert_eq!(tunnel.wait_message("handshake failed")["code"], "INVALID_PURPOSE");
    assert_eq!(dir.ask(port, ALICE).ok().text(), "welcome");
}

#[test]
fn a_certificate_that_is_only_requested_counts_when_it_is_good() {
    let dir = files();
    let mut open = Tunnel::start(&dir, &mutual("--client-auth request"));
    let port = open.port();
    assert_eq!(dir.ask(port, "").ok().text(), "welcome");
    assert_eq!(dir.ask(port, BOB).ok().text(), "welcome");
    // A deny rule asks for names as well: who shows none, or vouches for itself, is nobody.
    dir.openssl(
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=stranger -keyout own.key -out own.pem",
    );
    let mut denied = Tunnel::start(&dir, &mutual("--client-auth request --deny cn=bob"));
    let port = denied.port();
    for (who, enters) in
        [("", ""), ("-cert own.pem -key own.key", ""), (BOB, ""), (ALICE, "welcome")]
    {
        assert_eq!(dir.ask(port, who).text(), enters, "{who}");
    }
    let mut ruled = Tunnel::start(&dir, &mutual("--client-auth request --allow cn=alice"));
    let port = ruled.port();
    assert_eq!(dir.ask(port, "").text(), "");
    assert_eq!(dir.ask(port, ALICE).ok().text(), "welcome");
}

#[test]
fn a_revoked_client_is_out_as_soon_as_the_list_says_so() {
    let dir = files();
    let mut tunnel = Tunnel::start(&dir, &mutual("--crl crl.pem"));
    let port = tunnel.port();
    assert_eq!(dir.ask(port, &format!("{ALICE} -sess_out session.pem")).ok().text(), "welcome");
    dir.revoke(&["alice"]);
    tunnel.wait_message("reloaded");
    assert_eq!(dir.ask(port, ALICE).text(), "");
    assert_eq!(tunnel.wait_message("handshake failed")["code"], "CERT_REVOKED");
    // And with the session of before.
    assert_eq!(dir.ask(port, &format!("{ALICE} -sess_in session.pem")).text(), "");
    assert_eq!(tunnel.wait_message("handshake failed")["code"], "CERT_REVOKED");
    assert_eq!(dir.ask(port, BOB).ok().text(), "welcome");
}
