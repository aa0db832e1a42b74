//! The verdict table: what we say of a chain, what Node said of it, what OpenSSL says of it now.

mod common;

use std::process::Command;

use common::{
    CURRENT, EXPIRED, FUTURE, INTERMEDIATE, Key, LEAF, NOW, ROOT, Spec, Workshop, workshop,
};
use sealwire_x509::{Certificate, Crl, Purpose, Request, TrustSet, Verdict, error_name, verify};

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
                  subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
const END_ENTITY: &str = "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n\
                          subjectAltName=DNS:localhost\nsubjectKeyIdentifier=hash\n\
                          authorityKeyIdentifier=keyid\n";

const RSA_PSS: Key<'_> =
    Key::Genpkey(&["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"]);

struct Case {
    name: &'static str,
    /// The leaf, and what comes with it, in the order sent.
    chain: &'static [&'static str],
    trusted: &'static [&'static str],
    crls: &'static [&'static str],
    /// Node's `authorizationError` for it as a server's and as a client's certificate, recorded
    /// with Node 20 at security level 0; one code where they are the same.
    server: &'static str,
    client: &'static str,
}

macro_rules! cases {
    ($($name:literal: [$($chain:literal),*] by [$($trusted:literal),*] $(crl [$($crl:literal),*])?
        => $server:ident $($client:ident)?;)*) => {
        &[$(Case {
            name: $name,
            chain: &[$($chain),*],
            trusted: &[$($trusted),*],
            crls: &[$($($crl),*)?],
            server: stringify!($server),
            client: cases!(@first $($client)? $server),
        }),*]
    };
    (@first $first:ident $($other:ident)?) => { stringify!($first) };
}

