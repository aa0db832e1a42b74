//! A proxy with its page, as long as this lives.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::peers::Folder;

pub(crate) struct Proxy {
    child: Child,
    /// `http://127.0.0.1:PORT`, for clients.
    pub(crate) url: String,
    /// The page's, with its token.
    pub(crate) page: String,
}

impl Proxy {
    /// `seal proxy` with these options; it writes its CA into `proxy-ca.pem`.
    pub(crate) fn start(dir: &Folder, options: &[&str]) -> Self {
        Self::start_by(dir, &[], options)
    }

    /// The same, started by what comes before its own command line.
    pub(crate) fn start_by(dir: &Folder, before: &[&str], options: &[&str]) -> Self {
        let line = [before, &[env!("CARGO_BIN_EXE_seal")]].concat();
        let mut child = Command::new(line[0])
            .args(&line[1..])
            .args(["proxy", "--listen", "127.0.0.1:0", "--page", "--ca-out", "proxy-ca.pem"])
            .args(options)
            .current_dir(dir.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("seal starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut next = |mark: &str| loop {
            let line = lines.next().expect("it says where it is").expect("text");
            if let Some((_, rest)) = line.split_once(mark) {
                return rest.split(' ').next().unwrap_or_default().to_owned();
            }
        };
        let page = next("the page: ");
        let url = format!("http://{}", next("listening on "));
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url, page }
    }

    /// curl through it.
    pub(crate) fn curl(&self, dir: &Folder, more: &[&str]) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "", "--max-time", "50", "-x", &self.url])
            .args(["--cacert", "proxy-ca.pem"])
            .args(more)
            .current_dir(dir.root())
            .stdin(Stdio::null());
        curl
    }

    /// Asks the API; curl brings the answer.
    pub(crate) fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (address, token) = self.page.split_once("/#token=").expect("a token");
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "*", "--max-time", "50", "-X", method])
            .args(["-H", &format!("Authorization: Bearer {token}")])
            .arg(format!("{address}/api/{path}"));
        if let Some(body) = body {
            curl.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
        }
        let answer = curl.output().expect("curl runs");
        serde_json::from_slice(&answer.stdout).unwrap_or_else(|e| panic!("{path}: {e}: {answer:?}"))
    }

    /// Asks until the answer is this.
    pub(crate) fn until<T>(&self, path: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let answer = self.api("GET", path, None);
            if let Some(found) = find(&answer) {
                return found;
            }
            assert!(std::time::Instant::now() < until, "{path} stays {answer}");
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as a service manager does; its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
