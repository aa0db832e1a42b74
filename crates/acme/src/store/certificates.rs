//! Certificates: recorded before they are handed out, revoked, listed.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use sealwire::pki::RevocationReason;

use super::orders::insert_certificate;
use super::{
    Durability, Error, Event, Issued, IssuerRecord, Order, Row, SignedCrl, Statements, Store, Value,
};
use crate::clock::Seconds;

/// Which certificates are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// All.
    All,
    /// Valid, and for not longer than until then.
    ExpiringBefore(Seconds),
    /// Revoked.
    Revoked,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Signed, ever.
    pub issued: i64,
    /// Valid now.
    pub valid: i64,
    /// Revoked and not expired.
    pub revoked: i64,
    /// Valid, and so long only: within the day.
    pub expiring: i64,
}

impl Store {
    /// Notes a signed certificate, and that its order is done. From here on it may be handed out.
    /// False: another has been noted for this order, and is the one.
    pub(crate) fn record_for_order(&self, order: &Order, issued: &Issued) -> Result<bool, Error> {
        let Some(der) = issued.der.as_deref() else { return Ok(false) };
        let mut recorded = false;
        self.database.transaction(Durability::Disk, &mut |tx| {
            let noted = tx.execute(
                "UPDATE certificate SET der = $1, not_after = $2, subject = $3, names = $4, issuer \
                 = $5 WHERE serial = $6 AND der IS NULL",
                &[
                    der.into(),
                    issued.not_after.into(),
                    issued.subject.as_str().into(),
                    issued.names.as_str().into(),
                    issued.issuer.as_str().into(),
                    issued.serial.as_str().into(),
                ],
            )?;
            recorded = noted == 1;
            if !recorded {
                return Ok(());
            }
            tx.execute(
                "UPDATE orders SET status = 'valid' WHERE id = $1 AND serial = $2",
                &[order.id.as_str().into(), issued.serial.as_str().into()],
            )?;
            note_replaced(tx, order)?;
            self.log_in(tx, &issued_event(issued))
        })?;
        Ok(recorded)
    }

    /// The same where nothing was noted before it was signed. False: the order is done, or over, already.
    pub(crate) fn record_order(&self, order: &Order, issued: &Issued) -> Result<bool, Error> {
        let mut recorded = false;
        self.database.transaction(Durability::Disk, &mut |tx| {
            let done = tx.execute(
                "UPDATE orders SET status = 'valid', serial = $1 WHERE id = $2 AND status IN \
                 ('pending', 'ready')",
                &[issued.serial.as_str().into(), order.id.as_str().into()],
            )?;
            recorded = done == 1;
            if !recorded {
                return Ok(());
            }
            insert_certificate(tx, issued)?;
            note_replaced(tx, order)?;
            self.log_in(tx, &issued_event(issued))
        })?;
        Ok(recorded)
    }

    /// Notes a certificate that was signed by hand, then hands it out with `deliver`; when that
    /// fails, the note is taken back.
    ///
    /// # Errors
    /// Those of the database, and of `deliver`.
    pub fn record<E: From<Error>>(
        &self,
        issued: &Issued,
        deliver: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        self.database.transaction(Durability::Disk, &mut |tx| {
            insert_certificate(tx, issued)?;
            self.log_in(tx, &issued_event(issued))
        })?;
        deliver().inspect_err(|_| {
            // The first error is the one to report; a superfluous entry does no harm.
            let _ = self.database.transaction(Durability::Disk, &mut |tx| {
                let serial = issued.serial.as_str();
                tx.execute("DELETE FROM certificate WHERE serial = $1", &[serial.into()])?;
                let why = "it could not be written".to_owned();
                let (account, order) = (String::new(), serial.to_owned());
                self.log_in(tx, &Event::Refused { account, order, why })
            });
        })
    }

    /// Takes over what another store has recorded, all or nothing; what was taken over before is
    /// replaced.
    ///
    /// # Errors
    /// When the database fails.
    pub fn import(&self, all: &[Issued]) -> Result<(), Error> {
        self.database.transaction(Durability::Disk, &mut |tx| {
            all.iter().try_for_each(|one| {
                let serial = one.serial.as_str();
                tx.execute("DELETE FROM certificate WHERE serial = $1", &[serial.into()])?;
                insert_certificate(tx, one)
            })
        })
    }

