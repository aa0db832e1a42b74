//! What the status page and the metrics tell.

use super::support::{Origin, Tunnel, files, get};

#[test]
fn everything_is_counted() {
    let dir = files();
    let origin = Origin::named("welcome");
    let line = format!(
        "server --listen 127.0.0.1:0 --target {} --cert server.pem --key server.key --ca ca.pem \
         --allow cn=alice --status 127.0.0.1:0",
        origin.at()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let (port, status) = (tunnel.port(), tunnel.status_port());
    dir.ask(port, "-cert alice.pem -key alice.key").ok();
    dir.ask(port, "-cert bob.pem -key bob.key");
    dir.ask(port, "");
    tunnel.wait_message("connection ended");
    tunnel.wait_message("client refused");
    tunnel.wait_message("handshake failed");
    let (line, metrics) = get(status, "/metrics");
    assert_eq!(line, "HTTP/1.1 200 OK");
    let target = format!("service=\"server\",target=\"{}\"", origin.at());
    for line in [
        "seal_tunnel_connections_total{service=\"server\"} 3".to_owned(),
        "seal_tunnel_handshakes_total{service=\"server\",kind=\"full\"} 1".to_owned(),
        "seal_tunnel_handshake_failures_total{service=\"server\",kind=\"ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE\"} 1".to_owned(),
        "seal_tunnel_refused_total{service=\"server\",kind=\"rules\"} 1".to_owned(),
        "seal_tunnel_bytes_total{service=\"server\",kind=\"down\"} 7".to_owned(),
        format!("seal_tunnel_target_connections_total{{{target}}} 1"),
        format!("seal_tunnel_target_up{{{target}}} 1"),
    ] {
        assert!(metrics.lines().any(|said| said == line), "{line} in {metrics}");
    }
    let (line, page) = get(status, "/status");
    assert_eq!(line, "HTTP/1.1 200 OK");
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["ready"], true);
    assert_eq!(page["services"][0]["name"], "server");
    assert!(page["services"][0]["certificate_not_after"].as_i64().unwrap() > 1_700_000_000);
    assert_eq!(get(status, "/live").0, "HTTP/1.1 200 OK");
    assert_eq!(get(status, "/nothing").0, "HTTP/1.1 404 Not Found");
}

/// What was agreed on is counted by version, group and the kind of the server's key, and nothing else has a line.
#[test]
fn agreements_are_counted_by_version_group_and_signature() {
    let dir = files();
    let origin = Origin::named("welcome");
    let line = format!(
        "server --listen 127.0.0.1:0 --target {} --cert server.pem --key server.key --status 127.0.0.1:0",
        origin.at()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let (port, status) = (tunnel.port(), tunnel.status_port());
    assert!(!get(status, "/metrics").1.contains("handshakes_agreed_total{"));
    for options in ["-groups X25519", "-groups X25519", "-groups P-256 -tls1_2"] {
        dir.ask(port, options).ok();
        tunnel.wait_message("connection ended");
    }
    let (_, metrics) = get(status, "/metrics");
    let mut told: Vec<_> =
        metrics.lines().filter(|line| line.contains("handshakes_agreed_total{")).collect();
    told.sort_unstable();
    let of = |version, group, count| {
        format!(
            "seal_tunnel_handshakes_agreed_total{{service=\"server\",version=\"{version}\",\
             group=\"{group}\",signature=\"ECDSA\"}} {count}"
        )
    };
    assert_eq!(told, [of("TLSv1.2", "prime256v1", 1), of("TLSv1.3", "X25519", 2)], "{metrics}");
}

#[test]
fn nothing_secret_is_ever_said() {
    let dir = files();
    let origin = Origin::named("the plaintext");
    let key = String::from_utf8(dir.read("server.key")).unwrap();
    dir.write("pass", "open sesame");
    dir.openssl("pkey -in server.key -aes256 -passout file:pass -out locked.key");
    let line = format!(
        "server --listen 127.0.0.1:0 --target {} --cert server.pem --key locked.key --passphrase-file pass",
        origin.at()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    dir.ask(port, "").ok();
    dir.replace("pass", b"wrong words");
    tunnel.wait(|e| e["message"].as_str().is_some_and(|m| m.starts_with("reload failed")));
    tunnel.signal("-TERM");
    let said = tunnel.everything();
    let secret = key.lines().nth(1).unwrap();
    for word in [secret, "open sesame", "wrong words", "the plaintext"] {
        assert!(!said.contains(word), "{word:?} in {said}");
    }
    assert!(said.contains("connection ended"), "{said}");
}
