//! Signing, renewing, showing, checking and verifying certificates, judged by OpenSSL and Node.

mod peers;

use peers::{Folder, installed};

/// A folder with an OpenSSL CA (ca.pem, ca.key) and a key of ours (k.pem).
fn with_ca() -> Folder {
    let dir = Folder::new();
    dir.openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650 -utf8 \
         -subj /C=SE/O=Åkerö/OU=a/OU=b/CN=root -addext keyUsage=critical,keyCertSign,cRLSign",
    );
    dir.seal("key new --out k.pem").ok();
    dir
}

fn extensions(dir: &Folder, file: &str, names: &str) -> String {
    dir.openssl(&format!("x509 -in {file} -noout -ext {names}")).text().to_owned()
}

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
    assert!(plain.stderr.contains("names that the request asks for were not taken"), "{plain:?}");
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
        (2, "seal: c.pem: the request asks to be a CA, which is not taken from a request\n")
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
            "--not-after: the end is before the beginning",
        ),
    ] {
        let ran = dir.seal(&format!("{SIGN} {options}"));
        assert_eq!((ran.code, ran.stderr.trim_end()), (2, &*format!("seal: {reason}")));
    }
    let odd = dir.seal(&format!("{SIGN} --not-after tomorrow"));
    assert!(odd.code == 2 && odd.stderr.contains("not a time like 2030-12-31"), "{odd:?}");
}

#[test]
fn a_renewed_certificate_says_the_same() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    // OpenSSL's with odd content, and its v1; the same key and another.
    dir.openssl("req -new -key k.pem -subj /CN=x/OU=1/OU=2 -out c.pem");
    dir.write(
        "ext",
        "subjectAltName=DNS:a.test,otherName:1.2.3.4;UTF8:x,RID:1.2.3\n\
                      certificatePolicies=1.2.3.4\nnsComment=hello\n",
    );
    dir.openssl("x509 -req -in c.pem -CA ca.pem -CAkey ca.key -extfile ext -days 40 -out old.pem");
    let shape = |file: &str, also: &str| {
        let hidden = format!("no_serial,no_validity,no_sigdump{also}");
        dir.openssl(&format!("x509 -in {file} -noout -text -certopt {hidden}")).text().to_owned()
    };
    let content = "subjectAltName,certificatePolicies,nsComment,authorityKeyIdentifier";
    dir.seal("cert renew --cert old.pem --ca ca.pem --ca-key ca.key --out new.pem").ok();
    dir.openssl("verify -CAfile ca.pem new.pem");
    assert_eq!(extensions(&dir, "new.pem", content), extensions(&dir, "old.pem", content));
    dir.openssl("x509 -in new.pem -checkend 3455000 -noout");
    assert_eq!(dir.try_openssl("x509 -in new.pem -checkend 3457000 -noout").code, 1);
    assert_ne!(
        dir.openssl("x509 -in new.pem -noout -serial").text(),
        dir.openssl("x509 -in old.pem -noout -serial").text()
    );
    dir.seal("key new --out k2.pem").ok();
    dir.seal("cert renew --cert old.pem --key k2.pem --ca ca.pem --ca-key ca.key --out n2.pem")
        .ok();
    dir.seal("key matches --key k2.pem n2.pem").ok();
    dir.openssl("verify -x509_strict -CAfile ca.pem n2.pem");

    dir.openssl("x509 -req -in c.pem -signkey k.pem -days 10 -out v1.pem");
    dir.seal("cert renew --cert v1.pem --key k.pem --out v1n.pem").ok();
    assert_eq!(shape("v1n.pem", ""), shape("v1.pem", ""));
    let wrong = dir.seal("cert renew --cert old.pem --key k.pem --out no.pem");
    assert!(wrong.code == 2 && wrong.stderr.contains("it is not self-signed"), "{wrong:?}");
    dir.seal("ca init --ca-dir other").ok();
    let wrong = dir
        .seal("cert renew --cert old.pem --ca other/ca.pem --ca-key other/ca-key.pem --out no.pem");
    assert!(
        wrong.code == 2 && wrong.stderr.contains("it is not the issuer of old.pem"),
        "{wrong:?}"
    );
    assert!(!dir.files().contains(&"no.pem".to_owned()));
}

