//! Pipes and devices: opened without waiting for the other end.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use sealwire_x509::{Error, Problem};

/// Opens what is not a regular file, a pipe or a device, without waiting for a reader: none may
/// ever come. What is written afterwards waits for the reader, which is there.
#[cfg(unix)]
pub(crate) fn open_at_once(path: &Path) -> Result<File, Error> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let opened = without_waiting(OpenOptions::new().write(true)).open(path);
    let opened = opened.and_then(|file| {
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        Ok(file)
    });
    opened.map_err(|e| told_of_pipe(path, &e))
}

#[cfg(not(unix))]
pub(crate) fn open_at_once(path: &Path) -> Result<File, Error> {
    OpenOptions::new().write(true).open(path).map_err(|e| Error::io(path, &e))
}

/// Private when it is made; neither opening it nor writing to it waits for a reader.
#[cfg(unix)]
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    options.mode(0o600).custom_flags(flags.bits().cast_signed())
}

#[cfg(not(unix))]
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Why something could not be opened: of a pipe, that it has no reader.
#[cfg(unix)]
pub(crate) fn told_of_pipe(path: &Path, error: &io::Error) -> Error {
    if error.raw_os_error() != Some(rustix::io::Errno::NXIO.raw_os_error()) {
        return Error::io(path, error);
    }
    let what = "a pipe or socket without a reader: start the reader first, or name \
                a regular file";
    Error::new(Problem::Io(error.kind()), what).at(path.display().to_string())
}

#[cfg(not(unix))]
pub(crate) fn told_of_pipe(path: &Path, error: &io::Error) -> Error {
    Error::io(path, error)
}
