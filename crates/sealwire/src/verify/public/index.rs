//! upki's index: which file knows of which log from when to when. Written by the crate `upki` (its
//! `src/revocation/index.rs` describes it), in big-endian numbers:
//!
//! ```text
//! "upkiidx1"  files: u16  logs: u32          ("upkiidx0" has u8 in place of u16)
//! files x     name: [u8; 32], filled up with zeros
//! logs x      log id: [u8; 32]  where its spans are: u64  how many: u16
//! spans       file: u16  from: u64  to: u64  (in milliseconds since 1970)
//! ```

use std::collections::BTreeSet;
use std::path::Path;

use clubcard_crlite::{LogId, Timestamp};

use sealwire_x509::{Error, Problem};

pub(super) const FILE: &str = "index.bin";

/// Far beyond what all logs there are take.
const LONGEST: u64 = 16 << 20;

pub(super) struct Index {
    bytes: Vec<u8>,
    names: Vec<String>,
    /// Where the logs begin, and how many there are.
    logs: (usize, usize),
    /// The bytes of a file's number.
    number: usize,
    path: String,
}

impl Index {
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let long = std::fs::metadata(&path).map_err(|e| Error::io(&path, &e))?.len();
        let path_shown = path.display().to_string();
        if long > LONGEST {
            let what = format!("{long} bytes are too many for upki's index");
            return Err(Error::new(Problem::Malformed, what).at(path_shown));
        }
        let bytes = std::fs::read(&path).map_err(|e| Error::io(&path, &e))?;
        Self::parse(bytes, path_shown.clone()).ok_or_else(|| malformed().at(path_shown))
    }

    fn parse(bytes: Vec<u8>, path: String) -> Option<Self> {
        const NAME: usize = 32;
        let number = match bytes.get(..8)? {
            b"upkiidx1" => 2,
            b"upkiidx0" => 1,
            _ => return None,
        };
        let mut rest = &bytes[8..];
        let files = usize::try_from(take(&mut rest, number)?).ok()?;
        let logs = usize::try_from(take(&mut rest, 4)?).ok()?;
        let mut names = Vec::new();
        for _ in 0..files {
            let (name, behind) = rest.split_at_checked(NAME)?;
            rest = behind;
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME);
            let name = std::str::from_utf8(&name[..end]).ok()?;
            // A file in the folder, never outside it.
            if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
                return None;
            }
            names.push(name.to_owned());
        }
        let start = bytes.len() - rest.len();
        (rest.len() / LOG >= logs).then_some(())?;
        Some(Self { bytes, names, logs: (start, logs), number, path })
    }

    /// The files that may know of a certificate with these timestamps, each once.
    pub(super) fn files_about(
        &self,
        timestamps: &[(LogId, Timestamp)],
    ) -> Result<BTreeSet<String>, Error> {
        let mut found = BTreeSet::new();
        for (log, time) in timestamps {
            self.add(&mut found, log, time.0).ok_or_else(|| malformed().at(self.path.clone()))?;
        }
        Ok(found)
    }

    fn add(&self, found: &mut BTreeSet<String>, log: &LogId, time: u64) -> Option<()> {
        let (start, count) = self.logs;
        let logs = self.bytes[start..].chunks_exact(LOG).take(count);
        for mut entry in logs.filter(|entry| entry[..32] == log.0) {
            entry = &entry[32..];
            let at = usize::try_from(take(&mut entry, 8)?).ok()?;
            let spans = usize::try_from(take(&mut entry, 2)?).ok()?;
            let mut rest = self.bytes.get(at..)?;
            for _ in 0..spans {
                let file = usize::try_from(take(&mut rest, self.number)?).ok()?;
                let (from, to) = (take(&mut rest, 8)?, take(&mut rest, 8)?);
                let name = self.names.get(file)?;
                if (from..=to).contains(&time) {
                    found.insert(name.clone());
                }
            }
        }
        Some(())
    }
}

/// The bytes of a log's entry.
const LOG: usize = 32 + 8 + 2;

fn malformed() -> Error {
    Error::new(Problem::Malformed, "not an index of upki's (upkiidx1)")
}

/// A number of so many bytes from the front.
fn take(bytes: &mut &[u8], length: usize) -> Option<u64> {
    let (number, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