/// Who wants SHA-384 or PSS has a reason (a rule of his house), and a renewal is no change of it.
#[test]
fn a_renewed_certificate_is_signed_as_the_old_one() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.openssl("genrsa -out k.pem 2048");
    let made = "req -x509 -new -key k.pem -subj /CN=a -days 9 -addext subjectAltName=DNS:a.test -out old.pem";
    for (options, algorithm) in [
        ("-sha256", "sha256WithRSAEncryption"),
        ("-sha384", "sha384WithRSAEncryption"),
        ("-sha512", "sha512WithRSAEncryption"),
        ("-sha1", "sha256WithRSAEncryption"),
        ("-sha256 -sigopt rsa_padding_mode:pss", "Hash Algorithm: sha256"),
        (
            "-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48",
            "Hash Algorithm: sha384",
        ),
        ("-sha512 -sigopt rsa_padding_mode:pss", "Hash Algorithm: sha512"),
    ] {
        dir.openssl(&format!("{made} {options}"));
        dir.seal("cert renew --cert old.pem --key k.pem --out new.pem --force").ok();
        let text = dir.openssl("x509 -in new.pem -noout -text");
        let is_pss = text.text().contains("Signature Algorithm: rsassaPss");
        assert_eq!(is_pss, options.contains("pss"), "{options}");
        assert!(text.text().contains(algorithm), "{options}: {}", text.text());
        dir.openssl("verify -CAfile new.pem -check_ss_sig new.pem");
    }
    // What has no end has none afterwards.
    dir.seal("cert self-sign --key k.pem --name a.test --not-after 9999-12-31T23:59:59Z --out old.pem --force").ok();
    dir.seal("cert renew --cert old.pem --key k.pem --out new.pem --force").ok();
    let ends = dir.openssl("x509 -in new.pem -noout -enddate");
    assert_eq!(ends.text().trim(), "notAfter=Dec 31 23:59:59 9999 GMT");
}

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
    assert!(both.text().contains("a.pem: CN=a.test: good for "), "{both:?}");
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

#[test]
fn lint_finds_what_clients_refuse() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    let make = |line: &str| {
        dir.openssl(&format!("{line} -nodes -keyout x.key -out x.pem -subj /CN=h.test"))
    };
    let x509 = "req -x509 -newkey rsa:2048 -days 90 -addext subjectAltName=DNS:h.test";
    for (line, codes) in [
        (
            format!("{x509} -addext basicConstraints=CA:FALSE -addext extendedKeyUsage=serverAuth"),
            "",
        ),
        (
            "req -x509 -newkey rsa:2048 -days 90 -addext basicConstraints=CA:FALSE".to_owned(),
            "no-san",
        ),
        (
            "req -x509 -newkey rsa:1024 -days 90 -addext basicConstraints=CA:FALSE \
          -addext subjectAltName=DNS:h.test"
                .to_owned(),
            "weak-key",
        ),
        (format!("{x509} -addext basicConstraints=CA:FALSE -days 900"), "too-long"),
        (
            format!("{x509} -addext basicConstraints=CA:FALSE -addext keyUsage=keyAgreement"),
            "no-digital-signature",
        ),
        (
            "req -x509 -newkey rsa:2048 -days 90 -addext basicConstraints=CA:FALSE \
          -addext subjectAltName=DNS:*.test,DNS:10.0.0.1,DNS:a*b.test"
                .to_owned(),
            "wide-wildcard ip-as-dns odd-wildcard",
        ),
        (
            format!("{x509} -addext basicConstraints=critical,CA:TRUE -addext keyUsage=cRLSign"),
            "ca-cannot-sign",
        ),
        (format!("{x509} -addext basicConstraints=CA:FALSE -set_serial -5"), "bad-serial"),
        (
            "req -x509 -newkey ed25519 -days 90 -addext basicConstraints=CA:FALSE \
          -addext subjectAltName=DNS:h.test"
                .to_owned(),
            "browser-key",
        ),
    ] {
        make(&line);
        let ran = dir.seal("cert lint x.pem");
        assert_eq!(ran.code, i32::from(!codes.is_empty()), "{line}: {ran:?}");
        for code in codes.split_whitespace() {
            assert!(ran.text().contains(&format!("[{code}]")), "{code}: {ran:?}");
        }
    }
    dir.openssl("req -new -key k.pem -subj /CN=h.test -out c.pem");
    for (extensions, code) in [
        ("1.2.3.4.5=critical,DER:0500", "UNHANDLED_CRITICAL_EXTENSION"),
        ("1.3.6.1.4.1.11129.2.4.3=critical,DER:0500", "precertificate"),
        ("extendedKeyUsage=DER:3000", "no-tls-purpose"),
        ("extendedKeyUsage=anyExtendedKeyUsage", "no-tls-purpose"),
        ("authorityKeyIdentifier=none", "no-aki"),
        ("keyUsage=critical,digitalSignature,keyCertSign", "sign-without-ca"),
        ("subjectKeyIdentifier=critical,hash", "critical-ski"),
    ] {
        let aki =
            if extensions.contains("authorityKey") { "" } else { "authorityKeyIdentifier=keyid\n" };
        dir.write(
            "ext",
            format!("subjectAltName=DNS:h.test\nbasicConstraints=CA:FALSE\n{aki}{extensions}\n"),
        );
        dir.openssl("x509 -req -in c.pem -CA ca.pem -CAkey ca.key -days 9 -extfile ext -out x.pem");
        let ran = dir.seal("cert lint x.pem");
        assert!(ran.code == 1 && ran.text().contains(&format!("[{code}]")), "{code}: {ran:?}");
    }
    dir.write("ext", "subjectAltName=DNS:h.test\nauthorityKeyIdentifier=keyid");
    dir.openssl("x509 -req -in c.pem -CA ca.pem -CAkey ca.key -days 99999 -extfile ext -out x.pem");
    let both = |first: &str, second: &str| [dir.read(first), dir.read(second)].concat();
    dir.write("chain.pem", both("x.pem", "ca.pem"));
    assert!(dir.seal("cert lint chain.pem").text().contains("[outlives-issuer]"));
    dir.write("chain.pem", both("ca.pem", "x.pem"));
    assert!(dir.seal("cert lint chain.pem").text().contains("[wrong-order]"));
    assert!(dir.seal("cert verify --ca ca.pem chain.pem").stderr.contains("the leaf goes first"));
    dir.write("ext", "subjectAltName=DNS:h.test");
    dir.openssl("x509 -req -in c.pem -CA ca.pem -CAkey ca.key -sha1 -extfile ext -out x.pem");
    assert!(dir.seal("cert lint x.pem").text().contains("[weak-signature]"));
}

