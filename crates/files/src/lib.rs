//! Files written whole or not at all, and keys that nobody else can read, not for a moment: how the
//! library keeps the folder of a CA, and the program everything that it makes.
#![forbid(unsafe_code)]

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sealwire_x509::{Error, Problem};
use tempfile::{Builder, NamedTempFile, PersistError};
use zeroize::Zeroizing;

/// Who may read a file that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The owner only: mode 0600 from the first byte, whatever the umask.
    Private,
    /// Everybody whom the umask lets.
    Public,
}

/// What to do with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail with [`Problem::Exists`].
    Keep,
    /// Put the new file in its place in one step: readers see the old or the new one, never half.
    Replace,
}

/// Writes `bytes` to `path` in one step: to a temporary file beside it, synced, then moved into
/// place. A failure leaves nothing behind and the old file as it was.
///
/// Something that is not a regular file (a pipe, `/dev/stdout`) is written to directly; a key only
/// when it is ours.
///
/// # Errors
/// With the file's name: when there is one to keep, no folder for it, or a key would be another
/// user's to read.
pub fn write_file(
    path: &Path,
    bytes: &[u8],
    access: Access,
    existing: Existing,
) -> Result<(), Error> {
    Staged::new(path, bytes, access, existing)?.put()
}

/// Fails with [`Problem::Exists`] when [`write_file`] would refuse: asked before the work that
/// would be wasted.
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
    Beside { new: NamedTempFile, target: PathBuf },
    Directly { file: File, bytes: &'a [u8] },
}

/// How to undo that a file was put into its place.
#[derive(Debug)]
pub struct Undo(Before);

/// What was there.
#[derive(Debug)]
enum Before {
    /// Nothing.
    Absent(PathBuf),
    /// The old file, under another name in the same folder until this is dropped.
    Kept { old: NamedTempFile<()>, target: PathBuf },
    /// Something into which bytes go and are gone.
    Pipe,
}

impl<'a> Staged<'a> {
    /// Writes a file beside its place; the place itself is left alone.
    ///
    /// # Errors
    /// As those of [`write_file`].
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
                // Looked at before it is opened, which may wait for a reader, and after.
                check_ours(path, &there, access)?;
                let file = OpenOptions::new().write(true).open(path).map_err(|e| fail(&e))?;
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
        new.write_all(bytes).and_then(|()| new.as_file().sync_all()).map_err(|e| fail(&e))?;
        Ok(Self { path, existing, place: Place::Beside { new, target } })
    }

    /// Moves it into its place.
    ///
    /// # Errors
    /// When that fails, or a file to keep has come there meanwhile.
    pub fn put(self) -> Result<(), Error> {
        let Self { path, existing, place } = self;
        match place {
            Place::Directly { mut file, bytes } => {
                file.write_all(bytes).map_err(|e| Error::io(path, &e))
            }
            Place::Beside { new, target } => {
                let put = match existing {
                    Existing::Replace => new.persist(&target),
                    Existing::Keep => put_where_nothing_is(new, &target),
                };
                put.map_err(|e| e.error).and_then(|_| sync_folder(&target)).map_err(|e| {
                    match e.kind() {
                        io::ErrorKind::AlreadyExists => exists(path),
                        _ => Error::io(path, &e),
                    }
                })
            }
        }
    }

    /// As [`put`](Self::put), in a way that can be undone.
    ///
    /// # Errors
    /// As `put`'s.
    pub fn put_undoably(self) -> Result<Undo, Error> {
        let before = match &self.place {
            Place::Directly { .. } => Before::Pipe,
            Place::Beside { target, .. } if target.is_file() => {
                let old = keep_beside(target).map_err(|e| Error::io(self.path, &e))?;
                Before::Kept { old, target: target.clone() }
            }
            Place::Beside { target, .. } => Before::Absent(target.clone()),
        };
        self.put().map(|()| Undo(before))
    }
}

