//! Programs as they are, which come through by their environment alone.

use crate::origin::origin;
use crate::peers::{Folder, installed};

#[test]
fn programs_come_through_by_their_environment() {
    if !installed(&["curl", "node", "python3", "git", "openssl"]) {
        return;
    }
    let dir = Folder::new();
    let origin = origin(&dir);
    let url = &origin.url;
    let fetch = format!("fetch('{url}/fetch').then((r) => r.text()).then(console.log)");
    let https = format!("require('https').get('{url}/https', (r) => r.pipe(process.stdout))");
    let urllib = format!("import urllib.request as u; print(u.urlopen('{url}/urllib').read())");
    let curl = format!("{url}/curl");
    let git = format!("{url}/git");
    for (command, path) in [
        (&["curl", "-sS", &curl][..], "/curl"),
        (&["node", "-e", &fetch], "/fetch"),
        (&["node", "-e", &https], "/https"),
        (&["python3", "-c", &urllib], "/urllib"),
        (&["git", "ls-remote", &git], "/git/info/refs"),
    ] {
        let arguments = [&["proxy", "run", "--ca", "cert.pem", "--"][..], command].concat();
        let ran = dir.seal_with(&arguments, b"");
        assert!(ran.stderr.contains(&format!("200 GET {url}{path}")), "{command:?}: {ran:?}");
        if path != "/git/info/refs" {
            assert!(ran.ok().text().contains(&format!("GET {path}")));
        }
    }
}

#[test]
fn the_demo_shows_a_login_three_ways() {
    const SECRET: &str = ">>>correct-horse-battery<<<";
    let dir = Folder::new();
    let lesson = dir.seal("proxy demo").ok();
    let (plain, over_tls) = lesson.text().split_once("2. The same over TLS").expect("TLS");
    assert!(plain.contains(SECRET), "{plain}");
    let (wire, decrypted) = over_tls.split_once("3. Decrypted").expect("decrypted");
    assert!(!wire.contains("correct-horse") && wire.contains("(localhost)"), "{wire}");
    assert!(decrypted.contains(SECRET), "{decrypted}");
}

#[test]
fn the_exit_code_is_the_commands() {
    if !cfg!(unix) {
        return;
    }
    let dir = Folder::new();
    let run = |command: &[&str]| {
        let arguments = [&["proxy", "run", "--quiet", "--"][..], command].concat();
        dir.seal_with(&arguments, b"")
    };
    assert_eq!(run(&["sh", "-c", "exit 7"]).code, 7);
    assert_eq!(run(&["sh", "-c", "kill -9 $$"]).code, 137);
    assert_eq!(run(&["sh", "-c", "test -z \"$NO_PROXY\" && test -s \"$SSL_CERT_FILE\""]).code, 0);
    run(&["./no-such-command"]).err_is("no such command");
    let silent = dir.seal_with(&["proxy", "run", "--", "true"], b"").ok();
    assert!(silent.stderr.contains("no traffic through the proxy"), "{silent:?}");
}

#[test]
fn a_session_is_recorded_without_being_asked_for() {
    if !installed(&["curl", "node", "openssl"]) {
        return;
    }
    let dir = Folder::new();
    let origin = origin(&dir);
    let run = |options: &[&str]| {
        let url = format!("{}/kept", origin.url);
        let base = ["proxy", "run", "--ca", "cert.pem"];
        dir.seal_with(&[&base, options, &["--", "curl", "-sS", &url]].concat(), b"").ok()
    };
    let ran = run(&[]);
    let line = ran.stderr.lines().find_map(|line| line.split_once("seal proxy open "));
    let (_, session) = line.unwrap_or_else(|| panic!("{ran:?}"));
    assert!(session.starts_with(dir.path(".state/seal/sessions").to_str().unwrap()), "{session}");
    let found = dir.seal_with(&["proxy", "query", session, "path:/kept status:200"], b"").ok();
    assert_eq!(found.text().lines().count(), 1);
    // The secrets in it are its user's alone.
    #[cfg(unix)]
    for (path, mode) in [
        (session.to_owned(), 0o600),
        (dir.path(".state/seal/sessions").display().to_string(), 0o700),
    ] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    assert!(!run(&["--no-session"]).stderr.contains("recorded in"));
    run(&["--session", "mine.db"]);
    assert!(dir.path("mine.db").exists());
    // The last twenty stay.
    for n in 10..40 {
        dir.write(&format!(".state/seal/sessions/2020-01-{n}.db"), "");
    }
    run(&[]);
    let left = std::fs::read_dir(dir.path(".state/seal/sessions")).unwrap();
    let left = left.filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "db"));
    assert_eq!(left.count(), 20);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_goes_past_the_proxy_is_named() {
    if !installed(&["python3", "node", "openssl"]) {
        return;
    }
    let dir = Folder::new();
    let origin = origin(&dir);
    let port = origin.url.rsplit(':').next().unwrap();
    // As long as it takes to be looked at some twenty times.
    let past = format!(
        "import socket, time; s = socket.create_connection(('127.0.0.1', {port})); time.sleep(2)"
    );
    let ran = dir.seal_with(&["proxy", "run", "--", "python3", "-c", &past], b"").ok();
    assert!(ran.stderr.contains("bypassed the proxy: python3"), "{ran:?}");
    assert!(ran.stderr.contains(&format!("127.0.0.1:{port}")), "{ran:?}");
}

