//! Files that somebody damaged or forged: nothing panics, what is whole is read, and the error for
//! the rest says which file, which line and what.

use sealwire::pki::{self, Crl, Csr, KeyAlgorithm, PrivateKey, Problem, Subject};

const CUT: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n";
const GARBLED: &str = "-----BEGIN CERTIFICATE-----\n**\n-----END CERTIFICATE-----\n";

fn key_and_request() -> (PrivateKey, Csr) {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let request = Csr::new(&key, &Subject::from_common_name("a").unwrap()).unwrap();
    (key, request)
}

/// One reader for all kinds of files: what is damaged does not hide what is not.
#[test]
fn a_damaged_block_does_no_harm_to_those_that_are_wanted() {
    let (key, request) = key_and_request();
    for damage in [CUT, GARBLED, "-----BEGIN X-----\n-----END Y-----\n"] {
        let file = |block: &str| format!("{damage}{block}{damage}").into_bytes();
        let read = PrivateKey::from_pem(&file(&key.to_pem()), None).unwrap();
        assert_eq!(read.spki_der(), key.spki_der());
        assert_eq!(Csr::from_pem(&file(&request.to_pem())).unwrap().der(), request.der());
    }
}

#[test]
fn the_line_of_the_damage_is_told() {
    let (certificate, key) = pki::self_signed(["localhost"]).unwrap();
    let (pem, folder) = (certificate.to_pem(), tempfile::tempdir().unwrap());
    let bundle = folder.path().join("bundle.pem");
    let lines = pem.lines().count();
    let no_certificate = pki::pem::encode("CERTIFICATE", b"no certificate");
    for (damage, line, fact) in [
        (CUT, 2 * lines + 2, "the PEM block CERTIFICATE has no END line"),
        (GARBLED, 2 * lines + 2, "the PEM block CERTIFICATE is not base64"),
        (&no_certificate, 2 * lines + 2, "a length exceeds the data"),
    ] {
        std::fs::write(&bundle, format!("{pem}# a remark\n{pem}{damage}{pem}")).unwrap();
        let error = pki::certificates_from_file(&bundle).unwrap_err();
        assert_eq!(error.problem(), Problem::Malformed);
        let expected = format!("{}: malformed: line {line}: {fact}", bundle.display());
        assert!(error.to_string().starts_with(&expected), "{error} is not {expected}");
    }
    let cut = key.to_pem().replace("-----END PRIVATE KEY-----", "");
    let error = PrivateKey::from_pem(format!("\n{cut}").as_bytes(), None).unwrap_err();
    assert_eq!(error.to_string(), "malformed: line 2: the PEM block PRIVATE KEY has no END line");
    let cut = key_and_request().1.to_pem().replace("END", "BEGIN");
    let error = Csr::from_pem(cut.as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("malformed: line 1: the PEM block"), "{error}");
    assert!(Crl::all_from_pem(pem.as_bytes()).is_err());
}
