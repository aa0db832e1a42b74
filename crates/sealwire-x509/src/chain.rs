//! One run of `X509_verify_cert`: what goes in, what comes out, and who is to blame for a no.

use std::ffi::c_int;

use aws_lc_sys as c;

use crate::certificate::Certificate;
use crate::codes;
use crate::error::{Error, ErrorKind};
use crate::owned::{Owned, Stack, elements, no_memory};
use crate::trust::Store;
use crate::verify::{ChainError, MAX_INTERMEDIATES, Purpose, Request, Verdict};

/// As OpenSSL: certificates between the leaf and the root.
const MAX_DEPTH: c_int = 100;

/// More errors than this in one chain are not collected; the verdict is no at the first.
const MAX_ERRORS: usize = 500;

/// Who may be an issuer in the next run.
pub(crate) struct Candidates<'a> {
    request: Request<'a>,
    intermediates: Vec<&'a Certificate>,
    /// The trust set's own store until something is left out of it.
    store: Option<Store>,
    left_out_of_store: Vec<Certificate>,
    partial_chain: bool,
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

/// What one run said.
pub(crate) struct Attempt {
    returned_ok: bool,
    errors: Vec<ChainError>,
    chain: Vec<Certificate>,
}

impl<'a> Candidates<'a> {
    pub(crate) fn of(request: &Request<'a>) -> Result<Self, Error> {
        let mut candidates = Self {
            request: *request,
            intermediates: request.intermediates.iter().take(MAX_INTERMEDIATES).collect(),
            store: None,
            left_out_of_store: Vec::new(),
            partial_chain: request.partial_chain,
        };
        // A self-issued leaf whose key usage lacks keyCertSign is not "self-signed" to AWS-LC, so
        // it never ends a chain. To OpenSSL 3 it does: trusted itself, it needs no issuer. That is
        // a chain of one that ends at a trusted certificate, and nothing else may take part in it.
        if fits(request.leaf, request.leaf) == c::X509_V_ERR_KEYUSAGE_NO_CERTSIGN
            && let Some(trusted) = request.trust.find(request.leaf)
        {
            candidates.intermediates.clear();
            candidates.store = Some(Store::of([trusted])?);
            candidates.partial_chain = true;
        }
        Ok(candidates)
    }

    /// Whether there is still something to leave out: false when it was not among the candidates.
    pub(crate) fn leave_out(&mut self, culprit: Culprit<'_>) -> Result<bool, Error> {
        let before = self.intermediates.len();
        if !culprit.only_as_trusted {
            self.intermediates.retain(|candidate| *candidate != culprit.certificate);
        }
        let mut found = self.intermediates.len() != before;
        if self.request.trust.contains(culprit.certificate)
            && !self.left_out_of_store.contains(culprit.certificate)
        {
            self.left_out_of_store.push(culprit.certificate.clone());
            self.store = Some(Store::of(self.trusted())?);
            found = true;
        }
        Ok(found)
    }

    fn trusted(&self) -> impl Iterator<Item = &'a Certificate> {
        let trusted = self.request.trust.certificates().iter();
        trusted.filter(|candidate| !self.left_out_of_store.contains(candidate))
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap_or_else(|| self.request.trust.store())
    }

    /// The certificate that AWS-LC means by a pointer: every one it knows is one of these.
    fn find(&self, pointer: *mut c::X509) -> Option<&'a Certificate> {
        std::iter::once(self.request.leaf)
            .chain(self.intermediates.iter().copied())
            .chain(self.request.trust.certificates())
            .find(|certificate| certificate.as_ptr() == pointer)
    }
}

/// What the callback collects.
struct Recorder {
    errors: Vec<RawError>,
}

#[derive(Clone, Copy, PartialEq)]
struct RawError {
    code: c_int,
    depth: c_int,
    certificate: *mut c::X509,
}

impl RawError {
    /// # Safety
    /// `context` is live and verifying, or has verified.
    unsafe fn current(context: *mut c::X509_STORE_CTX) -> Self {
        // SAFETY: a live context.
        unsafe {
            Self {
                code: c::X509_STORE_CTX_get_error(context),
                depth: c::X509_STORE_CTX_get_error_depth(context),
                certificate: c::X509_STORE_CTX_get_current_cert(context),
            }
        }
    }
}

/// The verify callback: writes an error down and lets the verification go on, as Node's does.
///
/// # Safety
/// `context` is live and its first extra data points to a [`Recorder`] that nobody else uses.
unsafe extern "C" fn record(ok: c_int, context: *mut c::X509_STORE_CTX) -> c_int {
    if ok == 1 {
        return 1;
    }
    // SAFETY: as promised; set in `attempt`, whose recorder outlives the verification.
    let (recorder, error) = unsafe {
        let recorder = c::X509_STORE_CTX_get_ex_data(context, 0).cast::<Recorder>();
        (&mut *recorder, RawError::current(context))
    };
    recorder.errors.push(error);
    c_int::from(recorder.errors.len() < MAX_ERRORS)
}

