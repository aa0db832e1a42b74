//! Accounts, and the keys that they are bound by.

use std::sync::Arc;

use super::{
    Account, AccountStatus, Durability, EabKey, Error, Event, Row, Store, from_json, to_json, word,
};

const ACCOUNT: &str = "SELECT body FROM account WHERE id = $1";

/// The result of a request for an account.
#[derive(Debug)]
pub(crate) enum Made {
    /// It is there.
    Done,
    /// Its key has an account already.
    KeyTaken,
    /// Its EAB key made another one.
    EabTaken,
}

impl Store {
    /// Makes an account, and binds its EAB key to it.
    pub(crate) fn create_account(&self, account: &Account) -> Result<Made, Error> {
        let mut made = Made::Done;
        let thumbprint = account.key.thumbprint();
        self.database.transaction(Durability::Process, &mut |tx| {
            made = Made::Done;
            if let Some(kid) = &account.eab {
                let bound = tx.execute(
                    "UPDATE eab SET account = $1 WHERE kid = $2 AND account IS NULL",
                    &[account.id.as_str().into(), kid.as_str().into()],
                )?;
                if bound == 0 {
                    made = Made::EabTaken;
                    return Ok(());
                }
            }
            let inserted = tx.execute(
                "INSERT INTO account (id, thumbprint, status, created, body) VALUES ($1, $2, $3, \
                 $4, $5) ON CONFLICT DO NOTHING",
                &[
                    account.id.as_str().into(),
                    thumbprint.as_str().into(),
                    word(account.status),
                    account.created.into(),
                    to_json(account)?.into(),
                ],
            )?;
            if inserted == 0 {
                made = Made::KeyTaken;
                if let Some(kid) = &account.eab {
                    tx.execute(
                        "UPDATE eab SET account = NULL WHERE kid = $1",
                        &[kid.as_str().into()],
                    )?;
                }
                return Ok(());
            }
            let event =
                Event::AccountMade { account: account.id.clone(), eab: account.eab.clone() };
            self.log_in(tx, &event)
        })?;
        Ok(made)
    }

    /// The account of this name. In a file of SQLite it is as it was when this process read or changed it last.
    ///
    /// # Errors
    /// When the database fails.
    pub fn account(&self, id: &str) -> Result<Option<Arc<Account>>, Error> {
        let read = || self.one(ACCOUNT, &[id.into()], |row| from_json::<Account>(row.text(0)?));
        match &self.known {
            Some(known) => known.get(id, read),
            None => Ok(read()?.map(Arc::new)),
        }
    }

    /// The account of this key.
    pub(crate) fn account_of_key(&self, thumbprint: &str) -> Result<Option<Account>, Error> {
        let sql = "SELECT body FROM account WHERE thumbprint = $1";
        self.one(sql, &[thumbprint.into()], |row| from_json(row.text(0)?))
    }

    /// Changes an account that is valid, as `change` says. `None`: it does not exist, or no longer.
    pub(crate) fn change_account(
        &self,
        id: &str,
        what: &str,
        change: impl Fn(&mut Account),
    ) -> Result<Option<Account>, Error> {
        let mut changed = None;
        let done = self.database.transaction(Durability::Process, &mut |tx| {
            changed = None;
            // Locks the row against changes meanwhile.
            let locked = tx.execute(
                "UPDATE account SET status = status WHERE id = $1 AND status = 'valid'",
                &[id.into()],
            )?;
            let rows = tx.query(ACCOUNT, &[id.into()])?;
            let (1, Some(row)) = (locked, rows.first()) else { return Ok(()) };
            let mut account: Account = from_json(row.text(0)?)?;
            change(&mut account);
            tx.execute(
                "UPDATE account SET status = $1, thumbprint = $2, body = $3 WHERE id = $4",
                &[
                    word(account.status),
                    account.key.thumbprint().into(),
                    to_json(&account)?.into(),
                    id.into(),
                ],
            )?;
            self.log_in(
                tx,
                &Event::AccountChanged { account: id.to_owned(), what: what.to_owned() },
            )?;
            changed = Some(account);
            Ok(())
        });
        // Also where that failed, which may be said of what was done.
        if let Some(known) = &self.known {
            known.forget(id);
        }
        done?;
        Ok(changed)
    }

    /// Keeps a key for external account binding.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_eab(&self, key: &EabKey) -> Result<(), Error> {
        self.database.transaction(Durability::Disk, &mut |tx| {
            tx.execute(
                "INSERT INTO eab (kid, created, body) VALUES ($1, $2, $3)",
                &[key.kid.as_str().into(), key.created.into(), to_json(key)?.into()],
            )?;
            let event = Event::EabMade { kid: key.kid.clone(), label: key.label.clone() };
            self.log_in(tx, &event)
        })
    }

    /// The key of this name.
    pub(crate) fn eab(&self, kid: &str) -> Result<Option<EabKey>, Error> {
        self.one("SELECT body, account FROM eab WHERE kid = $1", &[kid.into()], eab)
    }

    /// All of these keys.
    ///
    /// # Errors
    /// When the database fails.
    pub fn eab_keys(&self) -> Result<Vec<EabKey>, Error> {
        let rows = self.database.query("SELECT body, account FROM eab ORDER BY created", &[])?;
        rows.iter().map(eab).collect()
    }

    /// Ends an account: its requests are refused from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn revoke_account(&self, id: &str) -> Result<bool, Error> {
        let ended = |account: &mut Account| account.status = AccountStatus::Revoked;
        Ok(self.change_account(id, "revoked", ended)?.is_some())
    }
}

fn eab(row: &Row) -> Result<EabKey, Error> {
    let mut key: EabKey = from_json(row.text(0)?)?;
    key.account = row.text(1).ok().map(str::to_owned);
    Ok(key)
}
