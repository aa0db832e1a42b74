//! Orders (RFC 8555, section 7.4): whose names may be had, and what has to be proved.

use std::collections::BTreeSet;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::signed::Signed;
use super::{Answer, Call, Inner};
use crate::clock::{Seconds, parse_rfc3339, rfc3339};
use crate::protocol::{Asked, Identifier, Kind, Problem};
use crate::store::{Authz, AuthzStatus, Order, OrderStatus, random_id};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    identifiers: Vec<Asked>,
    not_before: Option<String>,
    not_after: Option<String>,
    profile: Option<String>,
    replaces: Option<String>,
}

/// As many names as public CAs take.
const MOST_NAMES: usize = 100;

/// How long an order may take.
const ORDERS_LAST: Seconds = 86_400;

impl Inner {
    pub(super) fn new_order(&self, call: &Call) -> Result<Answer, Problem> {
        let signed = self.signed(call)?;
        let wanted: NewOrder = signed.jws.payload()?;
        let identifiers = self.check_names(&wanted.identifiers, &signed)?;
        let profile = self.check_profile(wanted.profile.as_deref(), &signed)?;
        let replaces = match &wanted.replaces {
            Some(id) => Some(self.check_replaced(id, &identifiers, &signed)?),
            None => None,
        };
        let now = self.now();
        let (authorizations, new) = self.authorizations(&identifiers, &signed.account.id, now)?;
        let order = Order {
            id: random_id()?,
            account: signed.account.id.clone(),
            status: if new.is_empty() { OrderStatus::Ready } else { OrderStatus::Pending },
            created: now,
            expires: now + ORDERS_LAST,
            identifiers,
            authorizations,
            profile,
            replaces,
            replaces_id: wanted.replaces,
            not_before: time("notBefore", wanted.not_before.as_deref())?,
            not_after: time("notAfter", wanted.not_after.as_deref())?,
            error: None,
            csr: None,
            serial: None,
            claimed: None,
        };
        if order.not_after.is_some_and(|end| end <= order.not_before.unwrap_or(now)) {
            return Err(Problem::malformed("notAfter is before the certificate would be valid"));
        }
        self.store.create_order(&order, &new)?;
        Ok(shown(StatusCode::CREATED, call, &order))
    }

