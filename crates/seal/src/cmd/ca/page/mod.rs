//! The page of `ca serve`: what was issued, what expires, what has failed, and a button to revoke. It is
//! behind the same door as the debugging proxy's.

use std::sync::Arc;

use hyper::Method;
use hyper::Request;
use hyper::body::Incoming;
use sealwire::pki::RevocationReason;
use sealwire_acme::clock::rfc3339;
use sealwire_acme::server::Server;
use sealwire_acme::store::{Error, Failed, Filter, Issued, Store};
use sealwire_lens::door::{Answer, Answering, Page, Query, Token, body, failure, json as answer};
use sealwire_lens::ui;
use serde::Deserialize;
use serde_json::{Value, json};

/// What the page shows.
pub(super) struct CaPage {
    pub(super) server: Server,
    /// Where clients find the CA.
    pub(super) directory: String,
    /// Where it is recorded.
    pub(super) database: String,
    pub(super) token: Token,
}

/// Lines of a list: more than a person reads.
const MOST: i64 = 200;

/// A number and a reason.
const LONGEST: usize = 4096;

impl Page for CaPage {
    fn token(&self) -> &Token {
        &self.token
    }

    fn printed_by(&self) -> &'static str {
        "seal ca serve"
    }

    fn file(&self, path: &str) -> Option<(&'static str, &'static [u8])> {
        const JS: &str = "text/javascript; charset=utf-8";
        Some(match path {
            "/" => ("text/html; charset=utf-8", include_bytes!("ui/index.html")),
            "/ca.css" => ("text/css; charset=utf-8", include_bytes!("ui/ca.css")),
            "/ca.js" => (JS, include_bytes!("ui/ca.js")),
            _ => return ui::shared(path),
        })
    }

    fn answer(self: Arc<Self>, path: String, request: Request<Incoming>) -> Answering {
        Box::pin(async move {
            match (request.method(), path.as_str()) {
                (&Method::GET, _) => {
                    let query = request.uri().query().unwrap_or_default().to_owned();
                    let read =
                        tokio::task::spawn_blocking(move || self.read(&path, &Query::read(&query)));
                    read.await.unwrap_or_else(|_| failure(500, "reading failed"))
                }
                (&Method::POST, "revoke") => match body(request, LONGEST).await {
                    Ok(body) => {
                        let revoked = tokio::task::spawn_blocking(move || self.revoke(&body));
                        revoked.await.unwrap_or_else(|_| failure(500, "revoking failed"))
                    }
                    Err(answer) => *answer,
                },
                _ => failure(405, "only GET, and POST to revoke"),
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    serial: String,
    reason: String,
}

impl CaPage {
    fn read(&self, path: &str, query: &Query) -> Answer {
        let store = self.server.store();
        let read = match path {
            "ca" => self.about(),
            "certificates" => certificates(store, query),
            "failed" => store.failures(MOST).map(|all| all.iter().map(failed).collect()),
            _ => return failure(404, "not found"),
        };
        read.map_or_else(|e| failure(500, e.to_string()), |value| answer(&value))
    }

    fn about(&self) -> Result<Value, Error> {
        let counts = self.server.store().counts()?;
        let signer = self.server.authority().signer();
        Ok(json!({
            "directory": self.directory,
            "database": self.database,
            "issuer": signer.certificate().subject().to_string(),
            "issuer_not_after": rfc3339(signer.not_after()),
            "issued": counts.issued,
            "valid": counts.valid,
            "revoked": counts.revoked,
            "expiring": counts.expiring,
        }))
    }

    fn revoke(&self, body: &[u8]) -> Answer {
        let wanted: Revoke = match serde_json::from_slice(body) {
            Ok(wanted) => wanted,
            Err(e) => return failure(400, e.to_string()),
        };
        let Ok(reason) = wanted.reason.parse::<RevocationReason>() else {
            return failure(400, "no such reason");
        };
        let store = self.server.store();
        let failed = |e: Error| failure(500, e.to_string());
        let found = match store.certificate(&wanted.serial) {
            Ok(Some(found)) if found.der.is_some() => found,
            Ok(_) => return failure(404, "no such certificate"),
            Err(e) => return failed(e),
        };
        if self.server.authority().signer_of(&found.issuer).is_none() {
            // Its list is signed with another key, which is not here.
            return failure(409, "not issued by this server: revoke it with `seal ca revoke`");
        }
        match store.revoke(&wanted.serial, reason, "the page") {
            Ok(true) => answer(&json!({ "revoked": wanted.serial })),
            Ok(false) => failure(409, "it is revoked already"),
            Err(e) => failed(e),
        }
    }
}

fn certificates(store: &Store, query: &Query) -> Result<Value, Error> {
    let now = store.clock().now();
    let found = match (query.get("find").unwrap_or_default().trim(), query.get("state")) {
        ("", Some("expiring")) => {
            let days = query.number("days", 1).clamp(0, 3650);
            store.certificates(Filter::ExpiringBefore(now + days * 86_400), MOST)
        }
        ("", Some("revoked")) => store.certificates(Filter::Revoked, MOST),
        ("", _) => store.certificates(Filter::All, MOST),
        (text, _) => store.find(text, MOST),
    }?;
    Ok(found.iter().map(|one| certificate(one, now)).collect())
}

fn certificate(one: &Issued, now: i64) -> Value {
    let state = match (&one.revoked, one.not_after <= now, &one.replaced) {
        (Some(_), ..) => "revoked",
        (None, true, _) => "expired",
        (None, false, Some(_)) => "replaced",
        _ => "valid",
    };
    json!({
        "serial": one.serial,
        "names": one.names,
        "subject": one.subject,
        "by": one.account,
        "created": rfc3339(one.created),
        "not_after": rfc3339(one.not_after),
        "left": one.not_after - now,
        "state": state,
        "revoked": one.revoked.map(|(time, _)| rfc3339(time)),
        "reason": one.revoked.map(|(_, reason)| reason.to_string()),
    })
}

fn failed(one: &Failed) -> Value {
    let Failed { time, account, names, what, why } = one;
    json!({ "time": rfc3339(*time), "by": account, "names": names, "what": what, "why": why })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_small_and_makes_no_markup_of_text() {
        let files: [&[u8]; 3] = [
            include_bytes!("ui/index.html"),
            include_bytes!("ui/ca.css"),
            include_bytes!("ui/ca.js"),
        ];
        assert!(files.iter().map(|file| file.len()).sum::<usize>() <= 24 * 1024);
        for file in files {
            let text = std::str::from_utf8(file).expect("text");
            for way in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("] {
                assert!(!text.contains(way), "{way}");
            }
        }
    }
}
