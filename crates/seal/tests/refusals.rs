//! Bad input: one line, the right exit code, nothing written.

mod peers;

use peers::{Folder, Ran};

#[track_caller]
fn refused(ran: &Ran, code: i32, line: &str) {
    assert_eq!((ran.code, ran.stderr.trim_end()), (code, line));
    assert!(ran.stdout.is_empty(), "{ran:?}");
}

#[test]
fn a_missing_file_is_named() {
    let dir = Folder::new();
    refused(
        &dir.seal("csr new --key no.pem --subject /CN=x --out c.pem"),
        2,
        "seal: no.pem: no such file",
    );
    assert!(dir.files().is_empty());
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let dir = Folder::new();
    refused(&dir.seal("key new --out no/k.pem"), 2, "seal: no/k.pem: no such folder to write in");
}

#[test]
fn what_is_there_is_not_overwritten() {
    let dir = Folder::new();
    dir.write("k.pem", "precious");
    refused(
        &dir.seal("key new --out k.pem"),
        2,
        "seal: k.pem: the file exists (--force overwrites it)",
    );
    assert_eq!(dir.read("k.pem"), b"precious");
    dir.seal("key new --out k.pem --force").ok();
    assert_ne!(dir.read("k.pem"), b"precious");
}

#[cfg(unix)]
/// `--force` is for what can be made again: not for a key, nor for what a CA keeps.
#[test]
fn force_does_not_destroy_what_cannot_be_made_again() {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    dir.seal("ca issue --ca-dir ca a.test").ok();
    let all = || {
        let kept = ["a.test.pem", "a.test-key.pem", "ca/ca.pem", "ca/ca-key.pem", "ca/index.txt"];
        kept.map(|name| dir.read(name))
    };
    dir.write("both.pem", [dir.read("a.test.pem"), dir.read("a.test-key.pem")].concat());
    let before = all();
    let both = dir.read("both.pem");
    for (line, reason) in [
        (
            "ca issue --ca-dir ca a.test --cert-file x.pem --key-file ./x.pem",
            "named for two outputs",
        ),
        ("ca issue --ca-dir ca a.test --cert-file a.test-key.pem --key-file x.pem", "private key"),
        ("ca issue --ca-dir ca a.test --cert-file ca/ca.pem", "belongs to the CA"),
        ("ca issue --ca-dir ca a.test --cert-file ./ca/../ca/index.txt", "belongs to the CA"),
        ("ca issue --ca-dir ca a.test --key-file ca/ca-key.pem", "belongs to the CA"),
        ("csr new --key a.test-key.pem --out a.test-key.pem --subject /CN=x", "private key"),
        ("key public --key a.test-key.pem --out a.test-key.pem", "private key"),
        ("ca crl --ca-dir ca --out ca/index.txt", "belongs to the CA"),
    ] {
        dir.seal(&format!("{line} --force")).err_is(reason);
        assert!(all() == before, "{line}");
    }
    // A renewal writes certificates alone.
    dir.seal("ca renew --ca-dir ca both.pem").err_is("private key");
    assert!(all() == before && dir.read("both.pem") == both);
    assert_eq!(dir.files(), ["a.test-key.pem", "a.test.pem", "both.pem", "ca"]);
}