/// Programs that read no variable of a proxy: they come through all the same, by name and by address, and
/// reach the servers that they start themselves.
#[cfg(target_os = "linux")]
#[test]
fn every_connection_of_a_command_is_taken() {
    if !installed(&["curl", "node", "python3", "openssl", "unshare", "ip", "nft"]) {
        return;
    }
    let dir = Folder::new();
    let origin = origin(&dir);
    let port = origin.url.rsplit(':').next().unwrap();
    let run = |command: &[&str]| {
        let base = ["proxy", "run", "--capture-all", "--no-session", "--ca", "cert.pem", "--"];
        dir.seal_with(&[&base, command].concat(), b"")
    };
    let asks = run(&["true"]);
    if asks.stderr.contains("cannot create a namespace") {
        // Some containers forbid it; then it is this that is tested.
        assert_eq!(asks.code, 2, "{asks:?}");
        return;
    }
    let url = format!("{}/x", origin.url);
    let ran = run(&["curl", "-sS", "--noproxy", "*", &url]).ok();
    assert_eq!(ran.text(), "GET /x");
    assert!(ran.stderr.contains(&format!("200 GET {url}")), "{ran:?}");
    // The search path of an ordinary user does not lead to nft.
    let mut seal = std::process::Command::new(env!("CARGO_BIN_EXE_seal"));
    seal.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let command = ["proxy", "run", "--capture-all", "--no-session", "--", "true"];
    dir.run(seal, &command, b"").ok();
    // A name that only the proxy can look up: it says that it cannot.
    let ran = run(&["curl", "-sS", "--noproxy", "*", "http://nowhere.invalid/"]);
    assert!(ran.code != 0 && ran.stderr.contains("nowhere.invalid"), "{ran:?}");
    // A server of the command's own, as itself.
    let own = "import socket, os, threading
server = socket.socket(); server.bind(('127.0.0.1', 0)); server.listen()
threading.Thread(target=lambda: server.accept()[0].sendall(b'own'), daemon=True).start()
print(socket.create_connection(server.getsockname()).recv(3), os.getuid())";
    let id = String::from_utf8(std::process::Command::new("id").arg("-u").output().unwrap().stdout);
    assert_eq!(run(&["python3", "-c", own]).ok().text(), format!("b'own' {}", id.unwrap()));
    let plain = format!(
        "import socket; s = socket.create_connection(('127.0.0.1', {port})); s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'); print(len(s.recv(100)) >= 0)"
    );
    run(&["python3", "-c", &plain]).ok();
    assert_eq!(run(&["sh", "-c", "exit 7"]).code, 7);
    assert!(run(&["./no-such-command"]).code != 0);
}

#[test]
fn a_program_that_does_not_trust_the_proxy_is_told() {
    if !installed(&["curl", "node", "openssl"]) {
        return;
    }
    let dir = Folder::new();
    let origin = origin(&dir);
    let curl = format!("curl -sS --cacert cert.pem {}/", origin.url);
    let ran = dir.seal_with(&["proxy", "run", "--ca", "cert.pem", "--", "sh", "-c", &curl], b"");
    assert_eq!(ran.code, 60, "{ran:?}");
    assert!(
        ran.stderr.contains("not trusted: a program refused the proxy's certificate for localhost")
    );
    // One of Node's verifies behind the handshake, and closes without a word.
    let node = format!("fetch('{}/').catch((e) => process.exit(9))", origin.url);
    let command = ["env", "-u", "NODE_EXTRA_CA_CERTS", "node", "-e", &node];
    let arguments = [&["proxy", "run", "--ca", "cert.pem", "--"][..], &command].concat();
    let ran = dir.seal_with(&arguments, b"");
    assert_eq!(ran.code, 9, "{ran:?}");
    assert!(ran.stderr.contains("perhaps not trusted"), "{ran:?}");
}

#[test]
fn events_are_lines_of_json() {
    if !installed(&["curl", "node", "openssl"]) {
        return;
    }
    let dir = Folder::new();
    let origin = origin(&dir);
    let url = format!("{}/json", origin.url);
    let command = ["curl", "-sS", "-o", "body", &url];
    let arguments = [&["proxy", "run", "--json", "--ca", "cert.pem", "--"][..], &command].concat();
    let ran = dir.seal_with(&arguments, b"").ok();
    let events: Vec<serde_json::Value> =
        ran.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "connected",
            "origin",
            "handshake",
            "handshake",
            "request",
            "response",
            "body",
            "end",
            "disconnected"
        ]
    );
    assert_eq!(events[2]["leg"], "origin");
    assert_eq!(events[2]["authorized"], true);
    assert_eq!(events[4]["url"], url);
    assert_eq!(events[6]["text"], "GET /json");
    assert_eq!(events[7]["outcome"], "complete");
}

#[test]
fn what_cannot_be_honoured_is_refused() {
    let dir = Folder::new();
    let seal = |line: &str| dir.seal(line);
    seal("proxy --upstream-proxy http://me:secret@127.0.0.1:1").err_is("--upstream-user-file");
    seal("proxy --reverse gopher://a.test").err_is("gopher:// is not one of");
    seal("proxy --client-cert a.test").err_is("HOST=FILE");
    seal("proxy run --reverse https://a.test -- true").err_is("--reverse is for one server");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    seal(&format!("proxy --listen {address}")).err_is("is in use");
}
