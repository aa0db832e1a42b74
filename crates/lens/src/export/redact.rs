//! What is hidden when a session is shared: cookies, credentials, tokens and passwords, wherever they
//! stand. Names decide, and the shapes of well-known tokens.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use crate::content;
use crate::flow::Header;

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "REDACTED";

/// Whether to hide secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redactor {
    hides: bool,
}

/// A name with one of these in it (letters and digits only) has a secret for a value.
const PARTS: [&str; 19] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "authentication",
    "credential",
    "session",
    "signature",
    "cookie",
    "csrf",
    "xsrf",
    "otp",
    "subscriptionkey",
    "bearer",
];
/// And one that is one of these.
const WHOLE: [&str; 13] = [
    "pwd", "pass", "auth", "sid", "sig", "key", "code", "pin", "jwt", "state", "nonce", "psw",
    "cvv",
];

/// Longest body that is looked through for secrets; a longer one is left out.
const LONGEST: usize = 16 << 20;

static JSON: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#""((?:[^"\\]|\\.){1,80})"\s*:\s*("(?:[^"\\]|\\.)*"?|[-0-9][-+.0-9eE]*)"#)
});
static ESCAPED_JSON: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"\\"([^"\\]{1,80})\\"\s*:\s*(\\"(?:[^"\\]|\\[^"])*(?:\\")?|[-0-9][-+.0-9eE]*)"#)
});
static FORM: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"(^|[?&;\s"',{])([A-Za-z0-9_.%\[\]$-]{1,80})=("[^"]*"?|[^&;\s"'<>]*)"#)
});
static MULTIPART: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"name="?([^"\r\n;]{1,80})"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n([^\r\n]*)"#)
});
static XML: LazyLock<Regex> =
    LazyLock::new(|| regex(r"<(?:\w{1,40}:)?(\w{1,80})(?:\s[^<>]*)?>([^<]+)</"));
static BEARER: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(bearer|basic|digest|negotiate)\s+([A-Za-z0-9._~+/=-]{6,})"));
static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*",
        r"|\bsk-[A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}",
        r"|\bglpat-[A-Za-z0-9_-]{16,}|\bAKIA[A-Z0-9]{16}|\bxox[abeprs]-[A-Za-z0-9-]{10,}",
        r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----",
    ))
});
static USER_INFO: LazyLock<Regex> = LazyLock::new(|| regex(r"(://)[^/\s@?#]+:[^/\s@?#]*@"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours")
}

impl Redactor {
    /// Hides secrets: the default for all that is shared.
    #[must_use]
    pub fn hiding() -> Self {
        Self { hides: true }
    }

    /// Hides nothing.
    #[must_use]
    pub fn showing_everything() -> Self {
        Self { hides: false }
    }

    /// Whether it hides.
    #[must_use]
    pub fn hides(self) -> bool {
        self.hides
    }

    /// A header's value.
    #[must_use]
    pub fn header(self, header: &Header) -> String {
        let value = String::from_utf8_lossy(&header.value);
        if !self.hides {
            return value.into_owned();
        }
        let name = String::from_utf8_lossy(&header.name);
        if !is_secret(&name) {
            return self.text(&value).into_owned();
        }
        // What kind of credential it is, and a cookie's name and attributes, are not secrets.
        match name.to_ascii_lowercase().as_str() {
            "cookie" => cookies(&value),
            "set-cookie" => {
                let (first, rest) =
                    value.split_once(';').map_or((&value[..], None), |(f, r)| (f, Some(r)));
                let rest = rest.map(|rest| format!(";{rest}")).unwrap_or_default();
                cookies(first) + &rest
            }
            "authorization" | "proxy-authorization" => match value.split_once(' ') {
                Some((scheme, _)) => format!("{scheme} {HIDDEN}"),
                None => HIDDEN.to_owned(),
            },
            _ => HIDDEN.to_owned(),
        }
    }

    /// A path with its query, or a URL.
    #[must_use]
    pub fn url(self, url: &str) -> String {
        self.text(url).into_owned()
    }

    /// Any text: a body, a WebSocket message, a statement.
    #[must_use]
    pub fn text(self, text: &str) -> Cow<'_, str> {
        if !self.hides {
            return Cow::Borrowed(text);
        }
        let keep = |all: &Captures<'_>| all[0].to_owned();
        let named = |pattern: &Regex, text: &str, name: usize, value: usize| {
            let hidden = |all: &Captures<'_>| {
                let (Some(whole), Some(found)) = (all.get(0), all.get(value)) else {
                    return keep(all);
                };
                if !is_secret(&all[name]) || found.as_str().is_empty() {
                    return keep(all);
                }
                let before = &whole.as_str()[..found.start() - whole.start()];
                let after = &whole.as_str()[found.end() - whole.start()..];
                let quote = ["\\\"", "\""].into_iter().find(|q| found.as_str().starts_with(q));
                // A number stays valid JSON as a string.
                let quote = quote
                    .unwrap_or_else(|| if before.trim_end().ends_with(':') { "\"" } else { "" });
                format!("{before}{quote}{HIDDEN}{quote}{after}")
            };
            pattern.replace_all(text, hidden).into_owned()
        };
        let text = named(&JSON, text, 1, 2);
        let text = named(&ESCAPED_JSON, &text, 1, 2);
        let text = named(&FORM, &text, 2, 3);
        let text = named(&MULTIPART, &text, 1, 2);
        let text = named(&XML, &text, 1, 2);
        let text = BEARER.replace_all(&text, format!("$1 {HIDDEN}"));
        let text = SHAPES.replace_all(&text, HIDDEN);
        Cow::Owned(USER_INFO.replace_all(&text, format!("${{1}}{HIDDEN}@")).into_owned())
    }

    /// A decoded body. Secrets in what is not text cannot be found, so that is left out, but for what
    /// people look at and listen to.
    #[must_use]
    pub fn body(self, data: &[u8], kind: &str) -> Shown {
        let text = content::as_text(data).filter(|text| text.len() == data.len());
        match text {
            Some(text) if !self.hides => Shown::Text(text.to_owned()),
            Some(text) if text.len() <= LONGEST => Shown::Text(self.text(text).into_owned()),
            None if !self.hides || data.is_empty() || is_seen_or_heard(kind) => {
                Shown::Bytes(data.to_vec())
            }
            _ => Shown::LeftOut,
        }
    }
}

