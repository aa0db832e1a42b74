//! Certificates, self-signed and signed by an issuer, judged by AWS-LC's verifier.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sealwire::pki::{
    self, CertificateBuilder, Csr, ExtendedKeyUsage, Issuer, KeyAlgorithm, PrivateKey, Problem,
    Purpose, Subject, SubjectAltName, Validity,
};
use sealwire_x509::{Request, TrustSet, verify};

const KINDS: [KeyAlgorithm; 6] = [
    KeyAlgorithm::Rsa { bits: 2048 },
    KeyAlgorithm::EcdsaP256,
    KeyAlgorithm::EcdsaP384,
    KeyAlgorithm::EcdsaP521,
    KeyAlgorithm::Ed25519,
    KeyAlgorithm::RsaPss { bits: 2048 },
];

fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

fn names(list: &[&str]) -> Vec<SubjectAltName> {
    list.iter().map(|name| name.parse().unwrap()).collect()
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

#[test]
fn one_call_gives_a_certificate_and_its_key() {
    let (certificate, key) = pki::self_signed(["localhost", "127.0.0.1", "::1"]).unwrap();
    assert!(key.matches(&certificate));
    assert!(certificate.is_self_signed());
    assert!((certificate.not_before() - now()).abs() < 60);
    assert_eq!(certificate.not_after() - certificate.not_before(), 365 * 86_400);
    assert_eq!(pki::self_signed(["a..b"]).unwrap_err().problem(), Problem::InvalidValue);
    assert_eq!(pki::self_signed([""; 0]).unwrap_err().problem(), Problem::InvalidValue);
}

#[test]
fn every_kind_of_key_signs_requests_and_certificates() {
    for algorithm in KINDS {
        let key = PrivateKey::generate(algorithm).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let again = PrivateKey::from_pem(key.to_pem().as_bytes(), None).unwrap();
        assert_eq!((again.algorithm(), again.spki_der()), (algorithm, key.spki_der()));
        assert_eq!(again.to_pkcs8_der(), key.to_pkcs8_der(), "{algorithm}: PKCS#8 is kept");

        let csr = Csr::builder(subject("/CN=x")).names(names(&["x.test"])).sign(&key).unwrap();
        csr.verify().unwrap();
        assert!(csr.matches(&key));
        let certificate = CertificateBuilder::for_csr(&csr).copy_names(&csr).self_signed(&key);
        assert!(certificate.unwrap().is_self_signed(), "{algorithm}");
    }
}

#[test]
fn an_issuer_signs_what_others_ask_for() {
    let root_key = PrivateKey::generate(KeyAlgorithm::EcdsaP384).unwrap();
    let root = CertificateBuilder::new(subject("/O=Åland/OU=a/OU=b/CN=root"))
        .authority(Some(1))
        .self_signed(&root_key)
        .unwrap();
    let root = Issuer::new(root, root_key).unwrap();

    let middle_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let middle = CertificateBuilder::new(subject("/CN=middle"))
        .authority(Some(0))
        .signed_by(&root, middle_key.spki_der())
        .unwrap();
    let middle = Issuer::new(middle, middle_key).unwrap();

    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let csr = Csr::new(&key, &subject("/CN=leaf")).unwrap();
    let leaf = CertificateBuilder::for_csr(&csr)
        .names(names(&["leaf.test"]))
        .extended_key_usage([ExtendedKeyUsage::SERVER_AUTH])
        .validity(Validity::lasting(Duration::from_secs(3600)).unwrap())
        .signed_by(&middle, csr.spki_der())
        .unwrap();

    assert!(leaf.is_issued_by(middle.certificate()));
    assert_eq!(middle.certificate().issuer().der(), root.certificate().subject().der());
    assert!(key.matches(&leaf));
    let trust = TrustSet::new([root.certificate().clone()]).unwrap();
    let judge = |purpose, time| {
        verify(&Request {
            leaf: &leaf,
            intermediates: &[middle.certificate().clone()],
            trust: &trust,
            crls: &[],
            purpose,
            time,
            partial_chain: false,
            policies: sealwire_x509::CertificatePolicies::NONE,
        })
        .unwrap()
    };
    assert!(judge(Purpose::Server, now()).trusted());
    assert!(!judge(Purpose::Client, now()).trusted(), "it is for servers only");
    assert!(!judge(Purpose::Server, now() + 3700).trusted(), "it is valid for an hour");
}

#[test]
fn an_issuer_must_be_one() {
    let (leaf, key) = pki::self_signed(["localhost"]).unwrap();
    assert_eq!(Issuer::new(leaf, key).unwrap_err().problem(), Problem::InvalidValue);
    let (one, _) = pki::self_signed(["localhost"]).unwrap();
    let (_, other) = pki::self_signed(["localhost"]).unwrap();
    assert_eq!(Issuer::new(one, other).unwrap_err().problem(), Problem::KeyMismatch);
}

#[test]
fn serial_numbers_are_long_random_and_checked() {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let builder = CertificateBuilder::new(subject("/CN=x"));
    let serials: Vec<_> = (0..8).map(|_| builder.self_signed(&key).unwrap().serial_hex()).collect();
    for (i, serial) in serials.iter().enumerate() {
        assert_eq!(serial.len(), 40, "{serial}");
        assert!(!serials[..i].contains(serial));
    }
    let own = builder.clone().serial([0, 1, 2]).self_signed(&key).unwrap();
    assert_eq!(own.serial_hex().trim_start_matches('0'), "102");
    for bad in [vec![], vec![0], vec![0x80; 20], vec![1; 21]] {
        assert!(builder.clone().serial(bad.clone()).self_signed(&key).is_err(), "{bad:?}");
    }
    assert!(builder.serial([0x7f; 20]).self_signed(&key).is_ok());
}

#[test]
fn a_certificate_without_subject_has_a_critical_name() {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let builder = CertificateBuilder::new(Subject::new()).names(names(&["x.test"]));
    let text = builder.self_signed(&key).unwrap().text();
    assert!(text.contains("X509v3 Subject Alternative Name: critical"), "{text}");
}

#[test]
fn being_a_ca_is_not_taken_from_a_request() {
    // Made by: openssl req -new -addext basicConstraints=CA:TRUE
    let csr = Csr::from_pem(include_bytes!("data/ca-request.pem")).unwrap();
    csr.verify().unwrap();
    let refused = CertificateBuilder::for_csr(&csr).copy_extensions(&csr).unwrap_err();
    assert_eq!(refused.problem(), Problem::InvalidValue);
}
