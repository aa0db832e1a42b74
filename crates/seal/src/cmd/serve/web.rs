//! A folder over HTTP/1.1 and HTTP/2, and the way there from plain HTTP.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use percent_encoding::percent_decode_str;
use sealwire::TlsStream;
use tokio::net::TcpStream;
use tower_http::services::ServeDir;
use tower_http::services::fs::DefaultServeDirFallback;
use tower_service::Service;

use super::event::{Event, Reporter};
use super::folder::Folder;
use super::page;
use crate::net::stop::Stop;
use crate::say::advice;

/// The folder and how it is shown.
#[derive(Clone)]
pub(super) struct Web {
    files: ServeDir<DefaultServeDirFallback, Folder>,
    folder: Folder,
    pages: bool,
    reporter: Reporter,
}

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How long a client may take to send the head of a request; also how long an idle HTTP/1.1
/// connection is kept.
const PATIENCE: Duration = Duration::from_secs(30);

impl Web {
    /// `pages`: whether a folder without an index.html is shown as a page of links.
    pub(super) fn new(folder: Folder, pages: bool, reporter: Reporter) -> Self {
        Self { files: ServeDir::with_backend("", folder.clone()), folder, pages, reporter }
    }

    /// Serves one connection until the client has enough, or until asked to stop: then what is
    /// under way is finished.
    pub(super) async fn serve(
        &self,
        stream: TlsStream<TcpStream>,
        client: SocketAddr,
        stop: &Stop,
    ) {
        let service = service_fn(|request| {
            let web = self.clone();
            async move { Ok::<_, Infallible>(web.told_answer(client, request).await) }
        });
        serve_http(stream, client, stop, self.reporter, service).await;
    }

    async fn told_answer(self, client: SocketAddr, request: Request<Incoming>) -> Response<Body> {
        let (method, version) = (request.method().clone(), request.version());
        let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
        let reporter = self.reporter;
        let response = self.answer(request).await;
        reporter.tell(&Event::request(client, version, &method, target, &response));
        response
    }

    async fn answer(mut self, request: Request<Incoming>) -> Response<Body> {
        let Some(asked) = Asked::of(request) else {
            return sentence(StatusCode::BAD_REQUEST, "this is not a path", false);
        };
        let mut response = self.file(&asked).await;
        let is_404 = response.status() == StatusCode::NOT_FOUND;
        if is_404
            && self.pages
            && asked.path.ends_with('/')
            && let Some(page) = self.page(&asked).await
        {
            return page;
        }
        if response.status().is_client_error() || response.status().is_server_error() {
            let mut refusal = sentence(response.status(), &asked.path, asked.head_only);
            for name in [header::ALLOW, header::CONTENT_RANGE] {
                if let Some(value) = response.headers_mut().remove(&name) {
                    refusal.headers_mut().insert(name, value);
                }
            }
            return refusal;
        }
        let headers = response.headers_mut();
        if let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(with_charset) {
            headers.insert(header::CONTENT_TYPE, kind);
        }
        common_headers(headers);
        response
    }

    /// The answer of the file, if there is one.
    async fn file(&mut self, asked: &Asked) -> Response<Body> {
        let response = self.call(asked.request(true)).await;
        // A range was asked for of a file as it once was (RFC 9110, section 13.1.5): if it is
        // another by now, the parts would not fit together, and it is sent whole.
        match &asked.if_range {
            Some(expected)
                if response.status() == StatusCode::PARTIAL_CONTENT
                    && !is_as_expected(expected, response.headers()) =>
            {
                self.call(asked.request(false)).await
            }
            _ => response,
        }
    }

    async fn call(&mut self, request: Request<Empty<Bytes>>) -> Response<Body> {
        let Ok(response) = self.files.call(request).await;
        response.map(BodyExt::boxed_unsync)
    }

    /// The page of a folder.
    async fn page(&self, asked: &Asked) -> Option<Response<Body>> {
        let relative = PathBuf::from(format!(".{}", asked.path));
        let entries = self.folder.list(relative).await.ok()??;
        let mut response = html(page::of(&asked.path, &entries), asked.head_only);
        let policy = HeaderValue::from_static(page::POLICY);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        Some(response)
    }
}

