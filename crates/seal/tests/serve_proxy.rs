//! `seal serve --proxy`: HTTPS before a server of plain HTTP, with Node as that server and curl and
//! Node as the clients.

mod peers;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use peers::served::Served;
use peers::{Folder, installed};
use serde_json::Value;

/// Tells what it was asked; streams; redirects; echoes after an upgrade.
const BEHIND: &str = r#"
    const http = require('http');
    let finish;
    const server = http.createServer((request, response) => {
      const { method, url, headers, httpVersion } = request;
      if (url === '/stream') { response.write('one\n'); finish = () => response.end('two\n'); return; }
      if (url === '/finish') { finish(); return response.end(); }
      if (url === '/redirect') {
        response.writeHead(302, { location: `http://localhost:${server.address().port}/there?x=1` });
        return response.end();
      }
      let body = '';
      request.on('data', (chunk) => body += chunk);
      request.on('end', () => response.end(JSON.stringify({ method, url, headers, httpVersion, body })));
    });
    server.on('upgrade', (request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    server.listen(0, 'localhost', () => console.log(server.address().port));"#;

struct Behind {
    child: Child,
    port: u16,
}

impl Behind {
    fn start() -> Self {
        let mut child =
            Command::new("node").args(["-e", BEHIND]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn started() -> Option<(Folder, Behind, Served)> {
    if !installed(&["curl", "node"]) {
        return None;
    }
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    let behind = Behind::start();
    let server =
        Served::start(&dir, &format!("--proxy http://localhost:{} --ca-dir ca", behind.port));
    Some((dir, behind, server))
}

fn curl(dir: &Folder, server: &Served, path: &str, options: &[&str]) -> String {
    let url = format!("https://localhost:{}{path}", server.port);
    let mut arguments = vec!["-s", "--cacert", "ca/ca.pem"];
    arguments.extend(options);
    arguments.push(&url);
    dir.run(Command::new("curl"), &arguments, b"").ok().text().to_owned()
}

#[test]
fn requests_go_on_with_what_the_server_behind_needs_to_know() {
    let Some((dir, _behind, mut server)) = started() else { return };
    for version in ["--http2", "--http1.1"] {
        let headers = [
            version,
            "-d",
            "body of it",
            "-H",
            "Connection: X-Mine",
            "-H",
            "X-Mine: dropped",
            "-H",
            "X-Forwarded-For: 192.0.2.1",
            "-H",
            "Forwarded: for=192.0.2.1",
            "-H",
            "Cookie: a=1",
        ];
        // curl sends no Connection header over HTTP/2, where it means nothing.
        let got = curl(&dir, &server, "/path/?q=%20x", &headers);
        let got: Value = serde_json::from_str(&got).unwrap_or_else(|e| panic!("{got}: {e}"));
        assert_eq!(got["method"], "POST");
        assert_eq!(got["url"], "/path/?q=%20x");
        assert_eq!(got["body"], "body of it");
        assert_eq!(got["httpVersion"], "1.1");
        let at = format!("localhost:{}", server.port);
        let headers = &got["headers"];
        assert_eq!(headers["host"], at.as_str());
        assert_eq!(headers["x-forwarded-host"], at.as_str());
        assert_eq!(headers["x-forwarded-proto"], "https");
        let from = headers["x-forwarded-for"].as_str().unwrap();
        assert!(["127.0.0.1", "::1"].contains(&from), "{from}");
        assert_eq!(headers["forwarded"], Value::Null);
        assert_eq!(headers["cookie"], "a=1");
        if version == "--http1.1" {
            assert_eq!(headers["x-mine"], Value::Null);
        }
        let told = server.next_of("request");
        assert_eq!((&told["method"], &told["status"]), (&"POST".into(), &200.into()), "{told}");
    }
}

#[test]
fn a_redirect_leads_to_where_the_server_is_reached() {
    let Some((dir, _behind, server)) = started() else { return };
    let location = curl(&dir, &server, "/redirect", &["-o", "-", "-w", "%header{location}"]);
    assert_eq!(location, format!("https://localhost:{}/there?x=1", server.port));
}

/// The first part of an answer comes before the second is there: nothing is gathered on the way.
#[test]
fn answers_stream_and_connections_switch_protocols() {
    let Some((dir, _behind, server)) = started() else { return };
    let script = format!(
        r#"
        const https = require('https');
        const ca = fs.readFileSync('ca/ca.pem');
        const at = {{ host: 'localhost', port: {}, ca }};
        https.get({{ ...at, path: '/stream' }}, (response) => {{
          let all = '';
          response.once('data', () => https.get({{ ...at, path: '/finish' }}).end());
          response.on('data', (chunk) => all += chunk);
          response.on('end', () => {{
            assert.equal(all, 'one\ntwo\n');
            const headers = {{ Connection: 'Upgrade', Upgrade: 'echo' }};
            https.get({{ ...at, path: '/', headers, agent: false }}).on('upgrade', (answer, socket) => {{
              assert.equal(answer.headers.upgrade, 'echo');
              let back = '';
              socket.on('data', (chunk) => {{ back += chunk; if (back === 'to and fro') socket.end(); }});
              socket.on('close', () => process.exit(back === 'to and fro' ? 0 : 1));
              socket.write('to and'); socket.write(' fro');
            }});
          }});
        }});"#,
        server.port
    );
    dir.node(&script);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Served::start(&dir, &format!("--proxy http://{nobody} --ca-dir ca"));
    let answer = curl(&dir, &server, "/", &["-w", "%{http_code}"]);
    assert!(answer.ends_with("502"), "{answer}");
    assert!(answer.contains(&format!("no answer from http://{nobody}")), "{answer}");
}

#[test]
fn what_is_no_plain_server_is_refused() {
    let dir = Folder::new();
    for (url, fact) in [
        ("https://localhost:3000", "it already uses TLS"),
        ("http://localhost:3000/app", "no path is allowed"),
        ("http://user@localhost:3000", "no user name is allowed"),
        ("localhost:3000", "expected a URL like http://localhost:3000"),
    ] {
        let ran = dir.seal(&format!("serve --proxy {url}"));
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(fact), "{url}: {ran:?}");
    }
}
