//! A run of the index of words: flows of one block, and each word of their texts with the flows and the places where
//! it is.
//!
//! The words lie in order in chunks of a page, and the places of a chunk's words beside it, since only words in a row
//! ask for these. A block has a run for each time that some of its flows were taken into the index, so what a search
//! reads of a block is in proportion to the chunks with words that begin so, whatever is in other blocks.

use rusqlite::{Connection, Transaction, params};

use super::found::Found;
use super::packed::{self, Packed};
use super::text::{COLUMNS, Text};
use crate::query::Asked;

/// Bytes of a chunk: with the number of its row it fits into a page of SQLite.
const CHUNK: usize = 4_000;
/// Numbers of chunks that a run may have.
const CHUNKS: i64 = 1 << 16;

/// Forgets the runs that begin before this flow.
pub(super) fn forget_before(database: &Transaction<'_>, flow: i64) -> rusqlite::Result<()> {
    database.execute("DELETE FROM run WHERE flow<?", [flow])?;
    database.execute("DELETE FROM word WHERE place<?", [place(flow, 0)])?;
    database.execute("DELETE FROM spot WHERE place<?", [place(flow, 0)])?;
    Ok(())
}

/// Where a chunk of the run that begins with this flow lies.
fn place(flow: i64, chunk: i64) -> i64 {
    flow.saturating_mul(CHUNKS).saturating_add(chunk)
}

/// A run that is being made.
#[derive(Default)]
pub(super) struct Making {
    flows: Vec<u16>,
    words: Vec<u8>,
    entries: Vec<Entry>,
    /// Bytes of the texts.
    bytes: usize,
}

/// A word of a text.
struct Entry {
    /// In [`Making::words`].
    word: (u32, u8),
    column: u8,
    /// The flow's place in its block.
    flow: u16,
    /// The word's in the column.
    at: u32,
}

impl Making {
    /// The flow at this place of the block.
    pub(super) fn add(&mut self, flow: u16, text: &Text) {
        self.flows.push(flow);
        self.bytes += text.len();
        text.each_word(|column, at, word| {
            let begin = self.words.len() as u32;
            self.words.extend_from_slice(word.as_bytes());
            self.entries.push(Entry { word: (begin, word.len() as u8), column, flow, at });
        });
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes it under its first flow, which is in no other run.
    pub(super) fn write(mut self, database: &Transaction<'_>, first: i64) -> rusqlite::Result<()> {
        let words = &self.words;
        let word = |entry: &Entry| {
            let begin = entry.word.0 as usize;
            &words[begin..begin + usize::from(entry.word.1)]
        };
        self.entries.sort_unstable_by(|a, b| {
            let behind = |entry: &Entry| (entry.column, entry.flow, entry.at);
            word(a).cmp(word(b)).then_with(|| behind(a).cmp(&behind(b)))
        });
        let flows: Vec<i64> = self.flows.iter().map(|flow| i64::from(*flow)).collect();
        let mut directory: Vec<u8> = Found::of(&flows, 0).bytes().collect();
        let mut chunk = Chunk::default();
        let mut number = 0;
        for same in self.entries.chunk_by(|a, b| word(a) == word(b)) {
            let (word, has) = (word(&same[0]), Has::of(same));
            if !chunk.words.is_empty() && chunk.words.len() + has.longest(word) > CHUNK {
                std::mem::take(&mut chunk).write(database, place(first, number))?;
                number += 1;
            }
            if chunk.words.is_empty() {
                directory.push(word.len() as u8);
                directory.extend_from_slice(word);
            }
            chunk.push(word, &has);
        }
        chunk.write(database, place(first, number))?;
        database
            .prepare_cached("INSERT OR REPLACE INTO run VALUES(?,?)")?
            .execute(params![first, directory])?;
        Ok(())
    }
}

/// Where a word is.
#[derive(Default)]
struct Has {
    columns: u8,
    /// For each column, the flows.
    flows: Vec<u8>,
    /// For each column and flow, how many places, and the distance of each from the one before.
    spots: Vec<u8>,
}

impl Has {
    fn of(same: &[Entry]) -> Self {
        let mut has = Self::default();
        for column in same.chunk_by(|a, b| a.column == b.column) {
            has.columns |= 1 << column[0].column;
            let mut flows = Vec::new();
            for flow in column.chunk_by(|a, b| a.flow == b.flow) {
                flows.push(flow[0].flow);
                packed::number(&mut has.spots, flow.len() as u32);
                let mut before = 0;
                for entry in flow {
                    packed::number(&mut has.spots, entry.at - before);
                    before = entry.at;
                }
            }
            packed::places(&mut has.flows, &flows);
        }
        has
    }

