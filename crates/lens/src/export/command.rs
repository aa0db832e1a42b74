//! A request as a command: for a shell, and for JavaScript.

use super::{Redactor, Whole};
use crate::content;
use crate::flow::Header;
use crate::store::{Reader, StoreError};

/// The command for curl that sends the request again; `None` when there is no such flow.
///
/// # Errors
/// When the session cannot be read.
pub fn curl(reader: &Reader, id: i64, redactor: Redactor) -> Result<Option<String>, StoreError> {
    let Some(whole) = Whole::read(reader, id)? else { return Ok(None) };
    let line = &whole.detail.summary;
    let mut parts = vec!["curl".to_owned()];
    let has_body = !whole.bodies[0].is_empty();
    let usual = if has_body { "POST" } else { "GET" };
    match line.method.as_str() {
        "HEAD" => parts.push("--head".to_owned()),
        method if method != usual => parts.push(format!("-X {}", shell(method))),
        _ => {}
    }
    if line.version == "HTTP/1.1" {
        parts.push("--http1.1".to_owned());
    }
    parts.push(shell(&redactor.url(&url(&whole))));
    let mut compressed = false;
    for header in sent(&whole) {
        let name = String::from_utf8_lossy(&header.name).into_owned();
        let value = redactor.header(header);
        compressed |= name.eq_ignore_ascii_case("accept-encoding");
        // An empty value makes curl omit the header.
        let text = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        parts.push(format!("-H {}", shell(&text)));
    }
    if compressed {
        parts.push("--compressed".to_owned());
    }
    if has_body {
        parts.push(match body(&whole, redactor) {
            Some(Ok(text)) => format!("--data-binary {}", shell(&text)),
            Some(Err(data)) => format!("--data-binary @<(printf %s {} | base64 -d)", base64(&data)),
            None => "--data-binary '(a body that cannot be searched for secrets)'".to_owned(),
        });
    }
    Ok(Some(parts.join(" \\\n  ") + "\n"))
}

/// The call of `fetch` that sends it again.
///
/// # Errors
/// When the session cannot be read.
pub fn fetch(reader: &Reader, id: i64, redactor: Redactor) -> Result<Option<String>, StoreError> {
    let Some(whole) = Whole::read(reader, id)? else { return Ok(None) };
    let js = |text: &str| serde_json::Value::from(text).to_string();
    let mut out = format!("await fetch({}, {{\n", js(&redactor.url(&url(&whole))));
    out += &format!("  method: {},\n  headers: [\n", js(&whole.detail.summary.method));
    for header in sent(&whole) {
        let name = String::from_utf8_lossy(&header.name);
        out += &format!("    [{}, {}],\n", js(&name), js(&redactor.header(header)));
    }
    out += "  ],\n";
    if !whole.bodies[0].is_empty() {
        out += &match body(&whole, redactor) {
            Some(Ok(text)) => format!("  body: {},\n", js(&text)),
            Some(Err(data)) => {
                format!(
                    "  body: Uint8Array.from(atob({}), c => c.charCodeAt(0)),\n",
                    js(&base64(&data))
                )
            }
            None => "  body: \"(a body that cannot be searched for secrets)\",\n".to_owned(),
        };
    }
    Ok(Some(out + "});\n"))
}

pub(super) fn url(whole: &Whole) -> String {
    let line = &whole.detail.summary;
    format!("{}://{}{}", line.scheme, line.authority, line.path)
}

/// The headers but those that the tool writes itself.
fn sent(whole: &Whole) -> impl Iterator<Item = &Header> {
    let own = ["host", "content-length", "connection", "transfer-encoding", "proxy-connection"];
    let headers = whole.detail.request.headers.iter();
    headers.filter(move |h| !own.iter().any(|own| h.name.eq_ignore_ascii_case(own.as_bytes())))
}

/// The body as it passed: text, bytes, or nothing where secrets could be in it.
fn body(whole: &Whole, redactor: Redactor) -> Option<Result<String, Vec<u8>>> {
    let data = &whole.bodies[0];
    let kind = content::header(&whole.detail.request.headers, "content-type").unwrap_or_default();
    match redactor.body(data, &kind) {
        super::redact::Shown::Text(text) => Some(Ok(text)),
        super::redact::Shown::Bytes(data) => Some(Err(data)),
        super::redact::Shown::LeftOut => None,
    }
}

/// Quoted for a POSIX shell; control characters by $'...', as bash and zsh read it.
fn shell(text: &str) -> String {
    if text.chars().all(|c| !c.is_control()) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let mut out = String::from("$'");
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

pub(super) fn base64(data: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    Base64::encode_string(data)
}
