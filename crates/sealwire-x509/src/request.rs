//! What is asked about a certificate, and what the answer can be.

use crate::certificate::Certificate;
use crate::crl::Crl;
use crate::policies::CertificatePolicies;
use crate::purpose::Purpose;
use crate::trust::TrustSet;

/// All that a verdict depends on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The certificate in question.
    pub leaf: &'a Certificate,
    /// Certificates that came with it, in any order. They are trusted for nothing. The first
    /// [`MAX_INTERMEDIATES`] are looked at, or fewer when their keys and name constraints would
    /// take more than some 20 ms to work through.
    pub intermediates: &'a [Certificate],
    /// The trusted certificates.
    pub trust: &'a TrustSet,
    /// Which certificate policies the chain has to be valid for.
    pub policies: &'a CertificatePolicies,
    /// Revocation lists. When there are any, every certificate of the chain, the root included,
    /// must be covered by them (OpenSSL's `-crl_check_all -extended_crl -use_deltas`).
    pub crls: &'a [Crl],
    /// What the leaf is to be used as.
    pub purpose: Purpose,
    /// The time of judgement, in seconds since 1970.
    pub time: i64,
    /// Whether the chain may end at any certificate of `trust`, a leaf or an intermediate
    /// (OpenSSL's `-partial_chain`), instead of at a self-signed one only.
    pub partial_chain: bool,
}

/// How many of the certificates that came with the leaf are looked at. OpenSSL reads 100 from a
/// peer at most by default (`SSL_MAX_CERT_LIST_DEFAULT` of 100 KiB allows some more small ones).
pub const MAX_INTERMEDIATES: usize = 100;

/// Trusted, or everything found wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// What was found wrong, in the order in which it was found. The last one is what Node calls
    /// `authorizationError`; the first one is what `openssl verify` prints first.
    pub errors: Vec<ChainError>,
    /// The chain that was judged, the leaf first.
    pub chain: Vec<Certificate>,
    /// Whether X509_verify_cert returned 1. Private, so that no other code can construct an acceptance.
    accepted: bool,
}

impl Verdict {
    pub(crate) fn new(accepted: bool, errors: Vec<ChainError>, chain: Vec<Certificate>) -> Self {
        Self { errors, chain, accepted }
    }

    /// Whether the certificate is trusted: `X509_verify_cert` said yes and nothing was found wrong.
    #[must_use]
    pub fn trusted(&self) -> bool {
        self.accepted && self.errors.is_empty()
    }
}

/// One thing found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainError {
    /// OpenSSL 3's `X509_V_ERR_*` number; see [`error_name`](crate::error_name).
    pub code: i32,
    /// How far from the leaf: 0 is the leaf, 1 its issuer.
    pub depth: usize,
    /// The certificate it was found at.
    pub certificate: Option<Certificate>,
    /// What the code does not tell, in a sentence, where there is more to tell.
    pub detail: Option<String>,
}

impl ChainError {
    /// An error that its code tells all about.
    #[must_use]
    pub fn new(code: i32, depth: usize, certificate: Option<Certificate>) -> Self {
        Self { code, depth, certificate, detail: None }
    }
}

/// The say of the caller of [`verify_with`](crate::verify_with).
pub(crate) type Veto<'a> = &'a dyn Fn(&[Certificate]) -> Vec<ChainError>;