const CASES: &[Case] = cases! {
    // Who is trusted.
    "leaf ok": ["leaf", "int"] by ["root"] => ok;
    "leaf ok, root sent too": ["leaf", "int", "root"] by ["root"] => ok;
    "sent in wrong order": ["leaf", "root", "int"] by ["root"] => ok;
    "strangers among the sent": ["leaf", "other-root", "int", "v1-self"] by ["root"] => ok;
    "leaf alone, int missing": ["leaf"] by ["root"] => UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    "leaf alone, root and int in ca": ["leaf"] by ["root", "int"] => ok;
    "leaf alone, int in ca only": ["leaf"] by ["int"] => UNABLE_TO_GET_ISSUER_CERT;
    "leaf and int, int in ca only": ["leaf", "int"] by ["int"] => UNABLE_TO_GET_ISSUER_CERT;
    "leaf and int, root unknown": ["leaf", "int"] by ["other-root"]
        => UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    "leaf, int and root, root unknown": ["leaf", "int", "root"] by ["other-root"]
        => SELF_SIGNED_CERT_IN_CHAIN;
    "leaf of root, root unknown": ["direct"] by ["other-root"] => UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    "leaf of root, root sent, root unknown": ["direct", "root"] by ["other-root"]
        => SELF_SIGNED_CERT_IN_CHAIN;
    "leaf in ca, root unknown": ["leaf"] by ["leaf"] => UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    "leaf and int in ca, root unknown": ["leaf", "int"] by ["leaf"]
        => UNABLE_TO_GET_ISSUER_CERT_LOCALLY;

    // X.509 v1.
    "v1 self": ["v1-self"] by ["other-root"] => DEPTH_ZERO_SELF_SIGNED_CERT;
    "v1 self in ca": ["v1-self"] by ["v1-self"] => ok;
    "v1 self, twin in ca": ["v1-self"] by ["v1-twin"] => DEPTH_ZERO_SELF_SIGNED_CERT;
    "v1 leaf of ca": ["v1-leaf"] by ["root"] => ok;
    "v1 leaf in ca": ["v1-leaf"] by ["v1-leaf"] => UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    "v1 leaf, root unknown": ["v1-leaf"] by ["other-root"] => UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    "leaf of v1 self in ca": ["of-v1-self"] by ["v1-self"] => ok;
    "leaf of v1 intermediate": ["of-v1-int", "v1-int"] by ["root"] => INVALID_PURPOSE;

    // Self-signed leaves.
    "v3 self": ["self"] by ["other-root"] => DEPTH_ZERO_SELF_SIGNED_CERT;
    "v3 self in ca": ["self"] by ["self"] => ok;
    "v3 self without keyCertSign": ["self-ku"] by ["other-root"] => DEPTH_ZERO_SELF_SIGNED_CERT;
    "v3 self without keyCertSign in ca": ["self-ku"] by ["self-ku"] => ok;
    "v3 self without keyCertSign, twin in ca": ["self-ku"] by ["self-ku-twin"]
        => DEPTH_ZERO_SELF_SIGNED_CERT;
    "v3 self without keyCertSign, twin without key id in ca": ["self-ku"] by ["self-bare"]
        => DEPTH_ZERO_SELF_SIGNED_CERT;
    "v3 self without keyCertSign, expired": ["self-ku-old"] by ["self-ku-old"] => CERT_HAS_EXPIRED;
    "v3 self without keyCertSign, client only": ["self-ku-client"] by ["self-ku-client"]
        => INVALID_PURPOSE ok;
    "leaf of self in ca": ["of-self"] by ["self"] => INVALID_PURPOSE;
    "leaf of self in ca, sent": ["of-self", "self"] by ["self"] => INVALID_PURPOSE;
    "leaf of self without keyCertSign in ca": ["of-self-ku"] by ["self-ku"] => UNSPECIFIED;
    "leaf of self without keyCertSign in ca, sent": ["of-self-ku", "self-ku"] by ["self-ku"]
        => UNSPECIFIED;
    "self CA as leaf": ["root"] by ["other-root"] => INVALID_PURPOSE;
    "self CA as leaf in ca": ["root"] by ["root"] => INVALID_PURPOSE;
    "req -x509 default": ["req-x509"] by ["other-root"] => DEPTH_ZERO_SELF_SIGNED_CERT;
    "req -x509 default in ca": ["req-x509"] by ["req-x509"] => ok;
    "leaf of req -x509 default in ca": ["of-req-x509"] by ["req-x509"] => ok;
    "self expired": ["self-old"] by ["other-root"] => CERT_HAS_EXPIRED;
    "self expired in ca": ["self-old"] by ["self-old"] => CERT_HAS_EXPIRED;
    "self client only in ca": ["self-client"] by ["self-client"] => INVALID_PURPOSE ok;
    "CA:TRUE leaf of ca": ["ca-leaf"] by ["root"] => ok;

    // Times.
    "leaf expired": ["leaf-old", "int"] by ["root"] => CERT_HAS_EXPIRED;
    "leaf expired, root unknown": ["leaf-old", "int"] by ["other-root"] => CERT_HAS_EXPIRED;
    "leaf expired, alone": ["leaf-old"] by ["other-root"] => CERT_HAS_EXPIRED;
    "leaf not yet valid": ["leaf-future", "int"] by ["root"] => CERT_NOT_YET_VALID;
    "leaf not yet valid, alone": ["leaf-future"] by ["other-root"] => CERT_NOT_YET_VALID;
    "int expired": ["of-int-old", "int-old"] by ["root"] => CERT_HAS_EXPIRED;
    "root expired in ca": ["of-root-old"] by ["root-old"] => CERT_HAS_EXPIRED;

    // What a key is for.
    "client only": ["client-only", "int"] by ["root"] => INVALID_PURPOSE ok;
    "server only": ["server-only", "int"] by ["root"] => ok INVALID_PURPOSE;
    "client only, root unknown": ["client-only"] by ["other-root"]
        => UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    "no extended key usage": ["no-eku", "int"] by ["root"] => ok;
    "any extended key usage": ["any-eku", "int"] by ["root"] => INVALID_PURPOSE;
    "keyCertSign only": ["sign-only", "int"] by ["root"] => INVALID_PURPOSE;
    "int for clients only": ["of-int-client", "int-client"] by ["root"] => INVALID_PURPOSE ok;
    "critical id-pkix-ocsp-nocheck": ["no-check", "int"] by ["root"] => ok;
    "unknown critical extension": ["critical", "int"] by ["root"] => UNSPECIFIED;
    "unknown critical extension in int": ["of-int-critical", "int-critical"] by ["root"]
        => UNSPECIFIED;

    // Who may sign.
    "leaf of CA:FALSE int": ["of-int-false", "int-false"] by ["root"] => INVALID_PURPOSE;
    "leaf of int without keyCertSign": ["of-int-ku", "int-ku"] by ["root"] => UNSPECIFIED;
    "leaf of int without basicConstraints": ["of-int-bare", "int-bare"] by ["root"]
        => INVALID_PURPOSE;
    "leaf of root without keyCertSign": ["of-root-ku"] by ["root-ku"] => UNSPECIFIED;
    "leaf of root without basicConstraints": ["of-root-bare"] by ["root-bare"] => INVALID_PURPOSE;
    "leaf of a root without basicConstraints": ["of-root-plain"] by ["root-plain"] => ok;
    "leaf of a CA without basicConstraints": ["of-int-plain", "int-plain"] by ["root"]
        => INVALID_CA;
    "RSA-PSS leaf": ["pss", "int"] by ["root"] => ok;
    "leaf of an RSA-PSS CA": ["of-int-pss", "int-pss"] by ["root"] => ok;
    "leaf of an RSA-PSS root": ["of-root-pss"] by ["root-pss"] => ok;
    "RSA-PSS self in ca": ["self-pss"] by ["self-pss"] => ok;
    "RSA-PSS self": ["self-pss"] by ["root"] => DEPTH_ZERO_SELF_SIGNED_CERT;
    "pathlen 0 of root violated": ["of-int-len", "int-len"] by ["root-len"] => PATH_LENGTH_EXCEEDED;
    "pathlen 0 of int violated": ["of-int2", "int2", "int-zero"] by ["root"]
        => PATH_LENGTH_EXCEEDED;

    "pathlen of a leaf": ["len", "int"] by ["root"] => ok;
    "pathlen of a leaf, root unknown": ["len", "int"] by ["other-root"]
        => UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    "pathlen of a self-signed leaf in ca": ["self-len"] by ["self-len"] => ok;
    "pathlen of a leaf, tampered": ["tampered-len", "int"] by ["root"] => CERT_SIGNATURE_FAILURE;

    // Name constraints.
    "name constraint of int kept": ["in-nc", "int-nc"] by ["root"] => ok;
    "name constraint of int violated": ["out-nc", "int-nc"] by ["root"] => UNSPECIFIED;
    "name constraint of int excludes": ["excluded-nc", "int-nc"] by ["root"] => UNSPECIFIED;
    "name constraint of root violated": ["of-root-nc"] by ["root-nc"] => UNSPECIFIED;

    // Signatures and algorithms.
    "tampered signature": ["tampered", "int"] by ["root"] => CERT_SIGNATURE_FAILURE;
    "tampered self": ["tampered-self"] by ["other-root"] => DEPTH_ZERO_SELF_SIGNED_CERT;
    "tampered self, good one in ca": ["tampered-self"] by ["self"] => DEPTH_ZERO_SELF_SIGNED_CERT;
    "tampered int": ["leaf", "tampered-int"] by ["root"] => CERT_SIGNATURE_FAILURE;
    "no key ids, same-name root in ca": ["bare-direct"] by ["root-twin"]
        => UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    "key ids, same-name root in ca": ["direct"] by ["root-twin"] => UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    "no key ids, same-name RSA root in ca": ["bare-direct"] by ["root-rsa"]
        => UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    "no key ids, both same-name roots in ca": ["bare-direct"] by ["root-rsa", "root"] => ok;
    "SHA-1 signature": ["sha1", "int"] by ["root"] => ok;
    "RSA 1024": ["rsa1024", "int"] by ["root"] => ok;
    "Ed25519": ["ed25519", "int"] by ["root"] => ok;

    // Revocation lists.
    "revoked": ["leaf", "int"] by ["root"] crl ["int-revokes-leaf", "root-empty"] => CERT_REVOKED;
    "not revoked": ["leaf", "int"] by ["root"] crl ["int-empty", "root-empty"] => ok;
    "int revoked": ["leaf", "int"] by ["root"] crl ["int-empty", "root-revokes-int"]
        => CERT_REVOKED;
    "CRL of int missing": ["leaf", "int"] by ["root"] crl ["root-empty"] => UNABLE_TO_GET_CRL;
    "CRL of root missing": ["leaf", "int"] by ["root"] crl ["int-empty"] => UNABLE_TO_GET_CRL;
    "CRL of other issuer only": ["direct"] by ["root"] crl ["other-empty"] => UNABLE_TO_GET_CRL;
    "CRL expired": ["direct"] by ["root"] crl ["root-expired"] => CRL_HAS_EXPIRED;
    "CRL not yet valid": ["direct"] by ["root"] crl ["root-future"] => CRL_NOT_YET_VALID;
    "CRL signed by a twin": ["bare-direct"] by ["root"] crl ["twin-empty"] => UNABLE_TO_GET_CRL;
    "revoked and expired": ["leaf-old", "int"] by ["root"] crl ["int-revokes-old", "root-empty"]
        => CERT_HAS_EXPIRED;
};

