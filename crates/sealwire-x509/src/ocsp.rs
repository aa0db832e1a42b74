//! OCSP responses ([RFC 6960](https://www.rfc-editor.org/rfc/rfc6960)):
//! what a responder says of a certificate, as servers staple it.

use std::ffi::{CStr, c_int, c_ulong};
use std::fmt;

use aws_lc_sys as c;

use crate::asn1;
use crate::certificate::Certificate;
use crate::chain::store_of;
use crate::der::{CONTEXT_0, Elements, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use crate::error::{Error, ErrorQueue, Problem};
use crate::name::Name;
use crate::owned::{Owned, Stack};

/// An OCSP response, parsed. Being readable says nothing about whose it is: see
/// [`verify`](Self::verify).
pub struct OcspResponse {
    /// The content of the response; `None` when it only holds an error status.
    basic: Option<Owned<c::OCSP_BASICRESP>>,
    status: c_int,
    responder: Option<OcspResponder>,
}

/// The responder that a response names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OcspResponder {
    /// The subject of its certificate.
    Name(Name),
    /// The SHA-1 of its public key, in upper-case hexadecimal.
    Key(String),
}

/// What a response says of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspAnswer {
    /// Whether it is good.
    pub status: OcspStatus,
    /// When this was known to be so, in seconds since 1970.
    pub this_update: i64,
    /// By when there is newer information, in seconds since 1970, if the responder says.
    pub next_update: Option<i64>,
}

/// The state of a certificate ([RFC 6960, section 2.2](https://www.rfc-editor.org/rfc/rfc6960#section-2.2)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OcspStatus {
    /// Not known to be revoked.
    Good,
    /// Revoked.
    Revoked {
        /// Since when, in seconds since 1970.
        since: i64,
        /// Why, in the words of [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280):
        /// `keyCompromise`; none when the responder does not say.
        reason: Option<&'static str>,
    },
    /// The responder does not know the certificate.
    Unknown,
}

/// Whose signature a verified response has
/// ([RFC 6960, section 4.2.2.2](https://www.rfc-editor.org/rfc/rfc6960#section-4.2.2.2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OcspSigner {
    /// The issuer of the certificate itself.
    Issuer,
    /// A delegate, with a certificate for `OCSPSigning` by that issuer.
    Delegate,
}

