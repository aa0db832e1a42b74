//! The words that a filter asks of the full-text index, and what is known of them before its rows are asked.

use std::collections::HashMap;

use super::{Field, Filter, Node, Op, Side, Value};

/// Words in a row that are looked for in the index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    /// Where, as FTS5 writes that; empty for all columns.
    pub(crate) columns: &'static str,
    /// With a space between them.
    pub(crate) words: String,
    /// Whether the beginning of the last one is enough.
    pub(crate) is_begun: bool,
}

impl Asked {
    /// Text, wherever it is.
    pub(super) fn text(columns: &'static str, text: &str) -> Option<Self> {
        Self::new(columns, text, true)
    }

    /// The name of a field of a head.
    pub(super) fn name(name: &str) -> Option<Self> {
        Self::new("head : ", name, false).filter(|_| name.is_ascii())
    }

    /// `None` where there is no letter in it.
    fn new(columns: &'static str, text: &str, is_begun: bool) -> Option<Self> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words = words.collect::<Vec<_>>().join(" ");
        (!words.is_empty()).then_some(Self { columns, words, is_begun })
    }

    /// As FTS5 writes it: only letters, digits and spaces are inside the quotes.
    pub(super) fn matched(&self) -> String {
        format!("{}\"{}\"{}", self.columns, self.words, if self.is_begun { " *" } else { "" })
    }
}

/// The columns of a body.
pub(super) fn columns(side: Option<Side>) -> &'static str {
    match side {
        None => "{request response} : ",
        Some(Side::Request) => "request : ",
        Some(Side::Response) => "response : ",
    }
}

/// Flows of a part of the session, as the function `is_noted` reads them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Known {
    /// Those that have the words.
    pub(crate) noted: Vec<u8>,
    /// Those that the index had not got to when it was asked.
    pub(crate) late: Vec<u8>,
}

/// What is known of all that a filter asks for.
pub(crate) type Words = HashMap<Asked, Known>;

impl Filter {
    /// What it asks of the index, and whether some of that is below a `not`.
    pub(crate) fn asked(&self) -> (Vec<Asked>, bool) {
        let (mut all, mut is_negated) = (Vec::new(), false);
        if let Some(root) = &self.root {
            asked(root, false, &mut all, &mut is_negated);
        }
        (all, is_negated)
    }
}

fn asked(node: &Node, below_not: bool, all: &mut Vec<Asked>, is_negated: &mut bool) {
    let one = match node {
        Node::All(nodes) | Node::Any(nodes) => {
            return nodes.iter().for_each(|node| asked(node, below_not, all, is_negated));
        }
        Node::Not(node) => return asked(node, true, all, is_negated),
        Node::Text(text, _) => Asked::text("", text),
        Node::Field(Field::Body(side), Op::Contains, Value::Text(text), _) => {
            Asked::text(columns(*side), text)
        }
        Node::Field(Field::Header(_, Some(name)), op, ..) if *op != Op::NotEqual => {
            Asked::name(name)
        }
        Node::Field(..) => None,
    };
    if let Some(one) = one.filter(|one| !all.contains(one)) {
        all.push(one);
        *is_negated |= below_not;
    }
}
