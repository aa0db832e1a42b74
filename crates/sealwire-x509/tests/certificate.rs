//! Certificates as the `openssl` program sees them.

mod common;

use common::{INTERMEDIATE, Key, LEAF, NOW, ROOT, Spec, workshop};
use sealwire_x509::{
    Certificate, GeneralName, KeyType, KeyUsage, Problem, Purpose, Request, TrustSet, error_name,
    verify,
};

#[test]
fn reads_the_fields_that_openssl_prints() {
    let Some(workshop) = workshop() else { return };
    let certificate = workshop.make(Spec {
        subject: "/C=DE/O=Sealwire, Inc./OU=a/OU=b/CN=Käse/emailAddress=a@b.example",
        issuer: None,
        key: Key::Rsa(2048),
        extensions: "basicConstraints=CA:FALSE\n\
                     subjectAltName=DNS:a.example,DNS:*.b.example,IP:127.0.0.1,IP:::1,\
                     email:me@a.example,URI:https://a.example/x,RID:1.2.3.4,dirName:dir,\
                     otherName:1.3.6.1.4.1.311.20.2.3;UTF8:user@a.example\n[dir]\nCN=inner",
        ..LEAF
    });
    assert_eq!(
        certificate.subject().to_string(),
        "emailAddress=a@b.example,CN=Käse,OU=b,OU=a,O=Sealwire\\, Inc.,C=DE"
    );
    assert_eq!(certificate.subject().common_name(), Some("Käse"));
    assert_eq!(certificate.subject(), certificate.issuer());
    assert_eq!(certificate.version(), 3);
    assert_eq!((certificate.not_before(), certificate.not_after()), (1_735_689_600, 2_366_841_600));

    let printed = |option| workshop.openssl(&["x509", "-in", "leaf.pem", "-noout", option]);
    let serial = String::from_utf8(printed("-serial")).unwrap();
    assert_eq!(serial.trim(), format!("serial={}", certificate.serial_hex()));
    let key = workshop.openssl(&["pkey", "-in", "leaf.key", "-pubout", "-outform", "DER"]);
    assert_eq!(certificate.spki_der(), key);
    let modulus = String::from_utf8(printed("-modulus")).unwrap();
    let public = certificate.public_key().unwrap();
    let rsa = public.rsa.unwrap();
    assert_eq!(modulus.trim(), format!("Modulus={}", rsa.modulus));
    assert_eq!((public.key_type, public.bits), (KeyType::Rsa, 2048));
    assert_eq!(rsa.exponent, "0x10001");
    let der = workshop.openssl(&["x509", "-in", "leaf.pem", "-outform", "DER"]);
    assert_eq!(certificate.der(), der);
    assert_eq!(certificate, Certificate::from_der(&der).unwrap());
    assert_eq!(certificate.to_pem().as_bytes(), workshop.read("leaf.pem"));
    assert_eq!(certificate.signature_algorithm().name, "sha256WithRSAEncryption");

    assert!(certificate.has_subject_alt_name());
    let names = certificate.subject_alt_names().unwrap();
    let [dns, wildcard, v4, v6, email, uri, id, directory, other] = &names[..] else {
        panic!("{names:?}");
    };
    assert_eq!(*dns, GeneralName::Dns("a.example".into()));
    assert_eq!(*wildcard, GeneralName::Dns("*.b.example".into()));
    assert_eq!(*v4, GeneralName::Ip("127.0.0.1".parse().unwrap()));
    assert_eq!(*v6, GeneralName::Ip("::1".parse().unwrap()));
    assert_eq!(*email, GeneralName::Email("me@a.example".into()));
    assert_eq!(*uri, GeneralName::Uri("https://a.example/x".into()));
    assert_eq!(*id, GeneralName::RegisteredId("1.2.3.4".into()));
    assert!(matches!(directory, GeneralName::DirName(name) if name.to_string() == "CN=inner"));
    assert!(matches!(other, GeneralName::OtherName { oid, value }
        if oid == "1.3.6.1.4.1.311.20.2.3" && value == b"\x0C\x0Euser@a.example"));
}

