//! Rules as TOML: a file of `[[rule]]`s, or one line, `FILTER => key = value, ...`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Action, Map, Rule, Rules};

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError(String);

impl RuleError {
    pub(super) fn new(rule: &str, reason: impl fmt::Display) -> Self {
        Self(format!("rule {rule}: {reason}"))
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RuleError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Written>,
}

/// A rule as it is written, in TOML and in the API's JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default)]
    when: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    map: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    request_headers: BTreeMap<String, Setting>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    response_headers: BTreeMap<String, Setting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttle: Option<String>,
    #[serde(rename = "break", skip_serializing_if = "Option::is_none")]
    stop: Option<Stop>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    block: bool,
}

/// A header's value, or `false` to remove it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Setting {
    Keep(bool),
    Value(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stop {
    Request,
    Response,
    Both,
}

impl Rules {
    /// Reads a file of rules.
    pub fn from_toml(text: &str) -> Result<Self, RuleError> {
        let file: File = toml::from_str(text).map_err(|e| RuleError(e.to_string()))?;
        file.rule.into_iter().map(Written::rule).collect::<Result<_, _>>().map(Self::new)
    }

    /// Reads the API's JSON: a list of rules with the keys that TOML has.
    pub fn from_json(text: &[u8]) -> Result<Self, RuleError> {
        let list: Vec<Written> =
            serde_json::from_slice(text).map_err(|e| RuleError(format!("rules: {e}")))?;
        list.into_iter().map(Written::rule).collect::<Result<_, _>>().map(Self::new)
    }

    /// The API's JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let list = self.list().iter().map(|rule| serde_json::to_value(Written::of(rule)));
        list.filter_map(Result::ok).collect()
    }

    /// These, and others after them.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.rules.extend(others.rules);
        self
    }
}

impl Rule {
    /// Reads `FILTER => key = value, ...`, as on a command line.
    pub fn from_line(line: &str) -> Result<Self, RuleError> {
        let Some((when, then)) = line.split_once("=>") else {
            return Err(RuleError::new(
                line,
                "expected FILTER => key = value, such as 'host:api.test => status = 503'",
            ));
        };
        let text = format!("rule = [{{ {} }}]", then.trim());
        let mut file: File =
            toml::from_str(&text).map_err(|e| RuleError::new(line, e.message()))?;
        let mut written = file.rule.remove(0);
        written.when = when.trim().to_owned();
        written.rule()
    }
}

impl Written {
    fn rule(self) -> Result<Rule, RuleError> {
        let told = self.name.clone().unwrap_or_else(|| self.when.clone());
        let wrong = |reason: String| RuleError::new(&told, reason);
        let header = |(name, value): (String, Setting)| {
            let value = match value {
                Setting::Value(value) => Some(value),
                Setting::Keep(false) => None,
                Setting::Keep(true) => return Err(wrong(format!("{name} = true means nothing"))),
            };
            let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            let good_name = !name.is_empty() && name.bytes().all(is_token);
            let good_value = value.as_deref().is_none_or(|v| !v.contains(['\r', '\n', '\0']));
            if good_name && good_value {
                Ok((name, value))
            } else {
                Err(wrong(format!("{name:?} cannot be a header")))
            }
        };
        let headers = |map: BTreeMap<String, Setting>| {
            map.into_iter().map(header).collect::<Result<Vec<_>, _>>()
        };
        if let Some(status) = self.status.filter(|s| !(200..=599).contains(s)) {
            return Err(wrong(format!("{status} is not a response status (200 to 599)")));
        }
        let then = Action {
            map: self.map.map(|to| map(&to).map_err(wrong)).transpose()?,
            file: self.file,
            status: self.status,
            body: self.body,
            request_headers: headers(self.request_headers)?,
            response_headers: headers(self.response_headers)?,
            delay: self.delay.map(|text| delay(&text).map_err(wrong)).transpose()?,
            throttle: self.throttle.map(|text| rate(&text).map_err(wrong)).transpose()?,
            break_request: matches!(self.stop, Some(Stop::Request | Stop::Both)),
            break_response: matches!(self.stop, Some(Stop::Response | Stop::Both)),
            block: self.block,
        };
        if then == Action::default() {
            return Err(wrong("does nothing".to_owned()));
        }
        Rule::new(self.name, &self.when, then)
    }

    fn of(rule: &Rule) -> Self {
        let then = &rule.then;
        let headers = |list: &[(String, Option<String>)]| {
            let setting = |value: &Option<String>| match value {
                Some(value) => Setting::Value(value.clone()),
                None => Setting::Keep(false),
            };
            list.iter().map(|(name, value)| (name.clone(), setting(value))).collect()
        };
        Self {
            name: (rule.name != rule.when_text).then(|| rule.name.clone()),
            when: rule.when_text.clone(),
            map: then.map.as_ref().map(|m| format!("{}://{}{}", m.scheme, m.authority, m.prefix)),
            file: then.file.clone(),
            status: then.status,
            body: then.body.clone(),
            request_headers: headers(&then.request_headers),
            response_headers: headers(&then.response_headers),
            delay: then.delay.map(|delay| format!("{}ms", delay.as_millis())),
            throttle: then.throttle.map(|rate| format!("{rate}b")),
            stop: match (then.break_request, then.break_response) {
                (true, true) => Some(Stop::Both),
                (true, false) => Some(Stop::Request),
                (false, true) => Some(Stop::Response),
                (false, false) => None,
            },
            block: then.block,
        }
    }
}

