//! Private keys in the forms that the `openssl` program writes.

mod common;

use common::{LEAF, Spec, workshop};
use sealwire_x509::{KeyType, PrivateKey, Problem};

/// Every way to write a key that AWS-LC can read back, as arguments of openssl.
const FORMS: &[(&str, bool)] = &[
    ("pkey -in k.key", false),
    ("pkey -in k.key -traditional", false),
    ("pkey -in k.key -traditional -aes256 -passout pass:secret", true),
    ("pkey -in k.key -traditional -aes128 -passout pass:secret", true),
    ("pkey -in k.key -traditional -des3 -passout pass:secret", true),
];

#[test]
fn reads_every_form_of_every_kind() {
    let Some(workshop) = workshop() else { return };
    for (kind, algorithm, bits) in [
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", KeyType::Rsa, 2048),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            KeyType::Ec { curve: "prime256v1" },
            256,
        ),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", KeyType::Ec { curve: "secp384r1" }, 384),
        ("-algorithm ED25519", KeyType::Ed25519, 253),
    ] {
        workshop.line(&format!("genpkey {kind} -out k.key"));
        let public = workshop.line("pkey -in k.key -pubout -outform DER");
        let pkcs8 = workshop.line("pkcs8 -topk8 -nocrypt -in k.key -outform DER");
        for (form, encrypted) in FORMS {
            if algorithm == KeyType::Ed25519 && form.contains("traditional") {
                continue;
            }
            let pem = workshop.line(form);
            let what = format!("{algorithm}: {form}");
            let key = PrivateKey::from_pem(&pem, Some(b"secret"));
            let key = key.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!((key.key_type(), key.bits()), (algorithm.clone(), bits), "{what}");
            assert_eq!(key.spki_der().unwrap(), public, "{what}");
            assert_eq!(*key.to_pkcs8_der().unwrap(), pkcs8, "{what}");
            if *encrypted {
                let kind =
                    |passphrase| PrivateKey::from_pem(&pem, passphrase).unwrap_err().problem();
                assert_eq!(kind(None), Problem::PassphraseNeeded, "{what}");
                assert_eq!(kind(Some(b"wrong")), Problem::WrongPassphrase, "{what}");
                assert_eq!(kind(Some(b"")), Problem::WrongPassphrase, "{what}");
            } else {
                assert!(PrivateKey::from_pem(&pem, None).is_ok(), "{what}");
            }
        }
        let debug = format!("{:?}", PrivateKey::from_der(&pkcs8).unwrap());
        assert_eq!(debug, format!("PrivateKey({algorithm})"));
    }
}

#[test]
fn a_passphrase_that_is_wrong_is_always_called_wrong() {
    let Some(workshop) = workshop() else { return };
    workshop.line("ecparam -name prime256v1 -genkey -noout -out k.key");
    let pem = workshop.line("pkey -in k.key -traditional -aes128 -passout pass:secret");
    // One in 256 passes the padding check and decrypts to noise.
    for attempt in 0..1500 {
        let error = PrivateKey::from_pem(&pem, Some(format!("{attempt}").as_bytes())).unwrap_err();
        assert_eq!(error.problem(), Problem::WrongPassphrase, "{attempt}: {error}");
    }
}

#[test]
fn refuses_by_name_what_it_cannot_read() {
    let Some(workshop) = workshop() else { return };
    workshop.line("genpkey -algorithm RSA -out k.key");
    let pem = workshop.line("pkey -in k.key -traditional -camellia128 -passout pass:secret");
    let error = PrivateKey::from_pem(&pem, Some(b"secret")).unwrap_err();
    assert_eq!(error.to_string(), "unsupported: key encryption CAMELLIA-128-CBC");
    let pem = workshop.line("genpkey -algorithm ED448");
    let error = PrivateKey::from_pem(&pem, None).unwrap_err();
    assert_eq!(error.to_string(), "unsupported: private key of ED448");
    let pem = b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    let error = PrivateKey::from_pem(pem, None).unwrap_err();
    assert_eq!(error.to_string(), "unsupported: PEM block OPENSSH PRIVATE KEY");
}

#[test]
fn wants_exactly_one_key() {
    let Some(workshop) = workshop() else { return };
    let with_parameters = workshop.line("ecparam -name prime256v1 -genkey");
    let text = String::from_utf8(with_parameters).unwrap();
    assert!(text.contains("BEGIN EC PARAMETERS"));
    let pasted = format!("\u{feff}my key:\n{text}").replace('\n', "\r\n");
    assert!(PrivateKey::from_pem(pasted.as_bytes(), None).is_ok());
    let error = PrivateKey::from_pem(format!("{text}{text}").as_bytes(), None).unwrap_err();
    assert_eq!(error.to_string(), "several private keys: EC PRIVATE KEY, EC PRIVATE KEY");
    let error = PrivateKey::from_pem(b"nothing here", None).unwrap_err();
    assert_eq!(error.to_string(), "no PEM block: expected BEGIN PRIVATE KEY");
    let error = PrivateKey::from_der(b"nothing here").unwrap_err();
    assert_eq!(error.to_string(), "malformed: not a private key");
}

#[test]
fn knows_its_certificate() {
    let Some(workshop) = workshop() else { return };
    let own = workshop.make(Spec { issuer: None, ..LEAF });
    let other = workshop.make(Spec { name: "other", issuer: None, ..LEAF });
    let key = workshop.private_key("leaf");
    assert!(key.matches(&own));
    assert!(!key.matches(&other));
    assert!(key.clone().matches(&own));
}
