//! Where OpenSSL 3 judges otherwise than AWS-LC, or tells it otherwise.
//!
//! The checks here and in [`rules`](crate::rules) only refuse: a yes of AWS-LC may become a no. The
//! rest turns the words of a no into those that OpenSSL 3 and Node have for it. Three things that
//! AWS-LC says are passed over: see the methods whose names begin with `admit`.

use aws_lc_sys as c;

use crate::certificate::Certificate;
use crate::chain::Attempt;
use crate::codes::{self, is_about_names, is_about_revocation};
use crate::issuers::Candidates;
use crate::key_usage::KeyUsage;
use crate::mend::Irregularity;
use crate::purpose::Purpose;
use crate::request::{ChainError, Request};
use crate::rules;

impl Attempt {
    pub(crate) fn agree_with_openssl(&mut self, candidates: &Candidates<'_>) {
        self.admit_anchor(&candidates.request);
        self.admit_trusted_use(&candidates.request);
        self.admit_end_entity_with_path_length();
        self.check_curves();
        self.check_path_lengths();
        self.refuse_rejected(&candidates.request);
        self.refuse_irregular();
        self.add_all(rules::broken(&self.chain, candidates));
        self.speak_openssl_3(candidates);
    }

    /// Adds what revocation lists say, where OpenSSL 3 asks them.
    pub(crate) fn add_revocation(&mut self, errors: Vec<ChainError>) {
        let later = |error: &ChainError| rank(error) > (3, isize::MAX, 0);
        let position = self.errors.iter().position(later).unwrap_or(self.errors.len());
        self.errors.splice(position..position, errors);
    }

    /// Adds what others found wrong with the chain.
    pub(crate) fn add_all(&mut self, errors: Vec<ChainError>) {
        for error in errors {
            insert(&mut self.errors, error);
        }
    }

    /// In a chain of several, a curve is named, never spelled out (OpenSSL's `check_curve`).
    fn check_curves(&mut self) {
        if self.chain.len() < 2 {
            return;
        }
        for (depth, certificate) in self.chain.iter().enumerate() {
            // SAFETY: a live certificate; its keys are null or its own.
            let explicit = unsafe {
                let key = c::X509_get0_pubkey(certificate.as_ptr());
                let ec =
                    if key.is_null() { std::ptr::null() } else { c::EVP_PKEY_get0_EC_KEY(key) };
                !ec.is_null() && c::EC_KEY_decoded_from_explicit_params(ec) != 0
            };
            if explicit {
                let code = codes::EC_KEY_EXPLICIT_PARAMS;
                insert(&mut self.errors, ChainError::new(code, depth, Some(certificate.clone())));
            }
        }
    }

    /// A certificate without basicConstraints whose key usage lets it sign is some kind of CA to
    /// OpenSSL 3: suitable for the purpose, and as an anchor enough of one (its extensions are no
    /// part of the path: [RFC 5280, 6.1.1](https://www.rfc-editor.org/rfc/rfc5280#section-6.1.1),
    /// d). AWS-LC tells the callback that it is not a CA, and goes
    /// on; of an anchor, this is the one thing told that is passed over.
    fn admit_anchor(&mut self, request: &Request<'_>) {
        let is_plain = |certificate: &Certificate| {
            certificate.version() == 3
                && !certificate.has_basic_constraints()
                && certificate.key_usage().is_some_and(|it| it.contains(KeyUsage::KeyCertSign))
        };
        let top = self.chain.len().saturating_sub(1);
        for (depth, plain) in self.chain.iter().enumerate().skip(1).filter(|(_, it)| is_plain(it)) {
            let is_anchor = depth == top && request.trust.contains(plain);
            let suits = extended_usage_allows(plain, request.purpose);
            self.errors.retain(|error| {
                let passed_over = (error.code == codes::INVALID_CA && is_anchor)
                    || (error.code == c::X509_V_ERR_INVALID_PURPOSE && suits);
                error.depth != depth || !passed_over
            });
        }
    }

