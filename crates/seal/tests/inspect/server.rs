//! A server as its handshake shows it: the card, a stapled response, the page, message by message.

use std::io::{Read, Write};
use std::process::Command;

use super::peers::installed;
use super::peers::s_server::Openssl;
use super::scan::accepted;
use super::{inspect, json, material};

#[test]
fn a_server_is_shown_on_a_card_with_a_verdict() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key -alpn h2");
    let ran = inspect(&dir, server.port, "--ca ca/ca.pem --alpn h2").ok();
    for part in [
        "speaks     TLSv1.3, TLS_AES_",
        "ALPN       h2",
        "tickets    2, for 7200 s",
        ": trusted\n  CN=localhost",
        "names      DNS:localhost",
    ] {
        assert!(ran.text().contains(part), "{part:?} in {}", ran.text());
    }
    let ran = inspect(&dir, server.port, "--json");
    assert_eq!(ran.code, 1);
    let facts = json(&ran);
    assert_eq!(facts["trust"]["code"], "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    assert_eq!(facts["connection"]["protocol"], "TLSv1.3");
    assert!(facts["trust"]["errors"][0]["advice"].is_string(), "{facts}");
    let ran = inspect(&dir, server.port, "--ca ca/ca.pem --servername other.test --json");
    assert_eq!(json(&ran)["trust"]["code"], "ERR_TLS_CERT_ALTNAME_INVALID");
    // What is not reached, and what is no TLS.
    let ran = inspect(&dir, 1, "");
    assert!(ran.code == 2 && ran.stderr.contains("nothing listens there"), "{ran:?}");
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    let speaking = std::thread::spawn(move || {
        let (mut tcp, _) = plain.accept().unwrap();
        tcp.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
        let _ = tcp.read(&mut [0; 4096]);
    });
    let ran = inspect(&dir, port, "");
    speaking.join().unwrap();
    assert!(ran.code == 1 && ran.text().contains("it looks like SSH"), "{ran:?}");
}

#[test]
fn a_stapled_response_is_read_and_judged() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    dir.seal("ca issue --ca-dir ca localhost --cert-file other.pem --key-file other.key").ok();
    let openssl = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        dir.run(Command::new("openssl"), &words, b"").ok()
    };
    let serial = openssl("x509 -in ec.pem -noout -serial");
    let serial = serial.text().trim().trim_start_matches("serial=").to_owned();
    let answer = |file: &str, entry: &str, about: &str, signer: &str| {
        dir.write("index", format!("{entry}\t{serial}\tunknown\t/CN=localhost\n"));
        openssl(&format!("ocsp -issuer ca/ca.pem -cert {about} -reqout request -no_nonce"));
        openssl(&format!(
            "ocsp -index index -CA ca/ca.pem {signer} -ndays 7 -reqin request -respout {file}"
        ));
    };
    let by_ca = "-rsigner ca/ca.pem -rkey ca/ca-key.pem";
    let (good, revoked) = ("V\t450101000000Z\t", "R\t450101000000Z\t250601000000Z,superseded");
    answer("good", good, "ec.pem", by_ca);
    answer("revoked", revoked, "ec.pem", by_ca);
    answer("another", good, "rsa.pem", by_ca);
    answer("stranger", good, "ec.pem", "-rsigner other.pem -rkey other.key");
    dir.write("later", [0x30, 3, 0x0a, 1, 3]);
    for (file, code, status, says) in [
        ("good", 0, Some("good"), ", signed by the issuer\n"),
        ("revoked", 1, Some("revoked"), "REVOKED since 2025-06-01T00:00:00Z (superseded)"),
        ("another", 1, None, "; it is for another certificate\n"),
        ("stranger", 1, Some("good"), "; not verified: the signer's certificate is not for OCSP"),
        ("later", 1, None, "; the responder did not answer: tryLater\n"),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let options = format!("-cert ec.pem -key ec.key -status_file {file} {version}");
            let server = Openssl::start(&dir, &options);
            let ran = inspect(&dir, server.port, "--ca ca/ca.pem --explain --html page --force");
            assert_eq!(ran.code, code, "{file} {version}: {ran:?}");
            assert!(ran.text().contains(says), "{file} {version}: {}", ran.text());
            let page = String::from_utf8(dir.read("page")).unwrap();
            assert!(page.contains("an OCSP response, "), "{file} {version}");
            let facts = json(&inspect(&dir, server.port, "--ca ca/ca.pem --json"));
            assert_eq!(facts["connection"]["ocsp"]["status"].as_str(), status, "{facts}");
        }
    }
    // Without the issuer, nothing can be said of it.
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key -status_file good");
    let ran = inspect(&dir, server.port, "");
    assert!(ran.text().contains("the issuer's certificate is unknown"), "{ran:?}");
}

