//! Why a handshake dies on the way: middleboxes that each let some hello not pass, and the smallest
//! change that is found to help.

use sealwire_testing::PostgreSql;
use serde_json::{Value, json};

use super::middlebox::{Fate, Seen, before, proxy_to};
use super::peers::s_server::Openssl;
use super::peers::served::Served;
use super::peers::{Folder, installed};
use super::{inspect, json};

/// The length that fits one packet, near enough.
const PACKET: usize = 1400;
const ML_KEM: u16 = 0x11ec;
const ML_DSA: u16 = 0x0905;
const TLS13: u16 = 0x0304;

/// Whatever a box does but let it pass.
fn unless(passes: bool, otherwise: Fate) -> Fate {
    if passes { Fate::Pass } else { otherwise }
}

fn speaks_tls13(seen: &Seen) -> bool {
    seen.hello.supported_versions().contains(&TLS13)
}

fn has(numbers: &[u16], number: u16) -> bool {
    numbers.contains(&number)
}

/// What is found in front of an OpenSSL that itself takes every hello; what is printed contradicts it
/// nowhere.
#[track_caller]
fn found(
    dir: &Folder,
    judge: impl Fn(&Seen) -> Fate + Send + Sync + 'static,
    host: &str,
    options: &str,
    changes: &Value,
    says: &str,
) {
    let server = Openssl::start(dir, "-cert ec.pem -key ec.key -alpn h2,http/1.1");
    let port = before(server.port, judge);
    let line = format!("inspect {host}:{port} --ca ca/ca.pem --timeout 30s {options}");
    let ran = dir.seal(&format!("{line} --json"));
    assert_eq!(ran.code, 1, "{ran:?}");
    let obstacle = &json(&ran)["failure"]["obstacle"];
    assert_eq!(&obstacle["smallest_change"], changes, "{obstacle:#}");
    assert!(obstacle["points_to"].as_str().unwrap().contains(says), "{obstacle:#}");
    let tried = obstacle["tried"].as_array().unwrap();
    let changed = tried.iter().filter(|one| one["changes"] != json!([])).count();
    assert!((1..=8).contains(&changed), "{obstacle:#}");
    if changes.is_array() {
        let ours = tried.iter().find(|one| one["changes"] == json!([])).expect("said once more");
        assert_ne!(ours["outcome"], "through", "{obstacle:#}");
    }
}

/// A certificate for localhost by a CA.
fn server_of_localhost() -> Folder {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    dir.seal("ca issue --ca-dir ca localhost --cert-file ec.pem --key-file ec.key").ok();
    dir
}

const LOCAL: &str = "localhost";

#[test]
fn what_does_not_fit_one_packet_is_dropped() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    found(
        &dir,
        |seen| unless(seen.bytes.len() <= PACKET, Fate::Reset),
        LOCAL,
        "",
        &json!(["no-ml-kem"]),
        "drops a hello that does not fit one packet",
    );
}

#[test]
fn it_is_shown_to_people_without_a_contradiction() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    let port = before(server.port, |seen| unless(seen.bytes.len() <= PACKET, Fate::Reset));
    let ran = inspect(&dir, port, "--ca ca/ca.pem --scan");
    assert_eq!(ran.code, 1, "{ran:?}");
    for part in [
        "failed     the server broke the connection off in the middle of the handshake [ECONNRESET]\n",
        "because    a middlebox drops a hello that does not fit one packet: one of ",
        "(have the middlebox fixed",
        "helps      a hello without ML-KEM\n",
        "tried      in two TCP segments: reset\n",
        "           as it was, once more: reset\n",
        "what it accepts, probed with short hellos (the full one did not get through)\n  TLSv1.3  yes",
    ] {
        assert!(ran.text().contains(part), "{part:?} in {}", ran.text());
    }
    // What connects does not look around unasked.
    let ran = dir.seal(&format!("connect localhost:{port} --ca ca/ca.pem"));
    assert!(ran.code == 2 && !ran.stderr.contains("ML-KEM"), "{ran:?}");
}

#[test]
fn silence_is_told_in_bounded_time() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    let port =
        before(server.port, |seen| unless(!has(seen.hello.named_groups(), ML_KEM), Fate::Silence));
    let ran = inspect(&dir, port, "--ca ca/ca.pem --timeout 3s --json");
    let facts = json(&ran);
    assert_eq!(facts["failure"]["code"], "ERR_TLS_HANDSHAKE_TIMEOUT", "{facts:#}");
    let obstacle = &facts["failure"]["obstacle"];
    assert_eq!(obstacle["smallest_change"], json!(["no-ml-kem"]), "{obstacle:#}");
    assert_eq!(obstacle["tried"][0]["outcome"], "timed out", "{obstacle:#}");
    let says = "the length of the hello is not the cause";
    assert!(obstacle["points_to"].as_str().unwrap().contains(says), "{obstacle:#}");
}

