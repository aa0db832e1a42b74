//! Revocation lists as the `openssl` program sees them.

mod common;

use common::{INTERMEDIATE, LEAF, ROOT, workshop};
use sealwire_x509::{Crl, Problem};

#[test]
fn reads_the_fields_that_openssl_prints() {
    let Some(workshop) = workshop() else { return };
    for spec in [ROOT, INTERMEDIATE, LEAF] {
        workshop.make(spec);
    }
    let crl = workshop.crl("int", &["leaf"], "20290101000000Z", "20310101000000Z", "a");
    assert_eq!(crl.issuer(), workshop.certificate("int").subject());
    assert_eq!(crl.this_update(), 1_861_920_000);
    assert_eq!(crl.next_update(), Some(1_924_992_000));
    assert_eq!(crl.number().as_deref(), Some("01"));
    assert_eq!(crl.der(), workshop.line("crl -in a.crl -outform DER"));
    assert_eq!(crl.to_pem().as_bytes(), workshop.read("a.crl"));
    assert_eq!(Crl::from_der(crl.der()).unwrap(), crl);
    assert_eq!(format!("{crl:?}"), "Crl(CN=Intermediate)");

    let text = crl.text();
    assert!(text.contains("Certificate Revocation List (CRL):"), "{text}");
    assert!(text.contains("Issuer: /CN=Intermediate"), "{text}");
    assert!(text.contains(&workshop.certificate("leaf").serial_hex()), "{text}");

    let second = workshop.crl("root", &[], "20290101000000Z", "20310101000000Z", "b");
    let file = format!("noise\n{}{}", crl.to_pem(), second.to_pem());
    assert_eq!(Crl::all_from_pem(file.as_bytes()).unwrap(), [crl, second]);
}

#[test]
fn says_what_is_wrong_with_a_file() {
    let Some(workshop) = workshop() else { return };
    let root = workshop.make(ROOT);
    assert_eq!(Crl::from_der(root.der()).unwrap_err().problem(), Problem::Malformed);
    let error = Crl::all_from_pem(root.to_pem().as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "no PEM block: expected BEGIN X509 CRL");
    let crl = workshop.crl("root", &[], "20290101000000Z", "20310101000000Z", "a");
    let error = Crl::from_der(&[crl.der(), b"x"].concat()).unwrap_err();
    assert_eq!(error.to_string(), "malformed: 1 bytes after the end of the revocation list");
}
