//! Rules of RFC 5280 and its updates that AWS-LC does not have.

mod common;

use common::{INTERMEDIATE, Key, LEAF, NOW, ROOT, Spec, Workshop, workshop};
use sealwire_x509::{
    Certificate, CertificatePolicies, Purpose, Request, TrustSet, error_name, verify,
};

fn codes(leaf: &Certificate, sent: &[Certificate], trusted: &Certificate) -> Vec<&'static str> {
    let verdict = verify(&Request {
        leaf,
        intermediates: sent,
        trust: &TrustSet::new([trusted.clone()]).unwrap(),
        crls: &[],
        purpose: Purpose::Server,
        time: NOW,
        partial_chain: false,
        policies: CertificatePolicies::NONE,
    })
    .unwrap();
    assert_eq!(verdict.trusted(), verdict.errors.is_empty());
    verdict.errors.iter().map(|error| error_name(error.code)).collect()
}

fn openssl_agrees(workshop: &Workshop, leaf: &str, sent: &str, trusted: &str) -> bool {
    let line = format!("verify -attime {NOW} -untrusted {sent} -trusted {trusted} {leaf}");
    workshop.run(&line.split_whitespace().collect::<Vec<_>>()).status.success()
}

#[test]
fn constraints_on_mailboxes_hold_for_international_ones() {
    let Some(workshop) = workshop() else { return };
    let root = workshop.make(ROOT);
    for (constraint, mailbox, found) in [
        ("permitted;email:in.test", "UTF8:j\u{f6}rg@in.test", None),
        ("permitted;email:in.test", "UTF8:j\u{f6}rg@out.test", Some("PERMITTED_VIOLATION")),
        ("permitted;email:in.test", "UTF8:j\u{f6}rg@x.in.test", Some("PERMITTED_VIOLATION")),
        ("permitted;email:.in.test", "UTF8:j\u{f6}rg@x.in.test", None),
        ("excluded;email:in.test", "UTF8:j\u{f6}rg@in.test", Some("EXCLUDED_VIOLATION")),
        ("excluded;email:in.test", "UTF8:j\u{f6}rg@out.test", None),
        ("permitted;email:in.test", "UTF8:nobody", Some("UNSUPPORTED_NAME_SYNTAX")),
        ("permitted;email:in.test", "IA5:a@in.test", Some("UNSUPPORTED_NAME_SYNTAX")),
        ("permitted;DNS:in.test", "UTF8:j\u{f6}rg@out.test", None),
    ] {
        let extensions = format!("{}\nnameConstraints={constraint}", INTERMEDIATE.extensions);
        let int = workshop.make(Spec { extensions: &extensions, ..INTERMEDIATE });
        let names = format!("subjectAltName=otherName:1.3.6.1.5.5.7.8.9;{mailbox}");
        let leaf = workshop.make(Spec { subject: "/O=Leaf", extensions: &names, ..LEAF });
        let said = codes(&leaf, std::slice::from_ref(&int), &root);
        assert_eq!(said, Vec::from_iter(found), "{constraint} {mailbox}");
        // OpenSSL 3.0 does not let a domain with a dot before it (RFC 5280, 4.2.1.10) be one here.
        if !constraint.contains("email:.") {
            let good = openssl_agrees(&workshop, "leaf.pem", "int.pem", "root.pem");
            assert_eq!(good, found.is_none(), "openssl: {constraint} {mailbox}");
        }
    }
}

/// A short element.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u8::try_from(contents.len()).unwrap();
    [&[tag, length], contents].concat()
}

#[test]
fn a_critical_qualifier_of_a_policy_has_to_be_known() {
    let Some(workshop) = workshop() else { return };
    let root = workshop.make(ROOT);
    let int = workshop.make(INTERMEDIATE);
    let policies = |qualifier: &[u8], tag: u8| {
        let qualifier = der(0x30, &[der(0x06, qualifier), der(tag, b"x")].concat());
        let policy = [der(0x06, &[0x2A, 3, 4]), der(0x30, &qualifier)].concat();
        let value = der(0x30, &der(0x30, &policy));
        value.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let unknown = policies(&[0x2A, 3, 5], 0x0C);
    let cps = policies(&[0x2B, 6, 1, 5, 5, 7, 2, 1], 0x16);
    for (critical, value, said) in [
        ("critical,", &unknown, vec!["INVALID_POLICY_EXTENSION"]),
        ("", &unknown, vec![]),
        ("critical,", &cps, vec![]),
    ] {
        let extension = format!("{}\n2.5.29.32={critical}DER:{value}", LEAF.extensions);
        let leaf = workshop.make(Spec { extensions: &extension, ..LEAF });
        assert_eq!(codes(&leaf, std::slice::from_ref(&int), &root), said, "{critical}{value}");
    }
}

#[test]
fn any_policy_is_not_mapped_by_a_leaf_either() {
    let Some(workshop) = workshop() else { return };
    let root = workshop.make(ROOT);
    let int = workshop.make(INTERMEDIATE);
    for (policies, said) in [
        ("certificatePolicies=critical,2.5.29.32.0", vec!["INVALID_POLICY_EXTENSION"]),
        // Nobody asks.
        ("certificatePolicies=2.5.29.32.0", vec![]),
    ] {
        let mapping = "policyMappings=2.5.29.32.0:1.2.3.4";
        let extensions = format!("{}\n{policies}\n{mapping}", LEAF.extensions);
        let leaf = workshop.make(Spec { extensions: &extensions, ..LEAF });
        assert_eq!(codes(&leaf, std::slice::from_ref(&int), &root), said, "{policies}");
    }
}

#[test]
fn the_name_of_the_issuer_does_not_make_a_root() {
    let Some(workshop) = workshop() else { return };
    let key = Key::Genpkey(&["-algorithm", "ED25519"]);
    let root = workshop.make(Spec { key, ..ROOT });
    // Named as its issuer is, with a key of another kind: signed by that one, not by itself.
    let leaf = workshop.make(Spec {
        subject: ROOT.subject,
        issuer: Some("root"),
        extensions: "keyUsage=digitalSignature\nsubjectAltName=DNS:localhost",
        ..LEAF
    });
    assert!(codes(&leaf, &[], &root).is_empty());
    workshop.write("none.pem", root.to_pem());
    assert!(openssl_agrees(&workshop, "leaf.pem", "none.pem", "root.pem"));
    assert!(!codes(&leaf, &[], &leaf).is_empty());
    assert!(!openssl_agrees(&workshop, "leaf.pem", "leaf.pem", "leaf.pem"));
}
