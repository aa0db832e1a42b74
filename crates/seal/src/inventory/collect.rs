//! From what was found to rows: equal things once, each judged once, sorted by what ends first.

use std::collections::HashMap;

use sealwire::TrustStore;
use sealwire::pki::{self, Certificate, ChainCheck, ExtendedKeyUsage, Purpose};
use sealwire::verify::{NameCheck, Verdict};

use super::row::Row;
use super::{Found, Shown, What, threads};
use crate::words::clock;

/// How things are judged.
pub(crate) struct Judge<'a> {
    pub(crate) trust: &'a TrustStore,
    pub(crate) name_check: NameCheck,
    /// Seconds for which a certificate must still be valid.
    pub(crate) within: i64,
}

/// The rows of what was found.
pub(crate) fn rows(found: Vec<Found>, judge: &Judge<'_>) -> Vec<Row> {
    let now = clock::now();
    let mut rows = Vec::new();
    let mut certificates: Vec<(Shown, Vec<String>)> = Vec::new();
    let mut seen = HashMap::new();
    for Found { place, what } in found {
        match what {
            What::Certificate(shown) => {
                // What a server proves counts for its name, so servers are told apart.
                let server = shown.server.as_ref().map(ToString::to_string);
                let key =
                    (pki::sha256_fingerprint(shown.certificate.der()), server, shown.note.clone());
                let at = *seen.entry(key).or_insert(certificates.len());
                match certificates.get_mut(at) {
                    Some((_, places)) => places.push(place),
                    None => certificates.push((*shown, vec![place])),
                }
            }
            What::Server(posture) => rows.push(Row::of_server(place, *posture)),
            What::List(list) => rows.push(Row::of_list(place, &list, now, judge.within)),
            What::Unreadable(why) => rows.push(Row::unreadable(place, why)),
        }
    }
    rows.extend(judged(&certificates, judge, now));
    rows.sort_by(|a, b| (a.ends(), &a.places, &a.note).cmp(&(b.ends(), &b.places, &b.note)));
    // A file that was named, and the folder in which it lies.
    rows.dedup_by(|a, b| a.is_same(b));
    rows
}

fn judged(certificates: &[(Shown, Vec<String>)], judge: &Judge<'_>, now: i64) -> Vec<Row> {
    threads::each(certificates, |(shown, places), rows| {
        let verdict = judge.verdict(shown, now);
        let mut places = places.clone();
        places.sort();
        places.dedup();
        rows.push(Row::of_certificate(places, shown, &verdict, now, judge.within));
    })
}

impl Judge<'_> {
    /// By the function that judges connections: a leaf for what it is made for.
    fn verdict(&self, shown: &Shown, now: i64) -> Verdict {
        let mut presented = vec![shown.certificate.clone()];
        let others = shown.beside.iter().filter(|other| other.der() != shown.certificate.der());
        presented.extend(others.cloned());
        ChainCheck {
            presented: &presented,
            trust: self.trust,
            crls: &[],
            purpose: match &shown.server {
                Some(_) => Purpose::Server,
                None => purpose(&shown.certificate),
            },
            name: shown.server.clone().map(|name| (name, self.name_check.clone())),
            time: now,
            security_level: 2,
        }
        .verdict()
    }
}

fn purpose(certificate: &Certificate) -> Purpose {
    if certificate.is_ca() {
        return Purpose::Any;
    }
    let Some(purposes) = certificate.extended_key_usage() else { return Purpose::Any };
    let has = |wanted: ExtendedKeyUsage| purposes.contains(&wanted.oid());
    if has(ExtendedKeyUsage::SERVER_AUTH) {
        Purpose::Server
    } else if has(ExtendedKeyUsage::CLIENT_AUTH) {
        Purpose::Client
    } else {
        Purpose::Any
    }
}
