//! What the server tells of itself, line by line, for people and for machines.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use hyper::{Method, Response, Version, header};
use sealwire::Foreign;
use serde::Serialize;

use super::folder::Withheld;
use super::shown::ShownCertificate;
use crate::say::{advice, report};
use crate::view::connection::Facts;

/// One line of what the server has to tell.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    Listening {
        address: SocketAddr,
        serving: String,
        url: Option<String>,
        certificates: &'a [ShownCertificate],
    },
    Connected {
        client: SocketAddr,
        #[serde(flatten)]
        facts: Box<Facts>,
    },
    /// A request of plain HTTP, which was sent to HTTPS.
    Redirected {
        client: SocketAddr,
        location: String,
    },
    Request {
        client: SocketAddr,
        http: &'static str,
        method: &'a str,
        target: String,
        status: u16,
        /// The length of the body, where it is known before it is sent.
        bytes: Option<u64>,
    },
    /// A file that was asked for and is not served.
    Withheld {
        file: String,
        reason: &'static str,
    },
    Closed {
        client: SocketAddr,
        bytes: u64,
        /// How the program of --exec ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<String>,
    },
    Failed {
        client: SocketAddr,
        code: &'a str,
        reason: String,
        advice: Option<String>,
    },
    Stopping {
        open: usize,
    },
    Stopped {
        cut_off: usize,
    },
}

impl Told<'_> {
    /// A file of the folder that is withheld.
    pub(super) fn withheld(file: &Path, why: Withheld) -> Self {
        let reason = match why {
            Withheld::Ours => "this server uses it for its own keys",
            Withheld::PrivateKey => "it holds a private key (--private-keys serves it)",
        };
        Self::Withheld { file: file.display().to_string(), reason }
    }
}

impl<'a> Told<'a> {
    /// A request that is answered.
    pub(super) fn request<B>(
        client: SocketAddr,
        version: Version,
        method: &'a Method,
        target: String,
        response: &Response<B>,
    ) -> Self {
        let length = response.headers().get(header::CONTENT_LENGTH);
        Self::Request {
            client,
            http: if version == Version::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" },
            method: method.as_str(),
            target,
            status: response.status().as_u16(),
            bytes: length.and_then(|length| length.to_str().ok()?.parse().ok()),
        }
    }
}

/// Where lines go, and in which form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller {
    pub(super) json: bool,
}

impl Teller {
    /// Prints a line. When nobody reads it any more, serving goes on.
    pub(super) fn tell(self, told: &Told<'_>) {
        let line = if self.json { report::json_line(told) } else { report::lines(&text(told)) };
        let _ = writeln!(io::stdout().lock(), "{line}");
    }

    /// A connection that failed.
    pub(super) fn failed(self, client: SocketAddr, error: &sealwire::Error) {
        self.tell(&Told::Failed {
            client,
            code: error.code(),
            reason: advice::sentence(error),
            advice: advice::for_failure(error, None),
        });
    }
}

fn text(told: &Told<'_>) -> String {
    match told {
        Told::Listening { address, serving, url, certificates } => {
            let at = url.as_ref().map_or_else(String::new, |url| format!(" at {url}"));
            let mut text = format!("listening on {address}\n  {:<12}{serving}{at}", "serving");
            for certificate in *certificates {
                text += &format!("\n  {:<12}{certificate}", "certificate");
            }
            text
        }
        Told::Connected { client, facts } => format!("{client} connected\n{facts}"),
        Told::Redirected { client, location } => {
            format!("{client} spoke plain HTTP: sent to {}", Foreign::new(location))
        }
        Told::Request { client, http, method, target, status, bytes } => {
            let bytes = bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
            format!("{client} {http} {method} {} {status} {bytes}", Foreign::new(target))
        }
        Told::Withheld { file, reason } => {
            format!("{} withheld: {reason}", Foreign::new(file))
        }
        Told::Closed { client, bytes, exit: None } => {
            format!("{client} closed after {bytes} bytes")
        }
        Told::Closed { client, bytes, exit: Some(exit) } => {
            format!("{client} closed after {bytes} bytes: the program ended with {exit}")
        }
        Told::Failed { client, reason, advice: None, .. } => {
            format!("{client} failed: {}", Foreign::new(reason))
        }
        Told::Failed { client, reason, advice: Some(advice), .. } => {
            format!("{client} failed: {} ({})", Foreign::new(reason), Foreign::new(advice))
        }
        Told::Stopping { open: 0 } => "stopping".to_owned(),
        Told::Stopping { open } => {
            format!("stopping; connections still open: {open} (once more stops at once)")
        }
        Told::Stopped { cut_off: 0 } => "stopped".to_owned(),
        Told::Stopped { cut_off } => format!("stopped; connections cut off: {cut_off}"),
    }
}
