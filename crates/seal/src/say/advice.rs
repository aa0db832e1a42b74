//! What to do about a fact that the library states. The library never advises; this is the one
//! place that does.

use sealwire::ServerName;
use sealwire::pki::{Certificate, Error, GeneralName, Problem};
use sealwire::verify::Finding;

/// Advice for a problem with a key, a certificate or a file.
pub(crate) fn for_problem(error: &Error) -> Option<&'static str> {
    match error.problem() {
        Problem::Exists => Some("--force overwrites it"),
        Problem::PassphraseNeeded => Some("give it with --passphrase-file"),
        Problem::WrongPassphrase => {
            Some("check the passphrase file: a trailing line end is dropped, nothing else")
        }
        Problem::KeyMismatch => Some("give the key that the certificate was made with"),
        _ => None,
    }
}

/// Advice for one thing that is wrong with a chain: what the chain and the name that was asked for tell
/// goes before what is true of every such error.
pub(crate) fn for_finding(
    finding: &Finding,
    chain: &[Certificate],
    name: Option<&ServerName>,
) -> Option<String> {
    let code = finding.code().name();
    let special = match (code, chain, name) {
        ("ERR_TLS_CERT_ALTNAME_INVALID", [leaf, ..], Some(name)) => {
            for_name(name, leaf).map(str::to_owned)
        }
        (
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE" | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
            [.., last],
            _,
        ) => for_missing_issuer(last),
        ("CERT_SIGNATURE_FAILURE", ..)
            if finding.certificate().is_some_and(|it| !it.has_known_signature()) =>
        {
            Some("have it issued with SHA-256, which every client checks".to_owned())
        }
        ("INVALID_PURPOSE", chain, _) => chain
            .get(finding.depth())
            .and_then(|it| for_purpose(it, finding.depth()))
            .map(str::to_owned),
        _ => None,
    };
    special.or_else(|| for_code(code).map(str::to_owned))
}

/// Advice for a certificate that is not meant for what it is used for, at this place of its chain.
fn for_purpose(certificate: &Certificate, depth: usize) -> Option<&'static str> {
    match (depth, certificate.is_ca()) {
        (0, true) => Some(
            "it is a CA's: the certificate of the server or client itself goes first in its file, and \
             the CAs behind it",
        ),
        (0, false) => None,
        (_, false) => for_code("INVALID_CA"),
        (_, true) => Some(
            "a CA whose extendedKeyUsage lacks serverAuth or clientAuth issues no certificates for \
             that: have it issued by another, or make that CA anew",
        ),
    }
}

/// Advice for a verdict's code, to the side that refuses.
pub(crate) fn for_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "DEPTH_ZERO_SELF_SIGNED_CERT" => {
            "to trust exactly this certificate, pass its file with --ca"
        }
        "SELF_SIGNED_CERT_IN_CHAIN" => "to trust this root, pass its file with --ca",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE" | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" => {
            "the peer should send its intermediates; or pass the issuer's certificate with --ca"
        }
        "UNABLE_TO_GET_ISSUER_CERT" => "pass the root that issued it with --ca as well",
        "CERT_HAS_EXPIRED" => "it has to be renewed, or this machine's clock is wrong",
        "CERT_NOT_YET_VALID" => "check this machine's clock",
        "CERT_SIGNATURE_FAILURE" => {
            "the certificate was changed, or another CA uses the same name: check the file of --ca"
        }
        "CERT_REVOKED" => "its issuer says that it must not be used any more",
        "UNABLE_TO_GET_CRL" => "give a revocation list of every issuer in the chain",
        "CRL_HAS_EXPIRED" => "fetch the issuer's current revocation list",
        "INVALID_PURPOSE" => {
            "it needs an extended key usage of serverAuth for a server, clientAuth for a client"
        }
        "ERR_TLS_CERT_ALTNAME_INVALID" => {
            "connect by a name that it has, or have it issued with this one; --servername asks for \
             another than the host's"
        }
        "PERMITTED_VIOLATION" | "EXCLUDED_VIOLATION" => {
            "a CA above may not sign for this name: have it issued by another, or make that CA anew \
             with the name permitted"
        }
        "UNHANDLED_CRITICAL_EXTENSION" => {
            "what a verifier does not know and is marked critical, it has to refuse: have it issued \
             without"
        }
        "INVALID_CA" => {
            "a certificate above is no CA (basicConstraints): in the file, the leaf goes first and \
             behind it who signed it"
        }
        "PATH_LENGTH_EXCEEDED" => "a CA above may not have so many CAs below it",
        "PINNED_KEY_MISMATCH" => "the server has a new key, or somebody is between",
        "EE_KEY_TOO_SMALL" | "CA_KEY_TOO_SMALL" | "CA_MD_TOO_WEAK" => {
            "it has to be made anew, with RSA of 2048 bits or P-256, and SHA-256"
        }
        _ => return None,
    })
}