/// Serves HTTP/1.1 and HTTP/2 on one connection until the client has enough, or until asked to
/// stop: then what is under way is finished.
pub(super) async fn serve_http<S>(
    stream: TlsStream<TcpStream>,
    client: SocketAddr,
    stop: &Stop,
    reporter: Reporter,
    service: S,
) where
    S: hyper::service::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    // Requests of one HTTP/2 connection run beside each other within its own task.
    let asked = Arc::new(AtomicBool::new(false));
    let noting = asked.clone();
    let service = service_fn(move |request| {
        noting.store(true, Ordering::Relaxed);
        hyper::service::Service::call(&service, request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PATIENCE);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.asked() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    let left = !asked.load(Ordering::Relaxed);
    if let Err(error) = outcome
        && let Some(error) = worth_telling(&*error)
    {
        reporter.failed(client, error);
    } else if left && reporter.json {
        // Browsers open connections that they do not need: for people that would be noise.
        reporter.tell(&Event::Left { client, advice: advice::LEFT });
    }
}

/// What a request asks for; its body, if it has one, is of no interest.
struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    /// The path, decoded.
    path: String,
    if_range: Option<HeaderValue>,
    head_only: bool,
}

impl Asked {
    fn of(request: Request<Incoming>) -> Option<Self> {
        let (mut parts, _) = request.into_parts();
        // Two slashes at the front would make the redirect to "//name/" lead to another host; a
        // host, which HTTP/2 has in its URI, does not belong in one to the same host.
        let target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let uri: Uri = format!("/{}", target.trim_start_matches('/')).parse().ok()?;
        let path = percent_decode_str(uri.path()).decode_utf8().ok()?.into_owned();
        Some(Self {
            head_only: parts.method == Method::HEAD,
            method: parts.method,
            uri,
            path,
            if_range: parts.headers.remove(header::IF_RANGE),
            headers: parts.headers,
        })
    }

    fn request(&self, with_range: bool) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if !with_range {
            request.headers_mut().remove(header::RANGE);
        }
        request
    }
}

/// Sends a client that speaks plain HTTP to the same place over HTTPS. `home` is where, when it
/// does not say by which name it came.
pub(super) async fn to_https(tcp: TcpStream, client: SocketAddr, home: String, reporter: Reporter) {
    let service = service_fn(|request: Request<Incoming>| {
        let location = secure_location(&request, &home);
        async move {
            let mut response = sentence(
                StatusCode::PERMANENT_REDIRECT,
                &format!("this port speaks HTTPS: {location}"),
                request.method() == Method::HEAD,
            );
            let headers = response.headers_mut();
            if let Ok(value) = HeaderValue::from_str(&location) {
                headers.insert(header::LOCATION, value);
            }
            // The answer is true of this server as it runs now, and of the next one perhaps not.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            reporter.tell(&Event::Redirected { client, location });
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // A client that closes here has missed the response; nothing else is lost.
    let _ = builder.serve_connection(TokioIo::new(tcp), service).await;
}

fn secure_location(request: &Request<Incoming>, home: &str) -> String {
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    // A host is taken only in the form of one: user@host is for fooling people.
    match host.and_then(|host| host.parse::<Authority>().ok()) {
        Some(host) if !host.as_str().contains('@') => format!("https://{host}{target}"),
        _ => format!("{}{target}", home.trim_end_matches('/')),
    }
}

pub(super) fn sentence(status: StatusCode, about: &str, head_only: bool) -> Response<Body> {
    let reason = status.canonical_reason().unwrap_or_default();
    let text = page::sentence(&format!("{} {reason}: {about}", status.as_u16()));
    let mut response = html(text, head_only);
    *response.status_mut() = status;
    response
}

fn html(text: String, head_only: bool) -> Response<Body> {
    let length = HeaderValue::from(text.len());
    let body = if head_only { Full::default() } else { Full::from(text) };
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    common_headers(headers);
    response
}

/// For a user who edits files and views them: a browser takes the type as declared,
/// and asks each time whether the file is still the same.
fn common_headers(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
}

/// Text is UTF-8 today; without being told, browsers take it for Windows-1252.
fn with_charset(kind: &HeaderValue) -> Option<HeaderValue> {
    let text = kind.to_str().ok()?;
    let is_text = text.starts_with("text/") || text == "application/javascript";
    if is_text && !text.contains("charset") {
        HeaderValue::from_str(&format!("{text}; charset=utf-8")).ok()
    } else {
        None
    }
}

/// Whether the file is the one that `If-Range` means: by its strong tag, or by its exact date.
fn is_as_expected(if_range: &HeaderValue, headers: &HeaderMap) -> bool {
    let weak = if_range.as_bytes().starts_with(b"W/");
    !weak
        && [header::ETAG, header::LAST_MODIFIED]
            .iter()
            .any(|name| headers.get(name) == Some(if_range))
}

/// The TLS error in an error of hyper's, unless it is one of the ways in which browsers hang up.
fn worth_telling<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a sealwire::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<sealwire::Error>()) {
            let usual = matches!(tls, sealwire::Error::Truncated | sealwire::Error::Io(_));
            return (!usual).then_some(tls);
        }
        cause = error.source();
    }
    None
}
