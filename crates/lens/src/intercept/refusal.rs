//! The response to a client when the origin gave none: the party at fault, the
//! facts, what to do. For people in a browser, and as text.

use std::fmt::Write as _;

use bytes::Bytes;
use sealwire::{Error, Foreign};

use super::dial::Unreachable;
use super::{Target, advice};

/// Why there is no answer of the origin's.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) origin: String,
    /// One line.
    pub(crate) reason: String,
    /// Node's and OpenSSL's name for it.
    pub(crate) code: Option<String>,
    pub(crate) facts: Vec<String>,
    pub(crate) advice: Vec<String>,
}

impl Refusal {
    pub(crate) fn unreachable(target: &Target, error: &Unreachable) -> Self {
        Self {
            origin: target.to_string(),
            reason: error.why.clone(),
            code: None,
            facts: Vec::new(),
            advice: Vec::new(),
        }
    }

    /// The handshake with the origin failed; `asked` has the CAs that it accepts certificates of.
    pub(crate) fn tls(target: &Target, error: &Error, asked: Option<&[String]>) -> Self {
        let reason = match error {
            Error::PeerRefused(refusal) => refusal.evidence().to_owned(),
            _ => error.to_string(),
        };
        let mut facts = Vec::new();
        if let Error::PeerRefused(refusal) = error {
            facts.extend(refusal.findings().iter().map(ToString::to_string));
            for (depth, certificate) in refusal.chain().iter().enumerate() {
                facts.push(format!(
                    "certificate {depth}: {}, issued by {}",
                    certificate.subject(),
                    certificate.issuer()
                ));
            }
        }
        match asked {
            Some([]) => facts.push("it requests a client certificate, of any CA".to_owned()),
            Some(names) => {
                facts.push(format!("it accepts client certificates of: {}", names.join("; ")));
            }
            None => {}
        }
        Self {
            origin: target.to_string(),
            reason,
            code: Some(error.code().to_owned()),
            facts,
            advice: advice::for_origin(error, asked.is_some())
                .map(str::to_owned)
                .into_iter()
                .collect(),
        }
    }

    /// What a client is told of an origin that failed before it answered. `None`: nothing, its connection is
    /// closed as the origin closed. An origin that asked for a certificate is told of however it failed:
    /// a server that resets loses its own alert.
    pub(crate) fn before_answer(
        target: &Target,
        error: &Error,
        asked: Option<&[String]>,
    ) -> Option<Self> {
        let told = asked.is_some() || !matches!(error, Error::Io(_));
        told.then(|| Self::tls(target, error, asked))
    }

    pub(crate) fn other(target: &Target, reason: impl Into<String>) -> Self {
        Self {
            origin: target.to_string(),
            reason: reason.into(),
            code: None,
            facts: Vec::new(),
            advice: Vec::new(),
        }
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        match &self.code {
            Some(code) => format!("{} [{code}]", self.reason),
            None => self.reason.clone(),
        }
    }

    /// The page for a client that takes HTML, or the text for others, and its type.
    pub(crate) fn page(&self, html: bool) -> (&'static str, Bytes) {
        match html {
            true => ("text/html; charset=utf-8", self.html().into()),
            false => ("text/plain; charset=utf-8", self.text().into()),
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "The proxy got no response from {}: {}\n",
            Foreign::new(&self.origin),
            Foreign::new(&self.reason)
        );
        if let Some(code) = &self.code {
            let _ = writeln!(text, "code: {code}");
        }
        for fact in &self.facts {
            let _ = writeln!(text, "fact: {}", Foreign::new(fact));
        }
        for advice in &self.advice {
            let _ = writeln!(text, "what to do: {advice}");
        }
        text
    }

    fn html(&self) -> String {
        let escape = |text: &str| {
            let text = Foreign::new(text).to_string();
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
        };
        let mut page = String::from(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>502: no answer</title>\
             <style>body{font:16px/1.5 system-ui,sans-serif;max-width:46em;margin:3em auto;\
             padding:0 1em;color-scheme:light dark}code{font-size:.95em}</style>\n",
        );
        let _ = writeln!(
            page,
            "<h1>No answer of {}</h1>\n<p>{}</p>",
            escape(&self.origin),
            escape(&self.reason)
        );
        if let Some(code) = &self.code {
            let _ = writeln!(page, "<p><code>{}</code></p>", escape(code));
        }
        if !self.facts.is_empty() {
            let facts: String =
                self.facts.iter().map(|fact| format!("<li>{}</li>\n", escape(fact))).collect();
            let _ = writeln!(page, "<ul>\n{facts}</ul>");
        }
        for advice in &self.advice {
            let _ = writeln!(page, "<p><strong>What to do:</strong> {}</p>", escape(advice));
        }
        page.push_str(
            "<p><small>This page is the debugging proxy's, not the site's.</small></p>\n",
        );
        page
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn what_others_say_is_inert() {
        let refusal = Refusal {
            origin: "a.test:443".to_owned(),
            reason: "<script>\x1b[2J".to_owned(),
            code: None,
            facts: vec!["a & b".to_owned()],
            advice: Vec::new(),
        };
        let (_, html) = refusal.page(true);
        let html = std::str::from_utf8(&html).unwrap();
        assert!(html.contains("&lt;script&gt;\\u{1b}[2J") && html.contains("a &amp; b"), "{html}");
        let (_, text) = refusal.page(false);
        assert!(!text.contains(&0x1b));
    }
}
