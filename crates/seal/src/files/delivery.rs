//! Several files that belong together: all of them are written, or none.

use std::path::{Path, PathBuf};

use sealwire_files::{self as file, Access, Existing, NotPut, Staged, put_all};
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

    /// Fails early: before the work that would be wasted, and before anything is changed.
    pub(crate) fn check(&self, paths: &[&PathBuf]) -> Result<(), Failure> {
        for (index, path) in paths.iter().enumerate() {
            if self.existing == Existing::Keep {
                file::check_absent(path)?;
            }
            file::check_place(path)?;
            let place = file::place_of(path);
            if paths[..index].iter().any(|other| file::place_of(other) == place) {
                return Err(Failure::usage(format!("{}: named for two outputs", path.display())));
            }
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, path: &Path, bytes: &[u8], access: Access) {
        self.files.push((path.to_owned(), Zeroizing::new(bytes.to_vec()), access));
    }

    /// Writes all files beside their places, and opens pipes: what can fail or would wait does so
    /// before anything is noted elsewhere.
    pub(crate) fn stage(&self) -> Result<Ready<'_>, Failure> {
        let staged = self
            .files
            .iter()
            .map(|(path, bytes, access)| Staged::new(path, bytes, *access, self.existing))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Ready(staged))
    }

    /// Writes all files: each beside its place first, and moved when all are there.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        self.stage()?.put()
    }
}

/// Files of which each is beside its place.
pub(crate) struct Ready<'a>(Vec<Staged<'a>>);

impl Ready<'_> {
    /// Moves all into their places. When one cannot be moved, those before it are taken away again,
    /// and the old ones put back.
    pub(crate) fn put(self) -> Result<(), Failure> {
        put_all(self.0).map_err(|NotPut { error, lost }| {
            lost.iter()
                .fold(error.into(), |failure: Failure, lost| failure.advise(lost.to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn nothing_is_changed_when_one_has_no_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("key"), "old").unwrap();
        let mut delivery = Delivery::new(true);
        delivery.add(&path("key"), b"new", Access::Private);
        delivery.add(&path("missing/x.pfx"), b"new", Access::Private);
        assert!(delivery.check(&[&path("key"), &path("missing/x.pfx")]).is_err());
        assert!(delivery.check(&[&path("key"), &path("key")]).is_err());
        assert!(delivery.write().is_err());
        assert_eq!(fs::read(path("key")).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
