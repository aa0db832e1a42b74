//! The one filter language: for terminal, page, API, MCP, export and rules.
//!
//! A filter is parsed once ([`Filter::parse`]). Over a session file it becomes a condition of SQL whose
//! every value is a parameter; over a head in flight, for rules, it is evaluated. The grammar is in
//! `docs/proxy.md`.

mod eval;
mod facts;
mod lex;
mod parse;
mod sql;
mod words;

pub use eval::Subject;
pub(crate) use eval::{default_port, split_authority};
pub(crate) use facts::{Facts, Number, Word, mark};
pub(crate) use sql::{Condition, Parameter};
pub(crate) use words::{Asked, Words, each_word};

use std::fmt;

/// A filter that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    root: Option<Node>,
}

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The place, in bytes from the beginning.
    pub at: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filter, at character {}: {}", self.at + 1, self.reason)
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Reads a filter. An empty one matches everything.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::filter(text).map(|root| Self { root })
    }

    /// Whether it matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }
}

/// A filter's tree.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// A field compared with a value.
    Field(Field, Op, Value, usize),
    /// Text anywhere: a word from its beginning, or words in a row.
    Text(String, usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Field {
    Id,
    Connection,
    Host,
    Port,
    Path,
    Url,
    Method,
    Scheme,
    Status,
    Type,
    Version,
    Client,
    Error,
    Size,
    RequestSize,
    Took,
    Body(Option<Side>),
    Header(Option<Side>, Option<String>),
    Statement,
    Is(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Request,
    Response,
}

/// What `is:` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Error,
    Open,
    WebSocket,
    Tls,
    Changed,
    Repeat,
    Passed,
    Sql,
    Partial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Contains,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Matches,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Pattern(Pattern),
    /// A range of whole numbers, both ends included; most are of one number.
    Numbers(i64, i64),
}

/// A regular expression, with its text.
#[derive(Clone, Debug)]
struct Pattern(std::sync::Arc<regex_lite::Regex>);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_a_place() {
        for (text, at, part) in [
            ("(host:a", 7, "never closed"),
            ("host:a)", 6, "unmatched"),
            ("\"abc", 0, "quote"),
            ("colour:red", 0, "unknown field"),
            ("status:abc", 7, "number"),
            ("status>", 7, "value"),
            ("path~[", 5, "pattern"),
            ("is:odd", 3, "is:"),
            ("a or", 4, "expected"),
            ("not", 3, "expected"),
            ("size>1xb", 5, "number"),
            ("host>a", 4, "compare"),
        ] {
            let error = Filter::parse(text).expect_err(text);
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.reason.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        assert!(Filter::parse(&"(".repeat(100_000)).is_err());
        assert!(Filter::parse(&"not ".repeat(100_000)).is_err());
        assert!(Filter::parse(&"a ".repeat(100_000)).is_err());
    }

    #[test]
    fn spellings() {
        let same = |a: &str, b: &str| {
            let clean = |t: &str| Filter::parse(t).expect("a filter").condition(&Words::new());
            assert_eq!(clean(a), clean(b), "{a} / {b}");
        };
        same("host:a path:b", "host:a and path:b");
        same("host:a AND path:b", "host:a & path:b");
        same("-host:a", "not host:a");
        same("!host:a", "NOT host:a");
        same("host:a or path:b", "host:a | path:b");
        same("status:4xx", "status:400-499");
        same("size>1kb", "size>1024");
        same("took>1s", "took>1000ms");
        same("host:\"a\"", "host:a");
    }
}
