//! Where files are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sealwire_x509::{Error, Problem};

/// Fails with [`Problem::Exists`] when [`write_file`](crate::write_file) would refuse: asked before the
/// work that would be wasted.
///
/// # Errors
/// When there is such a file.
pub fn check_absent(path: &Path) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() => Err(exists(path)),
        _ => Ok(()),
    }
}

/// Fails when there is no folder for this file, or a folder in its place.
///
/// # Errors
/// Which of the two.
pub fn check_place(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Err(Error::io(path, &io::ErrorKind::IsADirectory.into()));
    }
    if folder_of(path).is_dir() { Ok(()) } else { Err(no_folder(path)) }
}

/// Where a file will be, by whatever way it is named: two paths with one place are one file.
#[must_use]
pub fn place_of(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = fs::canonicalize(folder_of(path));
        let name = path.file_name().unwrap_or_default();
        folder.unwrap_or_else(|_| folder_of(path).to_owned()).join(name)
    })
}

pub(crate) fn exists(path: &Path) -> Error {
    Error::new(Problem::Exists, "the file exists").at(path.display().to_string())
}

pub(crate) fn no_folder(path: &Path) -> Error {
    let problem = Problem::Io(io::ErrorKind::NotFound);
    Error::new(problem, "no such folder to write in").at(path.display().to_string())
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
