//! `seal proxy`: programs as they are, which come through it by their environment alone.

mod peers;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use peers::{Folder, installed};

/// Node's HTTPS server, which tells its port in the file `port`.
const ORIGIN: &str = "
const fs = require('fs'), http2 = require('http2');
const server = http2.createSecureServer({
  cert: fs.readFileSync('cert.pem'), key: fs.readFileSync('key.pem'), allowHTTP1: true });
server.on('request', (q, r) => r.end(`${q.method} ${q.url}`));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

struct Origin {
    child: Child,
    url: String,
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn origin(dir: &Folder) -> Origin {
    dir.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
         -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2",
    );
    let mut node = Command::new("node");
    node.args(["-e", ORIGIN]).current_dir(dir.root());
    let mut child = node.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Origin { child, url: format!("https://localhost:{}", line.trim()) }
}

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
    assert!(silent.stderr.contains("nothing came through the proxy"), "{silent:?}");
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
    seal("proxy --reverse gopher://a.test").err_is("gopher:// is none of");
    seal("proxy --client-cert a.test").err_is("HOST=FILE");
    seal("proxy run --reverse https://a.test -- true").err_is("--reverse stands for one server");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    seal(&format!("proxy --listen {address}")).err_is("is in use");
}
