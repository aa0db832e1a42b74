//! Signature schemes by OpenSSL's names and list syntax.

use super::SignatureScheme as S;
use super::{ConfigError, SignatureScheme};

/// The schemes of the engine, in OpenSSL's order of preference: elliptic curves before RSA, and the
/// shorter digest first. Those of ML-DSA come last, since such certificates are rare.
pub(crate) const DEFAULT: &[SignatureScheme] = &[
    S::ECDSA_SECP256R1_SHA256,
    S::ECDSA_SECP384R1_SHA384,
    S::ECDSA_SECP521R1_SHA512,
    S::ED25519,
    S::RSA_PSS_PSS_SHA256,
    S::RSA_PSS_PSS_SHA384,
    S::RSA_PSS_PSS_SHA512,
    S::RSA_PSS_RSAE_SHA256,
    S::RSA_PSS_RSAE_SHA384,
    S::RSA_PSS_RSAE_SHA512,
    S::RSA_PKCS1_SHA256,
    S::RSA_PKCS1_SHA384,
    S::RSA_PKCS1_SHA512,
    S::MLDSA65,
    S::MLDSA87,
    S::MLDSA44,
];

const OPTION: &str = "signature_schemes";

/// Reads a list as OpenSSL's `-sigalgs` and Node's option `sigalgs` have it: names with colons
/// between, best first. A name is a scheme's of TLS 1.3 (`ecdsa_secp256r1_sha256`, `ed25519`) or a
/// key and a digest (`RSA+SHA256`, `RSA-PSS+SHA256`, `PSS+SHA256`, `ECDSA+SHA384`). As from
/// OpenSSL 3.3 on, case does not matter, a repeated name counts once, and a name after `?` may be
/// unknown (`SSL_CTX_set1_sigalgs_list`).
pub(crate) fn parse(list: &str) -> Result<Vec<SignatureScheme>, ConfigError> {
    if list.is_empty() {
        return Err(
            ConfigError::new(OPTION, "the list is empty").with_code("ERR_INVALID_ARG_VALUE")
        );
    }
    let mut schemes = Vec::new();
    let mut lacking = Vec::new();
    for name in list.split(':').map(str::trim) {
        let (name, optional) = match name.strip_prefix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        match by_name(name) {
            Some(Known::Scheme(scheme)) if !schemes.contains(&scheme) => schemes.push(scheme),
            Some(Known::Scheme(_)) => {}
            Some(Known::OpensslOnly) => lacking.push(name),
            None if optional => {}
            None => {
                let reason = format!("{name:?} is not the name of a signature scheme");
                return Err(ConfigError::new(OPTION, reason));
            }
        }
    }
    if schemes.is_empty() {
        let reason = if lacking.is_empty() {
            "the list names no signature scheme".to_owned()
        } else {
            format!("{}: supported by OpenSSL, not here", lacking.join(", "))
        };
        return Err(ConfigError::new(OPTION, reason).with_code("ERR_SSL_PASSED_INVALID_ARGUMENT"));
    }
    Ok(schemes)
}

/// How the name of a scheme is understood.
enum Known {
    Scheme(SignatureScheme),
    /// Supported by OpenSSL, not by the engine: it is left out of a list that has others, since
    /// both sides only ever use what they share.
    OpensslOnly,
}

fn by_name(name: &str) -> Option<Known> {
    let is_it = |one: &SignatureScheme| match name.split_once('+') {
        None => one.iana_name().eq_ignore_ascii_case(name),
        // OpenSSL takes key and digest in either order, and a pair for the keys that most have.
        Some((one_part, other)) => {
            !one.is_for_pss_keys()
                && (is_pair(one.openssl_name(), one_part, other)
                    || is_pair(one.openssl_name(), other, one_part))
        }
    };
    let mut openssl_only = None;
    for named in SignatureScheme::all().filter(is_it) {
        if DEFAULT.contains(&named) {
            return Some(Known::Scheme(named));
        }
        openssl_only = Some(Known::OpensslOnly).filter(|_| named.number() != RSA_MD5);
    }
    openssl_only
}

/// In the table for the sake of peers that offer it; no list may have it.
const RSA_MD5: u16 = 0x0101;

fn is_pair(openssl_name: &str, key: &str, digest: &str) -> bool {
    let key = if key.eq_ignore_ascii_case("PSS") { "RSA-PSS" } else { key };
    let pair = openssl_name.split_once('+').filter(|(_, has)| *has != "UNDEF");
    pair.is_some_and(|(its_key, its_digest)| {
        its_key.eq_ignore_ascii_case(key) && its_digest.eq_ignore_ascii_case(digest)
    })
}

#[cfg(test)]
mod tests {
    use super::{S, parse};

    #[test]
    fn the_three_spellings() {
        for (list, expected) in [
            ("RSA+SHA256", &[S::RSA_PKCS1_SHA256][..]),
            ("SHA256+RSA", &[S::RSA_PKCS1_SHA256]),
            ("rsa+sha256", &[S::RSA_PKCS1_SHA256]),
            ("PSS+SHA384:RSA-PSS+SHA512", &[S::RSA_PSS_RSAE_SHA384, S::RSA_PSS_RSAE_SHA512]),
            ("ecdsa_secp256r1_sha256", &[S::ECDSA_SECP256R1_SHA256]),
            ("ED25519:ECDSA+SHA512", &[S::ED25519, S::ECDSA_SECP521R1_SHA512]),
            ("RSA+SHA256:RSA+SHA256", &[S::RSA_PKCS1_SHA256]),
            ("?nope:RSA+SHA256", &[S::RSA_PKCS1_SHA256]),
            (" RSA+SHA256 : ed25519 ", &[S::RSA_PKCS1_SHA256, S::ED25519]),
            (
                "rsa_pss_pss_sha256:rsa_pss_rsae_sha256:RSA+SHA1",
                &[S::RSA_PSS_PSS_SHA256, S::RSA_PSS_RSAE_SHA256],
            ),
            ("mldsa65", &[S::MLDSA65]),
        ] {
            assert_eq!(parse(list).expect(list), expected, "{list}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (list, code, reason) in [
            ("", Some("ERR_INVALID_ARG_VALUE"), "the list is empty"),
            ("nope", None, "\"nope\" is not the name of a signature scheme"),
            ("RSA+SHA256:", None, "\"\" is not the name of a signature scheme"),
            ("RSA", None, "\"RSA\" is not the name of a signature scheme"),
            ("RSA+", None, "\"RSA+\" is not the name of a signature scheme"),
            ("RSA+MD5", None, "\"RSA+MD5\" is not the name of a signature scheme"),
            (
                "?nope",
                Some("ERR_SSL_PASSED_INVALID_ARGUMENT"),
                "the list names no signature scheme",
            ),
            (
                "RSA+SHA1:ed448",
                Some("ERR_SSL_PASSED_INVALID_ARGUMENT"),
                "RSA+SHA1, ed448: supported by OpenSSL, not here",
            ),
        ] {
            let error = parse(list).expect_err(list);
            assert_eq!(error.code(), code, "{list}");
            assert_eq!(error.to_string(), format!("signature_schemes: {reason}"), "{list}");
        }
    }
}
