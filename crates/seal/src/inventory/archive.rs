//! Archives and images of containers: tar, in gzip or zstd or neither, and such files in each other.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::StreamingDecoder;
use zeroize::Zeroizing;

use super::{Candidates, Found, What, contents};

/// How many bytes tell what a file is.
pub(super) const START: usize = 512;
/// An entry that is longer is passed over, unless it is an archive.
const LONGEST: u64 = 16 << 20;
/// How deep archives may lie in each other: an image's layers lie in it, and it may be compressed.
const DEEPEST: usize = 4;
/// What all entries of one file may come to: a limit against compression bombs.
const MOST: u64 = 16 << 30;
/// What may stand before an entry of a tar: its name, and attributes that are kept beside it. It lies in memory.
const HEAD: u64 = 1 << 20;
/// No system has files with longer names.
const LONGEST_NAME: usize = 4096;
/// How many things are listed of one file: a small archive may say the same a million times.
const MOST_FOUND: usize = 100_000;

/// What an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Tar,
    Gzip,
    Zstd,
}

impl Form {
    /// By its first bytes.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ if start.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            _ => None,
        }
    }
}

/// Reads every entry.
///
/// # Errors
/// When the file cannot be read, or is broken.
pub(super) fn read(
    form: Form,
    file: impl Read,
    place: &str,
    candidates: &Candidates,
    found: &mut Vec<Found>,
) -> io::Result<()> {
    let mut left = MOST;
    let full = found.len() + MOST_FOUND;
    Archive { candidates, found, full, left: &mut left, depth: 0 }.unpack(
        form,
        &mut BufReader::new(file),
        place,
    )
}

struct Archive<'a> {
    candidates: &'a Candidates,
    found: &'a mut Vec<Found>,
    /// How many things there may be.
    full: usize,
    left: &'a mut u64,
    depth: usize,
}

impl Archive<'_> {
    fn unpack(&mut self, form: Form, data: &mut dyn Read, place: &str) -> io::Result<()> {
        match form {
            Form::Tar => self.entries(data, place),
            Form::Gzip => self.one(&mut Gzip::new(BufReader::new(data)), place, None),
            Form::Zstd => {
                let broken = |e| io::Error::new(io::ErrorKind::InvalidData, format!("zstd: {e}"));
                self.one(&mut StreamingDecoder::new(data).map_err(broken)?, place, None)
            }
        }
    }

    fn entries(&mut self, data: &mut dyn Read, place: &str) -> io::Result<()> {
        const BLOCK: u64 = 512;
        let left = Cell::new(HEAD);
        let mut archive = tar::Archive::new(Bounded { inner: data, left: &left });
        for entry in archive.entries()? {
            let mut entry = entry?;
            // Of a sparse file, what is stored of it.
            let is_sparse = entry.header().entry_type().is_gnu_sparse();
            let length = if is_sparse { entry.header().entry_size()? } else { entry.size() };
            left.set(length.saturating_add(BLOCK + HEAD));
            if !entry.header().entry_type().is_file() {
                continue;
            }
            if self.found.len() > self.full {
                let fact = format!("more than {MOST_FOUND} things lie in it: not read further");
                return Err(io::Error::other(fact));
            }
            let name = entry.path_bytes();
            if name.len() > LONGEST_NAME {
                let why = format!("the name of an entry has {} bytes: not read", name.len());
                self.found.push(Found { place: place.to_owned(), what: What::Unreadable(why) });
                continue;
            }
            let name = String::from_utf8_lossy(&name).into_owned();
            self.one(&mut entry, &format!("{place}!{name}"), Some(length))?;
        }
        Ok(())
    }

    /// One entry, or what a compressed file holds.
    fn one(&mut self, mut data: &mut dyn Read, place: &str, length: Option<u64>) -> io::Result<()> {
        let mut start = Vec::with_capacity(START);
        (&mut data).take(START as u64).read_to_end(&mut start)?;
        let rest = *self.left;
        let mut all = start[..].chain(data.take(rest));
        if let Some(form) = Form::of(&start) {
            if self.depth == DEEPEST {
                let why = format!("archives lie {DEEPEST} deep in each other: not read further");
                self.found.push(Found { place: place.to_owned(), what: What::Unreadable(why) });
                return Ok(());
            }
            self.depth += 1;
            let mut counted = Counted { inner: &mut all, read: 0 };
            let unpacked = self.unpack(form, &mut counted, place);
            self.depth -= 1;
            return self.spend(counted.read).and(unpacked);
        }
        if !contents::may_hold(&start) || length.is_some_and(|length| length > LONGEST) {
            return Ok(());
        }
        let mut bytes = Zeroizing::new(Vec::new());
        all.take(LONGEST + 1).read_to_end(&mut bytes)?;
        self.spend(bytes.len() as u64)?;
        if bytes.len() as u64 <= LONGEST {
            contents::bytes(place, &bytes, self.candidates, self.found);
        }
        Ok(())
    }

    fn spend(&mut self, bytes: u64) -> io::Result<()> {
        *self.left = self.left.saturating_sub(bytes);
        if *self.left > 0 {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "it unpacks to more than {} GB: not read further",
            MOST >> 30
        )))
    }
}

/// Ends a tar whose entry's name does not: the crate reads names whole, however long they are.
struct Bounded<'a> {
    inner: &'a mut dyn Read,
    /// What may be read until the head of the next entry is there.
    left: &'a Cell<u64>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !room.is_empty() {
            let fact = format!("what stands before an entry is longer than {} MB", HEAD >> 20);
            return Err(io::Error::other(fact));
        }
        let most = usize::try_from(left).map_or(room.len(), |left| left.min(room.len()));
        let count = self.inner.read(&mut room[..most])?;
        self.left.set(left - count as u64);
        Ok(count)
    }
}

/// All members of a gzip file. What follows the last one (blocks of a tape, a signature) is passed over,
/// as gzip does.
struct Gzip<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    fn new(data: R) -> Self {
        Self { member: Some(GzDecoder::new(data)) }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(room)?;
            if count > 0 || room.is_empty() {
                return Ok(count);
            }
            let Some(member) = self.member.take() else { break };
            let mut data = member.into_inner();
            if matches!(data.fill_buf()?, [0x1f] | [0x1f, 0x8b, ..]) {
                self.member = Some(GzDecoder::new(data));
            }
        }
        Ok(0)
    }
}

struct Counted<'a> {
    inner: &'a mut dyn Read,
    read: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(room)?;
        self.read += count as u64;
        Ok(count)
    }
}
