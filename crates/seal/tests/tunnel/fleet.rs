//! Machines that resume each other's sessions: by a shared secret, and by a shared store.

use super::redis::Redis;
use super::support::{Files, Origin, Tunnel, files, get};

/// A server of a fleet, each call another machine.
fn machine(dir: &Files, secret: &str, more: &str) -> Tunnel {
    let origin = Origin::named("welcome");
    let line = format!(
        "server --listen 127.0.0.1:0 --cert server.pem --key server.key --target {} \
         --ticket-secret-file {secret} --status 127.0.0.1:0 {more}",
        origin.at()
    );
    Tunnel::start(dir, &line)
}

/// Whether OpenSSL resumes at `to` the session that `from` gave it.
fn resumes(dir: &Files, from: u16, to: u16, options: &str) -> bool {
    let _ = std::fs::remove_file(dir.path("session.pem"));
    let first = dir.ask_told(from, &format!("{options} -sess_out session.pem"));
    assert!(first.text().contains("welcome") && first.text().contains("New, TLS"), "{first:?}");
    let second = dir.ask_told(to, &format!("{options} -sess_in session.pem"));
    second.text().contains("welcome") && second.text().contains("Reused, TLS")
}

const MUTUAL: &str = "--ca ca.pem --crl crl.pem --allow ou=ops";
const ALICE: &str = "-cert alice.pem -key alice.key";

#[test]
fn machines_with_one_secret_resume_each_others_sessions() {
    let dir = files();
    dir.write("secret", "s".repeat(32));
    dir.write("other", "t".repeat(32));
    let mut fleet = [machine(&dir, "secret", ""), machine(&dir, "secret", "")];
    let [a, b] = fleet.each_mut().map(Tunnel::port);
    let mut stranger = machine(&dir, "other", "");
    let c = stranger.port();
    for version in ["-tls1_2", "-tls1_3"] {
        assert!(resumes(&dir, a, b, version), "{version}");
        assert!(resumes(&dir, b, a, version), "{version}");
        assert!(!resumes(&dir, a, c, version), "{version}");
    }
    let (_, metrics) = get(fleet[1].status_port(), "/metrics");
    let line = "seal_tunnel_handshakes_total{service=\"server\",kind=\"resumed\"} 2";
    assert!(metrics.contains(line), "{metrics}");
}

#[test]
fn a_resumed_client_is_judged_by_today() {
    let dir = files();
    dir.write("secret", "s".repeat(32));
    let mut fleet = [machine(&dir, "secret", MUTUAL), machine(&dir, "secret", MUTUAL)];
    let [a, b] = fleet.each_mut().map(Tunnel::port);
    for version in ["-tls1_2", "-tls1_3"] {
        assert!(resumes(&dir, a, b, &format!("{ALICE} {version}")), "{version}");
    }
    // Another machine, with rules that do not let her in.
    let mut strict = machine(&dir, "secret", "--ca ca.pem --crl crl.pem --allow ou=sales");
    let c = strict.port();
    for version in ["-tls1_2", "-tls1_3"] {
        dir.ask_told(a, &format!("{ALICE} {version} -sess_out session.pem"));
        let refused = dir.ask_told(c, &format!("{ALICE} {version} -sess_in session.pem"));
        assert!(!refused.text().contains("welcome"), "{version}: {refused:?}");
        assert_eq!(strict.wait_message("client refused")["why"], "rules");
    }
    // Revoked after the session was made.
    for version in ["-tls1_2", "-tls1_3"] {
        dir.ask_told(a, &format!("{ALICE} {version} -sess_out {version}.pem"));
    }
    dir.revoke(&["alice"]);
    fleet[1].wait_message("reloaded");
    for version in ["-tls1_2", "-tls1_3"] {
        let refused = dir.ask_told(b, &format!("{ALICE} {version} -sess_in {version}.pem"));
        assert!(!refused.text().contains("welcome"), "{version}: {refused:?}");
        assert_eq!(fleet[1].wait_message("handshake failed")["code"], "CERT_REVOKED");
    }
}

#[test]
fn a_secret_that_is_too_short_is_none() {
    let dir = files();
    dir.write("secret", "short");
    let ran = dir.seal(
        "tunnel server -l 127.0.0.1:0 -t :1 --cert server.pem --key server.key --ticket-secret-file secret",
    );
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("secret: a fleet's secret has at least 32 bytes, this has 5"),
        "{ran:?}"
    );
    let rediss = "--session-store rediss://:word@127.0.0.1:1";
    dir.write("secret", "s".repeat(32));
    let ran = dir.seal(&format!(
        "tunnel server -l 127.0.0.1:0 -t :1 --cert server.pem --key server.key --ticket-secret-file secret {rediss}"
    ));
    assert!(ran.code == 2 && ran.stderr.contains("session-store: rediss://"), "{ran:?}");
    assert!(!ran.stderr.contains("word"), "{ran:?}");
}

