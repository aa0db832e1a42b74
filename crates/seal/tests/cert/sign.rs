//! Certificates that a CA signs, judged by OpenSSL.

use super::peers::installed;
use super::{extensions, with_ca};

const SIGN: &str = "cert sign --csr c.pem --ca ca.pem --ca-key ca.key --out cert.pem --force";

#[test]
fn anybodys_request_is_signed_with_anybodys_ca() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = with_ca();
    for make in [
        "req -new -newkey rsa:2048 -sha1",
        "req -new -newkey rsa:2048 -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20",
        "req -new -newkey rsa:3072 -sha384",
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha256",
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-521",
        "req -new -newkey ed25519",
    ] {
        dir.openssl(&format!(
            "{make} -nodes -keyout r.key -subj /O=x/OU=1/OU=2/CN=r.test -out c.pem"
        ));
        dir.seal(&format!("{SIGN} --name r.test")).ok();
        dir.openssl("verify -x509_strict -purpose sslserver -CAfile ca.pem cert.pem");
        assert_eq!(
            dir.openssl("x509 -in cert.pem -noout -pubkey").text(),
            dir.openssl("req -in c.pem -noout -pubkey").text(),
            "{make}: the public key is the request's"
        );
        assert_eq!(
            dir.openssl("x509 -in cert.pem -noout -subject").text(),
            dir.openssl("req -in c.pem -noout -subject").text(),
            "{make}"
        );
        dir.node(
            "const [c, ca] = ['cert.pem', 'ca.pem']
               .map(name => new crypto.X509Certificate(fs.readFileSync(name)));
             assert(c.checkIssued(ca) && c.verify(ca.publicKey));
             assert(c.checkPrivateKey(crypto.createPrivateKey(fs.readFileSync('r.key'))))",
        );
    }
    dir.openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:secp256k1 -nodes -keyout r.key \
                 -subj /CN=x -out c.pem",
    );
    let odd = dir.seal(SIGN);
    assert_eq!(
        (odd.code, odd.stderr.as_str()),
        (1, "seal: c.pem: keys of kind secp256k1 are not supported\n")
    );
}

#[test]
fn extensions_are_taken_from_a_request_only_when_asked() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    dir.seal(
        "csr new --key k.pem --name a.test --name user@a.test --extended-key-usage codeSigning \
         --key-usage digitalSignature --key-usage keyAgreement --must-staple \
         --challenge-password secret12 --out c.pem",
    )
    .ok();
    let shown = dir.seal("csr show c.pem").ok();
    for part in ["DNS:a.test, email:user@a.test", "codeSigning", "digitalSignature, keyAgreement"] {
        assert!(shown.text().contains(part), "{shown:?}");
    }
    let all = "subjectAltName,extendedKeyUsage,keyUsage,tlsfeature";

    let plain = dir.seal(SIGN).ok();
    assert!(plain.stderr.contains("names of the request were not copied"), "{plain:?}");
    let text = extensions(&dir, "cert.pem", all);
    assert!(!text.contains("a.test") && !text.contains("Code Signing"), "{text}");
    assert!(
        text.contains("TLS Web Server Authentication, TLS Web Client Authentication"),
        "{text}"
    );

    dir.seal(&format!("{SIGN} --copy-names --server")).ok();
    let text = extensions(&dir, "cert.pem", all);
    assert!(text.contains("DNS:a.test, email:user@a.test"), "{text}");
    assert!(text.contains("TLS Web Server Authentication") && !text.contains("Client"), "{text}");

    dir.seal(&format!("{SIGN} --copy-extensions")).ok();
    let text = extensions(&dir, "cert.pem", all);
    for part in ["DNS:a.test", "Code Signing", "Digital Signature, Key Agreement", "status_request"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }

    dir.openssl("req -new -key k.pem -subj /CN=evil -addext basicConstraints=CA:TRUE -out c.pem");
    let evil = dir.seal(&format!("{SIGN} --copy-extensions"));
    assert_eq!(
        (evil.code, evil.stderr.as_str()),
        (2, "seal: c.pem: the request asks for a CA certificate; requests cannot grant that\n")
    );
    dir.seal(SIGN).ok();
    assert!(extensions(&dir, "cert.pem", "basicConstraints").contains("CA:FALSE"));
}

