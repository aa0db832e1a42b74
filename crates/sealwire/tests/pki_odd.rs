//! Certificates that RFC 5280 forbids and people have: read as OpenSSL reads them, trusted never.

use std::slice::from_ref;

use sealwire::TrustStore;
use sealwire::pki::{
    Certificate, CertificateBuilder, ChainCheck, Irregularity, KeyAlgorithm, Name, PrivateKey,
    Purpose, Subject,
};
use sealwire::verify::NameCheck;

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let length = match (high, low) {
        (0, 0..0x80) => vec![low],
        (0, _) => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [&[tag][..], &length, contents].concat()
}

/// A self-signed certificate in which something is written otherwise. Its signature does not fit
/// any more, which nobody looks at in one that is trusted itself.
fn changed(change: impl Fn(&mut Vec<u8>)) -> Certificate {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let builder = CertificateBuilder::for_names(vec!["localhost".parse().unwrap()]).unwrap();
    let whole = builder.self_signed(&key).unwrap();
    let der = whole.der();
    // SEQUENCE { SEQUENCE tbs, algorithm, signature }
    let header =
        |at: usize| at + if der[at + 1] < 0x80 { 2 } else { 2 + usize::from(der[at + 1] & 3) };
    let outer = header(0);
    let start = header(outer);
    let length =
        der[outer + 2..start].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let tbs_end = start + length;
    let mut tbs = der[start..tbs_end].to_vec();
    change(&mut tbs);
    let inner = [element(0x30, &tbs), der[tbs_end..].to_vec()].concat();
    Certificate::from_der(&element(0x30, &inner)).unwrap()
}

/// Puts a time of another form in the place of the first.
fn with_start(form: &'static [u8]) -> impl Fn(&mut Vec<u8>) {
    move |tbs| {
        let at = tbs.windows(4).position(|w| w[0] == 0x30 && w[2] == 0x17 && w[3] == 13).unwrap();
        let grown = u8::try_from(form.len()).unwrap();
        tbs[at + 1] = tbs[at + 1] - 13 + grown;
        tbs[at + 3] = grown;
        tbs.splice(at + 4..at + 17, form.iter().copied());
    }
}

#[test]
fn what_is_mended_for_reading_is_never_trusted() {
    const START: i64 = 1_767_218_400; // 2025-12-31 22:00
    for (what, certificate, irregularity) in [
        ("version 1", changed(|tbs| drop(tbs.drain(..5))), Irregularity::Version(1)),
        ("version 2", changed(|tbs| tbs[4] = 1), Irregularity::Version(2)),
        ("no seconds", changed(with_start(b"2512312200Z")), Irregularity::Time),
    ] {
        assert_eq!(certificate.irregularity(), Some(irregularity), "{what}");
        assert_eq!(certificate.subject().to_string(), "CN=localhost", "{what}");
        assert_eq!(Certificate::from_der(certificate.der()).unwrap(), certificate, "{what}");
        match irregularity {
            Irregularity::Version(version) => {
                assert_eq!(certificate.version(), version);
                assert!(certificate.text().contains(&format!("Version: {version} (")));
            }
            _ => assert_eq!(certificate.not_before(), START),
        }
        let trust = TrustStore::from_certificates([certificate.clone()]).unwrap();
        let trust = trust.allow_partial_chain(true);
        let verdict = ChainCheck {
            presented: from_ref(&certificate),
            trust: &trust,
            crls: &[],
            purpose: Purpose::Server,
            name: Some(("localhost".parse().unwrap(), NameCheck::Node)),
            time: certificate.not_before() + 86_400,
            security_level: 0,
        }
        .verdict();
        assert!(!verdict.findings().is_empty(), "{what}");
    }
    let offset = changed(with_start(b"260101000000+0200"));
    assert_eq!((offset.not_before(), offset.irregularity()), (START, None));
    let regular = changed(|_| {});
    assert_eq!((regular.irregularity(), regular.version()), (None, 3));
}

#[test]
fn a_name_is_text_whatever_its_type_allows() {
    let attribute = |oid: u8, tag: u8, value: &[u8]| {
        let oid = [0x06, 0x03, 0x55, 0x04, oid];
        element(0x31, &element(0x30, &[&oid[..], &element(tag, value)].concat()))
    };
    let name = |attributes: &[Vec<u8>]| element(0x30, &attributes.concat());
    for (der, shown) in [
        (name(&[attribute(3, 19, b"*.app.test")]), "CN=*.app.test"),
        (name(&[attribute(10, 19, b"Wells & Co_")]), "O=Wells & Co_"),
        // As OpenSSL shows it, whoever wrote UTF-8 there.
        (name(&[attribute(3, 22, b"caf\xc3\xa9")]), "CN=cafÃ©"),
        (name(&[attribute(3, 22, b"caf\xe9")]), "CN=café"),
        (name(&[attribute(3, 20, b"caf\xe9")]), "CN=café"),
        (name(&[attribute(3, 28, b"\0\0\0Z\0\0\0e")]), "CN=Ze"),
    ] {
        assert_eq!(Name::from_der(&der).unwrap().to_string(), shown);
        let subject = Subject::from_der(&der).unwrap();
        assert_eq!(subject.to_string(), shown);
        assert_eq!(subject.to_der(), der, "{shown}: as it was");
    }
    let two = name(&[attribute(10, 28, b"\0\0\0Z"), attribute(3, 12, b"name")]);
    let subject = Subject::from_der(&two).unwrap();
    assert_eq!(
        (subject.to_string().as_str(), subject.to_openssl().as_str()),
        ("CN=name,O=Z", "/O=Z/CN=name")
    );
    assert_eq!(subject.common_name().as_deref(), Some("name"));
}
