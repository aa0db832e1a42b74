//! HAR 1.2, out and in. What HAR has no place for is in `_sealwire`, so that what was exported without
//! redaction and imported again is the same flow.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::command::base64;
use super::redact::{Redactor, Shown};
use super::{Whole, moment};
use crate::content;
use crate::flow::{
    Body, ConnectionId, Direction, End, Event, FlowId, Frame, FrameKind, Header, HttpVersion,
    Outcome, Recorder, RequestHead, ResponseHead, What,
};
use crate::query::{default_port, split_authority};
use crate::store::{FrameRow, Reader, StoreError};

/// Longest decoded body.
const LONGEST: usize = 256 << 20;

/// The flows as one HAR object.
///
/// # Errors
/// When the session cannot be read.
pub fn har(reader: &Reader, ids: &[i64], redactor: Redactor) -> Result<Value, StoreError> {
    let mut entries = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(whole) = Whole::read(reader, *id)? {
            let frames = reader.frames(*id, 0, i64::MAX)?;
            let address =
                reader.connection(whole.detail.summary.connection)?.and_then(|c| c.address);
            entries.push(entry(&whole, &frames, address.as_deref(), redactor));
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    Ok(json!({ "log": {
        "version": "1.2",
        "creator": { "name": "Sealwire", "version": version },
        "comment": if redactor.hides() { "secrets are redacted" } else { "" },
        "entries": entries,
    } }))
}

fn entry(whole: &Whole, frames: &[FrameRow], address: Option<&str>, redactor: Redactor) -> Value {
    let line = &whole.detail.summary;
    let wait = line.waited.unwrap_or(-1.0);
    let total = line.took.unwrap_or(0.0);
    let receive = line.waited.map_or(0.0, |waited| (total - waited).max(0.0));
    let mut own = json!({
        "id": line.id, "outcome": line.outcome, "scheme": line.scheme, "path": redactor.url(&line.path),
        "requestSize": line.request_size, "responseSize": line.response_size,
        "waited": line.waited, "took": line.took, "version": line.version,
    });
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            own[name] = value;
        }
    };
    put("error", line.error.as_deref().map(|text| redactor.text(text)).into());
    put("notes", whole.detail.notes.clone().into());
    put("repeats", line.repeats.into());
    put("protocol", whole.detail.protocol.clone().into());
    put("stream", whole.detail.stream.into());
    put("requestTrailers", fields(&whole.detail.request.trailers, redactor));
    put("responseTrailers", fields(&whole.detail.response.trailers, redactor));
    if !redactor.hides() {
        put("requestHead", text_or_base64(&whole.detail.request.raw));
        put("responseHead", text_or_base64(&whole.detail.response.raw));
    }
    let mut entry = json!({
        "startedDateTime": moment::written((line.started * 1e3).round() as i64),
        "time": total,
        "request": request(whole, redactor),
        "response": response(whole, redactor),
        "cache": {},
        "timings": { "blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": wait, "receive": receive },
        "connection": line.connection.to_string(),
        "_sealwire": own,
    });
    if let Some(address) = address.and_then(|a| a.parse::<SocketAddr>().ok()) {
        entry["serverIPAddress"] = address.ip().to_string().into();
    }
    if !frames.is_empty() {
        entry["_webSocketMessages"] = frames.iter().map(|frame| message(frame, redactor)).collect();
    }
    entry
}

fn request(whole: &Whole, redactor: Redactor) -> Value {
    let line = &whole.detail.summary;
    let headers = &whole.detail.request.headers;
    let mut request = json!({
        "method": line.method,
        "url": redactor.url(&super::command::url(whole)),
        "httpVersion": line.version,
        "cookies": cookies(headers, "cookie", redactor),
        "headers": fields_or_empty(headers, redactor),
        "queryString": query(&redactor.url(&line.path)),
        "headersSize": size(&whole.detail.request.raw),
        "bodySize": line.request_size,
    });
    if !whole.bodies[0].is_empty() {
        let kind = content::header(headers, "content-type").unwrap_or_default();
        let mut post = content_of(&whole.bodies[0], headers, &kind, redactor);
        post["mimeType"] = kind.into_owned().into();
        // HAR has no encoding here.
        if let Some(encoding) = post.as_object_mut().and_then(|post| post.remove("encoding")) {
            post["_encoding"] = encoding;
        }
        if let Some(post) = post.as_object_mut() {
            post.remove("size");
        }
        request["postData"] = post;
    }
    request
}

