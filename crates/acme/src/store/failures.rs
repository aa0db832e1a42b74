//! Failures, for the operator of the CA.

use super::{Authz, ChallengeStatus, Error, Order, Row, Store, from_json};
use crate::clock::Seconds;

/// A name that was not proved, or an order that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// When.
    pub time: Seconds,
    /// Whose.
    pub account: String,
    /// The identifiers.
    pub names: String,
    /// What: the way of the proof, or `order`.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Store {
    /// What has failed, the last first, and so many at most.
    ///
    /// # Errors
    /// When the database fails.
    pub fn failures(&self, limit: i64) -> Result<Vec<Failed>, Error> {
        let proofs = self.database.query(
            "SELECT body, claimed FROM authz WHERE status = 'invalid' AND claimed IS NOT NULL ORDER BY \
             claimed DESC LIMIT $1",
            &[limit.into()],
        )?;
        let mut all = Vec::new();
        for row in &proofs {
            all.extend(proof(row)?);
        }
        let orders = self.database.query(
            "SELECT body, created FROM orders WHERE status = 'invalid' ORDER BY created DESC LIMIT $1",
            &[limit.into()],
        )?;
        for row in &orders {
            // What is an order's because a proof has failed is told already.
            all.extend(order(row)?.filter(|one| !all.iter().any(|told| told.why == one.why)));
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.time));
        all.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(all)
    }
}

fn proof(row: &Row) -> Result<Option<Failed>, Error> {
    let authz: Authz = from_json(row.text(0)?)?;
    let failed = authz.challenges.iter().find(|one| one.status == ChallengeStatus::Invalid);
    Ok(failed.and_then(|challenge| {
        let kind = serde_json::to_value(challenge.kind).unwrap_or_default();
        Some(Failed {
            time: row.integer(1).unwrap_or(0),
            account: authz.account.clone(),
            names: authz.identifier.to_string(),
            what: kind.as_str().unwrap_or_default().to_owned(),
            why: challenge.error.as_ref()?.detail.clone(),
        })
    }))
}

fn order(row: &Row) -> Result<Option<Failed>, Error> {
    let order: Order = from_json(row.text(0)?)?;
    let names: Vec<_> = order.identifiers.iter().map(ToString::to_string).collect();
    Ok(order.error.map(|problem| Failed {
        time: row.integer(1).unwrap_or(0),
        account: order.account,
        names: names.join(" "),
        what: "order".to_owned(),
        why: problem.detail,
    }))
}
