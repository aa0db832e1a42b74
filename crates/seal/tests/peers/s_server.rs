//! `openssl s_server` for a test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::Folder;

/// A running `openssl s_server` on a free port; killed when dropped.
pub(crate) struct Openssl {
    child: Child,
    /// It ends when its standard input does.
    _stdin: ChildStdin,
    pub(crate) port: u16,
}

impl Openssl {
    pub(crate) fn start(dir: &Folder, options: &str) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "0"])
            .args(options.split_whitespace())
            .current_dir(dir.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let stdin = child.stdin.take().expect("piped");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let port = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "s_server ended: {options}");
            if let Some(address) = line.trim_end().strip_prefix("ACCEPT ") {
                break address.rsplit(':').next().unwrap().parse().expect("a port");
            }
        };
        // It must not wait for somebody to read what it says.
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Self { child, _stdin: stdin, port }
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
