//! What the full-text index has of a search's words, read once for the whole search.
//!
//! FTS5 joins all words with a prefix again for each prefix query, from the first flow on, and
//! passes rows that do not match without looking at the end of the range. So a search lists the words that begin
//! so, asks for each of them whole, and continues after the row where its time was over: what a turn costs is in
//! proportion to the rows that it passes.

use std::collections::BTreeMap;
use std::time::Instant;

use rusqlite::{Connection, params};

use super::facts::{block_of, range};
use super::found::Found;
use super::schema::DIVIDED;
use crate::query::{self, Asked, Filter, Known};

/// Words of the index that are asked for at once.
const AT_ONCE: usize = 64;
/// Entries of one word in a row before the next word is looked up.
const FEW: usize = 16;
/// Rows between two looks at the clock.
const ROWS: u64 = 256;

/// All that a filter asks of the index.
pub(super) struct Words {
    each: Vec<Word>,
    /// Flows without an entry when the index was asked first.
    late: Option<BTreeMap<i64, Found>>,
    is_negated: bool,
    /// Whether what is known so far is taken for all there is.
    pub(super) is_enough: bool,
    /// Rows of the index that were passed.
    passed: u64,
}

/// Words in a row, and the flows that have them.
struct Word {
    asked: Asked,
    /// As the index divides and writes them.
    divided: Vec<String>,
    noted: BTreeMap<i64, Found>,
    /// What the last word is among those that are asked for now.
    ends: Vec<String>,
    /// Where those begin that are asked for next; `None` where these are the last.
    next: Option<String>,
    /// Whether these are the first.
    is_first: bool,
    /// Flows from here to the oldest were not looked at for these.
    below: i64,
    is_done: bool,
}

impl Words {
    pub(super) fn of(filter: &Filter) -> rusqlite::Result<Self> {
        let (asked, is_negated) = filter.asked();
        let divided = divided(&asked)?;
        let each = asked.into_iter().zip(divided).map(|(asked, words)| Word::new(asked, words));
        Ok(Self { each: each.collect(), late: None, is_negated, is_enough: false, passed: 0 })
    }

    /// Continues the one that is least far, for a time.
    pub(super) fn go_on(
        &mut self,
        c: &Connection,
        last: i64,
        until: Instant,
    ) -> rusqlite::Result<()> {
        if self.late.is_none() {
            self.late = Some(late(c, last)?);
        }
        while let Some(word) = self.each.iter_mut().max_by_key(|word| word.from())
            && !word.is_done
        {
            self.passed += word.go_on(c, last, until)?;
            if Instant::now() >= until {
                break;
            }
        }
        Ok(())
    }

    /// Whether it is known which of them flows from this one on have.
    pub(super) fn are_known(&self, from: i64) -> bool {
        self.is_enough || self.each.iter().all(|word| word.from() <= from)
    }

    /// Whether there is something to show before the flows of a block are known: a flow that matches by the words
    /// so far matches for certain, and the newest are not known first.
    pub(super) fn can_show(&self) -> bool {
        !self.is_negated && self.each.iter().any(|word| word.from() == i64::MAX)
    }

    #[cfg(test)]
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// What is known of the flows from one to another.
    pub(super) fn within(&self, first: i64, last: i64) -> query::Words {
        let late = self.late.as_ref().map(|late| written(late, first, last)).unwrap_or_default();
        let known =
            |word: &Word| Known { noted: written(&word.noted, first, last), late: late.clone() };
        self.each.iter().map(|word| (word.asked.clone(), known(word))).collect()
    }

    /// Of a block, the flows that have it, and those that may; `None` where that is not known yet.
    pub(super) fn having(&self, asked: &Asked, block: i64, ids: &[i64]) -> Option<[Vec<bool>; 2]> {
        let word = self.each.iter().find(|word| word.asked == *asked)?;
        let begin = range(block).0;
        let late = self.late.as_ref()?.get(&block);
        let noted = word.noted.get(&block);
        let has =
            |found: Option<&Found>, id: i64| found.is_some_and(|f| f.has((id - begin) as usize));
        let must: Vec<bool> = ids.iter().map(|id| has(noted, *id)).collect();
        let may = ids.iter().zip(&must).map(|(id, must)| *must || has(late, *id)).collect();
        (self.is_enough || word.from() <= begin).then_some([must, may])
    }
}

impl Word {
    fn new(asked: Asked, divided: Vec<String>) -> Self {
        let next = divided.last().cloned();
        let (is_done, noted) = (next.is_none(), BTreeMap::new());
        Self {
            asked,
            divided,
            noted,
            ends: Vec::new(),
            next,
            is_first: true,
            below: i64::MAX,
            is_done,
        }
    }

    /// The oldest flow of which it is known whether it has them, with all that are newer.
    fn from(&self) -> i64 {
        match (self.is_done, self.is_first && self.next.is_none()) {
            (true, _) => i64::MIN,
            (false, true) => self.below,
            // Others begin so, too, and any flow may have one of them.
            (false, false) => i64::MAX,
        }
    }

