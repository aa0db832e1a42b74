//! What went wrong, and AWS-LC's error queue.

use std::ffi::CStr;
use std::fmt;
use std::marker::PhantomData;

use aws_lc_sys as c;

/// Why a call failed: what kind of failure, and the fact in AWS-LC's words or ours.
///
/// Its `Display` is one line and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    reason: String,
}

/// The kinds of failure a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text holds no PEM block of the kind looked for.
    NoPemBlock,
    /// The bytes are not what they are said to be.
    Malformed,
    /// The key is encrypted and no passphrase was given.
    PassphraseNeeded,
    /// The passphrase does not open the key or the file.
    WrongPassphrase,
    /// Well formed as far as can be told, but of an algorithm or form AWS-LC does not know.
    Unsupported,
    /// The file holds several private keys and nothing says which one is meant.
    SeveralKeys,
    /// The private key does not belong to the certificate.
    KeyMismatch,
    /// The library could not do its work: out of memory, or a bug.
    Internal,
}

impl Error {
    /// An error in our own words.
    pub(crate) fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    /// Names the line of a text at which the bytes at fault begin.
    pub(crate) fn at_line(mut self, line: usize) -> Self {
        self.reason = format!("line {line}: {}", self.reason);
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The fact: AWS-LC's `LIBRARY:REASON`, or a sentence of ours.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ErrorKind::NoPemBlock => "no PEM block",
            ErrorKind::Malformed => "malformed",
            ErrorKind::PassphraseNeeded => "passphrase needed",
            ErrorKind::WrongPassphrase => "wrong passphrase",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::SeveralKeys => "several private keys",
            ErrorKind::KeyMismatch => "key does not match the certificate",
            ErrorKind::Internal => "internal error",
        };
        write!(f, "{kind}: {}", self.reason)
    }
}

impl std::error::Error for Error {}

/// Holds AWS-LC's error queue of this thread for the length of a call: empty at the start, so that
/// what is read belongs to this call, and empty at the end, so that nobody else finds our leavings.
pub(crate) struct ErrorQueue {
    // The queue is thread-local; the guard must be dropped where it was made.
    _this_thread: PhantomData<*const ()>,
}

/// One entry of the queue.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    packed: u32,
}

impl ErrorQueue {
    pub(crate) fn new() -> Self {
        clear();
        Self { _this_thread: PhantomData }
    }

    /// Takes every entry, oldest (innermost) first.
    pub(crate) fn drain(&self) -> Vec<Entry> {
        std::iter::from_fn(|| {
            // SAFETY: takes no argument; reads this thread's queue.
            let packed = unsafe { c::ERR_get_error() };
            (packed != 0).then_some(Entry { packed })
        })
        .collect()
    }

    /// Turns the queue into an error of the given kind, told by its innermost entry.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, describe(&self.drain()))
    }

    /// As [`error`](Self::error) for bytes that would not parse: a failed allocation is not
    /// blamed on the bytes.
    pub(crate) fn malformed(&self) -> Error {
        let entries = self.drain();
        let out_of_memory = entries.iter().any(|entry| entry.is_out_of_memory());
        let kind = if out_of_memory { ErrorKind::Internal } else { ErrorKind::Malformed };
        Error::new(kind, describe(&entries))
    }
}

impl Drop for ErrorQueue {
    fn drop(&mut self) {
        clear();
    }
}

impl Entry {
    /// The `ERR_LIB_*` number.
    pub(crate) fn library(self) -> i32 {
        c::ERR_GET_LIB(self.packed)
    }

    /// The `*_R_*` number, to be read together with the library.
    pub(crate) fn code(self) -> i32 {
        c::ERR_GET_REASON(self.packed)
    }

    pub(crate) fn is(self, library: i32, code: i32) -> bool {
        self.library() == library && self.code() == code
    }

    fn is_out_of_memory(self) -> bool {
        self.code() == c::ERR_R_MALLOC_FAILURE
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let library = library_name(self.library());
        // SAFETY: any number may be asked for; the answer is null or a string that is never freed.
        let reason = unsafe { c::ERR_reason_error_string(self.packed) };
        if reason.is_null() {
            return write!(f, "{library}:{}", self.code());
        }
        // SAFETY: not null, so a NUL-terminated string of static lifetime.
        let reason = unsafe { CStr::from_ptr(reason) };
        write!(f, "{library}:{}", reason.to_string_lossy())
    }
}

/// The innermost entry in words, or a sentence saying that AWS-LC gave no reason.
pub(crate) fn describe(entries: &[Entry]) -> String {
    entries.first().map_or_else(|| "AWS-LC gave no reason".to_owned(), ToString::to_string)
}

fn clear() {
    // SAFETY: takes no argument; empties this thread's queue.
    unsafe { c::ERR_clear_error() }
}

/// AWS-LC's own names are sentences ("public key routines"); these are the short ones.
fn library_name(library: i32) -> &'static str {
    match library {
        c::ERR_LIB_SYS => "SYS",
        c::ERR_LIB_BN => "BN",
        c::ERR_LIB_RSA => "RSA",
        c::ERR_LIB_DH => "DH",
        c::ERR_LIB_EVP => "EVP",
        c::ERR_LIB_BUF => "BUF",
        c::ERR_LIB_OBJ => "OBJ",
        c::ERR_LIB_PEM => "PEM",
        c::ERR_LIB_DSA => "DSA",
        c::ERR_LIB_X509 => "X509",
        c::ERR_LIB_ASN1 => "ASN1",
        c::ERR_LIB_CRYPTO => "CRYPTO",
        c::ERR_LIB_EC => "EC",
        c::ERR_LIB_BIO => "BIO",
        c::ERR_LIB_PKCS8 => "PKCS8",
        c::ERR_LIB_X509V3 => "X509V3",
        c::ERR_LIB_CIPHER => "CIPHER",
        c::ERR_LIB_PKCS12 => "PKCS12",
        c::ERR_LIB_OCSP => "OCSP",
        _ => "AWS-LC",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_innermost_reason_and_leaves_the_queue_empty() {
        let queue = ErrorQueue::new();
        // SAFETY: one readable byte; a failed parse returns null and queues its reasons.
        let parsed = unsafe { c::d2i_X509(std::ptr::null_mut(), &mut [5u8].as_ptr(), 1) };
        assert!(parsed.is_null());
        let error = queue.malformed();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.reason().starts_with("ASN1:"), "{error}");
        assert_eq!(error.to_string(), format!("malformed: {}", error.reason()));
        assert!(queue.drain().is_empty());
    }
}
