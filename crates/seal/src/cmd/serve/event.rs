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
pub(super) enum Event<'a> {
    Listening {
        address: SocketAddr,
        serving: String,
        /// Where other machines reach it, when it listens on all addresses.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        reachable: Vec<SocketAddr>,
        /// Where --metrics gives them.
        #[serde(skip_serializing_if = "Option::is_none")]
        metrics: Option<SocketAddr>,
        url: Option<String>,
        certificates: &'a [ShownCertificate],
    },
    /// A bad server.
    Bad {
        address: SocketAddr,
        kind: &'static str,
        about: &'static str,
        /// What clients are to trust.
        root: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        crl: Option<String>,
    },
    /// What became of a client of it.
    Met {
        client: SocketAddr,
        outcome: String,
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
        /// What the client said, when it was the client that refused: `unknown_ca`.
        #[serde(skip_serializing_if = "Option::is_none")]
        alert: Option<&'static str>,
        reason: String,
        advice: Option<String>,
    },
    /// A client that has finished the handshake and asked for nothing.
    Left {
        client: SocketAddr,
        advice: &'static str,
    },
    /// Files or OCSP responses have changed, and what is new is used.
    Reloaded,
    /// The files have changed, and what is in them is not used.
    NotReloaded {
        reason: String,
    },
    /// The agent does not answer; its last answer stays in use.
    AgentAway {
        reason: String,
    },
    /// The agent gives again.
    AgentBack,
    /// An OCSP response was fetched.
    Stapled {
        subject: String,
        until: Option<String>,
    },
    /// None was fetched; the previous one stays in use while it is valid.
    NotStapled {
        subject: String,
        reason: String,
    },
    /// The stapled OCSP response is out of date.
    StapleStale {
        subject: String,
    },
    /// A client that would not be accepted any longer.
    CutOff {
        subject: Option<String>,
        why: &'static str,
        reason: String,
    },
    Stopping {
        open: usize,
    },
    Stopped {
        cut_off: usize,
    },
}

impl Event<'_> {
    /// A file of the folder that is withheld.
    pub(super) fn withheld(file: &Path, why: Withheld) -> Self {
        let reason = match why {
            Withheld::Ours => "used by this server for its own keys",
            Withheld::PrivateKey => "it holds a private key (--private-keys serves it)",
        };
        Self::Withheld { file: file.display().to_string(), reason }
    }
}

impl<'a> Event<'a> {
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
pub(super) struct Reporter {
    pub(super) json: bool,
}

impl Reporter {
    /// Prints a line. Serving continues when the reader has closed.
    pub(super) fn tell(self, told: &Event<'_>) {
        let line = if self.json { report::json_line(told) } else { report::lines(&text(told)) };
        let _ = writeln!(io::stdout().lock(), "{line}");
    }

    /// A connection that failed.
    pub(super) fn failed(self, client: SocketAddr, error: &sealwire::Error) {
        self.tell(&Event::Failed {
            client,
            code: error.code(),
            alert: error.alert().map(sealwire::Alert::name),
            reason: advice::sentence(error),
            advice: advice::of_client(error),
        });
    }
}

fn text(told: &Event<'_>) -> String {
    match told {
        Event::Listening { address, serving, reachable, metrics, url, certificates } => {
            let at = url.as_ref().map_or_else(String::new, |url| format!(" at {url}"));
            let mut text = format!("listening on {address}\n  {:<12}{serving}{at}", "serving");
            for address in reachable {
                let place = match url {
                    Some(_) => format!("https://{address}/"),
                    None => address.to_string(),
                };
                text += &format!("\n  {:<12}{place}", "network");
            }
            for certificate in *certificates {
                text += &format!("\n  {:<12}{certificate}", "certificate");
            }
            if let Some(metrics) = metrics {
                text += &format!("\n  {:<12}http://{metrics}/metrics", "metrics");
            }
            text
        }
        Event::Bad { address, kind, about, root, crl } => {
            let crl = crl
                .as_ref()
                .map_or_else(String::new, |crl| format!("\n  {:<12}{crl}", "revocations"));
            format!(
                "listening on {address}\n  {:<12}{kind}: {about}\n  {:<12}{root}{crl}",
                "bad", "root"
            )
        }
        Event::Met { client, outcome } => format!("{client} {}", Foreign::new(outcome)),
        Event::Connected { client, facts } => format!("{client} connected\n{facts}"),
        Event::Redirected { client, location } => {
            format!("{client} used plain HTTP: redirected to {}", Foreign::new(location))
        }
        Event::Request { client, http, method, target, status, bytes } => {
            let bytes = bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
            format!("{client} {http} {method} {} {status} {bytes}", Foreign::new(target))
        }
        Event::Withheld { file, reason } => {
            format!("{} withheld: {reason}", Foreign::new(file))
        }
        Event::Closed { client, bytes, exit: None } => {
            format!("{client} closed after {bytes} bytes")
        }
        Event::Closed { client, bytes, exit: Some(exit) } => {
            format!("{client} closed after {bytes} bytes: the program ended with {exit}")
        }
        Event::Failed { client, reason, advice: None, .. } => {
            format!("{client} failed: {}", Foreign::new(reason))
        }
        Event::Failed { client, reason, advice: Some(advice), .. } => {
            format!("{client} failed: {} ({})", Foreign::new(reason), Foreign::new(advice))
        }
        Event::Left { client, advice } => format!("{client} left without a request ({advice})"),
        Event::Reloaded => "changed files loaded".to_owned(),
        Event::NotReloaded { reason } => {
            format!("changed files not loaded: {}; keeping the previous ones", Foreign::new(reason))
        }
        Event::AgentAway { reason } => {
            format!("SPIFFE agent unreachable: {}; keeping its last identity", Foreign::new(reason))
        }
        Event::AgentBack => "SPIFFE agent reachable again".to_owned(),
        Event::Stapled { subject, until } => {
            let until = until.as_deref().unwrap_or("it does not say when");
            format!("{} has another OCSP response, valid until {until}", Foreign::new(subject))
        }
        Event::NotStapled { subject, reason } => {
            format!("{} has no new OCSP response: {}", Foreign::new(subject), Foreign::new(reason))
        }
        Event::StapleStale { subject } => {
            format!("the OCSP response of {} is out of date", Foreign::new(subject))
        }
        Event::CutOff { subject, reason, .. } => {
            let subject = subject.as_deref().unwrap_or("a client without a certificate");
            format!("{} is closed: {}", Foreign::new(subject), Foreign::new(reason))
        }
        Event::Stopping { open: 0 } => "stopping".to_owned(),
        Event::Stopping { open } => {
            format!("stopping; connections still open: {open} (once more stops at once)")
        }
        Event::Stopped { cut_off: 0 } => "stopped".to_owned(),
        Event::Stopped { cut_off } => format!("stopped; connections cut off: {cut_off}"),
    }
}
