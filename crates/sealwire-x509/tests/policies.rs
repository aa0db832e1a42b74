//! Certificate policies: what a chain demands as critical, and what the caller asks for. OpenSSL
//! with `-policy_check` is the judge.

mod common;

use common::{INTERMEDIATE, LEAF, NOW, ROOT, Spec, workshop};
use sealwire_x509::{CertificatePolicies, Purpose, Request, TrustSet, error_name, verify};

const A: &str = "1.3.6.1.4.1.99999.1";
const B: &str = "1.3.6.1.4.1.99999.2";

#[test]
fn policies_are_processed_as_openssl_does() {
    let Some(workshop) = workshop() else { return };
    let root = workshop.make(ROOT);
    let trust = TrustSet::new([root]).unwrap();
    let any = || CertificatePolicies::default();
    let accept = |policy: &str| any().accept(policy).unwrap();
    // Where no policy is named, RFC 5280 and AWS-LC take any; OpenSSL has to be told.
    let asked = [
        (any(), "-policy anyPolicy".to_owned()),
        (any().explicit(true), "-policy anyPolicy -explicit_policy".to_owned()),
        (accept(A).explicit(true), format!("-policy {A} -explicit_policy")),
        (accept(B).explicit(true), format!("-policy {B} -explicit_policy")),
        (accept(B), format!("-policy {B}")),
        (accept(A).accept("anyPolicy").unwrap(), format!("-policy {A} -policy anyPolicy")),
        (
            any().explicit(true).inhibit_any(true),
            "-policy anyPolicy -explicit_policy -inhibit_any".to_owned(),
        ),
        (
            accept(A).explicit(true).inhibit_mapping(true),
            format!("-policy {A} -explicit_policy -inhibit_map"),
        ),
    ];
    let demands = "policyConstraints=critical,requireExplicitPolicy:0";
    for (of_ca, of_leaf) in [
        (String::new(), String::new()),
        (format!("certificatePolicies={A}"), format!("certificatePolicies={A}")),
        (format!("certificatePolicies={A}"), format!("certificatePolicies={B}")),
        ("certificatePolicies=2.5.29.32.0".to_owned(), format!("certificatePolicies={A}")),
        (
            format!("certificatePolicies={A}\npolicyMappings={A}:{B}"),
            format!("certificatePolicies={B}"),
        ),
        (demands.to_owned(), String::new()),
        (format!("{demands}\ncertificatePolicies={A}"), format!("certificatePolicies={B}")),
        (format!("{demands}\ncertificatePolicies={A}"), format!("certificatePolicies={A}")),
        (
            format!("{demands}\ncertificatePolicies=2.5.29.32.0\ninhibitAnyPolicy=critical,0"),
            "certificatePolicies=2.5.29.32.0".to_owned(),
        ),
    ] {
        let extensions = format!("{}\n{of_ca}", INTERMEDIATE.extensions);
        let int = workshop.make(Spec { extensions: &extensions, ..INTERMEDIATE });
        let extensions = format!("{}\n{of_leaf}", LEAF.extensions);
        let leaf = workshop.make(Spec { extensions: &extensions, ..LEAF });
        for (policies, flags) in &asked {
            let request = Request {
                leaf: &leaf,
                intermediates: std::slice::from_ref(&int),
                trust: &trust,
                policies,
                crls: &[],
                purpose: Purpose::Server,
                time: NOW,
                partial_chain: false,
            };
            let verdict = verify(&request).unwrap();
            let line = format!(
                "verify -attime {NOW} -policy_check {flags} -trusted root.pem -untrusted int.pem leaf.pem"
            );
            let openssl = workshop.run(&line.split_whitespace().collect::<Vec<_>>());
            let found: Vec<_> = verdict.errors.iter().map(|it| error_name(it.code)).collect();
            let what = format!("{of_ca:?} {of_leaf:?} {flags:?}: {found:?}");
            assert_eq!(verdict.trusted(), openssl.status.success(), "{what}");
            assert!(found.is_empty() || found == ["NO_EXPLICIT_POLICY"], "{what}");
        }
    }
}

/// A demand that is not critical is not looked at unless somebody asks: OpenSSL and Node do not.
#[test]
fn only_critical_demands_count_unasked() {
    let Some(workshop) = workshop() else { return };
    let trust = TrustSet::new([workshop.make(ROOT)]).unwrap();
    for (critical, expected) in [("", true), ("critical,", false)] {
        let extensions = format!(
            "{}\npolicyConstraints={critical}requireExplicitPolicy:0",
            INTERMEDIATE.extensions
        );
        let int = workshop.make(Spec { extensions: &extensions, ..INTERMEDIATE });
        let leaf = workshop.make(LEAF);
        let request = Request {
            leaf: &leaf,
            intermediates: std::slice::from_ref(&int),
            trust: &trust,
            policies: CertificatePolicies::NONE,
            crls: &[],
            purpose: Purpose::Server,
            time: NOW,
            partial_chain: false,
        };
        assert_eq!(verify(&request).unwrap().trusted(), expected, "{critical}");
    }
}

#[test]
fn a_policy_is_an_object_identifier() {
    for wrong in ["", "serverAuth", "1.2.x", "1", "..", "9.9.9"] {
        let error = CertificatePolicies::default().accept(wrong).unwrap_err();
        assert!(error.to_string().contains("is not an object identifier"), "{error}");
    }
    let policies = CertificatePolicies::default().accept("anyPolicy").unwrap().accept(A).unwrap();
    assert_eq!(policies.accepted(), ["2.5.29.32.0", A]);
    assert_eq!(policies.accept(A).unwrap().accepted().len(), 2);
}
