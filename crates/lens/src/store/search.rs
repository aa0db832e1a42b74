//! Searches that return what they have found when their time is over, and can continue.
//!
//! A search walks from one end of the session to the other. What the facts of a block decide costs next to
//! nothing; the rest is asked of the rows, in steps as long as they are quick.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params_from_iter};

use super::StoreError;
use super::facts::{Block, block_of, range};
use super::found::Found;
use super::read::{Order, Reader, sql_of};
use super::rows::{COLUMNS, Summary};
use super::words::Words;
use crate::query::{Facts, Filter};

/// What has been found so far.
pub struct Search {
    filter: Filter,
    order: Order,
    /// The newest flow that it looks at: later ones are not part of it.
    last: i64,
    /// Where it continues; `None` when it has looked at all.
    next: Option<i64>,
    found: BTreeMap<i64, Found>,
    total: u64,
    pace: usize,
    words: Words,
}

/// Rows that are asked at once: at first, and at least.
const FIRST_PACE: usize = 1_024;
const LEAST_PACE: usize = 128;
const MOST_PACE: usize = 1 << 20;
/// Blocks with flows that match for certain, in one step.
const MOST_BLOCKS: usize = 16;
/// Numbers of flows in the text of a question.
const MOST_NAMED: usize = 2_000;
/// A step should take about so long, and is given up when it takes longer.
const SHORT: Duration = Duration::from_millis(8);
const LONG: Duration = Duration::from_millis(15);
const TOO_LONG: Duration = Duration::from_millis(40);
/// What a step may take when it cannot be shorter.
const LONGEST: Duration = Duration::from_secs(10);

impl Search {
    /// How many have been found.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether all flows have been looked at.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// The newest flow of those it looks at.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.last
    }

    /// The numbers of what was found, in its order, without the first `from`.
    #[must_use]
    pub fn ids(&self, from: u64, limit: u64) -> Vec<i64> {
        let mut skip = from;
        let mut out = Vec::new();
        let blocks: Box<dyn Iterator<Item = (&i64, &Found)>> = match self.order {
            Order::Oldest => Box::new(self.found.iter()),
            Order::Newest => Box::new(self.found.iter().rev()),
        };
        for (block, found) in blocks {
            if out.len() as u64 >= limit {
                break;
            }
            if found.count() <= skip {
                skip -= found.count();
                continue;
            }
            let mut ids = found.ids(range(*block).0);
            if self.order == Order::Newest {
                ids.reverse();
            }
            let room = limit - out.len() as u64;
            out.extend(ids.into_iter().skip(skip as usize).take(room as usize));
            skip = 0;
        }
        out
    }

    fn add(&mut self, block: i64, found: &Found) {
        let known = self.found.entry(block).or_insert_with(Found::new);
        self.total += known.join(found);
    }
}

impl Reader {
    /// Begins a search: nothing has been looked at. With `last`, flows that came later are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn search(
        &self,
        filter: &Filter,
        order: Order,
        last: Option<i64>,
    ) -> Result<Search, StoreError> {
        let end = |which: &str| {
            self.with(|c| {
                c.prepare_cached(&format!("SELECT {which}(id) FROM flow"))?
                    .query_row([], |row| row.get::<_, Option<i64>>(0))
            })
        };
        let newest = end("max")?.unwrap_or(0);
        let last = last.map_or(newest, |last| last.min(newest));
        let next = match order {
            Order::Oldest => end("min")?,
            Order::Newest => Some(last),
        };
        let words = Words::of(filter, &self.path);
        let (found, filter) = (BTreeMap::new(), filter.clone());
        Ok(Search { filter, order, last, next, found, total: 0, pace: FIRST_PACE, words })
    }

    /// Continues it for a time, or until all has been looked at.
    ///
    /// # Errors
    /// When the file cannot be read, or few flows take too long.
    pub fn go_on(&self, search: &mut Search, until: Instant) -> Result<(), StoreError> {
        self.with(|c| {
            // For all of it the file is locked once, and not for each question.
            c.execute_batch("BEGIN")?;
            let gone = steps(c, search, until);
            c.execute_batch("COMMIT")?;
            gone
        })
    }

    /// What was found, in its order, without the first `from`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn lines(
        &self,
        search: &Search,
        from: u64,
        limit: u64,
    ) -> Result<Vec<Summary>, StoreError> {
        let named = named(&search.ids(from, limit.min(10_000)));
        let order = search.order.sql();
        let sql = format!("SELECT {COLUMNS} FROM flow WHERE id IN ({named}) ORDER BY id {order}");
        self.with(|c| c.prepare(&sql)?.query_map([], Summary::of)?.collect())
    }

    /// The numbers of all that match, in order; `None` when there are more than `most`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn ids(&self, filter: &Filter, most: usize) -> Result<Option<Vec<i64>>, StoreError> {
        let mut search = self.search(filter, Order::Oldest, None)?;
        while !search.is_complete() && search.total <= most as u64 {
            self.go_on(&mut search, Instant::now() + Duration::from_millis(100))?;
        }
        Ok((search.total <= most as u64).then(|| search.ids(0, u64::MAX)))
    }
}

