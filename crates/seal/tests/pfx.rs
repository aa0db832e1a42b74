//! PFX files of OpenSSL, Java and NSS, read by us; ours, read by them.

mod peers;

use std::process::Command;

use peers::{Folder, Ran, installed};

/// A folder with a CA-signed certificate: leaf.pem, k.pem, ca.pem and the passphrase in `pass`.
fn material(kind: &str) -> Folder {
    let dir = Folder::new();
    dir.write("pass", "secret\n");
    dir.write("java-pass", "secret");
    dir.seal("ca init --ca-dir ca --name Root").ok();
    dir.write("ca.pem", dir.read("ca/ca.pem"));
    let files = "--cert-file leaf.pem --key-file k.pem";
    dir.seal(&format!("ca issue --ca-dir ca --key-kind {kind} leaf.test {files}")).ok();
    dir
}

/// Imports `file` and checks that key, certificate and chain are those of the material.
#[track_caller]
fn same_after_import(dir: &Folder, file: &str, options: &str) {
    let files = "--cert-file got.pem --key-file got-key.pem --force";
    dir.seal(&format!("pfx import {file} {options} {files}")).ok();
    assert_eq!(dir.read("got-key.pem"), dir.read("k.pem"), "{file}");
    let got = String::from_utf8(dir.read("got.pem")).unwrap();
    let leaf = String::from_utf8(dir.read("leaf.pem")).unwrap();
    assert!(got.starts_with(&leaf), "{file}: {got}");
}

#[test]
fn files_of_openssl_in_every_form() {
    if !installed(&["openssl"]) {
        return;
    }
    for kind in ["rsa:2048", "p256", "ed25519"] {
        let dir = material(kind);
        let export = "pkcs12 -export -in leaf.pem -inkey k.pem -certfile ca.pem -passout file:pass \
                      -out id.pfx -name my-id";
        for form in [
            "",
            "-legacy",
            "-nomac",
            "-noiter -nomaciter",
            "-macalg sha1",
            "-macalg sha384 -keypbe AES-128-CBC -certpbe AES-192-CBC",
            "-macalg sha512",
            "-certpbe NONE",
            "-keypbe NONE -certpbe NONE",
            "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES",
            "-legacy -keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-RC2-128",
            "-legacy -keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-128",
            "-keypbe DES-EDE3-CBC -certpbe DES-EDE3-CBC",
            "-iter 100000",
        ] {
            dir.openssl(&format!("{export} {form}"));
            same_after_import(&dir, "id.pfx", "--passphrase-file pass");
            let shown = dir.seal("pfx show id.pfx --passphrase-file pass").ok();
            assert!(shown.text().contains("CN=leaf.test") && shown.text().contains("CN=Root"));
            // With RC4, AWS-LC reads the file, which does not tell the name.
            assert!(
                form.contains("RC4") || shown.text().contains("\"my-id\""),
                "{form}: {shown:?}"
            );
        }
    }
}

#[test]
fn passphrases_of_every_kind() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material("p256");
    for passphrase in ["", "x", "pässwörd", "€", "😀 outside the BMP", "  blanks  "] {
        dir.write("pass", passphrase);
        for form in [&[][..], &["-legacy"], &["-nomac"]] {
            let pass = format!("pass:{passphrase}");
            let mut arguments = vec![
                "pkcs12", "-export", "-in", "leaf.pem", "-inkey", "k.pem", "-out", "id.pfx",
                "-passout", &pass,
            ];
            arguments.extend(form);
            dir.openssl_with(&arguments, b"");
            same_after_import(&dir, "id.pfx", "--passphrase-file pass");
            // Of few rounds, since there are many files.
            for ours in ["--iterations 2048", "--legacy"] {
                dir.seal(&format!(
                    "pfx export --cert leaf.pem --key k.pem --passphrase-file pass {ours} \
                     --out ours.pfx --force"
                ))
                .ok();
                let read = ["pkcs12", "-in", "ours.pfx", "-nodes", "-legacy", "-passin", &pass];
                dir.openssl_with(&read, b"");
                same_after_import(&dir, "ours.pfx", "--passphrase-file pass");
            }
        }
    }
    dir.write("pass", "");
    dir.seal("pfx export --cert leaf.pem --key k.pem --passphrase-file pass --out e.pfx").ok();
    same_after_import(&dir, "e.pfx", "");
}

