//! A Redis server for a test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::peers::installed;
use super::support::{Files, dead_port};

/// A Redis of its own; ended when dropped.
pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
}

impl Redis {
    pub(crate) fn start(dir: &Files) -> Option<Self> {
        if !installed(&["redis-server"]) {
            return None;
        }
        // It cannot say which port it took: another one is tried if this one is taken meanwhile.
        loop {
            if let Some(started) = Self::at(dir, dead_port()) {
                return Some(started);
            }
        }
    }

    /// Starts it on this port; none if somebody has it.
    pub(crate) fn at(dir: &Files, port: u16) -> Option<Self> {
        let mut child = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .current_dir(dir.root())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ready =
            lines.any(|line| line.is_ok_and(|line| line.contains("Ready to accept connections")));
        if !ready {
            let _ = child.wait();
            return None;
        }
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, port })
    }

    /// The option that names it as a session store.
    pub(crate) fn url(&self) -> String {
        format!("--session-store redis://127.0.0.1:{}", self.port)
    }

    /// All that is in it.
    pub(crate) fn keys(&self) -> String {
        self.said(&["keys", "*"])
    }

    /// What it answers.
    pub(crate) fn said(&self, command: &[&str]) -> String {
        let port = self.port.to_string();
        let said = Command::new("redis-cli").args(["-p", &port]).args(command).output();
        String::from_utf8(said.expect("redis-cli").stdout).unwrap()
    }

    /// How much it has sent.
    pub(crate) fn sent(&self) -> u64 {
        let stats = self.said(&["info", "stats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        line.expect("a count").trim().parse().expect("a number")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