fn response(whole: &Whole, redactor: Redactor) -> Value {
    let line = &whole.detail.summary;
    let headers = &whole.detail.response.headers;
    let kind = content::header(headers, "content-type").unwrap_or_default();
    let mut content = content_of(&whole.bodies[1], headers, &kind, redactor);
    content["mimeType"] = kind.into_owned().into();
    let to = headers.iter().find(|h| h.name.eq_ignore_ascii_case(b"location"));
    json!({
        "status": line.status.unwrap_or(0),
        "statusText": String::from_utf8_lossy(&whole.detail.reason),
        "httpVersion": line.version,
        "cookies": cookies(headers, "set-cookie", redactor),
        "headers": fields_or_empty(headers, redactor),
        "content": content,
        "redirectURL": to.map(|to| redactor.header(to)).unwrap_or_default(),
        "headersSize": size(&whole.detail.response.raw),
        "bodySize": line.response_size,
    })
}

/// A body decoded, and, where it was compressed and nothing is hidden, as it passed, too.
fn content_of(body: &[u8], headers: &[Header], kind: &str, redactor: Redactor) -> Value {
    let encoding = content::header(headers, "content-encoding");
    let data = content::decoded(body, encoding.as_deref(), LONGEST);
    let mut out = json!({ "size": data.len() });
    match redactor.body(&data, kind) {
        Shown::Text(text) => out["text"] = text.into(),
        Shown::Bytes(data) => {
            out["text"] = base64(&data).into();
            out["encoding"] = "base64".into();
        }
        Shown::LeftOut => {
            out["comment"] = "left out: it cannot be searched for secrets".into();
        }
    }
    if !redactor.hides() && data != body {
        out["_encoded"] = base64(body).into();
    }
    out
}

fn message(frame: &FrameRow, redactor: Redactor) -> Value {
    let mut out = json!({
        "type": if frame.from_client { "send" } else { "receive" },
        "time": frame.at as f64 / 1e6,
        "opcode": match frame.kind { "text" => 1, "binary" => 2, "close" => 8, "ping" => 9, _ => 10 },
        "_length": frame.length,
        "_at": frame.at,
    });
    match redactor.body(&frame.data, "") {
        Shown::Text(text) if frame.kind == "text" => out["data"] = text.into(),
        Shown::Text(text) => out["data"] = base64(text.as_bytes()).into(),
        Shown::Bytes(data) => out["data"] = base64(&data).into(),
        Shown::LeftOut => out["data"] = "".into(),
    }
    out
}

fn text_or_base64(data: &[u8]) -> Value {
    match std::str::from_utf8(data) {
        _ if data.is_empty() => Value::Null,
        Ok(text) => text.into(),
        Err(_) => json!({ "base64": base64(data) }),
    }
}

fn size(raw: &[u8]) -> i64 {
    if raw.is_empty() { -1 } else { raw.len() as i64 }
}

fn fields(headers: &[Header], redactor: Redactor) -> Value {
    if headers.is_empty() { Value::Null } else { fields_or_empty(headers, redactor) }
}

fn fields_or_empty(headers: &[Header], redactor: Redactor) -> Value {
    let field = |header: &Header| {
        let mut field = json!({
            "name": String::from_utf8_lossy(&header.name), "value": redactor.header(header)
        });
        if !redactor.hides() && std::str::from_utf8(&header.value).is_err() {
            field["_base64"] = base64(&header.value).into();
        }
        field
    };
    headers.iter().map(field).collect()
}

fn cookies(headers: &[Header], name: &str, redactor: Redactor) -> Value {
    let values = headers.iter().filter(|h| h.name.eq_ignore_ascii_case(name.as_bytes()));
    let values: Vec<_> = values.map(|h| redactor.header(h)).collect();
    let all = values.iter().flat_map(|value| {
        let most = if name == "cookie" { usize::MAX } else { 1 };
        value.split(';').take(most).filter_map(|one| one.trim().split_once('='))
    });
    all.map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn query(path: &str) -> Value {
    let Some((_, query)) = path.split_once('?') else { return json!([]) };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            json!({ "name": name, "value": value })
        })
        .collect()
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Flows that are there now.
    pub flows: u64,
    /// Invalid entries, and why, at most ten of them.
    pub left_out: Vec<String>,
}

