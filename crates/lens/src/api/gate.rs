//! Where a request goes.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request};

use super::{Session, events, flows, write};
use crate::door::{Answer, Answering, Page, Token, failure};
use crate::ui;

impl Page for Session {
    fn token(&self) -> &Token {
        &self.token
    }

    fn printed_by(&self) -> &'static str {
        "seal proxy"
    }

    fn file(&self, path: &str) -> Option<(&'static str, &'static [u8])> {
        ui::file(path)
    }

    fn answer(self: Arc<Self>, path: String, request: Request<Incoming>) -> Answering {
        Box::pin(answer(self, path, request))
    }
}

async fn answer(session: Arc<Session>, path: String, request: Request<Incoming>) -> Answer {
    let parts: Vec<_> = path.split('/').collect();
    match (request.method(), &parts[..]) {
        (&Method::GET, ["events"]) => events::stream(session, request.uri().query()),
        (&Method::GET, _) => {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let path = path.clone();
            let work = move || {
                let parts: Vec<_> = path.split('/').collect();
                flows::read(&session, &parts, &query)
            };
            match tokio::task::spawn_blocking(work).await {
                Ok(answer) => answer,
                Err(_) => failure(500, "reading failed"),
            }
        }
        (&Method::POST | &Method::PUT, _) => write::change(&session, &parts, request).await,
        _ => failure(405, "only GET, POST and PUT"),
    }
}
