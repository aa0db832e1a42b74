//! Facts of flows by column, a block of flows in a row for each: what filters are mostly made of is decided
//! by reading a column, where the rows themselves would be a hundred times as much.
//!
//! The indexer makes a block when all of its flows have come, so recording pays nothing for it.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::found::Found;
use super::packed::{self, Packed};
use super::{fold, head, words};
use crate::query::{Asked, Facts, Number, Word, mark};

/// How many numbers of flows are in a block.
pub(super) const BLOCK: i64 = 4_096;
/// So many more have come before one is made: flows that begin at once come in any order.
const BEHIND: i64 = 1_024;

/// No block yet: what comes before all.
pub(super) const NONE: i64 = i64::MIN / BLOCK;

const IDS: i64 = 0;
const URLS: i64 = 1;
const PATHS: i64 = 2;
const HEADS: i64 = 16;
/// Bytes of heads, each field once, in one block. Of more there is no column.
const MOST_OF_HEADS: usize = 4 << 20;

fn number_field(column: Number) -> i64 {
    match column {
        Number::Connection => 3,
        Number::Port => 4,
        Number::Status => 5,
        Number::Size => 6,
        Number::RequestSize => 7,
        Number::Took => 8,
        Number::Marks => 9,
    }
}

fn word_field(column: Word) -> i64 {
    match column {
        Word::Host => 10,
        Word::Method => 11,
        Word::Scheme => 12,
        Word::Type => 13,
        Word::Version => 14,
        Word::Client => 15,
    }
}

const NUMBERS: [Number; 7] = [
    Number::Connection,
    Number::Port,
    Number::Status,
    Number::Size,
    Number::RequestSize,
    Number::Took,
    Number::Marks,
];
const WORDS: [Word; 6] =
    [Word::Host, Word::Method, Word::Scheme, Word::Type, Word::Version, Word::Client];

/// The block of a flow.
pub(super) fn block_of(id: i64) -> i64 {
    id.div_euclid(BLOCK)
}

/// The first and the last number of a block.
pub(super) fn range(block: i64) -> (i64, i64) {
    let first = block.saturating_mul(BLOCK);
    (first, first.saturating_add(BLOCK - 1))
}

/// Numbers of fields that a block may have.
const FIELDS: i64 = 32;

/// Where a column lies. A number alone, since SQLite keeps no data where it looks for one: with block and field
/// for a key it read through six pages of other columns to find one.
fn place(block: i64, field: i64) -> i64 {
    block.saturating_mul(FIELDS).saturating_add(field)
}

/// The first and the last place of a block.
pub(super) fn places(block: i64) -> (i64, i64) {
    (place(block, 0), place(block, FIELDS - 1))
}

/// Makes the next block after `done`, if its flows have come; which one it was.
pub(super) fn make_next(database: &mut Connection, done: i64) -> rusqlite::Result<Option<i64>> {
    let after = range(done).1;
    let number = |sql: &str, value: i64| {
        database.prepare_cached(sql)?.query_row([value], |row| row.get::<_, Option<i64>>(0))
    };
    let Some(next) = number("SELECT min(id) FROM flow WHERE id>?", after)? else { return Ok(None) };
    let block = block_of(next);
    let last = number("SELECT max(id) FROM flow WHERE id>?", after)?.unwrap_or(next);
    if last.saturating_sub(BEHIND) <= range(block).1 {
        return Ok(None);
    }
    if number("SELECT place FROM fact WHERE place=?", place(block, IDS)).optional()?.is_none() {
        make(database, block)?;
    }
    Ok(Some(block))
}

fn make(database: &mut Connection, block: i64) -> rusqlite::Result<()> {
    let (first, last) = range(block);
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(columns) = columns(&transaction, first, last)? {
        for (field, data) in columns {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO fact VALUES(?,?)")?
                .execute(params![place(block, field), data])?;
        }
    }
    transaction.commit()
}

/// The field of a column, and what is stored of it.
type Column = (i64, Vec<u8>);