/// Reads a HAR and tells `recorder` its entries as new flows, numbered from `first` on.
///
/// # Errors
/// When it is not HAR, with what is wrong.
pub fn import(
    text: &[u8],
    recorder: &dyn Recorder,
    first: (ConnectionId, FlowId),
) -> Result<Imported, String> {
    // Chrome writes none; others begin with a byte order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let har: Value = serde_json::from_slice(text).map_err(|e| format!("no HAR: {e}"))?;
    let Some(entries) = har["log"]["entries"].as_array() else {
        return Err("not a HAR file: log.entries is missing".to_owned());
    };
    let mut imported = Imported::default();
    let mut known = Map::new();
    let mut numbers = Map::new();
    for (n, entry) in entries.iter().enumerate() {
        // The connections of the file, renumbered.
        let next = first.0.0 + known.len() as u64;
        let named = entry["connection"].as_str().map_or_else(|| format!("#{n}"), str::to_owned);
        let connection = known.entry(named).or_insert_with(|| next.into()).as_u64().unwrap_or(next);
        let flow = FlowId(first.1.0 + imported.flows);
        match events(entry, flow, ConnectionId(connection), &numbers) {
            Ok(events) => {
                events.into_iter().for_each(|event| recorder.record(event));
                imported.flows += 1;
                if let Some(id) = entry["_sealwire"]["id"].as_i64() {
                    numbers.insert(id.to_string(), flow.0.into());
                }
            }
            Err(reason) if imported.left_out.len() < 10 => {
                imported.left_out.push(format!("entry {}: {reason}", n + 1));
            }
            Err(_) => {}
        }
    }
    Ok(imported)
}

fn events(
    entry: &Value,
    flow: FlowId,
    connection: ConnectionId,
    numbers: &Map<String, Value>,
) -> Result<Vec<Event>, String> {
    let own = &entry["_sealwire"];
    let (request, response) = (&entry["request"], &entry["response"]);
    let url = request["url"].as_str().ok_or("request.url is missing")?;
    let (scheme, rest) = url.split_once("://").ok_or("the scheme of request.url is missing")?;
    let started = entry["startedDateTime"].as_str().and_then(moment::read);
    let started = started.ok_or("startedDateTime is not a time")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let head = RequestHead {
        version: version(own["version"].as_str().or_else(|| request["httpVersion"].as_str())),
        method: request["method"].as_str().ok_or("request.method is missing")?.to_owned(),
        scheme: own["scheme"].as_str().unwrap_or(scheme).to_owned(),
        authority: authority.rsplit('@').next().unwrap_or_default().to_owned(),
        path: own["path"].as_str().unwrap_or(if path.is_empty() { "/" } else { path }).to_owned(),
        headers: headers(&request["headers"]),
        protocol: own["protocol"].as_str().map(str::to_owned),
        stream: own["stream"].as_u64().and_then(|n| u32::try_from(n).ok()),
        repeats: own["repeats"]
            .as_i64()
            .and_then(|id| numbers.get(&id.to_string())?.as_u64())
            .map(FlowId),
        raw: bytes(&own["requestHead"]),
    };
    let at = |micros: i64| UNIX_EPOCH + Duration::from_micros(micros.max(0).cast_unsigned());
    let offset = |ms: &Value| {
        ms.as_f64().filter(|ms| *ms >= 0.0).map(|ms| (ms * 1e3).round().min(1e15) as i64)
    };
    let total = offset(&own["took"]).or_else(|| offset(&entry["time"])).unwrap_or(0);
    let wait =
        offset(&own["waited"]).or_else(|| offset(&entry["timings"]["wait"])).unwrap_or(total);
    let mut list = Vec::new();
    let mut tell = |at: SystemTime, what| list.push(Event { at, what });
    let body = |direction, data: Bytes| What::Body(Body { flow, direction, data });
    if let Some(origin) = origin(entry, connection, &head) {
        tell(at(started), origin);
    }
    tell(at(started), What::Request { flow, connection, head: Box::new(head) });
    let sent = content_in(&request["postData"], "_encoding");
    if !sent.is_empty() {
        tell(at(started), body(Direction::Request, sent.clone()));
    }
    for (trailers, direction) in
        [("requestTrailers", Direction::Request), ("responseTrailers", Direction::Response)]
    {
        if own[trailers].is_array() {
            tell(at(started), What::Trailers { flow, direction, headers: headers(&own[trailers]) });
        }
    }
    let status = response["status"].as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
    let received = content_in(&response["content"], "encoding");
    if status > 0 {
        let head = ResponseHead {
            version: version(response["httpVersion"].as_str()),
            status,
            reason: response["statusText"].as_str().unwrap_or_default().to_owned().into(),
            headers: headers(&response["headers"]),
            raw: bytes(&own["responseHead"]),
        };
        tell(at(started + wait), What::Response { flow, head: Box::new(head) });
        if !received.is_empty() {
            tell(at(started + wait), body(Direction::Response, received.clone()));
        }
    }
    for message in entry["_webSocketMessages"].as_array().into_iter().flatten() {
        let (at, frame) = frame(message, flow)?;
        tell(UNIX_EPOCH + Duration::from_micros(at), What::Frame(frame));
    }
    for text in own["notes"].as_str().into_iter().flat_map(str::lines) {
        tell(at(started), What::Note { flow, text: text.to_owned() });
    }
    let error = own["error"].as_str().unwrap_or_default().to_owned();
    let outcome = match own["outcome"].as_str() {
        Some("client-failed") => Outcome::ClientFailed(error),
        Some("origin-failed") => Outcome::OriginFailed(error),
        Some("refused") => Outcome::Refused(error),
        _ if status == 0 => Outcome::OriginFailed("no answer in the HAR".to_owned()),
        _ => Outcome::Complete,
    };
    let size = |own: &Value, len: usize| own.as_u64().unwrap_or(len as u64);
    let bodies =
        [size(&own["requestSize"], sent.len()), size(&own["responseSize"], received.len())];
    tell(at(started + total), What::End { flow, end: End { outcome, bodies } });
    Ok(list)
}

