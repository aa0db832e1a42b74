//! Orders and authorizations: what only one may do to them is claimed.

use super::{
    Authz, AuthzStatus, Durability, Error, Issued, Order, OrderStatus, Row, Statements, Store,
    from_json, state, to_json, word,
};
use crate::clock::Seconds;
use crate::protocol::Identifier;

/// After so long a worker is considered dead.
pub(crate) const CLAIM_LASTS: Seconds = 60;

const ORDER: &str = "SELECT body, status, serial, claimed FROM orders WHERE id = $1";
const AUTHZ: &str = "SELECT body, status, claimed FROM authz WHERE id = $1";

impl Store {
    /// Keeps a new order with those of its authorizations that are new.
    pub(crate) fn create_order(&self, order: &Order, new: &[Authz]) -> Result<(), Error> {
        self.database.transaction(Durability::Process, &mut |tx| {
            for authz in new {
                tx.execute(
                    "INSERT INTO authz (id, account, identifier, status, expires, body) VALUES \
                     ($1, $2, $3, $4, $5, $6)",
                    &[
                        authz.id.as_str().into(),
                        authz.account.as_str().into(),
                        identifier_key(&authz.identifier, authz.wildcard).into(),
                        word(authz.status),
                        authz.expires.into(),
                        to_json(authz)?.into(),
                    ],
                )?;
            }
            tx.execute(
                "INSERT INTO orders (id, account, status, created, expires, body) VALUES ($1, $2, \
                 $3, $4, $5, $6)",
                &[
                    order.id.as_str().into(),
                    order.account.as_str().into(),
                    word(order.status),
                    order.created.into(),
                    order.expires.into(),
                    to_json(order)?.into(),
                ],
            )?;
            Ok(())
        })
    }

    /// The order of this name.
    pub(crate) fn order(&self, id: &str) -> Result<Option<Order>, Error> {
        self.one(ORDER, &[id.into()], order)
    }

