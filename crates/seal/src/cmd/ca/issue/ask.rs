//! A certificate of a `ca serve` that runs, by a token.

use base64ct::{Base64UrlUnpadded, Encoding};
use sealwire::pki::{Certificate, Csr, PrivateKey, Subject};
use sealwire::{Connector, Foreign, SecureContext};
use sealwire_acme::client::Http;
use serde_json::{Value, json};

use super::{Holder, Issue, read_request};
use crate::files::material::{public_roots, trust_in};
use crate::say::failure::Failure;
use crate::say::report::Answer;

impl Issue {
    /// Makes a key and a request, and has it signed.
    pub(super) fn ask(&self) -> Result<Answer, Failure> {
        let given = self.csr.as_deref().map(read_request).transpose()?;
        if given.is_some() && !self.names.is_empty() {
            return Err(Failure::usage("--csr: the request says the names; leave them away"));
        }
        let holder = Holder::new(self, given.as_ref())?;
        let places = self.places(&holder)?;
        let (key, csr) = match given {
            Some(csr) => (None, csr),
            None => {
                let key = PrivateKey::generate(self.key_kind)?;
                let subject = holder.subject.clone().unwrap_or_else(Subject::default);
                let csr = Csr::builder(subject).names(holder.names.iter().cloned()).sign(&key)?;
                (Some(key), csr)
            }
        };
        let mut chain = self.signed(&csr)?;
        let certificate = chain.remove(0);
        if certificate.spki_der() != csr.spki_der() {
            return Err(Failure::refused("the server's certificate is for another key"));
        }
        self.delivery(&places, &certificate, chain, key.as_ref())?.write()?;
        self.report(&places, &certificate)
    }

    /// What the server has signed: a certificate, then those above it.
    fn signed(&self, csr: &Csr) -> Result<Vec<Certificate>, Failure> {
        let server = self.server.as_deref().unwrap_or_default();
        let server = server.trim_end_matches('/').trim_end_matches("/directory");
        let token = match &self.token_file {
            Some(source) => source.read()?,
            None => return Err(Failure::usage("--token-file: missing")),
        };
        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::usage(
                "--token-file: not a token of `seal ca token new` (one line)",
            ));
        }
        let profile = self.profile.as_deref().or_else(|| self.client.then_some("client"));
        let wanted =
            json!({ "csr": Base64UrlUnpadded::encode_string(csr.der()), "profile": profile });
        let trust = trust_in(&self.server_ca)?.unwrap_or_else(public_roots);
        let context = SecureContext::builder().trust(trust).build();
        let context = context.map_err(|e| Failure::usage(format!("--server-ca: {e}")))?;
        let http = Http::new(Connector::new(context));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Failure::usage(format!("cannot start threads: {e}")))?;
        let url = format!("{server}/issue");
        let answered = runtime.block_on(http.post(&url, token, wanted.to_string().into_bytes()));
        let (status, body) = answered.map_err(|e| Failure::refused(e.to_string()))?;
        if !status.is_success() {
            return Err(Failure::refused(why_not(&url, status, &body)));
        }
        let chain = Certificate::all_from_pem(&body).map_err(|e| e.at(&url))?;
        match chain.is_empty() {
            false => Ok(chain),
            true => Err(Failure::refused(format!("{url}: the answer holds no certificate"))),
        }
    }
}

/// What the server says, in its words.
fn why_not(url: &str, status: impl std::fmt::Display, body: &[u8]) -> String {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let parts = said["subproblems"].as_array().into_iter().flatten();
    let details: Vec<_> = parts
        .chain(std::iter::once(&said))
        .filter_map(|one| Some(Foreign::new(one["detail"].as_str()?).to_string()))
        .collect();
    match details.is_empty() {
        true => format!("{url}: {status}; not a `seal ca serve`"),
        false => format!("the CA says: {}", details.join("; ")),
    }
}
