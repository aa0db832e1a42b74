//! Accounts (RFC 8555, section 7.3).

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::signed::same_key;
use super::{Answer, Call, Inner};
use crate::jws::{Jwk, Jws, Signer, from_base64url};
use crate::protocol::{Kind, Problem};
use crate::store::{Account, AccountRules, AccountStatus, Made, random_id};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewAccount {
    #[serde(default)]
    contact: Vec<String>,
    #[serde(default)]
    only_return_existing: bool,
    external_account_binding: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Update {
    contact: Option<Vec<String>>,
    status: Option<String>,
}

/// Orders on a page of an account's list.
const ORDERS: i64 = 100;

impl Inner {
    pub(super) fn new_account(&self, call: &Call) -> Result<Answer, Problem> {
        let (key, jws) = self.signed_by_key(call)?;
        let wanted: NewAccount = jws.payload()?;
        if let Some(account) = self.store.account_of_key(&key.thumbprint())? {
            return existing(call, &account);
        }
        if wanted.only_return_existing {
            let what = "no account exists for this key";
            return Err(Problem::new(Kind::AccountDoesNotExist, what));
        }
        check_contacts(&wanted.contact)?;
        let bound = match &wanted.external_account_binding {
            Some(binding) => Some(self.check_binding(binding.clone(), &key, call)?),
            None if self.settings.eab_required => {
                let what = "this server requires external account binding (EAB); the CA's operator creates a key with `seal ca eab new`";
                return Err(Problem::new(Kind::ExternalAccountRequired, what));
            }
            None => None,
        };
        let (eab, rules) = bound.map_or_else(Default::default, |(kid, rules)| (Some(kid), rules));
        let account = Account {
            id: random_id()?,
            key,
            status: AccountStatus::Valid,
            contact: wanted.contact,
            created: self.now(),
            eab,
            rules,
        };
        match self.store.create_account(&account)? {
            Made::Done => Ok(shown(StatusCode::CREATED, call, &account)),
            Made::EabTaken => {
                Err(Problem::unauthorized("this EAB key was already used for an account"))
            }
            // Two requests at once: the other one made it.
            Made::KeyTaken => match self.store.account_of_key(&account.key.thumbprint())? {
                Some(account) => existing(call, &account),
                None => Err(Problem::malformed("the key is in use")),
            },
        }
    }

    /// The EAB key that signed for `key`, and what it lets its account ask for.
    fn check_binding(
        &self,
        binding: serde_json::Value,
        key: &Jwk,
        call: &Call,
    ) -> Result<(String, AccountRules), Problem> {
        let binding = Jws::from_value(binding)?;
        let Signer::Id(kid) = &binding.signer else {
            return Err(Problem::malformed("external account binding requires a kid"));
        };
        if binding.nonce.is_some() || binding.url != call.url() {
            let what = "external account binding must have no nonce, and the same url";
            return Err(Problem::malformed(what));
        }
        let known = self.store.eab(kid)?;
        let known = known.ok_or_else(|| Problem::unauthorized("unknown EAB key"))?;
        let secret = from_base64url(&known.secret)
            .ok_or_else(|| Problem::new(Kind::ServerInternal, "the EAB key cannot be read"))?;
        binding.verify_hmac(&secret)?;
        let bound = Jwk::from_value(binding.payload()?)?;
        if !same_key(&bound, key) {
            return Err(Problem::malformed("the external account is bound to another key"));
        }
        if known.account.is_some() {
            return Err(Problem::unauthorized("this EAB key was already used for an account"));
        }
        Ok((known.kid, known.rules))
    }

    pub(super) fn account(&self, call: &Call, id: &str) -> Result<Answer, Problem> {
        let signed = self.signed(call)?;
        if signed.account.id != id {
            return Err(Problem::unauthorized(
                "the request is not signed with the key of this account",
            ));
        }
        if signed.jws.is_post_as_get() {
            return Ok(shown(StatusCode::OK, call, &signed.account));
        }
        let update: Update = signed.jws.payload()?;
        if let Some(contacts) = &update.contact {
            check_contacts(contacts)?;
        }
        let what = match update.status.as_deref() {
            None | Some("valid") => "contacts",
            Some("deactivated") => "deactivated",
            Some(_) => return Err(Problem::malformed("an account can only be deactivated")),
        };
        if update.contact.is_none() && what == "contacts" {
            return Ok(shown(StatusCode::OK, call, &signed.account));
        }
        let changed = self.store.change_account(id, what, |account| {
            if let Some(contacts) = &update.contact {
                account.contact.clone_from(contacts);
            }
            if what == "deactivated" {
                account.status = AccountStatus::Deactivated;
            }
        })?;
        let changed = changed.ok_or_else(|| Problem::not_found("account"))?;
        Ok(shown(StatusCode::OK, call, &changed))
    }

    pub(super) fn orders(&self, call: &Call, id: &str) -> Result<Answer, Problem> {
        let signed = self.signed(call)?;
        if signed.account.id != id {
            return Err(Problem::unauthorized("these orders belong to another account"));
        }
        let after = call.query.as_deref().and_then(|query| query.strip_prefix("after="));
        let ids = self.store.orders_of(id, after.unwrap_or(""), ORDERS)?;
        let urls: Vec<_> = ids.iter().map(|id| format!("{}/acme/order/{id}", call.base)).collect();
        let answer = Answer::json(StatusCode::OK, &json!({ "orders": urls }));
        Ok(match ids.last().filter(|_| ids.len() as i64 == ORDERS) {
            Some(last) => {
                let next = format!("<{}/acme/orders/{id}?after={last}>;rel=\"next\"", call.base);
                answer.header("link", &next)
            }
            None => answer,
        })
    }
}

fn existing(call: &Call, account: &Account) -> Result<Answer, Problem> {
    match account.status {
        AccountStatus::Valid => Ok(shown(StatusCode::OK, call, account)),
        _ => Err(Problem::unauthorized("the account of this key is no longer valid").status(401)),
    }
}

fn shown(status: StatusCode, call: &Call, account: &Account) -> Answer {
    let object = json!({
        "status": account.status,
        "contact": account.contact,
        "orders": format!("{}/acme/orders/{}", call.base, account.id),
    });
    let location = format!("{}/acme/account/{}", call.base, account.id);
    Answer::json(status, &object).header("location", &location)
}

fn check_contacts(contacts: &[String]) -> Result<(), Problem> {
    const MOST: usize = 10;
    if contacts.len() > MOST {
        return Err(Problem::new(Kind::InvalidContact, format!("more than {MOST} contacts")));
    }
    for contact in contacts {
        let shown: String = contact.chars().take(100).collect();
        let Some(mailbox) = contact.strip_prefix("mailto:") else {
            let what = format!("{shown:?}: a contact must be a mailto: URL");
            return Err(Problem::new(Kind::UnsupportedContact, what));
        };
        let plain = mailbox.len() <= 254 && !mailbox.contains(['?', ',', ' ', '\r', '\n']);
        let split = mailbox.split_once('@');
        if !plain || !split.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()) {
            let what = format!("{shown:?} is not one mailbox");
            return Err(Problem::new(Kind::InvalidContact, what));
        }
    }
    Ok(())
}
