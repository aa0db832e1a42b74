//! Where decrypted data go, and how they are reported without an allocation per record.

use sealwire::session::Sink;

/// `receive` reports by numbers (u32) in an array of JavaScript's, so that nothing is allocated per
/// record: how much is consumed, what else there is, how many records; then offset and length of
/// each record's data.
pub(crate) const HEADER: usize = 3;
pub(crate) const HAS_OUTPUT: u32 = 1;
pub(crate) const PEER_CLOSED: u32 = 2;
pub(crate) const FAILED: u32 = 4;
/// The records do not all fit into the report: call again.
pub(crate) const MORE: u32 = 8;
/// [`Session::take_events`](crate::session::Session::take_events) has something.
pub(crate) const HAS_EVENTS: u32 = 16;
/// In place of an offset: the data are not in the chunk but in [`Session::take_data`](crate::session::Session::take_data).
pub(crate) const ELSEWHERE: u32 = u32::MAX;

/// A sink that writes down where in the chunk the data of each record are: decrypted in place,
/// they need not be copied.
pub(crate) struct Places<'a> {
    chunk: std::ops::Range<usize>,
    records: &'a mut [[u8; 4]],
    pub(crate) count: u32,
    elsewhere: &'a mut Vec<u8>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(
        chunk: std::ops::Range<*const u8>,
        records: &'a mut [[u8; 4]],
        elsewhere: &'a mut Vec<u8>,
    ) -> Self {
        Self { chunk: chunk.start.addr()..chunk.end.addr(), records, count: 0, elsewhere }
    }
}

impl Sink for Places<'_> {
    fn take(&mut self, plaintext: &[u8]) {
        let start = plaintext.as_ptr().addr();
        let offset = match start >= self.chunk.start && start + plaintext.len() <= self.chunk.end {
            true => u32::try_from(start - self.chunk.start).unwrap_or(ELSEWHERE),
            false => ELSEWHERE,
        };
        if offset == ELSEWHERE {
            self.elsewhere.extend_from_slice(plaintext);
        }
        let at = self.count as usize * 2;
        let length = u32::try_from(plaintext.len()).expect("a record is 16 KiB");
        self.records[at] = offset.to_ne_bytes();
        self.records[at + 1] = length.to_ne_bytes();
        self.count += 1;
    }

    fn is_full(&self) -> bool {
        (self.count as usize + 1) * 2 > self.records.len()
    }
}

/// A sink that copies the data out of the chunk, one record behind the other, and writes down where they are.
pub(crate) struct Copies<'a> {
    target: &'a mut [u8],
    /// Where in the target the next go.
    end: usize,
    records: &'a mut [[u8; 4]],
    pub(crate) count: u32,
    elsewhere: &'a mut Vec<u8>,
}

impl<'a> Copies<'a> {
    pub(crate) fn new(
        target: &'a mut [u8],
        start: usize,
        records: &'a mut [[u8; 4]],
        elsewhere: &'a mut Vec<u8>,
    ) -> Self {
        Self { target, end: start, records, count: 0, elsewhere }
    }
}

impl Sink for Copies<'_> {
    fn take(&mut self, plaintext: &[u8]) {
        let place =
            self.target.get_mut(self.end..).and_then(|room| room.get_mut(..plaintext.len()));
        let offset = if let Some(place) = place {
            place.copy_from_slice(plaintext);
            u32::try_from(self.end).unwrap_or(ELSEWHERE)
        } else {
            ELSEWHERE
        };
        if offset == ELSEWHERE {
            self.elsewhere.extend_from_slice(plaintext);
        } else {
            self.end += plaintext.len();
        }
        let at = self.count as usize * 2;
        let length = u32::try_from(plaintext.len()).expect("a record is 16 KiB");
        self.records[at] = offset.to_ne_bytes();
        self.records[at + 1] = length.to_ne_bytes();
        self.count += 1;
    }

    fn is_full(&self) -> bool {
        (self.count as usize + 1) * 2 > self.records.len()
    }
}
