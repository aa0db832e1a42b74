//! Whether a certificate is revoked: which lists are about it, whether they hold, and what they say
//! ([RFC 5280 section 6.3](https://www.rfc-editor.org/rfc/rfc5280#section-6.3)),
//! as OpenSSL 3 decides it with `-crl_check_all -extended_crl -use_deltas`.
//!
//! AWS-LC knows neither indirect lists, nor lists signed by another key of the CA or about some
//! reasons only, nor delta lists. So `X509_verify_cert` judges the chain without lists, and what is
//! here is asked afterwards. It only refuses.

mod score;

use aws_lc_sys as c;

use crate::certificate::Certificate;
use crate::chain::{self, Attempt};
use crate::codes::CRL_PATH_VALIDATION_ERROR;
use crate::crl::{Crl, Signature};
use crate::distribution_point::{ALL_REASONS, Point};
use crate::error::Error;
use crate::issuers::Candidates;
use crate::key_usage::KeyUsage;
use crate::list_terms::{Extension, Said};
use crate::request::{ChainError, Veto};
use score::{Found, Passed};

/// The signature of a larger list is not checked by the keys of a chain that does not hold: the sender that
/// sent the chain could have it hashed on every connection.
const SMALL: usize = 64 * 1024;

/// Runs `X509_verify_cert` once, and asks the revocation lists about the chain that it built.
pub(crate) fn attempt(candidates: &Candidates<'_>, veto: Veto<'_>) -> Result<Attempt, Error> {
    let mut attempt = chain::attempt(candidates, veto)?;
    let holds = attempt.accepted();
    let chain = &attempt.chain;
    let errors = Check { candidates, veto, chain, holds, of_a_signer: false }.errors()?;
    attempt.add_revocation(errors);
    Ok(attempt)
}

/// The lists, and the chain that is held to them.
struct Check<'a> {
    candidates: &'a Candidates<'a>,
    veto: Veto<'a>,
    /// The chain, leaf first.
    chain: &'a [Certificate],
    /// Whether the chain holds but for lists.
    holds: bool,
    /// Whether the chain is that of a list's signer, whose lists have to be signed on that chain.
    of_a_signer: bool,
}

/// A certificate of the chain, and what lists are compared with.
struct Subject<'a> {
    depth: usize,
    certificate: &'a Certificate,
    points: Vec<Point>,
    /// The contents of the serial number's INTEGER.
    serial: Vec<u8>,
}

