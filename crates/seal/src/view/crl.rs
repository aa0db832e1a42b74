//! Revocation lists: whose, which number, until when.

use std::fmt;

use sealwire::pki::{Crl, Subject};
use serde::Serialize;

use super::card;
use crate::words::clock;

/// What is in a file of lists.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Lists(Vec<List>);

#[derive(Serialize)]
struct List {
    issuer: String,
    number: Option<String>,
    this_update: String,
    next_update: Option<String>,
    current: bool,
}

impl Lists {
    pub(crate) fn of(crls: &[Crl]) -> Self {
        let now = clock::now();
        let list = |crl: &Crl| List {
            issuer: Subject::from_der(crl.issuer().der())
                .map_or_else(|e| e.to_string(), |issuer| issuer.to_string()),
            number: crl.number(),
            this_update: card::time(crl.this_update()),
            next_update: crl.next_update().map(card::time),
            current: crl.this_update() <= now && crl.next_update().is_none_or(|end| now < end),
        };
        Self(crls.iter().map(list).collect())
    }
}

impl fmt::Display for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = self.0.iter().map(|list| {
            let number = list.number.as_deref().unwrap_or("without number");
            let until = list.next_update.as_deref().unwrap_or("the end of time");
            let state = if list.current { "current" } else { "not current" };
            let List { issuer, this_update, .. } = list;
            format!("{issuer}: list {number}, {state}: {this_update} to {until}")
        });
        f.write_str(&lists.collect::<Vec<_>>().join("\n"))
    }
}
