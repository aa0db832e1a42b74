//! The secrets of a connection for a debugger, in the format of NSS that Wireshark reads
//! (`SSLKEYLOGFILE`). Anyone with them can decrypt the connection.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sealwire_x509::Problem;
use zeroize::Zeroizing;

/// One line of a key log, without the line end: a label, the client's random and a secret.
///
/// Wiped when dropped; `Debug` shows the label only.
#[derive(Clone)]
pub struct KeyLogLine(Zeroizing<String>);

impl KeyLogLine {
    pub(crate) fn new(label: &str, client_random: &[u8], secret: &[u8]) -> Self {
        // Never grown: what a vector leaves behind when it moves is not wiped.
        let len = label.len() + 2 + 2 * (client_random.len() + secret.len());
        let mut line = Zeroizing::new(String::with_capacity(len));
        line.push_str(label);
        for bytes in [client_random, secret] {
            line.push(' ');
            for byte in bytes {
                let _ = write!(line, "{byte:02x}");
            }
        }
        Self(line)
    }

    /// A line that an engine has written.
    #[cfg(feature = "legacy")]
    pub(crate) fn written(line: &str) -> Self {
        Self(Zeroizing::new(line.to_owned()))
    }

    /// The line: `CLIENT_TRAFFIC_SECRET_0 0f7a... 31c9...`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The label: `CLIENT_RANDOM` in TLS 1.2, `SERVER_HANDSHAKE_TRAFFIC_SECRET` and so on in
    /// TLS 1.3.
    pub fn label(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }
}

impl fmt::Debug for KeyLogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLogLine({} ...)", self.label())
    }
}

/// A file that key log lines are appended to. Cheap to clone; clones write to the same file.
///
/// Wireshark reads it while it grows (Preferences, Protocols, TLS, "(Pre)-Master-Secret log
/// filename"). Several processes may write to one file.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let context = sealwire::SecureContext::builder().build()?;
/// use sealwire::{Connector, KeyLogFile};
/// let mut connector = Connector::new(context);
/// if let Some(file) = KeyLogFile::from_env() {
///     connector = connector.key_log(file?);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct KeyLogFile(Arc<Shared>);

struct Shared {
    file: Mutex<File>,
    failed: AtomicBool,
    told: OnceLock<Box<ErrorFn>>,
}

type ErrorFn = dyn Fn(&io::Error) + Send + Sync;

impl KeyLogFile {
    /// Opens `path` for appending; creates it with mode 0600 if needed.
    ///
    /// A pipe has to be ours, and read from; when its reader falls behind, lines are lost
    /// ([`on_error`](Self::on_error)) and no connection waits. Another user's file in a world-writable
    /// folder (`/tmp`) is refused: its owner would read the connections.
    ///
    /// # Errors
    /// Such a pipe or file, and those of the file system; the text names the file.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = sealwire_files::append_secrets(path.as_ref());
        file.map(Self::of).map_err(|error| match error.problem() {
            Problem::Io(kind) => io::Error::new(kind, error.to_string()),
            _ => io::Error::new(io::ErrorKind::PermissionDenied, error.to_string()),
        })
    }

    /// The file that the environment variable `SSLKEYLOGFILE` names; `None` when it is not set or
    /// empty.
    pub fn from_env() -> Option<io::Result<Self>> {
        let path = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty())?;
        Some(Self::open(path))
    }

    /// Called when writing fails: once, at the first failure. Connections continue without their
    /// lines.
    #[must_use]
    pub fn on_error(self, told: impl Fn(&io::Error) + Send + Sync + 'static) -> Self {
        let _ = self.0.told.set(Box::new(told));
        self
    }

    /// Appends a line.
    pub fn write(&self, line: &KeyLogLine) {
        // In one write, so that the lines of several processes do not mix.
        let mut bytes = Zeroizing::new(Vec::with_capacity(line.0.len() + 1));
        bytes.extend_from_slice(line.0.as_bytes());
        bytes.push(b'\n');
        let written = self.0.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes);
        if let Err(error) = written
            && !self.0.failed.swap(true, Ordering::Relaxed)
            && let Some(told) = self.0.told.get()
        {
            told(&error);
        }
    }

    fn of(file: File) -> Self {
        Self(Arc::new(Shared {
            file: Mutex::new(file),
            failed: AtomicBool::new(false),
            told: OnceLock::new(),
        }))
    }
}

impl fmt::Debug for KeyLogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLogFile")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn lines_are_in_the_format_of_nss() {
        let line = KeyLogLine::new("CLIENT_RANDOM", &[0, 0xab], &[1, 2]);
        assert_eq!(line.as_str(), "CLIENT_RANDOM 00ab 0102");
        assert_eq!(line.label(), "CLIENT_RANDOM");
        assert_eq!(format!("{line:?}"), "KeyLogLine(CLIENT_RANDOM ...)");
    }

    #[test]
    fn a_file_grows_and_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.log");
        for random in [1, 2] {
            let file = KeyLogFile::open(&path).unwrap();
            file.clone().write(&KeyLogLine::new("CLIENT_RANDOM", &[random], &[9]));
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "CLIENT_RANDOM 01 09\nCLIENT_RANDOM 02 09\n"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let error = KeyLogFile::open(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with(&folder.path().display().to_string()), "{error}");
    }

    #[test]
    fn a_failure_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("read-only");
        fs::write(&path, "").unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let file = KeyLogFile::of(File::open(&path).unwrap()).on_error(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        for _ in 0..3 {
            file.write(&KeyLogLine::new("CLIENT_RANDOM", &[], &[]));
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
