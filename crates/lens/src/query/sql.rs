//! A filter as a condition on the tables of a session file.
//!
//! Values are parameters, always. The functions `header_has`, `matches`, `body_text` and `is_noted` are those that
//! `store` gives its readers.

use super::words::{ANYWHERE, Asked, Words, columns};
use super::{Field, Filter, Kind, Node, Op, Side, Value};

/// A condition on a row of `flow`, with its parameters in their order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Condition {
    /// SQL with `?` for each parameter; empty when everything matches.
    pub(crate) sql: String,
    /// The values.
    pub(crate) parameters: Vec<Parameter>,
    /// Whether what is written now is below a `not`, where what is unknown must not come out as true.
    is_negated: bool,
}

/// A value of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// Text.
    Text(String),
    /// A number.
    Number(i64),
    /// Flows that are noted.
    Flows(Vec<u8>),
}

impl Filter {
    /// The condition that a row of `flow` has to fulfil, where it is known which flows have the words.
    #[must_use]
    pub(crate) fn condition(&self, words: &Words) -> Condition {
        let mut condition = Condition::default();
        if let Some(root) = &self.root {
            condition.node(root, words);
        }
        condition
    }
}

impl Condition {
    fn node(&mut self, node: &Node, words: &Words) {
        match node {
            Node::All(nodes) => self.joined(nodes, " AND ", words),
            Node::Any(nodes) => self.joined(nodes, " OR ", words),
            Node::Not(inner) => {
                let outside = std::mem::replace(&mut self.is_negated, true);
                self.push("NOT ");
                self.node(inner, words);
                self.is_negated = outside;
            }
            Node::Text(text, _) => match Asked::text(ANYWHERE, text) {
                Some(asked) => self.noted(&asked, words),
                None => self.signs(text),
            },
            Node::Field(field, op, value, _) => {
                // Without it, SQLite may use an index.
                self.push(if self.is_negated { "ifnull(" } else { "(" });
                match value {
                    Value::Numbers(low, high) => self.numbers(field, *op, *low, *high),
                    Value::Text(text) => self.words(field, *op, text, words),
                    Value::Pattern(pattern) => self.words(field, *op, pattern.0.as_str(), words),
                }
                self.push(if self.is_negated { ",0)" } else { ")" });
            }
        }
    }

    fn joined(&mut self, nodes: &[Node], word: &str, words: &Words) {
        self.push("(");
        for (n, node) in nodes.iter().enumerate() {
            if n > 0 {
                self.push(word);
            }
            self.node(node, words);
        }
        self.push(")");
    }

    /// The flows of which it is known that they have this.
    fn noted(&mut self, asked: &Asked, words: &Words) {
        self.push("is_noted(?,flow.id)");
        self.parameters.push(Parameter::Flows(words.get(asked).cloned().unwrap_or_default()));
    }

    /// No words are in it: signs only.
    fn signs(&mut self, text: &str) {
        self.push("flow.path LIKE ? ESCAPE '\\'");
        self.like(text);
    }

    fn numbers(&mut self, field: &Field, op: Op, low: i64, high: i64) {
        if let Field::Is(kind) = field {
            return self.push(is(*kind));
        }
        self.push(match field {
            Field::Id => "flow.id",
            Field::Connection => "flow.connection",
            Field::Port => "flow.port",
            Field::Status => "flow.status",
            Field::Size => "flow.response_size",
            Field::RequestSize => "flow.request_size",
            _ => "flow.took",
        });
        match op {
            Op::Less => self.compare("<?", low),
            Op::LessEqual => self.compare("<=?", high),
            Op::Greater => self.compare(">?", high),
            Op::GreaterEqual => self.compare(">=?", low),
            Op::NotEqual => {
                self.compare(" NOT BETWEEN ?", low);
                self.compare(" AND ?", high);
            }
            Op::Contains | Op::Equal | Op::Matches => {
                self.compare(" BETWEEN ?", low);
                self.compare(" AND ?", high);
            }
        }
    }

