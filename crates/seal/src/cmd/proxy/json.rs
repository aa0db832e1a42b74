//! Events as JSON, one object a line: `docs/proxy.md` has the schema.

use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding as _};
use sealwire::Foreign;
use sealwire_lens::flow::{
    Direction, Entrance, Event, FrameKind, Header, Leg, Outcome, RequestHead, ResponseHead, What,
};
use serde_json::{Map, Value, json};

/// One line; `None` for what is not for eyes (the bytes of the wire).
pub(super) fn line(event: &Event) -> Option<Value> {
    let mut fields = match &event.what {
        What::Connected { connection, client, entrance } => json!({
            "type": "connected", "connection": connection.0, "client": client.to_string(),
            "entrance": entrance_name(*entrance),
        }),
        What::Origin { connection, host, port, address } => json!({
            "type": "origin", "connection": connection.0, "host": host, "port": port,
            "address": address.map(|address| address.to_string()),
        }),
        What::Handshake { connection, leg, facts } => json!({
            "type": "handshake", "connection": connection.0, "leg": leg_name(*leg),
            "version": facts.version, "cipher": facts.cipher, "group": facts.group,
            "alpn": facts.alpn.as_deref().map(text), "resumed": facts.resumed,
            "server_name": facts.hello.server_name, "ja3": facts.hello.ja3, "ja4": facts.hello.ja4,
            "authorized": facts.verdict.as_ref().map(|verdict| verdict.authorized),
            "code": facts.verdict.as_ref().and_then(|verdict| verdict.code.clone()),
            "evidence": facts.verdict.as_ref().map(|verdict| verdict.evidence.clone()),
            "advice": facts.verdict.as_ref().map(|verdict| verdict.advice.clone()),
            "asked_for_certificate": facts.asked_for_certificate,
            "public_revocation": facts.public_revocation,
            "failure": facts.failure.as_ref().map(|failure| json!({
                "reason": failure.reason, "alert": failure.alert,
                "refused_certificate": failure.refused_certificate,
            })),
        }),
        What::PassedBy { connection, reason } => {
            json!({"type": "passed_by", "connection": connection.0, "reason": reason})
        }
        What::Disconnected { connection, bytes, fault } => json!({
            "type": "disconnected", "connection": connection.0, "received": bytes[0],
            "sent": bytes[1], "fault": fault,
        }),
        What::Request { flow, connection, head } => {
            let mut fields = request(head);
            fields.insert("type".to_owned(), json!("request"));
            fields.insert("flow".to_owned(), json!(flow.0));
            fields.insert("connection".to_owned(), json!(connection.0));
            Value::Object(fields)
        }
        What::Informational { flow, head } => response("informational", flow.0, head),
        What::Response { flow, head } => response("response", flow.0, head),
        What::Body(body) => {
            let mut fields = json!({
                "type": "body", "flow": body.flow.0, "direction": direction_name(body.direction),
                "bytes": body.data.len(),
            });
            content(&mut fields, &body.data);
            fields
        }
        What::Trailers { flow, direction, headers } => json!({
            "type": "trailers", "flow": flow.0, "direction": direction_name(*direction),
            "headers": pairs(headers),
        }),
        What::Frame(frame) => {
            let mut fields = json!({
                "type": "message", "flow": frame.flow.0,
                "direction": direction_name(frame.direction), "kind": kind_name(frame.kind),
                "bytes": frame.length,
            });
            content(&mut fields, &frame.data);
            fields
        }
        What::Statement(statement) => json!({
            "type": "statement", "flow": statement.flow.0, "text": statement.text,
            "took_ms": milliseconds(statement.took), "rows": statement.rows,
            "bytes": statement.bytes, "error": statement.error,
        }),
        What::Note { flow, text } => json!({"type": "note", "flow": flow.0, "text": text}),
        What::End { flow, end } => {
            let (outcome, reason) = match &end.outcome {
                Outcome::Complete => ("complete", None),
                Outcome::ClientFailed(why) => ("client_failed", Some(why)),
                Outcome::OriginFailed(why) => ("origin_failed", Some(why)),
                Outcome::Refused(why) => ("refused", Some(why)),
                _ => ("other", None),
            };
            json!({
                "type": "end", "flow": flow.0, "outcome": outcome, "reason": reason,
                "request_bytes": end.bodies[0], "response_bytes": end.bodies[1],
            })
        }
        _ => return None,
    };
    if let Value::Object(fields) = &mut fields {
        fields.insert("at".to_owned(), json!(seconds(event.at)));
    }
    Some(fields)
}

fn request(head: &RequestHead) -> Map<String, Value> {
    let fields = json!({
        "version": head.version.name(), "method": head.method, "url": url(head),
        "headers": pairs(&head.headers), "protocol": head.protocol, "stream": head.stream,
        "repeats": head.repeats.map(|flow| flow.0),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn response(kind: &str, flow: u64, head: &ResponseHead) -> Value {
    json!({
        "type": kind, "flow": flow, "version": head.version.name(), "status": head.status,
        "reason": text(&head.reason), "headers": pairs(&head.headers),
    })
}

/// The URL of a request, as people write it.
pub(super) fn url(head: &RequestHead) -> String {
    format!("{}://{}{}", head.scheme, head.authority, head.path)
}

fn pairs(headers: &[Header]) -> Vec<[String; 2]> {
    headers.iter().map(|header| [text(&header.name), text(&header.value)]).collect()
}

/// Text as it is, other bytes in base64.
fn content(fields: &mut Value, data: &[u8]) {
    let (name, value) = match std::str::from_utf8(data) {
        Ok(text) => ("text", text.to_owned()),
        Err(_) => ("base64", Base64::encode_string(data)),
    };
    fields[name] = json!(value);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn seconds(at: SystemTime) -> f64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1e6).round() / 1e6
}

fn milliseconds(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn entrance_name(entrance: Entrance) -> &'static str {
    match entrance {
        Entrance::Connect => "connect",
        Entrance::AbsoluteForm => "absolute_form",
        Entrance::Socks5 => "socks5",
        Entrance::Reverse => "reverse",
        Entrance::Composed => "composed",
        _ => "captured",
    }
}

pub(super) fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::Client => "client",
        Leg::Origin => "origin",
    }
}

pub(super) fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Request => "request",
        Direction::Response => "response",
    }
}

pub(super) fn kind_name(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Text => "text",
        FrameKind::Binary => "binary",
        FrameKind::Ping => "ping",
        FrameKind::Pong => "pong",
        FrameKind::Close => "close",
    }
}

/// Untrusted text for a terminal, at most so long.
pub(super) fn short(text: &str, most: usize) -> String {
    let shown = Foreign::new(text).to_string();
    match shown.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", &shown[..at]),
        None => shown,
    }
}
