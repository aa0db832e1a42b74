//! The few ASN.1 values that AWS-LC hands out: strings, integers, times, object identifiers.

use std::ffi::{CStr, c_int};

use aws_lc_sys as c;

use crate::owned::{Bytes, slice};
use crate::time::Moment;

/// The contents of any `ASN1_STRING`: no tag, no length.
///
/// # Safety
/// `string` is live and unchanged for `'a`.
pub(crate) unsafe fn string_bytes<'a>(string: *const c::ASN1_STRING) -> &'a [u8] {
    // SAFETY: a live string, by the caller's promise.
    let (data, len) = unsafe { (c::ASN1_STRING_get0_data(string), c::ASN1_STRING_length(string)) };
    // SAFETY: the string owns that many bytes.
    unsafe { slice(data, usize::try_from(len).unwrap_or(0)) }
}

/// The string in UTF-8, whichever of ASN.1's string types it is. One of the types of one byte a
/// character may hold what its type does not allow (`&` in a PrintableString, bytes above 0x7F):
/// it is taken for Latin-1, as OpenSSL takes it. `None` when its bytes are not text.
///
/// # Safety
/// `string` is live.
pub(crate) unsafe fn string_text(string: *const c::ASN1_STRING) -> Option<String> {
    let mut data = std::ptr::null_mut();
    // SAFETY: a live string; on success `data` is a new allocation of the length returned.
    let len = unsafe { c::ASN1_STRING_to_UTF8(&raw mut data, string) };
    // SAFETY: as above; on failure `data` is still null.
    let bytes = unsafe { Bytes::new(data, usize::try_from(len).unwrap_or(0)) };
    if let (Some(bytes), Ok(_)) = (bytes, usize::try_from(len)) {
        return String::from_utf8(bytes.as_slice().to_vec()).ok();
    }
    // SAFETY: a live string.
    let (kind, bytes) = unsafe { (c::ASN1_STRING_type(string), string_bytes(string)) };
    match kind {
        c::V_ASN1_PRINTABLESTRING
        | c::V_ASN1_IA5STRING
        | c::V_ASN1_T61STRING
        | c::V_ASN1_NUMERICSTRING
        | c::V_ASN1_VISIBLESTRING
        | c::V_ASN1_GENERALSTRING => Some(bytes.iter().copied().map(char::from).collect()),
        _ => None,
    }
}

/// UTF-8 if it is that, else Latin-1.
pub(crate) fn text_of_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// An INTEGER as OpenSSL's `BN_bn2hex` prints it: upper-case, whole bytes, `-` before a negative
/// one, `0` for zero.
///
/// # Safety
/// `integer` is live.
pub(crate) unsafe fn integer_hex(integer: *const c::ASN1_INTEGER) -> String {
    // SAFETY: an ASN1_INTEGER holds the magnitude, big-endian, and its sign in the type.
    let (magnitude, kind) = unsafe { (string_bytes(integer), c::ASN1_STRING_type(integer.cast())) };
    let digits = hex(magnitude);
    let negative = kind & c::V_ASN1_NEG != 0;
    if negative && digits != "0" { format!("-{digits}") } else { digits }
}

/// Upper-case hexadecimal of bytes that are no number: zeros in front count.
pub(crate) fn octets(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Upper-case hexadecimal of a number: without leading zero bytes, `0` for zero.
pub(crate) fn hex(magnitude: &[u8]) -> String {
    let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
    let digits = octets(&magnitude[zeros..]);
    if digits.is_empty() { "0".to_owned() } else { digits }
}

/// Seconds since 1970; `None` when the field is not a time. One with an offset from UTC, without
/// seconds or with fractions of them is read too, which a certificate must not have.
///
/// # Safety
/// `time` is null or live.
pub(crate) unsafe fn time_posix(time: *const c::ASN1_TIME) -> Option<i64> {
    let mut seconds = 0;
    // SAFETY: not null, so live by the caller's promise; `seconds` is writable.
    let ok = !time.is_null() && unsafe { c::ASN1_TIME_to_posix(time, &raw mut seconds) } == 1;
    if ok || time.is_null() {
        return ok.then_some(seconds);
    }
    // SAFETY: a live string.
    let (kind, text) = unsafe { (c::ASN1_STRING_type(time.cast()), string_bytes(time.cast())) };
    Some(Moment::read(kind == c::V_ASN1_GENERALIZEDTIME, text)?.seconds)
}

/// The object identifier in dotted form.
///
/// # Safety
/// `object` is null or live.
pub(crate) unsafe fn oid_text(object: *const c::ASN1_OBJECT) -> String {
    // SAFETY: null or live; without a buffer it only tells the length, without the final NUL.
    let len = unsafe { c::OBJ_obj2txt(std::ptr::null_mut(), 0, object, 1) };
    let Ok(len) = usize::try_from(len) else { return String::new() };
    let mut text = vec![0u8; len + 1];
    let Ok(room) = c_int::try_from(text.len()) else { return String::new() };
    // SAFETY: `room` writable bytes, which is what it said it needs.
    unsafe { c::OBJ_obj2txt(text.as_mut_ptr().cast(), room, object, 1) };
    text.pop();
    String::from_utf8(text).unwrap_or_default()
}

/// OpenSSL's short name (`CN`), if AWS-LC knows the object.
///
/// # Safety
/// `object` is null or live.
pub(crate) unsafe fn oid_short_name(object: *const c::ASN1_OBJECT) -> Option<&'static str> {
    // SAFETY: null or live.
    let nid = unsafe { c::OBJ_obj2nid(object) };
    // SAFETY: any number may be asked for; the answer is null or a string.
    name_of(nid, unsafe { c::OBJ_nid2sn(nid) })
}

/// OpenSSL's long name (`sha256WithRSAEncryption`), if AWS-LC knows the object.
pub(crate) fn nid_long_name(nid: c_int) -> Option<&'static str> {
    // SAFETY: any number may be asked for; the answer is null or a string.
    name_of(nid, unsafe { c::OBJ_nid2ln(nid) })
}

/// OpenSSL's short name of a numeric id.
pub(crate) fn nid_short_name(nid: c_int) -> Option<&'static str> {
    // SAFETY: any number may be asked for; the answer is null or a string.
    name_of(nid, unsafe { c::OBJ_nid2sn(nid) })
}

fn name_of(nid: c_int, name: *const std::ffi::c_char) -> Option<&'static str> {
    if nid == c::NID_undef || name.is_null() {
        return None;
    }
    // SAFETY: names of AWS-LC's objects are NUL-terminated and never freed: the table is constant,
    // and what `OBJ_create` adds at run time stays until the process ends.
    unsafe { CStr::from_ptr(name) }.to_str().ok()
}
