//! Tokens: the holder of one gets certificates for its names, without validation.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use super::orders::insert_certificate;
use super::{Durability, Error, Event, Issued, Row, Store, Token, from_json, random, to_json};
use crate::jws::base64url;

impl Store {
    /// Creates a token: its secret, which is not stored.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_token(&self, token: &Token) -> Result<String, Error> {
        let secret = base64url(&random::<32>()?);
        self.database.transaction(Durability::Disk, &mut |tx| {
            tx.execute(
                "INSERT INTO token (id, digest, created, expires, uses, body) VALUES ($1, $2, $3, $4, \
                 $5, $6)",
                &[
                    token.id.as_str().into(),
                    digest_of(&secret).into(),
                    token.created.into(),
                    token.expires.into(),
                    token.uses.into(),
                    to_json(token)?.into(),
                ],
            )?;
            let (id, label) = (token.id.clone(), token.label.clone());
            self.log_in(tx, &Event::TokenMade { token: id, label })
        })?;
        Ok(secret)
    }

    /// The token with this secret, also when it is used up or too old.
    pub(crate) fn token(&self, secret: &str) -> Result<Option<Token>, Error> {
        let sql = "SELECT body, uses FROM token WHERE digest = $1";
        self.one(sql, &[digest_of(secret).into()], token)
    }

    /// Notes that a token has got nothing.
    pub(crate) fn log_refused_token(&self, token: &Token, why: &str) -> Result<(), Error> {
        let (account, order, why) = (token.asker(), String::new(), why.to_owned());
        self.log(&Event::Refused { account, order, why })
    }

    /// All tokens that were made and not ended.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tokens(&self) -> Result<Vec<Token>, Error> {
        let rows = self.database.query("SELECT body, uses FROM token ORDER BY created, id", &[])?;
        rows.iter().map(token).collect()
    }

    /// Ends a token. False: it does not exist.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_token(&self, id: &str) -> Result<bool, Error> {
        let mut ended = false;
        self.database.transaction(Durability::Disk, &mut |tx| {
            ended = tx.execute("DELETE FROM token WHERE id = $1", &[id.into()])? == 1;
            match ended {
                true => self.log_in(tx, &Event::TokenEnded { token: id.to_owned() }),
                false => Ok(()),
            }
        })?;
        Ok(ended)
    }

    /// Notes a certificate that a token has asked for, and that the token was used once more. From here
    /// on it may be handed out. False: the token is of no use any longer, and nothing is noted.
    pub(crate) fn record_by_token(&self, token: &Token, issued: &Issued) -> Result<bool, Error> {
        let mut recorded = false;
        self.database.transaction(Durability::Disk, &mut |tx| {
            let used = tx.execute(
                "UPDATE token SET uses = uses - 1 WHERE id = $1 AND uses > 0 AND expires > $2",
                &[token.id.as_str().into(), self.clock.now().into()],
            )?;
            recorded = used == 1;
            if !recorded {
                return Ok(());
            }
            insert_certificate(tx, issued)?;
            self.log_in(tx, &super::certificates::issued_event(issued))
        })?;
        Ok(recorded)
    }
}

fn digest_of(secret: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, secret.as_bytes()).as_ref())
}

fn token(row: &Row) -> Result<Token, Error> {
    let mut token: Token = from_json(row.text(0)?)?;
    token.uses = row.integer(1).unwrap_or(0);
    Ok(token)
}