impl Undo {
    /// Puts back what was there. When that fails, the old file stays under its other name, which
    /// the error tells.
    ///
    /// # Errors
    /// When it cannot be put back.
    pub fn undo(self) -> Result<(), Error> {
        match self.0 {
            Before::Pipe => Ok(()),
            Before::Absent(path) => fs::remove_file(&path).map_err(|e| Error::io(&path, &e)),
            Before::Kept { mut old, target } => {
                let restored = fs::rename(old.path(), &target);
                old.disable_cleanup(true);
                restored.map_err(|e| {
                    let kept = old.path().display();
                    let what = format!("the old file could not be put back ({e}); it is {kept}");
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

/// The same file under a second name: by a link, or by a copy where there are none (FAT).
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

/// A pipe or device that a key may be written into: ours, or one of the system's devices. Another
/// user's pipe in a shared folder would give the key away.
#[cfg(unix)]
fn check_ours(path: &Path, there: &Metadata, access: Access) -> Result<(), Error> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let ours = there.uid() == rustix::process::geteuid().as_raw();
    let systems = there.file_type().is_char_device() && there.uid() == 0;
    if access == Access::Public || ours || systems {
        return Ok(());
    }
    let what = "it is neither a regular file nor yours, so no key is written into it";
    Err(Error::new(Problem::InvalidValue, what).at(path.display().to_string()))
}

#[cfg(not(unix))]
fn check_ours(_: &Path, _: &Metadata, _: Access) -> Result<(), Error> {
    Ok(())
}

/// A link that another user made decides where a key goes, so it is not followed.
#[cfg(unix)]
fn check_link(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    match fs::symlink_metadata(path) {
        Ok(there)
            if there.is_symlink()
                && ![0, rustix::process::geteuid().as_raw()].contains(&there.uid()) =>
        {
            let what = "it is a link of another user, so no key is written through it";
            Err(Error::new(Problem::InvalidValue, what).at(path.display().to_string()))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn check_link(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// Fails when something that is no secret would take the place of a private key: nobody means that,
/// and the key is lost.
fn spare_key(path: &Path) -> Result<(), Error> {
    const KEY: &[u8] = b"PRIVATE KEY-----";
    let old = fs::read(path).map(Zeroizing::new).unwrap_or_default();
    if !old.windows(KEY.len()).any(|window| window == KEY) {
        return Ok(());
    }
    let what = "it holds a private key, and what would take its place does not: remove it first if it \
                is not needed";
    Err(Error::new(Problem::InvalidValue, what).at(path.display().to_string()))
}

fn exists(path: &Path) -> Error {
    Error::new(Problem::Exists, "the file exists").at(path.display().to_string())
}

fn no_folder(path: &Path) -> Error {
    let problem = Problem::Io(io::ErrorKind::NotFound);
    Error::new(problem, "no such folder to write in").at(path.display().to_string())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Makes the new name itself survive a power cut, where the system has a way.
fn sync_folder(target: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder_of(target))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_or_replaces_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        write_file(&path, b"one", Access::Private, Existing::Keep).unwrap();
        let refused = write_file(&path, b"two", Access::Private, Existing::Keep).unwrap_err();
        assert_eq!(refused.problem(), Problem::Exists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write_file(&path, b"three", Access::Private, Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        let staged = Staged::new(&path, b"four", Access::Private, Existing::Replace).unwrap();
        staged.put_undoably().unwrap().undo().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        drop(Staged::new(&path, b"five", Access::Private, Existing::Replace).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_gives_way_to_a_key_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        let key = b"-----BEGIN PRIVATE KEY-----\n";
        write_file(&path, key, Access::Private, Existing::Keep).unwrap();
        let refused = write_file(&path, b"x", Access::Public, Existing::Replace).unwrap_err();
        assert!(refused.to_string().contains("it holds a private key"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), key);
        write_file(&path, b"PFX", Access::Private, Existing::Replace).unwrap();
        write_file(&path, b"x", Access::Public, Existing::Replace).unwrap();
    }

    #[test]
    fn one_file_has_one_place() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("./a"));
        assert_eq!(place_of(&a), place_of(&b));
        fs::write(&a, "x").unwrap();
        assert_eq!(place_of(&a), place_of(&b));
        #[cfg(unix)]
        {
            let link = dir.path().join("link");
            std::os::unix::fs::symlink(&a, &link).unwrap();
            assert_eq!(place_of(&link), place_of(&a));
        }
        assert_ne!(place_of(&dir.path().join("c")), place_of(&a));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("absent/key.pem");
        let named = format!("{}: no such folder to write in", path.display());
        let error = write_file(&path, b"", Access::Public, Existing::Keep).unwrap_err();
        assert_eq!(error.to_string(), named);
        assert_eq!(check_place(&path).unwrap_err().to_string(), named);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_private_and_a_link_is_followed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        let link = dir.path().join("link");
        write_file(&real, b"one", Access::Private, Existing::Keep).unwrap();
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_file(&link, b"two", Access::Private, Existing::Replace).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"two");
    }
}