#[test]
fn every_extension_is_what_openssl_reads() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    dir.seal("csr new --key k.pem --subject /CN=x --out c.pem").ok();
    dir.seal(&format!(
        "{SIGN} --name a.test --name 10.0.0.1 --name 2001:db8::1 --name a@b.test --name urn:x:y \
         --client --key-usage digitalSignature --key-usage nonRepudiation \
         --crl-url http://ca.test/crl --ocsp-url http://ca.test/ocsp \
         --issuer-url http://ca.test/ca.der --must-staple"
    ))
    .err_is("not a name");
    dir.seal(&format!(
        "{SIGN} --name a.test --name 10.0.0.1 --name 2001:db8::1 --name a@b.test --name URI:urn:x:y \
         --client --key-usage digitalSignature --key-usage nonRepudiation \
         --crl-url http://ca.test/crl --ocsp-url http://ca.test/ocsp \
         --issuer-url http://ca.test/ca.der --must-staple"
    ))
    .ok();
    let text = dir.openssl("x509 -in cert.pem -noout -text");
    for part in [
        "DNS:a.test, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, email:a@b.test, \
         URI:urn:x:y",
        "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n",
        "X509v3 Key Usage: critical\n                Digital Signature, Non Repudiation\n",
        "URI:http://ca.test/crl",
        "OCSP - URI:http://ca.test/ocsp",
        "CA Issuers - URI:http://ca.test/ca.der",
        "status_request",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(text.text().contains(part), "{part} is not in {}", text.text());
    }
}

#[test]
fn an_intermediate_is_bound_by_path_length_and_names() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    dir.seal("key new --out mid.key").ok();
    dir.seal("csr new --key mid.key --subject /CN=mid --out m.pem").ok();
    dir.seal(
        "cert sign --csr m.pem --ca ca.pem --ca-key ca.key --intermediate --path-length 0 \
         --permit good.test --permit 10.0.0.0/8 --permit @good.test --exclude bad.good.test \
         --out mid.pem",
    )
    .ok();
    let text = extensions(&dir, "mid.pem", "basicConstraints,nameConstraints,keyUsage");
    for part in [
        "CA:TRUE, pathlen:0",
        "DNS:good.test",
        "IP:10.0.0.0/255.0.0.0",
        "email:good.test",
        "Excluded:\n      DNS:bad.good.test",
        "Certificate Sign, CRL Sign",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    dir.seal("csr new --key k.pem --subject /O=leaf --out c.pem").ok();
    for (name, good) in [
        ("x.good.test", true),
        ("10.9.9.9", true),
        ("a@good.test", true),
        ("other.test", false),
        ("x.bad.good.test", false),
        ("11.0.0.1", false),
        ("a@b.test", false),
    ] {
        dir.seal(&format!(
            "cert sign --csr c.pem --ca mid.pem --ca-key mid.key --name {name} --out cert.pem --force"
        ))
        .ok();
        let openssl = dir.try_openssl("verify -CAfile ca.pem -untrusted mid.pem cert.pem");
        assert_eq!(openssl.code == 0, good, "{name}: {openssl:?}");
        let ours = dir.seal("cert verify cert.pem --ca ca.pem --untrusted mid.pem");
        assert_eq!(ours.code == 0, good, "{name}: {ours:?}");
    }
}

#[test]
fn validity_in_days_hours_and_dates() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    dir.seal("csr new --key k.pem --subject /CN=x --out c.pem").ok();
    for (options, seconds) in [
        ("", 365 * 86_400),
        ("--days 1", 86_400),
        ("--hours 6", 21_600),
        ("--not-before 2026-01-01 --days 2", 172_800),
        ("--not-before 2030-01-01 --not-after 2060-06-01T12:00:00Z", 959860800),
    ] {
        dir.seal(&format!("{SIGN} --name x {options}")).ok();
        let dates = dir.seal("cert show cert.pem --json").ok();
        let span = dir.node(&format!(
            "const [c] = JSON.parse({:?});
             console.log((Date.parse(c.not_after) - Date.parse(c.not_before)) / 1000)",
            dates.text()
        ));
        assert_eq!(span.text().trim(), seconds.to_string(), "{options}");
    }
    let dates = dir.openssl("x509 -in cert.pem -noout -dates");
    assert_eq!(
        dates.text(),
        "notBefore=Jan  1 00:00:00 2030 GMT\nnotAfter=Jun  1 12:00:00 2060 GMT\n"
    );
    for (options, reason) in [
        ("--days 4000000", "--days: certificates have years from 1970 to 9999 only"),
        (
            "--not-before 2030-01-01 --not-after 2029-01-01",
            "--not-after: the end is before the start",
        ),
    ] {
        let ran = dir.seal(&format!("{SIGN} {options}"));
        assert_eq!((ran.code, ran.stderr.trim_end()), (2, &*format!("seal: {reason}")));
    }
    let odd = dir.seal(&format!("{SIGN} --not-after tomorrow"));
    assert!(odd.code == 2 && odd.stderr.contains("not a time like 2030-12-31"), "{odd:?}");
}
