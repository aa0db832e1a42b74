//! Files beside the session file, for what is too long for a database.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A segment is closed once it is so long.
const LONGEST: u64 = 64 << 20;

/// The folder beside a session file.
pub(super) fn folder(session: &Path) -> PathBuf {
    let mut name = session.as_os_str().to_owned();
    name.push(".bodies");
    name.into()
}

fn file(folder: &Path, number: i64) -> PathBuf {
    folder.join(format!("{number:08}"))
}

/// Writes to the end of the newest segment.
pub(super) struct Segments {
    folder: PathBuf,
    open: Option<(i64, File, u64)>,
    next: i64,
    /// Bytes in all segments.
    pub(super) bytes: u64,
}

impl Segments {
    pub(super) fn new(session: &Path) -> Self {
        let folder = folder(session);
        let (mut next, mut bytes) = (1, 0);
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let number = entry.file_name().to_str().and_then(|name| name.parse::<i64>().ok());
            next = next.max(number.map_or(0, |n| n + 1));
            bytes += entry.metadata().map_or(0, |m| m.len());
        }
        Self { folder, open: None, next, bytes }
    }

    /// Appends, and says where: segment and place.
    pub(super) fn append(&mut self, data: &[u8]) -> io::Result<(i64, i64)> {
        if self.open.as_ref().is_none_or(|(_, _, length)| *length >= LONGEST) {
            fs::create_dir_all(&self.folder)?;
            let number = self.next;
            let made = private().create_new(true).open(file(&self.folder, number))?;
            self.next += 1;
            self.open = Some((number, made, 0));
        }
        let Some((number, file, length)) = &mut self.open else {
            return Err(io::ErrorKind::Other.into());
        };
        file.write_all(data)?;
        let place = *length;
        *length += data.len() as u64;
        self.bytes += data.len() as u64;
        Ok((*number, place.cast_signed()))
    }

    /// Removes all segments before this one.
    pub(super) fn forget_before(&mut self, first: i64) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let number = entry.file_name().to_str().and_then(|name| name.parse::<i64>().ok());
            let is_open = |n| self.open.as_ref().is_some_and(|(open, ..)| *open == n);
            let length = entry.metadata().map_or(0, |m| m.len());
            if number.is_some_and(|n| n < first && !is_open(n))
                && fs::remove_file(entry.path()).is_ok()
            {
                self.bytes = self.bytes.saturating_sub(length);
            }
        }
    }
}

/// Reads a part.
pub(super) fn read(session: &Path, number: i64, place: i64, length: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(file(&folder(session), number))?;
    file.seek(SeekFrom::Start(place.cast_unsigned()))?;
    let mut data = vec![0; length];
    file.read_exact(&mut data)?;
    Ok(data)
}

/// How files of a session are made: for their owner only.
pub(super) fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
