//! What OpenSSL says went wrong.

use std::ffi::CStr;
use std::fmt;

use crate::source::Found;

/// The first error that OpenSSL left in its queue, which is then empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Library and reason in one number, as `ERR_get_error` gives it; 0: it left none.
    pub code: u32,
    /// The reason in OpenSSL's words.
    pub text: String,
}

/// Of the SSL library: where a reason is its own.
const ERR_LIB_SSL: u32 = 20;

impl Failure {
    /// The reason, if the error is of OpenSSL's SSL library: a number of `sslerr.h`, or 1000 and the
    /// number of the alert that was received.
    pub fn ssl_reason(&self) -> Option<u32> {
        let (library, reason) = (self.code >> 23 & 0xff, self.code & 0x7f_ffff);
        (library == ERR_LIB_SSL && self.code < 1 << 31).then_some(reason)
    }

    pub(crate) fn of(text: &str) -> Self {
        Self { code: 0, text: text.to_owned() }
    }

    /// Takes the queue of this thread. Of what is in it the first error of the SSL library is
    /// told, or the first.
    pub(crate) fn take(found: &Found) -> Self {
        let mut told: Option<u32> = None;
        loop {
            // SAFETY: the queue is the thread's own.
            let code = unsafe { (found.table.ERR_get_error)() };
            let Ok(code) = u32::try_from(code) else { continue };
            if code == 0 {
                break;
            }
            let is_ssl = |code: u32| code >> 23 & 0xff == ERR_LIB_SSL;
            if told.is_none_or(|told| !is_ssl(told) && is_ssl(code)) {
                told = Some(code);
            }
        }
        let Some(code) = told else { return Self::of("OpenSSL does not say why") };
        // SAFETY: null, or a constant text that ends with a zero.
        let text = unsafe {
            let text = (found.table.ERR_reason_error_string)(code.into());
            if text.is_null() { None } else { Some(CStr::from_ptr(text)) }
        };
        let text =
            text.map_or_else(|| format!("error {code:08X}"), |text| text.to_string_lossy().into());
        Self { code, text }
    }
}

impl Found {
    /// A stale error must not be taken for one of the call that follows.
    pub(crate) fn clear_errors(&self) {
        // SAFETY: the queue is the thread's own.
        unsafe { (self.table.ERR_clear_error)() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}