impl OcspResponse {
    /// Reads one DER response. Bytes after it are an error.
    ///
    /// # Errors
    /// [`Problem::Malformed`]; [`Problem::Unsupported`] for an answer of another type than the
    /// basic one.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let queue = ErrorQueue::new();
        let Ok(len) = der.len().try_into() else {
            return Err(Error::fact(Problem::Malformed, "the OCSP response is too long"));
        };
        let mut rest = der.as_ptr();
        // SAFETY: `len` readable bytes; on success a new response and `rest` behind it.
        let response =
            unsafe { Owned::new(c::d2i_OCSP_RESPONSE(std::ptr::null_mut(), &raw mut rest, len)) };
        let response = response.ok_or_else(|| queue.malformed())?;
        match der.len() - (rest as usize - der.as_ptr() as usize) {
            0 => {}
            trailing => {
                let reason = format!("{trailing} bytes after the end of the OCSP response");
                return Err(Error::fact(Problem::Malformed, reason));
            }
        }
        // SAFETY: a live response.
        let status = unsafe { c::OCSP_response_status(response.as_ptr()) };
        if status != c::OCSP_RESPONSE_STATUS_SUCCESSFUL {
            return Ok(Self { basic: None, status, responder: None });
        }
        // SAFETY: a live response; the answer is new.
        let basic = unsafe { Owned::new(c::OCSP_response_get1_basic(response.as_ptr())) };
        let basic = basic.ok_or_else(|| {
            let entries = queue.drain();
            let other = |code| entries.iter().any(|entry| entry.is(c::ERR_LIB_OCSP, code));
            if other(c::OCSP_R_NOT_BASIC_RESPONSE) {
                Error::fact(Problem::Unsupported, "it is not a basic OCSP response")
            } else {
                Error::fact(Problem::Malformed, "the answer in it cannot be read")
            }
        })?;
        Ok(Self { basic: Some(basic), status, responder: responder(der) })
    }

    /// Why the responder does not answer, in the words of
    /// [RFC 6960](https://www.rfc-editor.org/rfc/rfc6960): `tryLater`; `None` when it does.
    #[must_use]
    pub fn refusal(&self) -> Option<&'static str> {
        Some(match self.status {
            c::OCSP_RESPONSE_STATUS_SUCCESSFUL => return None,
            c::OCSP_RESPONSE_STATUS_MALFORMEDREQUEST => "malformedRequest",
            c::OCSP_RESPONSE_STATUS_INTERNALERROR => "internalError",
            c::OCSP_RESPONSE_STATUS_TRYLATER => "tryLater",
            c::OCSP_RESPONSE_STATUS_SIGREQUIRED => "sigRequired",
            c::OCSP_RESPONSE_STATUS_UNAUTHORIZED => "unauthorized",
            _ => "for a reason that RFC 6960 does not define",
        })
    }

    /// The responder that it names.
    #[must_use]
    pub fn responder(&self) -> Option<&OcspResponder> {
        self.responder.as_ref()
    }

    /// What it says of `certificate`, which `issuer` signed; `None` when it is about others.
    #[must_use]
    pub fn answer(&self, certificate: &Certificate, issuer: &Certificate) -> Option<OcspAnswer> {
        let _queue = ErrorQueue::new();
        let basic = self.basic.as_ref()?;
        // Responders name a certificate by a digest of their choice.
        // SAFETY: these take no argument, and what they return is never freed.
        let digests = unsafe { [c::EVP_sha1(), c::EVP_sha256(), c::EVP_sha384(), c::EVP_sha512()] };
        // SAFETY: a constant digest and two live certificates; the new id is ours. It and the
        // answer live while they are compared.
        let index = digests.into_iter().find_map(|digest| unsafe {
            let id = c::OCSP_cert_to_id(digest, certificate.as_ptr(), issuer.as_ptr());
            let id = Owned::new(id)?;
            usize::try_from(c::OCSP_resp_find(basic.as_ptr(), id.as_ptr(), -1)).ok()
        })?;
        // SAFETY: a live answer, and an index that it gave.
        unsafe { answer_of(c::OCSP_resp_get0(basic.as_ptr(), index)) }
    }

    /// What it says of `certificate`, which it names by the issuer's name and the serial number: for where
    /// the issuer's certificate is not known, and nothing can be verified. `None` when it is about others.
    #[must_use]
    pub fn answer_unverified(&self, certificate: &Certificate) -> Option<OcspAnswer> {
        let _queue = ErrorQueue::new();
        let basic = self.basic.as_ref()?;
        // SAFETY: a live answer.
        let count = usize::try_from(unsafe { c::OCSP_resp_count(basic.as_ptr()) }).ok()?;
        // SAFETY: a live answer, and indexes below its count; each entry lives as long as it.
        (0..count).map(|index| unsafe { c::OCSP_resp_get0(basic.as_ptr(), index) }).find_map(
            |single| unsafe { names(single, certificate).then(|| answer_of(single)).flatten() },
        )
    }

    /// Whether its statement on `certificate` is signed by `issuer`, which issued that, or by
    /// a delegate of `issuer`, at `time` (seconds since 1970): the verdict of
    /// `OCSP_basic_verify` with `issuer` as the trusted certificate. It says nothing of whether
    /// `issuer` is.
    ///
    /// # Errors
    /// [`Problem::Malformed`], with the reason.
    pub fn verify(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        time: i64,
    ) -> Result<OcspSigner, Error> {
        if self.answer(certificate, issuer).is_none() {
            return Err(Error::new(Problem::InvalidValue, "it is for another certificate"));
        }
        let by_issuer = self.verify_with(issuer, time, c::OCSP_NOINTERN);
        if by_issuer.is_ok() {
            return Ok(OcspSigner::Issuer);
        }
        self.verify_with(issuer, time, 0).map(|()| OcspSigner::Delegate)
    }

    fn verify_with(&self, issuer: &Certificate, time: i64, flags: c_int) -> Result<(), Error> {
        let Some(basic) = &self.basic else {
            return Err(Error::new(Problem::InvalidValue, "the responder did not answer"));
        };
        let queue = ErrorQueue::new();
        let store = store_of(&[issuer])?;
        // SAFETY: a certificate that outlives the stack.
        let certificates = unsafe { Stack::of(std::iter::once(issuer.as_ptr()))? };
        // OCSP_NOEXPLICIT: no trust of the issuer's file makes up for a missing OCSPSigning.
        let flags = c_ulong::from((flags | c::OCSP_NOEXPLICIT).unsigned_abs());
        // SAFETY: all are live; the store's parameters are its own, and it is not used elsewhere.
        let verified = unsafe {
            c::X509_STORE_set_flags(store.as_ptr(), c::X509_V_FLAG_PARTIAL_CHAIN as c_ulong);
            let parameters = c::X509_STORE_get0_param(store.as_ptr());
            c::X509_VERIFY_PARAM_set_time_posix(parameters, time);
            c::OCSP_basic_verify(basic.as_ptr(), certificates.as_ptr(), store.as_ptr(), flags)
        };
        match verified {
            1 => Ok(()),
            _ => Err(Error::new(Problem::BadSignature, reason(&queue))),
        }
    }
}