/// An intermediate of `issuer` whose common name is its own.
macro_rules! ca {
    ($name:literal, $issuer:literal, $extensions:expr) => {
        Spec {
            name: $name,
            subject: concat!("/CN=", $name),
            issuer: Some($issuer),
            extensions: $extensions,
            ..INTERMEDIATE
        }
    };
}

fn make_all(w: &Workshop) {
    let root = |name, subject, extensions| Spec { name, subject, extensions, ..ROOT };
    let leaf = |name, issuer| Spec { name, issuer: Some(issuer), extensions: END_ENTITY, ..LEAF };
    let with = |extensions, spec| Spec { extensions, ..spec };
    let dated = |(start, end), spec: Spec<'static>| Spec { start, end, ..spec };
    let own = |spec| Spec { issuer: None, ..spec };

    for spec in [
        ROOT,
        INTERMEDIATE,
        LEAF,
        root("other-root", "/CN=Other root", ROOT.extensions),
        root("root-twin", "/CN=Root", ROOT.extensions),
        Spec { key: Key::Rsa(2048), ..root("root-rsa", "/CN=Root", ROOT.extensions) },
        leaf("direct", "root"),
        with(
            "basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost",
            leaf("bare-direct", "root"),
        ),
        // X.509 v1.
        root("v1-self", "/C=AU/O=Widgits/CN=localhost", ""),
        root("v1-twin", "/C=AU/O=Widgits/CN=localhost", ""),
        with("", leaf("v1-leaf", "root")),
        leaf("of-v1-self", "v1-self"),
        with("", ca!("v1-int", "root", "")),
        leaf("of-v1-int", "v1-int"),
        // Self-signed leaves.
        own(with("basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost", leaf("self", ""))),
        own(leaf("self-ku", "")),
        own(leaf("self-ku-twin", "")),
        // Debian's snakeoil certificate: no key identifiers, no key usage.
        own(with("basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost", leaf("self-bare", ""))),
        dated(EXPIRED, own(leaf("self-ku-old", ""))),
        own(with(
            "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=clientAuth",
            leaf("self-ku-client", ""),
        )),
        Spec { subject: "/CN=of-self", ..leaf("of-self", "self") },
        Spec { subject: "/CN=of-self-ku", ..leaf("of-self-ku", "self-ku") },
        // `openssl req -x509` with its default configuration.
        own(with(
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nbasicConstraints=critical,CA:TRUE",
            leaf("req-x509", ""),
        )),
        Spec { subject: "/CN=of-req", ..leaf("of-req-x509", "req-x509") },
        dated(EXPIRED, own(with("basicConstraints=CA:FALSE", leaf("self-old", "")))),
        own(with(
            "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth",
            leaf("self-client", ""),
        )),
        with("basicConstraints=CA:TRUE\nsubjectAltName=DNS:localhost", leaf("ca-leaf", "root")),
        // Times.
        dated(EXPIRED, leaf("leaf-old", "int")),
        dated(FUTURE, leaf("leaf-future", "int")),
        dated(EXPIRED, ca!("int-old", "root", CA)),
        leaf("of-int-old", "int-old"),
        dated(EXPIRED, root("root-old", "/CN=Old root", ROOT.extensions)),
        leaf("of-root-old", "root-old"),
        // What a key is for.
        with("extendedKeyUsage=clientAuth", leaf("client-only", "int")),
        with("extendedKeyUsage=serverAuth", leaf("server-only", "int")),
        with("subjectAltName=DNS:localhost", leaf("no-eku", "int")),
        with("extendedKeyUsage=anyExtendedKeyUsage", leaf("any-eku", "int")),
        with("keyUsage=critical,keyCertSign", leaf("sign-only", "int")),
        ca!("int-client", "root", "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=clientAuth"),
        leaf("of-int-client", "int-client"),
        with("1.2.3.4=critical,DER:0500", leaf("critical", "int")),
        ca!("int-critical", "root", "basicConstraints=CA:TRUE\n1.2.3.4=critical,DER:0500"),
        leaf("of-int-critical", "int-critical"),
        with("1.3.6.1.5.5.7.48.1.5=critical,DER:0500", leaf("no-check", "int")),
        // Who may sign.
        root(
            "root-plain",
            "/CN=Root plain",
            "keyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=hash",
        ),
        leaf("of-root-plain", "root-plain"),
        ca!("int-plain", "root", "keyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=hash"),
        leaf("of-int-plain", "int-plain"),
        ca!("int-false", "root", "basicConstraints=CA:FALSE"),
        leaf("of-int-false", "int-false"),
        ca!("int-ku", "root", "basicConstraints=CA:TRUE\nkeyUsage=cRLSign"),
        leaf("of-int-ku", "int-ku"),
        ca!("int-bare", "root", "subjectKeyIdentifier=hash"),
        leaf("of-int-bare", "int-bare"),
        root("root-ku", "/CN=Root KU", "basicConstraints=CA:TRUE\nkeyUsage=cRLSign"),
        leaf("of-root-ku", "root-ku"),
        root("root-bare", "/CN=Root bare", "subjectKeyIdentifier=hash"),
        leaf("of-root-bare", "root-bare"),
        root("root-len", "/CN=Root len", "basicConstraints=CA:TRUE,pathlen:0"),
        ca!("int-len", "root-len", CA),
        leaf("of-int-len", "int-len"),
        ca!("int-zero", "root", "basicConstraints=CA:TRUE,pathlen:0"),
        ca!("int2", "int-zero", CA),
        leaf("of-int2", "int2"),
        with(
            "basicConstraints=CA:FALSE,pathlen:0\nsubjectAltName=DNS:localhost",
            leaf("len", "int"),
        ),
        own(with("basicConstraints=critical,CA:FALSE,pathlen:3", leaf("self-len", ""))),
        // Name constraints.
        ca!(
            "int-nc",
            "root",
            "basicConstraints=CA:TRUE\n\
             nameConstraints=critical,permitted;DNS:localhost,excluded;DNS:bad.localhost"
        ),
        leaf("in-nc", "int-nc"),
        with("subjectAltName=DNS:elsewhere", leaf("out-nc", "int-nc")),
        with("subjectAltName=DNS:bad.localhost", leaf("excluded-nc", "int-nc")),
        root(
            "root-nc",
            "/CN=Root NC",
            "basicConstraints=CA:TRUE\nnameConstraints=critical,permitted;DNS:elsewhere",
        ),
        leaf("of-root-nc", "root-nc"),
        // Algorithms.
        Spec { digest: "sha1", ..leaf("sha1", "int") },
        Spec { key: Key::Rsa(1024), ..leaf("rsa1024", "int") },
        Spec { key: Key::Genpkey(&["-algorithm", "ED25519"]), ..leaf("ed25519", "int") },
        Spec { key: RSA_PSS, ..leaf("pss", "int") },
        Spec { key: RSA_PSS, ..ca!("int-pss", "root", CA) },
        leaf("of-int-pss", "int-pss"),
        Spec { key: RSA_PSS, ..root("root-pss", "/CN=Root PSS", ROOT.extensions) },
        leaf("of-root-pss", "root-pss"),
        Spec { key: RSA_PSS, ..own(leaf("self-pss", "")) },
    ] {
        w.make(spec);
    }
    for (good, bad) in [
        ("leaf", "tampered"),
        ("self", "tampered-self"),
        ("int", "tampered-int"),
        ("len", "tampered-len"),
    ] {
        let mut der = w.certificate(good).der().to_vec();
        *der.last_mut().unwrap() ^= 1;
        w.write(&format!("{bad}.pem"), Certificate::from_der(&der).unwrap().to_pem());
        std::fs::copy(w.path(&format!("{good}.key")), w.path(&format!("{bad}.key"))).unwrap();
    }
    for (name, issuer, revoked, (start, end)) in [
        ("int-empty", "int", &[][..], CURRENT),
        ("int-revokes-leaf", "int", &["leaf"], CURRENT),
        ("int-revokes-old", "int", &["leaf-old"], CURRENT),
        ("root-empty", "root", &[], CURRENT),
        ("root-revokes-int", "root", &["int"], CURRENT),
        ("root-expired", "root", &[], EXPIRED),
        ("root-future", "root", &[], FUTURE),
        ("other-empty", "other-root", &[], CURRENT),
        ("twin-empty", "root-twin", &[], CURRENT),
    ] {
        w.crl(issuer, revoked, start, end, name);
    }
}

