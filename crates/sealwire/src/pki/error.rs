//! What can be wrong with a key, a certificate or a request, and where it came from.

use std::fmt;
use std::io;
use std::path::Path;

/// A key, certificate, request, CRL or PFX that cannot be read, made or used.
///
/// The text is one line: the file or option at fault first, then the fact. What to do about it is
/// for the program to add; it has [`problem`](Self::problem) and [`code`](Self::code) to choose by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    origin: Option<String>,
    problem: Problem,
    detail: String,
}

/// The kinds of [`Error`], for programs that act on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// The cryptographic library failed in a way that is nobody's input: no memory, no entropy.
    Internal,
}

impl Error {
    /// An error whose origin is not known yet; see [`at`](Self::at).
    pub fn new(problem: Problem, detail: impl Into<String>) -> Self {
        Self { origin: None, problem, detail: detail.into() }
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

    /// What kind of problem it is.
    pub fn problem(&self) -> Problem {
        self.problem
    }

    /// The file or option at fault, when known.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The fact, without the origin.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The code that Node (OpenSSL's reason, upper-cased) has for this, where it has one.
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Error {}

impl From<sealwire_x509::Error> for Error {
    fn from(error: sealwire_x509::Error) -> Self {
        use sealwire_x509::ErrorKind as K;
        let problem = match error.kind() {
            K::NoPemBlock => Problem::NoPemBlock,
            K::Malformed => Problem::Malformed,
            K::PassphraseNeeded => Problem::PassphraseNeeded,
            K::WrongPassphrase => Problem::WrongPassphrase,
            K::Unsupported => Problem::Unsupported,
            K::SeveralKeys => Problem::SeveralKeys,
            K::KeyMismatch => Problem::KeyMismatch,
            _ => Problem::Internal,
        };
        Self::new(problem, error.to_string())
    }
}
