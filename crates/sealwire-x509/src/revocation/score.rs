//! Which of the lists is the best for a certificate, and the signer of that list.

use super::{Check, Subject, time_errors};
use crate::certificate::Certificate;
use crate::crl::Crl;
use crate::distribution_point::{PointName, have_one_in_common};
use crate::list_terms::{KeyReference, Terms};

// How suitable a list is: the weights of OpenSSL, which add up. More of the higher ones wins.
const NO_UNKNOWN_CRITICAL: u16 = 0x100;
const SCOPE: u16 = 0x080;
const TIME: u16 = 0x040;
const ISSUER_NAME: u16 = 0x020;
const ISSUER_CERTIFICATE: u16 = 0x018;
const SAME_PATH: u16 = 0x008;
const KEY: u16 = 0x004;

/// The best list for a certificate.
pub(super) struct Found<'a> {
    pub(super) list: &'a Crl,
    /// What has changed since.
    pub(super) delta: Option<&'a Crl>,
    pub(super) signer: &'a Certificate,
    score: u16,
    /// The reasons that are covered with it.
    pub(super) covers: u16,
}

impl Found<'_> {
    pub(super) fn in_scope(&self) -> bool {
        self.score & SCOPE != 0
    }

    pub(super) fn signer_is_on_path(&self) -> bool {
        self.score & SAME_PATH != 0
    }
}

/// Why lists that could be meant were passed over.
#[derive(Default)]
pub(super) struct Passed(Vec<String>);

impl Passed {
    fn note(&mut self, why: String) {
        if !self.0.contains(&why) {
            self.0.push(why);
        }
    }

    /// In a sentence: that there is no list for the certificate.
    pub(super) fn told(&self, certificate: &Certificate, covered: u16) -> String {
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        let what = if covered == 0 {
            format!("no revocation list for \"{subject}\" of its issuer \"{issuer}\" was given")
        } else {
            format!(
                "the revocation lists of \"{issuer}\" for \"{subject}\" do not cover all reasons \
                 for a revocation"
            )
        };
        if self.0.is_empty() { what } else { format!("{what} ({})", self.0.join("; ")) }
    }
}

impl<'a> Check<'a> {
    /// The most suitable list that adds a reason to those covered; of equal ones the newest.
    pub(super) fn best(
        &'a self,
        subject: &Subject<'_>,
        covered: u16,
        passed: &mut Passed,
    ) -> Option<Found<'a>> {
        let lists = self.candidates.request.crls;
        let mut best: Option<Found<'a>> = None;
        for list in lists {
            let Some(found) = self.rate(list, subject, covered, passed) else { continue };
            let better = best.as_ref().is_none_or(|best| {
                (best.score, best.list.this_update()) < (found.score, list.this_update())
            });
            if better {
                best = Some(found);
            }
        }
        let mut best = best?;
        best.delta = lists
            .iter()
            .filter(|delta| {
                belongs_to(delta.terms(), best.list.terms()) && delta.has_issuer_of(best.list)
            })
            .max_by(|a, b| {
                a.terms().number.partial_cmp(&b.terms().number).unwrap_or(std::cmp::Ordering::Equal)
            });
        Some(best)
    }

    fn rate(
        &'a self,
        list: &'a Crl,
        subject: &Subject<'_>,
        covered: u16,
        passed: &mut Passed,
    ) -> Option<Found<'a>> {
        let terms = list.terms();
        let is_issuers = list.is_issued_in_name_of(subject.certificate);
        let mut pass_over = |why: &str| {
            if is_issuers || terms.indirect {
                passed.note(format!("a list of \"{}\" {why}", list.issuer()));
            }
            None
        };
        if terms.invalid {
            return pass_over("has extensions that cannot be read or contradict each other");
        }
        if let Some(base) = &terms.base {
            return pass_over(&format!(
                "is a delta list, and the complete list that it is to be added to (number {base} or \
                 later) is not there"
            ));
        }
        if !is_issuers && !terms.indirect {
            return None;
        }
        let mut score = 0;
        if is_issuers {
            score |= ISSUER_NAME;
        }
        if !terms.unknown_critical {
            score |= NO_UNKNOWN_CRITICAL;
        }
        if time_errors(list, self.candidates.request.time).next().is_none() {
            score |= TIME;
        }
        let Some((signer, of_signer)) = self.signer(list, subject.depth, is_issuers) else {
            return pass_over(
                "was signed by a key whose certificate is missing (its authorityKeyIdentifier \
                 names another key than the issuer's)",
            );
        };
        score |= of_signer;
        let mut covers = covered;
        match scope(terms, list, subject, is_issuers) {
            Ok(reasons) if reasons & !covered == 0 => return None,
            Ok(reasons) => {
                covers |= reasons;
                score |= SCOPE;
            }
            Err(why) => {
                if terms.reasons() & !covered == 0 {
                    return None;
                }
                pass_over(why);
            }
        }
        Some(Found { list, delta: None, signer, score, covers })
    }

    /// Whose key signed the list: the issuer on the path, another certificate of its name there, or
    /// one among those that came with the chain or are trusted.
    fn signer(
        &'a self,
        list: &Crl,
        depth: usize,
        is_issuers: bool,
    ) -> Option<(&'a Certificate, u16)> {
        let key = &list.terms().key;
        let next = (depth + 1).min(self.chain.len() - 1);
        let issuer = &self.chain[next];
        if is_issuers && key.is_of(issuer) {
            return Some((issuer, KEY | ISSUER_CERTIFICATE));
        }
        let signs = |certificate: &&Certificate| {
            list.is_issued_by_name_of(certificate) && key.is_of(certificate)
        };
        if let Some(above) = self.chain[next + 1..].iter().find(signs) {
            return Some((above, KEY | SAME_PATH));
        }
        let others = self.candidates.intermediates.iter().chain(&self.candidates.trusted);
        others.copied().find(signs).map(|signer| (signer, KEY))
    }
}

