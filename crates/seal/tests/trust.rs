//! Trust stores, on private copies: NSS, Java and the four Linux layouts.

mod peers;

use std::fs;
use std::process::Command;

use peers::https::Server;
use peers::{Folder, installed};

fn with_ca() -> Folder {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca --name Trust-Test-CA").ok();
    dir
}

#[test]
fn an_nss_profile_trusts_the_root_until_it_is_removed() {
    if !installed(&["certutil"]) {
        return;
    }
    let dir = with_ca();
    dir.seal("ca issue --ca-dir ca app.test").ok();
    let store = "--ca-dir ca --store nss --nss-profile profile";
    let status = dir.seal(&format!("trust status {store}"));
    assert_eq!((status.code, status.text().contains("not trusted")), (1, true), "{status:?}");

    let plan = dir.seal(&format!("trust install {store} --dry-run")).ok();
    assert!(plan.text().contains("run certutil -d sql:profile -A -t C,, -n sealwire-"), "{plan:?}");
    assert!(!dir.path("profile").exists(), "a dry run changes nothing");

    dir.seal(&format!("trust install {store}")).ok();
    dir.seal(&format!("trust status {store}")).ok();
    let again = dir.seal(&format!("trust install {store}")).ok();
    assert!(again.text().contains("trusted already"), "{again:?}");
    // NSS judges a certificate of the CA: good as a TLS server's.
    let certutil = |arguments: &[&str]| dir.run(Command::new("certutil"), arguments, b"");
    certutil(&["-d", "sql:profile", "-A", "-n", "leaf", "-t", ",,", "-a", "-i", "app.test.pem"])
        .ok();
    certutil(&["-d", "sql:profile", "-V", "-u", "V", "-n", "leaf"]).ok();

    dir.seal(&format!("trust uninstall {store}")).ok();
    assert_eq!(dir.seal(&format!("trust status {store}")).code, 1);
    assert_ne!(certutil(&["-d", "sql:profile", "-V", "-u", "V", "-n", "leaf"]).code, 0);
    let gone = dir.seal(&format!("trust uninstall {store}")).ok();
    assert!(gone.text().contains("was not there"), "{gone:?}");
}

#[test]
fn a_java_key_store_trusts_the_root_until_it_is_removed() {
    if !installed(&["keytool"]) {
        return;
    }
    let dir = with_ca();
    // A new store with something else in it, as cacerts has.
    let keytool = |arguments: &[&str]| dir.run(Command::new("keytool"), arguments, b"");
    dir.seal("ca init --ca-dir other --name Other").ok();
    let import = [
        "-importcert",
        "-noprompt",
        "-alias",
        "x",
        "-file",
        "other/ca.pem",
        "-keystore",
        "cacerts",
        "-storepass",
        "changeit",
    ];
    keytool(&import).ok();
    let store = "--ca-dir ca --store java --java-keystore cacerts";
    assert_eq!(dir.seal(&format!("trust status {store}")).code, 1);
    dir.seal(&format!("trust install {store}")).ok();
    dir.seal(&format!("trust status {store}")).ok();
    let list = keytool(&["-list", "-keystore", "cacerts", "-storepass", "changeit"]).ok();
    assert!(list.text().contains("2 entries"), "{list:?}");
    dir.seal(&format!("trust uninstall {store}")).ok();
    let list = keytool(&["-list", "-keystore", "cacerts", "-storepass", "changeit"]).ok();
    assert!(list.text().contains("1 entry"), "{list:?}");
}

#[test]
fn every_linux_layout_gets_its_file() {
    for (anchors, extension, program) in [
        ("etc/pki/ca-trust/source/anchors", "pem", "update-ca-trust extract"),
        ("usr/local/share/ca-certificates", "crt", "update-ca-certificates"),
        ("etc/ca-certificates/trust-source/anchors", "crt", "trust extract-compat"),
        ("usr/share/pki/trust/anchors", "pem", "update-ca-certificates"),
    ] {
        let dir = with_ca();
        fs::create_dir_all(dir.path("root").join(anchors)).unwrap();
        let files = || fs::read_dir(dir.path("root").join(anchors)).unwrap().count();
        let store = "--ca-dir ca --store system --system-root root";
        let plan = dir.seal(&format!("trust install {store} --dry-run --json")).ok();
        assert!(plan.text().contains(&format!("write root/{anchors}/sealwire-")), "{plan:?}");
        assert!(plan.text().contains(program), "{plan:?}");
        assert_eq!(files(), 0);
        dir.seal(&format!("trust install {store}")).ok();
        assert_eq!(files(), 1);
        let file = fs::read_dir(dir.path("root").join(anchors)).unwrap().next().unwrap().unwrap();
        assert_eq!(file.path().extension().unwrap(), extension);
        assert_eq!(fs::read(file.path()).unwrap(), dir.read("ca/ca.pem"));
        dir.seal(&format!("trust uninstall {store}")).ok();
        assert_eq!(files(), 0);
    }
    let dir = with_ca();
    let none = dir.seal("trust install --ca-dir ca --store system --system-root nowhere");
    assert_eq!(
        (none.code, none.stderr.as_str()),
        (2, "seal: there is no such trust store on this machine\n")
    );
}

