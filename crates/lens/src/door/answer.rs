//! Answers, with the headers that keep what is foreign inert.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::{Response, header};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// An answer to a browser.
pub type Answer = Response<AnswerBody>;

/// A body that is there, or one that comes piece by piece.
pub enum AnswerBody {
    /// All of it, until it is taken.
    Whole(Option<Bytes>),
    /// As it comes.
    Pieces(mpsc::Receiver<Bytes>),
}

/// Nothing but the page's own files runs or styles, nothing is loaded from elsewhere, no page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is there, of a type.
pub fn text(kind: &'static str, body: impl Into<Bytes>) -> Answer {
    with(200, kind, AnswerBody::Whole(Some(body.into())))
}

/// A value.
#[must_use]
pub fn json(value: &Value) -> Answer {
    text("application/json", value.to_string())
}

/// Why not.
pub fn failure(status: u16, reason: impl Into<String>) -> Answer {
    let body = json!({ "error": reason.into() }).to_string();
    with(status, "application/json", AnswerBody::Whole(Some(body.into())))
}

/// What comes piece by piece.
pub fn pieces(kind: &'static str, pieces: mpsc::Receiver<Bytes>) -> Answer {
    with(200, kind, AnswerBody::Pieces(pieces))
}

/// Bytes that others sent: saved, never shown or run by the browser.
#[must_use]
pub fn download(name: &str, body: Vec<u8>) -> Answer {
    let mut answer = text("application/octet-stream", body);
    if let Ok(value) = format!("attachment; filename=\"{name}\"").parse() {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    answer
}

fn with(status: u16, kind: &'static str, body: AnswerBody) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in [
        ("content-type", kind),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
    ] {
        answer.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    answer
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Pieces(pieces) => {
                pieces.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
