//! Which flows have the words that a search asks for: by the index where it has them, else by their texts.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::{Connection, params};

use super::facts::{block_of, range};
use super::found::Found;
use super::run::Run;
use super::text::Text;
use crate::query::{self, Asked, Filter};

/// All that a filter asks of texts.
pub(super) struct Words {
    asked: Vec<Asked>,
    /// Of the session, for what lies beside it.
    path: PathBuf,
}

/// Of a block, the flows that have something, and those of which that is known.
struct Having {
    has: Found,
    known: Found,
}

impl Words {
    pub(super) fn of(filter: &Filter, path: &Path) -> Self {
        Self { asked: filter.asked(), path: path.to_owned() }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Of a block, the flows that have it, and those that may.
    pub(super) fn having(
        &self,
        c: &Connection,
        asked: &Asked,
        block: i64,
        ids: &[i64],
    ) -> Option<[Vec<bool>; 2]> {
        let begin = range(block).0;
        let having = Having::of(c, &runs(c, block).ok()?, asked);
        let place = |id: &i64| (id - begin) as usize;
        let must: Vec<bool> = ids.iter().map(|id| having.has.has(place(id))).collect();
        let may = ids.iter().zip(&must).map(|(id, must)| *must || !having.known.has(place(id)));
        let may = may.collect();
        Some([must, may])
    }

    /// Of flows in order, those that have each of them; `None` when that takes too long.
    pub(super) fn noted(
        &self,
        c: &Connection,
        ids: &[i64],
        until: Instant,
    ) -> rusqlite::Result<Option<query::Words>> {
        let mut all = vec![Vec::new(); self.asked.len()];
        if self.is_empty() {
            return Ok(Some(query::Words::new()));
        }
        for of_block in ids.chunk_by(|a, b| block_of(*a) == block_of(*b)) {
            let block = block_of(of_block[0]);
            let begin = range(block).0;
            let runs = runs(c, block)?;
            let mut each: Vec<Having> =
                self.asked.iter().map(|asked| Having::of(c, &runs, asked)).collect();
            for id in of_block {
                let place = (id - begin) as usize;
                if each.iter().all(|having| having.known.has(place)) {
                    continue;
                }
                if Instant::now() > until {
                    return Ok(None);
                }
                let text = Text::read(c, &self.path, *id)?;
                for (having, asked) in each.iter_mut().zip(&self.asked) {
                    having.has.note(place, !having.known.has(place) && text.has(asked));
                }
            }
            for (out, having) in all.iter_mut().zip(each) {
                out.extend_from_slice(&block.to_le_bytes());
                out.extend(having.has.bytes());
            }
        }
        Ok(Some(self.asked.iter().cloned().zip(all).collect()))
    }
}

impl Having {
    /// What cannot be read of the index is known of none.
    fn of(c: &Connection, runs: &[Run], asked: &Asked) -> Self {
        let mut having = Self { has: Found::new(), known: Found::new() };
        for run in runs {
            if let Some(has) = run.having(c, asked) {
                having.has.join(&has);
                having.known.join(&run.flows);
            }
        }
        having
    }
}

fn runs(c: &Connection, block: i64) -> rusqlite::Result<Vec<Run>> {
    let (first, last) = range(block);
    let mut query = c.prepare_cached("SELECT flow,data FROM run WHERE flow BETWEEN ? AND ?")?;
    let mut rows = query.query(params![first, last])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let directory = row.get_ref(1)?.as_bytes_or_null().ok().flatten().unwrap_or_default();
        runs.extend(Run::read(row.get(0)?, directory));
    }
    Ok(runs)
}

/// Whether a flow is among those of [`Words::noted`]: blocks in order, each behind its number.
pub(super) fn is_noted(noted: &[u8], id: i64) -> bool {
    let (blocks, _) = noted.as_chunks::<{ 8 + Found::BYTES }>();
    let number = |block: &[u8; 8 + Found::BYTES]| {
        block.first_chunk().map_or(i64::MIN, |number| i64::from_le_bytes(*number))
    };
    let block = block_of(id);
    let Ok(at) = blocks.binary_search_by_key(&block, number) else { return false };
    let place = (id - range(block).0) as usize;
    blocks[at][8 + place / 8] & (1 << (place % 8)) != 0
}
