//! The CA under test, and what is asked of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use sealwire_testing::free_port;
use serde_json::Value;

use crate::peers::{Folder, Ran};

/// A CA that serves; it must know the ports of its clients before they listen.
pub(crate) struct Ca {
    pub(crate) dir: Folder,
    child: Child,
    pub(crate) url: String,
    /// Where its page is, if it has one.
    pub(crate) page: String,
    pub(crate) http: u16,
    pub(crate) tls: u16,
}

impl Ca {
    pub(crate) fn serve(options: &str) -> Self {
        let dir = Folder::new();
        dir.seal("ca init --ca-dir ca --name Test-CA").ok();
        Self::over(dir, options)
    }

    pub(crate) fn over(dir: Folder, options: &str) -> Self {
        let (http, tls) = (free_port(), free_port());
        let line = format!(
            "ca serve --ca-dir ca --listen 127.0.0.1:0 --json --http-port {http} --tls-port {tls} {options}"
        );
        let mut child = Command::new(env!("CARGO_BIN_EXE_seal"))
            .args(line.split_whitespace())
            .current_dir(dir.root())
            .stdout(Stdio::piped())
            .spawn()
            .expect("seal starts");
        let mut told = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        lines.read_line(&mut told).expect("it says where it is");
        let told: Value = serde_json::from_str(&told).unwrap_or_else(|e| panic!("{told:?}: {e}"));
        let url = told["directory"].as_str().expect("a URL").to_owned();
        let page = told["page"].as_str().unwrap_or_default().to_owned();
        Self { dir, child, url, page, http, tls }
    }

    pub(crate) fn acme(&self, verb: &str, line: &str) -> Ran {
        self.dir.seal(&format!("acme {verb} --dir acme {line}"))
    }

    /// A certificate for this name, by http-01.
    pub(crate) fn issue(&self, name: &str) {
        let line = format!("{name} {} --http 127.0.0.1:{}", self.at(), self.http);
        self.acme("issue", &line).ok();
    }

    /// What `seal ca` says of this CA, in JSON.
    pub(crate) fn told(&self, line: &str) -> Value {
        let said = self.dir.seal(&format!("ca {line} --ca-dir ca --json")).ok();
        serde_json::from_str(said.text()).unwrap_or_else(|e| panic!("{line}: {said:?}: {e}"))
    }

    /// The options of whoever asks this CA.
    pub(crate) fn at(&self) -> String {
        format!("--server {} --ca ca/ca.pem", self.url)
    }

    pub(crate) fn verify(&self, file: &str) {
        self.dir
            .openssl(&format!("verify -x509_strict -CAfile ca/ca.pem -untrusted {file} {file}"));
    }

    pub(crate) fn log(&self) -> String {
        self.dir.seal("ca log --ca-dir ca").ok().text().to_owned()
    }
}

impl Drop for Ca {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
