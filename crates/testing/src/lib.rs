//! What the tests of all crates have in common: the rule about peers that are not there, and peers
//! that take some starting.
//!
//! Other implementations judge ours. Where one is missing, a test has to return at once; on a build
//! server (`CI=true`), where all are expected, it fails; elsewhere it is said loudly.
#![forbid(unsafe_code)]

mod port;
#[cfg(unix)]
mod postgresql;

use std::ffi::OsStr;
use std::process::{Command, Stdio};

pub use port::free_port;
#[cfg(unix)]
pub use postgresql::PostgreSql;

/// Whether this program is installed.
#[must_use]
#[track_caller]
pub fn installed(program: impl AsRef<OsStr>) -> bool {
    let program = program.as_ref();
    let flag = match program.to_str() {
        Some("openssl") => "version",
        Some("haproxy") => "-v",
        _ => "--version",
    };
    let ran = Command::new(program)
        .arg(flag)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // Some answer such a question with a failure, and are there all the same.
    required(ran.is_ok(), &format!("{} is not installed", program.display()))
}

/// The rule itself, about anything that a test needs: `lack` says what is missing.
#[must_use]
#[track_caller]
pub fn required(found: bool, lack: &str) -> bool {
    if !found {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs it: {lack}");
        eprintln!("\n!!! SKIPPED: {lack}, so this test checked NOTHING !!!\n");
    }
    found
}
