//! Files that go in and come out: several are written or none, keys go to nobody else, and what
//! OpenSSL reads is read.

mod peers;

use std::process::Command;

use peers::{Folder, installed};

fn with_ca() -> Folder {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca --name Test-CA --unconstrained").ok();
    dir
}

#[test]
fn a_certificate_that_cannot_be_delivered_is_nowhere_and_the_old_pair_stays() {
    let dir = with_ca();
    dir.write("pw", "secret");
    dir.seal("ca issue --ca-dir ca a.test").ok();
    let issued = || (dir.read("a.test.pem"), dir.read("a.test-key.pem"), dir.read("ca/index.txt"));
    let before = issued();
    for files in [
        "--pfx missing/x.pfx --pfx-passphrase-file pw",
        "--cert-file nodir/c.pem",
        "--key-file nodir/k.pem",
        "--cert-file ca",
        "--cert-file a.test-key.pem",
        "--pfx a.test.pem --pfx-passphrase-file pw",
    ] {
        let ran = dir.seal(&format!("ca issue --ca-dir ca a.test --force {files}"));
        assert_eq!(ran.code, 2, "{files}: {ran:?}");
        assert!(before == issued(), "{files}: something has changed");
        assert_eq!(dir.files(), ["a.test-key.pem", "a.test.pem", "ca", "pw"], "{files}");
    }
    dir.seal("ca issue --ca-dir ca a.test --force").ok();
    assert_eq!(String::from_utf8(dir.read("ca/index.txt")).unwrap().lines().count(), 2);
}

#[test]
fn a_pfx_is_taken_apart_wholly_or_not_at_all() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pw", "secret");
    dir.openssl("req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=x");
    dir.openssl("pkcs12 -export -in c -inkey k -passout file:pw -out id.pfx");
    dir.write("old.pem", "old");
    let import = "pfx import id.pfx --passphrase-file pw --force";
    for files in [
        "--key-file old.pem --cert-file nodir/c.pem",
        "--cert-file old.pem --key-file nodir/k.pem",
        "--cert-file old.pem --key-file old.pem",
    ] {
        let ran = dir.seal(&format!("{import} {files}"));
        assert_eq!(ran.code, 2, "{files}: {ran:?}");
        assert_eq!(dir.read("old.pem"), b"old", "{files}");
        assert_eq!(dir.files(), ["c", "id.pfx", "k", "old.pem", "pw"], "{files}");
    }
}

/// Files that are rare: what is told of them is true, in one order of names, and the same of PEM and
/// DER.
#[test]
fn rare_files_are_told_as_they_are() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    // Requests whose keys are of no use for TLS, and whose signatures are good.
    dir.openssl("genrsa -out rsa.key 768");
    dir.openssl("dsaparam -genkey -noout -out dsa.key 1024");
    for (key, told) in [("rsa", "RSA 768"), ("dsa", "DSA 1024")] {
        dir.openssl(&format!("req -new -key {key}.key -subj /CN=x -out {key}.csr"));
        let ran = dir.seal(&format!("csr show {key}.csr")).ok();
        assert!(ran.text().contains(told) && ran.text().contains("signature  good"), "{ran:?}");
    }
    // One name, one text, whoever tells it.
    let subject = "/C=SE/O=Acme, Inc./CN=x";
    dir.openssl_with(
        &[
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out", "c", "-subj",
            subject,
        ],
        b"",
    );
    dir.openssl("x509 -in c -trustout -addreject serverAuth -out rejected");
    let name = "CN=x,O=Acme\\, Inc.,C=SE";
    for (line, times) in [("cert show c", 1), ("cert verify c --ca rejected --partial-chain", 2)] {
        let ran = dir.seal(line);
        assert_eq!(ran.text().matches(name).count(), times, "{line}: {ran:?}");
        assert!(!ran.text().contains("C=SE, "), "{line}: {ran:?}");
    }
    // A certificate with a month that is none.
    dir.openssl("x509 -in c -outform DER -out c.der");
    let mut der = dir.read("c.der");
    let date = der.windows(2).position(|two| two == [0x17, 13]).expect("a UTCTime");
    der[date + 4..date + 6].copy_from_slice(b"13");
    dir.write("bad.der", &der);
    dir.write("bad.pem", sealwire::pki::pem::encode("CERTIFICATE", &der));
    for line in ["cert show", "inspect", "cert verify"] {
        for file in ["bad.der", "bad.pem"] {
            let ran = dir.seal(&format!("{line} {file}"));
            let told = ran.stderr.contains("a date is invalid");
            assert!(ran.code == 1 && told, "{line} {file}: {ran:?}");
        }
    }
    // The card of a key that nobody here can use has the kind of it, and no sentence in its place.
    dir.openssl("genpkey -algorithm ed448 -out ed448.key");
    dir.openssl("req -x509 -key ed448.key -subj /CN=x -out ed448.pem");
    let ran = dir.seal("cert show ed448.pem");
    assert!(ran.text().contains("key        ED448\n"), "{ran:?}");
}