    /// The names, each once, which this account may have from this CA.
    fn check_names(&self, asked: &[Asked], signed: &Signed) -> Result<Vec<Identifier>, Problem> {
        if asked.is_empty() || asked.len() > MOST_NAMES {
            let what = format!("an order is for 1 to {MOST_NAMES} names");
            return Err(Problem::malformed(what));
        }
        let signer = self.authority.signer();
        let mut names = BTreeSet::new();
        let mut problems = Vec::new();
        for one in asked {
            let identifier = match one.check() {
                Ok(identifier) => identifier,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            let refused = if !signer.may_sign_for(&identifier) {
                Some("outside the name constraints of this CA".to_owned())
            } else if !self.settings.names.permit(&identifier) {
                Some(format!("this server certifies names below {} only", self.settings.names))
            } else if !signed.account.rules.names.permit(&identifier) {
                let rules = &signed.account.rules.names;
                Some(format!("this account may have names below {rules} only"))
            } else {
                None
            };
            match refused {
                Some(why) => {
                    let what = format!("{identifier}: {why}");
                    let problem = Problem::new(Kind::RejectedIdentifier, what);
                    problems.push(problem.about(&identifier));
                }
                None => {
                    names.insert(identifier);
                }
            }
        }
        Problem::all(problems)?;
        Ok(names.into_iter().collect())
    }

    fn check_profile(&self, wanted: Option<&str>, signed: &Signed) -> Result<String, Problem> {
        let permitted = &signed.account.rules.profiles;
        let may = |name: &str| permitted.is_empty() || permitted.iter().any(|one| one == name);
        let all = || self.settings.profiles.iter().filter(|profile| may(profile.name()));
        let found = match wanted {
            Some(name) => all().find(|profile| profile.name() == name),
            None => all().next(),
        };
        found.map(|profile| profile.name().to_owned()).ok_or_else(|| {
            let names: Vec<_> = all().map(|profile| profile.name()).collect();
            let shown: String = wanted.unwrap_or("none").chars().take(60).collect();
            let what = format!("profile {shown:?}: this account may order {}", names.join(", "));
            Problem::new(Kind::InvalidProfile, what)
        })
    }

    /// The serial number of the certificate that is to be replaced (RFC 9773, section 5).
    fn check_replaced(
        &self,
        id: &str,
        identifiers: &[Identifier],
        signed: &Signed,
    ) -> Result<String, Problem> {
        let replaced = self.by_renewal_id(id)?;
        if replaced.account.as_deref() != Some(signed.account.id.as_str()) {
            return Err(Problem::malformed("replaces: the certificate is of another account"));
        }
        if replaced.replaced.is_some() {
            let what = "replaces: the certificate was replaced before";
            return Err(Problem::new(Kind::AlreadyReplaced, what));
        }
        let shares = replaced
            .names
            .split(' ')
            .any(|name| identifiers.iter().any(|identifier| identifier.to_string() == name));
        if !shares {
            return Err(Problem::malformed(
                "replaces: the certificate names none of the identifiers of this order",
            ));
        }
        Ok(replaced.serial)
    }

    /// The authorizations of an order, and which of them are new. None new: all is proved.
    fn authorizations(
        &self,
        identifiers: &[Identifier],
        account: &str,
        now: Seconds,
    ) -> Result<(Vec<String>, Vec<Authz>), Problem> {
        const SPARE: Seconds = 60;
        let (mut all, mut new) = (Vec::new(), Vec::new());
        for identifier in identifiers {
            let (host, wildcard) = identifier.without_wildcard();
            let known = match self.settings.proofs_last {
                0 => None,
                _ => self.store.authz_for(account, &host, wildcard, now + SPARE)?,
            };
            let id = match known {
                Some(authz) => authz.id,
                None => {
                    let authz = self.new_authz(account, host, wildcard, now + ORDERS_LAST)?;
                    let id = authz.id.clone();
                    new.push(authz);
                    id
                }
            };
            all.push(id);
        }
        Ok((all, new))
    }

    pub(super) fn order(&self, call: &Call, id: &str) -> Result<Answer, Problem> {
        let signed = self.signed(call)?;
        let order = self.current_order(id, &signed)?;
        Ok(shown(StatusCode::OK, call, &order))
    }

    /// An order of this account, as it is now: authorizations that were proved meanwhile, a signer
    /// that died meanwhile.
    pub(super) fn current_order(&self, id: &str, signed: &Signed) -> Result<Order, Problem> {
        let order = self.store.order(id)?.filter(|order| order.account == signed.account.id);
        let mut order = order.ok_or_else(|| Problem::not_found("order"))?;
        let late = self.now() > order.expires;
        match order.status {
            OrderStatus::Pending | OrderStatus::Ready if late => {
                self.fail(&mut order, Problem::malformed("the order was not done in time"))?;
            }
            OrderStatus::Pending | OrderStatus::Ready if self.is_being_signed(&order) => {
                order.status = OrderStatus::Processing;
            }
            OrderStatus::Pending => self.look_at_authorizations(&mut order)?,
            OrderStatus::Processing if self.store.take_over(&order)? => {
                self.sign_again(&mut order)?;
            }
            OrderStatus::Valid if self.is_being_recorded(&order) => {
                order.status = OrderStatus::Processing;
            }
            _ => {}
        }
        Ok(order)
    }

    fn look_at_authorizations(&self, order: &mut Order) -> Result<(), Problem> {
        let mut open = false;
        let mut problems = Vec::new();
        for id in &order.authorizations {
            let Some(authz) = self.store.authz(id)? else { continue };
            let late = self.now() > authz.expires;
            match authz.status {
                AuthzStatus::Valid if !late => {}
                AuthzStatus::Pending | AuthzStatus::Processing if !late => open = true,
                _ => {
                    let failed = authz.challenges.iter().find_map(|one| one.error.clone());
                    let problem = failed.unwrap_or_else(|| {
                        let what = format!("{}: not proved", authz.identifier);
                        Problem::unauthorized(what)
                    });
                    problems.push(problem.about(&authz.identifier));
                }
            }
        }
        match Problem::all(problems) {
            Err(problem) => self.fail(order, problem),
            Ok(()) if open => Ok(()),
            // That is not written down: it can be seen from the authorizations.
            Ok(()) => {
                order.status = OrderStatus::Ready;
                Ok(())
            }
        }
    }

    pub(super) fn fail(&self, order: &mut Order, problem: Problem) -> Result<(), Problem> {
        order.status = OrderStatus::Invalid;
        order.error = Some(problem);
        self.store.order_failed(order).map_err(Problem::from)
    }
}

pub(super) fn shown(status: StatusCode, call: &Call, order: &Order) -> Answer {
    let at = |path: &str| format!("{}/acme/{path}", call.base);
    let authorizations: Vec<_> =
        order.authorizations.iter().map(|id| at(&format!("authz/{id}"))).collect();
    let mut object = json!({
        "status": order.status,
        "expires": rfc3339(order.expires),
        "identifiers": order.identifiers,
        "profile": order.profile,
        "authorizations": authorizations,
        "finalize": at(&format!("order/{}/finalize", order.id)),
    });
    for (name, moment) in [("notBefore", order.not_before), ("notAfter", order.not_after)] {
        if let Some(moment) = moment {
            object[name] = rfc3339(moment).into();
        }
    }
    if let Some(id) = &order.replaces_id {
        object["replaces"] = id.as_str().into();
    }
    if let Some(error) = &order.error {
        object["error"] = serde_json::to_value(error).unwrap_or_default();
    }
    if let (OrderStatus::Valid, Some(serial)) = (order.status, &order.serial) {
        object["certificate"] = at(&format!("certificate/{serial}")).into();
    }
    let answer =
        Answer::json(status, &object).header("location", &at(&format!("order/{}", order.id)));
    match order.status {
        OrderStatus::Processing => answer.header("retry-after", "1"),
        _ => answer,
    }
}

fn time(name: &str, text: Option<&str>) -> Result<Option<Seconds>, Problem> {
    let read = |text: &str| {
        let moment = parse_rfc3339(text);
        moment.ok_or_else(|| Problem::malformed(format!("{name}: not a time of RFC 3339")))
    };
    text.map(read).transpose()
}
