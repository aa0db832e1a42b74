//! A filter's pieces, with their places.

use super::{FilterError, Op};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Not,
    And,
    Or,
    /// A bare word or a quoted text; `true` when quoted.
    Word(String, bool),
    /// An operator that touches the word before it.
    Op(Op),
}

/// Longest filter that is read, in bytes.
const LONGEST: usize = 16 * 1024;
/// Most pieces of one.
const MOST: usize = 512;

/// Splits the text. Each token has the place of its first byte.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    if text.len() > LONGEST {
        return Err(FilterError { at: LONGEST, reason: format!("longer than {LONGEST} bytes") });
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if tokens.len() == MOST {
            return Err(FilterError { at, reason: format!("more than {MOST} parts") });
        }
        let (token, length) = one(text, at, first)?;
        tokens.push((at, token));
        at += length;
        // What follows a field's operator is its value, even where it looks like one.
        if let Some((_, Token::Op(_))) = tokens.last()
            && let Some(next) = text[at..].chars().next()
            && !next.is_whitespace()
            && next != '"'
            && next != ')'
        {
            let length = value_length(&text[at..]);
            tokens.push((at, Token::Word(text[at..at + length].to_owned(), false)));
            at += length;
        }
    }
    Ok(tokens)
}

fn one(text: &str, at: usize, first: char) -> Result<(Token, usize), FilterError> {
    let rest = &text[at..];
    let glued = at > 0 && !text[..at].ends_with(|c: char| c.is_whitespace() || "()&|!".contains(c));
    Ok(match first {
        '(' => (Token::Open, 1),
        ')' => (Token::Close, 1),
        '&' => (Token::And, if rest.starts_with("&&") { 2 } else { 1 }),
        '|' => (Token::Or, if rest.starts_with("||") { 2 } else { 1 }),
        '!' if rest.starts_with("!=") && glued => (Token::Op(Op::NotEqual), 2),
        '!' => (Token::Not, 1),
        '-' if !glued && rest.len() > 1 && !rest[1..].starts_with(char::is_whitespace) => {
            (Token::Not, 1)
        }
        ':' if glued => (Token::Op(Op::Contains), 1),
        '=' if glued => (Token::Op(Op::Equal), if rest.starts_with("==") { 2 } else { 1 }),
        '~' if glued => (Token::Op(Op::Matches), 1),
        '<' if rest.starts_with("<=") => (Token::Op(Op::LessEqual), 2),
        '<' => (Token::Op(Op::Less), 1),
        '>' if rest.starts_with(">=") => (Token::Op(Op::GreaterEqual), 2),
        '>' => (Token::Op(Op::Greater), 1),
        '"' => quoted(rest, at)?,
        _ => {
            let length = word_length(rest);
            let word = &rest[..length];
            let token = match word {
                "and" | "AND" => Token::And,
                "or" | "OR" => Token::Or,
                "not" | "NOT" => Token::Not,
                _ => Token::Word(word.to_owned(), false),
            };
            (token, length)
        }
    })
}

fn quoted(rest: &str, at: usize) -> Result<(Token, usize), FilterError> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Ok((Token::Word(out, true), place + 1)),
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            _ => out.push(c),
        }
    }
    Err(FilterError { at, reason: "this quote is never closed".to_owned() })
}

/// Up to white space, a parenthesis, an operator; at least one character.
fn word_length(rest: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || "()&|:=~<>\"".contains(c);
    let after_first = rest.chars().next().map_or(0, char::len_utf8);
    let found = rest[after_first..].find(|c| ends(c) || c == '!');
    found.map_or(rest.len(), |end| end + after_first)
}

/// A value goes up to white space; a parenthesis that was not opened in it ends it.
fn value_length(rest: &str) -> usize {
    let mut open = 0_usize;
    for (place, c) in rest.char_indices() {
        match c {
            '(' => open += 1,
            ')' if open == 0 => return place,
            ')' => open -= 1,
            _ if c.is_whitespace() => return place,
            _ => {}
        }
    }
    rest.len()
}
