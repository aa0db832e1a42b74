//! A filter over the facts of many flows at once, kept by column: what they decide needs no look-up.

use super::eval::is_field;
use super::words::{ANYWHERE, Asked, columns};
use super::{Field, Filter, Kind, Node, Op, Side, Value};

/// A column of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Connection,
    Port,
    Status,
    Size,
    RequestSize,
    Took,
    Marks,
}

/// A column of texts of which many are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Host,
    Method,
    Scheme,
    Type,
    Version,
    /// Of the connection.
    Client,
}

/// Bits of [`Number::Marks`].
pub(crate) mod mark {
    pub(crate) const OPEN: i64 = 1;
    pub(crate) const FAILED: i64 = 2;
    pub(crate) const WEBSOCKET: i64 = 4;
    pub(crate) const CHANGED: i64 = 8;
    pub(crate) const PARTIAL: i64 = 16;
    pub(crate) const REPEAT: i64 = 32;
    pub(crate) const ERROR: i64 = 64;
    pub(crate) const STATEMENT: i64 = 128;
    pub(crate) const PASSED: i64 = 256;
}

/// Facts of some flows, in one order. A column that cannot be read is `None`: then it decides nothing.
pub(crate) trait Facts {
    /// The numbers of the flows.
    fn ids(&self) -> &[i64];
    /// A column of numbers; below zero where a flow has no value.
    fn numbers(&self, column: Number) -> Option<Vec<i64>>;
    /// The texts of a column, and which of them each flow has: below zero where it has no text.
    fn words(&self, column: Word) -> Option<(Vec<String>, Vec<i64>)>;
    /// The flows that have words, and those that may.
    fn having(&self, asked: &Asked) -> Option<[Vec<bool>; 2]>;
    /// The flows of which a field of a head, told by its name and its value, holds: the request's, the answer's.
    fn having_field(
        &self,
        sides: [bool; 2],
        holds: &dyn Fn(&[u8], &[u8]) -> bool,
    ) -> Option<Vec<bool>>;
    /// All URLs one behind the other, their ASCII letters small, a line feed behind each.
    fn urls(&self) -> Option<Vec<u8>>;
    /// Where each URL of so many bytes begins, and where its path does.
    fn places(&self, bytes: usize) -> Option<Vec<[usize; 2]>>;
}

/// What facts say of flows: which match for certain, and which may.
pub(crate) struct Said {
    pub(crate) must: Vec<bool>,
    pub(crate) may: Vec<bool>,
}

impl Filter {
    /// What the facts of flows say of this filter.
    pub(crate) fn said_by(&self, facts: &dyn Facts) -> Said {
        let count = facts.ids().len();
        let Some(root) = &self.root else { return Said::known(vec![true; count]) };
        // What was open when its facts were noted has other facts now.
        match facts.numbers(Number::Marks) {
            Some(marks) => said(root, facts).but_for_open(&marks),
            None => Said::nothing(count),
        }
    }
}

impl Said {
    fn known(matching: Vec<bool>) -> Self {
        Self { may: matching.clone(), must: matching }
    }

    fn nothing(count: usize) -> Self {
        Self { must: vec![false; count], may: vec![true; count] }
    }

    fn at_most(may: Vec<bool>) -> Self {
        Self { must: vec![false; may.len()], may }
    }

    fn but_for_open(mut self, marks: &[i64]) -> Self {
        for ((must, may), marks) in self.must.iter_mut().zip(&mut self.may).zip(marks) {
            // Marks below zero are absent, and have this bit, too.
            let is_open = marks & mark::OPEN != 0;
            *must &= !is_open;
            *may |= is_open;
        }
        self
    }

    fn with(mut self, other: &Self, join: fn(bool, bool) -> bool) -> Self {
        for (one, two) in self.must.iter_mut().zip(&other.must) {
            *one = join(*one, *two);
        }
        for (one, two) in self.may.iter_mut().zip(&other.may) {
            *one = join(*one, *two);
        }
        self
    }

    fn turned(self) -> Self {
        let not = |all: Vec<bool>| all.into_iter().map(|one| !one).collect();
        Self { must: not(self.may), may: not(self.must) }
    }
}