#[test]
fn the_number_of_a_list_may_have_20_bytes() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    let last = "FF".repeat(20);
    dir.write("ca/crlnumber", format!("{}FE\n", "FF".repeat(19)));
    dir.seal("ca crl --ca-dir ca --out crl.pem").ok();
    let number = dir.openssl("crl -in crl.pem -noout -crlnumber");
    assert!(number.text().to_uppercase().trim().ends_with(&format!("{}FE", "FF".repeat(19))));
    assert_eq!(String::from_utf8(dir.read("ca/crlnumber")).unwrap().trim(), last);
    // There is no number after the last; nothing is signed then.
    let ran = dir.seal("ca crl --ca-dir ca --out more.pem");
    assert!(ran.stderr.contains("are exhausted"), "{ran:?}");
    dir.write("ca/crlnumber", "soon\n");
    let ran = dir.seal("ca crl --ca-dir ca --out more.pem");
    assert!(ran.stderr.contains("crlnumber: not a number"), "{ran:?}");
}

/// Without root there is no file of another user.
#[cfg(unix)]
fn is_root(dir: &Folder) -> bool {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata(dir.root()).unwrap().uid();
    sealwire_testing::required(uid == 0, "it does not run as root")
}

/// As above, of what is appended to: it needs a second user, too.
#[cfg(unix)]
#[test]
fn secrets_of_connections_are_not_written_into_what_another_user_put_there() {
    use std::os::unix::fs::{PermissionsExt, chown};
    let dir = Folder::new();
    if !is_root(&dir) {
        return;
    }
    let shared = dir.path("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o1777)).unwrap();
    let pipe = shared.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    dir.write("shared/file", "");
    for theirs in [&pipe, &shared.join("file")] {
        chown(theirs, Some(65534), None).unwrap();
    }
    // Its owner waits at the other end.
    let _reader = both_ends(&pipe);
    for (file, says) in [
        ("shared/pipe", "not a regular file, or owned by another user"),
        ("shared/file", "another user created this file in a world-writable folder"),
    ] {
        for line in [
            "connect localhost:1 --key-log FILE",
            "serve --port 0 --key-log FILE",
            "proxy run --session FILE -- true",
        ] {
            let ran = dir.seal(&line.replace("FILE", file));
            assert!(ran.stderr.starts_with(&format!("seal: {file}: ")), "{line}: {ran:?}");
            ran.err_is(says);
        }
    }
    assert_eq!(dir.read("shared/file"), b"");
}

/// Needs a second user, so it tells something to root only.
#[cfg(unix)]
#[test]
fn a_key_is_not_written_into_what_another_user_put_there() {
    use std::os::unix::fs::{FileTypeExt, chown, symlink};
    let dir = Folder::new();
    let pipe = dir.path("key.pem");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Ours: somebody waits at the other end.
    let mut reader = both_ends(&pipe);
    dir.seal("key new --out key.pem").ok();
    assert!(what_waits(&mut reader).contains("PRIVATE KEY"));
    drop(reader);

    if !is_root(&dir) {
        return;
    }
    chown(&pipe, Some(65534), None).unwrap();
    // Nobody reads, so whoever opens the pipe waits for ever.
    let ran = dir.seal("key new --out key.pem --force");
    ran.err_is("not a regular file, or owned by another user: refusing to write a key into it");
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
    symlink("elsewhere", dir.path("link.pem")).unwrap();
    std::os::unix::fs::lchown(dir.path("link.pem"), Some(65534), None).unwrap();
    dir.seal("key new --out link.pem --force").err_is("a symbolic link owned by another user");
    // What is public goes where it is sent.
    dir.seal("key new --out own.pem").ok();
    let mut reader = both_ends(&pipe);
    dir.seal("key public --key own.pem --out key.pem --force").ok();
    assert!(what_waits(&mut reader).contains("PUBLIC KEY"));
}

/// A reader of a pipe, there before any writer: who opens both ends does not wait for the other.
#[cfg(unix)]
fn both_ends(pipe: &std::path::Path) -> std::fs::File {
    std::fs::OpenOptions::new().read(true).write(true).open(pipe).unwrap()
}

/// What has been written into a pipe, if it is not more than it holds.
#[cfg(unix)]
fn what_waits(reader: &mut std::fs::File) -> String {
    use std::io::Read;
    let mut bytes = vec![0; 1 << 16];
    let len = reader.read(&mut bytes).unwrap();
    String::from_utf8(bytes[..len].to_vec()).unwrap()
}

#[cfg(unix)]
#[test]
fn a_pipe_that_nobody_reads_is_refused_at_once_and_nothing_is_noted() {
    let dir = with_ca();
    let pipe = dir.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    dir.write("pw", "secret");
    dir.seal("ca issue --ca-dir ca a.test --pfx a.pfx --pfx-passphrase-file pw").ok();
    let before = dir.files();
    let issued = || (dir.read("a.test.pem"), dir.read("a.test-key.pem"), dir.read("ca/index.txt"));
    let issued_before = issued();
    for command in [
        "ca issue --ca-dir ca a.test --force --cert-file pipe",
        "ca issue --ca-dir ca a.test --force --key-file pipe",
        "ca issue --ca-dir ca a.test --force --pfx pipe --pfx-passphrase-file pw",
        "ca renew --ca-dir ca a.test.pem --new-key pipe",
        "ca crl --ca-dir ca --out pipe",
        "key new --out pipe",
        "key public --key a.test-key.pem --out pipe",
        "key convert --key a.test-key.pem --out pipe",
        "csr new --key a.test-key.pem --subject /CN=a.test --out pipe",
        "cert self-sign --key a.test-key.pem --name a.test --out pipe",
        "cert renew --cert a.test.pem --ca ca/ca.pem --ca-key ca/ca-key.pem --out pipe",
        "cert convert a.test.pem --form der --out pipe",
        "pfx export --cert a.test.pem --key a.test-key.pem --passphrase-file pw --out pipe",
        "pfx import a.pfx --passphrase-file pw --cert-file c.pem --key-file pipe",
        "pfx import a.pfx --passphrase-file pw --cert-file pipe --key-file k.pem",
    ] {
        let ran = dir.seal(command);
        ran.err_is("pipe: a pipe or socket without a reader");
        assert_eq!(dir.files(), before, "{command}");
        assert!(issued() == issued_before, "{command}: something has changed");
    }
    // With a reader it is as good as a file.
    let mut reader = both_ends(&pipe);
    dir.seal("ca issue --ca-dir ca b.test --cert-file pipe --key-file b.key").ok();
    assert!(what_waits(&mut reader).contains("BEGIN CERTIFICATE"));
    assert_eq!(String::from_utf8(dir.read("ca/index.txt")).unwrap().lines().count(), 2);
}

#[test]
fn a_common_name_is_a_host_name() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca();
    dir.seal("key new --out k.pem").ok();
    for (names, subject) in [
        ("--name 10.0.0.1", ""),
        ("--name ::1", ""),
        ("--name https://x.test/a", ""),
        ("--name user@x.test", ""),
        ("--name 10.0.0.1 --name x.test", "CN = x.test"),
        ("--name x.test --name 10.0.0.1", "CN = x.test"),
    ] {
        dir.seal(&format!("csr new --key k.pem {names} --out r.csr --force")).ok();
        let shown = dir.openssl("req -in r.csr -noout -subject");
        let shown = shown.text().trim().trim_start_matches("subject=").trim().to_owned();
        assert_eq!(shown.replace("CN=", "CN = "), subject, "{names}");
    }
    // A certificate that signs itself names an issuer all the same.
    dir.seal("cert self-sign --key k.pem --name 10.0.0.1 --out c.pem").ok();
    dir.openssl("verify -x509_strict -CAfile c.pem c.pem");
    dir.seal("ca issue --ca-dir ca 10.0.0.1").ok();
    dir.openssl("verify -CAfile ca/ca.pem 10.0.0.1.pem");
}

