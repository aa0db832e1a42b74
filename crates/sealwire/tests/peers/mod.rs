//! Other implementations, which judge ours: finding them, running them, and certificates made by
//! OpenSSL. Shared by the test files, none of which uses all of it.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod credentials;
pub(crate) mod net;

use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

pub(crate) use sealwire_testing::installed as present;

/// A running peer; it is killed when dropped. Its output and its errors are one stream.
pub(crate) struct Peer {
    child: Child,
    output: BufReader<PipeReader>,
    /// What it said so far.
    pub(crate) said: String,
}

impl Peer {
    /// Starts `command` with its standard streams connected to us.
    pub(crate) fn start(command: &mut Command) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let errors = writer.try_clone().expect("a pipe");
        let started = command.stdin(Stdio::piped()).stdout(writer).stderr(errors).spawn();
        let child = started.unwrap_or_else(|e| panic!("{command:?}: {e}"));
        // The command keeps the writing ends; without them the end of the output is seen.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child, output: BufReader::new(reader), said: String::new() }
    }

    /// Reads lines until one holds `wanted`, and gives what follows it in that line.
    pub(crate) fn line(&mut self, wanted: &str) -> String {
        loop {
            let mut line = Vec::new();
            let count = self.output.read_until(b'\n', &mut line).expect("the peer's output");
            let line = String::from_utf8_lossy(&line);
            assert!(count > 0, "the peer ended before it said {wanted:?}; it said:\n{}", self.said);
            self.said += &line;
            if let Some((_, rest)) = line.split_once(wanted) {
                return rest.trim().to_owned();
            }
        }
    }

    /// The port in a line such as `ACCEPT 127.0.0.1:4433`.
    pub(crate) fn port(&mut self, prefix: &str) -> u16 {
        let line = self.line(prefix);
        let digits = line.rsplit([':', ' ']).next().unwrap_or_default().trim();
        digits.parse().unwrap_or_else(|_| panic!("no port in {line:?}"))
    }

    /// Writes to its standard input.
    pub(crate) fn say(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("the peer listens");
    }

    /// Ends its standard input, and gives all of its output and whether it ended well.
    pub(crate) fn finish(mut self) -> (String, bool) {
        drop(self.child.stdin.take());
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).expect("the peer's output");
        let status = self.child.wait().expect("the peer ends");
        (self.said.clone() + &String::from_utf8_lossy(&rest), status.success())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command` to its end and gives what it printed; a failure of it fails the test.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let all = said(&output);
    assert!(output.status.success(), "{command:?} failed: {all}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command printed, output and errors.
pub(crate) fn said(output: &Output) -> String {
    let (out, errors) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(errors))
}

/// Ends a test that hangs, instead of the whole run.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("the test hangs")
}
