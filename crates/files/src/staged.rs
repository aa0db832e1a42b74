//! Files that are written beside their places, and moved there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sealwire_x509::{Error, Problem};
use tempfile::{Builder, NamedTempFile, PersistError};

use crate::guard::{check_link, check_ours, spare_key};
use crate::pipe::open_at_once;
use crate::place::{exists, folder_of, no_folder};
use crate::sync::{Syncing, sync_folders};
use crate::{Access, Existing};

/// A file that has been written beside its place, or is open; deleted unless it is put there.
#[derive(Debug)]
pub struct Staged<'a> {
    /// As the user wrote it.
    path: &'a Path,
    existing: Existing,
    place: Place<'a>,
}

#[derive(Debug)]
enum Place<'a> {
    Beside { new: NamedTempFile, syncing: Syncing, target: PathBuf },
    Directly { file: File, bytes: &'a [u8] },
}

/// Why files that belong together were not put into their places.
#[derive(Debug)]
pub struct NotPut {
    /// What went wrong.
    pub error: Error,
    /// What could not be put back afterwards, and where it is.
    pub lost: Vec<Error>,
}

/// Moves all files into their places, in this order. When one cannot be moved, those before it are taken
/// away again, and the old ones put back.
///
/// # Errors
/// As those of [`Staged::put`].
pub fn put_all(files: Vec<Staged<'_>>) -> Result<(), NotPut> {
    let mut done: Vec<Undo> = Vec::new();
    for file in files {
        match file.put_undoably() {
            Ok(undo) => done.push(undo),
            Err(error) => return Err(take_back(done, error)),
        }
    }
    let mut folders: Vec<&Path> = done.iter().filter_map(Undo::folder).collect();
    folders.sort_unstable();
    folders.dedup();
    match sync_folders(&folders) {
        Ok(()) => Ok(()),
        Err(e) => {
            let error = Error::io(folders[0], &e);
            Err(take_back(done, error))
        }
    }
}

fn take_back(done: Vec<Undo>, error: Error) -> NotPut {
    let lost = done.into_iter().rev().filter_map(|undo| undo.undo().err()).collect();
    NotPut { error, lost }
}

impl<'a> Staged<'a> {
    /// Writes a file beside its place; the place itself is left alone.
    ///
    /// # Errors
    /// As those of [`write_file`](crate::write_file).
    pub fn new(
        path: &'a Path,
        bytes: &'a [u8],
        access: Access,
        existing: Existing,
    ) -> Result<Self, Error> {
        let fail = |e: &io::Error| match e.kind() {
            io::ErrorKind::NotFound => no_folder(path),
            _ => Error::io(path, e),
        };
        if access == Access::Private {
            check_link(path)?;
        }
        // A link is followed, as a shell's `>` does: what it points at is replaced, not the link.
        let target = match fs::metadata(path) {
            Ok(there) if there.is_dir() => {
                return Err(Error::io(path, &io::ErrorKind::IsADirectory.into()));
            }
            Ok(there) if !there.is_file() => {
                // Looked at before it is opened, which tells its readers, and after.
                check_ours(path, &there, access)?;
                let file = open_at_once(path)?;
                check_ours(path, &file.metadata().map_err(|e| fail(&e))?, access)?;
                return Ok(Self { path, existing, place: Place::Directly { file, bytes } });
            }
            Ok(_) if existing == Existing::Keep => return Err(exists(path)),
            Ok(_) => fs::canonicalize(path).map_err(|e| fail(&e))?,
            Err(_) => path.to_owned(),
        };
        if access == Access::Public && existing == Existing::Replace {
            spare_key(path)?;
        }
        let mut new = temporary(&target, access).map_err(|e| fail(&e))?;
        new.write_all(bytes).map_err(|e| fail(&e))?;
        let syncing = Syncing::begin(new.as_file());
        Ok(Self { path, existing, place: Place::Beside { new, syncing, target } })
    }