fn said(node: &Node, facts: &dyn Facts) -> Said {
    let count = facts.ids().len();
    match node {
        // One that nothing is left of needs no more columns.
        Node::All(nodes) => nodes.iter().fold(Said::known(vec![true; count]), |all, node| {
            if all.may.contains(&true) { all.with(&said(node, facts), |a, b| a && b) } else { all }
        }),
        Node::Any(nodes) => nodes.iter().fold(Said::known(vec![false; count]), |all, node| {
            all.with(&said(node, facts), |a, b| a || b)
        }),
        Node::Not(node) => said(node, facts).turned(),
        Node::Text(text, _) => match Asked::text(ANYWHERE, text) {
            Some(asked) => having(Some(asked), facts),
            // No words are in it: signs only.
            None => in_urls(true, Op::Contains, text, facts),
        }
        .unwrap_or_else(|| Said::nothing(count)),
        Node::Field(field, op, value, _) => {
            leaf(field, *op, value, facts).unwrap_or_else(|| Said::nothing(count))
        }
    }
}

fn leaf(field: &Field, op: Op, value: &Value, facts: &dyn Facts) -> Option<Said> {
    let has = |bits: i64| {
        let marks = facts.numbers(Number::Marks)?;
        Some(marked(&marks, bits))
    };
    match (field, value) {
        (Field::Is(kind), _) => is(*kind, facts),
        (Field::Id, Value::Numbers(low, high)) => {
            Some(Said::known(compared(facts.ids(), op, *low, *high)))
        }
        (field, Value::Numbers(low, high)) => {
            Some(Said::known(compared(&facts.numbers(number(field)?)?, op, *low, *high)))
        }
        (Field::Host, _) => by_words(Word::Host, op, value, facts),
        (Field::Method, _) => by_words(Word::Method, op, value, facts),
        (Field::Scheme, _) => by_words(Word::Scheme, op, value, facts),
        (Field::Type, _) => by_words(Word::Type, op, value, facts),
        (Field::Version, _) => by_words(Word::Version, op, value, facts),
        (Field::Client, _) => by_words(Word::Client, op, value, facts),
        (Field::Path | Field::Url, Value::Text(text)) => {
            in_urls(*field == Field::Path, op, text, facts)
        }
        // The others are known not to contain it.
        (Field::Error, Value::Text(text)) if op != Op::NotEqual && !text.is_empty() => {
            Some(Said::at_most(has(mark::ERROR)?))
        }
        (Field::Body(side), Value::Text(text)) if op == Op::Contains => {
            having(Asked::text(columns(*side), text), facts)
        }
        (Field::Header(side, name), _) => header(*side, name.as_deref(), op, value, facts),
        (Field::Statement, _) => Some(Said::at_most(has(mark::STATEMENT)?)),
        _ => None,
    }
}

fn having(asked: Option<Asked>, facts: &dyn Facts) -> Option<Said> {
    let [must, may] = facts.having(&asked?)?;
    Some(Said { must, may })
}

fn header(
    side: Option<Side>,
    name: Option<&str>,
    op: Op,
    value: &Value,
    facts: &dyn Facts,
) -> Option<Said> {
    let sides = [side != Some(Side::Response), side != Some(Side::Request)];
    let is_not = op == Op::NotEqual;
    let op = if is_not { Op::Equal } else { op };
    let holds = |field: &[u8], content: &[u8]| is_field(name, op, value, field, content);
    let said = Said::known(facts.having_field(sides, &holds)?);
    Some(if is_not { said.turned() } else { said })
}

fn number(field: &Field) -> Option<Number> {
    Some(match field {
        Field::Connection => Number::Connection,
        Field::Port => Number::Port,
        Field::Status => Number::Status,
        Field::Size => Number::Size,
        Field::RequestSize => Number::RequestSize,
        Field::Took => Number::Took,
        _ => return None,
    })
}

/// Which numbers compare so: each comparison is a range, or all that is outside of one. No branch is in the
/// loop, so that many are looked at in one instruction.
fn compared(numbers: &[i64], op: Op, low: i64, high: i64) -> Vec<bool> {
    let (low, high) = match op {
        Op::Less => (0, low.saturating_sub(1)),
        Op::LessEqual => (0, high),
        Op::Greater => (high.saturating_add(1), i64::MAX),
        Op::GreaterEqual => (low, i64::MAX),
        Op::NotEqual | Op::Contains | Op::Equal | Op::Matches => (low, high),
    };
    let is_outside = op == Op::NotEqual;
    let holds = |number: &i64| {
        let is_inside = (*number >= low) & (*number <= high);
        (is_inside != is_outside) & (*number >= 0)
    };
    numbers.iter().map(holds).collect()
}