#[test]
fn a_handshake_is_told_message_by_message() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    for (options, expected) in [
        (
            "-cert ec.pem -key ec.key -tls1_3",
            &[
                "ClientHello",
                "ServerHello",
                "ChangeCipherSpec",
                "EncryptedExtensions",
                "Certificate",
                "CertificateVerify",
                "Finished",
                "ChangeCipherSpec",
                "Finished",
                "NewSessionTicket",
                "NewSessionTicket",
            ][..],
        ),
        (
            "-cert ec.pem -key ec.key -tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256 -groups P-384",
            &[
                "ClientHello",
                "HelloRetryRequest",
                "ChangeCipherSpec",
                "ChangeCipherSpec",
                "ClientHello",
                "ServerHello",
                "EncryptedExtensions",
                "Certificate",
                "CertificateVerify",
                "Finished",
                "Finished",
                "NewSessionTicket",
                "NewSessionTicket",
            ],
        ),
        (
            "-cert rsa.pem -key rsa.key -tls1_2",
            &[
                "ClientHello",
                "ServerHello",
                "Certificate",
                "ServerKeyExchange",
                "ServerHelloDone",
                "ClientKeyExchange",
                "ChangeCipherSpec",
                "Finished",
                "NewSessionTicket",
                "ChangeCipherSpec",
                "Finished",
            ],
        ),
        (
            "-cert ec.pem -key ec.key -tls1_3 -verify 1",
            &[
                "ClientHello",
                "ServerHello",
                "ChangeCipherSpec",
                "EncryptedExtensions",
                "CertificateRequest",
                "Certificate",
                "CertificateVerify",
                "Finished",
                "ChangeCipherSpec",
                "Certificate",
                "Finished",
                "NewSessionTicket",
                "NewSessionTicket",
            ],
        ),
    ] {
        let server = Openssl::start(&dir, options);
        let ran = inspect(&dir, server.port, "--ca ca/ca.pem --explain --json").ok();
        let facts = json(&ran);
        let told: Vec<&str> = facts["handshake"]["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["name"].as_str().unwrap())
            .filter(|name| *name != "Alert")
            .collect();
        assert_eq!(told, expected, "{options}");
    }
    // The same for eyes, and as a page.
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    let ran = inspect(&dir, server.port, "--ca ca/ca.pem --explain --html page.html").ok();
    assert!(ran.text().contains("<- {CertificateVerify}"), "{}", ran.text());
    assert!(ran.text().contains("proves that the server holds the certificate's key"));
    let page = String::from_utf8(dir.read("page.html")).unwrap();
    for part in ["<!doctype html>", "CertificateVerify", "0000  0f 00", "chose TLSv1.3"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    let again = inspect(&dir, server.port, "--ca ca/ca.pem --html page.html");
    assert!(again.code == 2 && again.stderr.contains("the file exists"), "{again:?}");
}

#[test]
fn a_failed_handshake_shows_how_far_it_came() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let server = Openssl::start(&dir, "-cert rsa.pem -key rsa.key -tls1_2 -Verify 1");
    let ran = inspect(&dir, server.port, "--ca ca/ca.pem --json");
    assert_eq!(ran.code, 1);
    let facts = json(&ran);
    assert_eq!(facts["trust"]["trusted"], true, "the certificate came before the refusal");
    let advice = facts["failure"]["advice"].as_str().unwrap();
    assert!(advice.contains("client certificate"), "{advice}");
    // A server that is too old for our engine is scanned all the same.
    let old = Openssl::start(&dir, "-cert rsa.pem -key rsa.key -tls1 -cipher ALL:@SECLEVEL=0");
    let facts = json(&inspect(&dir, old.port, "--scan --json"));
    assert_eq!(facts["failure"]["code"], "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    assert_eq!(accepted(&facts), [("TLSv1.0".to_owned(), 16)]);
}

/// A page is often all that somebody else gets to see of a server that is refused.
#[test]
fn a_page_of_a_handshake_has_the_verdict() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    for (options, verdict) in [
        ("--ca ca/ca.pem", ": trusted"),
        ("--ca rsa.pem", ": not trusted: UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        ("--ca ca/ca.pem --servername b.test", ": not trusted: ERR_TLS_CERT_ALTNAME_INVALID"),
    ] {
        inspect(&dir, server.port, &format!("--html page.html --force {options}"));
        let page = String::from_utf8(dir.read("page.html")).unwrap();
        assert!(page.contains(verdict), "{verdict} in {page}");
    }
}