/// Debian's own program takes the file into the bundle that OpenSSL reads.
#[test]
fn debian_merges_the_root_into_its_bundle() {
    if !installed(&["openssl", "update-ca-certificates"]) {
        return;
    }
    let dir = with_ca();
    dir.seal("ca issue --ca-dir ca app.test").ok();
    for folder in ["root/usr/local/share/ca-certificates", "root/etc/ssl/certs", "hooks"] {
        fs::create_dir_all(dir.path(folder)).unwrap();
    }
    dir.seal("trust install --ca-dir ca --store system --system-root root").ok();
    let local = dir.path("root/usr/local/share/ca-certificates").display().to_string();
    let certs = dir.path("root/etc/ssl/certs").display().to_string();
    let hooks = dir.path("hooks").display().to_string();
    let arguments = ["--localcertsdir", &local, "--etccertsdir", &certs, "--hooksdir", &hooks];
    dir.run(Command::new("update-ca-certificates"), &arguments, b"").ok();
    dir.openssl("verify -CAfile root/etc/ssl/certs/ca-certificates.crt app.test.pem");

    // It made two links, by name and by hash, and would leave both when the file is gone.
    let links = || {
        let all = fs::read_dir(&certs).unwrap();
        let targets = all.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        targets.filter(|target| target.to_string_lossy().contains("sealwire-")).count()
    };
    assert_eq!(links(), 2);
    dir.seal("trust uninstall --ca-dir ca --store system --system-root root").ok();
    assert_eq!(links(), 0);
    dir.run(Command::new("update-ca-certificates"), &arguments, b"").ok();
    let bundle = fs::read_to_string(dir.path("root/etc/ssl/certs/ca-certificates.crt")).unwrap();
    let root = fs::read_to_string(dir.path("ca/ca.pem")).unwrap();
    assert!(!bundle.contains(root.lines().nth(1).unwrap()));
}

/// What others put in under names of their own (Debian's hook for Java, mkcert, a person) is the
/// same root: it is found, judged and taken out by the certificate.
#[test]
fn a_root_is_found_under_whatever_name_it_is_there() {
    if !installed(&["certutil", "keytool"]) {
        return;
    }
    let dir = with_ca();
    let run = |program: &str, words: &str| {
        dir.run(Command::new(program), &words.split(' ').collect::<Vec<_>>(), b"").ok()
    };
    let keystore = "-keystore cacerts -storepass changeit";
    run(
        "keytool",
        &format!("-importcert -noprompt -alias debian:x.pem -file ca/ca.pem {keystore}"),
    );
    run("keytool", &format!("-importcert -noprompt -alias again -file ca/ca.pem {keystore}"));
    fs::create_dir(dir.path("profile")).unwrap();
    run("certutil", "-d sql:profile -N --empty-password");
    run("certutil", "-d sql:profile -A -t C,, -n mine -a -i ca/ca.pem");
    fs::create_dir_all(dir.path("root/usr/local/share/ca-certificates")).unwrap();
    fs::copy(dir.path("ca/ca.pem"), dir.path("root/usr/local/share/ca-certificates/mine.crt"))
        .unwrap();

    let stores = "--ca-dir ca --system-root root --nss-profile profile --java-keystore cacerts";
    let status = dir.seal(&format!("trust status {stores}")).ok();
    assert_eq!(status.text().matches(": trusted\n").count(), 3, "{status:?}");
    let again = dir.seal(&format!("trust install {stores}")).ok();
    assert_eq!(again.text().matches("trusted already").count(), 3, "{again:?}");

    let removed = dir.seal(&format!("trust uninstall {stores}")).ok();
    assert_eq!(removed.text().matches(": removed").count(), 3, "{removed:?}");
    assert_eq!(dir.seal(&format!("trust status {stores}")).code, 1);
    let list = run("keytool", &format!("-list {keystore}"));
    assert!(list.text().contains("0 entries"), "{list:?}");
    let folder = dir.path("root/usr/local/share/ca-certificates");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn a_file_of_several_roots_is_left_to_its_owner() {
    let dir = with_ca();
    dir.seal("ca init --ca-dir other --name Other").ok();
    let folder = "root/usr/local/share/ca-certificates";
    fs::create_dir_all(dir.path(folder)).unwrap();
    let both = [dir.read("ca/ca.pem"), dir.read("other/ca.pem")].concat();
    fs::write(dir.path(folder).join("both.crt"), &both).unwrap();
    let ran = dir.seal("trust uninstall --ca-dir ca --store system --system-root root");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("both.crt: the root is there with 1 more certificate"), "{ran:?}");
    assert_eq!(fs::read(dir.path(folder).join("both.crt")).unwrap(), both);
}