fn map(url: &str) -> Result<Map, String> {
    let wrong = || format!("map = {url:?} is not an http:// or https:// URL without a query");
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let good = |c: char| c.is_ascii_graphic() && !"@?#\\\"<>".contains(c);
    if !matches!(scheme, "http" | "https") || authority.is_empty() || !rest.chars().all(good) {
        return Err(wrong());
    }
    let prefix = path.trim_end_matches('/').to_owned();
    Ok(Map { scheme: scheme.to_owned(), authority: authority.to_owned(), prefix })
}

fn delay(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "delay = {text:?} is not a duration of at most an hour, such as \"200ms\" or \"2s\""
        )
    };
    let (digits, factor) = if let Some(digits) = text.strip_suffix("ms") {
        (digits, 1)
    } else {
        (text.strip_suffix('s').ok_or_else(wrong)?, 1000)
    };
    let ms = digits.trim().parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    ms.filter(|ms| *ms <= 3_600_000).map(Duration::from_millis).ok_or_else(wrong)
}

fn rate(text: &str) -> Result<u64, String> {
    let wrong = || format!("throttle = {text:?} is not a rate, such as \"50kB\" (a second)");
    let lower = text.to_ascii_lowercase();
    let lower = lower.trim_end_matches("/s").trim_end_matches('b');
    let (digits, factor) = match lower.strip_suffix('k') {
        Some(digits) => (digits, 1 << 10),
        None => lower.strip_suffix('m').map_or((lower, 1), |digits| (digits, 1 << 20)),
    };
    let rate = digits.trim().parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    rate.filter(|rate| *rate > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::flow::{Header, HttpVersion, RequestHead, ResponseHead};

    fn request() -> RequestHead {
        let host = Header { name: "Host".into(), value: "api.test".into() };
        let cookie = Header { name: "Cookie".into(), value: "a=b".into() };
        RequestHead {
            version: HttpVersion::Http11,
            method: "GET".into(),
            scheme: "https".into(),
            authority: "api.test".into(),
            path: "/v1/users?q=1".into(),
            headers: vec![host, cookie],
            protocol: None,
            stream: None,
            repeats: None,
            raw: Bytes::new(),
        }
    }

    fn response(status: u16) -> ResponseHead {
        let kind = Header { name: "Content-Type".into(), value: "text/html".into() };
        let (reason, raw) = (Bytes::new(), Bytes::new());
        ResponseHead { version: HttpVersion::Http11, status, reason, headers: vec![kind], raw }
    }

    #[test]
    fn a_request_is_mapped_and_its_headers_changed() {
        let rules = Rules::from_toml(
            "[[rule]]\nwhen = 'host:api.test path:/v1'\nmap = 'http://127.0.0.1:3000/x/'\n\
             request-headers = { Cookie = false, X-Debug = '1' }\ndelay = '2s'\n",
        )
        .expect("rules");
        let plan = rules.on_request(&request());
        let head = plan.head.expect("changed");
        assert_eq!(head.scheme, "http");
        assert_eq!(head.authority, "127.0.0.1:3000");
        assert_eq!(head.path, "/x/v1/users?q=1");
        let headers: Vec<_> = head.headers.iter().map(|h| (&h.name[..], &h.value[..])).collect();
        assert_eq!(headers, [(&b"Host"[..], &b"127.0.0.1:3000"[..]), (b"X-Debug", b"1")]);
        assert_eq!(plan.delay, Some(Duration::from_secs(2)));
        assert_eq!(plan.by.len(), 3);
        let again = Rules::from_json(rules.to_json().to_string().as_bytes()).expect("JSON");
        assert_eq!(again.list()[0].then, rules.list()[0].then);
    }

    #[test]
    fn answers_and_breakpoints() {
        let rule = |line| Rules::new(vec![Rule::from_line(line).expect(line)]);
        let plan = rule("method:GET => status = 503, body = 'later'").on_request(&request());
        let (head, body) = plan.answer.expect("an answer").load("/", HttpVersion::Http11);
        assert_eq!(
            (head.status, &body[..], &head.reason[..]),
            (503, &b"later"[..], &b"Service Unavailable"[..])
        );
        assert!(rule("host:other => status = 503").on_request(&request()).answer.is_none());
        assert!(rule("path:/v1 => break = 'both'").on_request(&request()).hold);
        let rules = rule("status:5xx => status = 200, body = 'fine'");
        assert!(rules.on_request(&request()).answer.is_none());
        let plan = rules.on_response(&request(), &response(502));
        assert_eq!(plan.head.expect("changed").status, 200);
        assert_eq!(plan.body.as_deref(), Some(&b"fine"[..]));
        assert!(rules.on_response(&request(), &response(404)).head.is_none());
    }

    #[test]
    fn nothing_outside_a_folder_is_answered() {
        let folder = std::env::temp_dir();
        for path in ["/../etc/hostname", "/a/../../etc/hostname", "//etc/hostname/.."] {
            let action = Action { file: Some(folder.clone()), ..Action::default() };
            let (head, body) = super::super::Answer::of(&action)
                .expect("an answer")
                .load(path, HttpVersion::Http11);
            assert_eq!(head.status, 502, "{path}: {body:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, part) in [
            ("host:a", "FILTER =>"),
            ("body:a => status = 500", "heads"),
            ("word => status = 500", "name a field"),
            ("host:a => nothing = 1", "unknown field"),
            ("host:a => status = 99", "not a response status"),
            ("host:a => map = 'ftp://x'", "URL"),
            ("host:a => delay = '3 days'", "duration"),
            ("host:a => throttle = '-1kB'", "rate"),
            ("(host:a => status = 500", "never closed"),
            ("host:a => request-headers = { 'a b' = 'c' }", "header"),
            ("host:a => request-headers = { a = \"b\\r\\nc\" }", "header"),
            ("host:a => ", "does nothing"),
        ] {
            let error = Rule::from_line(line).expect_err(line).to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