fn ours(w: &Workshop, case: &Case, purpose: Purpose) -> Verdict {
    let certificates = |names: &[&str]| names.iter().map(|name| w.certificate(name)).collect();
    let chain: Vec<Certificate> = certificates(case.chain);
    let trusted: Vec<Certificate> = certificates(case.trusted);
    let crls: Vec<Crl> = case
        .crls
        .iter()
        .flat_map(|name| Crl::all_from_pem(&w.read(&format!("{name}.crl"))).unwrap())
        .collect();
    verify(&Request {
        leaf: &chain[0],
        intermediates: &chain[1..],
        trust: &TrustSet::new(trusted).unwrap(),
        crls: &crls,
        purpose,
        time: NOW,
        partial_chain: false,
        policies: sealwire_x509::CertificatePolicies::NONE,
    })
    .unwrap()
}

/// The codes that Node has names for; all others are UNSPECIFIED to it.
fn node_name(code: i32) -> &'static str {
    const NAMED: &[&str] = &[
        "UNABLE_TO_GET_ISSUER_CERT",
        "UNABLE_TO_GET_CRL",
        "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
        "UNABLE_TO_DECRYPT_CRL_SIGNATURE",
        "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
        "CERT_SIGNATURE_FAILURE",
        "CRL_SIGNATURE_FAILURE",
        "CERT_NOT_YET_VALID",
        "CERT_HAS_EXPIRED",
        "CRL_NOT_YET_VALID",
        "CRL_HAS_EXPIRED",
        "ERROR_IN_CERT_NOT_BEFORE_FIELD",
        "ERROR_IN_CERT_NOT_AFTER_FIELD",
        "ERROR_IN_CRL_LAST_UPDATE_FIELD",
        "ERROR_IN_CRL_NEXT_UPDATE_FIELD",
        "OUT_OF_MEM",
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "SELF_SIGNED_CERT_IN_CHAIN",
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "CERT_CHAIN_TOO_LONG",
        "CERT_REVOKED",
        "INVALID_CA",
        "PATH_LENGTH_EXCEEDED",
        "INVALID_PURPOSE",
        "CERT_UNTRUSTED",
        "CERT_REJECTED",
        "HOSTNAME_MISMATCH",
    ];
    let name = error_name(code);
    if NAMED.contains(&name) { name } else { "UNSPECIFIED" }
}

