//! Why a chain is not trusted: the reason is looked for in the certificates that are there.

mod peers;

use peers::s_server::Openssl;
use peers::{Folder, installed};

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
                  subjectKeyIdentifier=hash\n";

/// A key and a certificate with these extensions, by `issuer` or by itself.
fn make(dir: &Folder, name: &str, subject: &str, issuer: Option<&str>, extensions: &str) {
    dir.openssl(&format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key \
         -out {name}.csr -subj /CN={subject}"
    ));
    dir.write("ext", extensions);
    let signed = match issuer {
        Some(issuer) => format!("-CA {issuer}.pem -CAkey {issuer}.key"),
        None => format!("-signkey {name}.key"),
    };
    dir.openssl(&format!(
        "x509 -req -in {name}.csr {signed} -days 9 -extfile ext -out {name}.pem -set_serial 0x{}",
        name.len() + 16
    ));
}

/// What `cert verify` says, which is no; what OpenSSL says is no too.
#[track_caller]
fn says(dir: &Folder, line: &str, code: &str, reason: &str) {
    let ran = dir.seal(&format!("cert verify {line}"));
    assert_eq!(ran.code, 1, "{ran:?}");
    let told = ran
        .text()
        .lines()
        .any(|line| line.trim_start().starts_with(&format!("{code}: ")) && line.contains(reason));
    assert!(told, "{code}: ... {reason} ...: {ran:?}");
}

#[test]
fn the_issuer_that_is_there_and_does_not_fit_is_told_from_one_that_is_missing() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    make(&dir, "root", "Root", None, CA);
    make(&dir, "twin", "Root", None, CA);
    let names = "subjectAltName=DNS:a.test\nauthorityKeyIdentifier=keyid\n\
                 authorityInfoAccess=caIssuers;URI:http://a.test/root.cer\n";
    make(&dir, "leaf", "leaf", Some("root"), names);
    let missing = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
    make(&dir, "other", "Other", None, CA);
    says(
        &dir,
        "leaf.pem --ca other.pem",
        missing,
        "was not sent and is not among the trusted certificates (1); its URL in the certificate is \
         http://a.test/root.cer",
    );
    for line in ["leaf.pem --ca twin.pem", "leaf.pem --untrusted twin.pem --ca other.pem"] {
        says(&dir, line, missing, "has another key: the authorityKeyIdentifier of \"CN=leaf\" is ");
        let drawn = dir.seal(&format!("cert verify {line}"));
        assert!(drawn.text().contains("`- CN=Root (does not fit)"), "{drawn:?}");
    }
    says(
        &dir,
        "root.pem --ca twin.pem",
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "a trusted certificate has the same name and another key",
    );
    // Of the name alone, OpenSSL takes it for self-signed.
    make(
        &dir,
        "heir",
        "Root",
        Some("root"),
        "authorityKeyIdentifier=none\nsubjectKeyIdentifier=none\n",
    );
    let fact = "\"CN=Root\" names itself as its issuer, though another key signed it";
    says(&dir, "heir.pem --ca root.pem", "DEPTH_ZERO_SELF_SIGNED_CERT", fact);
    // Two CAs that nobody gave a name have names of their own.
    for folder in ["a", "b"] {
        dir.seal(&format!("ca init --ca-dir {folder}")).ok();
    }
    let subject = |ca: &str| dir.openssl(&format!("x509 -noout -subject -in {ca}/ca.pem"));
    assert_ne!(subject("a").text(), subject("b").text());
}

#[test]
fn a_wrong_name_is_told_beside_what_is_wrong_with_the_chain_and_why_it_is_wrong() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    make(&dir, "root", "Root", None, CA);
    let names = "subjectAltName=DNS:*.a.test,DNS:10.0.0.1,IP:10.0.0.2";
    make(&dir, "leaf", "leaf", Some("root"), names);
    let code = "ERR_TLS_CERT_ALTNAME_INVALID";
    for (name, reason) in [
        ("x.y.a.test", "* matches one label, and x.y.a.test has more before a.test"),
        ("a.test", "*.a.test matches names below a.test, not a.test itself"),
        ("10.0.0.1", "an address matches IP addresses only"),
        ("b.test", "is not in the cert's altnames"),
    ] {
        says(&dir, &format!("leaf.pem --ca root.pem --name {name}"), code, reason);
        make(&dir, "other", "Other", None, CA);
        let both = format!("leaf.pem --ca other.pem --name {name}");
        says(&dir, &both, code, reason);
        says(&dir, &both, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "was not sent");
    }
    dir.write("order.pem", [dir.read("root.pem"), dir.read("leaf.pem")].concat());
    let line = "order.pem --ca root.pem --name x.a.test";
    says(&dir, line, code, "the first certificate, \"CN=Root\", is a CA's");
}

