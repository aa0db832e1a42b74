//! OpenSSL 3's numbers, names and sentences for what verification can find wrong.
//!
//! AWS-LC shares most numbers with OpenSSL but not all: it kept 1.0.2's `INVALID_CA` (24) and
//! counts differently above 64. Everything this crate hands out is OpenSSL 3's.

use std::ffi::c_int;

use aws_lc_sys as c;

/// The number of OpenSSL 3 for one of AWS-LC's.
pub(crate) fn from_aws_lc(code: c_int) -> i32 {
    match code {
        c::X509_V_ERR_INVALID_CA => INVALID_CA,
        c::X509_V_ERR_INVALID_CALL => INVALID_CALL,
        c::X509_V_ERR_STORE_LOOKUP => STORE_LOOKUP,
        c::X509_V_ERR_EC_KEY_EXPLICIT_PARAMS => EC_KEY_EXPLICIT_PARAMS,
        // The rest above 64 has no counterpart: what AWS-LC finds there, OpenSSL does not look for.
        other if other > c::X509_V_ERR_IP_ADDRESS_MISMATCH => c::X509_V_ERR_UNSPECIFIED,
        same => same,
    }
}

pub(crate) const CRL_PATH_VALIDATION_ERROR: i32 = 54;
pub(crate) const EE_KEY_TOO_SMALL: i32 = 66;
pub(crate) const CA_KEY_TOO_SMALL: i32 = 67;
pub(crate) const CA_MD_TOO_WEAK: i32 = 68;
pub(crate) const INVALID_CALL: i32 = 69;
pub(crate) const STORE_LOOKUP: i32 = 70;
pub(crate) const INVALID_CA: i32 = 79;
pub(crate) const EC_KEY_EXPLICIT_PARAMS: i32 = 94;

/// What name constraints can find.
pub(crate) fn is_about_names(code: i32) -> bool {
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

/// What revocation lists can find.
pub(crate) fn is_about_revocation(code: i32) -> bool {
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
            | CRL_PATH_VALIDATION_ERROR
    )
}

/// OpenSSL's name of a verification result without its `X509_V_ERR_` prefix:
/// `DEPTH_ZERO_SELF_SIGNED_CERT` for 18. A number OpenSSL 3 does not have is `UNSPECIFIED`.
#[must_use]
pub fn error_name(code: i32) -> &'static str {
    entry(code).0
}

/// OpenSSL 3's sentence for a verification result: `self-signed certificate` for 18.
#[must_use]
pub fn error_text(code: i32) -> &'static str {
    entry(code).1
}

fn entry(code: i32) -> (&'static str, &'static str) {
    let index = usize::try_from(code).unwrap_or(1);
    *CODES.get(index).unwrap_or(&CODES[1])
}