    /// Moves it into its place.
    ///
    /// # Errors
    /// When that fails, or a file to keep has come there meanwhile.
    pub fn put(self) -> Result<(), Error> {
        let path = self.path;
        match self.moved()? {
            None => Ok(()),
            Some(target) => sync_folders(&[folder_of(&target)]).map_err(|e| Error::io(path, &e)),
        }
    }

    /// Moves it, and tells where it is now; the folder is not synced yet.
    fn moved(self) -> Result<Option<PathBuf>, Error> {
        let Self { path, existing, place } = self;
        let told = |e: io::Error| match e.kind() {
            io::ErrorKind::AlreadyExists => exists(path),
            _ => Error::io(path, &e),
        };
        match place {
            Place::Directly { mut file, bytes } => {
                file.write_all(bytes).map_err(told)?;
                Ok(None)
            }
            Place::Beside { new, syncing, target } => {
                syncing.wait().map_err(told)?;
                let put = match existing {
                    Existing::Replace => new.persist(&target),
                    Existing::Keep => put_where_nothing_is(new, &target),
                };
                put.map_err(|e| told(e.error))?;
                Ok(Some(target))
            }
        }
    }

    fn put_undoably(self) -> Result<Undo, Error> {
        let path = self.path;
        let old = match &self.place {
            Place::Beside { target, .. } if target.is_file() => {
                Some(keep_beside(target).map_err(|e| Error::io(path, &e))?)
            }
            _ => None,
        };
        Ok(match (self.moved()?, old) {
            (None, _) => Undo::Pipe,
            (Some(target), None) => Undo::Remove(target),
            (Some(target), Some(old)) => Undo::Restore { old, target },
        })
    }
}

/// How to undo that a file was put into its place, by what was there.
#[derive(Debug)]
enum Undo {
    /// Nothing.
    Remove(PathBuf),
    /// The old file, under another name in the same folder until this is dropped.
    Restore { old: NamedTempFile<()>, target: PathBuf },
    /// Something into which bytes go and are gone.
    Pipe,
}

impl Undo {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Remove(target) | Self::Restore { target, .. } => Some(folder_of(target)),
            Self::Pipe => None,
        }
    }

    /// Puts back what was there. When that fails, the old file stays under its other name, which
    /// the error tells.
    fn undo(self) -> Result<(), Error> {
        match self {
            Self::Pipe => Ok(()),
            Self::Remove(path) => fs::remove_file(&path).map_err(|e| Error::io(&path, &e)),
            Self::Restore { mut old, target } => {
                let restored = fs::rename(old.path(), &target);
                old.disable_cleanup(true);
                restored.map_err(|e| {
                    let kept = old.path().display();
                    let what =
                        format!("the old file could not be restored ({e}); it is kept as {kept}");
                    Error::new(Problem::Io(e.kind()), what).at(target.display().to_string())
                })
            }
        }
    }
}

/// Unlike a rename this fails when the target has appeared meanwhile. Where the file system has no way
/// to say so (FAT, some network mounts), the look before must do.
fn put_where_nothing_is(new: NamedTempFile, target: &Path) -> Result<File, PersistError> {
    new.persist_noclobber(target).or_else(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => Err(failed),
        _ if target.exists() => Err(failed),
        _ => failed.file.persist(target),
    })
}

/// The same file under a second name: by a link, or by a copy where links are not supported (FAT).
fn keep_beside(target: &Path) -> io::Result<NamedTempFile<()>> {
    let keep = |name: &Path| match fs::hard_link(target, name) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => fs::copy(target, name).map(|_| ()),
        linked => linked,
    };
    Builder::new().prefix(".seal-").suffix(".old").make_in(folder_of(target), keep)
}

fn temporary(target: &Path, access: Access) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".seal-").suffix(".new");
    widen(&mut builder, access);
    builder.tempfile_in(folder_of(target))
}

/// Temporary files are private (0600) unless told; the umask takes away what it likes.
#[cfg(unix)]
fn widen(builder: &mut Builder<'_, '_>, access: Access) {
    use std::os::unix::fs::PermissionsExt;
    if access == Access::Public {
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
}

#[cfg(not(unix))]
fn widen(_: &mut Builder<'_, '_>, _: Access) {}