/// `None` for a block with what no column can say: it is left to the rows.
fn columns(database: &Connection, first: i64, last: i64) -> rusqlite::Result<Option<Vec<Column>>> {
    let mut query = database.prepare_cached(
        "SELECT f.id,connection,f.port,status,response_size,request_size,took,outcome,flags,
           repeats IS NOT NULL, ifnull(error,'')<>'',
           EXISTS(SELECT 1 FROM statement s WHERE s.flow=f.id),
           c.passed IS NOT NULL, f.host,method,scheme,type,version,c.client,
           scheme||'://'||authority, path
         FROM flow f LEFT JOIN connection c ON c.id=f.connection WHERE f.id BETWEEN ? AND ? ORDER BY f.id",
    )?;
    let mut rows = query.query([first, last])?;
    let mut ids = Vec::new();
    let mut numbers: [Vec<Option<i64>>; 7] = Default::default();
    let mut words: [Words; 6] = Default::default();
    let (mut urls, mut paths) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let number = |n| row.get::<_, Option<i64>>(n);
        ids.push(row.get::<_, i64>(0)? - first);
        for (n, column) in numbers.iter_mut().take(6).enumerate() {
            column.push(number(n + 1)?);
        }
        numbers[6].push(Some(marks(row)?));
        for (n, column) in words.iter_mut().enumerate() {
            column.push(row.get_ref(13 + n)?.as_str_or_null().ok().flatten());
        }
        for n in [19, 20] {
            paths.push(Some(urls.len() as i64));
            let text = row.get_ref(n)?.as_str_or_null().ok().flatten().unwrap_or_default();
            urls.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
        }
        urls.push(b'\n');
    }
    let mut out = vec![(URLS, urls), (IDS, packed_ids(&ids))];
    let all = numbers.iter().zip(NUMBERS).map(|(column, which)| (number_field(which), column));
    for (field, column) in all.chain([(PATHS, &paths)]) {
        let Some(data) = packed(column) else { return Ok(None) };
        out.push((field, data));
    }
    for (column, which) in words.iter().zip(WORDS) {
        let Some(data) = column.packed() else { return Ok(None) };
        out.push((word_field(which), data));
    }
    out.extend(heads(database, first, last)?.map(|data| (HEADS, data)));
    Ok(Some(out))
}

/// Each field of the heads once: its length and whose it is in one number, its name and its value with a colon
/// between them, and the flows that have it.
fn heads(database: &Connection, first: i64, last: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut query = database.prepare_cached(
        "SELECT flow,request_head,response_head FROM detail WHERE flow BETWEEN ? AND ? ORDER BY flow",
    )?;
    let mut rows = query.query([first, last])?;
    let mut sides: [HashMap<Vec<u8>, Vec<u16>>; 2] = Default::default();
    let (mut bytes, mut field) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let place = (row.get::<_, i64>(0)? - first) as u16;
        for (side, fields) in sides.iter_mut().enumerate() {
            let head = row.get_ref(side + 1)?.as_bytes_or_null().ok().flatten().unwrap_or_default();
            for (name, value) in head::fields(head) {
                field.clear();
                field.extend_from_slice(name);
                field.push(b':');
                field.extend_from_slice(value);
                match fields.get_mut(&field) {
                    Some(places) if places.last() == Some(&place) => {}
                    Some(places) => places.push(place),
                    None => {
                        bytes += field.len();
                        fields.insert(field.clone(), vec![place]);
                    }
                }
            }
        }
        if bytes > MOST_OF_HEADS {
            return Ok(None);
        }
    }
    let mut out = Vec::new();
    for (side, fields) in (0..).zip(&sides) {
        for (field, places) in fields {
            packed::number(&mut out, (field.len() as u32) << 1 | side);
            out.extend_from_slice(field);
            packed::places(&mut out, places);
        }
    }
    Ok(Some(out))
}

