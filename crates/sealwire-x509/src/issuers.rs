//! Who may be an issuer, and who is to blame when the wrong one was chosen.

use aws_lc_sys as c;

use crate::certificate::Certificate;
use crate::chain::Attempt;
use crate::codes::{is_about_names, is_about_revocation};
use crate::cost;
use crate::verify::{ChainError, MAX_INTERMEDIATES, Request};

/// Who may be an issuer in the next run.
pub(crate) struct Candidates<'a> {
    pub(crate) request: Request<'a>,
    pub(crate) intermediates: Vec<&'a Certificate>,
    pub(crate) trusted: Vec<&'a Certificate>,
    pub(crate) partial_chain: bool,
}

/// A certificate whose choice as an issuer was a mistake.
#[derive(Clone, Copy)]
pub(crate) struct Culprit<'a> {
    certificate: &'a Certificate,
    /// It led nowhere as a trusted certificate, but may do as an intermediate.
    only_as_trusted: bool,
    /// Its key cannot have made the signature, whatever the key's value.
    pub(crate) of_wrong_key_kind: bool,
}

impl<'a> Candidates<'a> {
    pub(crate) fn of(request: &Request<'a>) -> Self {
        let Request { leaf, intermediates, trust, crls, partial_chain, .. } = *request;
        // A self-issued leaf whose key usage lacks keyCertSign is not "self-signed" to AWS-LC, so
        // it never ends a chain. To OpenSSL 3 it does: trusted itself, it needs no issuer. That is
        // a chain of one that ends at a trusted certificate. Nothing else may take part in it, nor
        // in the no when it is not trusted: another trusted certificate of the same name is not
        // its issuer (OpenSSL's "self-signed untrusted mimic").
        if leaf.fits_issuer(leaf) == c::X509_V_ERR_KEYUSAGE_NO_CERTSIGN {
            let itself = trust.find(leaf);
            let partial_chain = itself.is_some() || partial_chain;
            let (intermediates, trusted) = (Vec::new(), itself.into_iter().collect());
            return Self { request: *request, intermediates, trusted, partial_chain };
        }
        let mut intermediates = &intermediates[..intermediates.len().min(MAX_INTERMEDIATES)];
        let mut trusted = trust.relevant(leaf, &intermediates.iter().collect::<Vec<_>>());
        let affordable = cost::affordable(leaf, intermediates, &trusted, crls);
        if affordable < intermediates.len() {
            intermediates = &intermediates[..affordable];
            trusted = trust.relevant(leaf, &intermediates.iter().collect::<Vec<_>>());
        }
        let intermediates = intermediates.iter().collect();
        Self { request: *request, intermediates, trusted, partial_chain }
    }

    /// Whether there was something to leave out: false when it was not among the candidates.
    pub(crate) fn leave_out(&mut self, culprit: Culprit<'_>) -> bool {
        let before = self.intermediates.len() + self.trusted.len();
        if !culprit.only_as_trusted {
            self.intermediates.retain(|candidate| *candidate != culprit.certificate);
        }
        self.trusted.retain(|candidate| *candidate != culprit.certificate);
        self.intermediates.len() + self.trusted.len() != before
    }

    /// The certificate that AWS-LC means by a pointer: every one it knows is one of these.
    pub(crate) fn find(&self, pointer: *mut c::X509) -> Option<&'a Certificate> {
        std::iter::once(self.request.leaf)
            .chain(self.intermediates.iter().copied())
            .chain(self.trusted.iter().copied())
            .find(|certificate| certificate.as_ptr() == pointer)
    }
}

impl Attempt {
    /// The issuer to do without in another try; `None` when the answer is yes, or when no other
    /// issuer could make it one.
    pub(crate) fn culprit(&self) -> Option<Culprit<'_>> {
        let hopeless = |error: &ChainError| {
            error.code == c::X509_V_ERR_CERT_REVOKED
                || (error.depth == 0 && !is_about_the_issuer(error.code))
        };
        if self.errors.iter().any(hopeless) {
            return None;
        }
        self.errors.iter().find_map(|error| self.blamed_for(error))
    }

    fn blamed_for(&self, error: &ChainError) -> Option<Culprit<'_>> {
        let at = |depth: usize| self.chain.get(depth).filter(|_| depth > 0);
        let culprit =
            |certificate| Culprit { certificate, only_as_trusted: false, of_wrong_key_kind: false };
        match error.code {
            c::X509_V_ERR_CERT_SIGNATURE_FAILURE => {
                let issuer = at(error.depth + 1)?;
                let of_wrong_key_kind = !can_have_signed(issuer, &self.chain[error.depth]);
                Some(Culprit { of_wrong_key_kind, ..culprit(issuer) })
            }
            c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT => {
                Some(Culprit { only_as_trusted: true, ..culprit(at(error.depth)?) })
            }
            code if is_about_names(code) => {
                let above = self.chain.iter().skip(error.depth + 1);
                above.into_iter().find(|issuer| issuer.has_name_constraints()).map(culprit)
            }
            code if is_about_revocation(code) => None,
            _ => at(error.depth).map(culprit),
        }
    }
}

/// Errors at the leaf that another choice of issuer could do away with.
fn is_about_the_issuer(code: i32) -> bool {
    matches!(
        code,
        c::X509_V_ERR_CERT_SIGNATURE_FAILURE
            | c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
            | c::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
    ) || is_about_names(code)
        || is_about_revocation(code)
}

/// Whether the issuer's key is of the kind that the signature's algorithm needs.
fn can_have_signed(issuer: &Certificate, subject: &Certificate) -> bool {
    let mut wanted = c::NID_undef;
    // SAFETY: two live certificates, the key null or the issuer's own; one writable number, and
    // null for what is not wanted.
    let (known, key) = unsafe {
        let known = c::X509_get_signature_info(
            subject.as_ptr(),
            std::ptr::null_mut(),
            &raw mut wanted,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        );
        (known, c::X509_get0_pubkey(issuer.as_ptr()))
    };
    if known != 1 || key.is_null() {
        return true;
    }
    // SAFETY: a live key.
    let kind = unsafe { c::EVP_PKEY_id(key) };
    kind == wanted || (kind == c::EVP_PKEY_RSA && wanted == c::EVP_PKEY_RSA_PSS)
}