#[test]
fn what_a_certificate_may_not_do_is_told_with_what_it_may() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    make(&dir, "root", "Root", None, CA);
    for (extensions, code, reason) in [
        (
            "extendedKeyUsage=clientAuth,emailProtection",
            "INVALID_PURPOSE",
            "its extendedKeyUsage has clientAuth, emailProtection only",
        ),
        (
            "keyUsage=cRLSign",
            "INVALID_PURPOSE",
            "its keyUsage is cRLSign, without digitalSignature",
        ),
        (
            "1.2.3.4=critical,DER:0500",
            "UNHANDLED_CRITICAL_EXTENSION",
            "has an unknown critical extension: 1.2.3.4",
        ),
    ] {
        make(&dir, "leaf", "leaf", Some("root"), extensions);
        says(&dir, "leaf.pem --ca root.pem", code, reason);
    }
    // Names outside the limits of a CA, and an issuer that is no CA.
    let limits =
        format!("{CA}nameConstraints=critical,permitted;DNS:in.test,excluded;DNS:x.in.test");
    make(&dir, "limited", "Limited", Some("root"), &limits);
    for (name, code, reason) in [
        (
            "out.test",
            "PERMITTED_VIOLATION",
            "permits DNS:in.test only, and DNS:out.test is not in it",
        ),
        ("x.in.test", "EXCLUDED_VIOLATION", "excludes DNS:x.in.test, which DNS:x.in.test is in"),
    ] {
        make(&dir, "leaf", "leaf", Some("limited"), &format!("subjectAltName=DNS:{name}"));
        says(&dir, "leaf.pem --untrusted limited.pem --ca root.pem", code, reason);
    }
    make(&dir, "no-ca", "NoCA", Some("root"), "basicConstraints=CA:FALSE");
    make(&dir, "leaf", "leaf", Some("no-ca"), "subjectAltName=DNS:a.test");
    let line = "leaf.pem --untrusted no-ca.pem --ca root.pem";
    says(&dir, line, "INVALID_CA", "but is not a CA (its basicConstraints say CA:FALSE)");
}

/// Who cannot check a signature, or read a key, does not say that it is wrong.
#[test]
fn what_is_not_known_here_is_not_called_wrong() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.openssl("genrsa -out root.key 2048");
    dir.openssl("req -x509 -new -key root.key -subj /CN=Root -days 9 -out root.pem");
    dir.openssl("req -new -key root.key -subj /CN=leaf -out leaf.csr");
    for (digest, name) in [("-sha3-256", "2.16.840.1.101.3.4.3.14"), ("-ripemd160", "ripemd160")] {
        dir.openssl(&format!(
            "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -days 9 {digest} -out leaf.pem"
        ));
        let code = "CERT_SIGNATURE_FAILURE";
        says(&dir, "leaf.pem --ca root.pem", code, "its signature cannot be checked");
        says(&dir, "leaf.pem --ca root.pem", code, name);
        says(&dir, "leaf.pem --ca root.pem", code, "have it issued with SHA-256");
    }
    dir.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime192v1 -out leaf.key");
    dir.openssl("req -new -key leaf.key -subj /CN=leaf -out leaf.csr");
    dir.openssl("x509 -req -in leaf.csr -CA root.pem -CAkey root.key -days 9 -out leaf.pem");
    let kind = "has the unsupported type EC prime192v1";
    says(&dir, "leaf.pem --ca root.pem", "UNSPECIFIED", kind);
    assert!(dir.seal("cert show leaf.pem").text().contains("key        EC prime192v1"));
}

#[test]
fn policies_are_asked_for_as_with_openssl() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    make(&dir, "root", "Root", None, CA);
    make(&dir, "leaf", "leaf", Some("root"), "certificatePolicies=1.3.6.1.4.1.99999.1");
    let line = "cert verify leaf.pem --ca root.pem";
    for good in ["", " --explicit-policy", " --policy 1.3.6.1.4.1.99999.1 --explicit-policy"] {
        dir.seal(&format!("{line}{good}")).ok();
    }
    says(
        &dir,
        "leaf.pem --ca root.pem --policy 1.3.6.1.4.1.99999.2 --explicit-policy",
        "NO_EXPLICIT_POLICY",
        "\"CN=leaf\" has 1.3.6.1.4.1.99999.1",
    );
    let wrong = dir.seal(&format!("{line} --policy gold"));
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("--policy: \"gold\" is not an object identifier"), "{wrong:?}");
}

/// What is said in a case, and what to do, wherever it is met: of a file, of a connection, of a
/// server that is looked at.
struct Case {
    /// The server's certificate, and what it sends behind it.
    leaf: &'static str,
    behind: &'static str,
    asked: &'static str,
    code: &'static str,
    reason: &'static str,
    advice: &'static str,
}