/// Advice for a name that a certificate is not for.
fn for_name(asked: &ServerName, leaf: &Certificate) -> Option<&'static str> {
    let names = leaf.subject_alt_names().unwrap_or_default();
    let dns = names.iter().filter_map(|name| match name {
        GeneralName::Dns(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    let dns: Vec<String> = dns.collect();
    let host = asked.as_str().to_ascii_lowercase();
    // One that signed itself may be both, as `openssl req -x509` makes it.
    if leaf.is_ca() && !leaf.is_self_signed() {
        return for_purpose(leaf, 0);
    }
    if asked.ip().is_some() {
        return Some(match dns.contains(&host) {
            true => "an address counts as an IP name only: have it issued with IP:ADDRESS",
            false if dns.is_empty() => "it needs the address among its names (IP:ADDRESS)",
            false => "it is for host names, not for this address: ask for one of them",
        });
    }
    let wide = |pattern: &String| {
        pattern.strip_prefix("*.").is_some_and(|rest| host.ends_with(&format!(".{rest}")))
    };
    if dns.iter().any(wide) {
        return Some("a wildcard stands for one label only: *.a.test is not for x.y.a.test");
    }
    let bare = |pattern: &String| pattern.strip_prefix("*.") == Some(&host);
    if dns.iter().any(bare) {
        return Some("a wildcard is not for the name without a label before it: have both in it");
    }
    None
}

/// Advice for an issuer that is not there: where the last certificate of the chain says it is.
fn for_missing_issuer(last: &Certificate) -> Option<String> {
    let places = last.authority_info_access();
    let (_, url) = places.iter().find(|(method, _)| method.contains("Issuers"))?;
    Some(format!("its issuer's certificate is at {url}: have it sent, or give it with --untrusted"))
}

/// Advice for a connection that failed, to us, who asked for `name`.
pub(crate) fn for_failure(error: &sealwire::Error, name: Option<&ServerName>) -> Option<String> {
    match error {
        sealwire::Error::PeerRefused(refusal) => {
            for_finding(refusal.findings().last()?, refusal.chain(), name)
        }
        _ => for_failure_of(error).map(str::to_owned),
    }
}

fn for_failure_of(error: &sealwire::Error) -> Option<&'static str> {
    use sealwire::Error as E;
    match error {
        E::AlertReceived(alert) => match alert.number() {
            116 => Some("give a client certificate with --cert and --key, or --pfx"),
            42..=46 | 48 => {
                Some("the peer decides whom it trusts: it needs our certificate's issuer")
            }
            112 => Some("the server has no such name: try --servername"),
            120 => Some("try another --alpn, or none"),
            70 => Some("the peer speaks TLS 1.1 or older, or only versions that were ruled out"),
            _ => None,
        },
        E::NotTls(_) => Some("check the port, or speak that protocol without TLS"),
        E::ClosedInHandshake => Some("it may have refused us without saying why"),
        E::Incompatible(_) if error.code() == "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE" => {
            Some("the client has to show a certificate")
        }
        _ => None,
    }
}

/// What failed, with the code to look it up by.
pub(crate) fn sentence(error: &sealwire::Error) -> String {
    match error {
        sealwire::Error::PeerRefused(refusal) => refusal.to_string(),
        _ => format!("{error} [{}]", error.code()),
    }
}

/// What a verdict's code means, to somebody who meets it for the first time.
pub(crate) fn meaning(code: &str) -> &'static str {
    match code {
        "DEPTH_ZERO_SELF_SIGNED_CERT" => {
            "Anybody can make a certificate that says \"localhost\"; only trust in this very one, or in\n  somebody who vouches for it, tells whose it is."
        }
        _ => "The certificate proves nothing to this client.",
    }
}
