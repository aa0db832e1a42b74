//! OCSP responses that are fetched from the responders which our certificates name, and kept fresh.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sealwire::Identity;
use sealwire::live::Staples;
use sealwire::pki::{Certificate, OcspAnswer, ocsp_request};

use crate::say::failure::Failure;
use crate::words::clock;

/// How long a responder may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest response: some hold a chain of the responder's.
const LONGEST: usize = 64 * 1024;

/// When it is tried again after a failure; each further one doubles it, up to the last.
const AGAIN: i64 = 30;
const AGAIN_AT_MOST: i64 = 600;

/// When a response that says no nextUpdate is fetched again.
const WITHOUT_END: i64 = 3600;

/// How often [`Stapler::look`] has something to do.
pub(crate) const LOOK: Duration = Duration::from_secs(10);

/// Looks after the responses that are stapled to our certificates.
#[derive(Default)]
pub(crate) struct Stapler {
    /// Those that were fetched.
    pub(crate) staples: Staples,
    /// By certificate, DER.
    known: Mutex<HashMap<Vec<u8>, Known>>,
}

/// What is known of a certificate's responses, besides the last.
#[derive(Debug, Clone, Default)]
struct Known {
    /// When to fetch, in seconds since 1970.
    due: i64,
    failures: u32,
    /// Whether what is stapled is what was fetched.
    is_fetched: bool,
    told_stale: bool,
}

/// What happened to a certificate's response.
#[derive(Debug)]
pub(crate) enum News {
    Fetched {
        subject: String,
        /// Until when it is good, in seconds since 1970.
        until: Option<i64>,
    },
    /// The responder is away, or its response is unusable; the previous one stays in use while it is valid.
    Failed { subject: String, reason: String },
    /// It is out of date. One that was fetched is not stapled any longer.
    Stale { subject: String },
}

/// How it stands.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    pub(crate) news: Vec<News>,
    /// Whether [`Stapler::staples`] has changed.
    pub(crate) changed: bool,
    /// Number of certificates that need a response and have no valid one.
    pub(crate) lacking: i64,
    /// When the first of those that are stapled is out of date, in seconds since 1970.
    pub(crate) until: Option<i64>,
}

impl Stapler {
    /// Fetches what is due, if it is to `fetch`, and says what has changed.
    pub(crate) async fn look(&self, identities: &[Identity], fetch: bool) -> Looked {
        let mut looked = Looked::default();
        let mut seen = HashSet::new();
        for identity in identities {
            if seen.insert(identity.leaf().der()) {
                self.look_at(identity, fetch, &mut looked).await;
            }
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|leaf, _| seen.contains(leaf.as_slice()));
        looked
    }

    async fn look_at(&self, identity: &Identity, fetch: bool, looked: &mut Looked) {
        let (leaf, now) = (identity.leaf(), clock::now());
        let subject = || leaf.subject().to_string();
        let mut known = self.known(leaf);
        let from_file = identity.ocsp_response().is_some() && !known.is_fetched;
        let wanted = fetch && !from_file && (demanded(identity) || asked(identity).is_ok());
        if wanted && known.due <= now {
            match fetched(identity, now).await {
                Ok((response, answer)) => {
                    self.staples.put(leaf, response);
                    looked.changed = true;
                    let until = answer.next_update;
                    let due = next_time(&answer, now);
                    known = Known { due, is_fetched: true, ..Known::default() };
                    looked.news.push(News::Fetched { subject: subject(), until });
                }
                Err(reason) => {
                    let wait = AGAIN.saturating_mul(1 << known.failures.min(10));
                    known.due = now.saturating_add(wait.min(AGAIN_AT_MOST));
                    known.failures += 1;
                    looked.news.push(News::Failed { subject: subject(), reason });
                }
            }
        }
        let stapled = match self.staples.response(leaf) {
            Some(response) => Some(identity.clone().with_ocsp_response(response)),
            None => Some(identity.clone()).filter(|_| !known.is_fetched),
        };
        match stapled.and_then(|one| one.ocsp_answer()) {
            Some(answer) if answer.next_update.is_none_or(|until| now < until) => {
                known.told_stale = false;
                let first = |until: i64| looked.until.map_or(until, |first| first.min(until));
                looked.until = answer.next_update.map(first).or(looked.until);
            }
            Some(_) => {
                looked.lacking += 1;
                if known.is_fetched {
                    self.staples.remove(leaf);
                    looked.changed = true;
                }
                if !known.told_stale {
                    looked.news.push(News::Stale { subject: subject() });
                }
                known.told_stale = true;
            }
            None if wanted || demanded(identity) => looked.lacking += 1,
            None => {}
        }
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(leaf.der().to_vec(), known);
    }

