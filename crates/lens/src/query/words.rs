//! Texts as words: how they are divided, and what a filter asks of them.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{Field, Filter, Node, Op, Side, Value};

/// Bytes of a word that count; of a longer one, its beginning.
pub(crate) const LONGEST: usize = 64;

/// Places where a text may be, as bits.
pub(crate) mod column {
    /// Method, URL, heads, errors, notes.
    pub(crate) const HEAD: u8 = 1;
    /// The request's body, and what else the client says.
    pub(crate) const REQUEST: u8 = 2;
    /// The answer's.
    pub(crate) const RESPONSE: u8 = 4;
}

/// Words in a row that are looked for; of the last one the beginning is enough.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    /// Where.
    pub(crate) columns: u8,
    /// At least one, as [`each_word`] tells them.
    pub(crate) words: Vec<String>,
}

impl Asked {
    /// `None` where there is no letter in it.
    pub(super) fn text(columns: u8, text: &str) -> Option<Self> {
        let mut words = Vec::new();
        each_word(text, |word| words.push(word.to_owned()));
        (!words.is_empty()).then_some(Self { columns, words })
    }

    /// Whether a text has it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let Some((last, before)) = self.words.split_last() else { return false };
        let mut found = false;
        if before.is_empty() {
            each_word(text, |word| found |= word.starts_with(last.as_str()));
            return found;
        }
        // How many of the words begin a row that continues here, for each row that does.
        let mut rows: Vec<usize> = Vec::new();
        each_word(text, |word| {
            found |= rows.contains(&before.len()) && word.starts_with(last.as_str());
            rows.push(0);
            rows.retain_mut(|row| {
                let goes_on = before.get(*row).is_some_and(|wanted| wanted == word);
                *row += 1;
                goes_on
            });
        });
        found
    }
}

/// The columns of a body.
pub(super) fn columns(side: Option<Side>) -> u8 {
    match side {
        None => column::REQUEST | column::RESPONSE,
        Some(Side::Request) => column::REQUEST,
        Some(Side::Response) => column::RESPONSE,
    }
}

/// The columns of text anywhere.
pub(super) const ANYWHERE: u8 = column::HEAD | column::REQUEST | column::RESPONSE;

/// Tells the words of a text: letters and digits, in small letters without accents.
pub(crate) fn each_word(text: &str, mut tell: impl FnMut(&str)) {
    let mut small = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word = beginning(word);
        if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            tell(word);
            continue;
        }
        small.clear();
        if word.is_ascii() {
            small.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            let plain = word.nfd().filter(|c| !is_combining_mark(*c));
            small.extend(plain.flat_map(char::to_lowercase));
        }
        if !small.is_empty() {
            tell(beginning(&small));
        }
    }
}

fn beginning(word: &str) -> &str {
    let mut end = word.len().min(LONGEST);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

/// Of what a filter asks for, the flows that have it, as the function `is_noted` reads them.
pub(crate) type Words = HashMap<Asked, Vec<u8>>;

impl Filter {
    /// What it asks of the texts of flows.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let mut all = Vec::new();
        if let Some(root) = &self.root {
            asked(root, &mut all);
        }
        all
    }
}

fn asked(node: &Node, all: &mut Vec<Asked>) {
    let one = match node {
        Node::All(nodes) | Node::Any(nodes) => {
            return nodes.iter().for_each(|node| asked(node, all));
        }
        Node::Not(node) => return asked(node, all),
        Node::Text(text, _) => Asked::text(ANYWHERE, text),
        Node::Field(Field::Body(side), Op::Contains, Value::Text(text), _) => {
            Asked::text(columns(*side), text)
        }
        Node::Field(..) => None,
    };
    all.extend(one.filter(|one| !all.contains(one)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits_without_case_and_accents() {
        let mut all = Vec::new();
        each_word("GET /Zoë/caf\u{65}\u{301}?ÅNGSTRÖM=1, 東京 …", |word| {
            all.push(word.to_owned());
        });
        assert_eq!(all, ["get", "zoe", "cafe", "angstrom", "1", "東京"]);
        let long = "ö".repeat(LONGEST);
        each_word(&format!("{}x {long}", "a".repeat(LONGEST)), |word| {
            assert!(word == "a".repeat(LONGEST) || word == "o".repeat(LONGEST / 2), "{word}");
        });
    }

    #[test]
    fn words_in_a_row_are_found_where_they_are() {
        for (text, wanted, is_there) in [
            ("one two three", "two", true),
            ("one two three", "tw", true),
            ("one two three", "wo", false),
            ("one two three", "one tw", true),
            ("one two three", "on two", false),
            ("one two three", "two one", false),
            ("a a a b", "a a b", true),
            ("a a b", "a a a b", false),
            ("/Api/v1/users", "api/v1", true),
            ("", "a", false),
        ] {
            let asked = Asked::text(ANYWHERE, wanted).expect("words");
            assert_eq!(asked.is_in(text), is_there, "{wanted} in {text}");
        }
        assert_eq!(Asked::text(ANYWHERE, "?!"), None);
    }
}
