//! The candidates for an issuer.

use aws_lc_sys as c;

use crate::budget;
use crate::certificate::Certificate;
use crate::key_kind::can_have_signed;
use crate::purpose::Purpose;
use crate::request::{MAX_INTERMEDIATES, Request};

/// The candidates for an issuer in the next run.
pub(crate) struct Candidates<'a> {
    pub(crate) request: Request<'a>,
    pub(crate) intermediates: Vec<&'a Certificate>,
    pub(crate) trusted: Vec<&'a Certificate>,
    pub(crate) partial_chain: bool,
    /// For what the anchors are trusted, when that is not the leaf's purpose.
    pub(crate) trusted_for: Option<Purpose>,
}

/// A certificate whose choice as an issuer was a mistake.
#[derive(Clone, Copy)]
pub(crate) struct Culprit<'a> {
    pub(crate) certificate: &'a Certificate,
    /// No chain was found with it as a trusted certificate; it may work as an intermediate.
    pub(crate) only_as_trusted: bool,
    /// Its key cannot have made the signature, whatever the key's value.
    pub(crate) of_wrong_key_kind: bool,
}

impl Certificate {
    /// Whether it is self-signed, as far as names and kinds of keys tell, and its key usage does not
    /// let it sign.
    pub(crate) fn is_own_issuer_without_leave(&self) -> bool {
        self.fits_issuer(self) == c::X509_V_ERR_KEYUSAGE_NO_CERTSIGN && can_have_signed(self, self)
    }
}

impl<'a> Candidates<'a> {
    pub(crate) fn of(request: &Request<'a>) -> Self {
        let Request { leaf, intermediates, trust, partial_chain, .. } = *request;
        // A self-issued leaf whose key usage lacks keyCertSign is not "self-signed" to AWS-LC, so
        // it never ends a chain. To OpenSSL 3 it does: trusted itself, it needs no issuer. That is
        // a chain of one that ends at a trusted certificate. Nothing else may take part in it, nor
        // in the no when it is not trusted: another trusted certificate of the same name is not
        // its issuer (OpenSSL's "self-signed untrusted mimic").
        if leaf.is_own_issuer_without_leave() {
            let itself = trust.find(leaf);
            let partial_chain = itself.is_some() || partial_chain;
            let (intermediates, trusted) = (Vec::new(), itself.into_iter().collect());
            return Self {
                request: *request,
                intermediates,
                trusted,
                partial_chain,
                trusted_for: None,
            };
        }
        let mut intermediates = &intermediates[..intermediates.len().min(MAX_INTERMEDIATES)];
        let mut trusted = trust.relevant(leaf, &intermediates.iter().collect::<Vec<_>>());
        let affordable = budget::affordable(leaf, intermediates, &trusted);
        if affordable < intermediates.len() {
            intermediates = &intermediates[..affordable];
            trusted = trust.relevant(leaf, &intermediates.iter().collect::<Vec<_>>());
        }
        let intermediates = intermediates.iter().collect();
        Self { request: *request, intermediates, trusted, partial_chain, trusted_for: None }
    }

    /// The same, to find out whether the signer of a revocation list is trusted: whatever it is
    /// meant for, below an anchor that is trusted for the purpose at hand.
    pub(crate) fn for_signer<'b>(&self, signer: &'b Certificate) -> Candidates<'b>
    where
        'a: 'b,
    {
        let leaf = signer;
        Candidates {
            request: Request { leaf, purpose: Purpose::Any, ..self.request },
            intermediates: self.intermediates.clone(),
            trusted: self.request.trust.relevant(leaf, &self.intermediates),
            partial_chain: self.partial_chain,
            trusted_for: Some(self.request.purpose),
        }
    }

    /// Whether any of them demands in a critical extension that policies are looked at.
    pub(crate) fn demand_policies(&self) -> bool {
        self.all().any(Certificate::demands_policies)
    }

    /// Whether policies are looked at in a verdict on them.
    pub(crate) fn look_at_policies(&self) -> bool {
        self.request.policies.flags(self.demand_policies()) != 0
    }

    /// Whether any of them has a critical extension that AWS-LC does not know and OpenSSL 3 does.
    pub(crate) fn have_ocsp_no_check(&self) -> bool {
        self.all().any(|it| {
            // SAFETY: a live certificate.
            let flags = unsafe { c::X509_get_extension_flags(it.judged_ptr()) };
            flags & c::EXFLAG_CRITICAL as u32 != 0 && it.has_extension(c::NID_id_pkix_OCSP_noCheck)
        })
    }

    fn all(&self) -> impl Iterator<Item = &'a Certificate> {
        std::iter::once(self.request.leaf)
            .chain(self.intermediates.iter().copied())
            .chain(self.trusted.iter().copied())
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
        self.all().find(|it| it.judged_ptr() == pointer || it.anchor_ptr() == pointer)
    }
}