fn last(verdict: &Verdict) -> &'static str {
    verdict.errors.last().map_or("ok", |error| node_name(error.code))
}

fn names(verdict: &Verdict) -> Vec<String> {
    verdict.errors.iter().map(|e| format!("{}@{}", error_name(e.code), e.depth)).collect()
}

/// The errors that `openssl verify` prints, and whether it says OK.
fn openssl(w: &Workshop, case: &Case, more: &[&str]) -> (bool, Vec<String>) {
    w.write("sent.pem", join(w, &case.chain[1..], ".pem"));
    w.write("trusted.pem", join(w, case.trusted, ".pem"));
    w.write("crls.pem", join(w, case.crls, ".crl"));
    let leaf = format!("{}.pem", case.chain[0]);
    let time = NOW.to_string();
    let mut arguments = vec!["verify", "-attime", &time];
    arguments.extend(more);
    arguments.extend(["-no-CApath", "-no-CAstore", "-CAfile", "trusted.pem"]);
    if case.chain.len() > 1 {
        arguments.extend(["-untrusted", "sent.pem"]);
    }
    if !case.crls.is_empty() {
        arguments.extend(["-crl_check_all", "-CRLfile", "crls.pem"]);
    }
    arguments.push(&leaf);
    let output = w.run(&arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = said.lines().filter_map(|line| {
        let rest = line.strip_prefix("error ")?;
        let (code, rest) = rest.split_once(" at ")?;
        let (depth, _) = rest.split_once(" depth lookup")?;
        Some(format!("{}@{depth}", error_name(code.parse().ok()?)))
    });
    (output.status.success(), errors.collect())
}

const PURPOSES: [(Purpose, &str, &str); 2] =
    [(Purpose::Server, "S", "sslserver"), (Purpose::Client, "C", "sslclient")];

#[test]
fn agrees_with_node_and_openssl() {
    let Some(w) = workshop() else { return };
    make_all(&w);
    for case in CASES {
        for (purpose, letter, name) in PURPOSES {
            let what = format!("{}, {letter}", case.name);
            let verdict = ours(&w, case, purpose);
            let recorded = if letter == "S" { case.server } else { case.client };
            assert_eq!(last(&verdict), recorded, "{what}: {:?}", names(&verdict));
            agrees_with_openssl(&w, case, &verdict, &["-purpose", name], &what);
        }
        let verdict = ours(&w, case, Purpose::Any);
        agrees_with_openssl(&w, case, &verdict, &[], &format!("{}, any", case.name));
    }
    agrees_with_node(&w);
}

/// The same verdict, the same first error, and no error that we do not tell as well. (`openssl
/// verify` stops at most errors, so it tells fewer.)
fn agrees_with_openssl(w: &Workshop, case: &Case, verdict: &Verdict, purpose: &[&str], what: &str) {
    let (accepted, theirs) = openssl(w, case, purpose);
    let ours = names(verdict);
    assert_eq!(verdict.trusted(), accepted, "{what}: {ours:?}, openssl: {theirs:?}");
    assert_eq!(ours.first(), theirs.first(), "{what}: {ours:?}, openssl: {theirs:?}");
    let mut more = ours.iter();
    let told = theirs.iter().all(|error| more.any(|own| own == error));
    assert!(told, "{what}: {ours:?}, openssl: {theirs:?}");
}

/// What the table says Node said is what it says today.
fn agrees_with_node(w: &Workshop) {
    if !sealwire_testing::installed("node") {
        return;
    }
    w.make(Spec { name: "judge", issuer: None, extensions: "", ..LEAF });
    let mut lines = String::new();
    for (index, case) in CASES.iter().enumerate() {
        w.write(&format!("c{index}.pem"), join(w, case.chain, ".pem"));
        w.write(&format!("t{index}.pem"), join(w, case.trusted, ".pem"));
        w.write(&format!("r{index}.pem"), join(w, case.crls, ".crl"));
        let crl = if case.crls.is_empty() { "-".to_owned() } else { format!("r{index}.pem") };
        for (_, letter, _) in PURPOSES {
            let files = format!("c{index}.pem\t{}.key\tt{index}.pem\t{crl}", case.chain[0]);
            lines += &format!("{}\t{letter}\t{files}\n", case.name);
        }
    }
    w.write("cases", lines);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verdicts.js");
    let output = Command::new("node").args([script, "cases"]).current_dir(w.folder()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let recorded = CASES.iter().flat_map(|case| {
        [("S", case.server), ("C", case.client)]
            .map(|(letter, code)| format!("{}\t{letter}\t{code}", case.name))
    });
    assert_eq!(said.lines().collect::<Vec<_>>(), recorded.collect::<Vec<_>>());
}

fn join(w: &Workshop, names: &[&str], suffix: &str) -> Vec<u8> {
    let files = names.iter().map(|name| w.read(&format!("{name}{suffix}")));
    files.collect::<Vec<_>>().concat()
}
