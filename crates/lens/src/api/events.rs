//! The live stream: Server-Sent Events of flows that are new or have changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;

use super::flows::filter;
use super::{Session, write};
use crate::door::Query;
use crate::door::{Answer, failure, pieces};
use crate::export::{Redactor, summary_json};
use crate::store::Live;

/// `event: flows` (a list of summaries), `held` (what waits), `banner` (a text), `reload` (too much
/// happened to be told: reload).
pub(super) fn stream(session: Arc<Session>, query: Option<&str>) -> Answer {
    let filter = match filter(&Query::read(query.unwrap_or_default())) {
        Ok(filter) => filter,
        Err(answer) => return *answer,
    };
    let (sender, receiver) = mpsc::channel(16);
    // From now on, not from when the task begins.
    let news = session.store.as_ref().map(|store| store.subscribe());
    tokio::spawn(async move {
        let mut held = session.holds.changes();
        let mut news = news;
        let hello = event("hello", &json!({ "held": write::held(&session) }));
        if sender.send(hello).await.is_err() {
            return;
        }
        loop {
            let told = tokio::select! {
                told = next(&mut news) => told,
                changed = held.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    Update::Held
                }
                // A comment keeps the connection, and finds out when it has gone.
                () = tokio::time::sleep(Duration::from_secs(15)) => Update::Nothing,
                () = sender.closed() => return,
            };
            let text = match told {
                Update::Changed(ids) => {
                    let (session, filter) = (Arc::clone(&session), filter.clone());
                    let read = move || {
                        let ids: Vec<_> = ids.into_iter().collect();
                        session.reader.among(&filter, &ids)
                    };
                    match tokio::task::spawn_blocking(read).await {
                        Ok(Ok(flows)) if flows.is_empty() => continue,
                        Ok(Ok(flows)) => {
                            let all = Redactor::showing_everything();
                            let flows: Value = flows.iter().map(|f| summary_json(f, all)).collect();
                            event("flows", &flows)
                        }
                        _ => event("reload", &Value::Null),
                    }
                }
                Update::Banner(text) => event("banner", &text.into()),
                Update::Held => event("held", &write::held(&session)),
                Update::Reload => event("reload", &Value::Null),
                Update::Nothing => Bytes::from_static(b":\n\n"),
                Update::End => return,
            };
            if sender.send(text).await.is_err() {
                return;
            }
        }
    });
    let answer = pieces("text/event-stream", receiver);
    if answer.status().is_success() { answer } else { failure(500, "no stream") }
}

enum Update {
    Changed(BTreeSet<i64>),
    Banner(String),
    Held,
    Reload,
    Nothing,
    End,
}

/// The next news, and what has piled up behind it.
async fn next(news: &mut Option<tokio::sync::broadcast::Receiver<Live>>) -> Update {
    let Some(news) = news else { return std::future::pending().await };
    let mut ids = BTreeSet::new();
    let mut add = |changed: Arc<[crate::flow::FlowId]>| {
        ids.extend(changed.iter().map(|id| id.0.cast_signed()));
        ids.len()
    };
    match news.recv().await {
        Ok(Live::Changed(changed)) => drop(add(changed)),
        Ok(Live::Banner(text)) => return Update::Banner(text),
        Err(RecvError::Lagged(_)) => return Update::Reload,
        Err(RecvError::Closed) => return Update::End,
    }
    loop {
        match news.try_recv() {
            Ok(Live::Changed(changed)) => {
                if add(changed) > 2000 {
                    return Update::Reload;
                }
            }
            Ok(Live::Banner(text)) => return Update::Banner(text),
            Err(TryRecvError::Lagged(_)) => return Update::Reload,
            Err(_) => return Update::Changed(ids),
        }
    }
}

fn event(name: &str, data: &Value) -> Bytes {
    // JSON has no line breaks of its own.
    format!("event: {name}\ndata: {data}\n\n").into()
}
