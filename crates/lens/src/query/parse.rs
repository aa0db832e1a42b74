//! From the pieces to the tree: `or` binds weakest, then `and` (which may be left out), then `not`.

use std::sync::Arc;

use super::lex::{Token, tokens};
use super::{Field, FilterError, Kind, Node, Op, Pattern, Side, Value};

/// Deepest nesting that is read.
const DEEPEST: usize = 64;

pub(super) fn filter(text: &str) -> Result<Option<Node>, FilterError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.len(), depth: 0 };
    if parser.tokens.is_empty() {
        return Ok(None);
    }
    let node = parser.any()?;
    match parser.peek() {
        None => Ok(Some(node)),
        Some(_) => Err(parser.error("unmatched closing parenthesis")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all()?];
        while self.take(&Token::Or) {
            nodes.push(self.all()?);
        }
        Ok(single(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.not()?];
        loop {
            let and = self.take(&Token::And);
            if !and && matches!(self.peek(), None | Some(Token::Or | Token::Close)) {
                return Ok(single(nodes, Node::All));
            }
            nodes.push(self.not()?);
        }
    }

    fn not(&mut self) -> Result<Node, FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("nested too deeply"));
        }
        let node = if self.take(&Token::Not) {
            Node::Not(Box::new(self.not()?))
        } else if self.take(&Token::Open) {
            let node = self.any()?;
            if !self.take(&Token::Close) {
                return Err(self.error("a parenthesis is never closed"));
            }
            node
        } else {
            self.term()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn term(&mut self) -> Result<Node, FilterError> {
        let at = self.place();
        let Some(Token::Word(word, is_quoted)) = self.peek().cloned() else {
            return Err(self.error("a word, a field or a parenthesis is expected here"));
        };
        self.next += 1;
        let op_at = self.place();
        let Some(Token::Op(op)) = self.peek().cloned() else {
            return Ok(Node::Text(word, at));
        };
        if is_quoted {
            return Err(FilterError { at, reason: "a field name takes no quotes".to_owned() });
        }
        self.next += 1;
        let value_at = self.place();
        let Some(Token::Word(value, _)) = self.peek().cloned() else {
            return Err(self.error("a value is expected here"));
        };
        self.next += 1;
        comparison(&word, at, op, op_at, value, value_at)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn place(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn error(&self, reason: &str) -> FilterError {
        FilterError { at: self.place(), reason: reason.to_owned() }
    }
}

fn single(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    if nodes.len() == 1 { nodes.remove(0) } else { many(nodes) }
}

fn comparison(
    name: &str,
    at: usize,
    op: Op,
    op_at: usize,
    value: String,
    value_at: usize,
) -> Result<Node, FilterError> {
    let wrong = |at, reason: String| Err(FilterError { at, reason });
    if name == "is" {
        let Some(kind) = kind(&value) else {
            return wrong(
                value_at,
                format!("is:{value} is not known; is: takes {}", KINDS.map(|(n, _)| n).join(", ")),
            );
        };
        return Ok(Node::Field(Field::Is(kind), Op::Equal, Value::Numbers(1, 1), at));
    }
    let Some(field) = field(name) else {
        return wrong(at, format!("unknown field \"{name}\"; quote the text to search for it"));
    };
    if let Some(unit) = unit(&field) {
        let Some((low, high)) = numbers(&value, unit) else {
            return wrong(value_at, format!("\"{value}\" is not a number for {name}"));
        };
        if op == Op::Matches {
            return wrong(op_at, format!("{name} is a number and takes no pattern"));
        }
        return Ok(Node::Field(field, op, Value::Numbers(low, high), at));
    }
    match op {
        Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
            return wrong(op_at, format!("{name} is text; only numbers compare this way"));
        }
        Op::Matches => {
            return match regex_lite::Regex::new(&value) {
                Ok(pattern) => {
                    let pattern = Value::Pattern(Pattern(Arc::new(pattern)));
                    Ok(Node::Field(field, op, pattern, at))
                }
                Err(error) => wrong(value_at, format!("not a pattern: {error}")),
            };
        }
        Op::Contains | Op::Equal | Op::NotEqual => {}
    }
    Ok(Node::Field(field, op, Value::Text(value), at))
}

fn field(name: &str) -> Option<Field> {
    use Side::{Request, Response};
    Some(match name {
        "id" => Field::Id,
        "connection" => Field::Connection,
        "host" => Field::Host,
        "port" => Field::Port,
        "path" => Field::Path,
        "url" => Field::Url,
        "method" => Field::Method,
        "scheme" => Field::Scheme,
        "status" => Field::Status,
        "type" => Field::Type,
        "version" => Field::Version,
        "client" => Field::Client,
        "error" => Field::Error,
        "size" => Field::Size,
        "request-size" => Field::RequestSize,
        "took" => Field::Took,
        "body" => Field::Body(None),
        "request-body" => Field::Body(Some(Request)),
        "response-body" => Field::Body(Some(Response)),
        "statement" => Field::Statement,
        "header" => Field::Header(None, None),
        "request-header" => Field::Header(Some(Request), None),
        "response-header" => Field::Header(Some(Response), None),
        _ => {
            let (side, header) = name.split_once('.')?;
            let side = match side {
                "header" => None,
                "request-header" => Some(Request),
                "response-header" => Some(Response),
                _ => return None,
            };
            Field::Header(side, Some(header.to_ascii_lowercase()))
        }
    })
}

const KINDS: [(&str, Kind); 9] = [
    ("error", Kind::Error),
    ("open", Kind::Open),
    ("websocket", Kind::WebSocket),
    ("tls", Kind::Tls),
    ("changed", Kind::Changed),
    ("repeat", Kind::Repeat),
    ("passed", Kind::Passed),
    ("sql", Kind::Sql),
    ("partial", Kind::Partial),
];

fn kind(name: &str) -> Option<Kind> {
    KINDS.into_iter().find_map(|(known, kind)| (known == name).then_some(kind))
}

/// Units by suffix; `None` for a field that is text.
fn unit(field: &Field) -> Option<&'static [(&'static str, i64)]> {
    const PLAIN: &[(&str, i64)] = &[("", 1)];
    const BYTES: &[(&str, i64)] =
        &[("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("b", 1), ("", 1)];
    // Times are kept in microseconds; a bare number is milliseconds.
    const TIME: &[(&str, i64)] =
        &[("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("", 1_000)];
    match field {
        Field::Id | Field::Connection | Field::Port | Field::Status => Some(PLAIN),
        Field::Size | Field::RequestSize => Some(BYTES),
        Field::Took => Some(TIME),
        _ => None,
    }
}

/// `404`, `4xx`, `400-499`, `1.5mb`.
fn numbers(value: &str, units: &[(&str, i64)]) -> Option<(i64, i64)> {
    let value = value.to_ascii_lowercase();
    if let Some((hundred, "")) = value.split_once("xx") {
        let hundred: i64 = hundred.parse().ok().filter(|n| (0..10).contains(n))?;
        return Some((hundred * 100, hundred * 100 + 99));
    }
    if let Some((low, high)) = value.split_once('-')
        && !low.is_empty()
    {
        return Some((one_number(low, units)?, one_number(high, units)?));
    }
    one_number(&value, units).map(|n| (n, n))
}

fn one_number(value: &str, units: &[(&str, i64)]) -> Option<i64> {
    let (digits, factor) =
        units.iter().find_map(|(unit, factor)| Some((value.strip_suffix(unit)?, *factor)))?;
    if let Ok(whole) = digits.parse::<i64>() {
        return whole.checked_mul(factor);
    }
    let number: f64 = digits.parse().ok()?;
    let scaled = number * factor as f64;
    (digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && scaled < 9e15)
        .then_some(scaled as i64)
}
