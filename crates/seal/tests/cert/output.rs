//! What is said of a certificate, and whether it is good: the same answers as OpenSSL's.

use super::peers::{Folder, installed};
use super::with_ca;

#[test]
fn check_answers_as_openssls_checkend() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("key new --out k.pem").ok();
    dir.seal("cert self-sign --key k.pem --name a.test --days 40 --out a.pem").ok();
    dir.seal("cert self-sign --key k.pem --name b.test --hours 5 --out b.pem").ok();
    for (file, within, seconds) in [
        ("a", "39d", 39 * 86_400),
        ("a", "41d", 41 * 86_400),
        ("b", "4h", 14_400),
        ("b", "6h", 21_600),
    ] {
        let ours = dir.seal(&format!("cert check {file}.pem --within {within}"));
        let theirs = dir.try_openssl(&format!("x509 -in {file}.pem -noout -checkend {seconds}"));
        assert_eq!(ours.code, theirs.code, "{file} {within}");
    }
    let both = dir.seal("cert check a.pem b.pem");
    assert_eq!(both.code, 1, "{both:?}");
    assert!(both.text().contains("a.pem: CN=a.test: valid for "), "{both:?}");
}

#[test]
fn fingerprints_and_pins_are_openssls() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("key new --out k.pem").ok();
    dir.seal("cert self-sign --key k.pem --name a.test --out a.pem").ok();
    let ours = dir.seal("cert fingerprint a.pem").ok();
    for digest in ["sha256", "sha1"] {
        let theirs = dir.openssl(&format!("x509 -in a.pem -noout -fingerprint -{digest}"));
        let print = theirs.text().trim().split('=').nth(1).unwrap();
        assert!(ours.text().contains(print), "{ours:?} {theirs:?}");
    }
    dir.openssl("pkey -in k.pem -pubout -outform DER -out spki");
    dir.openssl("dgst -sha256 -binary -out digest spki");
    let pin = dir.openssl("base64 -in digest");
    assert!(ours.text().contains(&format!("sha256//{}", pin.text().trim())), "{ours:?}");
}

#[test]
fn text_is_openssls_text() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    dir.seal("cert self-sign --key k.pem --name a.test --name 10.0.0.1 --out a.pem").ok();
    let ours = dir.seal("cert show --text a.pem").ok();
    let theirs = dir.openssl("x509 -in a.pem -noout -text");
    // AWS-LC's printer is that of OpenSSL 1.1: blanks and hexadecimal are laid out otherwise.
    let words = |text: &str| text.split_whitespace().collect::<String>().to_ascii_lowercase();
    for part in ["DNS:a.test,IPAddress:10.0.0.1", "DigitalSignature", "CA:FALSE"] {
        let part = part.to_ascii_lowercase();
        assert!(words(ours.text()).contains(&part) && words(theirs.text()).contains(&part));
    }
}

