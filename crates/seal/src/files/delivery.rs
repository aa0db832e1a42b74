//! Several files that belong together: all of them are written, or none.

use std::path::{Path, PathBuf};

use sealwire_files::{self as file, Access, Existing, Staged, Undo};
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
                return Err(Failure::usage(format!(
                    "{}: two of the files would be this one",
                    path.display()
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, path: &Path, bytes: &[u8], access: Access) {
        self.files.push((path.to_owned(), Zeroizing::new(bytes.to_vec()), access));
    }

    /// Writes all files: each beside its place first, and moved when all are there. When one cannot
    /// be moved, those before it are taken away again, and the old ones put back.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let staged = self
            .files
            .iter()
            .map(|(path, bytes, access)| Staged::new(path, bytes, *access, self.existing))
            .collect::<Result<Vec<_>, _>>()?;
        let mut done = Vec::new();
        for file in staged {
            match file.put_undoably() {
                Ok(undo) => done.push(undo),
                Err(error) => return Err(take_back(done, error.into())),
            }
        }
        Ok(())
    }
}

fn take_back(done: Vec<Undo>, mut failure: Failure) -> Failure {
    for undo in done.into_iter().rev() {
        if let Err(error) = undo.undo() {
            failure = failure.advise(error.to_string());
        }
    }
    failure
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_moved_takes_all_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("old"), "old").unwrap();
        let mut delivery = Delivery::new(true);
        delivery.add(&path("old"), b"new", Access::Private);
        delivery.add(&path("fresh"), b"new", Access::Public);
        let all = delivery.files.iter();
        let staged: Vec<_> = all
            .map(|(path, bytes, access)| Staged::new(path, bytes, *access, Existing::Replace))
            .collect::<Result<_, _>>()
            .unwrap();
        let done: Vec<_> = staged.into_iter().map(|file| file.put_undoably().unwrap()).collect();
        assert_eq!(fs::read(path("old")).unwrap(), b"new");
        let failure = take_back(done, Failure::usage("the third failed"));
        assert_eq!(failure.to_string(), "the third failed");
        assert_eq!(fs::read(path("old")).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

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