    /// Passes some rows, and says how many.
    fn go_on(&mut self, c: &Connection, last: i64, until: Instant) -> rusqlite::Result<u64> {
        if self.ends.is_empty() {
            self.list(c)?;
            // A flow that it has got to is known, and so is all above the newest.
            self.below = last.saturating_add(1);
        }
        let mut passed = 0_u64;
        if !self.ends.is_empty() {
            let sql =
                "SELECT rowid FROM search WHERE search MATCH ? AND rowid<? ORDER BY rowid DESC";
            let mut query = c.prepare_cached(sql)?;
            let mut rows = query.query(params![self.matched(), self.below])?;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                note(&mut self.noted, id);
                self.below = id;
                passed += 1;
                if passed.is_multiple_of(ROWS) && Instant::now() >= until {
                    return Ok(passed);
                }
            }
        }
        self.ends.clear();
        self.is_first = false;
        self.is_done = self.next.is_none();
        Ok(passed)
    }

    /// The next words that end it.
    fn list(&mut self, c: &Connection) -> rusqlite::Result<()> {
        let (Some(begin), Some(from)) = (self.divided.last(), self.next.take()) else {
            return Ok(());
        };
        if !self.asked.is_begun {
            self.ends = vec![from];
            return Ok(());
        }
        let mut ends = beginning(c, begin, from, AT_ONCE + 1)?;
        self.next = (ends.len() > AT_ONCE).then(|| ends.pop()).flatten();
        self.ends = ends;
        Ok(())
    }

    /// As FTS5 writes it.
    fn matched(&self) -> String {
        let before =
            self.divided.split_last().map(|(_, before)| before.join(" ")).unwrap_or_default();
        let each = self.ends.iter().map(|end| format!("\"{before} {end}\""));
        format!("{}({})", self.asked.columns, each.collect::<Vec<_>>().join(" OR "))
    }
}

/// The words of the index that begin so, from one on, in order.
fn beginning(
    c: &Connection,
    begin: &str,
    mut from: String,
    most: usize,
) -> rusqlite::Result<Vec<String>> {
    let mut query = c.prepare_cached("SELECT term FROM temp.term WHERE term>=?")?;
    let mut out: Vec<String> = Vec::new();
    loop {
        let mut rows = query.query([&from])?;
        let mut same = 0;
        // There is a row for each place where a word is.
        while let Some(row) = rows.next()?
            && same < FEW
        {
            let term = row.get_ref(0)?.as_str()?;
            if out.last().is_some_and(|last| last == term) {
                same += 1;
            } else if out.len() == most || !term.starts_with(begin) {
                return Ok(out);
            } else {
                out.push(term.to_owned());
                same = 0;
            }
        }
        match out.last() {
            // Words have letters and digits only: behind it, but before all others that are longer.
            Some(last) if same == FEW => from = format!("{last}\u{1}"),
            _ => return Ok(out),
        }
    }
}

/// Words as the index divides and writes them.
fn divided(all: &[Asked]) -> rusqlite::Result<Vec<Vec<String>>> {
    let mut out = vec![Vec::new(); all.len()];
    if all.is_empty() {
        return Ok(out);
    }
    let c = Connection::open_in_memory()?;
    c.execute_batch(&format!(
        "CREATE VIRTUAL TABLE search USING fts5(words, content='', {DIVIDED});
         CREATE VIRTUAL TABLE term USING fts5vocab(search, instance)"
    ))?;
    for (n, asked) in all.iter().enumerate() {
        c.execute("INSERT INTO search(rowid,words) VALUES(?,?)", params![n as i64, asked.words])?;
    }
    let mut query = c.prepare("SELECT doc,term FROM term ORDER BY doc,offset")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        if let Ok(n) = usize::try_from(row.get::<_, i64>(0)?) {
            out[n].push(row.get(1)?);
        }
    }
    Ok(out)
}

fn late(c: &Connection, last: i64) -> rusqlite::Result<BTreeMap<i64, Found>> {
    let mut late = BTreeMap::new();
    let mut query = c.prepare_cached("SELECT flow FROM unindexed WHERE flow<=?")?;
    let mut rows = query.query([last])?;
    while let Some(row) = rows.next()? {
        note(&mut late, row.get(0)?);
    }
    Ok(late)
}

fn note(found: &mut BTreeMap<i64, Found>, id: i64) {
    let block = block_of(id);
    found.entry(block).or_insert_with(Found::new).note((id - range(block).0) as usize, true);
}

/// Blocks one behind the other, each behind its number, for [`is_noted`].
fn written(found: &BTreeMap<i64, Found>, first: i64, last: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for (block, found) in found.range(block_of(first)..=block_of(last)) {
        out.extend_from_slice(&block.to_le_bytes());
        out.extend(found.bytes());
    }
    out
}

/// Whether a flow is among those that are written so.
pub(super) fn is_noted(written: &[u8], id: i64) -> bool {
    let (blocks, _) = written.as_chunks::<{ 8 + Found::BYTES }>();
    let number = |block: &[u8; 8 + Found::BYTES]| {
        block.first_chunk().map_or(i64::MIN, |number| i64::from_le_bytes(*number))
    };
    let block = block_of(id);
    let Ok(at) = blocks.binary_search_by_key(&block, number) else { return false };
    let place = (id - range(block).0) as usize;
    blocks[at][8 + place / 8] & (1 << (place % 8)) != 0
}
