//! Who we are, from what people have: PFX files that OpenSSL made, and one call for tests.

mod peers;

use std::process::Command;

use peers::credentials::credentials;
use sealwire::Identity;
use sealwire::pki::Problem;

/// A PFX of the test certificate `p256`, made by `openssl pkcs12 -export` with these options.
fn pfx(options: &str) -> Vec<u8> {
    let pair = credentials().files("p256");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("identity.pfx");
    peers::run(
        Command::new("openssl")
            .args(["pkcs12", "-export", "-in"])
            .arg(&pair.cert)
            .arg("-inkey")
            .arg(&pair.key)
            .arg("-out")
            .arg(&file)
            .args(options.split_whitespace()),
    );
    std::fs::read(file).unwrap()
}

#[test]
fn pfx_files_of_openssl_make_an_identity() {
    if !peers::present("openssl") {
        return;
    }
    for (options, passphrase) in [
        ("-passout pass:secret", "secret"),
        ("-passout pass:", ""),
        ("-nomac -passout pass:secret", "secret"),
        ("-keypbe NONE -certpbe NONE -nomac -passout pass:", ""),
        (
            "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -passout pass:secret",
            "secret",
        ),
    ] {
        let identity = Identity::from_pkcs12(pfx(options), passphrase).expect(options);
        assert_eq!(identity.leaf().subject().common_name(), Some("localhost"), "{options}");
    }
}

#[test]
fn a_passphrase_that_is_missing_and_one_that_is_wrong_are_told_apart() {
    if !peers::present("openssl") {
        return;
    }
    let file = pfx("-passout pass:secret");
    for (passphrase, problem) in
        [("", Problem::PassphraseNeeded), ("not it", Problem::WrongPassphrase)]
    {
        let error = Identity::from_pkcs12(&file, passphrase).expect_err("another passphrase");
        assert_eq!(error.problem(), problem, "{passphrase:?}: {error}");
    }
    let error = Identity::from_pkcs12(&file, b"\xff").expect_err("no text");
    assert_eq!(error.problem(), Problem::InvalidValue);
}

#[test]
fn one_call_makes_an_identity_for_these_names_only() {
    let identity = Identity::self_signed(["localhost", "127.0.0.1"]).unwrap();
    assert!(identity.leaf().is_self_signed());
    assert_eq!(identity.leaf().subject_alt_names().unwrap().len(), 2);
    let error = Identity::self_signed(["not a name"]).expect_err("a name with blanks");
    assert_eq!(error.problem(), Problem::InvalidValue);
    let error = Identity::self_signed::<[&str; 0]>([]).expect_err("no names");
    assert_eq!(error.problem(), Problem::InvalidValue);
}