/// What one step looks at.
struct Step {
    /// Both ends, and whether some of what is between was left out.
    first: i64,
    last: i64,
    certain: Vec<(i64, Found)>,
    /// Flows that the rows decide on.
    open: Vec<i64>,
    /// Numbers of which it is not known whether there are flows, beside these.
    unknown: usize,
}

fn steps(c: &mut Connection, search: &mut Search, until: Instant) -> rusqlite::Result<()> {
    while let Some(next) = search.next {
        step(c, search, next, until)?;
        if Instant::now() >= until {
            break;
        }
    }
    Ok(())
}

fn step(
    c: &mut Connection,
    search: &mut Search,
    next: i64,
    until: Instant,
) -> rusqlite::Result<()> {
    let Some(mut step) = gathered(c, search, next, until)? else {
        search.next = None;
        return Ok(());
    };
    let asked = step.open.len() + step.unknown;
    if asked > 0 {
        let begun = Instant::now();
        // It can be shorter next time, unless it is as short as can be.
        let longest = if asked <= LEAST_PACE {
            begun + LONGEST
        } else {
            (begun + TOO_LONG).min(until + SHORT)
        };
        let Some(matching) = matching(c, search, &step, longest)? else {
            search.pace = (search.pace.min(asked) / 8).max(LEAST_PACE);
            return Ok(());
        };
        for ids in matching.chunk_by(|a, b| block_of(*a) == block_of(*b)) {
            let block = block_of(ids[0]);
            step.certain.push((block, Found::of(ids, range(block).0)));
        }
        search.pace = match begun.elapsed() {
            took if took < SHORT => (search.pace * 2).min(MOST_PACE),
            took if took > LONG => (search.pace / 2).max(LEAST_PACE),
            _ => search.pace,
        };
    }
    for (block, found) in &step.certain {
        search.add(*block, found);
    }
    search.next = match search.order {
        Order::Oldest => step.last.checked_add(1).filter(|next| *next <= search.last),
        Order::Newest => step.first.checked_sub(1),
    };
    Ok(())
}

/// Block by block, until there is enough to ask for. `None` where no flows are left.
fn gathered(
    c: &Connection,
    search: &Search,
    mut next: i64,
    until: Instant,
) -> rusqlite::Result<Option<Step>> {
    let find = match search.order {
        Order::Oldest => "SELECT min(id) FROM flow WHERE id>=?",
        Order::Newest => "SELECT max(id) FROM flow WHERE id<=?",
    };
    let mut step: Option<Step> = None;
    loop {
        let there = c.prepare_cached(find)?.query_row([next], |row| row.get::<_, Option<i64>>(0));
        let Some(id) = there?.filter(|id| *id <= search.last) else { return Ok(step) };
        let (first, last) = range(block_of(id));
        // A flow that was added in between was not looked at.
        let (first, last) = match search.order {
            Order::Oldest => (first.max(id), last.min(search.last)),
            Order::Newest => (first, last.min(id)),
        };
        let room = search.pace - step.as_ref().map_or(0, |step| step.open.len() + step.unknown);
        let mut more = Step { first, last, certain: Vec::new(), open: Vec::new(), unknown: 0 };
        match Block::read(c, &search.words, block_of(id)) {
            Some(block) => more.decide(&search.filter, block_of(id), &block),
            None => more.unknown = (last - first + 1) as usize,
        }
        // Rows of blocks that have facts are not looked at for the sake of others.
        if step.as_ref().is_some_and(|step| (step.unknown > 0) != (more.unknown > 0)) {
            return Ok(step);
        }
        let asked = more.open.len() + more.unknown;
        if asked > room {
            if step.is_some() {
                return Ok(step);
            }
            more.cut(search.order, room);
            return Ok(Some(more));
        }
        next = match search.order {
            Order::Oldest => more.last.saturating_add(1),
            Order::Newest => more.first.saturating_sub(1),
        };
        match &mut step {
            Some(step) => step.take(more),
            None => step = Some(more),
        }
        let blocks = step.as_ref().map_or(0, |step| step.certain.len());
        if blocks >= MOST_BLOCKS || Instant::now() >= until {
            return Ok(step);
        }
    }
}

