//! What a command answers: one value, printed as text or as JSON.

use std::env;
use std::ffi::OsString;
use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::process::ExitCode;

use sealwire::Foreign;
use serde::Serialize;

use crate::say::failure::Failure;

/// Whether the answer of a command is yes or no; the exit code for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// The exit code of a program that was run.
    Code(u8),
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::from(1),
            Answer::Code(code) => Self::from(code),
        }
    }
}

/// Prints `value` to standard output: its `Display` for people, its `Serialize` for machines.
/// A reader that closes the pipe early (`seal .. | head`) is not an error.
pub(crate) fn print<T: Serialize + Display>(value: &T, json: bool) -> Result<(), Failure> {
    if json { print_json(value) } else { print_text(&value.to_string()) }
}

/// JSON with lines and indentation, for a file.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    ascii_controls(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Prints `value` as JSON with lines and indentation.
pub(crate) fn print_json<T: Serialize>(value: &T) -> Result<(), Failure> {
    out(&json(value))
}

/// Prints `value` as one of several lines of JSON.
pub(crate) fn print_line<T: Serialize>(value: &T) -> Result<(), Failure> {
    out(&json_line(value))
}

/// One line of JSON.
pub(crate) fn json_line<T: Serialize>(value: &T) -> String {
    ascii_controls(&serde_json::to_string(value).unwrap_or_default())
}

/// Says something beside the answer, on standard error; dropped when its reader has closed.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{}", lines(&text.to_string()));
}

/// Prints `text` and a line end. Quiet when its reader has closed.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    out(&lines(text))
}

fn out(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("standard output: {e}")))
        }
        _ => Ok(()),
    }
}

/// Text for a terminal. What others wrote was escaped where it was put in; this is the last door,
/// through which nothing goes that is neither printable nor a line end.
pub(crate) fn lines(text: &str) -> String {
    let text = &without_lines_of(env::args_os(), text);
    let lines: Vec<String> = text.split('\n').map(|line| Foreign::new(line).to_string()).collect();
    lines.join("\n")
}

/// The name of a file may have line ends of its own, and names of files are put in as they are.
fn without_lines_of(args: impl Iterator<Item = OsString>, text: &str) -> String {
    let mut text = text.to_owned();
    for arg in args {
        let arg = arg.to_string_lossy();
        // Of `--option=value`, the value.
        let value = arg.split_once('=').filter(|_| arg.starts_with('-')).map_or(&*arg, |it| it.1);
        if value.contains('\n') {
            text = text.replace(value, &Foreign::new(value).to_string());
        }
    }
    text
}

/// JSON that means the same, and in which no character is one that does not print. They stand in
/// strings only.
fn ascii_controls(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || Foreign::prints(character) {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{json_line, lines, without_lines_of};

    #[test]
    fn a_file_whose_name_has_line_ends_begins_no_line() {
        for (arg, shown) in [
            ("a\nverified", "a\\nverified: no such file\nb"),
            ("--cert=a\nverified", "a\\nverified: no such file\nb"),
            ("b", "a\nverified: no such file\nb"),
        ] {
            let args = ["seal".into(), arg.into()].into_iter();
            assert_eq!(without_lines_of(args, "a\nverified: no such file\nb"), shown);
        }
    }

    #[test]
    fn nothing_that_does_not_print_goes_out_and_json_stays_data() {
        let name = "Käse\u{1b}[2J\u{9b}\u{202e}\u{2028}\u{e0041}\r";
        assert_eq!(lines("a\nb\t\u{9b}c"), "a\nb\\t\\u{9b}c");
        let json = json_line(&name);
        assert!(json.chars().all(sealwire::Foreign::prints), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), name);
    }
}