    fn words(&mut self, field: &Field, op: Op, text: &str, words: &Words) {
        match field {
            Field::Header(side, name) => self.header(*side, name.as_deref(), op, text),
            Field::Body(side) => self.body(*side, op, text, words),
            Field::Statement => {
                self.push("EXISTS(SELECT 1 FROM statement s WHERE s.flow=flow.id AND ");
                self.column("s.text", op, text);
                self.push(")");
            }
            Field::Client => {
                self.push("EXISTS(SELECT 1 FROM connection c WHERE c.id=flow.connection AND ");
                self.column("c.client", op, text);
                self.push(")");
            }
            Field::Host => self.column("flow.host", op, text),
            Field::Path => self.column("flow.path", op, text),
            Field::Method => self.column("flow.method", op, text),
            Field::Scheme => self.column("flow.scheme", op, text),
            Field::Type => self.column("flow.type", op, text),
            Field::Error => self.column("flow.error", op, text),
            Field::Version => self.column("flow.version", op, text),
            _ => self.column("(flow.scheme||'://'||flow.authority||flow.path)", op, text),
        }
    }

    fn column(&mut self, column: &str, op: Op, text: &str) {
        match op {
            Op::Matches => {
                self.push("matches(?,");
                self.value(text.to_owned());
                self.push(column);
                self.push(")");
            }
            Op::Equal => self.compare_text(column, "=? COLLATE NOCASE", text),
            Op::NotEqual => {
                let column = format!("ifnull({column},'')");
                self.compare_text(&column, "<>? COLLATE NOCASE", text);
            }
            _ => {
                self.push(column);
                self.push(" LIKE ? ESCAPE '\\'");
                self.like(text);
            }
        }
    }

    fn header(&mut self, side: Option<Side>, name: Option<&str>, op: Op, text: &str) {
        let heads = match side {
            Some(Side::Request) => &["d.request_head"][..],
            Some(Side::Response) => &["d.response_head"][..],
            None => &["d.request_head", "d.response_head"][..],
        };
        self.push("EXISTS(SELECT 1 FROM detail d WHERE d.flow=flow.id AND (");
        for (n, head) in heads.iter().enumerate() {
            if n > 0 {
                self.push(if op == Op::NotEqual { " AND " } else { " OR " });
            }
            self.push("header_has(?,?,?,");
            self.value(text.to_owned());
            self.value(name.unwrap_or_default().to_owned());
            self.value(
                match op {
                    Op::Equal => "=",
                    Op::NotEqual => "!",
                    Op::Matches => "~",
                    _ => ":",
                }
                .to_owned(),
            );
            self.push(head);
            self.push(")");
        }
        self.push("))");
    }

    fn body(&mut self, side: Option<Side>, op: Op, text: &str, words: &Words) {
        if op == Op::Contains
            && let Some(asked) = Asked::text(columns(side), text)
        {
            return self.noted(&asked, words);
        }
        let sides = match side {
            Some(Side::Request) => &["request"][..],
            Some(Side::Response) => &["response"][..],
            None => &["request", "response"][..],
        };
        self.push("EXISTS(SELECT 1 FROM detail d WHERE d.flow=flow.id AND (");
        for (n, side) in sides.iter().enumerate() {
            if n > 0 {
                self.push(if op == Op::NotEqual { " AND " } else { " OR " });
            }
            self.column(&format!("body_text(d.{side}_body,d.{side}_head)"), op, text);
        }
        self.push("))");
    }

    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn value(&mut self, text: String) {
        self.parameters.push(Parameter::Text(text));
    }

    fn like(&mut self, text: &str) {
        let mut escaped = String::from("%");
        for c in text.chars() {
            if matches!(c, '%' | '_' | '\\') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped.push('%');
        self.value(escaped);
    }

    fn compare(&mut self, sql: &str, number: i64) {
        self.push(sql);
        self.parameters.push(Parameter::Number(number));
    }

    fn compare_text(&mut self, column: &str, sql: &str, text: &str) {
        self.push(column);
        self.push(sql);
        self.value(text.to_owned());
    }
}

fn is(kind: Kind) -> &'static str {
    match kind {
        Kind::Error => "(flow.outcome>1 OR flow.status>=400)",
        Kind::Open => "flow.outcome=0",
        Kind::WebSocket => "flow.flags&1",
        Kind::Changed => "flow.flags&2",
        Kind::Partial => "flow.flags&12",
        Kind::Sql => "EXISTS(SELECT 1 FROM statement s WHERE s.flow=flow.id)",
        Kind::Tls => "flow.scheme IN ('https','wss','tls')",
        Kind::Repeat => "flow.repeats IS NOT NULL",
        Kind::Passed => {
            "EXISTS(SELECT 1 FROM connection c WHERE c.id=flow.connection AND c.passed IS NOT NULL)"
        }
    }
}
