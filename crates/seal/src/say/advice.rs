//! What to do about a fact that the library states. The library never advises; this is the one
//! place that does.

use sealwire::pki::{Certificate, Error, GeneralName, OtherForm, Problem};
use sealwire::verify::Finding;
use sealwire::{Alert, EchRejection, OwnCertificate, ServerName};

/// Advice for a problem with a key, a certificate or a file.
pub(crate) fn for_problem(error: &Error) -> Option<&'static str> {
    match error.problem() {
        Problem::Exists => Some("--force overwrites it"),
        Problem::PassphraseNeeded => Some("give it with --passphrase-file"),
        Problem::WrongPassphrase => {
            Some("check the passphrase file: a trailing line end is dropped, nothing else")
        }
        Problem::KeyMismatch => Some("give the private key of this certificate"),
        Problem::Unsupported => for_other_form(error.detail()),
        Problem::Io(_) if error.to_string().starts_with("pkcs11:") => {
            Some("keys in PKCS#11 tokens are not supported: give a key in a file")
        }
        _ => None,
    }
}

/// How to come from another program's form to one that is read.
fn for_other_form(detail: &str) -> Option<&'static str> {
    let form = OtherForm::ALL.into_iter().find(|form| detail.contains(&form.to_string()))?;
    Some(match form {
        OtherForm::OpenSsh => {
            "`ssh-keygen -p -m PKCS8 -f COPY` rewrites a copy of an RSA or ECDSA key as PEM"
        }
        OtherForm::SshPublic => "`ssh-keygen -e -m PKCS8 -f FILE` writes it as PEM",
        OtherForm::Putty => {
            "`puttygen FILE -O private-openssh -o new.pem` writes an RSA or ECDSA key as PEM"
        }
        OtherForm::Jks | OtherForm::Jceks => {
            "`keytool -importkeystore -srckeystore FILE -destkeystore new.p12 -deststoretype PKCS12` \
             makes a PFX of it"
        }
        OtherForm::Tpm => {
            "the key does not leave the TPM: give one in a file, as `seal key new` creates it"
        }
        _ => return None,
    })
}

/// Advice for one thing that is wrong with a chain: what the chain and the requested name tell
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
             that: have it issued by another, or make a new CA",
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
        "CERT_HAS_EXPIRED" => "renew it, or correct this machine's clock",
        "CERT_NOT_YET_VALID" => "check this machine's clock",
        "CERT_SIGNATURE_FAILURE" => {
            "the certificate was changed, or another CA uses the same name: check the file of --ca"
        }
        "CERT_REVOKED" => "its issuer has revoked it: replace the certificate and its key",
        "UNABLE_TO_GET_CRL" => "give a revocation list of every issuer in the chain",
        "CRL_HAS_EXPIRED" => "fetch the issuer's current revocation list",
        "INVALID_PURPOSE" => {
            "it needs an extended key usage of serverAuth for a server, clientAuth for a client"
        }
        "ERR_TLS_CERT_ALTNAME_INVALID" => {
            "connect by a name in the certificate, or have it issued with this one; --servername requests another name than the host's"
        }
        "PERMITTED_VIOLATION" | "EXCLUDED_VIOLATION" => {
            "the name constraints of a CA exclude this name: use another CA, or recreate that CA with the name permitted"
        }
        "UNHANDLED_CRITICAL_EXTENSION" => {
            "verifiers must refuse unknown critical extensions: have it issued without it"
        }
        "INVALID_CA" => {
            "an issuer is not a CA (basicConstraints): in the file, the leaf goes first, followed by its issuers"
        }
        "PATH_LENGTH_EXCEEDED" => "a CA's path length allows fewer intermediates",
        "PINNED_KEY_MISMATCH" => "the server has a new key, or the connection is intercepted",
        "EE_KEY_TOO_SMALL" | "CA_KEY_TOO_SMALL" | "CA_MD_TOO_WEAK" => {
            "reissue it with RSA of 2048 bits or P-256, and SHA-256"
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
            false => "it is for host names, not for this address: connect by one of them",
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

/// Advice for a failed connection that asked for `name`.
pub(crate) fn for_failure(error: &sealwire::Error, name: Option<&ServerName>) -> Option<String> {
    match error {
        sealwire::Error::PeerRefused(refusal) => {
            for_finding(refusal.findings().last()?, refusal.chain(), name)
        }
        sealwire::Error::EchRejected(rejection) => Some(for_ech(rejection)),
        sealwire::Error::AlertReceived { ours: Some(ours), .. } => {
            for_ours(ours).map(str::to_owned)
        }
        _ => for_failure_of(error).map(str::to_owned),
    }
}

/// Advice to a client whose certificate a server refuses: the error says what is known of it.
fn for_ours(ours: &OwnCertificate) -> Option<&'static str> {
    match ours.certificate() {
        None => Some(GIVE_CERTIFICATE),
        Some(_) => for_code(ours.findings().first()?.code().name()),
    }
}