    fn known(&self, leaf: &Certificate) -> Known {
        let all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(leaf.der()).cloned().unwrap_or_default()
    }
}

/// Whether servers with these identities have, or will fetch, what their certificates demand of them.
///
/// # Errors
/// When a certificate demands a stapled OCSP response, and none is available.
pub(crate) fn check_demands(identities: &[Identity], fetch: bool) -> Result<(), Failure> {
    let lacks = |one: &&Identity| demanded(one) && one.ocsp_response().is_none();
    for identity in identities.iter().filter(lacks) {
        let subject = identity.leaf().subject();
        let demands = format!(
            "the certificate of {subject} requires a stapled OCSP response (must-staple), but none is available"
        );
        match (fetch, asked(identity)) {
            (true, Ok(_)) => {}
            (true, Err(reason)) => {
                return Err(Failure::usage(format!("{demands}: {reason}")));
            }
            (false, _) => {
                let fact = format!("{demands}: clients with GnuTLS would refuse this server");
                return Err(Failure::usage(fact).advise(
                    "--ocsp-fetch fetches and renews it, --ocsp gives one; or have the certificate reissued without it",
                ));
            }
        }
    }
    Ok(())
}

/// The ports of the responders that these certificates name.
pub(crate) fn responder_ports(identities: &[Identity]) -> impl Iterator<Item = u16> {
    let urls = identities.iter().filter_map(|identity| asked(identity).ok());
    urls.map(|(url, _)| url.port_u16().unwrap_or(80))
}

fn demanded(identity: &Identity) -> bool {
    identity.leaf().demands_staple()
}

/// The responder of a certificate, and its issuer.
fn asked(identity: &Identity) -> Result<(Uri, &Certificate), String> {
    let leaf = identity.leaf();
    let named = leaf.authority_info_access().into_iter();
    let mut named = named.filter(|(method, _)| method == OCSP).map(|(_, url)| url);
    let url = named.next().ok_or("no OCSP responder in the certificate")?;
    let parsed = url.parse::<Uri>().ok();
    let url = parsed.filter(|url| url.scheme_str() == Some("http") && url.host().is_some());
    let url = url.ok_or("its OCSP responder is not at an http:// URL")?;
    let issuer = identity.issuer().ok_or(
        "its issuer's certificate does not follow it in the file, and an OCSP request needs it",
    )?;
    Ok((url, issuer))
}

/// A response that is good for this identity, and what it says.
async fn fetched(identity: &Identity, now: i64) -> Result<(Vec<u8>, OcspAnswer), String> {
    let (url, issuer) = asked(identity)?;
    let request = ocsp_request(identity.leaf(), issuer).map_err(|e| e.to_string())?;
    let answered = tokio::time::timeout(PATIENCE, post(url.clone(), request)).await;
    let response = answered
        .unwrap_or_else(|_| Err(format!("no answer in {} s", PATIENCE.as_secs())))
        .map_err(|reason| format!("{url}: {reason}"))?;
    let stapled = identity.clone().stapling(&response, now);
    let answer = stapled.map_err(|e| format!("{url}: {e}"))?.ocsp_answer();
    answer.map(|answer| (response, answer)).ok_or_else(|| format!("{url}: empty response"))
}

async fn post(url: Uri, request: Vec<u8>) -> Result<Vec<u8>, String> {
    let mut request = Request::new(Full::new(Bytes::from(request)));
    *request.method_mut() = hyper::Method::POST;
    *request.uri_mut() = url;
    let kind = HeaderValue::from_static("application/ocsp-request");
    request.headers_mut().insert(CONTENT_TYPE, kind);
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let cause = |e: hyper_util::client::legacy::Error| match std::error::Error::source(&e) {
        Some(source) => source.to_string(),
        None => e.to_string(),
    };
    let response = client.request(request).await.map_err(cause)?;
    if response.status() != StatusCode::OK {
        return Err(format!("HTTP status {}", response.status()));
    }
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    Ok(body.map_err(|e| e.to_string())?.to_bytes().to_vec())
}

/// Method of authorityInfoAccess, by OpenSSL's name.
const OCSP: &str = "OCSP";

/// Half of the time that is left: a responder may be away for the other half.
fn next_time(answer: &OcspAnswer, now: i64) -> i64 {
    match answer.next_update {
        Some(until) => now.saturating_add((until.saturating_sub(now) / 2).max(AGAIN)),
        None => now.saturating_add(WITHOUT_END),
    }
}
