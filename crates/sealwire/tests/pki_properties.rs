//! What must hold for every subject, name and file, not only for those we thought of.

use proptest::prelude::*;
use sealwire::pki::{
    Certificate, CertificateBuilder, Csr, KeyAlgorithm, NameConstraint, Pfx, PrivateKey, Subject,
    SubjectAltName,
};

/// An attribute with a value that fits it.
fn attribute() -> impl Strategy<Value = (&'static str, String)> {
    let text = || characters(60);
    let printable = "[A-Za-z0-9 '()+,\\-./:=?]{1,60}";
    prop_oneof![
        ("[A-Z]{2}").prop_map(|value| ("C", value)),
        text().prop_map(|value| ("O", value)),
        text().prop_map(|value| ("OU", value)),
        text().prop_map(|value| ("CN", value)),
        text().prop_map(|value| ("UID", value)),
        text().prop_map(|value| ("1.2.3.4.5", value)),
        printable.prop_map(|value| ("serialNumber", value)),
        "[!-~]{1,40}".prop_map(|value| ("DC", value)),
        "[!-~]{1,40}".prop_map(|value| ("emailAddress", value)),
    ]
}

/// Text without the code points that are no characters, which subjects refuse.
fn characters(longest: usize) -> impl Strategy<Value = String> {
    let character = any::<char>().prop_filter("a character", |c| {
        let code = u32::from(*c);
        code != 0 && !(0xfdd0..=0xfdef).contains(&code) && code & 0xfffe != 0xfffe
    });
    prop::collection::vec(character, 1..longest).prop_map(|chars| chars.into_iter().collect())
}

fn subject() -> impl Strategy<Value = Subject> {
    prop::collection::vec(attribute(), 0..8).prop_map(|attributes| {
        let mut subject = Subject::new();
        for (name, value) in attributes {
            subject.push(name, &value).unwrap();
        }
        subject
    })
}

fn label() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?".prop_filter("no IDN prefix", |l| l.get(2..4) != Some("--"))
}

fn host() -> impl Strategy<Value = String> {
    prop::collection::vec(label(), 1..5)
        .prop_map(|labels| labels.join("."))
        // Four numbers are an address.
        .prop_filter("not an address", |host| host.parse::<std::net::IpAddr>().is_err())
}

fn alt_name() -> impl Strategy<Value = SubjectAltName> {
    prop_oneof![
        host().prop_map(|host| format!("DNS:{host}")),
        host().prop_map(|host| format!("DNS:*.{host}")),
        any::<std::net::Ipv4Addr>().prop_map(|ip| format!("IP:{ip}")),
        any::<std::net::Ipv6Addr>().prop_map(|ip| format!("IP:{ip}")),
        ("[!-?A-~]{1,20}", host()).prop_map(|(user, host)| format!("email:{user}@{host}")),
        ("[a-z][a-z0-9+.-]{0,8}", "[!-~]{1,40}")
            .prop_map(|(scheme, rest)| format!("URI:{scheme}:{rest}")),
    ]
    .prop_map(|text| text.parse().unwrap_or_else(|e| panic!("{e}")))
}

proptest! {
    #[test]
    fn a_subject_survives_both_text_forms_and_der(subject in subject()) {
        prop_assert_eq!(Subject::from_der(&subject.to_der()).unwrap(), subject.clone());
        let rfc4514 = subject.to_string();
        prop_assert_eq!(rfc4514.parse::<Subject>().unwrap(), subject.clone(), "{}", rfc4514);
        let openssl = subject.to_openssl();
        prop_assert_eq!(openssl.parse::<Subject>().unwrap(), subject, "{}", openssl);
        prop_assert_eq!(rfc4514.lines().count().max(1), 1, "one name is one line");
    }

    #[test]
    fn names_survive_requests_and_certificates(
        subject in subject(),
        names in prop::collection::vec(alt_name(), 1..6),
    ) {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        for name in &names {
            prop_assert_eq!(&name.to_string().parse::<SubjectAltName>().unwrap(), name);
        }
        let csr = Csr::builder(subject.clone()).names(names.clone()).sign(&key).unwrap();
        let csr = Csr::from_pem(csr.to_pem().as_bytes()).unwrap();
        csr.verify().unwrap();
        prop_assert_eq!(csr.subject(), &subject);
        prop_assert_eq!(csr.names(), names.clone());

        let certificate = CertificateBuilder::for_csr(&csr).copy_names(&csr).self_signed(&key).unwrap();
        let read = certificate.subject_alt_names().unwrap();
        let read: Vec<_> = read.iter().map(|name| SubjectAltName::from_x509(name).unwrap()).collect();
        let mut distinct = Vec::new();
        for name in names {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        prop_assert_eq!(read, distinct);
        let pem = Certificate::all_from_pem(certificate.to_pem().as_bytes()).unwrap();
        prop_assert_eq!(pem[0].der(), certificate.der());
    }

    #[test]
    fn text_is_taken_or_refused_but_never_breaks_us(text in "\\PC*") {
        let _ = text.parse::<KeyAlgorithm>();
        if let Ok(name) = text.parse::<SubjectAltName>() {
            prop_assert_eq!(name.to_string().parse::<SubjectAltName>().unwrap(), name);
        }
        if let Ok(constraint) = text.parse::<NameConstraint>() {
            prop_assert_eq!(constraint.to_string().parse::<NameConstraint>().unwrap(), constraint);
        }
        for form in [text.clone(), format!("/CN={text}"), format!("CN={text}")] {
            if let Ok(subject) = form.parse::<Subject>() {
                prop_assert_eq!(Subject::from_der(&subject.to_der()).unwrap(), subject);
            }
        }
    }

    #[test]
    fn bytes_are_taken_or_refused_but_never_break_us(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = Csr::from_der(&bytes);
        let _ = Csr::from_pem(&bytes);
        let _ = PrivateKey::from_der(&bytes, Some(b"x"));
        let _ = PrivateKey::from_pem(&bytes, Some(b"x"));
        let _ = Pfx::from_der(&bytes, Some("x"));
        let _ = Subject::from_der(&bytes);
    }
}

proptest! {
    // Each case costs key derivations.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_pfx_opens_with_its_passphrase_only(
        passphrase in "\\PC{0,20}",
        other in "\\PC{0,20}",
        name in "[^\\x00\\x{10000}-\\x{10ffff}]{1,20}",
        flip in any::<prop::sample::Index>(),
    ) {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let builder = CertificateBuilder::for_names(vec!["x.test".parse().unwrap()]).unwrap();
        let certificate = builder.self_signed(&key).unwrap();
        let pfx = Pfx::new(key.clone(), certificate, vec![]).unwrap().friendly_name(name.clone());
        for mut der in [
            pfx.to_der_with_iterations(&passphrase, 1).unwrap(),
            pfx.to_der_legacy(&passphrase).unwrap(),
        ] {
            let read = Pfx::from_der(&der, Some(&passphrase)).unwrap();
            prop_assert_eq!(read.key().to_pkcs8_der(), key.to_pkcs8_der());
            prop_assert_eq!(read.name(), Some(name.as_str()));
            if other != passphrase {
                prop_assert!(Pfx::from_der(&der, Some(&other)).is_err());
            }
            // One bit changed anywhere is found out, or changes nothing that is read.
            let at = flip.index(der.len());
            der[at] ^= 1;
            if let Ok(read) = Pfx::from_der(&der, Some(&passphrase)) {
                prop_assert_eq!(read.key().to_pkcs8_der(), key.to_pkcs8_der());
            }
        }
    }
}