/// Indexed by number: the name in `openssl/x509_vfy.h`, and what
/// `X509_verify_cert_error_string` of OpenSSL 3.0 says.
static CODES: [(&str, &str); 95] = [
    ("OK", "ok"),
    ("UNSPECIFIED", "unspecified certificate verification error"),
    ("UNABLE_TO_GET_ISSUER_CERT", "unable to get issuer certificate"),
    ("UNABLE_TO_GET_CRL", "unable to get certificate CRL"),
    ("UNABLE_TO_DECRYPT_CERT_SIGNATURE", "unable to decrypt certificate's signature"),
    ("UNABLE_TO_DECRYPT_CRL_SIGNATURE", "unable to decrypt CRL's signature"),
    ("UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", "unable to decode issuer public key"),
    ("CERT_SIGNATURE_FAILURE", "certificate signature failure"),
    ("CRL_SIGNATURE_FAILURE", "CRL signature failure"),
    ("CERT_NOT_YET_VALID", "certificate is not yet valid"),
    ("CERT_HAS_EXPIRED", "certificate has expired"),
    ("CRL_NOT_YET_VALID", "CRL is not yet valid"),
    ("CRL_HAS_EXPIRED", "CRL has expired"),
    ("ERROR_IN_CERT_NOT_BEFORE_FIELD", "format error in certificate's notBefore field"),
    ("ERROR_IN_CERT_NOT_AFTER_FIELD", "format error in certificate's notAfter field"),
    ("ERROR_IN_CRL_LAST_UPDATE_FIELD", "format error in CRL's lastUpdate field"),
    ("ERROR_IN_CRL_NEXT_UPDATE_FIELD", "format error in CRL's nextUpdate field"),
    ("OUT_OF_MEM", "out of memory"),
    ("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"),
    ("SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain"),
    ("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate"),
    ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate"),
    ("CERT_CHAIN_TOO_LONG", "certificate chain too long"),
    ("CERT_REVOKED", "certificate revoked"),
    ("NO_ISSUER_PUBLIC_KEY", "issuer certificate doesn't have a public key"),
    ("PATH_LENGTH_EXCEEDED", "path length constraint exceeded"),
    ("INVALID_PURPOSE", "unsuitable certificate purpose"),
    ("CERT_UNTRUSTED", "certificate not trusted"),
    ("CERT_REJECTED", "certificate rejected"),
    ("SUBJECT_ISSUER_MISMATCH", "subject issuer mismatch"),
    ("AKID_SKID_MISMATCH", "authority and subject key identifier mismatch"),
    ("AKID_ISSUER_SERIAL_MISMATCH", "authority and issuer serial number mismatch"),
    ("KEYUSAGE_NO_CERTSIGN", "key usage does not include certificate signing"),
    ("UNABLE_TO_GET_CRL_ISSUER", "unable to get CRL issuer certificate"),
    ("UNHANDLED_CRITICAL_EXTENSION", "unhandled critical extension"),
    ("KEYUSAGE_NO_CRL_SIGN", "key usage does not include CRL signing"),
    ("UNHANDLED_CRITICAL_CRL_EXTENSION", "unhandled critical CRL extension"),
    ("INVALID_NON_CA", "invalid non-CA certificate (has CA markings)"),
    ("PROXY_PATH_LENGTH_EXCEEDED", "proxy path length constraint exceeded"),
    ("KEYUSAGE_NO_DIGITAL_SIGNATURE", "key usage does not include digital signature"),
    (
        "PROXY_CERTIFICATES_NOT_ALLOWED",
        "proxy certificates not allowed, please set the appropriate flag",
    ),
    ("INVALID_EXTENSION", "invalid or inconsistent certificate extension"),
    ("INVALID_POLICY_EXTENSION", "invalid or inconsistent certificate policy extension"),
    ("NO_EXPLICIT_POLICY", "no explicit policy"),
    ("DIFFERENT_CRL_SCOPE", "different CRL scope"),
    ("UNSUPPORTED_EXTENSION_FEATURE", "unsupported extension feature"),
    ("UNNESTED_RESOURCE", "RFC 3779 resource not subset of parent's resources"),
    ("PERMITTED_VIOLATION", "permitted subtree violation"),
    ("EXCLUDED_VIOLATION", "excluded subtree violation"),
    ("SUBTREE_MINMAX", "name constraints minimum and maximum not supported"),
    ("APPLICATION_VERIFICATION", "application verification failure"),
    ("UNSUPPORTED_CONSTRAINT_TYPE", "unsupported name constraint type"),
    ("UNSUPPORTED_CONSTRAINT_SYNTAX", "unsupported or invalid name constraint syntax"),
    ("UNSUPPORTED_NAME_SYNTAX", "unsupported or invalid name syntax"),
    ("CRL_PATH_VALIDATION_ERROR", "CRL path validation error"),
    ("PATH_LOOP", "path loop"),
    ("SUITE_B_INVALID_VERSION", "Suite B: certificate version invalid"),
    ("SUITE_B_INVALID_ALGORITHM", "Suite B: invalid public key algorithm"),
    ("SUITE_B_INVALID_CURVE", "Suite B: invalid ECC curve"),
    ("SUITE_B_INVALID_SIGNATURE_ALGORITHM", "Suite B: invalid signature algorithm"),
    ("SUITE_B_LOS_NOT_ALLOWED", "Suite B: curve not allowed for this LOS"),
    ("SUITE_B_CANNOT_SIGN_P_384_WITH_P_256", "Suite B: cannot sign P-384 with P-256"),
    ("HOSTNAME_MISMATCH", "hostname mismatch"),
    ("EMAIL_MISMATCH", "email address mismatch"),
    ("IP_ADDRESS_MISMATCH", "IP address mismatch"),
    ("DANE_NO_MATCH", "no matching DANE TLSA records"),
    ("EE_KEY_TOO_SMALL", "EE certificate key too weak"),
    ("CA_KEY_TOO_SMALL", "CA certificate key too weak"),
    ("CA_MD_TOO_WEAK", "CA signature digest algorithm too weak"),
    ("INVALID_CALL", "invalid certificate verification context"),
    ("STORE_LOOKUP", "issuer certificate lookup error"),
    ("NO_VALID_SCTS", "Certificate Transparency required, but no valid SCTs found"),
    ("PROXY_SUBJECT_NAME_VIOLATION", "proxy subject name violation"),
    ("OCSP_VERIFY_NEEDED", "OCSP verification needed"),
    ("OCSP_VERIFY_FAILED", "OCSP verification failed"),
    ("OCSP_CERT_UNKNOWN", "OCSP unknown cert"),
    ("UNSUPPORTED_SIGNATURE_ALGORITHM", "Cannot find certificate signature algorithm"),
    (
        "SIGNATURE_ALGORITHM_MISMATCH",
        "subject signature algorithm and issuer public key algorithm mismatch",
    ),
    ("SIGNATURE_ALGORITHM_INCONSISTENCY", "cert info signature and signature algorithm mismatch"),
    ("INVALID_CA", "invalid CA certificate"),
    ("PATHLEN_INVALID_FOR_NON_CA", "Path length invalid for non-CA cert"),
    ("PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", "Path length given without key usage keyCertSign"),
    ("KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA", "Key usage keyCertSign invalid for non-CA cert"),
    ("ISSUER_NAME_EMPTY", "Issuer name empty"),
    ("SUBJECT_NAME_EMPTY", "Subject name empty"),
    ("MISSING_AUTHORITY_KEY_IDENTIFIER", "Missing Authority Key Identifier"),
    ("MISSING_SUBJECT_KEY_IDENTIFIER", "Missing Subject Key Identifier"),
    ("EMPTY_SUBJECT_ALT_NAME", "Empty Subject Alternative Name extension"),
    ("EMPTY_SUBJECT_SAN_NOT_CRITICAL", "Subject empty and Subject Alt Name extension not critical"),
    ("CA_BCONS_NOT_CRITICAL", "Basic Constraints of CA cert not marked critical"),
    ("AUTHORITY_KEY_IDENTIFIER_CRITICAL", "Authority Key Identifier marked critical"),
    ("SUBJECT_KEY_IDENTIFIER_CRITICAL", "Subject Key Identifier marked critical"),
    ("CA_CERT_MISSING_KEY_USAGE", "CA cert does not include key usage extension"),
    ("EXTENSIONS_REQUIRE_VERSION_3", "Using cert extension requires at least X509v3"),
    ("EC_KEY_EXPLICIT_PARAMS", "Certificate public key has explicit ECC parameters"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sentences_are_openssl_3s() {
        for (code, name, text) in [
            (0, "OK", "ok"),
            (18, "DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"),
            (26, "INVALID_PURPOSE", "unsuitable certificate purpose"),
            (79, "INVALID_CA", "invalid CA certificate"),
            (94, "EC_KEY_EXPLICIT_PARAMS", "Certificate public key has explicit ECC parameters"),
            (95, "UNSPECIFIED", "unspecified certificate verification error"),
            (-1, "UNSPECIFIED", "unspecified certificate verification error"),
        ] {
            assert_eq!((error_name(code), error_text(code)), (name, text), "{code}");
        }
    }

    #[test]
    fn the_shared_numbers_keep_their_meaning() {
        assert_eq!(from_aws_lc(c::X509_V_ERR_INVALID_CA), INVALID_CA);
        assert_eq!(error_name(from_aws_lc(c::X509_V_ERR_CERT_REVOKED)), "CERT_REVOKED");
        assert_eq!(
            error_name(from_aws_lc(c::X509_V_ERR_PERMITTED_VIOLATION)),
            "PERMITTED_VIOLATION"
        );
        assert_eq!(from_aws_lc(c::X509_V_ERR_NAME_CONSTRAINTS_WITHOUT_SANS), 1);
    }
}
