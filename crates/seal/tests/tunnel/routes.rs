//! Where a connection goes by its ClientHello.

use super::support::{Files, Origin, Tunnel, files, s_server};

/// A tunnel with two certificates and targets by name, one by protocol, and TLS passed through.
fn routed(dir: &Files, default: &str) -> (Tunnel, super::support::SServer) {
    let (a, b, h2) = (Origin::named("to a"), Origin::named("to b"), Origin::named("to h2"));
    let through = s_server(dir, "-cert other.pem -key other.key -alpn behind");
    let text = format!(
        r#"
        log = "debug"
        log-format = "json"
        [[service]]
        name = "server"
        listen = "127.0.0.1:0"
        cert = "server.pem"
        key = "server.key"
        alpn = ["http/1.1"]
        {default}
        [[service.route]]
        sni = "*.through.test"
        passthrough = true
        target = "127.0.0.1:{}"
        [[service.route]]
        alpn = "h2"
        target = "{}"
        [[service.route]]
        sni = ["B.test", "also.b.test"]
        cert = "other.pem"
        key = "other.key"
        target = "{}"
        [[service.route]]
        sni = "a.test"
        target = "{}"
        "#,
        through.port,
        h2.at(),
        b.at(),
        a.at()
    );
    dir.write("tunnel.toml", text);
    (Tunnel::start(dir, "run tunnel.toml"), through)
}

#[test]
fn names_and_protocols_choose_certificate_and_target() {
    let dir = files();
    let fallback = Origin::named("to default");
    let (mut tunnel, _through) = routed(&dir, &format!("target = \"{}\"", fallback.at()));
    let port = tunnel.port();
    for (options, answer) in [
        ("-servername a.test -verify_hostname a.test", "to a"),
        ("-servername b.test -verify_hostname b.test", "to b"),
        ("-servername B.TEST -verify_hostname b.test", "to b"),
        ("-servername a.test -alpn http/1.1", "to a"),
        ("-servername a.test -alpn h2", "to h2"),
        ("-noservername", "to default"),
        ("-servername nobody.test", "to default"),
        // One label, not two: not passed through.
        ("-servername a.b.through.test", "to default"),
    ] {
        let ran = dir.ask(port, options);
        assert_eq!(ran.text(), answer, "{options}: {}", ran.stderr);
    }
}

#[test]
fn who_has_no_route_is_told_so() {
    let dir = files();
    let (mut tunnel, _through) = routed(&dir, "");
    let port = tunnel.port();
    let ran = dir.ask(port, "-servername nobody.test");
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("unrecognized name"), "{}", ran.stderr);
    let refused = tunnel.wait_message("client refused");
    assert_eq!(refused["why"], "no-route");
    assert!(refused["reason"].as_str().unwrap().contains("nobody.test"), "{refused}");
}

#[test]
fn tls_is_passed_through_untouched() {
    let dir = files();
    let (mut tunnel, through) = routed(&dir, "");
    let port = tunnel.port();
    let line = format!(
        "s_client -connect 127.0.0.1:{port} -CAfile ca.pem -servername x.through.test \
         -verify_hostname b.test -verify_return_error -alpn behind -brief"
    );
    let words: Vec<_> = line.split_whitespace().collect();
    let ran = dir.openssl_with(&words, b"");
    assert!(ran.stderr.contains("Verification: OK"), "{}", ran.stderr);
    assert!(ran.stderr.contains("b.test"), "the certificate behind: {}", ran.stderr);
    let ended = tunnel.wait_message("connection ended");
    assert_eq!(
        (&ended["tls"], &ended["server_name"]),
        (&"passed through".into(), &"x.through.test".into())
    );
    drop(through);
}
