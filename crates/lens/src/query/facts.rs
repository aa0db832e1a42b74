//! A filter over the facts of many flows at once, kept by column: what they decide, nobody need look up.

use super::{Field, Filter, Kind, Node, Op, Value};

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
    /// A column of numbers.
    fn numbers(&self, column: Number) -> Option<Vec<Option<i64>>>;
    /// The texts of a column, and which of them each flow has.
    fn words(&self, column: Word) -> Option<(Vec<String>, Vec<Option<usize>>)>;
    /// All URLs one behind the other, their ASCII letters small, a line feed behind each; and of each, where
    /// it begins and where its path does.
    fn urls(&self) -> Option<(Vec<u8>, Vec<[usize; 2]>)>;
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
        let said = match &self.root {
            Some(root) => said(root, facts),
            None => Said::known(vec![true; count]),
        };
        // What was open when its facts were noted has other facts now.
        match facts.numbers(Number::Marks) {
            Some(marks) => said.but_for(|n| marks[n].is_none_or(|marks| marks & mark::OPEN != 0)),
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

    fn but_for(mut self, unknown: impl Fn(usize) -> bool) -> Self {
        for n in (0..self.may.len()).filter(|n| unknown(*n)) {
            self.must[n] = false;
            self.may[n] = true;
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
        Node::Text(..) => Said::nothing(count),
        Node::Field(field, op, value, _) => {
            leaf(field, *op, value, facts).unwrap_or_else(|| Said::nothing(count))
        }
    }
}

fn leaf(field: &Field, op: Op, value: &Value, facts: &dyn Facts) -> Option<Said> {
    let has = |bits: i64| {
        let marks = facts.numbers(Number::Marks)?;
        Some(marks.into_iter().map(|marks| marks.unwrap_or(0) & bits != 0).collect::<Vec<_>>())
    };
    match (field, value) {
        (Field::Is(kind), _) => is(*kind, facts),
        (Field::Id, Value::Numbers(low, high)) => {
            let ids = facts.ids().iter().map(|id| compares(Some(*id), op, *low, *high));
            Some(Said::known(ids.collect()))
        }
        (field, Value::Numbers(low, high)) => {
            let numbers = facts.numbers(number(field)?)?;
            let matching = numbers.into_iter().map(|number| compares(number, op, *low, *high));
            Some(Said::known(matching.collect()))
        }
        (Field::Host, _) => by_words(Word::Host, op, value, facts),
        (Field::Method, _) => by_words(Word::Method, op, value, facts),
        (Field::Scheme, _) => by_words(Word::Scheme, op, value, facts),
        (Field::Type, _) => by_words(Word::Type, op, value, facts),
        (Field::Version, _) => by_words(Word::Version, op, value, facts),
        (Field::Path | Field::Url, Value::Text(text)) => {
            in_urls(*field == Field::Path, op, text, facts)
        }
        // Of others it is known that they have none of it.
        (Field::Error, Value::Text(text)) if op != Op::NotEqual && !text.is_empty() => {
            Some(Said::at_most(has(mark::ERROR)?))
        }
        (Field::Statement, _) => Some(Said::at_most(has(mark::STATEMENT)?)),
        _ => None,
    }
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

fn compares(number: Option<i64>, op: Op, low: i64, high: i64) -> bool {
    number.is_some_and(|number| match op {
        Op::Less => number < low,
        Op::LessEqual => number <= high,
        Op::Greater => number > high,
        Op::GreaterEqual => number >= low,
        Op::NotEqual => number < low || number > high,
        Op::Contains | Op::Equal | Op::Matches => number >= low && number <= high,
    })
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
    // Where there is no text, only what differs from a text matches.
    let none = matches!((op, value), (Op::NotEqual, Value::Text(value)) if !value.is_empty());
    let matching: Vec<bool> = texts.iter().map(|text| holds(text)).collect();
    let matching = which.into_iter().map(|n| n.map_or(none, |n| matching.get(n) == Some(&true)));
    Some(Said::known(matching.collect()))
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
    let (urls, places) = facts.urls()?;
    let ends = places.iter().skip(1).map(|[begin, _]| *begin).chain([urls.len()]);
    let from = |[begin, path]: [usize; 2]| if of_path { path } else { begin };
    if op != Op::Contains {
        let equal = places.iter().zip(ends).map(|(place, end)| {
            let same = urls.get(from(*place)..end.saturating_sub(1)) == Some(&text[..]);
            same == (op == Op::Equal)
        });
        return Some(Said::known(equal.collect()));
    }
    if text.is_empty() {
        return Some(Said::known(vec![true; places.len()]));
    }
    let finder = memchr::memmem::Finder::new(&text);
    let mut matching = vec![false; places.len()];
    let ends: Vec<usize> = ends.collect();
    let (mut at, mut n) = (0, 0);
    while let Some(found) = urls.get(at..).and_then(|rest| finder.find(rest)) {
        let found = at + found;
        while ends.get(n).is_some_and(|end| *end <= found) {
            n += 1;
        }
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
            let is_tls = |n: Option<usize>| {
                n.and_then(|n| texts.get(n))
                    .is_some_and(|s| matches!(&**s, "https" | "wss" | "tls"))
            };
            return Some(Said::known(which.into_iter().map(is_tls).collect()));
        }
    };
    let marks = facts.numbers(Number::Marks)?;
    let mut matching: Vec<bool> = marks.iter().map(|m| m.unwrap_or(0) & bits != 0).collect();
    if kind == Kind::Error {
        let statuses = facts.numbers(Number::Status)?;
        for (matches, status) in matching.iter_mut().zip(statuses) {
            *matches |= status.is_some_and(|status| status >= 400);
        }
    }
    Some(Said::known(matching))
}
