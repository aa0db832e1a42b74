//! Choosing issuers: where AWS-LC's first choice fails and another one is right, and what a
//! certificate's place in the trust set is worth.

mod common;

use common::{EXPIRED, INTERMEDIATE, Key, LEAF, NOW, ROOT, Spec, Workshop, workshop};
use sealwire_x509::{
    Certificate, ChainError, Purpose, Request, TrustSet, Verdict, error_name, verify, verify_with,
};

fn judge(leaf: &Certificate, sent: &[Certificate], trusted: &[Certificate]) -> Verdict {
    judge_partial(leaf, sent, trusted, false)
}

fn judge_partial(
    leaf: &Certificate,
    sent: &[Certificate],
    trusted: &[Certificate],
    partial_chain: bool,
) -> Verdict {
    verify(&Request {
        leaf,
        intermediates: sent,
        trust: &TrustSet::new(trusted.iter().cloned()).unwrap(),
        crls: &[],
        purpose: Purpose::Server,
        time: NOW,
        partial_chain,
        policies: sealwire_x509::CertificatePolicies::NONE,
    })
    .unwrap()
}

fn names(verdict: &Verdict) -> Vec<&'static str> {
    verdict.errors.iter().map(|error| error_name(error.code)).collect()
}

/// Every order of the certificates.
fn orders(certificates: &[Certificate]) -> Vec<Vec<Certificate>> {
    if certificates.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for index in 0..certificates.len() {
        let mut rest = certificates.to_vec();
        let first = rest.remove(index);
        all.extend(orders(&rest).into_iter().map(|rest| [vec![first.clone()], rest].concat()));
    }
    all
}

/// An intermediate certified by two roots, and a leaf below it.
struct CrossSigned {
    root: Certificate,
    other: Certificate,
    by_root: Certificate,
    by_other: Certificate,
    leaf: Certificate,
}

fn cross_signed(workshop: &Workshop) -> CrossSigned {
    CrossSigned {
        root: workshop.make(ROOT),
        other: workshop.make(Spec { name: "other", subject: "/CN=Other", ..ROOT }),
        by_root: workshop.make(INTERMEDIATE),
        by_other: workshop.make(Spec {
            name: "by-other",
            issuer: Some("other"),
            key: Key::Of("int"),
            ..INTERMEDIATE
        }),
        leaf: workshop.make(LEAF),
    }
}