fn marks(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    let outcome: i64 = row.get(7)?;
    let flags: i64 = row.get(8)?;
    let mut marks = 0;
    for (holds, bit) in [
        (outcome == 0, mark::OPEN),
        (outcome > 1, mark::FAILED),
        (flags & fold::WEBSOCKET != 0, mark::WEBSOCKET),
        (flags & fold::CHANGED != 0, mark::CHANGED),
        (flags & (fold::REQUEST_DROPPED | fold::RESPONSE_DROPPED) != 0, mark::PARTIAL),
        (row.get(9)?, mark::REPEAT),
        (row.get(10)?, mark::ERROR),
        (row.get(11)?, mark::STATEMENT),
        (row.get(12)?, mark::PASSED),
    ] {
        if holds {
            marks |= bit;
        }
    }
    Ok(marks)
}

/// Texts of which many are the same.
#[derive(Default)]
struct Words {
    texts: Vec<String>,
    numbers: HashMap<String, i64>,
    which: Vec<Option<i64>>,
}

impl Words {
    fn push(&mut self, text: Option<&str>) {
        let number = text.map(|text| match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                let number = self.texts.len() as i64;
                self.texts.push(text.to_owned());
                self.numbers.insert(text.to_owned(), number);
                number
            }
        });
        self.which.push(number);
    }

    fn packed(&self) -> Option<Vec<u8>> {
        let mut out = (self.texts.len() as u32).to_le_bytes().to_vec();
        for text in &self.texts {
            out.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&packed(&self.which)?);
        Some(out)
    }
}

/// Numbers with as many bytes each as the largest needs; 0 is none, and all others are one more than they
/// are. `None` where one is below zero.
fn packed(numbers: &[Option<i64>]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(numbers.len());
    for number in numbers {
        plain.push(match number {
            None => 0,
            Some(number) => u64::try_from(*number).ok()? + 1,
        });
    }
    let most = plain.iter().copied().max().unwrap_or(0);
    let width = (1..8).find(|width| most >> (8 * width) == 0).unwrap_or(8);
    let mut out = vec![width as u8];
    for number in plain {
        out.extend_from_slice(&number.to_le_bytes()[..width]);
    }
    Some(out)
}

/// Numbers as they were before they were packed; none is below zero.
fn unpacked(data: &[u8], count: usize) -> Option<Vec<i64>> {
    let (width, data) = data.split_first()?;
    match width {
        1 => of_width::<1>(data, count),
        2 => of_width::<2>(data, count),
        3 => of_width::<3>(data, count),
        4 => of_width::<4>(data, count),
        5 => of_width::<5>(data, count),
        6 => of_width::<6>(data, count),
        7 => of_width::<7>(data, count),
        8 => of_width::<8>(data, count),
        _ => None,
    }
}

/// A loop for each width: where it is known, the copy is one instruction and not a call.
fn of_width<const WIDTH: usize>(data: &[u8], count: usize) -> Option<Vec<i64>> {
    let (numbers, rest) = data.as_chunks::<WIDTH>();
    let one = |bytes: &[u8; WIDTH]| {
        let mut whole = [0; 8];
        whole[..WIDTH].copy_from_slice(bytes);
        i64::from_le_bytes(whole).wrapping_sub(1)
    };
    (rest.is_empty() && numbers.len() == count).then(|| numbers.iter().map(one).collect())
}

/// Numbers of flows that follow each other, as most do, are their first and how many there are, behind a 0 where
/// others have a width.
fn packed_ids(ids: &[i64]) -> Vec<u8> {
    let first = ids.first().copied().unwrap_or(0);
    if ids.iter().zip(first..).all(|(id, next)| *id == next) {
        let numbers = [first as u32, ids.len() as u32].map(u32::to_le_bytes);
        return [&[0], numbers.as_flattened()].concat();
    }
    packed(&ids.iter().copied().map(Some).collect::<Vec<_>>()).unwrap_or_default()
}

