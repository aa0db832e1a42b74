//! One trust set, one certificate, one key, many threads.

mod common;

use common::{INTERMEDIATE, LEAF, NOW, ROOT, Spec, workshop};
use sealwire_x509::{Crl, PrivateKey, Purpose, Request, TrustSet, verify};

#[test]
fn threads_share_everything() {
    let Some(workshop) = workshop() else { return };
    workshop.make(ROOT);
    workshop.make(INTERMEDIATE);
    let leaf = workshop.make(LEAF);
    let stranger = workshop.make(Spec { name: "stranger", issuer: None, ..LEAF });
    // Read here and not looked at yet, so that whatever is done lazily is done by the threads.
    let roots = (0..20).map(|number| {
        let name = format!("root{number}");
        workshop.make(Spec { name: &name, subject: &format!("/CN=Root {number}"), ..ROOT })
    });
    let trust = TrustSet::new(roots.chain([workshop.certificate("root")])).unwrap();
    let (start, end) = common::CURRENT;
    let crls: Vec<Crl> = ["root", "int"]
        .map(|issuer| workshop.crl(issuer, &["stranger"], start, end, issuer))
        .to_vec();
    let int = workshop.certificate("int");
    let key: PrivateKey = workshop.private_key("leaf");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            // Each thread drops clones of its own as well.
            let (trust, leaf, key, crls) = (trust.clone(), leaf.clone(), key.clone(), crls.clone());
            let (int, stranger) = (&int, &stranger);
            scope.spawn(move || {
                for _ in 0..200 {
                    let request = Request {
                        leaf: &leaf,
                        intermediates: std::slice::from_ref(int),
                        trust: &trust,
                        crls: &crls,
                        purpose: Purpose::Server,
                        time: NOW,
                        partial_chain: false,
                        policies: sealwire_x509::CertificatePolicies::NONE,
                    };
                    assert!(verify(&request).unwrap().trusted());
                    assert!(!verify(&Request { leaf: stranger, ..request }).unwrap().trusted());
                    assert!(key.clone().matches(&leaf) && leaf.is_issued_by(int));
                    assert_eq!(leaf.subject_alt_names().unwrap().len(), 1);
                    assert!(!key.to_pkcs8_der().unwrap().is_empty());
                }
            });
        }
    });
}
