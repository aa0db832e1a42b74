//! What is told on stderr while a tunnel runs: events with fields, as text or as JSON.
//!
//! Fields hold names, addresses, counts and reasons. Keys, passphrases, tickets and data are never
//! in reach of a log call: they have no `Display`, and their `Debug` tells nothing.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;

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
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