fn unpacked_ids(data: &[u8]) -> Option<Vec<i64>> {
    let (width, rest) = data.split_first()?;
    if *width > 0 {
        return unpacked(data, rest.len() / usize::from(*width));
    }
    let (first, count) = rest.split_first_chunk::<4>()?;
    let [first, count] = [*first, count.try_into().ok()?].map(u32::from_le_bytes);
    let is_good = i64::from(first) + i64::from(count) <= BLOCK;
    is_good.then(|| (i64::from(first)..i64::from(first) + i64::from(count)).collect())
}

/// A block as it is stored, read a column at a time.
pub(super) struct Block<'a> {
    database: &'a Connection,
    words: &'a words::Words,
    number: i64,
    ids: Vec<i64>,
}

impl<'a> Block<'a> {
    /// `None` where it is missing (yet) or unreadable.
    pub(super) fn read(
        database: &'a Connection,
        words: &'a words::Words,
        number: i64,
    ) -> Option<Self> {
        let (first, last) = range(number);
        let mut ids = unpacked_ids(&column(database, number, IDS)?)?;
        ids.iter_mut().for_each(|id| *id = id.saturating_add(first));
        let is_good = ids.is_sorted_by(|a, b| a < b)
            && ids.first().is_none_or(|id| *id >= first)
            && ids.last().is_none_or(|id| *id <= last);
        is_good.then_some(Self { database, words, number, ids })
    }

    fn column(&self, field: i64) -> Option<Vec<u8>> {
        column(self.database, self.number, field)
    }
}

fn column(database: &Connection, block: i64, field: i64) -> Option<Vec<u8>> {
    let mut query = database.prepare_cached("SELECT data FROM fact WHERE place=?").ok()?;
    query.query_row([place(block, field)], |row| row.get(0)).ok()
}

impl Facts for Block<'_> {
    fn ids(&self) -> &[i64] {
        &self.ids
    }

    fn numbers(&self, column: Number) -> Option<Vec<i64>> {
        unpacked(&self.column(number_field(column))?, self.ids.len())
    }

    fn words(&self, column: Word) -> Option<(Vec<String>, Vec<i64>)> {
        let data = self.column(word_field(column))?;
        let (count, mut rest) = data.split_first_chunk::<4>()?;
        let mut texts = Vec::new();
        for _ in 0..u32::from_le_bytes(*count) {
            let (length, more) = rest.split_first_chunk::<4>()?;
            let (text, more) = more.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            texts.push(String::from_utf8(text.to_vec()).ok()?);
            rest = more;
        }
        Some((texts, unpacked(rest, self.ids.len())?))
    }

    fn having(&self, asked: &Asked) -> Option<[Vec<bool>; 2]> {
        self.words.having(self.database, asked, self.number, &self.ids)
    }

    fn having_field(
        &self,
        sides: [bool; 2],
        holds: &dyn Fn(&[u8], &[u8]) -> bool,
    ) -> Option<Vec<bool>> {
        let data = self.column(HEADS)?;
        let mut packed = Packed(&data);
        let mut found = Found::new();
        while !packed.0.is_empty() {
            let number = packed.number()?;
            let field = packed.bytes((number >> 1) as usize)?;
            let (name, value) = field.split_at(memchr::memchr(b':', field)?);
            if sides[(number & 1) as usize] && holds(name, &value[1..]) {
                packed.places(&mut found)?;
            } else {
                packed.skip_places()?;
            }
        }
        let begin = range(self.number).0;
        Some(self.ids.iter().map(|id| found.has((id - begin) as usize)).collect())
    }

    fn urls(&self) -> Option<Vec<u8>> {
        self.column(URLS)
    }

    fn places(&self, bytes: usize) -> Option<Vec<[usize; 2]>> {
        let places = unpacked(&self.column(PATHS)?, self.ids.len() * 2)?;
        let place = |place: i64| usize::try_from(place).ok().filter(|place| *place < bytes);
        let places: Vec<usize> = places.into_iter().map(place).collect::<Option<_>>()?;
        let (pairs, _) = places.as_chunks::<2>();
        places.is_sorted().then(|| pairs.to_vec())
    }
}
