//! Possible issuers among the certificates of one place: a file may hold tens of thousands.

use std::collections::{HashMap, HashSet};

use sealwire::pki::{Certificate, Name};

/// How many may stand above one certificate. More of one name are made to cost time.
const MOST: usize = 100;

/// The certificates of a place, by subject.
pub(super) struct Issuers<'a>(HashMap<String, Vec<&'a Certificate>>);

impl<'a> Issuers<'a> {
    pub(super) fn of(all: impl Iterator<Item = &'a Certificate>) -> Self {
        let mut by_subject: HashMap<_, Vec<_>> = HashMap::new();
        for one in all {
            by_subject.entry(key(&one.subject())).or_default().push(one);
        }
        Self(by_subject)
    }

    /// Those that have the name of its issuer, those with the names of theirs, and so on.
    pub(super) fn above(&self, certificate: &Certificate) -> Vec<Certificate> {
        let mut above: Vec<Certificate> = Vec::new();
        let mut seen = HashSet::new();
        let mut names = vec![key(&certificate.issuer())];
        while let Some(name) = names.pop() {
            let issuers = self.0.get(&name).map_or(&[][..], Vec::as_slice);
            if !seen.insert(name) {
                continue;
            }
            for &issuer in issuers.iter().take(MOST - above.len().min(MOST)) {
                names.push(key(&issuer.issuer()));
                above.push(issuer.clone());
            }
        }
        above
    }
}

/// Equal for names that OpenSSL takes for equal: case, blanks and the type of a string do not count.
fn key(name: &Name) -> String {
    let name = name.to_string();
    name.chars().filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
