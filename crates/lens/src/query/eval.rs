//! A filter on a head in flight, for rules.

use super::{Field, Filter, FilterError, Kind, Node, Op, Side, Value};
use crate::flow::{Header, RequestHead, ResponseHead};

/// What a rule looks at: a request, and its answer once there is one.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The request.
    pub request: &'a RequestHead,
    /// Its answer.
    pub response: Option<&'a ResponseHead>,
}

impl Filter {
    /// Whether a head matches.
    #[must_use]
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        self.root.as_ref().is_none_or(|root| root.matches(subject))
    }

    /// Whether it can be decided before the answer is there.
    #[must_use]
    pub fn needs_response(&self) -> bool {
        self.root.as_ref().is_some_and(|root| {
            root.any(&|field| {
                matches!(
                    field,
                    Field::Status | Field::Type | Field::Header(Some(Side::Response), _)
                )
            })
        })
    }

    /// An error when it asks for what heads do not show: texts, bodies, sizes, times.
    pub fn check_for_heads(&self) -> Result<(), FilterError> {
        self.root.as_ref().map_or(Ok(()), Node::check)
    }
}

impl Node {
    fn any(&self, test: &dyn Fn(&Field) -> bool) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(|node| node.any(test)),
            Self::Not(node) => node.any(test),
            Self::Field(field, ..) => test(field),
            Self::Text(..) => false,
        }
    }

    fn check(&self) -> Result<(), FilterError> {
        let wrong = |at: usize, what: &str| {
            let reason = format!("a rule matches heads only, and cannot use {what}");
            Err(FilterError { at, reason })
        };
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().try_for_each(Self::check),
            Self::Not(node) => node.check(),
            Self::Text(_, at) => wrong(*at, "text anywhere; name a field, such as url:"),
            Self::Field(field, .., at) => match field {
                Field::Host | Field::Port | Field::Path | Field::Url | Field::Method => Ok(()),
                Field::Scheme | Field::Status | Field::Type | Field::Header(..) => Ok(()),
                Field::Version | Field::Is(Kind::Tls | Kind::Repeat) => Ok(()),
                _ => wrong(*at, "this"),
            },
        }
    }

    fn matches(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(subject)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(subject)),
            Self::Not(node) => !node.matches(subject),
            Self::Text(..) => false,
            Self::Field(field, op, Value::Numbers(low, high), _) => number(field, subject)
                .is_some_and(|n| match op {
                    Op::Less => n < *low,
                    Op::LessEqual => n <= *high,
                    Op::Greater => n > *high,
                    Op::GreaterEqual => n >= *low,
                    Op::NotEqual => !(*low..=*high).contains(&n),
                    Op::Contains | Op::Equal | Op::Matches => (*low..=*high).contains(&n),
                }),
            Self::Field(Field::Header(side, name), op, value, _) => {
                header(subject, *side, name.as_deref(), *op, value)
            }
            Self::Field(field, op, value, _) => {
                text(field, subject).is_some_and(|text| compare(&text, *op, value))
            }
        }
    }
}

fn number(field: &Field, subject: Subject<'_>) -> Option<i64> {
    let request = subject.request;
    match field {
        Field::Status => subject.response.map(|r| i64::from(r.status)),
        Field::Port => Some(i64::from(port(request))),
        Field::Is(Kind::Tls) => {
            Some(i64::from(matches!(request.scheme.as_str(), "https" | "wss" | "tls")))
        }
        Field::Is(Kind::Repeat) => Some(i64::from(request.repeats.is_some())),
        _ => None,
    }
}

fn text(field: &Field, subject: Subject<'_>) -> Option<String> {
    let request = subject.request;
    Some(match field {
        Field::Host => split_authority(&request.authority).0.to_owned(),
        Field::Path => request.path.clone(),
        Field::Url => format!("{}://{}{}", request.scheme, request.authority, request.path),
        Field::Method => request.method.clone(),
        Field::Scheme => request.scheme.clone(),
        Field::Version => request.version.name().to_owned(),
        Field::Type => {
            let headers = &subject.response?.headers;
            let found = headers.iter().find(|h| h.name.eq_ignore_ascii_case(b"content-type"))?;
            String::from_utf8_lossy(&found.value).into_owned()
        }
        _ => return None,
    })
}

fn header(
    subject: Subject<'_>,
    side: Option<Side>,
    name: Option<&str>,
    op: Op,
    value: &Value,
) -> bool {
    let request = (side != Some(Side::Response)).then_some(&subject.request.headers[..]);
    let response = subject.response.filter(|_| side != Some(Side::Request));
    let all = request.into_iter().chain(response.map(|r| &r.headers[..])).flatten();
    let has = |op, h: &Header| is_field(name, op, value, &h.name, &h.value);
    match op {
        Op::NotEqual => !all.into_iter().any(|h| has(Op::Equal, h)),
        _ => all.into_iter().any(|h| has(op, h)),
    }
}

/// Whether a field of a head has this name, if one is asked for, and compares so.
pub(super) fn is_field(
    name: Option<&str>,
    op: Op,
    value: &Value,
    field: &[u8],
    content: &[u8],
) -> bool {
    let content = String::from_utf8_lossy(content);
    match name {
        Some(name) => field.eq_ignore_ascii_case(name.as_bytes()) && compare(&content, op, value),
        None => compare(&format!("{}: {content}", String::from_utf8_lossy(field)), op, value),
    }
}

fn compare(text: &str, op: Op, value: &Value) -> bool {
    match (value, op) {
        (Value::Pattern(pattern), _) => pattern.0.is_match(text),
        (Value::Text(value), Op::Equal) => text.eq_ignore_ascii_case(value),
        (Value::Text(value), Op::NotEqual) => !text.eq_ignore_ascii_case(value),
        (Value::Text(value), _) => text.to_ascii_lowercase().contains(&value.to_ascii_lowercase()),
        (Value::Numbers(..), _) => false,
    }
}

/// Host and port of an authority; the port is the scheme's own where none is written.
pub(crate) fn split_authority(authority: &str) -> (&str, Option<u16>) {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok())
        }
        _ => (authority, None),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// The port that a request goes to.
pub(crate) fn port(request: &RequestHead) -> u16 {
    split_authority(&request.authority).1.unwrap_or_else(|| default_port(&request.scheme))
}

/// A scheme's own port.
pub(crate) fn default_port(scheme: &str) -> u16 {
    match scheme {
        "http" | "ws" => 80,
        "postgres" => 5432,
        "mysql" => 3306,
        "smtp" => 25,
        "imap" => 143,
        "pop3" => 110,
        "ldap" => 389,
        _ => 443,
    }
}
