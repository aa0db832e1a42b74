//! A request as the server sees it, and its answer.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::protocol::Problem;

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    /// By which method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// `https://` and the host that was asked: all URLs in answers begin with it.
    pub base: String,
    /// Whether it says that its body is a JWS.
    pub is_jose: bool,
    /// The secret of `Authorization: Bearer`, for clients without an account.
    pub bearer: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Call {
    /// Takes a request apart. `hosts` are the names by which the server may be asked.
    ///
    /// # Errors
    /// When it is for another host.
    pub fn new(parts: &Parts, body: Bytes, hosts: &[String]) -> Result<Self, Problem> {
        let named = parts.headers.get(HOST).and_then(|value| value.to_str().ok());
        let authority = parts.uri.authority().map(Authority::as_str).or(named).unwrap_or_default();
        let parsed: Authority = authority
            .parse()
            .map_err(|_| Problem::malformed("the request names no host").status(400))?;
        let host = parsed.host();
        if !hosts.is_empty() && !hosts.iter().any(|one| one.eq_ignore_ascii_case(host)) {
            let shown: String = host.chars().take(80).collect();
            let what = format!("{shown:?} is not a name of this server: {}", hosts.join(", "));
            return Err(Problem::malformed(what).status(421));
        }
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        let bearer = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|text| text.strip_prefix("Bearer ")).map(str::to_owned);
        Ok(Self {
            bearer,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            base: format!("https://{authority}"),
            is_jose: kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/jose+json")),
            body,
        })
    }

    /// The URL of the request, as its signer has to name it.
    pub(super) fn url(&self) -> String {
        match &self.query {
            Some(query) => format!("{}{}?{query}", self.base, self.path),
            None => format!("{}{}", self.base, self.path),
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status of HTTP.
    pub status: StatusCode,
    /// Headers, in their order.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Vec<u8>,
    /// The body when the check is done that has just begun.
    checked: Option<oneshot::Receiver<Vec<u8>>>,
}

impl Answer {
    /// With nothing in it.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        let cache =
            (HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store"));
        Self { status, headers: vec![cache], body: Vec::new(), checked: None }
    }

    /// With an object.
    pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Self {
        Self::of_type(status, "application/json", serde_json::to_vec(value).unwrap_or_default())
    }

    /// With a problem.
    #[must_use]
    pub fn problem(problem: &Problem) -> Self {
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = serde_json::to_vec(problem).unwrap_or_default();
        Self::of_type(status, "application/problem+json", body)
    }

    /// With bytes.
    pub fn of_type(status: StatusCode, kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let mut answer = Self::new(status);
        answer.headers.push((CONTENT_TYPE, HeaderValue::from_static(kind)));
        answer.body = body.into();
        answer
    }

    /// With one more header; one that cannot be written is left out.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = value.parse() {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// Tells more when a check is done, if that is soon.
    pub(super) fn checked(mut self, body: oneshot::Receiver<Vec<u8>>) -> Self {
        self.checked = Some(body);
        self
    }

    /// Waits for the check that it tells of, for so long at most.
    pub(super) async fn wait_for_check(&mut self, most: Duration) {
        let Some(checked) = self.checked.take() else { return };
        if let Ok(Ok(body)) = tokio::time::timeout(most, checked).await {
            self.body = body;
            self.headers.retain(|(name, _)| name != RETRY_AFTER);
        }
    }

    /// What a header says, for tests.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(one, _)| one.as_str() == name);
        found.and_then(|(_, value)| value.to_str().ok())
    }

    /// As hyper sends it.
    #[must_use]
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}
