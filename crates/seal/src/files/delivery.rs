//! Several files that belong together: all of them are written, or none.

use std::fs;
use std::path::{Path, PathBuf};

use sealwire::pki::{self, Access, Existing};
use zeroize::Zeroizing;

use crate::say::failure::Failure;

/// What is to be written.
pub(crate) struct Delivery {
    existing: Existing,
    files: Vec<(PathBuf, Zeroizing<Vec<u8>>, Access)>,
}

impl Delivery {
    /// `force` lets files that exist be replaced.
    pub(crate) fn new(force: bool) -> Self {
        let existing = if force { Existing::Replace } else { Existing::Keep };
        Self { existing, files: Vec::new() }
    }

    /// Fails early when one of these files exists: before the work that would be wasted.
    pub(crate) fn check(&self, paths: &[&PathBuf]) -> Result<(), Failure> {
        for path in paths.iter().filter(|_| self.existing == Existing::Keep) {
            pki::check_absent(path)?;
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, path: &Path, bytes: &[u8], access: Access) {
        self.files.push((path.to_owned(), Zeroizing::new(bytes.to_vec()), access));
    }

    /// Writes all files. When one fails, those that were not there before are removed again.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let mut new = Vec::new();
        for (path, bytes, access) in &self.files {
            let fresh = !path.exists();
            if let Err(error) = pki::write_file(path, bytes, *access, self.existing) {
                for path in new {
                    let _ = fs::remove_file(path);
                }
                return Err(error.into());
            }
            if fresh {
                new.push(path);
            }
        }
        Ok(())
    }
}