    /// Orders of an account behind `after`, in the order of their names.
    pub(crate) fn orders_of(
        &self,
        account: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let rows = self.database.query(
            "SELECT id FROM orders WHERE account = $1 AND id > $2 AND status <> 'invalid' AND \
             expires > $3 ORDER BY id LIMIT $4",
            &[account.into(), after.into(), self.clock.now().into(), limit.into()],
        )?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    /// An order has come to nothing.
    pub(crate) fn order_failed(&self, order: &Order) -> Result<(), Error> {
        self.database.execute(
            "UPDATE orders SET status = 'invalid', body = $1 WHERE id = $2 AND status <> 'valid'",
            &[to_json(order)?.into(), order.id.as_str().into()],
        )?;
        Ok(())
    }

    /// Begins to sign for an order whose names are all proved: it is claimed, and the number of the certificate taken, before there
    /// is one. False: another worker was faster.
    pub(crate) fn begin_signing(&self, order: &Order, wanted: &Issued) -> Result<bool, Error> {
        let mut begun = false;
        let now = self.clock.now();
        self.database.transaction(Durability::Process, &mut |tx| {
            let claimed = tx.execute(
                "UPDATE orders SET status = 'processing', claimed = $1, serial = $2, body = $3 \
                 WHERE id = $4 AND status IN ('pending', 'ready')",
                &[
                    now.into(),
                    wanted.serial.as_str().into(),
                    to_json(order)?.into(),
                    order.id.as_str().into(),
                ],
            )?;
            begun = claimed == 1;
            if begun {
                insert_certificate(tx, wanted)?;
            }
            Ok(())
        })?;
        Ok(begun)
    }

    /// Takes over an order whose signer has died. False: it seems alive.
    pub(crate) fn take_over(&self, order: &Order) -> Result<bool, Error> {
        let now = self.clock.now();
        let taken = self.database.execute(
            "UPDATE orders SET claimed = $1 WHERE id = $2 AND status = 'processing' AND claimed < $3",
            &[now.into(), order.id.as_str().into(), (now - CLAIM_LASTS).into()],
        )?;
        Ok(taken == 1)
    }

    /// Signing has failed: the order may be finalized again.
    pub(crate) fn signing_failed(&self, order: &Order) -> Result<(), Error> {
        self.database.transaction(Durability::Process, &mut |tx| {
            tx.execute(
                "UPDATE orders SET status = 'ready', serial = NULL WHERE id = $1 AND status = \
                 'processing'",
                &[order.id.as_str().into()],
            )?;
            let serial = order.serial.as_deref();
            tx.execute(
                "DELETE FROM certificate WHERE serial = $1 AND der IS NULL",
                &[serial.into()],
            )?;
            Ok(())
        })
    }

    /// The authorization of this name.
    pub(crate) fn authz(&self, id: &str) -> Result<Option<Authz>, Error> {
        self.one(AUTHZ, &[id.into()], authz)
    }

    /// One that is valid for this name, or on the way, and not too old.
    pub(crate) fn authz_for(
        &self,
        account: &str,
        identifier: &Identifier,
        wildcard: bool,
        not_before: Seconds,
    ) -> Result<Option<Authz>, Error> {
        self.one(
            "SELECT body, status, claimed FROM authz WHERE account = $1 AND identifier = $2 AND \
             status = 'valid' AND expires > $3 ORDER BY expires DESC LIMIT 1",
            &[account.into(), identifier_key(identifier, wildcard).into(), not_before.into()],
            authz,
        )
    }

    /// Begins to check a challenge. False: one is being checked, or was.
    pub(crate) fn begin_validation(&self, changed: &Authz) -> Result<bool, Error> {
        let now = self.clock.now();
        let claimed = self.database.execute(
            "UPDATE authz SET status = 'processing', claimed = $1, body = $2 WHERE id = $3 AND \
             (status = 'pending' OR (status = 'processing' AND claimed < $4))",
            &[
                now.into(),
                to_json(changed)?.into(),
                changed.id.as_str().into(),
                (now - CLAIM_LASTS).into(),
            ],
        )?;
        Ok(claimed == 1)
    }

    /// Stores the result. False: it is no longer being checked.
    pub(crate) fn end_validation(&self, changed: &Authz) -> Result<bool, Error> {
        // Where its claim is in memory, it is pending meanwhile.
        let set = self.database.execute(
            "UPDATE authz SET status = $1, expires = $2, claimed = $3, body = $4 WHERE id = $5 AND \
             status IN ('pending', 'processing')",
            &[
                word(changed.status),
                changed.expires.into(),
                self.clock.now().into(),
                to_json(changed)?.into(),
                changed.id.as_str().into(),
            ],
        )?;
        Ok(set == 1)
    }

    /// The account gives it up. False: it is neither pending nor valid.
    pub(crate) fn deactivate_authz(&self, changed: &Authz) -> Result<bool, Error> {
        Ok(self.set_authz(changed, AuthzStatus::Pending)?
            || self.set_authz(changed, AuthzStatus::Valid)?)
    }

    fn set_authz(&self, changed: &Authz, from: AuthzStatus) -> Result<bool, Error> {
        let set = self.database.execute(
            "UPDATE authz SET status = $1, expires = $2, body = $3 WHERE id = $4 AND status = $5",
            &[
                word(changed.status),
                changed.expires.into(),
                to_json(changed)?.into(),
                changed.id.as_str().into(),
                word(from),
            ],
        )?;
        Ok(set == 1)
    }
}

pub(super) fn insert_certificate(tx: &mut dyn Statements, one: &Issued) -> Result<(), Error> {
    let inserted = tx.execute(
        "INSERT INTO certificate (serial, issuer, account, created, not_after, revoked, reason, \
         subject, names, der) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO \
         NOTHING",
        &[
            one.serial.as_str().into(),
            one.issuer.as_str().into(),
            one.account.as_deref().into(),
            one.created.into(),
            one.not_after.into(),
            one.revoked.map(|(since, _)| since).into(),
            one.revoked.map(|(_, reason)| reason.to_string()).into(),
            one.subject.as_str().into(),
            one.names.as_str().into(),
            one.der.as_deref().into(),
        ],
    )?;
    match inserted {
        1 => Ok(()),
        _ => Err(Error(format!("the serial number {} is taken", one.serial))),
    }
}

fn identifier_key(identifier: &Identifier, wildcard: bool) -> String {
    if wildcard { format!("*.{identifier}") } else { identifier.to_string() }
}

fn order(row: &Row) -> Result<Order, Error> {
    let mut order: Order = from_json(row.text(0)?)?;
    order.status = state::<OrderStatus>(row.text(1)?)?;
    order.serial = row.text(2).ok().map(str::to_owned);
    order.claimed = row.integer(3);
    Ok(order)
}

fn authz(row: &Row) -> Result<Authz, Error> {
    let mut authz: Authz = from_json(row.text(0)?)?;
    authz.status = state::<AuthzStatus>(row.text(1)?)?;
    authz.claimed = row.integer(2);
    Ok(authz)
}
