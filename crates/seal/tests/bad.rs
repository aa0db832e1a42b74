//! Servers that are bad on purpose, each judged by a client that others wrote.

mod peers;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use peers::served::Served;
use peers::{Folder, installed};

/// What `openssl s_client` says of this kind, asked with these options.
fn openssl(kind: &str, options: &str) -> String {
    let dir = Folder::new();
    let served = Served::start(&dir, &format!("--bad {kind} --bad-dir bad"));
    let target = format!("localhost:{}", served.port);
    let mut line =
        format!("s_client -connect {target} -CAfile bad/root.pem -verify_hostname localhost");
    line += " -verify_return_error ";
    line += &options.replace("{target}", &target);
    let ran = dir.try_openssl(&line);
    format!("{}{}", String::from_utf8_lossy(&ran.stdout), ran.stderr)
}

#[test]
fn certificates_are_refused_for_what_is_wrong_with_them() {
    if !installed(&["openssl"]) {
        return;
    }
    for (kind, options, reason) in [
        ("expired", "", "certificate has expired"),
        ("not-yet-valid", "", "certificate is not yet valid"),
        ("wrong-name", "", "hostname mismatch"),
        ("no-names", "-verify_ip 127.0.0.1", "IP address mismatch"),
        ("self-signed", "", "self-signed certificate"),
        ("unknown-ca", "", "unable to get local issuer certificate"),
        ("root-in-chain", "", "self-signed certificate in certificate chain"),
        ("missing-intermediate", "", "unable to get local issuer certificate"),
        (
            "expired-intermediate",
            "",
            "depth=1 CN = Bad Server Intermediate\nverify error:num=10:certificate has expired",
        ),
        ("not-a-ca", "", "invalid CA certificate"),
        ("path-length", "", "path length constraint exceeded"),
        ("name-constraints", "", "permitted subtree violation"),
        ("wrong-usage", "", "unsuitable certificate purpose"),
        ("unknown-critical", "", "unhandled critical extension"),
        ("bad-signature", "", "certificate signature failure"),
        ("weak-key", "", "CA certificate key too weak"),
        ("sha1", "", "CA signature digest algorithm too weak"),
        ("revoked", "-crl_check -CRL bad/crl.pem", "certificate revoked"),
        ("huge-certificate", "", "excessive message size"),
    ] {
        let said = openssl(kind, options);
        assert!(said.contains(reason), "{kind}: {said}");
    }
    // Without a list nobody knows, and a staple that is not there does not trouble OpenSSL.
    for kind in ["revoked", "no-staple"] {
        assert!(openssl(kind, "-status").contains("Verify return code: 0 (ok)"), "{kind}");
    }
    assert!(openssl("no-staple", "-status").contains("OCSP response: no response sent"));
}

#[test]
fn handshakes_fail_as_they_are_told_to() {
    if !installed(&["openssl"]) {
        return;
    }
    for (kind, options, reason) in [
        ("no-sni", "-noservername", "unrecognized name"),
        ("no-alpn", "-alpn h2", "no application protocol"),
        ("client-certificate", "-tls1_2", "handshake failure"),
        ("alert:40", "", "handshake failure"),
        ("alert:70", "", "protocol version"),
        ("tls-1.0", "-tls1_2", "unsupported protocol"),
        ("closes", "", "unexpected eof while reading"),
        ("closes-after-hello", "", "unexpected eof while reading"),
        ("resets", "", "errno=104"),
        ("plain-http", "", "wrong version number"),
        ("long-record", "", "packet length too long"),
    ] {
        let said = openssl(kind, options);
        assert!(said.contains(reason), "{kind}: {said}");
    }
    // What they leave is a server as any other.
    for (kind, options, part) in [
        ("no-sni", "", "Verify return code: 0 (ok)"),
        ("no-alpn", "", "Verify return code: 0 (ok)"),
        ("tls-1.0", "-tls1 -cipher DEFAULT@SECLEVEL=0", "Protocol  : TLSv1\n"),
        ("rsa-key-exchange", "", "Cipher    : AES128-GCM-SHA256"),
        ("drops-big-hellos", "", "Verify return code: 0 (ok)"),
    ] {
        let said = openssl(kind, options);
        assert!(said.contains(part), "{kind}: {said}");
    }
}