/// Where secrets stand in a text, to mark them.
#[must_use]
pub(crate) fn secrets(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (pattern, name, value) in
        [(&*JSON, 1, 2), (&*ESCAPED_JSON, 1, 2), (&*FORM, 2, 3), (&*MULTIPART, 1, 2), (&*XML, 1, 2)]
    {
        let hits = pattern.captures_iter(text).filter(|hit| is_secret(&hit[name]));
        found.extend(
            hits.filter_map(|hit| hit.get(value)).map(|value| (value.start(), value.end())),
        );
    }
    found.extend(
        BEARER.captures_iter(text).filter_map(|hit| hit.get(2)).map(|m| (m.start(), m.end())),
    );
    found.extend(SHAPES.find_iter(text).map(|m| (m.start(), m.end())));
    for line in text.split_inclusive('\n') {
        let at = line.as_ptr() as usize - text.as_ptr() as usize;
        if let Some((name, value)) = line.trim_end().split_once(": ")
            && matches!(
                name.to_ascii_lowercase().as_str(),
                "cookie" | "set-cookie" | "authorization"
            )
        {
            found.push((at + name.len() + 2, at + name.len() + 2 + value.len()));
        }
    }
    found.retain(|(start, end)| start < end);
    found.sort_unstable();
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for (start, end) in found {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// A body after redaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Not shared: it cannot be looked through.
    LeftOut,
}

fn is_seen_or_heard(kind: &str) -> bool {
    ["image/", "font/", "audio/", "video/"].iter().any(|start| kind.starts_with(start))
}

/// Whether what has this name is secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let decoded = name.replace("%5B", "").replace("%5D", "").replace("%5b", "").replace("%5d", "");
    let plain: String = decoded
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    WHOLE.contains(&&plain[..]) || PARTS.iter().any(|part| plain.contains(part))
}

fn cookies(value: &str) -> String {
    let hidden = value.split(';').map(|cookie| match cookie.split_once('=') {
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None if cookie.trim().is_empty() => cookie.to_owned(),
        None => HIDDEN.to_owned(),
    });
    hidden.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let redactor = Redactor::hiding();
        for text in [
            "/login?user=zoe&password=SECRET&next=1",
            "https://zoe:SECRET@host/path",
            "user=zoe&pass=SECRET",
            "user%5Bpassword%5D=SECRET&x=1",
            "{\"user\":\"zoe\",\"password\" : \"SECRET\"}",
            "{\"password\":\"SEC\\\"RET SECRET\",\"a\":1}",
            "{\"pin\": 1234567}",
            "{\"data\":\"{\\\"access_token\\\":\\\"SECRET\\\"}\"}",
            "{\"password\":\"SECRET",
            "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nSECRET\r\n--b--",
            "<login><Password>SECRET</Password></login>",
            "curl -H 'Authorization: Bearer SECRET123'",
            "x eyJhbGciOiJIUzI1NiJ9.SECRET.abc y",
            "sk-SECRETSECRETSECRETSECRET",
            "api_key=SECRET api-key=SECRET",
        ] {
            let hidden = redactor.text(text);
            assert!(!hidden.contains("SECRET"), "{hidden}");
            assert!(!hidden.contains("1234567"), "{hidden}");
            assert!(hidden.contains(HIDDEN), "{hidden}");
            assert_eq!(Redactor::showing_everything().text(text), text);
        }
        for harmless in
            ["user=zoe&page=2", "{\"name\":\"zoe\",\"n\":1}", "a = b", "<p>keyboard</p>"]
        {
            assert_eq!(redactor.text(harmless), harmless);
        }
    }

    #[test]
    fn headers() {
        let shown = |name: &'static str, value: &'static str| {
            Redactor::hiding().header(&Header { name: name.into(), value: value.into() })
        };
        assert_eq!(shown("Cookie", "a=1; b=2"), "a=REDACTED; b=REDACTED");
        assert_eq!(
            shown("set-cookie", "sid=1; Path=/; HttpOnly"),
            "sid=REDACTED; Path=/; HttpOnly"
        );
        assert_eq!(shown("Authorization", "Basic em9l"), "Basic REDACTED");
        assert_eq!(shown("X-Api-Key", "abc"), "REDACTED");
        assert_eq!(shown("Location", "/cb?code=abc&x=1"), "/cb?code=REDACTED&x=1");
        assert_eq!(shown("Accept", "text/html"), "text/html");
    }
}