impl OcspAnswer {
    /// Whether what it says holds at `time`, with five minutes for clocks that differ.
    #[must_use]
    pub fn is_current(&self, time: i64) -> bool {
        const DRIFT: i64 = 300;
        self.this_update <= time.saturating_add(DRIFT)
            && self.next_update.is_none_or(|next| time <= next.saturating_add(DRIFT))
    }
}

impl fmt::Display for OcspResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Key(digest) => write!(f, "the key {digest}"),
        }
    }
}

impl fmt::Debug for OcspResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { responder, .. } = self;
        f.debug_struct("OcspResponse").field("responder", responder).finish_non_exhaustive()
    }
}

/// The request ([RFC 6960, section 4.1.1](https://www.rfc-editor.org/rfc/rfc6960#section-4.1.1);
/// DER) that asks a responder about `certificate`, which `issuer`
/// signed. It names it by SHA-1, which every responder knows
/// ([RFC 5019](https://www.rfc-editor.org/rfc/rfc5019)), and has no nonce, so that what the
/// responder has signed before is an answer.
///
/// # Errors
/// When AWS-LC cannot make it.
pub fn ocsp_request(certificate: &Certificate, issuer: &Certificate) -> Result<Vec<u8>, Error> {
    let queue = ErrorQueue::new();
    // SAFETY: a constant digest and two live certificates; request and id are new.
    let made = unsafe {
        let id = c::OCSP_cert_to_id(c::EVP_sha1(), certificate.as_ptr(), issuer.as_ptr());
        Owned::new(c::OCSP_REQUEST_new()).zip(Owned::new(id))
    };
    let (request, id) = made.ok_or_else(|| queue.malformed())?;
    // SAFETY: both are live; the request owns the id when it was taken.
    if unsafe { c::OCSP_request_add0_id(request.as_ptr(), id.as_ptr()) }.is_null() {
        return Err(queue.malformed());
    }
    std::mem::forget(id);
    // SAFETY: a live request; without a place to write to, its length is told.
    let length = unsafe { c::i2d_OCSP_REQUEST(request.as_ptr(), std::ptr::null_mut()) };
    let mut der = vec![0; usize::try_from(length).map_err(|_| queue.malformed())?];
    let mut end = der.as_mut_ptr();
    // SAFETY: as many writable bytes as it has told; `end` is moved behind them.
    match unsafe { c::i2d_OCSP_REQUEST(request.as_ptr(), &raw mut end) } {
        written if written == length => Ok(der),
        _ => Err(queue.malformed()),
    }
}