/// Runs `X509_verify_cert` once.
pub(crate) fn attempt(
    request: &Request<'_>,
    candidates: &Candidates<'_>,
) -> Result<Attempt, Error> {
    // Declared before the context, so dropped after it.
    let mut recorder = Recorder { errors: Vec::new() };
    // SAFETY: certificates and CRLs of the request, which outlives the stacks.
    let (intermediates, crls) = unsafe {
        (
            Stack::of(candidates.intermediates.iter().map(|certificate| certificate.as_ptr()))?,
            Stack::of(request.crls.iter().map(|crl| crl.as_ptr()))?,
        )
    };
    // SAFETY: takes no argument; the new context is ours.
    let context = unsafe { Owned::new(c::X509_STORE_CTX_new()) }.ok_or_else(no_memory)?;
    let store = candidates.store().as_ptr();
    // SAFETY: all live until after the context was freed; the store is shared but only read.
    let ready = unsafe {
        c::X509_STORE_CTX_init(
            context.as_ptr(),
            store,
            request.leaf.as_ptr(),
            intermediates.as_ptr(),
        )
    };
    if ready != 1 {
        return Err(no_memory());
    }
    // The parameters that OpenSSL's TLS sides use for judging their peers.
    let defaults = match request.purpose {
        Purpose::Server => c"ssl_server",
        Purpose::Client => c"ssl_client",
        Purpose::Any => c"default",
    };
    let mut flags = c::X509_V_FLAG_TRUSTED_FIRST;
    if !request.crls.is_empty() {
        flags |= c::X509_V_FLAG_CRL_CHECK | c::X509_V_FLAG_CRL_CHECK_ALL;
    }
    if candidates.partial_chain {
        flags |= c::X509_V_FLAG_PARTIAL_CHAIN;
    }
    // SAFETY: a live, initialised context; the parameters are its own; `recorder` outlives it and
    // is reached only through it until the verification is over.
    let (set, returned) = unsafe {
        let set = c::X509_STORE_CTX_set_default(context.as_ptr(), defaults.as_ptr());
        c::X509_STORE_CTX_set_flags(context.as_ptr(), flags as std::ffi::c_ulong);
        c::X509_STORE_CTX_set_depth(context.as_ptr(), MAX_DEPTH);
        c::X509_STORE_CTX_set_time_posix(context.as_ptr(), 0, request.time);
        c::X509_STORE_CTX_set0_crls(context.as_ptr(), crls.as_ptr());
        c::X509_STORE_CTX_set_verify_cb(context.as_ptr(), Some(record));
        let data = (&raw mut recorder).cast();
        let set = set & c::X509_STORE_CTX_set_ex_data(context.as_ptr(), 0, data);
        (set, if set == 1 { c::X509_verify_cert(context.as_ptr()) } else { 0 })
    };
    if set != 1 {
        return Err(no_memory());
    }
    // SAFETY: a live context.
    let last = unsafe { RawError::current(context.as_ptr()) };
    if returned != 1 && !recorder.errors.iter().any(|error| error.code == last.code) {
        // Some failures end the verification without asking the callback.
        recorder.errors.push(last);
    }
    if recorder.errors.iter().any(|error| is_internal(error.code)) {
        return Err(Error::new(
            ErrorKind::Internal,
            codes::error_text(codes::from_aws_lc(last.code)),
        ));
    }
    // SAFETY: the context's own stack of live certificates.
    let chain = unsafe {
        elements::<_, c::X509>(c::X509_STORE_CTX_get0_chain(context.as_ptr()))
            .filter_map(|pointer| candidates.find(pointer).cloned())
            .collect()
    };
    let errors = recorder.errors.iter().map(|error| ChainError {
        code: codes::from_aws_lc(error.code),
        depth: usize::try_from(error.depth).unwrap_or(0),
        certificate: candidates.find(error.certificate).cloned(),
    });
    let mut attempt = Attempt { returned_ok: returned == 1, errors: errors.collect(), chain };
    attempt.check_path_lengths();
    attempt.refuse_rejected(request);
    attempt.speak_openssl_3(candidates);
    Ok(attempt)
}

impl Attempt {
    pub(crate) fn accepted(&self) -> bool {
        self.returned_ok && self.errors.is_empty()
    }