#[test]
fn private_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Folder::new();
    dir.write("pass", "x");
    dir.seal("key new --out k.pem").ok();
    dir.seal("cert self-sign --key k.pem --name localhost --out c.pem").ok();
    dir.seal("pfx export --cert c.pem --key k.pem --passphrase-file pass --out id.pfx").ok();
    for file in ["k.pem", "id.pfx"] {
        let mode = std::fs::metadata(dir.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn garbled_and_foreign_files_are_refused() {
    let dir = Folder::new();
    dir.seal("key new --out k.pem").ok();
    dir.seal("cert self-sign --key k.pem --name localhost --out cert.pem").ok();
    let key = String::from_utf8(dir.read("k.pem")).unwrap();
    dir.write("cut.pem", &key[..key.len() - 30]);
    dir.write("noise.pem", "hello");
    for (line, message) in [
        (
            "cert self-sign --csr k.pem --key k.pem --out o.pem",
            "seal: k.pem: no certificate request (it contains a private key)",
        ),
        (
            "cert self-sign --csr cert.pem --key k.pem --out o.pem",
            "seal: cert.pem: no certificate request (it contains a certificate)",
        ),
    ] {
        refused(&dir.seal(line), 1, message);
    }
    for file in ["cut.pem", "noise.pem", "cert.pem"] {
        let ran = dir.seal(&format!("csr new --key {file} --subject /CN=x --out o.pem"));
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.starts_with(&format!("seal: {file}: ")), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
    assert!(!dir.files().contains(&"o.pem".to_owned()));
}

/// Whatever a file is instead of what is wanted, the one line says it.
#[test]
fn files_are_told_apart_by_their_bytes() {
    let dir = Folder::new();
    dir.write("pass", "x");
    for line in [
        "key new --out key.pem",
        "key convert --key key.pem --der --out key.der",
        "cert self-sign --key key.pem --name localhost --out cert.pem",
        "csr new --key key.pem --subject /CN=x --out csr.pem",
        "pfx export --cert cert.pem --key key.pem --passphrase-file pass --out id.pfx",
    ] {
        dir.seal(line).ok();
    }
    let cert = String::from_utf8(dir.read("cert.pem")).unwrap();
    dir.write("cut.pem", format!("two\nlines\n{}", &cert[..200]));
    dir.write("odd.pem", cert.replacen('M', "!", 1));
    dir.write("empty", "\n");
    dir.write("text", "hello");
    let nothing = "not PEM or DER, or truncated or damaged";
    for (command, wanted) in [
        ("cert show", "certificate"),
        ("csr show", "certificate request"),
        ("crl show", "revocation list"),
        ("key show --key", "private key"),
        ("pfx show --passphrase-file pass", "PFX (PKCS#12)"),
    ] {
        for (file, what) in [
            ("key.pem", "private key"),
            ("key.der", "private key"),
            ("cert.pem", "certificate"),
            ("csr.pem", "certificate request"),
            ("id.pfx", "PFX (PKCS#12)"),
        ] {
            if what != wanted {
                let line = format!("seal: {file}: no {wanted} (it contains a {what})");
                refused(&dir.seal(&format!("{command} {file}")), 1, &line);
            }
        }
        for (file, why) in [
            ("empty", "the file is empty"),
            ("text", &format!("no {wanted}: {nothing}")),
            ("cut.pem", "malformed: line 3: the PEM block CERTIFICATE has no END line"),
            ("odd.pem", "malformed: line 1: the PEM block CERTIFICATE is not base64"),
        ] {
            refused(&dir.seal(&format!("{command} {file}")), 1, &format!("seal: {file}: {why}"));
        }
    }
}

#[test]
fn passphrases_missing_and_wrong() {
    let dir = Folder::new();
    dir.write("pass", "right\n");
    dir.write("wrong", "wrong\n");
    dir.seal("key new --passphrase-file pass --out k.pem").ok();
    let line = "csr new --key k.pem --subject /CN=x --out o.pem";
    let missing = dir.seal(line);
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.stderr.contains("--passphrase-file"), "{missing:?}");
    let wrong = dir.seal(&format!("{line} --passphrase-file wrong"));
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(wrong.stderr.contains("passphrase"), "{wrong:?}");
    refused(
        &dir.seal(&format!("{line} --passphrase-file env:SEAL_TEST_UNSET")),
        2,
        "seal: the environment variable SEAL_TEST_UNSET is not set",
    );
    let words: Vec<_> = line.split(' ').chain(["--passphrase-file", "-"]).collect();
    dir.seal_with(&words, b"right\r\n").ok();
}

#[test]
fn a_key_that_is_not_the_one() {
    let dir = Folder::new();
    dir.write("pass", "x");
    dir.seal("key new --out a.pem").ok();
    dir.seal("key new --out b.pem").ok();
    dir.seal("csr new --key a.pem --subject /CN=x --out c.pem").ok();
    dir.seal("cert self-sign --csr c.pem --key a.pem --openssl-compat --out cert.pem").ok();
    let no = dir.seal("key matches --key b.pem cert.pem");
    assert_eq!((no.code, no.text()), (1, "b.pem is not the key of cert.pem\n"));
    refused(
        &dir.seal("cert self-sign --csr c.pem --key b.pem --out o.pem"),
        1,
        "seal: b.pem: the key is not the one of c.pem (give the private key of this certificate)",
    );
    refused(
        &dir.seal("pfx export --cert cert.pem --key b.pem --passphrase-file pass --out o.pem"),
        1,
        "seal: b.pem: the key is not the one of cert.pem (give the private key of this certificate)",
    );
    assert!(!dir.files().contains(&"o.pem".to_owned()));
}

#[test]
fn a_request_that_was_tampered_with() {
    let dir = Folder::new();
    dir.seal("key new --out k.pem").ok();
    dir.seal("csr new --key k.pem --subject /CN=good.test --out c.pem").ok();
    // The name is inside the base64: the same length, other letters.
    let pem = String::from_utf8(dir.read("c.pem")).unwrap();
    let body: String = pem.lines().filter(|l| !l.starts_with('-')).collect();
    let position = (0..3)
        .find_map(|skip| body.find(&base64_of("good.test", skip)).map(|at| (at, skip)))
        .expect("the name is in the request");
    let evil = base64_of("evil.test", position.1);
    let mut tampered = body.clone();
    tampered.replace_range(position.0..position.0 + evil.len(), &evil);
    dir.write(
        "t.pem",
        format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{tampered}\n-----END CERTIFICATE REQUEST-----\n"
        ),
    );
    let message = "seal: t.pem: the signature does not match the key and the content";
    refused(&dir.seal("cert self-sign --csr t.pem --key k.pem --out o.pem"), 1, message);
    refused(&dir.seal("csr verify t.pem"), 1, message);
}

/// The whole base64 characters inside `text` when it begins `skip` bytes into a group of three.
fn base64_of(text: &str, skip: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = &text.as_bytes()[(3 - skip) % 3..];
    bytes
        .chunks_exact(3)
        .flat_map(|three| {
            let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
            [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
        })
        .collect()
}

#[test]
fn subjects_and_names_that_cannot_be() {
    let dir = Folder::new();
    dir.seal("key new --out k.pem").ok();
    for (option, value, reason) in [
        ("--subject", "/C=GBR", "C \"GBR\": must be 2 characters long, is 3"),
        ("--subject", "/CN=a/b", "\"b\" has no '='"),
        ("--name", "a..b", "\"a..b\" is not a name: it has an empty label"),
        ("--name", "ex ample.com", "a host name has only letters, digits, '-' and '.'"),
    ] {
        let ran = dir.seal_with(&["csr", "new", "--key", "k.pem", option, value], b"");
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(reason), "{ran:?}");
    }
    refused(
        &dir.seal("cert self-sign --key k.pem --subject O=Acme --out o.pem"),
        2,
        "seal: the certificate has no name (give --name, or --openssl-compat for a \
         certificate without names)",
    );
}

#[test]
fn answers_that_end_too_early_or_say_nothing() {
    let dir = Folder::new();
    dir.seal("key new --out k.pem").ok();
    let ask = ["csr", "new", "--key", "k.pem", "--out", "o.pem"];
    let ended = dir.seal_with(&ask, b"SE\n");
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(
        ended.stderr.ends_with(
            "seal: standard input ended at the question \"State or Province Name (full name)\" \
             (--subject gives the answers at once)\n"
        ),
        "{ended:?}"
    );
    let nothing = dir.seal_with(&ask, b".\n.\n.\n.\n.\n.\n.\n.\n.\n");
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(nothing.stderr.contains("the subject is empty"), "{nothing:?}");
    assert_eq!(dir.files(), ["k.pem"]);
}
