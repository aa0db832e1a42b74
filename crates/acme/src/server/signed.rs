//! The sender of a request: its signature, its nonce, and the account behind them.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::nonce::Known;
use super::{Call, Inner};
use crate::jws::{Algorithm, Jwk, Jws, Signer};
use crate::protocol::{Kind, Problem};
use crate::store::{Account, AccountStatus};

/// A request whose signature is good, by an account.
pub(super) struct Signed {
    pub(super) account: Arc<Account>,
    /// The account's URL as the client writes it.
    pub(super) kid: String,
    pub(super) jws: Jws,
}

impl Inner {
    /// A request of an account that is valid.
    pub(super) fn signed(&self, call: &Call) -> Result<Signed, Problem> {
        let (jws, nonce) = self.read(call)?;
        let Signer::Id(kid) = &jws.signer else {
            return Err(Problem::malformed("this is signed by an account: kid, not jwk"));
        };
        let kid = kid.clone();
        let account = self.account_at(&kid)?;
        jws.verify(&account.key)?;
        self.use_nonce(&jws, &nonce)?;
        if account.status != AccountStatus::Valid {
            return Err(Problem::unauthorized("the account is no longer valid").status(401));
        }
        Ok(Signed { account, kid, jws })
    }

    /// A request that is signed by a key of its own.
    pub(super) fn signed_by_key(&self, call: &Call) -> Result<(Jwk, Jws), Problem> {
        let (jws, nonce) = self.read(call)?;
        let Signer::Key(key) = &jws.signer else {
            return Err(Problem::malformed("this is signed by a key: jwk, not kid"));
        };
        let key = key.clone();
        jws.verify(&key)?;
        self.use_nonce(&jws, &nonce)?;
        Ok((key, jws))
    }

    /// Whether a request is signed by a key of its own.
    pub(super) fn is_signed_by_key(call: &Call) -> bool {
        Jws::parse(&call.body).is_ok_and(|jws| matches!(jws.signer, Signer::Key(_)))
    }

    /// Reads a request and checks all but its signature.
    fn read(&self, call: &Call) -> Result<(Jws, Known), Problem> {
        if !call.is_jose {
            let what = "the Content-Type of a request is application/jose+json";
            return Err(Problem::malformed(what).status(415));
        }
        let jws = Jws::parse(&call.body)?;
        if jws.algorithm == Algorithm::HS256 {
            // Says which there are.
            return Err(jws.verify(&Jwk::Ed25519(Vec::new())).expect_err("another algorithm"));
        }
        if jws.url != call.url() {
            let shown: String = jws.url.chars().take(200).collect();
            let what =
                format!("the request is signed for {shown:?}, and was sent to {:?}", call.url());
            return Err(Problem::unauthorized(what));
        }
        let nonce = jws.nonce.as_deref();
        let nonce =
            nonce.ok_or_else(|| Problem::new(Kind::BadNonce, "the request has no nonce"))?;
        let nonce = self.nonces.check(nonce, self.now())?;
        Ok((jws, nonce))
    }

    fn use_nonce(&self, jws: &Jws, nonce: &Known) -> Result<(), Problem> {
        self.nonces.consume(jws.nonce.as_deref().unwrap_or_default(), nonce, &self.store)
    }

    /// The account of a URL, by whichever name of this server it begins with.
    fn account_at(&self, kid: &str) -> Result<Arc<Account>, Problem> {
        let none = || {
            let shown: String = kid.chars().take(200).collect();
            Problem::new(Kind::AccountDoesNotExist, format!("unknown account {shown:?}"))
        };
        let path = kid.strip_prefix("https://").and_then(|rest| rest.split_once('/'));
        let (authority, path) = path.ok_or_else(none)?;
        let host = authority.parse::<hyper::http::uri::Authority>().map_err(|_| none())?;
        let hosts = &self.settings.hosts;
        if !hosts.is_empty() && !hosts.iter().any(|one| one.eq_ignore_ascii_case(host.host())) {
            return Err(none());
        }
        let id = path.strip_prefix("acme/account/").ok_or_else(none)?;
        self.store.account(id)?.ok_or_else(none)
    }
}

/// Whether two keys are the same.
pub(super) fn same_key(one: &Jwk, other: &Jwk) -> bool {
    verify_slices_are_equal(one.thumbprint().as_bytes(), other.thumbprint().as_bytes()).is_ok()
}