impl Step {
    fn decide(&mut self, filter: &Filter, number: i64, block: &Block<'_>) {
        let said = filter.said_by(block);
        let begin = range(number).0;
        let mut found = Found::new();
        for (id, must) in block.ids().iter().zip(&said.must) {
            found.note((id - begin) as usize, *must);
        }
        found.keep(self.first - begin, self.last - begin);
        if found.count() > 0 {
            self.certain.push((number, found));
        }
        if said.may != said.must {
            let all = block.ids().iter().zip(said.may.iter().zip(&said.must));
            let open = all.filter(|(_, (may, must))| **may && !**must).map(|(id, _)| *id);
            self.open.extend(open.filter(|id| (self.first..=self.last).contains(id)));
        }
    }

    /// Leaves `room` to be asked for, at the end where the search is.
    fn cut(&mut self, order: Order, room: usize) {
        let room = room.max(1);
        match order {
            Order::Oldest if self.unknown > 0 => self.last = self.first + room as i64 - 1,
            Order::Newest if self.unknown > 0 => self.first = self.last - room as i64 + 1,
            Order::Oldest => self.last = self.open[room - 1],
            Order::Newest => self.first = self.open[self.open.len() - room],
        }
        self.unknown = self.unknown.min(room);
        let (first, last) = (self.first, self.last);
        self.open.retain(|id| (first..=last).contains(id));
        for (block, found) in &mut self.certain {
            let begin = range(*block).0;
            found.keep(first - begin, last - begin);
        }
    }

    fn take(&mut self, more: Self) {
        self.first = self.first.min(more.first);
        self.last = self.last.max(more.last);
        self.certain.extend(more.certain);
        self.open.extend(more.open);
        self.unknown += more.unknown;
    }
}

/// Asks the rows; `None` when that took too long.
fn matching(
    c: &mut Connection,
    search: &Search,
    step: &Step,
    until: Instant,
) -> rusqlite::Result<Option<Vec<i64>>> {
    let (mut first, mut last) = (step.first, step.last);
    let mut only = String::new();
    if step.unknown == 0 {
        first = step.open.iter().copied().min().unwrap_or(first);
        last = step.open.iter().copied().max().unwrap_or(last);
        if step.open.len() <= MOST_NAMED {
            only = format!(" AND flow.id IN ({})", named(&step.open));
        }
    }
    let mut ids = Vec::new();
    if !search.words.is_empty() {
        ids = step.open.clone();
        ids.sort_unstable();
        if step.unknown > 0 {
            let mut all = c.prepare_cached("SELECT id FROM flow WHERE id BETWEEN ? AND ?")?;
            ids = all.query_map([first, last], |row| row.get(0))?.collect::<Result<_, _>>()?;
        }
    }
    let Some(words) = search.words.noted(c, &ids, until)? else { return Ok(None) };
    let (wher, values) = sql_of(search.filter.condition(&words));
    let and = if wher.is_empty() { " WHERE" } else { " AND" };
    let range = format!("{and} flow.id BETWEEN {first} AND {last}{only}");
    let sql = format!("SELECT id FROM flow NOT INDEXED{wher}{range}");
    c.progress_handler(1_000, Some(move || Instant::now() > until))?;
    let found = c
        .prepare(&sql)?
        .query_map(params_from_iter(values), |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>();
    c.progress_handler(0, None::<fn() -> bool>)?;
    match found {
        Err(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) =>
        {
            Ok(None)
        }
        found => found.map(Some),
    }
}

/// Numbers of flows in the text of a question.
pub(super) fn named(ids: &[i64]) -> String {
    let mut out = String::with_capacity(ids.len() * 8);
    for (n, id) in ids.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&id.to_string());
    }
    out
}
