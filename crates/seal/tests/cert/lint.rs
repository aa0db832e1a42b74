//! What clients refuse, found before they do.

use std::process::Command;

use super::peers::{Folder, installed};
use super::with_ca;

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

/// The judge is OpenSSL's purpose check, which Python makes, too.
#[test]
fn lint_tells_purposes_that_openssl_refuses() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    dir.openssl("req -new -key k.pem -subj /CN=h.test -out c.pem");
    let mut seen = std::collections::BTreeSet::new();
    for extensions in [
        "",
        "extendedKeyUsage=serverAuth",
        "extendedKeyUsage=clientAuth",
        "extendedKeyUsage=serverAuth,clientAuth,codeSigning",
        "extendedKeyUsage=codeSigning",
        "extendedKeyUsage=critical,OCSPSigning",
        "extendedKeyUsage=emailProtection,timeStamping",
        "extendedKeyUsage=1.2.3.4",
        "extendedKeyUsage=anyExtendedKeyUsage",
        "extendedKeyUsage=anyExtendedKeyUsage,codeSigning",
        "extendedKeyUsage=anyExtendedKeyUsage,clientAuth",
        "extendedKeyUsage=anyExtendedKeyUsage,serverAuth",
        "extendedKeyUsage=msSGC",
        "extendedKeyUsage=nsSGC",
        "nsCertType=client",
        "nsCertType=server",
        "nsCertType=email",
        "nsCertType=client\nextendedKeyUsage=serverAuth,clientAuth",
    ] {
        dir.write(
            "ext",
            format!(
                "subjectAltName=DNS:h.test\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\n{extensions}\n"
            ),
        );
        dir.openssl("x509 -req -in c.pem -CA ca.pem -CAkey ca.key -days 9 -extfile ext -out x.pem");
        let refuses = |purpose: &str| {
            dir.try_openssl(&format!("verify -purpose {purpose} -CAfile ca.pem x.pem")).code != 0
        };
        let said = ["no-tls-purpose", "no-server-purpose"]
            .map(|code| dir.seal("cert lint x.pem").text().contains(&format!("[{code}]")));
        // A certificate that says it is for clients only is meant so.
        let clients_only = extensions == "extendedKeyUsage=clientAuth";
        let (server, client) = (refuses("sslserver"), refuses("sslclient"));
        // Server Gated Cryptography is serverAuth for OpenSSL alone, so it does not judge that.
        let expected = match extensions.contains("SGC") {
            true => [true, false],
            false => [server && client, server && !client && !clients_only],
        };
        assert_eq!(said, expected, "{extensions}");
        seen.insert(expected);
    }
    assert_eq!(seen.len(), 3, "each answer was seen");
}

/// Python 3.13 verifies by `VERIFY_X509_STRICT` and `VERIFY_X509_PARTIAL_CHAIN`, which are OpenSSL's
/// `-x509_strict` and `-partial_chain`: where those refuse, lint is not silent. (A certificate for clients is
/// none for servers, and good.)
#[test]
fn lint_is_not_silent_where_strict_verifiers_refuse() {
    if !installed(&["openssl"]) {
        return;
    }
    const CA: &str = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n\
                      subjectKeyIdentifier=AABBCCDD\nauthorityKeyIdentifier=none\n";
    const LEAF: &str = "subjectAltName=DNS:app.test\nbasicConstraints=critical,CA:false\n\
                        keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n\
                        subjectKeyIdentifier=hash\nauthorityKeyIdentifier=DER:30068004AABBCCDD\n";
    // A line of the CA's or of the leaf's extensions, and what stands there instead.
    let cases = [
        ("", "", true),
        ("basicConstraints=critical,CA:true", "basicConstraints=CA:true", false),
        ("keyUsage=critical,keyCertSign", "", false),
        ("keyUsage=critical,keyCertSign", "keyUsage=critical,cRLSign", false),
        ("subjectKeyIdentifier=AABBCCDD", "subjectKeyIdentifier=none", false),
        ("authorityKeyIdentifier=none", "extendedKeyUsage=clientAuth", false),
        ("authorityKeyIdentifier=none", "1.2.3.4=critical,DER:0500", false),
        ("authorityKeyIdentifier=none", "nameConstraints=critical,excluded;DNS:test", false),
        ("authorityKeyIdentifier=DER:30068004AABBCCDD", "authorityKeyIdentifier=none", false),
        (
            "authorityKeyIdentifier=DER:30068004AABBCCDD",
            "1.3.6.1.5.5.7.48.1.6=critical,DER:0500",
            false,
        ),
        (
            "keyUsage=critical,digitalSignature",
            "keyUsage=critical,digitalSignature,keyCertSign",
            false,
        ),
        (
            "basicConstraints=critical,CA:false",
            "basicConstraints=critical,CA:false,pathlen:0",
            false,
        ),
        ("extendedKeyUsage=serverAuth", "extendedKeyUsage=anyExtendedKeyUsage", false),
        ("extendedKeyUsage=serverAuth", "nsCertType=client", false),
        ("extendedKeyUsage=serverAuth", "1.3.6.1.4.1.11129.2.4.3=critical,DER:0500", false),
    ];
    for (line, instead, passes) in cases {
        let dir = Folder::new();
        dir.write("ca.ext", CA.replace(line, instead));
        dir.write("leaf.ext", LEAF.replace(line, instead));
        for (name, by) in [("ca", "-signkey ca.key"), ("leaf", "-CA ca.pem -CAkey ca.key")] {
            dir.openssl(&format!(
                "req -new -newkey rsa:2048 -nodes -keyout {name}.key -subj /CN={name}.test -out {name}.csr"
            ));
            let days = if name == "ca" { 200 } else { 100 };
            dir.openssl(&format!(
                "x509 -req -in {name}.csr {by} -days {days} -extfile {name}.ext -out {name}.pem"
            ));
        }
        let judge = "verify -x509_strict -partial_chain -purpose sslserver -CAfile ca.pem leaf.pem";
        let judge: Vec<&str> = judge.split(' ').collect();
        let judged = dir.run(Command::new("openssl"), &judge, b"");
        assert_eq!(judged.code == 0, passes, "{instead:?}: {judged:?}");
        dir.write("both.pem", [dir.read("leaf.pem"), dir.read("ca.pem")].concat());
        let ran = dir.seal("cert lint both.pem");
        assert_eq!(ran.code == 0, passes, "{instead:?}: {ran:?}");
    }
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

/// Certificates that do not fit into the messages of everybody's handshakes.
#[test]
fn lint_says_who_refuses_large_certificates() {
    let dir = Folder::new();
    dir.seal("key new --out k").ok();
    for (count, is_large) in [(450, false), (700, true)] {
        let names: Vec<String> =
            (0..count).map(|i| format!("{}{i}.test", "x".repeat(40))).collect();
        let mut line = vec!["cert", "self-sign", "--key", "k", "--out", "c", "--force"];
        names.iter().for_each(|name| line.extend(["--name", name.as_str()]));
        dir.seal_with(&line, b"").ok();
        let ran = dir.seal("cert lint c");
        assert_eq!(ran.text().contains("[large-chain]"), is_large, "{count}: {ran:?}");
    }
}
