//! Answers that a rule gives in the origin's place.

use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use super::Action;
use crate::flow::{Header, HttpVersion, ResponseHead};

/// An answer without the origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This status, headers and body.
    Given {
        /// The status.
        status: u16,
        /// The headers that the rule sets.
        headers: Vec<(String, Option<String>)>,
        /// The body.
        body: Bytes,
    },
    /// A file, or a file in a folder.
    File {
        /// Where.
        path: PathBuf,
        /// The status; 200 unless the rule has one.
        status: u16,
        /// The headers that the rule sets.
        headers: Vec<(String, Option<String>)>,
    },
}

impl Answer {
    pub(super) fn of(then: &Action) -> Option<Self> {
        let headers = || then.response_headers.clone();
        if let Some(path) = &then.file {
            let status = then.status.unwrap_or(200);
            return Some(Self::File { path: path.clone(), status, headers: headers() });
        }
        if then.status.is_none() && then.body.is_none() {
            return None;
        }
        Some(Self::Given {
            status: then.status.unwrap_or(200),
            headers: headers(),
            body: then.body.clone().unwrap_or_default().into(),
        })
    }

    pub(super) fn told(&self) -> String {
        match self {
            Self::Given { status, .. } => format!("{status}"),
            Self::File { path, .. } => format!("the file {}", path.display()),
        }
    }

    /// Head and body to send for a request of `path`. A file that cannot be read is a 502 that says so.
    /// Reads a file: not for a thread that must not block.
    #[must_use]
    pub fn load(&self, path: &str, version: HttpVersion) -> (ResponseHead, Bytes) {
        match self {
            Self::Given { status, headers, body } => {
                head(*status, "text/plain; charset=utf-8", headers, body.clone(), version)
            }
            Self::File { path: file, status, headers } => match read(file, path) {
                Ok((body, kind)) => head(*status, kind, headers, body, version),
                Err(reason) => {
                    let body = format!("seal proxy: {reason}\n").into();
                    head(502, "text/plain; charset=utf-8", &[], body, version)
                }
            },
        }
    }
}

fn read(place: &Path, path: &str) -> Result<(Bytes, &'static str), String> {
    let told = |file: &Path, e: std::io::Error| format!("cannot read {}: {e}", file.display());
    let mut file = place.to_owned();
    if place.is_dir() {
        let inner = path.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/');
        let plain = Path::new(inner).components().all(|c| matches!(c, Component::Normal(_)));
        if !plain || inner.contains('\\') {
            return Err(format!("the path {path:?} leads out of the folder"));
        }
        file.push(inner);
        if file.is_dir() {
            file.push("index.html");
        }
        // Links may not lead out either.
        let real = file.canonicalize().map_err(|e| told(&file, e))?;
        if !real.starts_with(place.canonicalize().map_err(|e| told(place, e))?) {
            return Err(format!("the path {path:?} leads out of the folder"));
        }
    }
    let data = std::fs::read(&file).map_err(|e| told(&file, e))?;
    Ok((data.into(), kind(&file)))
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "html" | "htm" => "text/html; charset=utf-8",
        "json" | "map" => "application/json",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" | "md" => "text/plain; charset=utf-8",
        "xml" => "application/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

fn head(
    status: u16,
    kind: &str,
    set: &[(String, Option<String>)],
    body: Bytes,
    version: HttpVersion,
) -> (ResponseHead, Bytes) {
    let header = |name: &'static str, value: &str| Header {
        name: Bytes::from_static(name.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
    };
    let mut headers = vec![header("content-type", kind)];
    super::set_headers(&mut headers, set);
    fit(&mut headers, body.len());
    let reason = Bytes::from_static(reason(status).as_bytes());
    (ResponseHead { version, status, reason, headers, raw: Bytes::new() }, body)
}

/// Makes the headers say the length of a body that is sent in place of the origin's.
pub(super) fn fit(headers: &mut Vec<Header>, length: usize) {
    for gone in ["transfer-encoding", "content-encoding", "content-length"] {
        super::set_header(headers, gone, None, false);
    }
    super::set_header(headers, "content-length", Some(&length.to_string()), true);
}

/// The usual reason phrase.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