    /// The certificate of this number, once it is signed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn certificate(&self, serial: &str) -> Result<Option<Issued>, Error> {
        let sql = "SELECT serial, issuer, account, created, not_after, revoked, reason, replaced, \
                   subject, names, der FROM certificate WHERE serial = $1";
        self.one(sql, &[serial.into()], issued)
    }

    /// Certificates, the last first, and so many at most.
    ///
    /// # Errors
    /// When the database fails.
    pub fn certificates(&self, filter: Filter, limit: i64) -> Result<Vec<Issued>, Error> {
        let now = self.clock.now();
        let rows = match filter {
            Filter::All => self.database.query(
                "SELECT serial, issuer, account, created, not_after, revoked, reason, replaced, \
                 subject, names, der FROM certificate WHERE der IS NOT NULL ORDER BY created DESC \
                 LIMIT $1",
                &[limit.into()],
            ),
            Filter::ExpiringBefore(then) => self.database.query(
                "SELECT serial, issuer, account, created, not_after, revoked, reason, replaced, \
                 subject, names, der FROM certificate WHERE not_after > $1 AND not_after < $2 AND \
                 revoked IS NULL AND replaced IS NULL AND der IS NOT NULL ORDER BY not_after LIMIT \
                 $3",
                &[now.into(), then.into(), limit.into()],
            ),
            Filter::Revoked => self.database.query(
                "SELECT serial, issuer, account, created, not_after, revoked, reason, replaced, \
                 subject, names, der FROM certificate WHERE revoked IS NOT NULL ORDER BY revoked \
                 DESC LIMIT $1",
                &[limit.into()],
            ),
        }?;
        rows.iter().map(issued).collect()
    }

    /// Certificates with this in their names, subject or number, the last first, and so many at most.
    ///
    /// # Errors
    /// When the database fails.
    pub fn find(&self, text: &str, limit: i64) -> Result<Vec<Issued>, Error> {
        let plain = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let (name, serial) = (plain.to_lowercase(), plain.to_uppercase());
        let rows = self.database.query(
            "SELECT serial, issuer, account, created, not_after, revoked, reason, replaced, subject, \
             names, der FROM certificate WHERE der IS NOT NULL AND (names LIKE $1 ESCAPE '\\' OR \
             subject LIKE $2 ESCAPE '\\' OR serial LIKE $3 ESCAPE '\\') ORDER BY created DESC LIMIT $4",
            &[
                format!("%{name}%").into(),
                format!("%{plain}%").into(),
                format!("%{serial}%").into(),
                limit.into(),
            ],
        )?;
        rows.iter().map(issued).collect()
    }

    /// How many certificates there are.
    ///
    /// # Errors
    /// When the database fails.
    pub fn counts(&self) -> Result<Counts, Error> {
        let now = self.clock.now();
        let count = |sql: &'static str, values: &[Value]| {
            let rows = self.database.query(sql, values)?;
            Ok::<_, Error>(rows.first().and_then(|row| row.integer(0)).unwrap_or(0))
        };
        Ok(Counts {
            issued: count("SELECT count(*) FROM certificate WHERE der IS NOT NULL", &[])?,
            valid: count(
                "SELECT count(*) FROM certificate WHERE not_after > $1 AND revoked IS NULL",
                &[now.into()],
            )?,
            revoked: count(
                "SELECT count(*) FROM certificate WHERE not_after > $1 AND revoked IS NOT NULL",
                &[now.into()],
            )?,
            expiring: count(
                "SELECT count(*) FROM certificate WHERE not_after > $1 AND not_after < $2 AND \
                 revoked IS NULL AND replaced IS NULL",
                &[now.into(), (now + 86_400).into()],
            )?,
        })
    }

    /// How many certificates were signed, and how many of them are revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn totals(&self) -> Result<(i64, i64), Error> {
        let sql = "SELECT count(*), count(revoked) FROM certificate WHERE der IS NOT NULL";
        let rows = self.database.query(sql, &[])?;
        let count = |column| rows.first().and_then(|row| row.integer(column)).unwrap_or(0);
        Ok((count(0), count(1)))
    }

    /// Revokes a certificate; `by` goes to the log. False: it was revoked before.
    ///
    /// # Errors
    /// When the database fails.
    pub fn revoke(&self, serial: &str, reason: RevocationReason, by: &str) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut revoked = false;
        self.database.transaction(Durability::Disk, &mut |tx| {
            let rows = tx.query(
                "UPDATE certificate SET revoked = $1, reason = $2 WHERE serial = $3 AND revoked IS \
                 NULL RETURNING issuer",
                &[now.into(), reason.to_string().into(), serial.into()],
            )?;
            revoked = !rows.is_empty();
            let Some(row) = rows.first() else { return Ok(()) };
            let issuer = row.text(0)?.to_owned();
            tx.execute("UPDATE crl SET stale = 1 WHERE issuer = $1", &[issuer.into()])?;
            self.log_in(
                tx,
                &Event::Revoked {
                    serial: serial.to_owned(),
                    reason: reason.to_string(),
                    by: by.to_owned(),
                },
            )
        })?;
        Ok(revoked)
    }

    /// What a revocation list of `issuer` has to hold: those that have not expired long ago.
    ///
    /// # Errors
    /// When the database fails.
    pub fn revoked(&self, issuer: &str) -> Result<Vec<(String, Seconds, RevocationReason)>, Error> {
        let rows = self.database.query(
            "SELECT serial, revoked, reason FROM certificate WHERE issuer = $1 AND revoked IS NOT \
             NULL AND not_after > $2 ORDER BY revoked, serial",
            &[issuer.into(), (self.clock.now() - 86_400).into()],
        )?;
        let one = |row: &Row| {
            Ok((row.text(0)?.to_owned(), row.integer(1).unwrap_or(0), reason(row.text(2)?)))
        };
        rows.iter().map(one).collect()
    }

    /// The last revocation list of `issuer`.
    pub(crate) fn crl(&self, issuer: &str) -> Result<Option<SignedCrl>, Error> {
        let sql = "SELECT der, next_update, made, stale FROM crl WHERE issuer = $1 AND der IS NOT \
                   NULL";
        self.one(sql, &[issuer.into()], |row| {
            Ok(SignedCrl {
                der: row.blob(0).unwrap_or_default().to_vec(),
                next_update: row.integer(1).unwrap_or(0),
                made: row.integer(2).unwrap_or(0),
                stale: row.integer(3) != Some(0),
            })
        })
    }

    /// Takes the number of the next list, which is `least` or more. What is revoked from here on makes
    /// that list stale.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_crl_number(&self, issuer: &str, least: i64) -> Result<i64, Error> {
        let mut number = 0;
        self.database.transaction(Durability::Disk, &mut |tx| {
            tx.execute(
                "INSERT INTO crl (issuer, number, stale) VALUES ($1, 0, 1) ON CONFLICT DO NOTHING",
                &[issuer.into()],
            )?;
            let rows = tx.query(
                "UPDATE crl SET number = CASE WHEN number + 1 < $1 THEN $1 ELSE number + 1 END, \
                 stale = 0 WHERE issuer = $2 RETURNING number",
                &[least.into(), issuer.into()],
            )?;
            number = rows.first().and_then(|row| row.integer(0)).unwrap_or(0);
            let event = Event::CrlSigned { issuer: issuer.to_owned(), number };
            self.log_in(tx, &event)
        })?;
        Ok(number)
    }

    /// Keeps a list, unless a later one is there already.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_crl(&self, issuer: &str, number: i64, crl: &SignedCrl) -> Result<(), Error> {
        self.database.execute(
            "UPDATE crl SET der = $1, next_update = $2, made = $3 WHERE issuer = $4 AND number = $5",
            &[
                crl.der.as_slice().into(),
                crl.next_update.into(),
                crl.made.into(),
                issuer.into(),
                number.into(),
            ],
        )?;
        Ok(())
    }

    /// Stores the signer from now on; the others are replaced.
    pub(crate) fn use_issuer(&self, id: &str, chain: &str) -> Result<(), Error> {
        let now = self.clock.now();
        self.database.transaction(Durability::Disk, &mut |tx| {
            let new = tx.execute(
                "INSERT INTO issuer (id, since, chain) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                &[id.into(), now.into(), chain.into()],
            )?;
            if new == 1 {
                tx.execute(
                    "UPDATE issuer SET replaced = $1 WHERE id <> $2 AND replaced IS NULL",
                    &[now.into(), id.into()],
                )?;
                self.log_in(tx, &Event::IssuerUsed { issuer: id.to_owned() })?;
            }
            Ok(())
        })
    }

    /// The current or former signer of this name.
    pub(crate) fn issuer(&self, id: &str) -> Result<Option<IssuerRecord>, Error> {
        let sql = "SELECT id, since, replaced, chain FROM issuer WHERE id = $1";
        self.one(sql, &[id.into()], |row| {
            Ok(IssuerRecord {
                id: row.text(0)?.to_owned(),
                since: row.integer(1).unwrap_or(0),
                replaced: row.integer(2),
                chain: row.text(3)?.to_owned(),
            })
        })
    }
}

