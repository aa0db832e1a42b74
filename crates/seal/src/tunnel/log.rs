//! What is told on stderr while a tunnel runs: events with fields, as text or as JSON.
//!
//! Fields hold names, addresses, counts and reasons. Keys, passphrases, tickets and data are never
//! in reach of a log call: they have no `Display`, and their `Debug` tells nothing.

use std::fmt::{self, Debug};
use std::io::{self, IsTerminal};

use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{FormatFields, Writer, debug_fn};

use super::config::{LogFormat, LogLevel, Process};

/// Begins to tell. Once for the process; a second call changes nothing.
pub(crate) fn start(process: &Process) {
    let level = match process.log {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let _ = match process.log_format {
        LogFormat::Text => log.fmt_fields(quoted()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}

/// `name=value`, with quotation marks around a value in which a blank would end it.
fn quoted() -> impl for<'w> FormatFields<'w> + 'static {
    let write = |writer: &mut Writer<'_>, field: &Field, value: &dyn Debug| -> fmt::Result {
        let text = format!("{value:?}");
        match field.name() {
            "message" => writer.write_str(&text),
            name if text.starts_with('"') || !text.contains([' ', '=', '"']) => {
                write!(writer, "{name}={text}")
            }
            name => write!(writer, "{name}={text:?}"),
        }
    };
    debug_fn(write).delimited(" ")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_value_with_blanks_is_quoted() {
        let lines = Lines::default();
        let to = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_target(false)
            .without_time()
            .with_ansi(false)
            .with_writer(move || to.clone())
            .fmt_fields(quoted())
            .finish();
        tracing::subscriber::with_default(log, || {
            tracing::info!(service = "a b", address = %"1.2.3.4:5", reason = %"it \"ends\"", n = 3, "up again");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let fields = r#"up again service="a b" address=1.2.3.4:5 reason="it \"ends\"" n=3"#;
        assert_eq!(text.trim(), format!("INFO {fields}"));
    }
}
