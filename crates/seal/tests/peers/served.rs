//! `seal serve` as a server for the others.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use serde_json::Value;

use super::Folder;

/// A running `seal serve --json` on a free port; killed when dropped.
pub(crate) struct Served {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(crate) listening: Value,
    pub(crate) port: u16,
}

impl Served {
    pub(crate) fn start(dir: &Folder, line: &str) -> Self {
        Self::start_with(dir, &line.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn start_with(dir: &Folder, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_seal"))
            .args(["serve", "--json", "--port", "0"])
            .args(arguments)
            .current_dir(dir.root())
            .stdout(Stdio::piped())
            .spawn()
            .expect("seal starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let listening = next(&mut lines);
        let address = listening["address"].as_str().unwrap_or_else(|| panic!("{listening}"));
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        Self { child, lines, listening, port }
    }

    /// The next line that it tells.
    pub(crate) fn next(&mut self) -> Value {
        next(&mut self.lines)
    }

    /// The next line that tells this.
    pub(crate) fn next_of(&mut self, event: &str) -> Value {
        loop {
            let told = self.next();
            if told["event"] == event {
                return told;
            }
        }
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(killed.success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("the server ends")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next(lines: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).expect("the server's output");
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"))
}
