//! Files written whole or not at all, and keys that only their owner can read, at any moment: how the
//! library keeps the folder of a CA, and the program everything that it makes.
#![forbid(unsafe_code)]

mod append;
mod guard;
mod pipe;
mod place;
mod staged;
mod sync;
#[cfg(test)]
mod tests;

use std::path::Path;

use sealwire_x509::Error;

pub use append::append_secrets;
pub use place::{check_absent, check_place, place_of};
pub use staged::{NotPut, Staged, put_all};

/// The users that may read a file that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The owner only: mode 0600 from the first byte, whatever the umask.
    Private,
    /// All users that the umask permits.
    Public,
}

/// What to do with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail with [`Problem::Exists`](sealwire_x509::Problem::Exists).
    Keep,
    /// Put the new file in its place in one step: readers see the old or the new one, never half.
    Replace,
}

/// Writes `bytes` to `path` in one step: to a temporary file beside it, synced, then moved into
/// place. A failure leaves nothing behind and the old file as it was.
///
/// Something that is not a regular file (a pipe, `/dev/stdout`) is written to directly; a key only
/// when it is ours, and a pipe only when it has a reader.
///
/// # Errors
/// With the file's name: when there is one to keep, no folder for it, a key would be another
/// user's to read, or it is a pipe without a reader.
pub fn write_file(
    path: &Path,
    bytes: &[u8],
    access: Access,
    existing: Existing,
) -> Result<(), Error> {
    Staged::new(path, bytes, access, existing)?.put()
}