const GIVE_CERTIFICATE: &str = "give a client certificate with --cert and --key, or --pfx";

/// Advice after a rejected Encrypted Client Hello: its own configurations, where it may be
/// believed.
fn for_ech(rejection: &EchRejection) -> String {
    match rejection.retry_configs() {
        Some(list) if rejection.is_authorized() => {
            format!(
                "our configurations are out of date: save the server's in a file for --ech: {}",
                list.to_base64()
            )
        }
        Some(_) => {
            "do not use its configurations: it is not authenticated as the server".to_owned()
        }
        None => "without --ech the name is sent in plaintext".to_owned(),
    }
}

fn for_failure_of(error: &sealwire::Error) -> Option<&'static str> {
    use sealwire::Error as E;
    match error {
        E::AlertReceived { alert, .. } => for_alert(*alert),
        E::NotTls(_) => Some("check the port, or use that protocol without TLS"),
        E::ClosedInHandshake => Some("it may have refused us without saying why"),
        E::Incompatible(_) if error.code() == "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE" => {
            Some("the client must present a certificate")
        }
        _ => None,
    }
}

/// Advice after this alert of a peer.
pub(crate) fn for_alert(alert: Alert) -> Option<&'static str> {
    match alert.number() {
        116 => Some(GIVE_CERTIFICATE),
        45 => Some(
            "if our certificate is valid by our clock, the server's own revocation list is out of date: OpenSSL sends the same alert for both",
        ),
        42..=46 | 48 => Some("the peer may not trust our certificate's issuer"),
        112 => Some("the server has no such name: try --servername"),
        120 => Some("try another --alpn, or none"),
        70 => Some("the peer supports only TLS 1.1 or older, or versions that are disabled"),
        _ => None,
    }
}

/// What a client that refuses us usually means by it, to us, the server.
pub(crate) fn of_client(error: &sealwire::Error) -> Option<String> {
    use sealwire::Error as E;
    match error {
        E::AlertReceived { alert, .. } => match alert.number() {
            42 | 46 => Some(
                "the client may not trust our certificate's issuer, or the certificate does not match the name that it asked for",
            ),
            40 | 80 => Some(
                "after a certificate this usually means that the client did not find the requested name in it (mosquitto sends 80, Erlang 40)",
            ),
            _ => return for_failure(error, None),
        }
        .map(str::to_owned),
        E::ClosedInHandshake => Some(LEFT.to_owned()),
        _ => for_failure(error, None),
    }
}

/// What it usually means that a client finishes the handshake, or nearly, and leaves.
pub(crate) const LEFT: &str = "a client that does not trust the certificate's issuer, or does not find the requested name in it, may disconnect like this (curl, Node, \
                               ldapsearch)";

/// What to do where a handshake dies on the way, and goes through with these changes of our hello, by
/// the names that they have in JSON.
pub(crate) fn for_changes(changes: &[&str]) -> Option<&'static str> {
    Some(match changes {
        ["ask-first"] => "--starttls postgres requests TLS first",
        ["two-segments" | "two-records"] => {
            "ask the operator of the firewall or proxy in between; another network shows whether it is that"
        }
        ["no-ml-kem"] => {
            "have the middlebox fixed, or the server updated: browsers send such hellos too; until then `seal connect --groups X25519:P-256`"
        }
        ["no-ml-dsa"] => "have the server, or what is in front of it, updated",
        ["no-alpn"] => "offer what the server supports with --alpn",
        ["tls-1.2-only"] => "have it updated; until then `seal connect --max-version 1.2`",
        ["no-sni"] => "request a name that the server serves, with --servername",
        ["any-name"] => "request the server's name, with --servername",
        [] => "try again; one of several servers behind a load balancer may be at fault",
        _ => return None,
    })
}

/// What failed, with the code to look it up by.
pub(crate) fn sentence(error: &sealwire::Error) -> String {
    match error {
        sealwire::Error::PeerRefused(refusal) => refusal.to_string(),
        _ => format!("{error} [{}]", error.code()),
    }
}

/// What a verdict's code means, for a first encounter.
pub(crate) fn meaning(code: &str) -> &'static str {
    match code {
        "DEPTH_ZERO_SELF_SIGNED_CERT" => {
            "Anyone can make a certificate for \"localhost\"; only trust in this certificate, or in a CA\n  that issued it, tells whose it is."
        }
        _ => "The certificate proves nothing to this client.",
    }
}
