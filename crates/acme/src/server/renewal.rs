//! When to renew (RFC 9773).

use hyper::StatusCode;
use sealwire::pki::Certificate;
use serde_json::json;

use super::{Answer, Inner};
use crate::authority::renewal_window;
use crate::clock::rfc3339;
use crate::protocol::{Kind, Problem};

impl Inner {
    /// Any client may ask. A certificate to be replaced (revoked, or signed by a CA that does not sign any
    /// more) hears of a window in the past.
    pub(super) fn renewal_info(&self, id: &str) -> Result<Answer, Problem> {
        let found = self.by_renewal_id(id)?;
        let der = found.der.as_deref().unwrap_or_default();
        let certificate = Certificate::from_der(der)
            .map_err(|_| Problem::new(Kind::ServerInternal, "the certificate cannot be read"))?;
        let issuer = self.store.issuer(&found.issuer)?;
        let replaced = issuer.is_some_and(|issuer| issuer.replaced.is_some());
        let at_once = replaced || found.revoked.is_some();
        let (begin, end) = (certificate.not_before(), certificate.not_after());
        let window = renewal_window(begin, end, at_once, self.now());
        let object = json!({
            "suggestedWindow": { "start": rfc3339(window.start), "end": rfc3339(window.end) },
        });
        let retry = window.retry_after.to_string();
        Ok(Answer::json(StatusCode::OK, &object).header("retry-after", &retry))
    }
}