/// The address of the connection, if recorded.
fn origin(entry: &Value, connection: ConnectionId, head: &RequestHead) -> Option<What> {
    // Chrome writes IPv6 in brackets.
    let ip = entry["serverIPAddress"].as_str()?.trim_matches(['[', ']']).parse().ok()?;
    let (host, port) = split_authority(&head.authority);
    let port = port.unwrap_or_else(|| default_port(&head.scheme));
    let address = Some(SocketAddr::new(ip, port));
    Some(What::Origin { connection, host: host.to_owned(), port, address })
}

fn frame(message: &Value, flow: FlowId) -> Result<(u64, Frame), String> {
    let kind = match message["opcode"].as_u64() {
        Some(1) => FrameKind::Text,
        Some(2) => FrameKind::Binary,
        Some(8) => FrameKind::Close,
        Some(9) => FrameKind::Ping,
        Some(10) => FrameKind::Pong,
        _ => return Err("unknown opcode in a WebSocket message".to_owned()),
    };
    let text = message["data"].as_str().unwrap_or_default();
    let data: Bytes = match kind {
        FrameKind::Text => text.to_owned().into(),
        _ => Base64::decode_vec(text).unwrap_or_else(|_| text.as_bytes().to_vec()).into(),
    };
    let direction = match message["type"].as_str() {
        Some("send") => Direction::Request,
        _ => Direction::Response,
    };
    let seconds = message["time"].as_f64().filter(|s| (0.0..4e9).contains(s)).unwrap_or(0.0);
    let at = message["_at"].as_u64().filter(|n| *n < 1 << 52).unwrap_or((seconds * 1e6) as u64);
    let length = message["_length"].as_u64().unwrap_or(data.len() as u64);
    Ok((at, Frame { flow, direction, kind, data, length }))
}

fn content_in(content: &Value, encoding: &str) -> Bytes {
    let decode = |text: &str| Base64::decode_vec(text).ok();
    if let Some(passed) = content["_encoded"].as_str().and_then(decode) {
        return passed.into();
    }
    let text = content["text"].as_str().unwrap_or_default();
    if content[encoding].as_str() == Some("base64")
        && let Some(data) = decode(text)
    {
        return data.into();
    }
    text.to_owned().into()
}

fn headers(list: &Value) -> Vec<Header> {
    let header = |field: &Value| {
        let name = field["name"].as_str()?;
        // Chrome lists HTTP/2's pseudo-headers with the others.
        if name.is_empty() || name.starts_with(':') {
            return None;
        }
        let exact = field["_base64"].as_str().and_then(|text| Base64::decode_vec(text).ok());
        let value = exact
            .unwrap_or_else(|| field["value"].as_str().unwrap_or_default().as_bytes().to_vec());
        Some(Header { name: name.to_owned().into(), value: value.into() })
    };
    list.as_array().into_iter().flatten().filter_map(header).collect()
}

fn bytes(value: &Value) -> Bytes {
    match value.as_str() {
        Some(text) => text.to_owned().into(),
        None => {
            let decoded = value["base64"].as_str().and_then(|text| Base64::decode_vec(text).ok());
            decoded.unwrap_or_default().into()
        }
    }
}

fn version(name: Option<&str>) -> HttpVersion {
    match name.unwrap_or_default().to_ascii_lowercase().as_str() {
        "http/1.0" => HttpVersion::Http10,
        "h2" | "http/2" | "http/2.0" | "h3" | "http/3" => HttpVersion::Http2,
        _ => HttpVersion::Http11,
    }
}
