//! What a command answers: one value, printed as text or as JSON.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::say::failure::Failure;

/// Whether the answer of a command is yes or no; the exit code for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::from(1),
        }
    }
}

/// Prints `value` to standard output: its `Display` for people, its `Serialize` for machines.
/// A reader that closes the pipe early (`seal .. | head`) is not an error.
pub(crate) fn print<T: Serialize + Display>(value: &T, json: bool) -> Result<(), Failure> {
    if json {
        print_text(&serde_json::to_string_pretty(value).unwrap_or_default())
    } else {
        print_text(&value.to_string())
    }
}

/// Prints `value` as one of several lines of JSON.
pub(crate) fn print_line<T: Serialize>(value: &T) -> Result<(), Failure> {
    print_text(&serde_json::to_string(value).unwrap_or_default())
}

/// Says something beside the answer, on standard error; when nobody reads that, it is not said.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints `text` and a line end. Quiet when nobody reads any more.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("standard output: {e}")))
        }
        _ => Ok(()),
    }
}
