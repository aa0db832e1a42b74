//! One run of `X509_verify_cert`: what goes in and what comes out.

use std::ffi::c_int;

use aws_lc_sys as c;

use crate::budget;
use crate::certificate::Certificate;
use crate::codes;
use crate::error::{Error, Problem};
use crate::issuers::Candidates;
use crate::owned::{Owned, Stack, elements, no_memory};
use crate::purpose::Purpose;
use crate::request::{ChainError, Verdict, Veto};

/// As OpenSSL: certificates between the leaf and the root.
const MAX_DEPTH: c_int = 100;

/// Some 35000 years: AWS-LC subtracts times without asking whether the result fits.
const FAR: i64 = 1 << 40;

/// More errors than this in one chain are not collected; the verdict is no at the first.
const MAX_ERRORS: usize = 500;

/// What one run said.
pub(crate) struct Attempt {
    returned_ok: bool,
    pub(crate) errors: Vec<ChainError>,
    pub(crate) chain: Vec<Certificate>,
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

/// The verify callback: records an error and lets the verification continue, as Node's does.
///
/// # Safety
/// `context` is live and its first extra data points to a [`Recorder`] that has no other user.
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

/// Says that a critical extension is known, of those that were named to AWS-LC: OpenSSL 3 knows
/// id-pkix-ocsp-nocheck, which matters only to verifiers that query a responder.
unsafe extern "C" fn know_them_all(
    _: *mut c::X509_STORE_CTX,
    _: *mut c::X509,
    _: *mut c::stack_st_ASN1_OBJECT,
) -> c_int {
    1
}

/// Runs `X509_verify_cert` once, without revocation lists.
pub(crate) fn attempt(candidates: &Candidates<'_>, veto: Veto<'_>) -> Result<Attempt, Error> {
    let request = &candidates.request;
    // Declared before the context, so dropped after it.
    let mut recorder = Recorder { errors: Vec::new() };
    let intermediates = candidates.intermediates.iter().map(|certificate| certificate.judged_ptr());
    // SAFETY: certificates of the request, which outlives the stack.
    let intermediates = unsafe { Stack::of(intermediates) }?;
    let store = store_of(&candidates.trusted)?;
    // SAFETY: takes no argument; the new context is ours.
    let context = unsafe { Owned::new(c::X509_STORE_CTX_new()) }.ok_or_else(no_memory)?;
    // SAFETY: all live until after the context was freed.
    let ready = unsafe {
        c::X509_STORE_CTX_init(
            context.as_ptr(),
            store.as_ptr(),
            request.leaf.judged_ptr(),
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
    let policies = request.policies.flags(candidates.demand_policies());
    let mut flags = c::X509_V_FLAG_TRUSTED_FIRST | policies;
    if candidates.partial_chain {
        flags |= c::X509_V_FLAG_PARTIAL_CHAIN;
    }
    // SAFETY: a live, initialised context; the parameters are its own; `recorder` outlives it and
    // is reached only through it until the verification is over.
    let (set, returned) = unsafe {
        let set = c::X509_STORE_CTX_set_default(context.as_ptr(), defaults.as_ptr());
        c::X509_STORE_CTX_set_flags(context.as_ptr(), flags as std::ffi::c_ulong);
        c::X509_STORE_CTX_set_depth(context.as_ptr(), MAX_DEPTH);
        c::X509_STORE_CTX_set_time_posix(context.as_ptr(), 0, request.time.clamp(-FAR, FAR));
        // AWS-LC's own check for explicit curve parameters ends the verification at the first key
        // it cannot read; `check_curves` takes its place, and everything else is told as well.
        c::X509_VERIFY_PARAM_enable_ec_key_explicit_params(c::X509_STORE_CTX_get0_param(
            context.as_ptr(),
        ));
        match candidates.trusted_for {
            Some(Purpose::Server) => {
                c::X509_STORE_CTX_set_trust(context.as_ptr(), c::X509_TRUST_SSL_SERVER);
            }
            Some(Purpose::Client) => {
                c::X509_STORE_CTX_set_trust(context.as_ptr(), c::X509_TRUST_SSL_CLIENT);
            }
            Some(Purpose::Any) | None => {}
        }
        if policies != 0 {
            request.policies.give_to(c::X509_STORE_CTX_get0_param(context.as_ptr()))?;
        }
        if candidates.have_ocsp_no_check() {
            c::X509_STORE_CTX_add_custom_crit_oid(
                context.as_ptr(),
                c::OBJ_nid2obj(c::NID_id_pkix_OCSP_noCheck),
            );
            c::X509_STORE_CTX_set_verify_crit_oids(context.as_ptr(), Some(know_them_all));
        }
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
        return Err(Error::fact(
            Problem::Internal,
            codes::error_text(codes::from_aws_lc(last.code)),
        ));
    }
    // SAFETY: the context's own stack of live certificates, unchanged from now on.
    let chain = unsafe { elements(c::X509_STORE_CTX_get0_chain(context.as_ptr())) };
    let chain: Option<Vec<_>> = chain.map(|pointer| candidates.find(pointer).cloned()).collect();
    let chain = chain.ok_or_else(|| {
        Error::fact(Problem::Internal, "the chain contains a certificate that was not passed in")
    })?;
    let errors = recorder.errors.iter().map(|error| {
        let certificate = candidates.find(error.certificate).cloned();
        let depth = usize::try_from(error.depth).unwrap_or(0);
        let depth = match error.code {
            // AWS-LC does not say at what depth.
            c::X509_V_ERR_INVALID_POLICY_EXTENSION | c::X509_V_ERR_NO_EXPLICIT_POLICY => {
                chain.iter().position(|it| Some(it) == certificate.as_ref()).unwrap_or(0)
            }
            _ => depth,
        };
        ChainError::new(codes::from_aws_lc(error.code), depth, certificate)
    });
    let errors = errors.collect();
    let mut attempt = Attempt { returned_ok: returned == 1, errors, chain };
    attempt.agree_with_openssl(candidates);
    attempt.add_all(veto(&attempt.chain));
    Ok(attempt)
}

/// An X509_STORE of these certificates.
pub(crate) fn store_of(certificates: &[&Certificate]) -> Result<Owned<c::X509_STORE>, Error> {
    // SAFETY: takes no argument; the new store is ours.
    let store = unsafe { Owned::new(c::X509_STORE_new()) }.ok_or_else(no_memory)?;
    for certificate in certificates {
        // SAFETY: a live store and a live certificate, of which it takes a reference.
        if unsafe { c::X509_STORE_add_cert(store.as_ptr(), certificate.anchor_ptr()) } != 1 {
            return Err(no_memory());
        }
    }
    Ok(store)
}

impl Attempt {
    /// What it has cost; see [`budget`].
    pub(crate) fn cost(&self) -> u64 {
        budget::spent(&self.chain)
    }

    pub(crate) fn accepted(&self) -> bool {
        self.returned_ok && self.errors.is_empty()
    }

    pub(crate) fn into_verdict(self) -> Verdict {
        Verdict::new(self.returned_ok, self.errors, self.chain)
    }
}

/// Failures that say nothing about the certificates.
fn is_internal(code: c_int) -> bool {
    // Not OUT_OF_MEM: that is also said of a common name that is not valid in its encoding.
    matches!(code, c::X509_V_ERR_INVALID_CALL | c::X509_V_ERR_STORE_LOOKUP)
}