#[test]
fn finds_the_path_to_the_trusted_root_in_any_order() {
    let Some(workshop) = workshop() else { return };
    let CrossSigned { root, other, by_root, by_other, leaf } = cross_signed(&workshop);
    for trusted in [&root, &other] {
        for sent in orders(&[by_root.clone(), by_other.clone(), root.clone()]) {
            let verdict = judge(&leaf, &sent, std::slice::from_ref(trusted));
            assert!(verdict.trusted(), "{sent:?}: {:?}", names(&verdict));
            assert_eq!(verdict.chain.last(), Some(trusted));
            assert_eq!(verdict.chain.len(), 3);
        }
    }
    let verdict = judge(&leaf, &[by_root, by_other], std::slice::from_ref(&leaf));
    assert_eq!(names(&verdict), ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY"]);
}

#[test]
fn gets_around_an_issuer_that_is_no_good() {
    let Some(workshop) = workshop() else { return };
    let CrossSigned { root, other, by_root, leaf, .. } = cross_signed(&workshop);
    let make = |name, extensions| {
        let key = Key::Of("int");
        workshop.make(Spec { name, issuer: Some("other"), key, extensions, ..INTERMEDIATE })
    };
    let bad = [
        make("no-ca", "basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash"),
        make("critical", "basicConstraints=CA:TRUE\n1.2.3.4=critical,DER:0500"),
        make("clients", "basicConstraints=CA:TRUE\nextendedKeyUsage=clientAuth"),
        make("names", "basicConstraints=CA:TRUE\nnameConstraints=permitted;DNS:elsewhere"),
        workshop.make(Spec { name: "key", issuer: Some("other"), ..INTERMEDIATE }),
        workshop.make(Spec {
            name: "old",
            issuer: Some("other"),
            key: Key::Of("int"),
            start: EXPIRED.0,
            end: EXPIRED.1,
            ..INTERMEDIATE
        }),
    ];
    let trusted = [root, other];
    for bad in &bad {
        assert!(!judge(&leaf, std::slice::from_ref(bad), &trusted).trusted());
        for sent in orders(&[bad.clone(), by_root.clone()]) {
            let verdict = judge(&leaf, &sent, &trusted);
            assert!(verdict.trusted(), "{bad:?}: {:?}", names(&verdict));
        }
    }
    let mut crowd = bad.to_vec();
    crowd.push(by_root);
    assert!(judge(&leaf, &crowd, &trusted).trusted());
}

#[test]
fn gets_around_a_trusted_certificate_that_is_no_good() {
    let Some(workshop) = workshop() else { return };
    let CrossSigned { root, by_root, by_other, leaf, .. } = cross_signed(&workshop);
    // An intermediate among the trusted, whose own root is not.
    let verdict = judge(&leaf, std::slice::from_ref(&by_root), &[by_other, root.clone()]);
    assert!(verdict.trusted(), "{:?}", names(&verdict));
    // The same root twice, once expired; the same name twice, once with another key.
    let old = workshop.make(Spec {
        name: "old",
        key: Key::Of("root"),
        start: EXPIRED.0,
        end: EXPIRED.1,
        ..ROOT
    });
    let twin = workshop.make(Spec { name: "twin", ..ROOT });
    let bare = workshop.make(Spec {
        name: "bare",
        issuer: Some("root"),
        extensions: "subjectAltName=DNS:localhost",
        ..LEAF
    });
    for trusted in orders(&[root, old, twin]) {
        for leaf in [&leaf, &bare] {
            let verdict = judge(leaf, std::slice::from_ref(&by_root), &trusted);
            assert!(verdict.trusted(), "{:?}", names(&verdict));
        }
    }
}

#[test]
fn what_is_wrong_with_the_leaf_is_not_gotten_around() {
    let Some(workshop) = workshop() else { return };
    let CrossSigned { root, other, by_root, by_other, .. } = cross_signed(&workshop);
    let old = workshop.make(Spec { start: EXPIRED.0, end: EXPIRED.1, ..LEAF });
    let verdict = judge(&old, &[by_other, by_root], &[root, other]);
    assert_eq!(names(&verdict), ["CERT_HAS_EXPIRED"]);
}

#[test]
fn revocation_is_not_gotten_around() {
    let Some(workshop) = workshop() else { return };
    let CrossSigned { root, other, by_root, by_other, leaf } = cross_signed(&workshop);
    let (start, end) = common::CURRENT;
    let crls = [
        workshop.crl("root", &["int"], start, end, "root"),
        workshop.crl("other", &[], start, end, "other"),
        workshop.crl("int", &[], start, end, "int"),
    ];
    let trust = TrustSet::new([root, other]).unwrap();
    let request = Request {
        leaf: &leaf,
        intermediates: &[by_root, by_other],
        trust: &trust,
        crls: &crls,
        purpose: Purpose::Server,
        time: NOW,
        partial_chain: false,
        policies: sealwire_x509::CertificatePolicies::NONE,
    };
    assert_eq!(names(&verify(&request).unwrap()), ["CERT_REVOKED"]);
    assert!(
        verify(&Request {
            crls: &crls[1..],
            intermediates: &request.intermediates[1..],
            ..request
        })
        .unwrap()
        .trusted()
    );
}

#[test]
fn a_partial_chain_may_end_at_anything_trusted() {
    let Some(workshop) = workshop() else { return };
    let CrossSigned { root, by_root: int, leaf, .. } = cross_signed(&workshop);
    let v1 = workshop.make(Spec { name: "v1", extensions: "", ..LEAF });
    let old = workshop.make(Spec { name: "old", start: EXPIRED.0, end: EXPIRED.1, ..LEAF });
    for (leaf, sent, trusted) in [
        (&leaf, vec![], vec![leaf.clone()]),
        (&leaf, vec![], vec![int.clone()]),
        (&leaf, vec![int.clone()], vec![leaf.clone()]),
        (&leaf, vec![int.clone()], vec![int.clone()]),
        (&leaf, vec![int.clone()], vec![root.clone()]),
        (&leaf, vec![], vec![root.clone()]),
        (&v1, vec![], vec![v1.clone()]),
        (&old, vec![], vec![old.clone()]),
        (&old, vec![], vec![int.clone()]),
        (&root, vec![], vec![int.clone()]),
    ] {
        let pem = |certificates: &[Certificate]| -> String {
            certificates.iter().map(Certificate::to_pem).collect()
        };
        workshop.write("judged.pem", leaf.to_pem());
        workshop.write("sent.pem", pem(&sent) + &leaf.to_pem());
        workshop.write("trusted.pem", pem(&trusted));
        let time = NOW.to_string();
        let output = workshop.run(&[
            "verify",
            "-partial_chain",
            "-purpose",
            "sslserver",
            "-attime",
            &time,
            "-no-CApath",
            "-no-CAstore",
            "-CAfile",
            "trusted.pem",
            "-untrusted",
            "sent.pem",
            "judged.pem",
        ]);
        let verdict = judge_partial(leaf, &sent, &trusted, true);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let what = format!("{leaf:?}, {sent:?}, {trusted:?}: {:?}, {said}", names(&verdict));
        assert_eq!(verdict.trusted(), output.status.success(), "{what}");
        let first = names(&verdict).first().map_or(String::new(), |name| {
            let code = verdict.errors[0].code;
            assert_eq!(*name, error_name(code));
            format!("error {code} at {} depth", verdict.errors[0].depth)
        });
        assert!(said.contains(&first), "{what}");
    }
}

#[test]
fn a_veto_only_refuses() {
    let Some(workshop) = workshop() else { return };
    let CrossSigned { root, other, by_root, by_other, leaf } = cross_signed(&workshop);
    let trust = TrustSet::new([root.clone(), other]).unwrap();
    let request = Request {
        leaf: &leaf,
        intermediates: &[by_root.clone(), by_other.clone()],
        trust: &trust,
        crls: &[],
        purpose: Purpose::Server,
        time: NOW,
        partial_chain: false,
        policies: sealwire_x509::CertificatePolicies::NONE,
    };
    // CA_MD_TOO_WEAK, against whichever of these is in the chain.
    let against = |vetoed: Vec<Certificate>| {
        verify_with(&request, &|chain| {
            let found = chain.iter().enumerate().filter(|(_, it)| vetoed.contains(it));
            let error =
                |(depth, it): (usize, &Certificate)| ChainError::new(68, depth, Some(it.clone()));
            found.map(error).collect()
        })
        .unwrap()
    };
    let verdict = against(vec![by_root.clone()]);
    assert!(verdict.trusted());
    assert_eq!(verdict.chain[1], by_other);
    assert_eq!(names(&against(vec![by_root, by_other])), ["CA_MD_TOO_WEAK"]);
    assert_eq!(names(&against(vec![leaf.clone()])), ["CA_MD_TOO_WEAK"]);
    let stranger = workshop.make(Spec { issuer: None, ..LEAF });
    let verdict = verify_with(&Request { leaf: &stranger, ..request }, &|_| Vec::new()).unwrap();
    assert_eq!(names(&verdict), ["DEPTH_ZERO_SELF_SIGNED_CERT"]);
}

#[test]
fn trust_settings_count() {
    let Some(workshop) = workshop() else { return };
    let CrossSigned { root, by_root: int, leaf, .. } = cross_signed(&workshop);
    let own = workshop.make(Spec { name: "own", issuer: None, ..LEAF });
    // A CA whose extended key usage is for clients: the settings of one trusted are asked first.
    let extensions = format!("{}\nextendedKeyUsage=clientAuth", ROOT.extensions);
    let subject = "/CN=For clients";
    let clients = Spec { name: "clients", subject, extensions: &extensions, ..ROOT };
    let clients = workshop.make(clients);
    let of_clients = workshop.make(Spec { name: "of", issuer: Some("clients"), ..LEAF });
    let with = |certificate: &Certificate, settings: &str| {
        workshop.write("plain.pem", certificate.to_pem());
        let pem = workshop.line(&format!("x509 -in plain.pem -trustout {settings}"));
        Certificate::all_from_pem(&pem).unwrap().remove(0)
    };
    let sent = std::slice::from_ref(&int);
    // Each setting, on each certificate, with and without a partial chain; OpenSSL is the judge.
    workshop.write("sent.pem", int.to_pem());
    for settings in [
        "-addtrust serverAuth",
        "-addtrust clientAuth",
        "-addtrust anyExtendedKeyUsage",
        "-addtrust emailProtection",
        "-addreject serverAuth",
        "-addreject clientAuth",
        "-addreject anyExtendedKeyUsage",
        "-addtrust serverAuth -addreject anyExtendedKeyUsage",
        "-addtrust anyExtendedKeyUsage -addreject clientAuth",
    ] {
        for (judged, trusted) in
            [(&leaf, &root), (&leaf, &int), (&leaf, &leaf), (&own, &own), (&of_clients, &clients)]
        {
            let trusted = with(trusted, settings);
            workshop.write("leaf.pem", judged.to_pem());
            workshop.write("plain.pem", trusted.to_pem());
            workshop.line(&format!("x509 -in plain.pem -trustout {settings} -out trusted.pem"));
            for partial in [false, true] {
                let mut line = "verify -attime 1893456000 -purpose sslserver -untrusted sent.pem \
                                -trusted trusted.pem"
                    .to_owned();
                if partial {
                    line += " -partial_chain";
                }
                line += " leaf.pem";
                let openssl = workshop.run(&line.split_whitespace().collect::<Vec<_>>());
                let verdict = judge_partial(judged, sent, std::slice::from_ref(&trusted), partial);
                let what = format!(
                    "{judged:?} by {trusted:?} {settings} {partial}: {:?}",
                    names(&verdict)
                );
                assert_eq!(verdict.trusted(), openssl.status.success(), "{what}");
            }
        }
    }
    // No other path is looked for when one was rejected.
    let both = [with(&root, "-addreject serverAuth"), int.clone()];
    assert!(!judge_partial(&leaf, sent, &both, false).trusted());
}