#[test]
fn every_command_that_judges_gives_the_reason_and_the_advice() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    make(&dir, "root", "Root", None, CA);
    make(&dir, "between", "Between", Some("root"), CA);
    make(
        &dir,
        "limited",
        "Limited",
        Some("root"),
        &format!("{CA}nameConstraints=permitted;DNS:in.test"),
    );
    make(&dir, "no-ca", "NoCA", Some("root"), "basicConstraints=CA:FALSE");
    let names = "subjectAltName=DNS:a.test";
    let wildcard = "subjectAltName=DNS:*.a.test";
    for (leaf, issuer, extensions) in [
        ("other", "root", names),
        ("wide", "root", wildcard),
        ("number", "root", "subjectAltName=DNS:127.0.0.1"),
        ("client", "root", "subjectAltName=DNS:a.test\nextendedKeyUsage=clientAuth"),
        ("outside", "limited", names),
        ("unknown", "root", "subjectAltName=DNS:a.test\n1.2.3.4=critical,DER:0500"),
        ("below", "no-ca", names),
        (
            "alone",
            "between",
            "subjectAltName=DNS:a.test\nauthorityInfoAccess=caIssuers;URI:http://a.test/between.cer",
        ),
    ] {
        make(&dir, leaf, "leaf", Some(issuer), extensions);
    }
    let case = |leaf, behind, asked, code, reason, advice| Case {
        leaf,
        behind,
        asked,
        code,
        reason,
        advice,
    };
    let name = "ERR_TLS_CERT_ALTNAME_INVALID";
    for it in [
        case(
            "other",
            "",
            "b.test",
            name,
            "is not in the cert's altnames: DNS:a.test",
            "connect by a name in the certificate",
        ),
        case("wide", "", "x.y.a.test", name, "* matches one label", "stands for one label only"),
        case("wide", "", "a.test", name, "not a.test itself", "have both in it"),
        case(
            "number",
            "",
            "127.0.0.1",
            name,
            "matches IP addresses only",
            "issued with IP:ADDRESS",
        ),
        case("root", "", "a.test", "INVALID_PURPOSE", "keyCertSign", "goes first in its file"),
        case(
            "client",
            "",
            "a.test",
            "INVALID_PURPOSE",
            "has clientAuth only",
            "serverAuth for a server",
        ),
        case(
            "outside",
            "limited",
            "a.test",
            "PERMITTED_VIOLATION",
            "\"CN=Limited\" permits DNS:in.test only, and DNS:a.test is not in it",
            "the name constraints of a CA exclude this name",
        ),
        case(
            "unknown",
            "",
            "a.test",
            "UNHANDLED_CRITICAL_EXTENSION",
            "has an unknown critical extension: 1.2.3.4",
            "have it issued without",
        ),
        case(
            "below",
            "no-ca",
            "a.test",
            "INVALID_PURPOSE",
            "its basicConstraints say CA:FALSE",
            "an issuer is not a CA",
        ),
        case(
            "alone",
            "",
            "a.test",
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            "was not sent",
            "is at http://a.test/between.cer: have it sent, or give it with --untrusted",
        ),
    ] {
        it.is_told(&dir);
    }
}

impl Case {
    #[track_caller]
    fn is_told(&self, dir: &Folder) {
        let Self { leaf, behind, asked, .. } = self;
        let mut chain = dir.read(&format!("{leaf}.pem"));
        if !behind.is_empty() {
            chain.extend(dir.read(&format!("{behind}.pem")));
        }
        dir.write("chain.pem", chain);
        let server = format!("-cert {leaf}.pem -key {leaf}.key -cert_chain chain.pem");
        let server = Openssl::start(dir, &server);
        let at = format!("127.0.0.1:{} --servername {asked} --ca root.pem", server.port);
        for line in [
            format!("cert verify chain.pem --ca root.pem --name {asked}"),
            format!("inspect chain.pem --ca root.pem --servername {asked}"),
            format!("inspect {at}"),
            format!("connect {at}"),
        ] {
            let ran = dir.seal(&line);
            assert_eq!(ran.code, 1, "{line}: {ran:?}");
            let said = format!("{}{}", ran.text(), ran.stderr);
            let told = said.lines().any(|line| {
                line.contains(&format!("{}: ", self.code))
                    && line.contains(self.reason)
                    && line.contains(self.advice)
            });
            let Self { code, reason, advice, .. } = self;
            assert!(told, "{line}: {code}: ... {reason} ... ({advice}): {said}");
        }
    }
}

#[test]
fn a_common_name_counts_alike_in_every_command() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    make(&dir, "root", "Root", None, CA);
    make(&dir, "leaf", "a.test", Some("root"), "authorityKeyIdentifier=keyid\n");
    let server = Openssl::start(&dir, "-cert leaf.pem -key leaf.key");
    let at = format!("127.0.0.1:{} --servername a.test --ca root.pem", server.port);
    for line in [
        "cert verify leaf.pem --ca root.pem --name a.test".to_owned(),
        "inspect leaf.pem --ca root.pem --servername a.test".to_owned(),
        format!("inspect {at}"),
        format!("connect {at}"),
    ] {
        dir.seal(&line).ok();
        dir.seal(&format!("{line} --name-rules node")).ok();
        let ran = dir.seal(&format!("{line} --name-rules rfc9525"));
        let said = format!("{}{}", ran.text(), ran.stderr);
        assert!(ran.code == 1 && said.contains("ERR_TLS_CERT_ALTNAME_INVALID"), "{line}: {said}");
    }
}
