//! What can be read.

use serde_json::{Value, json};

use super::{Session, write};
use crate::content;
use crate::door::{Answer, Query, download, failure, json as answer, text};
use crate::export::{self, Legs, Redactor};
use crate::query::Filter;
use crate::store::{Order, Search, StoreError};

/// Flows in one export.
const MOST_EXPORTED: usize = 20_000;
/// A decoded body.
const LONGEST_BODY: usize = 64 << 20;

pub(super) fn read(session: &Session, path: &[&str], query: &str) -> Answer {
    let query = Query::read(query);
    match try_read(session, path, &query) {
        Ok(answer) => answer,
        Err(answer) => *answer,
    }
}

type Outcome = Result<Answer, Box<Answer>>;

fn try_read(session: &Session, path: &[&str], query: &Query) -> Outcome {
    let reader = &session.reader;
    // Exports are redacted; the page is not redacted.
    let shared =
        if query.is("secrets") { Redactor::showing_everything() } else { Redactor::hiding() };
    let shown =
        if query.is("redact") { Redactor::hiding() } else { Redactor::showing_everything() };
    match path {
        ["session"] => Ok(answer(&about(session).map_err(broken)?)),
        ["flows"] => list(session, query, shown),
        ["flows", id] => {
            let detail = export::detail_json(reader, number(id)?, shown, &session.descriptors);
            found(detail.map_err(broken)?)
        }
        ["flows", id, "body", side @ ("request" | "response")] => {
            body(session, number(id)?, *side == "response", query)
        }
        ["flows", id, "frames"] => {
            let frames =
                reader.frames(number(id)?, query.number("after", 0), 1000).map_err(broken)?;
            Ok(answer(&export::frames_json(&frames, shown)))
        }
        ["flows", id, "statements"] => {
            let after = query.number("after", 0);
            let statements = reader.statements(number(id)?, after, 1000).map_err(broken)?;
            Ok(answer(&json!(statements)))
        }
        ["flows", id, "lesson"] => {
            found(export::lesson(reader, number(id)?).map_err(broken)?.map(|lesson| json!(lesson)))
        }
        ["flows", id, "curl"] => {
            command(export::curl(reader, number(id)?, shared).map_err(broken)?)
        }
        ["flows", id, "fetch"] => {
            command(export::fetch(reader, number(id)?, shared).map_err(broken)?)
        }
        ["connections", id] => {
            found(export::connection_json(reader, number(id)?, shown).map_err(broken)?)
        }
        ["diff"] => {
            let (a, b) = (query.number("a", 0), query.number("b", 0));
            found(export::diff(reader, a, b, shown).map_err(broken)?.map(|lines| json!(lines)))
        }
        ["har"] => {
            let ids = ids(session, query)?;
            let har = export::har(reader, &ids, shared).map_err(broken)?;
            Ok(download("session.har", har.to_string().into_bytes()))
        }
        ["pcapng"] => packets(session, query),
        ["rules"] => Ok(answer(&session.rules.get().to_json())),
        ["held"] => Ok(answer(&write::held(session))),
        _ => Err(Box::new(failure(404, "unknown API path; docs/proxy.md lists them"))),
    }
}

fn about(session: &Session) -> Result<Value, StoreError> {
    let status = session.store.as_ref().map(|store| store.status()).unwrap_or_default();
    let all = Filter::parse("").map_err(|e| StoreError(e.to_string()))?;
    Ok(json!({
        "title": session.title,
        "live": session.store.is_some(),
        "can_send": session.sender.is_some(),
        "flows": session.searches.go_on(&session.reader, (&all, ""), Order::Newest, None, |s| Ok(s.total()))?,
        "unindexed": session.reader.unindexed()?,
        "dropped": status.dropped,
        "stopped": status.stopped,
    }))
}

fn list(session: &Session, query: &Query, shown: Redactor) -> Outcome {
    let filter = filter(query)?;
    let order = if query.get("order") == Some("newest") { Order::Newest } else { Order::Oldest };
    let from = query.number("from", 0).max(0).cast_unsigned();
    let limit = query.number("limit", 200).clamp(0, 1000).cast_unsigned();
    let last = query.get("last").and_then(|last| last.parse().ok());
    let text = query.get("filter").unwrap_or_default();
    let tell = |search: &Search| {
        let flows = session.reader.lines(search, from, limit)?;
        let flows: Value = flows.iter().map(|flow| export::summary_json(flow, shown)).collect();
        Ok(json!({
            "total": search.total(),
            "complete": search.is_complete(),
            "last": search.last(),
            "from": from,
            "flows": flows,
        }))
    };
    let told = session.searches.go_on(&session.reader, (&filter, text), order, last, tell);
    Ok(answer(&told.map_err(broken)?))
}

fn body(session: &Session, id: i64, of_response: bool, query: &Query) -> Outcome {
    let data = session.reader.body(id, of_response, 0, LONGEST_BODY).map_err(broken)?;
    let side = if of_response { "response" } else { "request" };
    let name = format!("{id}-{side}.bin");
    if !query.is("decoded") {
        return Ok(download(&name, data));
    }
    let detail = session.reader.detail(id).map_err(broken)?.ok_or_else(gone)?;
    let headers = if of_response { &detail.response.headers } else { &detail.request.headers };
    let encoding = content::header(headers, "content-encoding");
    let data = content::decoded(&data, encoding.as_deref(), LONGEST_BODY);
    Ok(download(&name, data.into_owned()))
}

fn packets(session: &Session, query: &Query) -> Outcome {
    let mut connections = Vec::new();
    for id in ids(session, query)? {
        if let Some(detail) = session.reader.detail(id).map_err(broken)? {
            connections.push(detail.summary.connection);
        }
    }
    connections.sort_unstable();
    connections.dedup();
    let mut out = Vec::new();
    let written = export::pcapng(&session.reader, &connections, Legs::Both, true, &mut out)
        .map_err(|e| Box::new(failure(500, e.to_string())))?;
    if written == 0 {
        let reason = "the bytes of these flows were not recorded: start seal proxy with --wire";
        return Err(Box::new(failure(404, reason)));
    }
    Ok(download("session.pcapng", out))
}

fn ids(session: &Session, query: &Query) -> Result<Vec<i64>, Box<Answer>> {
    let ids = session.reader.ids(&filter(query)?, MOST_EXPORTED).map_err(broken)?;
    ids.ok_or_else(|| {
        let reason = format!(
            "more than {MOST_EXPORTED} flows match, the limit of one download: narrow the filter, or use seal proxy export"
        );
        Box::new(failure(413, reason))
    })
}

/// The filter of a query, or the answer that says what is wrong with it, and where.
pub(super) fn filter(query: &Query) -> Result<Filter, Box<Answer>> {
    Filter::parse(query.get("filter").unwrap_or_default())
        .map_err(|e| Box::new(failure(400, e.to_string())))
}

fn found(value: Option<Value>) -> Outcome {
    value.map(|value| answer(&value)).ok_or_else(gone)
}

fn command(command: Option<String>) -> Outcome {
    command.map(|command| text("text/plain; charset=utf-8", command)).ok_or_else(gone)
}

fn gone() -> Box<Answer> {
    Box::new(failure(404, "no such flow, or it was removed"))
}

fn broken(error: StoreError) -> Box<Answer> {
    Box::new(failure(500, error.to_string()))
}

pub(super) fn number(text: &str) -> Result<i64, Box<Answer>> {
    text.parse().map_err(|_| Box::new(failure(400, format!("{text:?} is not a flow number"))))
}