#[test]
fn what_is_not_known_is_not_borne() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    found(
        &dir,
        |seen| unless(!has(seen.hello.named_groups(), ML_KEM), Fate::Reset),
        LOCAL,
        "",
        &json!(["no-ml-kem"]),
        "is intolerant of the group X25519MLKEM768",
    );
    found(
        &dir,
        |seen| unless(!has(seen.hello.signature_schemes(), ML_DSA), Fate::Close),
        LOCAL,
        "",
        &json!(["no-ml-dsa"]),
        "is intolerant of unknown signature schemes",
    );
    found(
        &dir,
        |seen| unless(!speaks_tls13(seen), Fate::Close),
        LOCAL,
        "",
        &json!(["tls-1.2-only"]),
        "is intolerant of TLS 1.3",
    );
    found(
        &dir,
        |seen| unless(seen.hello.alpn().is_empty(), Fate::Close),
        LOCAL,
        "--alpn h2,http/1.1",
        &json!(["no-alpn"]),
        "is intolerant of the protocols offered",
    );
}

/// An alert that may mean everything is no reason; one that says what it is about is.
#[test]
fn an_alert_that_names_no_reason_is_looked_into() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    for alert in [10, 40, 47, 50, 80] {
        found(
            &dir,
            move |seen| unless(seen.bytes.len() <= PACKET, Fate::Alert(alert)),
            LOCAL,
            "",
            &json!(["no-ml-kem"]),
            "drops a hello that does not fit one packet",
        );
    }
    found(
        &dir,
        |seen| unless(seen.hello.server_name().is_some(), Fate::Alert(40)),
        "127.0.0.1",
        "",
        &json!(["any-name"]),
        "the server requires a server name (SNI)",
    );
    found(
        &dir,
        |_| Fate::Alert(80),
        LOCAL,
        "",
        &Value::Null,
        "answers internal_error to all of them",
    );
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    let port = before(server.port, |_| Fate::Alert(112));
    let facts = json(&inspect(&dir, port, "--ca ca/ca.pem --json"));
    assert_eq!(facts["failure"]["obstacle"], Value::Null, "{facts:#}");
}

#[test]
fn names_decide() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    found(
        &dir,
        |seen| unless(seen.hello.server_name().is_some(), Fate::Reset),
        "127.0.0.1",
        "",
        &json!(["any-name"]),
        "the server requires a server name (SNI)",
    );
    found(
        &dir,
        |seen| unless(seen.hello.server_name().is_none(), Fate::Reset),
        LOCAL,
        "",
        &json!(["no-sni"]),
        "because of the name localhost",
    );
    // Who looks into the first record only is passed by two.
    found(
        &dir,
        |seen| unless(seen.records > 1, Fate::Reset),
        LOCAL,
        "",
        &json!(["two-records"]),
        "takes the first record for the whole hello",
    );
}

/// Two segments may be read as one by a machine that is slow; then two records pass, too.
#[test]
fn who_looks_at_the_first_packet_only_is_passed_by_two() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    let port = before(server.port, |seen| {
        let whole = seen.first_read == seen.bytes.len() && seen.records == 1;
        unless(!whole, Fate::Reset)
    });
    let facts = json(&inspect(&dir, port, "--ca ca/ca.pem --json"));
    let obstacle = &facts["failure"]["obstacle"];
    let change = &obstacle["smallest_change"];
    assert!(
        *change == json!(["two-segments"]) || *change == json!(["two-records"]),
        "{obstacle:#}"
    );
}

#[test]
fn two_obstacles_are_passed_together() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    found(
        &dir,
        |seen| {
            let short = seen.bytes.len() <= PACKET;
            unless(short && !has(seen.hello.signature_schemes(), ML_DSA), Fate::Reset)
        },
        LOCAL,
        "",
        &json!(["no-ml-dsa", "no-ml-kem"]),
        "no single change helps, these together do: without the schemes of ML-DSA, without ML-KEM",
    );
    // What is not needed is left out again.
    found(
        &dir,
        |seen| unless(seen.bytes.len() <= PACKET && seen.hello.alpn().is_empty(), Fate::Reset),
        LOCAL,
        "--alpn h2",
        &json!(["no-alpn", "no-ml-kem"]),
        "no single change helps",
    );
}

