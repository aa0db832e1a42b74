//! Revocation lists: whose, which number, until when.

use std::fmt;

use sealwire::pki::{Crl, CrlScope};
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
    /// The list that this delta list is to be added to.
    delta_of: Option<String>,
    indirect: bool,
    /// The only kind of certificate that it is about.
    only: Option<&'static str>,
    /// The only reasons that it is about.
    only_reasons: Option<Vec<&'static str>>,
}

impl Lists {
    pub(crate) fn of(crls: &[Crl]) -> Self {
        let now = clock::now();
        let list = |crl: &Crl| {
            let CrlScope { delta_of, indirect, only, only_reasons, .. } = crl.scope();
            List {
                issuer: crl.issuer().to_string(),
                number: crl.number(),
                this_update: card::time(crl.this_update()),
                next_update: crl.next_update().map(card::time),
                current: crl.this_update() <= now && crl.next_update().is_none_or(|end| now < end),
                delta_of,
                indirect,
                only,
                only_reasons,
            }
        };
        Self(crls.iter().map(list).collect())
    }
}

impl List {
    /// What it does not cover, line by line: users should not take it for complete.
    fn scope(&self) -> Vec<String> {
        let base = self.delta_of.as_ref();
        let delta = base.map(|base| format!("delta list: only what has changed since list {base}"));
        let indirect = "indirect list: certificates of other issuers too".to_owned();
        let only = self.only.map(|kind| format!("only about {kind}"));
        let reasons = self.only_reasons.as_ref();
        let reasons =
            reasons.map(|names| format!("only about these reasons: {}", names.join(", ")));
        [delta, self.indirect.then_some(indirect), only, reasons].into_iter().flatten().collect()
    }
}

impl fmt::Display for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = self.0.iter().map(|list| {
            let number = list.number.as_deref().unwrap_or("without number");
            let until = list.next_update.as_deref().unwrap_or("the end of time");
            let state = if list.current { "current" } else { "not current" };
            let List { issuer, this_update, .. } = list;
            let scope: String = list.scope().iter().map(|line| format!("\n  {line}")).collect();
            format!("{issuer}: list {number}, {state}: {this_update} to {until}{scope}")
        });
        f.write_str(&lists.collect::<Vec<_>>().join("\n"))
    }
}
