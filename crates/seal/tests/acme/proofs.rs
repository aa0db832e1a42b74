//! How names are proved: the web server and the DNS are Python's and a program of the test's.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::ca::Ca;
use crate::peers::{Folder, installed};
use sealwire_testing::free_port;

/// A program in Python that has said `ready`, until dropped.
struct Python {
    child: Child,
    _told: BufReader<ChildStdout>,
}

impl Python {
    fn start(dir: &Folder, script: &str, port: u16) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", script, &port.to_string()])
            .current_dir(dir.root())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 starts");
        let mut told = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        told.read_line(&mut line).expect("it says when it listens");
        assert_eq!(line, "ready\n");
        Self { child, _told: told }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves the folder `web`. Each host has its own way to the file.
const WEB: &str = r#"
import http.server, sys
class Web(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *a): super().__init__(*a, directory="web")
    def do_GET(self):
        host = self.headers["Host"].split(":")[0]
        to = {"loop.localhost": self.path + "x",
              "moved.localhost": self.path.replace("/.well-known", "/kept", 1),
              "host.localhost": "http://web.localhost" + self.path,
              "port.localhost": "http://web.localhost:9" + self.path,
              "file.localhost": "ftp://web.localhost" + self.path}.get(host)
        if to is None or self.path.startswith("/kept"):
            self.path = self.path.replace("/kept", "/.well-known", 1)
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Web)
print("ready", flush=True)
server.serve_forever()
"#;

#[test]
fn a_web_server_shows_the_files_and_may_point_elsewhere() {
    if !installed(&["openssl", "python3"]) {
        return;
    }
    let ca = Ca::serve("");
    std::fs::create_dir(ca.dir.path("web")).unwrap();
    let _web = Python::start(&ca.dir, WEB, ca.http);
    let issue = |name: &str| ca.acme("issue", &format!("{name} {} --webroot web", ca.at()));
    for name in ["web.localhost", "moved.localhost", "host.localhost"] {
        issue(name).ok();
        ca.verify(&format!("acme/live/{name}/fullchain.pem"));
    }
    for (name, why) in [
        ("loop.localhost", "more than 10 redirects"),
        ("port.localhost", "to a port other than 80 or 443"),
        ("file.localhost", "to a scheme other than http or https"),
    ] {
        let refused = issue(name);
        assert!(refused.code == 1 && refused.stderr.contains(why), "{name}: {refused:?}");
    }
    let left = std::fs::read_dir(ca.dir.path("web/.well-known/acme-challenge")).unwrap().count();
    assert_eq!(left, 0, "what was shown is taken away, refused or not");
}

/// Answers each question for a TXT record from the file `records`, in lines of NAME TEXT.
const DNS: &str = r#"
import socket, struct, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    asked, peer = udp.recvfrom(4096)
    at, labels = 12, []
    while asked[at]:
        labels.append(asked[at + 1:at + 1 + asked[at]].decode().lower())
        at += 1 + asked[at]
    question = asked[12:at + 5]
    kind, = struct.unpack("!H", question[-4:-2])
    rows = [line.split() for line in open("records")] if kind == 16 else []
    texts = [row[1].encode() for row in rows if row[0] == ".".join(labels)]
    answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIHB", 16, 1, 0, 1 + len(t), len(t)) + t for t in texts)
    head = asked[:2] + struct.pack("!HHHHH", 0x8580, 1, len(texts), 0, 0)
    udp.sendto(head + question + answers, peer)
"#;

/// What changes the DNS: it is given a verb, a name and a text.
const HOOK: &str = r#"#!/bin/sh
echo "$1" >>asked
case $1 in
present) echo "$2 $3" >>records ;;
clean) grep -vxF "$2 $3" records >kept; cat kept >records ;;
esac
"#;

#[cfg(unix)]
#[test]
fn a_program_of_ones_own_changes_the_dns() {
    use std::os::unix::fs::PermissionsExt;

    if !installed(&["openssl", "python3"]) {
        return;
    }
    let port = free_port();
    let ca = Ca::serve(&format!("--dns 127.0.0.1:{port}"));
    ca.dir.write("records", "");
    ca.dir.write("hook", HOOK);
    let executable = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(ca.dir.path("hook"), executable).unwrap();
    let _dns = Python::start(&ca.dir, DNS, port);
    // The record of the wildcard and that of the name itself have one name and two texts.
    let names = "*.app.test app.test";
    ca.acme("issue", &format!("{names} {} --dns-hook ./hook", ca.at())).ok();
    ca.verify("acme/live/_wildcard.app.test/fullchain.pem");
    assert_eq!(ca.dir.read("records"), b"", "what was shown is taken away");

    // Nobody writes the record.
    let refused = ca.acme("issue", &format!("other.test {} --dns-hook true", ca.at()));
    assert!(
        refused.code == 1 && refused.stderr.contains("_acme-challenge.other.test"),
        "{refused:?}"
    );
    let failed = ca.acme("issue", &format!("other.test {} --dns-hook false", ca.at()));
    assert!(failed.code == 1 && failed.stderr.contains("false: present"), "{failed:?}");
}