#[test]
fn the_legacy_form_is_what_old_programs_read() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = material("rsa:2048");
    dir.seal(
        "pfx export --cert leaf.pem --key k.pem --chain ca.pem --legacy --friendly-name old \
         --passphrase-file pass --out id.pfx",
    )
    .ok();
    let info = dir.openssl("pkcs12 -in id.pfx -passin file:pass -info -nodes -legacy");
    for part in [
        "MAC: sha1, Iteration 2048",
        "Certificate bag\n",
        "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048",
    ] {
        assert!(info.stderr.contains(part), "{part} is not in {}", info.stderr);
    }
    dir.node("tls.createSecureContext({ pfx: fs.readFileSync('id.pfx'), passphrase: 'secret' })");
}

#[test]
fn key_stores_of_java() {
    if !installed(&["keytool", "openssl"]) {
        return;
    }
    let dir = material("rsa:2048");
    let keytool = |arguments: &str| {
        let words: Vec<_> = arguments.split_whitespace().collect();
        dir.run(Command::new("keytool"), &words, b"").ok()
    };
    let pass = "-storepass:file java-pass";
    dir.openssl(
        "pkcs12 -export -in leaf.pem -inkey k.pem -certfile ca.pem -name mine \
                 -passout file:java-pass -out id.pfx",
    );
    for (store, form) in [("new", ""), ("old", "-J-Dkeystore.pkcs12.legacy")] {
        let import = "-srckeystore id.pfx -srcstoretype PKCS12 -srcstorepass:file java-pass";
        keytool(&format!(
            "{form} -importkeystore {import} -destkeystore {store}.p12 -deststoretype PKCS12 \
             -deststorepass:file java-pass"
        ));
        same_after_import(&dir, &format!("{store}.p12"), "--passphrase-file pass");
        // A second alias, and a trusted certificate without a key.
        keytool(&format!(
            "{form} -genkeypair -alias other -keyalg EC -groupname secp256r1 -dname CN=other \
             -keystore {store}.p12 {pass}"
        ));
        keytool(&format!(
            "{form} -importcert -noprompt -alias root -file ca.pem -keystore {store}.p12 {pass}"
        ));
        let several = dir.seal(&format!(
            "pfx import {store}.p12 --passphrase-file pass --cert-file x --key-file y"
        ));
        assert_eq!(several.code, 1, "{several:?}");
        assert_eq!(
            several.stderr,
            format!(
                "seal: {store}.p12: it has several keys: \"mine\", \"other\" (choose one with \
                 --friendly-name)\n"
            )
        );
        let chosen = "--passphrase-file pass --friendly-name mine";
        same_after_import(&dir, &format!("{store}.p12"), chosen);
    }
    // And back: Java reads ours, by the name that we gave.
    for form in ["", "--legacy"] {
        dir.seal(&format!(
            "pfx export --cert leaf.pem --key k.pem --chain ca.pem --friendly-name ours {form} \
             --passphrase-file pass --out ours.p12 --force"
        ))
        .ok();
        let list = keytool(&format!("-list -v -keystore ours.p12 {pass}"));
        for part in ["Alias name: ours", "PrivateKeyEntry", "Certificate chain length: 2"] {
            assert!(list.text().contains(part), "{part} is not in {}", list.text());
        }
    }
}