    /// Trust settings that name a use trust for it whatever the certificate's own extended key usage
    /// is, as in OpenSSL 3. (AWS-LC asks both.) That it is a CA, and may sign, is another question.
    fn admit_trusted_use(&mut self, request: &Request<'_>) {
        for (depth, certificate) in self.chain.iter().enumerate().skip(1) {
            let settings = request.trust.find(certificate).and_then(|it| it.trust_settings());
            if settings.is_some_and(|it| it.trust_for(request.purpose))
                && !extended_usage_allows(certificate, request.purpose)
            {
                self.errors.retain(|error| {
                    error.depth != depth || error.code != c::X509_V_ERR_INVALID_PURPOSE
                });
            }
        }
    }

    /// AWS-LC was given a copy of such a certificate, so the signature is asked about here: by the
    /// issuer's key, over the bytes as they are.
    fn admit_end_entity_with_path_length(&mut self) {
        let Some([leaf, issuer]) = self.chain.get(..2) else { return };
        if leaf.is_judged_by_copy() && leaf.signature_is_by(issuer) {
            self.errors.retain(|error| {
                error.depth != 0 || error.code != c::X509_V_ERR_CERT_SIGNATURE_FAILURE
            });
        }
    }

    /// A path length constraint binds its certificate whether that is self-issued or not. (AWS-LC
    /// does not look at that of self-issued ones, a root's least of all.
    /// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) leaves it open
    /// what a trust anchor's constraints mean; OpenSSL 3 and Node enforce them.)
    fn check_path_lengths(&mut self) {
        let mut below = 0;
        for (depth, certificate) in self.chain.iter().enumerate().skip(1) {
            let limit = certificate.basic_constraints().and_then(|(_, path_len)| path_len);
            if limit.is_some_and(|limit| below > limit) {
                let code = c::X509_V_ERR_PATH_LENGTH_EXCEEDED;
                let error = ChainError::new(code, depth, Some(certificate.clone()));
                if !self.errors.contains(&error) {
                    insert(&mut self.errors, error);
                }
            }
            below += u32::from(!certificate.is_self_issued());
        }
    }

    /// Trust settings that reject a certificate count wherever it stands in the chain. (AWS-LC
    /// does not look at them when a partial chain ends at the leaf.)
    fn refuse_rejected(&mut self, request: &Request<'_>) {
        if !self.accepted() {
            return;
        }
        let purpose = match request.purpose {
            Purpose::Server => c::X509_TRUST_SSL_SERVER,
            Purpose::Client => c::X509_TRUST_SSL_CLIENT,
            Purpose::Any => 0,
        };
        for (depth, certificate) in self.chain.iter().enumerate() {
            let Some(trusted) = request.trust.find(certificate) else { continue };
            // SAFETY: a live certificate.
            let trust = unsafe { c::X509_check_trust(trusted.anchor_ptr(), purpose, 0) };
            if trust == c::X509_TRUST_REJECTED {
                let code = c::X509_V_ERR_CERT_REJECTED;
                self.errors.push(ChainError::new(code, depth, Some(certificate.clone())));
            }
        }
    }

    /// What was mended for AWS-LC to read is not trusted, in any trust set.
    fn refuse_irregular(&mut self) {
        for (depth, certificate) in self.chain.iter().enumerate() {
            let code = match certificate.irregularity() {
                None => continue,
                Some(Irregularity::Time) => c::X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD,
                Some(Irregularity::Version(_)) => c::X509_V_ERR_INVALID_EXTENSION,
            };
            let certificate = Some(certificate.clone());
            insert(&mut self.errors, ChainError::new(code, depth, certificate));
        }
    }