/// The same chains, and the same answer as `openssl verify`, with its code.
#[test]
fn verdicts_are_openssls() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    dir.seal("csr new --key k.pem --subject /CN=leaf --out c.pem").ok();
    let sign = |options: &str, file: &str| {
        dir.seal(&format!(
            "cert sign --csr c.pem --ca ca.pem --ca-key ca.key --name a.test {options} --out {file}"
        ))
        .ok();
    };
    sign("", "good.pem");
    sign("--client", "client.pem");
    sign("--not-before 2020-01-01 --not-after 2021-01-01", "expired.pem");
    sign("--not-before 2090-01-01 --not-after 2091-01-01", "future.pem");
    dir.seal("cert self-sign --csr c.pem --key k.pem --openssl-compat --out self.pem").ok();
    let self_signed = "DEPTH_ZERO_SELF_SIGNED_CERT";
    for (ours, theirs, code) in [
        ("good.pem --ca ca.pem", "-CAfile ca.pem good.pem", ""),
        (
            "good.pem --ca ca.pem --name a.test",
            "-CAfile ca.pem -verify_hostname a.test good.pem",
            "",
        ),
        (
            "good.pem --ca ca.pem --name b.test",
            "-CAfile ca.pem -verify_hostname b.test good.pem",
            "ERR_TLS_CERT_ALTNAME_INVALID",
        ),
        (
            "client.pem --ca ca.pem",
            "-CAfile ca.pem -purpose sslserver client.pem",
            "INVALID_PURPOSE",
        ),
        (
            "client.pem --ca ca.pem --purpose client",
            "-CAfile ca.pem -purpose sslclient client.pem",
            "",
        ),
        ("client.pem --ca ca.pem --purpose any", "-CAfile ca.pem client.pem", ""),
        ("expired.pem --ca ca.pem", "-CAfile ca.pem expired.pem", "CERT_HAS_EXPIRED"),
        (
            "expired.pem --ca self.pem --ca ca.pem --at 2020-06-01",
            "-CAfile ca.pem -no_check_time expired.pem",
            "CERT_NOT_YET_VALID",
        ),
        ("future.pem --ca ca.pem", "-CAfile ca.pem future.pem", "CERT_NOT_YET_VALID"),
        ("good.pem --ca self.pem", "-CAfile self.pem good.pem", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        ("self.pem --ca ca.pem", "-CAfile ca.pem self.pem", self_signed),
        ("self.pem --ca self.pem", "-CAfile self.pem self.pem", ""),
    ] {
        let openssl = dir.try_openssl(&format!("verify {theirs}"));
        let ran = dir.seal(&format!("cert verify {ours}"));
        assert_eq!(ran.code, i32::from(!code.is_empty()), "{ours}: {ran:?}");
        if !theirs.contains("no_check_time") {
            assert_eq!(openssl.code == 0, code.is_empty(), "{theirs}: {openssl:?}");
        }
        let first = ran.text().lines().next().unwrap();
        assert!(first.ends_with(if code.is_empty() { "trusted" } else { code }), "{ours}: {ran:?}");
    }
    let drawn = dir.seal("cert verify good.pem --ca ca.pem").ok();
    assert!(
        drawn.text().contains("  CN=leaf (to ") && drawn.text().contains("  `- CN=root,OU=b,OU=a")
    );
    let json = dir.seal("cert verify good.pem --ca self.pem --json");
    dir.node(&format!(
        "const r = JSON.parse({:?}); assert.equal(r.trusted, false);
         assert.equal(r.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'); assert(r.errors.length >= 1)",
        json.text()
    ));
}

/// What Windows hands out becomes what everybody else reads, certificate by certificate.
#[test]
fn bundles_are_converted() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca --name Chain").ok();
    dir.seal("ca issue --ca-dir ca app.test").ok();
    let both = [dir.read("app.test.pem"), dir.read("ca/ca.pem")].concat();
    std::fs::write(dir.path("both.pem"), &both).unwrap();
    dir.openssl("crl2pkcs7 -nocrl -certfile both.pem -outform DER -out both.p7b");
    dir.openssl("crl2pkcs7 -nocrl -certfile both.pem -out both.p7c");
    for file in ["both.p7b", "both.p7c", "both.pem"] {
        let pem = dir.seal(&format!("cert convert {file}")).ok();
        assert_eq!(pem.stdout, both, "{file}");
    }
    dir.seal("cert convert app.test.pem --form der --out app.der").ok();
    dir.openssl("x509 -inform DER -in app.der -out back.pem");
    assert_eq!(dir.read("back.pem"), dir.read("app.test.pem"));
    let two = dir.seal("cert convert both.p7b --form der --out two.der");
    assert_eq!(two.code, 2, "{two:?}");
    assert!(two.stderr.contains("2 certificates found, and DER holds one"), "{two:?}");
    assert!(!dir.path("two.der").exists());
}