#[test]
fn a_failure_undoes_what_was_done() {
    if !installed(&["certutil", "keytool"]) {
        return;
    }
    let dir = with_ca();
    // Our name is taken by another certificate there, which keytool tells when it is too late.
    dir.seal("ca init --ca-dir other --name Other").ok();
    let plan =
        dir.seal("trust install --ca-dir ca --store nss --nss-profile profile --dry-run").ok();
    let label =
        plan.text().split(' ').find(|word| word.starts_with("sealwire-")).unwrap().to_owned();
    let import = format!("-importcert -noprompt -alias {label} -file other/ca.pem");
    let words = format!("{import} -keystore taken -storepass changeit");
    dir.run(Command::new("keytool"), &words.split(' ').collect::<Vec<_>>(), b"").ok();
    let before = dir.read("taken");

    let stores = "--nss-profile profile --java-keystore taken --store nss --store java";
    let ran = dir.seal(&format!("trust install --ca-dir ca {stores}"));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.starts_with("seal: java taken: nothing was changed: "), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    let status = dir.seal("trust status --ca-dir ca --store nss --nss-profile profile");
    assert_eq!(status.code, 1, "the profile was put back: {status:?}");
    assert_eq!(dir.read("taken"), before);
}

#[test]
fn a_store_that_cannot_be_read_is_named_before_anything_changes() {
    if !installed(&["certutil", "keytool"]) {
        return;
    }
    let dir = with_ca();
    dir.write("broken", "this is no key store");
    let stores = "--nss-profile profile --java-keystore broken --store nss --store java";
    let ran = dir.seal(&format!("trust install --ca-dir ca {stores}"));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.starts_with("seal: java broken: nothing was changed: "), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert!(!dir.path("profile").exists());
    assert_eq!(dir.read("broken"), b"this is no key store");
}

/// Node keeps roots of its own; what `trust env` prints lets it trust a server of the CA, be it
/// a root or an intermediate.
#[test]
fn a_program_with_roots_of_its_own_is_told_by_its_variable() {
    if !installed(&["node", "sh"]) {
        return;
    }
    let dir = with_ca();
    dir.seal("ca intermediate --ca-dir ca --new-ca-dir mid --name Middle").ok();
    dir.seal("ca issue --ca-dir mid localhost").ok();
    let server = Server::start(&dir, "localhost.pem", "localhost-key.pem");
    let get = format!(
        "node -e \"require('https').get('https://localhost:{}/', r => r.pipe(process.stdout))
         .on('error', e => {{ console.error(e.code); process.exit(1) }})\"",
        server.port
    );
    for folder in ["ca", "mid"] {
        let variables = dir.seal(&format!("trust env --ca-dir {folder}")).ok().text().to_owned();
        let with = dir.run(Command::new("sh"), &["-c", &format!("{variables}\n{get}")], b"").ok();
        assert_eq!(with.text(), "<p>sealed</p>");
    }
    assert_ne!(dir.run(Command::new("sh"), &["-c", &get], b"").code, 0);
}

#[test]
fn a_leaf_is_not_made_a_root() {
    let dir = with_ca();
    dir.seal("ca issue --ca-dir ca app.test").ok();
    let ran = dir.seal("trust install --cert app.test.pem --store nss --nss-profile profile");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("not one of a CA"), "{ran:?}");
}