    /// More than it takes in a chunk.
    fn longest(&self, word: &[u8]) -> usize {
        word.len() + self.flows.len() + 8
    }
}

#[derive(Default)]
struct Chunk {
    last: Vec<u8>,
    words: Vec<u8>,
    spots: Vec<u8>,
}

impl Chunk {
    /// A word as what it shares with the one before and what it has more, its columns, where its places begin, and
    /// its flows.
    fn push(&mut self, word: &[u8], has: &Has) {
        let shared = self.last.iter().zip(word).take_while(|(a, b)| a == b).count();
        self.words.extend([shared as u8, (word.len() - shared) as u8]);
        self.words.extend_from_slice(&word[shared..]);
        self.words.push(has.columns);
        packed::number(&mut self.words, self.spots.len() as u32);
        self.words.extend_from_slice(&has.flows);
        self.spots.extend_from_slice(&has.spots);
        self.last.clear();
        self.last.extend_from_slice(word);
    }

    fn write(self, database: &Transaction<'_>, place: i64) -> rusqlite::Result<()> {
        if self.words.is_empty() {
            return Ok(());
        }
        for (table, data) in [("word", self.words), ("spot", self.spots)] {
            database
                .prepare_cached(&format!("INSERT OR REPLACE INTO {table} VALUES(?,?)"))?
                .execute(params![place, data])?;
        }
        Ok(())
    }
}

/// A run as it is stored.
pub(super) struct Run {
    first: i64,
    /// The flows that it has.
    pub(super) flows: Found,
    /// The first word of each chunk.
    chunks: Vec<Vec<u8>>,
}

/// A word that is found: its chunk, where its places begin there, its columns, and then its flows.
struct Hit<'a, 'b> {
    chunk: usize,
    spots: usize,
    columns: u8,
    flows: &'a mut Packed<'b>,
}

impl Run {
    pub(super) fn read(first: i64, directory: &[u8]) -> Option<Self> {
        let mut packed = Packed(directory);
        let mut flows = Found::new();
        flows.join_bytes(packed.bytes(Found::BYTES)?);
        let mut chunks = Vec::new();
        while let Some(length) = packed.byte() {
            chunks.push(packed.bytes(usize::from(length))?.to_vec());
        }
        chunks.is_sorted().then_some(Self { first, flows, chunks })
    }

    /// The flows that have it; `None` where it cannot be read.
    pub(super) fn having(&self, c: &Connection, asked: &Asked) -> Option<Found> {
        let last = asked.words.len().checked_sub(1)?;
        let mut having = self.flows.clone();
        for (n, word) in asked.words.iter().enumerate() {
            having.meet(&self.flows_of(c, word, n == last, asked.columns)?);
            if having.count() == 0 {
                return Some(having);
            }
        }
        if last == 0 {
            return Some(having);
        }
        let spots = |n: usize| self.spots_of(c, &asked.words[n], n == last, asked.columns, &having);
        let mut rows = spots(0)?;
        for n in 1..=last {
            let next = spots(n)?;
            rows.retain(|spot| next.binary_search(&(spot + n as u64)).is_ok());
        }
        let mut having = Found::new();
        for spot in rows {
            having.note_at((spot >> FLOW) as usize % (Found::BYTES * 8))?;
        }
        Some(having)
    }

