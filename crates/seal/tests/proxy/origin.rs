//! What is behind the proxy: Node's HTTPS server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::peers::Folder;

/// Node's HTTPS server.
const SCRIPT: &str = "
const fs = require('fs'), http2 = require('http2');
const server = http2.createSecureServer({
  cert: fs.readFileSync('cert.pem'), key: fs.readFileSync('key.pem'), allowHTTP1: true });
// An answer before the end of a request would have the client leave out the rest.
server.on('request', (q, r) => q.resume().on('end', () => r.end(`${q.method} ${q.url}`)));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

pub(crate) struct Origin {
    _server: Program,
    pub(crate) url: String,
}

/// A script of Node's that prints its port, and ends with this.
pub(crate) struct Program {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Such a server with a certificate of its own, `cert.pem`, for `localhost`.
pub(crate) fn origin(dir: &Folder) -> Origin {
    dir.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
         -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2",
    );
    let server = program(dir, SCRIPT);
    let url = format!("https://localhost:{}", server.port);
    Origin { _server: server, url }
}

pub(crate) fn program(dir: &Folder, script: &str) -> Program {
    let mut node = Command::new("node");
    node.args(["-e", script]).current_dir(dir.root());
    let mut child = node.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Program { child, port: line.trim().parse().unwrap() }
}