#[test]
fn says_what_is_wrong_with_a_file() {
    let Some(workshop) = workshop() else { return };
    let certificate = workshop.make(ROOT);
    let mut longer = certificate.der().to_vec();
    longer.push(0);
    let error = Certificate::from_der(&longer).unwrap_err();
    assert_eq!(error.to_string(), "malformed: 1 bytes after the end of the certificate");
    let kind = |pem: &[u8]| Certificate::all_from_pem(pem).unwrap_err().problem();
    assert_eq!(kind(b""), Problem::NoPemBlock);
    assert_eq!(kind(&workshop.read("root.key")), Problem::NoPemBlock);
    assert_eq!(
        kind(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        Problem::Malformed
    );
}

#[test]
fn reads_several_certificates_whatever_surrounds_them() {
    let Some(workshop) = workshop() else { return };
    let root = workshop.make(ROOT);
    let int = workshop.make(INTERMEDIATE);
    let one_line = {
        let body: String = int.to_pem().lines().filter(|line| !line.starts_with('-')).collect();
        format!("-----BEGIN X509 CERTIFICATE-----\n{body}\n-----END X509 CERTIFICATE-----\n")
    };
    let trusted = workshop.line("x509 -in root.pem -trustout -addtrust serverAuth");
    let trusted = String::from_utf8(trusted).unwrap();
    assert!(trusted.contains("TRUSTED"));
    let key = String::from_utf8(workshop.read("root.key")).unwrap();
    let file = format!("\u{feff}Bag Attributes\n  x: y\n{}{key}{one_line}{trusted}", root.to_pem());
    let all = Certificate::all_from_pem(file.replace('\n', "\r\n").as_bytes()).unwrap();
    assert_eq!(all, [root.clone(), int, root]);
}

#[test]
fn judges_a_chain() {
    let Some(workshop) = workshop() else { return };
    let (root, int, leaf) = (workshop.make(ROOT), workshop.make(INTERMEDIATE), workshop.make(LEAF));
    let trust = TrustSet::new([root.clone(), root.clone()]).unwrap();
    assert_eq!(trust.certificates(), [root.clone()].as_slice());
    let request = Request {
        leaf: &leaf,
        intermediates: std::slice::from_ref(&int),
        trust: &trust,
        crls: &[],
        purpose: Purpose::Server,
        time: NOW,
        partial_chain: false,
        policies: sealwire_x509::CertificatePolicies::NONE,
    };
    let verdict = verify(&request).unwrap();
    assert!(verdict.trusted(), "{verdict:?}");
    assert_eq!(verdict.chain, [leaf.clone(), int.clone(), root]);

    let alone = verify(&Request { intermediates: &[], ..request }).unwrap();
    assert!(!alone.trusted());
    let codes: Vec<_> = alone.errors.iter().map(|error| error_name(error.code)).collect();
    assert_eq!(codes, ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]);
    assert_eq!(alone.errors[0].certificate.as_ref(), Some(&leaf));
}

#[test]
fn reads_the_extensions() {
    let Some(workshop) = workshop() else { return };
    let root = workshop.make(Spec {
        extensions: "basicConstraints=critical,CA:TRUE,pathlen:3\n\
                     keyUsage=critical,keyCertSign,cRLSign\n\
                     subjectKeyIdentifier=01:02:0A",
        ..ROOT
    });
    assert!(root.is_ca() && root.extensions_are_valid());
    assert_eq!(root.basic_constraints(), Some((true, Some(3))));
    assert_eq!(root.key_usage().unwrap().names(), ["keyCertSign", "cRLSign"]);
    assert!(root.key_usage().unwrap().contains(KeyUsage::KeyCertSign));
    assert!(!root.key_usage().unwrap().contains(KeyUsage::DigitalSignature));
    assert_eq!(root.extended_key_usage(), None);
    assert_eq!(root.subject_key_id(), Some(vec![1, 2, 10]));
    assert_eq!(root.authority_key_id(), None);
    assert_eq!(root.subject_alt_names(), Ok(Vec::new()));
    assert!(!root.has_subject_alt_name());

    let leaf = workshop.make(Spec {
        issuer: Some("root"),
        extensions: "basicConstraints=CA:FALSE\n\
                     keyUsage=digitalSignature,keyAgreement,decipherOnly\n\
                     extendedKeyUsage=serverAuth,1.2.3.4\n\
                     authorityKeyIdentifier=keyid\n\
                     authorityInfoAccess=OCSP;URI:http://o.example/,caIssuers;URI:http://i.example/\
                     ,1.2.3;URI:http://x.example/,OCSP;email:no@x.example",
        ..LEAF
    });
    assert!(!leaf.is_ca());
    assert_eq!(leaf.basic_constraints(), Some((false, None)));
    assert_eq!(
        leaf.key_usage().unwrap().names(),
        ["digitalSignature", "keyAgreement", "decipherOnly"]
    );
    assert_eq!(leaf.extended_key_usage().unwrap(), ["1.3.6.1.5.5.7.3.1", "1.2.3.4"]);
    assert_eq!(leaf.authority_key_id(), root.subject_key_id());
    let access = leaf.authority_info_access();
    let access: Vec<_> = access.iter().map(|(what, uri)| (what.as_str(), uri.as_str())).collect();
    assert_eq!(
        access,
        [
            ("OCSP", "http://o.example/"),
            ("CA Issuers", "http://i.example/"),
            ("1.2.3", "http://x.example/")
        ]
    );

    let v1 = workshop.make(Spec { name: "v1", extensions: "", ..ROOT });
    assert_eq!(v1.version(), 1);
    assert!(v1.is_ca() && v1.extensions_are_valid());
    assert_eq!(v1.basic_constraints(), None);
}