    fn flows_of(&self, c: &Connection, word: &str, is_begun: bool, columns: u8) -> Option<Found> {
        let mut found = Found::new();
        self.each(c, word.as_bytes(), is_begun, &mut |hit| {
            for column in (0..COLUMNS).filter(|column| hit.columns & (1 << column) != 0) {
                if columns & (1 << column) != 0 {
                    hit.flows.places(&mut found)?;
                } else {
                    hit.flows.skip_places()?;
                }
            }
            Some(())
        })?;
        Some(found)
    }

    /// All places of a word in some flows, in order: column, flow, and place in the column in one number.
    fn spots_of(
        &self,
        c: &Connection,
        word: &str,
        is_begun: bool,
        columns: u8,
        of: &Found,
    ) -> Option<Vec<u64>> {
        let mut all = Vec::new();
        let mut beside: Option<(usize, Vec<u8>)> = None;
        self.each(c, word.as_bytes(), is_begun, &mut |hit| {
            if beside.as_ref().is_none_or(|(chunk, _)| *chunk != hit.chunk) {
                beside = Some((hit.chunk, self.chunk(c, "spot", hit.chunk)?));
            }
            let mut spots = Packed(beside.as_ref()?.1.get(hit.spots..)?);
            for column in (0..COLUMNS).filter(|column| hit.columns & (1 << column) != 0) {
                let mut flows = Found::new();
                hit.flows.places(&mut flows)?;
                for flow in flows.ids(0) {
                    let is_asked = columns & (1 << column) != 0 && of.has(flow as usize);
                    let mut at = 0_u32;
                    for _ in 0..spots.number()? {
                        at = at.checked_add(spots.number()?)?;
                        if is_asked {
                            all.push(
                                u64::from(column) << COLUMN | (flow as u64) << FLOW | u64::from(at),
                            );
                        }
                    }
                }
            }
            Some(())
        })?;
        all.sort_unstable();
        Some(all)
    }

    /// Tells each word that is this one, or begins so.
    fn each(
        &self,
        c: &Connection,
        word: &[u8],
        is_begun: bool,
        tell: &mut dyn FnMut(Hit<'_, '_>) -> Option<()>,
    ) -> Option<()> {
        let from = self.chunks.partition_point(|first| first.as_slice() <= word).saturating_sub(1);
        for (chunk, first) in self.chunks.iter().enumerate().skip(from) {
            if first.as_slice() > word && !(is_begun && first.starts_with(word)) {
                break;
            }
            let data = self.chunk(c, "word", chunk)?;
            let mut packed = Packed(&data);
            let mut here: Vec<u8> = Vec::new();
            while let Some(shared) = packed.byte() {
                let more = packed.byte()?;
                here.truncate(usize::from(shared));
                here.extend_from_slice(packed.bytes(usize::from(more))?);
                let columns = packed.byte()?;
                let spots = packed.number()? as usize;
                if here == word || is_begun && here.starts_with(word) {
                    tell(Hit { chunk, spots, columns, flows: &mut packed })?;
                    continue;
                }
                if here.as_slice() > word {
                    return Some(());
                }
                for _ in 0..(columns & ((1 << COLUMNS) - 1)).count_ones() {
                    packed.skip_places()?;
                }
            }
        }
        Some(())
    }

    fn chunk(&self, c: &Connection, table: &str, number: usize) -> Option<Vec<u8>> {
        let mut query =
            c.prepare_cached(&format!("SELECT data FROM {table} WHERE place=?")).ok()?;
        query.query_row([place(self.first, number as i64)], |row| row.get(0)).ok()
    }
}

/// Where the flow and the column begin in a number of [`Run::spots_of`].
const FLOW: u32 = 32;
const COLUMN: u32 = 48;