/// Notes which certificate an order renews, if it says so.
fn note_replaced(tx: &mut dyn Statements, order: &Order) -> Result<(), Error> {
    let Some(replaces) = &order.replaces else { return Ok(()) };
    tx.execute(
        "UPDATE certificate SET replaced = $1 WHERE serial = $2 AND replaced IS NULL",
        &[order.id.as_str().into(), replaces.as_str().into()],
    )?;
    Ok(())
}

pub(super) fn issued_event(issued: &Issued) -> Event {
    let der = issued.der.as_deref().unwrap_or_default();
    let sha256 = HEXLOWER.encode(digest(&SHA256, der).as_ref());
    Event::Issued {
        serial: issued.serial.clone(),
        issuer: issued.issuer.clone(),
        account: issued.account.clone(),
        names: issued.names.clone(),
        sha256,
    }
}

fn reason(text: &str) -> RevocationReason {
    text.parse().unwrap_or(RevocationReason::Unspecified)
}

fn issued(row: &Row) -> Result<Issued, Error> {
    let text = |column| row.text(column).ok().map(str::to_owned);
    Ok(Issued {
        serial: row.text(0)?.to_owned(),
        issuer: row.text(1)?.to_owned(),
        account: text(2),
        created: row.integer(3).unwrap_or(0),
        not_after: row.integer(4).unwrap_or(0),
        revoked: row.integer(5).map(|since| (since, reason(&text(6).unwrap_or_default()))),
        replaced: text(7),
        subject: text(8).unwrap_or_default(),
        names: text(9).unwrap_or_default(),
        der: row.blob(10).map(<[u8]>::to_vec),
    })
}
