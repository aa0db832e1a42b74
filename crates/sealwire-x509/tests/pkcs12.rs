//! PKCS#12 files as the `openssl` program writes them.

mod common;

use common::{INTERMEDIATE, LEAF, ROOT, Workshop, workshop};
use sealwire_x509::{Error, Pkcs12, Problem};

/// A leaf with its key, its intermediate and its root.
fn prepared() -> Option<Workshop> {
    let workshop = workshop()?;
    for spec in [ROOT, INTERMEDIATE, LEAF] {
        workshop.make(spec);
    }
    let chain = [workshop.read("int.pem"), workshop.read("root.pem")].concat();
    workshop.write("chain.pem", chain);
    Some(workshop)
}

fn export(workshop: &Workshop, arguments: &str) -> Vec<u8> {
    workshop.line(&format!("pkcs12 -export -inkey leaf.key -in leaf.pem {arguments}"))
}

#[test]
fn opens_what_openssl_writes() {
    let Some(workshop) = prepared() else { return };
    for form in [
        "",
        "-certfile chain.pem",
        // The leaf twice, as the tutorials have it.
        "-certfile leaf.pem",
        "-certpbe NONE",
        "-keypbe NONE -certpbe NONE",
        "-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1",
        "-certpbe AES-128-CBC -iter 1 -macalg sha512",
        "-certfile chain.pem -legacy -descert",
        "-legacy -certpbe PBE-SHA1-RC4-128",
        "-name friendly -CSP x -nomaciter -noiter",
    ] {
        let file = export(&workshop, &format!("{form} -passout pass:secret"));
        let pfx = Pkcs12::parse(&file, Some(b"secret"));
        let pfx = pfx.unwrap_or_else(|error| panic!("{form}: {error}"));
        let certificate = pfx.certificate.unwrap();
        assert_eq!(certificate, workshop.certificate("leaf"), "{form}");
        assert!(pfx.key.unwrap().matches(&certificate), "{form}");
        if form.contains("chain.pem") {
            let chain = [workshop.certificate("int"), workshop.certificate("root")];
            assert_eq!(pfx.chain, chain, "{form}");
        } else {
            assert!(pfx.chain.is_empty(), "{form}");
        }
        let wrong = Pkcs12::parse(&file, Some(b"wrong")).unwrap_err();
        assert_eq!(wrong.to_string(), "wrong passphrase: mac verify failure", "{form}");
        let none = Pkcs12::parse(&file, None).unwrap_err();
        assert_eq!(none.to_string(), "passphrase needed: mac verify failure", "{form}");
    }
}

#[test]
fn a_file_without_key_or_without_its_certificate_has_only_a_chain() {
    let Some(workshop) = prepared() else { return };
    let file = workshop.line("pkcs12 -export -nokeys -in chain.pem -passout pass:");
    let pfx = Pkcs12::parse(&file, None).unwrap();
    assert!(pfx.key.is_none() && pfx.certificate.is_none());
    assert_eq!(pfx.chain, [workshop.certificate("int"), workshop.certificate("root")]);
}

#[test]
fn no_passphrase_and_an_empty_one_open_the_same_files() {
    let Some(workshop) = prepared() else { return };
    let file = export(&workshop, "-passout pass:");
    for passphrase in [None, Some(&b""[..])] {
        assert!(Pkcs12::parse(&file, passphrase).unwrap().key.is_some());
    }
}

#[test]
fn a_passphrase_is_unicode() {
    let Some(workshop) = prepared() else { return };
    workshop.write("pass", "pässwörd 鍵\n");
    let file = export(&workshop, "-passout file:pass");
    assert!(Pkcs12::parse(&file, Some("pässwörd 鍵".as_bytes())).is_ok());
    let error = Pkcs12::parse(&file, Some("🔑".as_bytes())).unwrap_err();
    assert_eq!(error.to_string(), "unsupported: PKCS#12 passphrase with characters above U+FFFF");
    let error = Pkcs12::parse(&file, Some(b"a\0b")).unwrap_err();
    assert_eq!(error.problem(), Problem::WrongPassphrase);
    let error = Pkcs12::parse(&file, Some(b"\xFF\xFE")).unwrap_err();
    assert_eq!(error.problem(), Problem::WrongPassphrase);
}

#[test]
fn refuses_by_name_what_it_cannot_open() {
    let Some(workshop) = prepared() else { return };
    let refused = |arguments: &str| -> Error {
        let file = export(&workshop, &format!("{arguments} -passout pass:x"));
        Pkcs12::parse(&file, Some(b"x")).unwrap_err()
    };
    for (arguments, reason) in [
        ("-nomac", "PKCS#12 without MAC"),
        ("-macalg sha3-256", "PKCS#12 with MAC sha3-256"),
        (
            "-legacy -certpbe PBE-SHA1-RC2-128",
            "PKCS#12 with encryption pbeWithSHA1And128BitRC2-CBC",
        ),
        (
            "-legacy -keypbe PBE-SHA1-2DES",
            "PKCS#12 with encryption pbeWithSHA1And2-KeyTripleDES-CBC",
        ),
        (
            "-certpbe aes-256-ofb",
            "PKCS#12 with encryption PBES2 (PBKDF2, hmacWithSHA256, aes-256-ofb)",
        ),
    ] {
        let error = refused(arguments);
        assert_eq!(
            (error.problem(), error.detail().trim_start_matches("unsupported: ")),
            (Problem::Unsupported, reason),
            "{arguments}"
        );
    }
}

#[test]
fn what_is_not_pkcs12_is_malformed() {
    let Some(workshop) = prepared() else { return };
    let mut cut = export(&workshop, "-passout pass:");
    cut.pop();
    for bytes in [&b""[..], b"hello", &workshop.read("leaf.pem"), &cut] {
        assert_eq!(Pkcs12::parse(bytes, None).unwrap_err().problem(), Problem::Malformed);
    }
}

#[test]
fn a_cost_beyond_reason_is_refused_before_it_is_paid() {
    let Some(workshop) = prepared() else { return };
    let mut file = export(&workshop, "-passout pass: -macalg sha256 -iter 300");
    // The last INTEGER of the file is the MAC's iteration count, 0x012C: make it a large one.
    let at = file.len() - 4;
    assert_eq!(file[at..], [0x02, 0x02, 0x01, 0x2C]);
    file.truncate(at);
    file.extend([0x02, 0x04, 0x05, 0xF5, 0xE1, 0x00]);
    // PFX and MacData are two bytes longer now; both have long lengths or room in the short one.
    let grow = |bytes: &mut [u8], at: usize| {
        let len = u16::from_be_bytes([bytes[at], bytes[at + 1]]) + 2;
        bytes[at..at + 2].copy_from_slice(&len.to_be_bytes());
    };
    assert_eq!(file[..2], [0x30, 0x82]);
    grow(&mut file, 2);
    let mac = file.windows(4).rposition(|w| w[0] == 0x30 && w[2] == 0x30 && w[3] == 0x31).unwrap();
    file[mac + 1] += 2;
    let error = Pkcs12::parse(&file, None).unwrap_err();
    assert_eq!(error.to_string(), "unsupported: 100000000 iterations, more than 10000000");
}