#[test]
fn profiles_of_nss() {
    if !installed(&["certutil", "pk12util", "openssl"]) {
        return;
    }
    for kind in ["rsa:2048", "p256"] {
        let dir = material(kind);
        let run = |program: &str, arguments: &str| -> Ran {
            let words: Vec<_> = arguments.split_whitespace().collect();
            dir.run(Command::new(program), &words, b"").ok()
        };
        std::fs::create_dir(dir.path("db")).unwrap();
        run("certutil", "-N -d sql:db --empty-password");
        // NSS reads what we write, ...
        for form in ["", "--legacy"] {
            dir.seal(&format!(
                "pfx export --cert leaf.pem --key k.pem --chain ca.pem --friendly-name nss {form} \
                 --passphrase-file pass --out ours.p12 --force"
            ))
            .ok();
            run("pk12util", "-i ours.p12 -d sql:db -w pass");
        }
        // ... and we what it writes, with the ciphers of today and of old.
        for ciphers in
            ["", "-c AES-256-CBC -C AES-128-CBC -M SHA-256", "-c DES-EDE3-CBC -C RC2-CBC -M SHA-1"]
        {
            std::fs::remove_file(dir.path("theirs.p12")).ok();
            run("pk12util", &format!("-o theirs.p12 -n nss -d sql:db -w pass {ciphers}"));
            same_after_import(&dir, "theirs.p12", "--passphrase-file pass");
        }
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material("p256");
    dir.write("wrong", "wrong");
    let export = "pkcs12 -export -passout file:pass -out id.pfx";
    let with_key = format!("{export} -in leaf.pem -inkey k.pem");
    let refused = |passphrase: &str, reason: &str| {
        let pass = match passphrase {
            "" => String::new(),
            file => format!("--passphrase-file {file}"),
        };
        let ran = dir.seal(&format!("pfx import id.pfx {pass} --cert-file c --key-file k"));
        assert!(ran.stderr.starts_with(&format!("seal: id.pfx: {reason}")), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(!dir.files().contains(&"c".to_owned()));
        ran.code
    };
    dir.openssl(&with_key);
    assert_eq!(refused("wrong", "the passphrase does not open the PFX"), 1);
    assert_eq!(refused("", "the PFX is encrypted and no passphrase was given"), 2);
    let good = dir.read("id.pfx");
    dir.write("id.pfx", &good[..good.len() / 2]);
    assert_eq!(refused("pass", "the PFX is broken: it ends too early"), 1);
    dir.write("id.pfx", "hello");
    assert_eq!(refused("pass", "no PFX (PKCS#12): not PEM or DER"), 1);
    dir.write("id.pfx", dir.read("leaf.pem"));
    assert_eq!(refused("pass", "no PFX (PKCS#12) (it contains a certificate)"), 1);
    dir.openssl(&format!("{with_key} -keypbe aria-256-cbc"));
    assert_eq!(refused("pass", "the PFX is encrypted with PBES2 ("), 1);
    dir.openssl(&format!("{with_key} -macalg sha3-256"));
    assert_eq!(refused("pass", "the PFX has a MAC with "), 1);
    dir.openssl(&format!("{export} -in ca.pem -nokeys"));
    assert_eq!(refused("pass", "the PFX contains no private key (1 certificate)"), 1);
}

/// Certificates without a key, as Java, mitmproxy and `-nokeys` have them: shown, and trusted by --ca;
/// what we write is a trust store to Java.
#[test]
fn trust_stores_without_a_key() {
    if !installed(&["openssl", "keytool"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pass", "changeit");
    dir.openssl("req -x509 -newkey rsa:2048 -nodes -keyout k -out ca.pem -subj /CN=Root");
    dir.openssl("pkcs12 -export -nokeys -in ca.pem -passout file:pass -out plain.p12");
    let trust = "pfx export --trust ca.pem --passphrase-file pass";
    dir.seal(&format!("{trust} --out ours.p12")).ok();
    for (file, entries) in [("plain.p12", 0), ("ours.p12", 1)] {
        let listed = dir.run(
            Command::new("keytool"),
            &["-list", "-keystore", file, "-storepass", "changeit"],
            b"",
        );
        let text = listed.ok();
        let (noun, trusted) = if entries == 1 { ("entry", 1) } else { ("entries", 0) };
        assert!(text.text().contains(&format!("contains {entries} {noun}")), "{file}: {text:?}");
        assert_eq!(text.text().matches("trustedCertEntry").count(), trusted, "{file}");
        let shown = dir.seal(&format!("pfx show {file} --passphrase-file pass")).ok();
        assert_eq!(shown.text().contains("Java lists 0 entries"), entries == 0, "{file}");
        let line = format!("cert verify ca.pem --ca {file} --passphrase-file pass --purpose any");
        dir.seal(&line).ok();
        let ran = dir.seal(&format!("cert verify ca.pem --ca {file}"));
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    dir.openssl("pkcs12 -in ours.p12 -passin file:pass -nokeys -out out.pem");
    assert!(String::from_utf8(dir.read("out.pem")).unwrap().contains("friendlyName: 1 Root"));
}
