//! The files of a store, written whole or not at all; keys never readable by others, not for a
//! moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;

use crate::pki::{Error, Problem};

/// Who may read a file that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// The owner only: mode 0600 from the first byte, whatever the umask.
    Private,
    /// Everybody whom the umask lets.
    Public,
}

/// What to do with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// Leave it and fail with [`Problem::Exists`].
    Keep,
    /// Put the new file in its place in one step: readers see the old or the new one, never half.
    Replace,
}

/// Writes `bytes` to `path` in one step: to a temporary file beside it, synced, then moved into
/// place. A failure leaves nothing behind and the old file as it was.
pub(super) fn write_file(
    path: &Path,
    bytes: &[u8],
    access: Access,
    existing: Existing,
) -> Result<(), Error> {
    let fail = |e: &io::Error| match e.kind() {
        io::ErrorKind::NotFound => Error::new(Problem::Io(e.kind()), "no such folder to write in")
            .at(path.display().to_string()),
        _ => Error::io(path, e),
    };
    // A link is followed, as a shell's `>` does: what it points at is replaced, not the link.
    let target = match fs::metadata(path) {
        Ok(there) if !there.is_file() => {
            let what = "it is not a regular file, so nothing is written to it";
            return Err(Error::new(Problem::Exists, what).at(path.display().to_string()));
        }
        Ok(_) if existing == Existing::Keep => return Err(exists(path)),
        Ok(_) => fs::canonicalize(path).map_err(|e| fail(&e))?,
        Err(_) => path.to_owned(),
    };
    let temporary = Temporary::beside(&target, access).map_err(|e| fail(&e))?;
    temporary.fill(bytes).map_err(|e| fail(&e))?;
    match existing {
        Existing::Replace => temporary.rename(&target).map_err(|e| fail(&e)),
        Existing::Keep => temporary.link(&target).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => exists(path),
            _ => fail(&e),
        }),
    }
}

fn exists(path: &Path) -> Error {
    Error::new(Problem::Exists, "the file exists").at(path.display().to_string())
}

/// A file that is deleted unless it was moved into place.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn beside(target: &Path, access: Access) -> io::Result<Self> {
        let mut random = [0; 8];
        rand::fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{:016x}.tmp", u64::from_ne_bytes(random)));
        let path = target.with_file_name(hidden);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        restrict(&mut options, access);
        let file = options.open(&path)?;
        Ok(Self { path, file })
    }

    fn fill(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)?;
        self.file.sync_all()
    }

    fn rename(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        sync_folder(target)
    }

    /// Unlike a rename, a hard link fails when the target has appeared meanwhile.
    fn link(self, target: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, target) {
            Ok(()) => sync_folder(target),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
            // File systems without hard links (FAT, some network mounts): the check before must do.
            Err(_) => fs::rename(&self.path, target),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the new name itself survive a power cut, where the system has a way.
fn sync_folder(target: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = target.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(unix)]
fn restrict(options: &mut OpenOptions, access: Access) {
    use std::os::unix::fs::OpenOptionsExt;
    if access == Access::Private {
        options.mode(0o600);
    }
}

#[cfg(not(unix))]
fn restrict(_: &mut OpenOptions, _: Access) {}

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
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("absent/key.pem");
        let error = write_file(&path, b"", Access::Public, Existing::Keep).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: no such folder to write in", path.display()));
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
