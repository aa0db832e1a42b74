//! Another key for an account (RFC 8555, section 7.3.5).

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::signed::same_key;
use super::{Answer, Call, Inner};
use crate::jws::{Jwk, Jws, Signer};
use crate::protocol::Problem;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyChange {
    account: String,
    old_key: serde_json::Value,
}

impl Inner {
    /// The outer request is signed by the old key, the inner one by the new.
    pub(super) fn key_change(&self, call: &Call) -> Result<Answer, Problem> {
        let signed = self.signed(call)?;
        let inner = Jws::from_value(signed.jws.payload()?)?;
        let Signer::Key(new) = &inner.signer else {
            return Err(Problem::malformed("the inner JWS is signed by the new key: jwk"));
        };
        inner.verify(new)?;
        if inner.url != signed.jws.url || inner.nonce.is_some() {
            let what = "the inner JWS has the url of the outer one, and no nonce";
            return Err(Problem::malformed(what));
        }
        let change: KeyChange = inner.payload()?;
        if change.account != signed.kid {
            return Err(Problem::malformed("the inner JWS names another account"));
        }
        if !same_key(&Jwk::from_value(change.old_key)?, &signed.account.key) {
            return Err(Problem::malformed("oldKey is not the account's key"));
        }
        if let Some(other) = self.store.account_of_key(&new.thumbprint())? {
            let problem = Problem::malformed("the new key has an account already").status(409);
            let location = format!("{}/acme/account/{}", call.base, other.id);
            return Ok(Answer::problem(&problem).header("location", &location));
        }
        let changed = self.store.change_account(&signed.account.id, "key changed", |account| {
            account.key = new.clone();
        })?;
        let account = changed.ok_or_else(|| Problem::not_found("account"))?;
        Ok(Answer::json(
            StatusCode::OK,
            &json!({ "status": account.status, "contact": account.contact }),
        ))
    }
}
