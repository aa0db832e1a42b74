//! Whether a large file is what it was when it was read, by what the system says of it.

use std::path::Path;

use crate::words::{SystemClock, now};

/// What the system says of a large file. When it says the same again, no program has written to the file in
/// between.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "there are none"))]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Smaller files are read: that costs next to nothing, and asks no clock.
#[cfg(unix)]
const LARGE: u64 = 256 * 1024;

/// File systems count time in steps, of two seconds at most: what was changed a moment ago may be changed
/// again in the same step.
#[cfg(unix)]
const MOMENT: i64 = 5;

impl Stamp {
    /// To be taken before the file is read. `None`: only reading tells. The file is small, is not there,
    /// was changed a moment ago, or the system keeps no time of change that cannot be set.
    pub(super) fn of(path: &Path) -> Option<Self> {
        Self::at(path, now(&SystemClock))
    }

    #[cfg(unix)]
    fn at(path: &Path, now: i64) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let is = std::fs::metadata(path).ok()?;
        let long_ago = is.ctime().saturating_add(MOMENT) < now;
        (is.is_file() && is.size() >= LARGE && long_ago).then(|| Self {
            device: is.dev(),
            inode: is.ino(),
            size: is.size(),
            modified: (is.mtime(), is.mtime_nsec()),
            changed: (is.ctime(), is.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    fn at(_path: &Path, _now: i64) -> Option<Self> {
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::{LARGE, MOMENT, Stamp};

    #[test]
    fn only_a_large_file_that_rests_has_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        assert_eq!(Stamp::at(&path, i64::MAX), None, "not there");
        fs::write(&path, b"small").unwrap();
        assert_eq!(Stamp::at(&path, i64::MAX), None, "small");
        fs::write(&path, vec![1; LARGE as usize]).unwrap();
        let changed = fs::metadata(&path).unwrap().ctime();
        for (later, has) in [(-1, false), (0, false), (MOMENT, false), (MOMENT + 1, true)] {
            assert_eq!(Stamp::at(&path, changed + later).is_some(), has, "after {later} seconds");
        }
        assert_eq!(Stamp::at(dir.path(), i64::MAX), None, "a folder");
    }

    #[test]
    fn it_is_another_after_each_kind_of_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        let write = |byte: u8, name: &str| {
            fs::write(dir.path().join(name), vec![byte; LARGE as usize]).unwrap();
        };
        write(1, "list");
        let first = Stamp::at(&path, i64::MAX).unwrap();
        assert_eq!(Stamp::at(&path, i64::MAX).unwrap(), first);
        write(2, "new");
        fs::rename(dir.path().join("new"), &path).unwrap();
        let second = Stamp::at(&path, i64::MAX).unwrap();
        assert_ne!(second, first, "another file in its place");
        // As long as it was, and with the old time of modification: the system knows better.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        loop {
            write(3, "list");
            fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
            // The clock of a file system goes in steps: until the next one it cannot tell.
            let is = fs::metadata(&path).unwrap();
            if (is.ctime(), is.ctime_nsec()) != second.changed {
                break;
            }
        }
        assert_ne!(Stamp::at(&path, i64::MAX).unwrap(), second, "written in place");
    }
}