/// A client that waits is let go by its own patience only.
#[test]
fn silent_servers_keep_their_clients_waiting() {
    if !installed(&["curl", "openssl"]) {
        return;
    }
    let waits = |kind: &str, curl: &[&str]| {
        let dir = Folder::new();
        let served = Served::start(&dir, &format!("--bad {kind} --bad-dir bad"));
        let url = format!("https://localhost:{}/", served.port);
        let base = ["-sS", "--noproxy", "*", "--cacert", "bad/root.pem", "-m", "2", &url];
        dir.run(Command::new("curl"), &[&base, curl].concat(), b"")
    };
    for kind in ["silent", "stalls"] {
        let ran = waits(kind, &[]);
        assert_eq!(ran.code, 28, "{kind}: {ran:?}");
    }
    // A hello of more than a packet is lost; this one is made so by its protocols.
    let dir = Folder::new();
    let served = Served::start(&dir, "--bad drops-big-hellos --bad-dir bad");
    let names: Vec<String> = (0..120).map(|n| format!("protocol-{n:03}")).collect();
    let mut openssl = Command::new("timeout");
    openssl.args(["2", "openssl"]);
    let target = format!("localhost:{}", served.port);
    let ran = dir.run(openssl, &["s_client", "-connect", &target, "-alpn", &names.join(",")], b"");
    assert_eq!(ran.code, 124, "{ran:?}");
}

#[test]
fn an_answer_that_is_cut_short_is_noticed() {
    if !installed(&["openssl"]) {
        return;
    }
    let get = |kind: &str| {
        let dir = Folder::new();
        let served = Served::start(&dir, &format!("--bad {kind} --bad-dir bad"));
        let target = format!("localhost:{}", served.port);
        let line = ["s_client", "-quiet", "-CAfile", "bad/root.pem", "-connect", &target];
        let ran = dir.run(Command::new("openssl"), &line, b"GET / HTTP/1.1\r\n\r\n");
        assert!(ran.text().contains("a bad server, on purpose\n"), "{kind}: {ran:?}");
        ran.stderr.contains("unexpected eof")
    };
    assert!(get("truncates"));
    assert!(!get("no-staple"));
}

#[test]
fn what_there_is_can_be_listed_and_what_not_is_refused() {
    let dir = Folder::new();
    let list = dir.seal("serve --bad list").ok();
    assert!(list.text().lines().count() > 30, "{list:?}");
    let json: serde_json::Value =
        serde_json::from_str(dir.seal("serve --bad list --json").ok().text()).unwrap();
    let page = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/bad-servers.md"),
    );
    let page = page.expect("the page about them");
    for kind in json["kinds"].as_array().unwrap() {
        let name = kind["name"].as_str().unwrap();
        assert!(
            page.contains(&format!("| `{name}` | {} |", kind["about"].as_str().unwrap())),
            "{name}"
        );
    }
    dir.seal("serve --bad nothing").err_is("--bad list");
    dir.seal("serve --bad alert:256").err_is("from 0 to 255");
    dir.seal("serve . --bad expired").err_is("cannot be used with");
}

/// Every client is told of, and the server goes on.
#[test]
fn clients_are_told_of_one_by_one() {
    let dir = Folder::new();
    let mut served = Served::start(&dir, "--bad plain-http");
    assert_eq!(served.listening["kind"], "plain-http");
    for _ in 0..2 {
        let mut tcp = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
        tcp.write_all(b"\x16\x03\x01").unwrap();
        let mut said = String::new();
        tcp.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
        drop(tcp);
        assert_eq!(served.next_of("met")["outcome"], "was answered without TLS");
    }
}
