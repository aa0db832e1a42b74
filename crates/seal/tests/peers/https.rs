//! An HTTPS server in Node, with a certificate of ours.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::Folder;

const SERVER: &str = "
    const https = require('https'), fs = require('fs');
    const [cert, key] = process.argv.slice(1).map(name => fs.readFileSync(name));
    https.createServer({ cert, key }, (_, response) => response.end('<p>sealed</p>'))
      .listen(0, 'localhost', function () { console.log(this.address().port); });";

/// An HTTPS server that ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(dir: &Folder, certificate: &str, key: &str) -> Self {
        let mut child = Command::new("node")
            .args(["-e", SERVER, certificate, key])
            .current_dir(dir.root())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("node says its port");
        let port = line.trim().parse().expect("a port");
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