    pub(crate) fn into_verdict(self) -> Verdict {
        Verdict::new(self.returned_ok, self.errors, self.chain)
    }

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
            let trust = unsafe { c::X509_check_trust(trusted.as_ptr(), purpose, 0) };
            if trust == c::X509_TRUST_REJECTED {
                self.errors.push(ChainError {
                    code: c::X509_V_ERR_CERT_REJECTED,
                    depth,
                    certificate: Some(certificate.clone()),
                });
            }
        }
    }

    /// A path length constraint binds its certificate whether that is self-issued or not. (AWS-LC
    /// does not look at that of self-issued ones, a root's least of all. RFC 5280 leaves it open
    /// what a trust anchor's constraints mean; OpenSSL 3 and Node enforce them.)
    fn check_path_lengths(&mut self) {
        let mut below = 0;
        for (depth, certificate) in self.chain.iter().enumerate().skip(1) {
            let limit = certificate.basic_constraints().and_then(|(_, path_len)| path_len);
            if limit.is_some_and(|limit| below > limit) {
                let error = ChainError {
                    code: c::X509_V_ERR_PATH_LENGTH_EXCEEDED,
                    depth,
                    certificate: Some(certificate.clone()),
                };
                if !self.errors.contains(&error) {
                    insert(&mut self.errors, error);
                }
            }
            below += u32::from(!certificate.is_self_issued());
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
        if fits(&top, &top) == c::X509_V_ERR_KEYUSAGE_NO_CERTSIGN {
            // Self-issued, and not allowed to sign: "self-signed" to OpenSSL 3 all the same.
            self.errors[missing].code = if depth == 0 {
                c::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
            } else {
                c::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
            };
        } else if let Some(issuer) = candidates
            .trusted()
            .chain(candidates.intermediates.iter().copied())
            .find(|issuer| fits(issuer, &top) == c::X509_V_ERR_KEYUSAGE_NO_CERTSIGN)
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
                let certificate = Some(issuer.clone());
                insert(&mut self.errors, ChainError { code, depth: depth + 1, certificate });
            }
        } else {
            return;
        }
        self.errors.retain(|error| error.code != c::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE);
    }
}

/// Puts an error where OpenSSL 3 would have met it: it builds the chain, checks extensions from
/// the leaf up, then revocation, then signatures and times from the top down, then names.
fn insert(errors: &mut Vec<ChainError>, error: ChainError) {
    let phase = |code: i32| match code {
        c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
        | c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        | c::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
        | c::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN => 0,
        c::X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION
        | c::X509_V_ERR_INVALID_PURPOSE
        | c::X509_V_ERR_PATH_LENGTH_EXCEEDED
        | codes::INVALID_CA
        | codes::EC_KEY_EXPLICIT_PARAMS => 1,
        code if is_about_revocation(code) => 2,
        code if is_about_names(code) => 4,
        _ => 3,
    };
    let own = phase(error.code);
    let comes_after = |other: &ChainError| match phase(other.code) {
        phase if phase != own => phase > own,
        1 => other.depth > error.depth,
        _ => other.depth < error.depth,
    };
    let position = errors.iter().position(comes_after).unwrap_or(errors.len());
    errors.insert(position, error);
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
    Some(ChainError { code, depth: 0, certificate: Some(leaf.clone()) })
}

/// `X509_check_issued`: whether names, key identifiers and key usage let one be the other's
/// issuer. No signature is checked.
fn fits(issuer: &Certificate, subject: &Certificate) -> c_int {
    // SAFETY: two live certificates.
    unsafe { c::X509_check_issued(issuer.as_ptr(), subject.as_ptr()) }
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

/// What name constraints can find.
fn is_about_names(code: i32) -> bool {
    matches!(
        code,
        c::X509_V_ERR_PERMITTED_VIOLATION
            | c::X509_V_ERR_EXCLUDED_VIOLATION
            | c::X509_V_ERR_SUBTREE_MINMAX
            | c::X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE
            | c::X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX
            | c::X509_V_ERR_UNSUPPORTED_NAME_SYNTAX
    )
}

fn is_about_revocation(code: i32) -> bool {
    matches!(
        code,
        c::X509_V_ERR_UNABLE_TO_GET_CRL
            | c::X509_V_ERR_CRL_SIGNATURE_FAILURE
            | c::X509_V_ERR_CRL_NOT_YET_VALID
            | c::X509_V_ERR_CRL_HAS_EXPIRED
            | c::X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD
            | c::X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD
            | c::X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER
            | c::X509_V_ERR_KEYUSAGE_NO_CRL_SIGN
            | c::X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION
            | c::X509_V_ERR_DIFFERENT_CRL_SCOPE
            | c::X509_V_ERR_CERT_REVOKED
    )
}

/// Failures that say nothing about the certificates.
fn is_internal(code: c_int) -> bool {
    matches!(
        code,
        c::X509_V_ERR_OUT_OF_MEM | c::X509_V_ERR_INVALID_CALL | c::X509_V_ERR_STORE_LOOKUP
    )
}
