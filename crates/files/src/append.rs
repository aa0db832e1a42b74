//! Files to which secrets are appended.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use sealwire_x509::Error;

use crate::guard::{check_link, check_secrets};
use crate::pipe::{told_of_pipe, without_waiting};
use crate::place::no_folder;

/// Opens `path` to append secrets to it; creates it, readable by its owner only, when it is missing.
///
/// As [`write_file`](crate::write_file) it writes into a pipe or a device only when it is ours, and into a pipe only when
/// a reader is there; when that reader falls behind, writing fails with `WouldBlock` and does not wait.
/// Another user's file in a world-writable folder is refused, as Linux does with
/// `fs.protected_regular`: its owner put it there to read what is written.
///
/// # Errors
/// With the file's name: what is there would give the secrets away, is a pipe without a reader, or cannot
/// be opened.
pub fn append_secrets(path: &Path) -> Result<File, Error> {
    check_link(path)?;
    // Looked at before it is opened, which tells its readers, and after.
    if let Ok(there) = fs::metadata(path) {
        check_secrets(path, &there)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    let file = without_waiting(&mut options).open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => no_folder(path),
        _ => told_of_pipe(path, &e),
    })?;
    check_secrets(path, &file.metadata().map_err(|e| Error::io(path, &e))?)?;
    Ok(file)
}