#[test]
fn knows_who_issued_whom() {
    let Some(workshop) = workshop() else { return };
    let (root, int) = (workshop.make(ROOT), workshop.make(INTERMEDIATE));
    let twin = workshop.make(Spec { name: "twin", ..ROOT });
    assert!(root.is_self_issued() && root.is_self_signed());
    assert!(!int.is_self_issued() && !int.is_self_signed());
    assert!(int.is_issued_by(&root));
    assert!(!int.is_issued_by(&twin), "same name, other key");
    assert!(!root.is_issued_by(&int));
    let forged = workshop.make(Spec { name: "forged", issuer: Some("int"), ..ROOT });
    assert!(!forged.is_self_signed());
}

#[test]
fn knows_keys_and_signatures() {
    let Some(workshop) = workshop() else { return };
    for (key, digest, algorithm, signature, hash) in [
        (Key::P256, "sha384", "EC prime256v1", "ecdsa-with-SHA384", Some("sha384")),
        (Key::Rsa(2048), "sha512", "RSA", "sha512WithRSAEncryption", Some("sha512")),
        (Key::Genpkey(&["-algorithm", "ED25519"]), "default", "Ed25519", "ED25519", None),
        (Key::Genpkey(&["-algorithm", "ED448"]), "default", "ED448", "ED448", None),
        (
            Key::Genpkey(&["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"]),
            "sha256",
            "RSA-PSS",
            "rsassaPss",
            Some("sha256"),
        ),
    ] {
        let certificate = workshop.make(Spec { key, digest, ..ROOT });
        let public = certificate.public_key().unwrap();
        assert_eq!(public.key_type.to_string(), algorithm);
        let found = certificate.signature_algorithm();
        assert_eq!((found.name.as_str(), found.digest.as_deref()), (signature, hash));
        assert_eq!(certificate.is_self_signed(), algorithm != "ED448");
        assert_eq!(public.rsa.is_some(), algorithm.starts_with("RSA"));
        if let Some(point) = public.ec_point {
            assert_eq!(public.key_type.nist_curve(), Some("P-256"));
            assert_eq!((point.len(), point[0], public.bits), (65, 4, 256));
            assert!(certificate.spki_der().ends_with(&point));
        }
    }
}

#[test]
fn prints_what_openssl_prints() {
    let Some(workshop) = workshop() else { return };
    for spec in [ROOT, INTERMEDIATE, Spec { key: Key::Rsa(2048), ..LEAF }] {
        let certificate = workshop.make(spec);
        let pem = format!("{}.pem", spec.name);
        let theirs = workshop.openssl(&["x509", "-in", &pem, "-noout", "-text"]);
        // AWS-LC words these lines as OpenSSL 1.1 did, or leaves them out; indentation and blanks
        // at the end of lines vary between versions of OpenSSL as well.
        let differing = ["Public-Key:", "ASN1 OID:", "NIST CURVE:", "Signature Value:"];
        let plain = |text: &str| -> Vec<String> {
            let lines =
                text.lines().map(|line| line.trim().replace(" = ", "=").replace("keyid:", ""));
            let lines = lines.filter(|line| !line.is_empty());
            let lines = lines.filter(|line| !differing.iter().any(|word| line.contains(word)));
            let mut lines: Vec<_> = lines.collect();
            // The signature is broken into lines of another length; its algorithm is before it.
            let last = lines.iter().rposition(|line| line.starts_with("Signature Algorithm"));
            lines.truncate(last.unwrap() + 1);
            lines
        };
        let (ours, theirs) =
            (plain(&certificate.text()), plain(&String::from_utf8(theirs).unwrap()));
        assert_eq!(ours, theirs);
        assert!(ours.len() > 20);
    }
}

#[test]
fn a_serial_number_reads_as_node_prints_it() {
    let Some(workshop) = workshop() else { return };
    workshop.line("ecparam -name prime256v1 -genkey -noout -out k.key");
    for (serial, expected) in [
        ("0", "0"),
        ("1", "01"),
        ("0x80", "80"),
        ("0x0123456789abcdef01", "0123456789ABCDEF01"),
        ("-255", "-FF"),
    ] {
        let pem = workshop.openssl(&[
            "req",
            "-x509",
            "-new",
            "-key",
            "k.key",
            "-subj",
            "/CN=a",
            "-set_serial",
            serial,
        ]);
        let certificate = Certificate::all_from_pem(&pem).unwrap().remove(0);
        assert_eq!(certificate.serial_hex(), expected);
    }
}
