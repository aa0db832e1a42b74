//! Several targets: who gets a connection, and what becomes of those that are down.

use super::support::{Origin, Tunnel, dead_port, files, get};

const SERVER: &str = "server --listen 127.0.0.1:0 --cert server.pem --key server.key";

#[test]
fn the_next_target_takes_over() {
    let dir = files();
    let (dead, spare) = (dead_port(), Origin::named("spare"));
    let line = format!(
        "{SERVER} --target 127.0.0.1:{dead} --target {} --health-interval 50ms",
        spare.at()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    // At once, before any check has said so.
    assert_eq!(dir.ask(port, "").ok().text(), "spare");
    let down = tunnel.wait_message("target is down");
    assert_eq!(down["target"], format!("127.0.0.1:{dead}"));
    assert_eq!(dir.ask(port, "").ok().text(), "spare");
}

#[test]
fn a_target_that_is_back_is_used_again() {
    let dir = files();
    let listener = std::os::unix::net::UnixListener::bind(dir.path("first.sock")).unwrap();
    drop(listener);
    let spare = Origin::named("spare");
    let line = format!(
        "{SERVER} --target unix:first.sock --target {} --health-interval 50ms --status 127.0.0.1:0",
        spare.at()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let (port, status) = (tunnel.port(), tunnel.status_port());
    tunnel.wait_message("target is down");
    let (_, page) = get(status, "/status");
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    let first = &page["services"][0]["targets"][0];
    assert_eq!((&first["target"], &first["up"]), (&"unix:first.sock".into(), &false.into()));
    assert!(first["last_error"].as_str().unwrap().contains("refused"), "{first}");
    assert_eq!(page["ready"], true, "one is enough");
    std::fs::remove_file(dir.path("first.sock")).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(dir.path("first.sock")).unwrap();
    std::thread::spawn(move || {
        for unix in listener.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut { unix }, b"first");
        }
    });
    tunnel.wait_message("target is up");
    assert_eq!(dir.ask(port, "").ok().text(), "first");
}

#[test]
fn targets_take_turns() {
    let dir = files();
    let (a, b) = (Origin::named("a"), Origin::named("b"));
    let line = format!("{SERVER} -t {} -t {} --balance round-robin", a.at(), b.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    let answers: String = (0..4).map(|_| dir.ask(port, "").ok().text().to_owned()).collect();
    assert!(answers == "abab" || answers == "baba", "{answers}");
}

#[test]
fn nobody_to_go_to_is_said() {
    let dir = files();
    let dead = dead_port();
    let mut tunnel = Tunnel::start(&dir, &format!("{SERVER} --target 127.0.0.1:{dead}"));
    let port = tunnel.port();
    // An end without a word would look like an answer that is empty.
    for version in ["-tls1_2", "-tls1_3"] {
        let told = dir.ask_told(port, version);
        assert!(told.stderr.contains("alert internal error"), "{version}: {told:?}");
    }
    let said = tunnel.wait_message("no target can be reached");
    assert!(said["reason"].as_str().unwrap().starts_with(&format!("127.0.0.1:{dead}: ")), "{said}");
}