/// Each certificate may be well by itself, and the chain refused by everybody.
#[test]
fn lint_judges_the_chain_of_a_file() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n\
              subjectKeyIdentifier=hash\n";
    let leaf =
        "subjectAltName=DNS:a.test\nauthorityKeyIdentifier=keyid\nextendedKeyUsage=serverAuth\n";
    let make = |name: &str, issuer: &str, extensions: &str, serial: u8| {
        dir.write("ext", extensions);
        dir.openssl(&format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key \
             -out {name}.csr -subj /CN={}",
            name.trim_end_matches('2')
        ));
        let signed = match issuer {
            "" => format!("-signkey {name}.key"),
            _ => format!("-CA {issuer}.pem -CAkey {issuer}.key"),
        };
        dir.openssl(&format!(
            "x509 -req -in {name}.csr {signed} -days {} -extfile ext -out {name}.pem -set_serial {serial}",
            if name == "leaf" { 9 } else { 99 }
        ));
    };
    make("root", "", ca, 1);
    make("root2", "", ca, 2);
    make("clients", "root", &format!("{ca}extendedKeyUsage=clientAuth"), 3);
    make("limited", "root", &format!("{ca}nameConstraints=critical,permitted;DNS:b.test"), 4);
    make("short", "root", &ca.replace("TRUE", "TRUE,pathlen:0"), 5);
    make("below", "short", ca, 6);
    for (issuer, chain, code) in [
        ("root", &["root"][..], ""),
        ("root", &["root2"], "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"),
        ("clients", &["clients", "root"], "INVALID_PURPOSE"),
        ("limited", &["limited", "root"], "PERMITTED_VIOLATION"),
        ("below", &["below", "short", "root"], "PATH_LENGTH_EXCEEDED"),
        ("root", &["root", "clients"], "wrong-order"),
    ] {
        make("leaf", issuer, leaf, 7);
        let mut file = dir.read("leaf.pem");
        chain.iter().for_each(|name| file.extend(dir.read(&format!("{name}.pem"))));
        dir.write("chain.pem", file);
        let ran = dir.seal("cert lint chain.pem");
        assert_eq!(ran.code, i32::from(!code.is_empty()), "{chain:?}: {ran:?}");
        assert!(code.is_empty() || ran.text().contains(&format!("[{code}]")), "{code}: {ran:?}");
    }
    make("leaf", "root", leaf, 3);
    dir.write("chain.pem", [dir.read("leaf.pem"), dir.read("clients.pem")].concat());
    assert!(dir.seal("cert lint chain.pem").text().contains("[reused-serial]"));
    make("leaf", "root", &leaf.replace("a.test", "a.test."), 7);
    assert!(dir.seal("cert lint leaf.pem").text().contains("[dot-at-end]"));
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
    assert!(two.stderr.contains("there are 2 certificates, and DER holds one"), "{two:?}");
    assert!(!dir.path("two.der").exists());
}
