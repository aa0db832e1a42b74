//! The secrets of connections in a file, for Wireshark.

use std::path::PathBuf;

use clap::Args;
use sealwire::KeyLogFile;

use crate::say::failure::Failure;
use crate::say::report;

/// Whether secrets are logged, and where.
#[derive(Args, Debug)]
pub(crate) struct KeyLog {
    /// Append TLS secrets to this file for Wireshark (RFC 9850). Anyone with the file can decrypt
    /// the connections
    #[arg(
        long,
        alias = "keylog",
        value_name = "FILE",
        env = "SSLKEYLOGFILE",
        hide_env_values = true
    )]
    key_log: Option<PathBuf>,
}

impl KeyLog {
    /// The file, opened; an empty name, as of an empty variable, means no file.
    pub(crate) fn open(&self) -> Result<Option<KeyLogFile>, Failure> {
        let Some(path) = self.key_log.as_ref().filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(None);
        };
        let file = KeyLogFile::open(path).map_err(|e| Failure::usage(e.to_string()))?;
        let shown = path.display().to_string();
        let told = move |e: &std::io::Error| {
            let what = "key logging stopped";
            report::note(format_args!("seal: {shown}: {e}; {what}"));
        };
        Ok(Some(file.on_error(told)))
    }
}
