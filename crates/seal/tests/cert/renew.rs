//! Certificates made anew: what stays, and what does not. The judge is OpenSSL.

use super::peers::{Folder, installed};
use super::{extensions, with_ca};

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
    // A key that is for PSS only, and not with every salt.
    dir.openssl("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384 -pkeyopt rsa_pss_keygen_saltlen:20 -out pss.pem");
    dir.openssl(&format!(
        "{} -sha384 -sigopt rsa_pss_saltlen:22",
        made.replace("k.pem", "pss.pem")
    ));
    dir.seal("cert renew --cert old.pem --key pss.pem --out new.pem --force").ok();
    assert_eq!(signed_with(&dir, "new.pem"), signed_with(&dir, "old.pem"));
    dir.openssl("verify -CAfile new.pem -check_ss_sig new.pem");
    // What has no end has none afterwards.
    dir.seal("cert self-sign --key k.pem --name a.test --not-after 9999-12-31T23:59:59Z --out old.pem --force").ok();
    dir.seal("cert renew --cert old.pem --key k.pem --out new.pem --force").ok();
    let ends = dir.openssl("x509 -in new.pem -noout -enddate");
    assert_eq!(ends.text().trim(), "notAfter=Dec 31 23:59:59 9999 GMT");
}

/// The lines of OpenSSL's text that tell how a certificate is signed.
fn signed_with(dir: &Folder, file: &str) -> String {
    let text = dir.openssl(&format!(
        "x509 -in {file} -noout -text -certopt no_header,no_version,no_serial,no_issuer,no_validity,no_subject,no_pubkey,no_extensions"
    ));
    let lines = text.text().lines().map(str::trim);
    lines
        .filter(|line| line.contains(": ") && !line.starts_with("Signature Value"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A serial number is new, and as long as the old one's, which may have been chosen for devices that
/// take no longer ones; but it has 8 bytes at least, since shorter ones are counted or guessed. OpenSSL
/// counts up too only where it is given a file to count in, and else takes 20 random bytes.
#[test]
fn a_renewed_certificate_has_a_serial_number_as_long_as_the_old_one() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    dir.openssl("req -new -key k.pem -subj /CN=app.test -out r.csr");
    let serial = |file: &str| {
        let said = dir.openssl(&format!("x509 -in {file} -noout -serial"));
        said.text().trim().trim_start_matches("serial=").to_owned()
    };
    for (old, bytes) in [
        ("0x01", 8),
        ("0x7f010203040506", 8),
        ("0x7f01020304050607", 8),
        ("0x7f0102030405060708090a0b0c0d0e0f", 16),
        ("0x7f0102030405060708090a0b0c0d0e0f10111213", 20),
    ] {
        dir.openssl(&format!(
            "x509 -req -in r.csr -CA ca.pem -CAkey ca.key -set_serial {old} -days 9 -out old.pem"
        ));
        dir.seal("cert renew --cert old.pem --ca ca.pem --ca-key ca.key --out new.pem --force")
            .ok();
        assert_eq!(serial("new.pem").len(), 2 * bytes, "{old}: {}", serial("new.pem"));
        assert_ne!(serial("new.pem"), serial("old.pem"));
        dir.openssl("verify -CAfile ca.pem new.pem");
    }
    dir.openssl("x509 -req -in r.csr -CA ca.pem -CAkey ca.key -days 9 -out theirs.pem");
    assert_eq!(serial("theirs.pem").len(), 40, "of OpenSSL's own choice");
}

/// Everything but the serial number, the time and the signature is the old one's, byte for byte, however
/// odd it is: the judge is OpenSSL's own list of the certificate's elements.
#[test]
fn a_renewal_changes_the_serial_number_the_time_and_the_signature_only() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    for key in [
        "genrsa -out rsa 2048",
        "ecparam -name prime256v1 -genkey -noout -out p256",
        "ecparam -name secp384r1 -genkey -noout -out p384",
        "ecparam -name secp521r1 -genkey -noout -out p521",
        "genpkey -algorithm ED25519 -out ed",
        "ec -in p256 -conv_form compressed -out point",
    ] {
        dir.openssl(key);
    }
    // Subjects with other types of strings than we would choose.
    dir.write(
        "strings",
        "[req]\ndistinguished_name=n\nprompt=no\nstring_mask=MASK:0x2002\n[n]\nC=SE\nO=Printable\nCN=a.test\n",
    );
    dir.write(
        "latin",
        "[req]\ndistinguished_name=n\nprompt=no\nstring_mask=MASK:0x0004\n[n]\nO=Teletex\nCN=a.test\n",
    );
    dir.write(
        "wide",
        "[req]\ndistinguished_name=n\nprompt=no\nstring_mask=MASK:0x0800\n[n]\nO=Wide\nCN=a.test\n",
    );
    let odd = [
        ("p256 -sha512 -subj /CN=a", "-addext subjectAltName=DNS:a.test"),
        ("p256 -sha384 -config strings", "-addext basicConstraints=CA:FALSE"),
        ("p256 -sha224 -subj /CN=a", ""),
        ("p384 -sha256 -subj /CN=a", "-set_serial 0x112233445566778899aabbccddeeff001122"),
        ("p521 -sha256 -subj /CN=a+O=b/CN=c", ""),
        ("ed -subj /CN=a", "-addext keyUsage=critical,digitalSignature,keyCertSign"),
        ("point -sha256 -subj /CN=a", "-addext subjectAltName=DNS:a.test"),
        ("rsa -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20 -subj /CN=a", ""),
        ("rsa -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:0 -subj /CN=a", ""),
        ("rsa -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max -subj /CN=a", ""),
        (
            "rsa -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha1 -sigopt rsa_pss_saltlen:20 -subj /CN=a",
            "",
        ),
        ("rsa -sha224 -config strings", "-addext extendedKeyUsage=critical,1.2.3.4,serverAuth"),
        ("rsa -sha384 -config latin", "-addext certificatePolicies=1.2.3.4,2.5.29.32.0"),
        ("p256 -sha512 -config wide", "-addext 1.2.3.4=critical,ASN1:UTF8:x"),
        (
            "p256 -sha256 -subj /",
            "-addext subjectAltName=critical,DNS:a.test,otherName:1.2.3.4;UTF8:x",
        ),
        (
            "rsa -sha512 -config strings",
            "-addext nsComment=x -addext keyUsage=keyCertSign -addext basicConstraints=CA:TRUE,pathlen:3 -addext nameConstraints=permitted;DNS:a.test",
        ),
    ];
    for (key, extensions) in odd {
        dir.openssl(&format!("req -x509 -new -days 77 -out old.pem {extensions} -key {key}"));
        let file = key.split(' ').next().unwrap();
        dir.seal(&format!("cert renew --cert old.pem --key {file} --out new.pem --force")).ok();
        assert_eq!(signed_with(&dir, "new.pem"), signed_with(&dir, "old.pem"), "{key}");
        assert_eq!(elements(&dir, "new.pem"), elements(&dir, "old.pem"), "{key} {extensions}");
        // As long as the old one, to the second: 77 days, and one second more where OpenSSL read the clock
        // on both sides of a tick.
        assert_eq!(seconds_over(&dir, "new.pem"), seconds_over(&dir, "old.pem"), "{key}");
        dir.openssl("x509 -in new.pem -noout -checkend 6652000");
        assert_eq!(dir.try_openssl("x509 -in new.pem -noout -checkend 6652802").code, 1, "{key}");
        dir.openssl("verify -ignore_critical -CAfile new.pem -check_ss_sig new.pem");
    }
}

/// How many seconds the end of a certificate's validity is later in the day than its beginning.
fn seconds_over(dir: &Folder, file: &str) -> i64 {
    let seconds = |line: &str| {
        let clock = line.split_whitespace().nth(2).expect("a time of day");
        clock.split(':').fold(0, |sum, part| 60 * sum + part.parse::<i64>().unwrap())
    };
    let dates = dir.openssl(&format!("x509 -in {file} -noout -dates"));
    let times: Vec<_> = dates.text().lines().map(seconds).collect();
    (times[1] - times[0]).rem_euclid(86_400)
}

/// The elements of a certificate as OpenSSL lists them, without the values of the serial number, the two
/// times and the signature, whose length is not always the same.
fn elements(dir: &Folder, file: &str) -> Vec<String> {
    let list = dir.openssl(&format!("asn1parse -i -in {file}"));
    let mut all: Vec<_> = list
        .text()
        .lines()
        .skip(2)
        .map(|line| line.split_once(':').map_or("", |(_, what)| what).to_owned())
        .collect();
    all.pop();
    for line in &mut all {
        // The header's length differs where that of a signature inside it does.
        let tag = line.find("prim:").or_else(|| line.find("cons:")).unwrap_or(0);
        *line = line.split_off(tag);
        if line.contains("UTCTIME") || line.contains("GENERALIZEDTIME") {
            line.truncate(line.rfind(':').unwrap_or(0));
        }
    }
    let serial = all.iter().position(|line| line.contains("INTEGER") && !line.contains("cont"));
    let serial = serial.map(|first| first + usize::from(all[first].ends_with(":02")));
    let serial = serial.expect("a serial number");
    let digits = all[serial].rfind(':').unwrap_or(0);
    let length = all[serial].split_off(digits).len();
    all[serial] += &format!("of {length}");
    all
}