impl Check<'_> {
    /// What the lists have against the chain, from the leaf up.
    fn errors(&self) -> Result<Vec<ChainError>, Error> {
        let mut errors = Vec::new();
        if self.candidates.request.crls.is_empty() {
            return Ok(errors);
        }
        for (depth, certificate) in self.chain.iter().enumerate() {
            let mut find = |code, detail: Option<String>| {
                let certificate = Some(certificate.clone());
                errors.push(ChainError { code, depth, certificate, detail });
            };
            match Subject::new(depth, certificate) {
                Some(subject) => self.check(&subject, &mut find)?,
                None => find(c::X509_V_ERR_INVALID_EXTENSION, None),
            }
        }
        Ok(errors)
    }

    /// Looks for lists until every reason to revoke the certificate is covered.
    fn check(
        &self,
        subject: &Subject<'_>,
        find: &mut impl FnMut(i32, Option<String>),
    ) -> Result<(), Error> {
        let mut covered = 0;
        while covered != ALL_REASONS {
            let mut passed = Passed::default();
            let Some(found) = self.best(subject, covered, &mut passed) else {
                find(
                    c::X509_V_ERR_UNABLE_TO_GET_CRL,
                    Some(passed.told(subject.certificate, covered)),
                );
                return Ok(());
            };
            self.check_list(found.list, &found, find)?;
            let mut said = Said::Nothing;
            if let Some(delta) = found.delta {
                self.check_list(delta, &found, find)?;
                said = subject.said_by(delta);
            }
            if said == Said::Nothing {
                said = subject.said_by(found.list);
            }
            if said == Said::Revoked {
                find(c::X509_V_ERR_CERT_REVOKED, None);
            }
            if found.covers == covered {
                find(
                    c::X509_V_ERR_UNABLE_TO_GET_CRL,
                    Some(passed.told(subject.certificate, covered)),
                );
                return Ok(());
            }
            covered = found.covers;
        }
        Ok(())
    }

    /// Whether a list that was found may be believed.
    fn check_list(
        &self,
        list: &Crl,
        found: &Found<'_>,
        find: &mut impl FnMut(i32, Option<String>),
    ) -> Result<(), Error> {
        let terms = list.terms();
        if terms.base.is_none() {
            let usage = found.signer.key_usage();
            if usage.is_some_and(|usage| !usage.contains(KeyUsage::CrlSign)) {
                find(c::X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, None);
            }
            if !found.in_scope() {
                find(c::X509_V_ERR_DIFFERENT_CRL_SCOPE, None);
            }
            if !found.signer_is_on_path() && !self.signer_is_trusted(found.signer)? {
                let detail = format!(
                    "the certificate that signed the revocation list, \"{}\", is not trusted itself",
                    found.signer.subject()
                );
                find(CRL_PATH_VALIDATION_ERROR, Some(detail));
            }
        }
        for code in time_errors(list, self.candidates.request.time) {
            find(code, None);
        }
        if self.holds || list.der().len() <= SMALL {
            match list.signature_by(found.signer) {
                Signature::Good => {}
                Signature::Bad => find(c::X509_V_ERR_CRL_SIGNATURE_FAILURE, None),
                Signature::NoKey => find(c::X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, None),
            }
        }
        if terms.unknown_critical {
            find(c::X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION, None);
        }
        Ok(())
    }

    /// Whether a signer that is not on the chain is trusted, by the anchor of the chain, and is not
    /// revoked. Its own lists have to be signed on its path: nothing goes round in circles.
    fn signer_is_trusted(&self, signer: &Certificate) -> Result<bool, Error> {
        if self.of_a_signer || !self.holds {
            return Ok(!self.holds);
        }
        let candidates = self.candidates.for_signer(signer);
        let attempt = chain::attempt(&candidates, self.veto)?;
        if !attempt.accepted() || attempt.chain.last() != self.chain.last() {
            return Ok(false);
        }
        let check = Check {
            candidates: &candidates,
            veto: self.veto,
            chain: &attempt.chain,
            holds: true,
            of_a_signer: true,
        };
        Ok(check.errors()?.is_empty())
    }
}

/// What speaks against a list at this time.
fn time_errors(list: &Crl, now: i64) -> impl Iterator<Item = i32> {
    let this = match list.this_update() {
        i64::MAX => Some(c::X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD),
        this if this > now => Some(c::X509_V_ERR_CRL_NOT_YET_VALID),
        _ => None,
    };
    let next = match list.next_update() {
        Some(i64::MIN) => Some(c::X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD),
        Some(next) if next <= now => Some(c::X509_V_ERR_CRL_HAS_EXPIRED),
        _ => None,
    };
    this.into_iter().chain(next)
}

impl<'a> Subject<'a> {
    fn new(depth: usize, certificate: &'a Certificate) -> Option<Self> {
        const POINTS: &[u8] = &[0x55, 0x1D, 0x1F];
        let fields = certificate.tbs_fields()?;
        let mut points = Vec::new();
        for extension in Extension::all(fields.extensions)? {
            if extension.oid == POINTS {
                points = Point::all(extension.value, fields.issuer)?;
            }
        }
        Some(Self { depth, certificate, points, serial: fields.serial.to_vec() })
    }

    fn said_by(&self, list: &Crl) -> Said {
        let terms = list.terms();
        if !terms.has_own_entries() {
            return if list.has_entry_for(self.certificate) {
                Said::Revoked
            } else {
                Said::Nothing
            };
        }
        let issuer = self.certificate.issuer_ptr();
        list.look_up(&self.serial, |name| match name {
            // SAFETY: the name of a live certificate, unchanged since it was parsed.
            Some(name) => unsafe { name.is(issuer) },
            None => list.is_issued_in_name_of(self.certificate),
        })
    }
}