fn marked(marks: &[i64], bits: i64) -> Vec<bool> {
    marks.iter().map(|marks| marks & bits != 0).collect()
}

fn by_words(column: Word, op: Op, value: &Value, facts: &dyn Facts) -> Option<Said> {
    let (texts, which) = facts.words(column)?;
    let holds = |text: &str| match value {
        Value::Pattern(pattern) => pattern.0.is_match(text),
        Value::Text(value) => match op {
            Op::Equal => text.eq_ignore_ascii_case(value),
            Op::NotEqual => !text.eq_ignore_ascii_case(value),
            _ => contains(&text.to_ascii_lowercase(), &value.to_ascii_lowercase()),
        },
        Value::Numbers(..) => false,
    };
    // Where there is no text, only what differs from a text matches; where there is no connection, nothing does.
    let none = column != Word::Client
        && matches!((op, value), (Op::NotEqual, Value::Text(value)) if !value.is_empty());
    let matching: Vec<bool> = texts.iter().map(|text| holds(text)).collect();
    Some(Said::known(chosen(&which, &matching, none)))
}

/// For each flow the result for its text, and `none` for a flow without text.
fn chosen(which: &[i64], said: &[bool], none: bool) -> Vec<bool> {
    let one = |n: &i64| usize::try_from(*n).map_or(none, |n| said.get(n) == Some(&true));
    which.iter().map(one).collect()
}

fn contains(text: &str, part: &str) -> bool {
    part.is_empty() || text.contains(part)
}

/// For what is contained, all URLs are looked through at once.
fn in_urls(of_path: bool, op: Op, text: &str, facts: &dyn Facts) -> Option<Said> {
    let text = text.to_ascii_lowercase().into_bytes();
    // A line feed would be looked for between them.
    if text.contains(&b'\n') {
        return None;
    }
    if op == Op::Contains && text.is_empty() {
        return Some(Said::known(vec![true; facts.ids().len()]));
    }
    let urls = facts.urls()?;
    let finder = memchr::memmem::Finder::new(&text);
    // Without any match, the positions are not needed.
    let Some(first) = finder.find(&urls) else {
        return Some(Said::known(vec![op == Op::NotEqual; facts.ids().len()]));
    };
    let places = facts.places(urls.len())?;
    let ends = places.iter().skip(1).map(|[begin, _]| *begin).chain([urls.len()]);
    let from = |[begin, path]: [usize; 2]| if of_path { path } else { begin };
    if op != Op::Contains {
        let equal = places.iter().zip(ends).map(|(place, end)| {
            let same = urls.get(from(*place)..end.saturating_sub(1)) == Some(&text[..]);
            same == (op == Op::Equal)
        });
        return Some(Said::known(equal.collect()));
    }
    let mut matching = vec![false; places.len()];
    let ends: Vec<usize> = ends.collect();
    let (mut at, mut n) = (first, 0);
    while let Some(found) = urls.get(at..).and_then(|rest| finder.find(rest)) {
        let found = at + found;
        n += ends.get(n..)?.partition_point(|end| *end <= found);
        let (Some(place), Some(end)) = (places.get(n), ends.get(n)) else { break };
        if found >= from(*place) {
            matching[n] = true;
            at = *end;
        } else {
            at = found + 1;
        }
    }
    Some(Said::known(matching))
}

fn is(kind: Kind, facts: &dyn Facts) -> Option<Said> {
    let bits = match kind {
        Kind::Error => mark::FAILED,
        Kind::Open => mark::OPEN,
        Kind::WebSocket => mark::WEBSOCKET,
        Kind::Changed => mark::CHANGED,
        Kind::Repeat => mark::REPEAT,
        Kind::Passed => mark::PASSED,
        Kind::Sql => mark::STATEMENT,
        Kind::Partial => mark::PARTIAL,
        Kind::Tls => {
            let (texts, which) = facts.words(Word::Scheme)?;
            let is_tls = |scheme: &String| matches!(&**scheme, "https" | "wss" | "tls");
            let is_tls: Vec<bool> = texts.iter().map(is_tls).collect();
            return Some(Said::known(chosen(&which, &is_tls, false)));
        }
    };
    let mut matching = marked(&facts.numbers(Number::Marks)?, bits);
    if kind == Kind::Error {
        let statuses = facts.numbers(Number::Status)?;
        for (matches, status) in matching.iter_mut().zip(statuses) {
            *matches |= status >= 400;
        }
    }
    Some(Said::known(matching))
}
