//! Flows as the API, `--json` and MCP write them. docs/proxy.md has the schema.

use serde_json::{Value, json};

use super::command::base64;
use super::{Redactor, Whole};
use crate::content;
use crate::content::protobuf::{Descriptors, Of};
use crate::flow::Header;
use crate::store::{FrameRow, HandshakeRow, Message, Reader, StoreError, Summary};

/// Longest decoded body in a flow's JSON; the whole is at `/api/flows/ID/body/...`.
const LONGEST_BODY: usize = 256 * 1024;

/// A flow in a line.
#[must_use]
pub fn summary_json(summary: &Summary, redactor: Redactor) -> Value {
    let mut value = serde_json::to_value(summary).unwrap_or_default();
    if redactor.hides() {
        value["path"] = redactor.url(&summary.path).into();
        value["error"] = summary.error.as_deref().map(|text| redactor.text(text)).into();
    }
    value
}

/// A flow with heads, bodies (messages of protocol buffers by `descriptors`, too) and notes; `None` when it is not there.
///
/// # Errors
/// When the session cannot be read.
pub fn detail_json(
    reader: &Reader,
    id: i64,
    redactor: Redactor,
    descriptors: &Descriptors,
) -> Result<Option<Value>, StoreError> {
    let Some(whole) = Whole::read(reader, id)? else { return Ok(None) };
    let detail = &whole.detail;
    let mut value = summary_json(&detail.summary, redactor);
    for (side, part) in [("request", &detail.request), ("response", &detail.response)] {
        let is_response = side == "response";
        let body = &whole.bodies[usize::from(is_response)];
        let of = Of { path: &detail.summary.path, headers: &part.headers, is_response };
        value[side] = message(part, body, redactor);
        value[side]["protobuf"] = protobuf(descriptors, of, body, redactor);
    }
    value["reason"] = String::from_utf8_lossy(&detail.reason).into();
    value["protocol"] = detail.protocol.clone().into();
    value["stream"] = detail.stream.into();
    let lines = |text: &Option<String>| -> Value {
        text.iter()
            .flat_map(|text| text.lines())
            .map(|line| redactor.text(line).into_owned())
            .collect()
    };
    value["informational"] = lines(&detail.informational);
    value["notes"] = lines(&detail.notes);
    value["request"]["parts"] = json!(reader.body_parts(id, false)?);
    value["response"]["parts"] = json!(reader.body_parts(id, true)?);
    Ok(Some(value))
}

fn message(message: &Message, body: &[u8], redactor: Redactor) -> Value {
    let encoding = content::header(&message.headers, "content-encoding");
    let kind = content::header(&message.headers, "content-type").unwrap_or_default();
    let data = content::decoded(body, encoding.as_deref(), LONGEST_BODY + 1);
    let cut = data.len() > LONGEST_BODY;
    let data = &data[..data.len().min(LONGEST_BODY)];
    let mut out = json!({
        "headers": fields(&message.headers, redactor),
        "trailers": fields(&message.trailers, redactor),
        "recorded": message.recorded,
        "dropped": message.dropped,
        "cut": cut,
    });
    match content::as_text(data).map(|text| redactor.text(text).into_owned()) {
        Some(text) => out["text"] = text.into(),
        None => match redactor.body(data, &kind) {
            super::redact::Shown::LeftOut => out["left_out"] = true.into(),
            _ => out["base64"] = base64(data).into(),
        },
    }
    if !message.raw.is_empty() && !redactor.hides() {
        out["raw"] = String::from_utf8_lossy(&message.raw).into();
    }
    out
}

/// The body's messages by their description, or null.
fn protobuf(descriptors: &Descriptors, of: Of<'_>, body: &[u8], redactor: Redactor) -> Value {
    let encoding = content::header(of.headers, "content-encoding");
    let data = content::decoded(body, encoding.as_deref(), LONGEST_BODY);
    let Some(described) = descriptors.describe(of, &data, redactor.hides()) else {
        return Value::Null;
    };
    let mut values = Value::Array(described.values);
    if redactor.hides() {
        values = serde_json::from_str(&redactor.text(&values.to_string())).unwrap_or_default();
    }
    json!({ "message": described.message, "values": values, "partial": described.is_partial })
}

fn fields(headers: &[Header], redactor: Redactor) -> Value {
    headers
        .iter()
        .map(|header| json!([String::from_utf8_lossy(&header.name), redactor.header(header)]))
        .collect()
}

/// WebSocket messages.
#[must_use]
pub fn frames_json(frames: &[FrameRow], redactor: Redactor) -> Value {
    let frame = |frame: &FrameRow| {
        let mut out = json!({
            "n": frame.n, "at": frame.at as f64 / 1e3, "from": if frame.from_client { "client" } else { "origin" },
            "kind": frame.kind, "length": frame.length,
        });
        match content::as_text(&frame.data).filter(|_| frame.kind == "text") {
            Some(text) => out["text"] = redactor.text(text).into(),
            None if redactor.hides() && !frame.data.is_empty() => out["left_out"] = true.into(),
            None => out["base64"] = base64(&frame.data).into(),
        }
        out
    };
    frames.iter().map(frame).collect()
}

/// A connection: client, origin, and TLS of both legs.
///
/// # Errors
/// When the session cannot be read.
pub fn connection_json(
    reader: &Reader,
    id: i64,
    redactor: Redactor,
) -> Result<Option<Value>, StoreError> {
    let Some(facts) = reader.connection(id)? else { return Ok(None) };
    let mut value = serde_json::to_value(facts).unwrap_or_default();
    value["handshakes"] =
        reader.handshakes(id)?.iter().map(|row| handshake(row, redactor)).collect();
    Ok(Some(value))
}

fn handshake(row: &HandshakeRow, redactor: Redactor) -> Value {
    let mut value = row.facts.clone();
    value["leg"] = if row.is_client { "client" } else { "origin" }.into();
    value["at"] = (row.at as f64 / 1e3).into();
    value["chain"] = row.chain.iter().map(|der| certificate(der)).collect();
    if !redactor.hides() {
        value["key_log"] = row.key_log.lines().collect();
    }
    value
}

fn certificate(der: &[u8]) -> Value {
    match sealwire::pki::Certificate::from_der(der) {
        Ok(certificate) => json!({
            "subject": certificate.subject().to_string(),
            "issuer": certificate.issuer().to_string(),
            "not_before": certificate.not_before() as f64 * 1e3,
            "not_after": certificate.not_after() as f64 * 1e3,
            "sha256": sealwire::pki::sha256_fingerprint(der),
            "text": certificate.text(),
            "pem": certificate.to_pem(),
        }),
        Err(error) => json!({ "text": format!("cannot be read: {error}") }),
    }
}
