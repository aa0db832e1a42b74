//! Frames of HTTP/2 that carry nothing and end nothing.

use std::io;

use super::allowance::Allowance;

/// Counts DATA frames without data: no window holds them back, so that they would wait in memory for as long
/// as the other side does not read (the flood of CVE-2019-9518).
pub(super) struct EmptyFrames {
    allowance: Allowance,
    /// Bytes to pass over before the next frame's head.
    skip: usize,
    /// What has come of the next frame's head.
    head: [u8; HEAD],
    filled: usize,
}

const HEAD: usize = 9;
const DATA: u8 = 0;
const END_STREAM: u8 = 1;
const PADDED: u8 = 8;
const AT_ONCE: u64 = 4096;
const PER_SECOND: u64 = 64;

impl EmptyFrames {
    /// Of a connection whose frames begin after so many bytes.
    pub(super) fn after(skip: usize) -> Self {
        let allowance = Allowance::new(AT_ONCE, PER_SECOND);
        Self { allowance, skip, head: [0; HEAD], filled: 0 }
    }

    /// Hears what was read.
    ///
    /// # Errors
    /// There are more of them than a peer in good faith sends.
    pub(super) fn hear(&mut self, mut read: &[u8]) -> io::Result<()> {
        loop {
            let skipped = self.skip.min(read.len());
            self.skip -= skipped;
            read = &read[skipped..];
            if read.is_empty() {
                return Ok(());
            }
            let taken = (HEAD - self.filled).min(read.len());
            self.head[self.filled..][..taken].copy_from_slice(&read[..taken]);
            self.filled += taken;
            read = &read[taken..];
            if self.filled == HEAD {
                self.filled = 0;
                self.frame()?;
            }
        }
    }

    fn frame(&mut self) -> io::Result<()> {
        let [high, middle, low, kind, flags, ..] = self.head;
        self.skip = u32::from_be_bytes([0, high, middle, low]) as usize;
        let is_empty = self.skip == 0 || self.skip == 1 && flags & PADDED != 0;
        if kind != DATA || !is_empty || flags & END_STREAM != 0 || self.allowance.take() {
            return Ok(());
        }
        let why = format!("more than {AT_ONCE} DATA frames without data");
        Err(io::Error::new(io::ErrorKind::InvalidData, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = &[0, 0, 0, DATA, 0, 0, 0, 0, 1];
    const LAST: &[u8] = &[0, 0, 0, DATA, END_STREAM, 0, 0, 0, 1];
    const FULL: &[u8] = &[0, 0, 3, DATA, 0, 0, 0, 0, 1, 0, 0, 0];
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    const PADDING_ALONE: &[u8] = &[0, 0, 1, DATA, PADDED, 0, 0, 0, 1, 0];

    /// Hears so many of `frame` in pieces of `size` bytes.
    fn hear(frame: &[u8], count: u64, size: usize) -> io::Result<()> {
        let mut frames = EmptyFrames::after(2);
        let all = [b"..".as_slice(), &frame.repeat(count as usize)].concat();
        all.chunks(size).try_for_each(|piece| frames.hear(piece))
    }

    #[test]
    fn frames_without_data_have_an_end() {
        for size in [1, 2, 8, 9, 10, 4096] {
            hear(EMPTY, AT_ONCE, size).unwrap();
            for frame in [EMPTY, PADDING_ALONE] {
                // In a slow test a second may pass, which allows some more.
                let error = hear(frame, 100 * AT_ONCE, size).unwrap_err();
                assert_eq!(error.to_string(), "more than 4096 DATA frames without data");
            }
        }
    }

    #[test]
    fn other_frames_are_not_counted() {
        for frame in [LAST, FULL, SETTINGS] {
            hear(frame, 4 * AT_ONCE, 1000).unwrap();
        }
    }
}
