//! What can be wrong with material, and where it came from; and AWS-LC's error queue.

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::path::Path;

use aws_lc_sys as c;

use crate::plain;

/// A key, certificate, request, CRL or PFX that cannot be read, made or used.
///
/// The text is one line and holds no secret: the file or option at fault first, then the fact. What
/// to do about it is for the program to add; it has [`problem`](Self::problem) and
/// [`code`](Self::code) to choose by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    origin: Option<String>,
    problem: Problem,
    detail: String,
}

/// The kinds of [`Error`], for programs that act on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// The file could not be read or written.
    Io(io::ErrorKind),
    /// A file that is there already would have been overwritten.
    Exists,
    /// There is no PEM block of the kind that was asked for.
    NoPemBlock,
    /// The bytes are not what they say they are: broken base64, broken DER.
    Malformed,
    /// The material is encrypted and no passphrase was given.
    PassphraseNeeded,
    /// The passphrase does not open it.
    WrongPassphrase,
    /// An algorithm or form that we do not have; the detail names it.
    Unsupported,
    /// The key is not the one of the certificate.
    KeyMismatch,
    /// The key is too small to be used for TLS here.
    KeyTooSmall,
    /// No private key where one is needed: a PFX with certificates only.
    NoPrivateKey,
    /// More than one private key where one is needed.
    SeveralKeys,
    /// A value given by the caller (a subject, a name, a date) that cannot be used.
    InvalidValue,
    /// A signature over a request or certificate does not verify.
    BadSignature,
    /// The cryptographic library failed in a way that no input causes: no memory, no entropy.
    Internal,
}

impl Error {
    /// An error whose origin is not known yet; see [`at`](Self::at).
    pub fn new(problem: Problem, detail: impl Into<String>) -> Self {
        Self { origin: None, problem, detail: detail.into() }
    }

    /// A bare fact, such as AWS-LC's `LIBRARY:REASON`, with the words for the problem before it.
    pub(crate) fn fact(problem: Problem, fact: impl fmt::Display) -> Self {
        Self::new(problem, format!("{}: {fact}", problem.words()))
    }

    /// An I/O error on `path`.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        let detail = match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::IsADirectory => "is a directory".to_owned(),
            _ => error.to_string(),
        };
        Self::new(Problem::Io(error.kind()), detail).at(path.display().to_string())
    }

    /// Names the file or option at fault. The first name given stays: it is the nearest.
    #[must_use]
    pub fn at(mut self, origin: impl Into<String>) -> Self {
        self.origin.get_or_insert_with(|| origin.into());
        self
    }

    /// Names the line of a text at which the bytes at fault begin.
    pub(crate) fn at_line(mut self, line: usize) -> Self {
        let words = self.problem.words();
        let fact = self.detail.strip_prefix(words).and_then(|rest| rest.strip_prefix(": "));
        self.detail = match fact {
            Some(fact) => format!("{words}: line {line}: {fact}"),
            None => format!("line {line}: {}", self.detail),
        };
        self
    }

    /// What kind of problem it is.
    #[must_use]
    pub fn problem(&self) -> Problem {
        self.problem
    }

    /// The file or option at fault, when known.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The fact, without the origin.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The code that Node (OpenSSL's reason, upper-cased) has for this, where it has one.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self.problem {
            Problem::NoPemBlock => Some("ERR_OSSL_PEM_NO_START_LINE"),
            Problem::PassphraseNeeded | Problem::WrongPassphrase => Some("ERR_OSSL_BAD_DECRYPT"),
            Problem::KeyMismatch => Some("ERR_OSSL_X509_KEY_VALUES_MISMATCH"),
            Problem::KeyTooSmall => Some("ERR_SSL_EE_KEY_TOO_SMALL"),
            Problem::Unsupported => Some("ERR_OSSL_UNSUPPORTED"),
            _ => None,
        }
    }
}

impl Problem {
    fn words(self) -> &'static str {
        match self {
            Self::NoPemBlock => "no PEM block",
            Self::Malformed => "malformed",
            Self::PassphraseNeeded => "passphrase needed",
            Self::WrongPassphrase => "wrong passphrase",
            Self::Unsupported => "unsupported",
            Self::SeveralKeys => "several private keys",
            _ => "internal error",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Error {}

/// Holds AWS-LC's error queue of this thread for the length of a call: empty at the start, so that
/// what is read belongs to this call, and empty at the end, so that later calls do not find stale errors.
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
    pub(crate) fn error(&self, problem: Problem) -> Error {
        Error::fact(problem, describe(&self.drain()))
    }

    /// As [`error`](Self::error) for bytes that would not parse: a failed allocation is not
    /// blamed on the bytes.
    pub(crate) fn malformed(&self) -> Error {
        let entries = self.drain();
        let out_of_memory = entries.iter().any(|entry| entry.is_out_of_memory());
        let problem = if out_of_memory { Problem::Internal } else { Problem::Malformed };
        Error::fact(problem, describe(&entries))
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
        let reason = reason.to_string_lossy();
        match plain::words(&reason) {
            Some(words) => write!(f, "{words} ({library}:{reason})"),
            None => write!(f, "{library}:{reason}"),
        }
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
        assert_eq!(error.problem(), Problem::Malformed);
        assert!(error.to_string().contains("(ASN1:"), "{error}");
        assert!(queue.drain().is_empty());
    }
}
