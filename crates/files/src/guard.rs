//! Where no key is written to: places that other users chose, and over another key.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use sealwire_x509::{Error, Problem};
use zeroize::Zeroizing;

use crate::Access;
use crate::place::folder_of;

/// A pipe or device that a key may be written into: ours, or one of the system's devices. Another
/// user's pipe in a shared folder would give the key away.
#[cfg(unix)]
pub(crate) fn check_ours(path: &Path, there: &Metadata, access: Access) -> Result<(), Error> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let ours = there.uid() == rustix::process::geteuid().as_raw();
    let systems = there.file_type().is_char_device() && there.uid() == 0;
    if access == Access::Public || ours || systems {
        return Ok(());
    }
    let what = "not a regular file, or owned by another user: refusing to write a key into it";
    Err(Error::new(Problem::InvalidValue, what).at(path.display().to_string()))
}

#[cfg(not(unix))]
pub(crate) fn check_ours(_: &Path, _: &Metadata, _: Access) -> Result<(), Error> {
    Ok(())
}

/// What secrets may be appended to: a pipe or a device as [`check_ours`] has it, and no file that another
/// user has put into a world-writable folder.
#[cfg(unix)]
pub(crate) fn check_secrets(path: &Path, there: &Metadata) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    const EVERYBODY_WRITES: u32 = 0o002;
    if there.is_dir() {
        return Err(Error::io(path, &io::ErrorKind::IsADirectory.into()));
    }
    if !there.is_file() {
        return check_ours(path, there, Access::Private);
    }
    // Where the file really is: a link that was followed is ours.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = fs::metadata(folder_of(&place)).map_err(|e| Error::io(path, &e))?;
    let shared = folder.mode() & EVERYBODY_WRITES != 0;
    let owners = [rustix::process::geteuid().as_raw(), folder.uid()];
    if !shared || owners.contains(&there.uid()) {
        return Ok(());
    }
    let what = "another user created this file in a world-writable folder: refusing to write secrets into \
                it: remove it, or name another";
    Err(Error::new(Problem::InvalidValue, what).at(path.display().to_string()))
}

#[cfg(not(unix))]
pub(crate) fn check_secrets(_: &Path, _: &Metadata) -> Result<(), Error> {
    Ok(())
}

/// A link that another user made decides where a key goes, so it is not followed.
#[cfg(unix)]
pub(crate) fn check_link(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    match fs::symlink_metadata(path) {
        Ok(there)
            if there.is_symlink()
                && ![0, rustix::process::geteuid().as_raw()].contains(&there.uid()) =>
        {
            let what = "a symbolic link owned by another user: refusing to write a key through it";
            Err(Error::new(Problem::InvalidValue, what).at(path.display().to_string()))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(crate) fn check_link(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// Fails when something that is not secret would take the place of a private key: that is never intended,
/// and the key is lost.
pub(crate) fn spare_key(path: &Path) -> Result<(), Error> {
    const KEY: &[u8] = b"PRIVATE KEY-----";
    let old = fs::read(path).map(Zeroizing::new).unwrap_or_default();
    if !old.windows(KEY.len()).any(|window| window == KEY) {
        return Ok(());
    }
    let what = "it holds a private key, and what would take its place does not: remove it first if it \
                is not needed";
    Err(Error::new(Problem::InvalidValue, what).at(path.display().to_string()))
}