/// A TLS 1.2 client that takes no ticket: it has only ids.
const BY_ID: &str = "-tls1_2 -no_ticket";

#[test]
fn sessions_by_id_are_shared_and_the_store_may_go_away() {
    let dir = files();
    dir.write("secret", "s".repeat(32));
    let Some(redis) = Redis::start(&dir) else { return };
    let more = format!("{MUTUAL} {}", redis.url());
    let mut fleet = [machine(&dir, "secret", &more), machine(&dir, "secret", &more)];
    let [a, b] = fleet.each_mut().map(Tunnel::port);
    assert!(resumes(&dir, a, b, &format!("{ALICE} {BY_ID}")));
    assert!(redis.keys().contains("seal:session:server:"), "{}", redis.keys());
    // The same rules for them.
    let mut strict =
        machine(&dir, "secret", &format!("--ca ca.pem --allow ou=sales {}", redis.url()));
    let c = strict.port();
    dir.ask_told(a, &format!("{ALICE} {BY_ID} -sess_out session.pem"));
    let refused = dir.ask_told(c, &format!("{ALICE} {BY_ID} -sess_in session.pem"));
    assert!(!refused.text().contains("welcome"), "{refused:?}");
    // Redis goes away: handshakes are full ones, and go on.
    let port = redis.port;
    dir.ask_told(a, &format!("{ALICE} {BY_ID} -sess_out session.pem"));
    drop(redis);
    let full = dir.ask_told(b, &format!("{ALICE} {BY_ID} -sess_in session.pem"));
    assert!(full.text().contains("welcome") && full.text().contains("New, TLS"), "{full:?}");
    fleet[1].wait_message("session store unreachable; continuing without it");
    let (_, metrics) = get(fleet[1].status_port(), "/metrics");
    assert!(
        metrics.contains("seal_tunnel_session_store_total{service=\"server\",kind=\"failed\"}"),
        "{metrics}"
    );
    // And comes back.
    let Some(_redis) = Redis::at(&dir, port) else {
        eprintln!("SKIPPED: another program took Redis' port, so its return was not tested");
        return;
    };
    let until = std::time::Instant::now() + super::support::PATIENCE;
    while !resumes(&dir, a, b, &format!("{ALICE} {BY_ID}")) {
        assert!(std::time::Instant::now() < until, "it is not used again");
    }
    fleet[1].wait_message("session store reachable again");
}

#[test]
fn tickets_are_not_stored() {
    let dir = files();
    dir.write("secret", "s".repeat(32));
    let Some(redis) = Redis::start(&dir) else { return };
    let mut tunnel = machine(&dir, "secret", &redis.url());
    let port = tunnel.port();
    for version in ["-tls1_2", "-tls1_3"] {
        assert!(resumes(&dir, port, port, version));
    }
    assert_eq!(redis.keys().trim(), "");
}

/// Who can write to the store cannot fill our memory from it.
#[test]
fn a_value_that_is_too_large_is_not_read() {
    let dir = files();
    dir.write("secret", "s".repeat(32));
    let Some(redis) = Redis::start(&dir) else { return };
    let mut tunnel = machine(&dir, "secret", &redis.url());
    let port = tunnel.port();
    dir.ask_told(port, &format!("{BY_ID} -sess_out session.pem"));
    let key = redis.keys().trim().to_owned();
    assert!(key.starts_with("seal:session:server:"), "{key}");
    const LARGE: u64 = 64 * 1024 * 1024;
    redis.said(&["SETRANGE", &key, &LARGE.to_string(), "x"]);
    assert!(redis.said(&["STRLEN", &key]).trim().parse::<u64>().unwrap() > LARGE);
    let before = redis.sent();
    let full = dir.ask_told(port, &format!("{BY_ID} -sess_in session.pem"));
    assert!(full.text().contains("welcome") && full.text().contains("New, TLS"), "{full:?}");
    let read = redis.sent() - before;
    assert!((60_000..200_000).contains(&read), "asked, and for a part only: {read} bytes");
    let (_, metrics) = get(tunnel.status_port(), "/metrics");
    let missed = "seal_tunnel_session_store_total{service=\"server\",kind=\"missed\"} 1";
    assert!(metrics.contains(missed), "{metrics}");
}