impl KeyReference {
    /// Whether it is this certificate's key that is meant (`X509_check_akid`).
    fn is_of(&self, certificate: &Certificate) -> bool {
        let id = certificate.subject_key_id();
        if let (Some(wanted), Some(id)) = (&self.id, &id)
            && **wanted != **id
        {
            return false;
        }
        let Some(fields) = certificate.tbs_fields() else { return false };
        let issuer = certificate.issuer_ptr();
        self.serial.as_deref().is_none_or(|serial| serial == fields.serial)
            // SAFETY: the name of a live certificate, unchanged since it was parsed.
            && self.issuer.as_ref().is_none_or(|name| unsafe { name.is(issuer) })
    }
}

/// The reasons for which the list is about the certificate; or why it is not about it.
fn scope(
    terms: &Terms,
    list: &Crl,
    subject: &Subject<'_>,
    is_issuers: bool,
) -> Result<u16, &'static str> {
    let is_ca = subject.certificate.basic_constraints().is_some_and(|(ca, _)| ca);
    if terms.only_attributes {
        return Err("is about attribute certificates only");
    }
    if is_ca && terms.only_users {
        return Err("is about certificates of end entities only");
    }
    if !is_ca && terms.only_cas {
        return Err("is about certificates of CAs only");
    }
    let by_issuer = |issuers: &Option<Vec<PointName>>| match issuers {
        None => is_issuers,
        Some(names) => names.iter().any(|name| match name {
            PointName::Directory(name) => list.is_issued_by(name),
            PointName::Other(_) => false,
        }),
    };
    for point in subject.points.iter().filter(|point| by_issuer(&point.issuers)) {
        if have_one_in_common(point.names.as_deref(), terms.names.as_deref()) {
            return Ok(terms.reasons() & point.reasons);
        }
    }
    if terms.names.is_none() && is_issuers {
        return Ok(terms.reasons());
    }
    Err("is for another distribution point than the certificate's")
}

/// Whether a delta list is to be added to a complete one.
fn belongs_to(delta: &Terms, complete: &Terms) -> bool {
    let (Some(base), Some(number)) = (&delta.base, &complete.number) else { return false };
    !delta.invalid
        && delta.shared == complete.shared
        && base <= number
        && delta.number.as_ref().is_some_and(|later| later > number)
}