#[test]
fn a_renewal_copies_what_identifies_the_key() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    let identifier = "B77E6F7AC27AB770A06A642C24D305A25D71B1E7";
    dir.openssl_with(
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "30",
            "-subj",
            "/CN=Go CA",
            "-addext",
            &format!("subjectKeyIdentifier={identifier}"),
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-set_serial",
            "0x0102030405060708",
        ],
        b"",
    );
    dir.openssl("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout l.key -out l.csr -subj /CN=app.test");
    let sign = "x509 -req -CA ca.pem -CAkey ca.key -days 20 -extfile";
    dir.write("id", "subjectAltName=DNS:app.test\nauthorityKeyIdentifier=keyid:always\n");
    dir.openssl(&format!("{sign} id -in l.csr -out plain.pem"));
    dir.write("all", "authorityKeyIdentifier=keyid:always,issuer:always\n");
    dir.openssl(&format!("{sign} all -in l.csr -out leaf.pem"));
    dir.seal("cert renew --cert ca.pem --key ca.key --out new.pem").ok();
    let extension = |file: &str, name: &str| {
        dir.openssl(&format!("x509 -in {file} -noout -ext {name}")).text().to_owned()
    };
    let of = |file: &str| extension(file, "subjectKeyIdentifier,keyUsage");
    assert_eq!(of("ca.pem"), of("new.pem"));
    dir.openssl("verify -x509_strict -CAfile new.pem new.pem");
    dir.openssl("verify -CAfile new.pem plain.pem");
    let serial = dir.openssl("x509 -in new.pem -noout -serial").text().trim().to_owned();
    assert_eq!(serial.len(), "serial=".len() + 16, "{serial}: as long as the old one");
    // Signed by its CA again: what names the CA stays too, and one that names another goes.
    dir.seal("cert renew --cert leaf.pem --ca ca.pem --ca-key ca.key --out leaf2.pem").ok();
    let authority = |file: &str| extension(file, "authorityKeyIdentifier");
    assert_eq!(authority("leaf.pem"), authority("leaf2.pem"));
    dir.seal("cert renew --cert leaf.pem --ca new.pem --ca-key ca.key --out leaf3.pem").ok();
    assert!(!authority("leaf3.pem").contains("serial"), "the CA has another serial number now");
    dir.openssl("verify -CAfile new.pem leaf3.pem");
    // Another key has another identifier.
    dir.seal("key new --out other.key").ok();
    dir.seal("cert renew --cert ca.pem --key other.key --out rekeyed.pem").ok();
    let own = |file: &str| extension(file, "subjectKeyIdentifier");
    assert_ne!(own("ca.pem"), own("rekeyed.pem"));
    // Version 3 without extensions stays version 3, and no extension is added to what has few.
    dir.openssl("req -new -key l.key -out n.csr -subj /CN=n");
    dir.write("few", "keyUsage=digitalSignature\n");
    dir.openssl("x509 -req -in n.csr -signkey l.key -extfile few -out few.pem");
    dir.seal("cert renew --cert few.pem --key l.key --out few2.pem").ok();
    let count = |file: &str| {
        dir.openssl(&format!("x509 -in {file} -noout -text")).text().matches("X509v3 ").count()
    };
    assert_eq!(count("few.pem"), count("few2.pem"));
}

