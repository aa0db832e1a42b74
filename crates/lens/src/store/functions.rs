//! The functions that conditions of `query` call.

use std::sync::Arc;

use regex_lite::Regex;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;

use super::{head, words};
use crate::content;

/// How much of a body is looked through.
pub(super) const LOOKED_THROUGH: usize = 256 * 1024;

pub(super) fn add(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8;
    connection.create_scalar_function("matches", 2, flags, |context| {
        let pattern = pattern(context)?;
        Ok(text(context, 1).is_some_and(|text| pattern.is_match(text)))
    })?;
    connection.create_scalar_function("header_has", 4, flags, |context| header_has(context))?;
    connection.create_scalar_function("body_text", 2, flags, |context| {
        Ok(body_text(blob(context, 0), blob(context, 1)))
    })?;
    connection.create_scalar_function("is_noted", 2, flags, |context| {
        Ok(words::is_noted(blob(context, 0), context.get(1)?))
    })
}

fn pattern(context: &Context<'_>) -> rusqlite::Result<Arc<Regex>> {
    context.get_or_create_aux(0, |value| {
        Regex::new(value.as_str()?).map_err(Box::<dyn std::error::Error + Send + Sync>::from)
    })
}

fn text<'a>(context: &'a Context<'_>, n: usize) -> Option<&'a str> {
    context.get_raw(n).as_str().ok()
}

fn blob<'a>(context: &'a Context<'_>, n: usize) -> &'a [u8] {
    match context.get_raw(n) {
        ValueRef::Blob(data) | ValueRef::Text(data) => data,
        _ => &[],
    }
}

/// `(value, name, operator, head)`
fn header_has(context: &Context<'_>) -> rusqlite::Result<bool> {
    let (value, name, op) = (text(context, 0), text(context, 1), text(context, 2));
    let (Some(value), Some(name), Some(op)) = (value, name, op) else { return Ok(false) };
    let pattern = if op == "~" { Some(pattern(context)?) } else { None };
    let matches = |(field, content): (&[u8], &[u8])| {
        let content = String::from_utf8_lossy(content);
        let content = if name.is_empty() {
            format!("{}: {content}", String::from_utf8_lossy(field)).into()
        } else {
            content
        };
        match (&pattern, op) {
            (Some(pattern), _) => pattern.is_match(&content),
            (None, "=" | "!") => content.eq_ignore_ascii_case(value),
            _ => content.to_ascii_lowercase().contains(&value.to_ascii_lowercase()),
        }
    };
    let named = head::fields(blob(context, 3))
        .filter(|(field, _)| name.is_empty() || field.eq_ignore_ascii_case(name.as_bytes()))
        .any(matches);
    Ok(named != (op == "!"))
}

/// A body as text, or nothing when it is binary.
pub(super) fn body_text(body: &[u8], head: &[u8]) -> Option<String> {
    let encoding = head::find(head, "content-encoding");
    let data = content::decoded(body, encoding, LOOKED_THROUGH);
    content::as_text(&data).map(str::to_owned)
}