    /// Tells a no in the words OpenSSL 3 has for it where AWS-LC's differ. A no stays a no.
    fn speak_openssl_3(&mut self, candidates: &Candidates<'_>) {
        for error in &mut self.errors {
            // OpenSSL counts from the certificate whose key it is.
            if error.code == c::X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY
                && error.certificate.is_some()
                && error.certificate.as_ref() == self.chain.get(error.depth + 1)
            {
                error.depth += 1;
            }
        }
        let no_issuer = |error: &ChainError| {
            error.code == c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
                || error.code == c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        };
        let Some(missing) = self.errors.iter().position(no_issuer) else { return };
        let Some(top) = self.chain.last().cloned() else { return };
        let depth = self.chain.len() - 1;
        if depth == 0 {
            self.errors.extend(time_error(&top, candidates.request.time));
        }
        if top.is_own_issuer_without_leave() {
            // Self-issued, and not allowed to sign: "self-signed" to OpenSSL 3 all the same.
            self.errors[missing].code = if depth == 0 {
                c::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
            } else {
                c::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
            };
        } else if let Some(issuer) = candidates
            .trusted
            .iter()
            .chain(&candidates.intermediates)
            .find(|issuer| top.fits_issuer(issuer) == c::X509_V_ERR_KEYUSAGE_NO_CERTSIGN)
        {
            // The issuer is there but may not sign: AWS-LC passes over it, OpenSSL 3 names it.
            self.errors.remove(missing);
            let mut codes = vec![
                codes::INVALID_CA,
                c::X509_V_ERR_INVALID_PURPOSE,
                c::X509_V_ERR_KEYUSAGE_NO_CERTSIGN,
            ];
            codes.retain(|code| {
                *code != c::X509_V_ERR_INVALID_PURPOSE || candidates.request.purpose != Purpose::Any
            });
            for code in codes {
                let certificate = Some(Certificate::clone(issuer));
                insert(&mut self.errors, ChainError::new(code, depth + 1, certificate));
            }
        } else {
            return;
        }
        self.errors.retain(|error| error.code != c::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE);
    }
}

/// Puts an error where OpenSSL 3 would have met it: it checks the leaf's key size, builds the
/// chain, checks extensions from the leaf up, then the sizes of other keys and the digests, then
/// revocation, then signatures and times from the top down, then names.
fn insert(errors: &mut Vec<ChainError>, error: ChainError) {
    let position = errors.iter().position(|other| rank(other) > rank(&error));
    errors.insert(position.unwrap_or(errors.len()), error);
}

fn rank(error: &ChainError) -> (i8, isize, i8) {
    let up = isize::try_from(error.depth).unwrap_or(isize::MAX);
    match error.code {
        codes::EE_KEY_TOO_SMALL => (-1, 0, 0),
        c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
        | c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        | c::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
        | c::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN => (0, 0, 0),
        c::X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION => (1, up, 0),
        codes::INVALID_CA => (1, up, 1),
        codes::EC_KEY_EXPLICIT_PARAMS => (1, up, 2),
        c::X509_V_ERR_INVALID_PURPOSE => (1, up, 3),
        c::X509_V_ERR_PATH_LENGTH_EXCEEDED => (1, up, 4),
        codes::CA_KEY_TOO_SMALL | codes::CA_MD_TOO_WEAK => (2, up, 0),
        code if is_about_revocation(code) => (3, up, 0),
        code if is_about_names(code) => (5, -up, 0),
        _ => (4, -up, 0),
    }
}

/// Whether the extended key usage, if there is one, allows what `purpose` asks for.
fn extended_usage_allows(certificate: &Certificate, purpose: Purpose) -> bool {
    let wanted = match purpose {
        Purpose::Server => c::XKU_SSL_SERVER,
        Purpose::Client => c::XKU_SSL_CLIENT,
        Purpose::Any => return true,
    };
    // SAFETY: a live certificate. All ones when there is no such extension.
    unsafe { c::X509_get_extended_key_usage(certificate.judged_ptr()) & wanted as u32 != 0 }
}

/// AWS-LC leaves the times of a lone leaf without an issuer unchecked; OpenSSL checks them last.
fn time_error(leaf: &Certificate, now: i64) -> Option<ChainError> {
    let code = if leaf.not_before() > now {
        c::X509_V_ERR_CERT_NOT_YET_VALID
    } else if leaf.not_after() <= now {
        c::X509_V_ERR_CERT_HAS_EXPIRED
    } else {
        return None;
    };
    Some(ChainError::new(code, 0, Some(leaf.clone())))
}