#[test]
fn pkcs7_is_read_and_pasted_pem_too() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    for name in ["one", "two"] {
        dir.openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -keyout k -out {name}.pem -subj /CN={name}"
        ));
    }
    dir.openssl("crl2pkcs7 -nocrl -certfile one.pem -certfile two.pem -out p.pem");
    dir.openssl("crl2pkcs7 -nocrl -certfile one.pem -certfile two.pem -outform DER -out p.p7b");
    for file in ["p.pem", "p.p7b"] {
        for command in ["inspect", "cert show"] {
            let ran = dir.seal(&format!("{command} {file}")).ok();
            assert!(ran.text().contains("CN=one") && ran.text().contains("CN=two"), "{ran:?}");
        }
    }
    dir.openssl("crl2pkcs7 -nocrl -outform DER -out empty.p7b");
    let ran = dir.seal("cert show empty.p7b");
    assert!(ran.code == 1 && ran.stderr.contains("no certificate in the PKCS#7"), "{ran:?}");
    let pem = String::from_utf8(dir.read("one.pem")).unwrap();
    dir.write("pasted.pem", format!("\u{200b}{}", pem.replace('\n', "\u{a0}\n")));
    assert!(dir.seal("cert show pasted.pem").ok().text().contains("CN=one"));
    let utf16: Vec<u8> =
        std::iter::once(0xFEFF).chain(pem.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    dir.write("utf16.pem", utf16);
    let ran = dir.seal("cert show utf16.pem");
    assert!(ran.code == 1 && ran.stderr.contains("UTF-16"), "{ran:?}");
}