/// The hello arrives, and the answer does not: with ML-KEM it is longer by 1088 bytes.
#[test]
fn an_answer_that_is_too_long_is_not_blamed_on_the_hello() {
    let dir = server_of_localhost();
    let server = Served::start(&dir, "--cert ec.pem --key ec.key");
    let port = before(server.port, |_| Fate::PassUpTo(1700));
    let facts = json(&inspect(&dir, port, "--ca ca/ca.pem --json"));
    let obstacle = &facts["failure"]["obstacle"];
    assert_eq!(obstacle["smallest_change"], json!(["no-ml-kem"]), "{facts:#}");
    let says = "the connection is closed at the server's answer";
    assert!(obstacle["points_to"].as_str().unwrap().contains(says), "{obstacle:#}");
}

#[test]
fn what_nothing_helps_against_is_not_explained_away() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    found(&dir, |_| Fate::Close, LOCAL, "", &Value::Null, "nothing in the hello is the cause");
    found(&dir, |_| Fate::Reset, "127.0.0.1", "", &Value::Null, "nor is the missing name (SNI)");
}

/// What comes and goes is not blamed on the hello that had luck.
#[test]
fn a_server_that_fails_now_and_then_is_told_from_one_that_minds() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    let count = std::sync::atomic::AtomicUsize::new(0);
    let port = before(server.port, move |_| {
        unless(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0, Fate::Reset)
    });
    let ran = inspect(&dir, port, "--ca ca/ca.pem --json");
    let obstacle = &json(&ran)["failure"]["obstacle"];
    assert_eq!(obstacle["smallest_change"], json!([]), "{obstacle:#}");
    assert!(obstacle["points_to"].as_str().unwrap().contains("intermittent"), "{obstacle:#}");
}

/// What is found out about the server at `port`, reached as if it were on PostgreSQL's.
fn on_postgres_port(dir: &Folder, port: u16, options: &str) -> Value {
    let proxy = proxy_to(port);
    json(&dir.seal(&format!(
        "inspect localhost:5432 --proxy http://127.0.0.1:{proxy} --ca ca/ca.pem --json {options}"
    )))
}

/// PostgreSQL 15, which closes a connection that begins with TLS.
#[test]
fn postgresql_is_asked_first() {
    let dir = server_of_localhost();
    let pem = |name: &str| String::from_utf8(dir.read(name)).unwrap();
    let home = Folder::new();
    let started = PostgreSql::with_tls(home.root(), &pem("ec.pem"), &pem("ec.key"));
    let Some(server) = started else { return };
    let facts = on_postgres_port(&dir, server.port, "");
    let obstacle = &facts["failure"]["obstacle"];
    if obstacle.is_null() {
        // From 17 on TLS may begin at once.
        assert_eq!(facts["failure"], Value::Null, "{facts:#}");
        return;
    }
    assert_eq!(obstacle["smallest_change"], json!(["ask-first"]), "{facts:#}");
    assert!(obstacle["advice"].as_str().unwrap().contains("--starttls postgres"), "{facts:#}");
    let asked = on_postgres_port(&dir, server.port, "--starttls postgres");
    assert_eq!(asked["failure"], Value::Null, "{asked:#}");
}

#[test]
fn postgresql_without_tls_is_told_from_an_obstacle() {
    let (dir, home) = (server_of_localhost(), Folder::new());
    let Some(server) = PostgreSql::start(home.root(), "ssl = off") else { return };
    let facts = on_postgres_port(&dir, server.port, "");
    let obstacle = &facts["failure"]["obstacle"];
    assert_eq!(obstacle["smallest_change"], Value::Null, "{facts:#}");
    let says = "after a request for TLS (PostgreSQL) is answered, though not agreed to";
    assert!(obstacle["points_to"].as_str().unwrap().contains(says), "{facts:#}");
}

/// A server that takes TLS at once, as PostgreSQL 17 does, behind a box that minds long hellos.
#[test]
fn postgresqls_port_is_a_port_like_others() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = server_of_localhost();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key -alpn postgresql");
    let long = before(server.port, |seen| unless(seen.bytes.len() <= PACKET, Fate::Reset));
    let facts = on_postgres_port(&dir, long, "");
    let obstacle = &facts["failure"]["obstacle"];
    assert_eq!(obstacle["smallest_change"], json!(["no-ml-kem"]), "{facts:#}");
    let tried = obstacle["tried"].as_array().unwrap();
    assert_eq!(tried[0]["changes"], json!(["ask-first"]), "{facts:#}");
    let changed = tried.iter().filter(|one| one["changes"] != json!([])).count();
    assert!((1..=8).contains(&changed), "{facts:#}");
    let nothing = before(server.port, |_| Fate::Close);
    let facts = on_postgres_port(&dir, nothing, "");
    let tried = facts["failure"]["obstacle"]["tried"].as_array().expect("an obstacle").len();
    assert_eq!(tried, 8, "{facts:#}");
}
