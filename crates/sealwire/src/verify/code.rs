//! The names of verdicts: OpenSSL's `X509_V_ERR_*` without the prefix, and Node's for names.

use std::fmt;

use sealwire_x509 as x509;

/// Why a peer is not authorized, by the name that OpenSSL or Node has for it.
///
/// Two codes are equal when their names are. The constants are those that programs most often
/// act on; any other name of OpenSSL's list can appear.
#[derive(Clone, Copy)]
pub struct Code {
    name: &'static str,
    text: &'static str,
}

impl Code {
    /// The one certificate sent is self-signed and is not trusted itself.
    pub const DEPTH_ZERO_SELF_SIGNED_CERT: Self =
        Self { name: "DEPTH_ZERO_SELF_SIGNED_CERT", text: "self-signed certificate" };
    /// The chain ends in a root that is not trusted.
    pub const SELF_SIGNED_CERT_IN_CHAIN: Self = Self {
        name: "SELF_SIGNED_CERT_IN_CHAIN",
        text: "self-signed certificate in certificate chain",
    };
    /// The issuer of the only certificate sent was not sent and is not trusted.
    pub const UNABLE_TO_VERIFY_LEAF_SIGNATURE: Self = Self {
        name: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        text: "unable to verify the first certificate",
    };
    /// The issuer of the last certificate sent was not sent and is not trusted.
    pub const UNABLE_TO_GET_ISSUER_CERT_LOCALLY: Self = Self {
        name: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        text: "unable to get local issuer certificate",
    };
    /// A trusted certificate's own issuer is not trusted; or no certificate came at all.
    pub const UNABLE_TO_GET_ISSUER_CERT: Self =
        Self { name: "UNABLE_TO_GET_ISSUER_CERT", text: "unable to get issuer certificate" };
    /// A certificate of the chain has expired.
    pub const CERT_HAS_EXPIRED: Self =
        Self { name: "CERT_HAS_EXPIRED", text: "certificate has expired" };
    /// A certificate of the chain is not valid yet.
    pub const CERT_NOT_YET_VALID: Self =
        Self { name: "CERT_NOT_YET_VALID", text: "certificate is not yet valid" };
    /// A certificate's signature was not made by the key of its issuer.
    pub const CERT_SIGNATURE_FAILURE: Self =
        Self { name: "CERT_SIGNATURE_FAILURE", text: "certificate signature failure" };
    /// A certificate is on its issuer's revocation list.
    pub const CERT_REVOKED: Self = Self { name: "CERT_REVOKED", text: "certificate revoked" };
    /// Revocation lists were given, but none by this issuer.
    pub const UNABLE_TO_GET_CRL: Self =
        Self { name: "UNABLE_TO_GET_CRL", text: "unable to get certificate CRL" };
    /// The key usage of a certificate does not allow what it is used for.
    pub const INVALID_PURPOSE: Self =
        Self { name: "INVALID_PURPOSE", text: "unsuitable certificate purpose" };
    /// The leaf's key is too small for the security level.
    pub const EE_KEY_TOO_SMALL: Self =
        Self { name: "EE_KEY_TOO_SMALL", text: "EE certificate key too weak" };
    /// A CA's key is too small for the security level.
    pub const CA_KEY_TOO_SMALL: Self =
        Self { name: "CA_KEY_TOO_SMALL", text: "CA certificate key too weak" };
    /// A signature of the chain uses a digest too weak for the security level.
    pub const CA_MD_TOO_WEAK: Self =
        Self { name: "CA_MD_TOO_WEAK", text: "CA signature digest algorithm too weak" };
    /// A name is in none of the parts of the name space that a CA above permits.
    pub const PERMITTED_VIOLATION: Self =
        Self { name: "PERMITTED_VIOLATION", text: "permitted subtree violation" };
    /// A name is in a part of the name space that a CA above excludes.
    pub const EXCLUDED_VIOLATION: Self =
        Self { name: "EXCLUDED_VIOLATION", text: "excluded subtree violation" };
    /// The certificate is for another host: Node's code (OpenSSL says `HOSTNAME_MISMATCH`).
    pub const ERR_TLS_CERT_ALTNAME_INVALID: Self = Self {
        name: "ERR_TLS_CERT_ALTNAME_INVALID",
        text: "Hostname/IP does not match certificate's altnames",
    };
    /// No key of the chain is pinned. A name of our own: neither OpenSSL nor
    /// Node knows pins.
    pub const PINNED_KEY_MISMATCH: Self = Self {
        name: "PINNED_KEY_MISMATCH",
        text: "no public key of the certificate chain is pinned",
    };
    /// AWS-LC could not come to a verdict at all.
    pub const UNSPECIFIED: Self =
        Self { name: "UNSPECIFIED", text: "unspecified certificate verification error" };

    /// The code of an `X509_V_ERR_*` number of OpenSSL 3, [`UNSPECIFIED`](Self::UNSPECIFIED) for one that it
    /// does not have.
    pub fn from_openssl(number: i32) -> Self {
        Self { name: x509::error_name(number), text: x509::error_text(number) }
    }

    /// The name, as in Node's `authorizationError`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// OpenSSL's sentence for it.
    pub fn text(self) -> &'static str {
        self.text
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Code {}

impl std::hash::Hash for Code {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