/// Whether an entry of an answer is about this certificate, as far as issuer's name and serial number say.
///
/// # Safety
/// `single` is null or live.
unsafe fn names(single: *mut c::OCSP_SINGLERESP, certificate: &Certificate) -> bool {
    let (mut name, mut method, mut serial) =
        (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
    let mut digest = [0; c::EVP_MAX_MD_SIZE as usize];
    let mut length = 0;
    // SAFETY: a live entry, whose id is its own, and so are the parts of that; the certificate's are
    // its own, and there is room for any digest.
    unsafe {
        if single.is_null() {
            return false;
        }
        let id = c::OCSP_SINGLERESP_get0_id(single).cast_mut();
        let parts = (&raw mut name, &raw mut method, &raw mut serial);
        if id.is_null()
            || c::OCSP_id_get0_info(parts.0, parts.1, std::ptr::null_mut(), parts.2, id) != 1
        {
            return false;
        }
        let kind = c::EVP_get_digestbyobj(method);
        let own_serial = c::X509_get0_serialNumber(certificate.as_ptr());
        if kind.is_null() || c::ASN1_INTEGER_cmp(serial, own_serial) != 0 {
            return false;
        }
        let issuer = c::X509_get_issuer_name(certificate.as_ptr());
        if c::X509_NAME_digest(issuer, kind, digest.as_mut_ptr(), &raw mut length) != 1 {
            return false;
        }
        Some(asn1::string_bytes(name)) == digest.get(..length as usize)
    }
}

/// Reads one entry of an answer.
///
/// # Safety
/// `single` is null or live.
unsafe fn answer_of(single: *mut c::OCSP_SINGLERESP) -> Option<OcspAnswer> {
    let mut reason = c::OCSP_REVOKED_STATUS_NOSTATUS;
    let (mut since, mut this, mut next) =
        (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: null or live; the times that it gives are the entry's own, or null.
    unsafe {
        let status = c::OCSP_single_get0_status(
            single,
            &raw mut reason,
            &raw mut since,
            &raw mut this,
            &raw mut next,
        );
        let status = match status {
            c::V_OCSP_CERTSTATUS_GOOD => OcspStatus::Good,
            c::V_OCSP_CERTSTATUS_REVOKED => OcspStatus::Revoked {
                since: asn1::time_posix(since).unwrap_or(i64::MIN),
                reason: reason_name(reason),
            },
            c::V_OCSP_CERTSTATUS_UNKNOWN => OcspStatus::Unknown,
            _ => return None,
        };
        Some(OcspAnswer {
            status,
            // What is not a time is never current.
            this_update: asn1::time_posix(this).unwrap_or(i64::MAX),
            next_update: (!next.is_null()).then(|| asn1::time_posix(next).unwrap_or(i64::MIN)),
        })
    }
}

fn reason_name(reason: c_int) -> Option<&'static str> {
    if reason == c::OCSP_REVOKED_STATUS_NOSTATUS {
        return None;
    }
    // SAFETY: any number may be asked for; the answer is a constant string.
    let name = unsafe { c::OCSP_crl_reason_str(reason.into()) };
    if name.is_null() {
        return None;
    }
    // SAFETY: not null, so a NUL-terminated string of static lifetime.
    unsafe { CStr::from_ptr(name) }.to_str().ok()
}

/// Why a response was not verified, in words; for its certificate's faults OpenSSL's own.
fn reason(queue: &ErrorQueue) -> String {
    let entries = queue.drain();
    let is = |code| entries.iter().any(|entry| entry.is(c::ERR_LIB_OCSP, code));
    if is(c::OCSP_R_SIGNER_CERTIFICATE_NOT_FOUND) {
        "the signer's certificate is not the issuer's, and not in the response".to_owned()
    } else if is(c::OCSP_R_SIGNATURE_FAILURE) {
        "its signature is wrong".to_owned()
    } else if is(c::OCSP_R_MISSING_OCSPSIGNING_USAGE) {
        "the signer's certificate is not for OCSPSigning".to_owned()
    } else if is(c::OCSP_R_CERTIFICATE_VERIFY_ERROR) {
        "the signer's certificate is not valid, or not issued by the issuer".to_owned()
    } else if entries.is_empty() {
        "the signer may not answer for the issuer".to_owned()
    } else {
        crate::error::describe(&entries)
    }
}

/// The responder, which AWS-LC has parsed and does not expose.
fn responder(der: &[u8]) -> Option<OcspResponder> {
    const ENUMERATED: u8 = 0x0A;
    const BY_NAME: u8 = 0xA1;
    const BY_KEY: u8 = 0xA2;
    let mut response = Elements::of(der).enter(SEQUENCE)?;
    response.element(ENUMERATED)?;
    let mut bytes = response.enter(CONTEXT_0)?.enter(SEQUENCE)?;
    bytes.element(OBJECT_IDENTIFIER)?;
    let basic = bytes.element(OCTET_STRING)?;
    let mut data = Elements::of(basic.contents).enter(SEQUENCE)?.enter(SEQUENCE)?;
    data.element(CONTEXT_0);
    if let Some(mut key) = data.enter(BY_KEY) {
        return Some(OcspResponder::Key(asn1::octets(key.element(OCTET_STRING)?.contents)));
    }
    let name = data.element(BY_NAME)?.contents;
    let _queue = ErrorQueue::new();
    let mut rest = name.as_ptr();
    // SAFETY: so many readable bytes; on success a new name, which is live while it is read.
    unsafe {
        let len = name.len().try_into().ok()?;
        let name = Owned::new(c::d2i_X509_NAME(std::ptr::null_mut(), &raw mut rest, len))?;
        Name::of(name.as_ptr()).ok().map(OcspResponder::Name)
    }
}

#[cfg(test)]
mod tests {
    use super::{OcspResponder, responder};

    /// A SEQUENCE, a string or whatever else of this tag; short.
    fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
        [&[tag, contents.len().try_into().unwrap()], contents].concat()
    }

    /// One key in 256 has such a digest.
    #[test]
    fn the_digest_of_a_responders_key_keeps_its_zeros() {
        let digest = [[0; 2].as_slice(), &[7; 18]].concat();
        let data = der(0x30, &der(0xA2, &der(4, &digest)));
        let basic = der(0x30, &[der(6, &[0x2A]), der(4, &der(0x30, &data))].concat());
        let response = der(0x30, &[der(0x0A, &[0]), der(0xA0, &basic)].concat());
        assert!(
            matches!(responder(&response), Some(OcspResponder::Key(hex)) if hex == format!("0000{}", "07".repeat(18)))
        );
    }
}
