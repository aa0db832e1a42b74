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
        let installed = dir.seal(&format!("trust install {store}")).ok();
        assert_eq!(files(), 1);
        assert!(!installed.stderr.contains("trust env"), "no bundle yet: {installed:?}");
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
        (2, "seal: no such trust store on this machine\n")
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

/// Where the system's store has a bundle, programs that do not read it are named with their variables.
#[test]
fn an_installation_names_the_variables_of_programs_with_roots_of_their_own() {
    let dir = with_ca();
    fs::create_dir_all(dir.path("root/usr/local/share/ca-certificates")).unwrap();
    fs::create_dir_all(dir.path("root/etc/ssl/certs")).unwrap();
    dir.write("root/etc/ssl/certs/ca-certificates.crt", "");
    let store = "--ca-dir ca --store system --system-root root";
    let told = dir.seal(&format!("trust install {store}")).ok().stderr;
    for name in ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "eval \"$(seal trust env)\""] {
        assert!(told.contains(name), "{name}: {told}");
    }
    // Each that is named is one that `trust env` knows.
    let env = dir.seal("trust env --ca-dir ca").ok();
    for name in ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"] {
        let line = format!("export {name}='");
        assert!(env.text().lines().any(|one| one.starts_with(&line)), "{env:?}");
    }
}

/// What `trust env --json` says of a variable.
fn value(dir: &Folder, options: &str, name: &str) -> String {
    let env = dir.seal(&format!("trust env --ca-dir ca --json {options}")).ok();
    let env: serde_json::Value = serde_json::from_str(env.text()).unwrap();
    let variables = env["variables"].as_array().unwrap();
    let found = variables.iter().find(|one| one["name"] == name).unwrap();
    found["value"].as_str().unwrap().to_owned()
}

fn certificates(path: &str) -> usize {
    fs::read_to_string(path).unwrap().matches("BEGIN CERTIFICATE").count()
}

/// The CA alone where a program adds it to its roots, and the others, too, where it puts them in their place.
#[test]
fn files_that_replace_hold_the_other_roots_and_those_that_add_do_not() {
    let dir = with_ca();
    dir.seal("ca init --ca-dir other --name Other").ok();
    assert_eq!(certificates(&value(&dir, "", "NODE_EXTRA_CA_CERTS")), 1);
    assert!(certificates(&value(&dir, "", "SSL_CERT_FILE")) > 50);
    let roots = "--roots other/ca.pem";
    let bundle = value(&dir, roots, "CURL_CA_BUNDLE");
    assert_eq!(certificates(&bundle), 2);
    assert_ne!(
        bundle,
        value(&dir, "", "CURL_CA_BUNDLE"),
        "calls with other roots are not disturbed"
    );
    assert_eq!(
        bundle,
        value(&dir, roots, "SSL_CERT_FILE"),
        "and the same call names the same files"
    );
    let wgetrc = fs::read_to_string(value(&dir, roots, "SYSTEM_WGETRC")).unwrap();
    assert!(wgetrc.ends_with(&format!("ca_certificate = {bundle}\n")), "{wgetrc}");
    let files = value(&dir, "--files here", "SSL_CERT_FILE");
    assert_eq!(files, dir.path("here/bundle.pem").display().to_string());
    let ran = dir.seal("trust env --ca-dir ca --roots nowhere.pem");
    assert_eq!((ran.code, ran.stderr.contains("nowhere.pem")), (2, true), "{ran:?}");
}

#[test]
fn each_form_is_read_by_its_readers() {
    let dir = with_ca();
    dir.seal("ca init --ca-dir other --name Other").ok();
    let files = "--ca-dir ca --roots other/ca.pem --files files";
    let env = |form: &str| dir.seal(&format!("trust env {files} {form}")).ok().text().to_owned();
    let bundle = dir.path("files/bundle.pem").display().to_string();

    dir.write(".env", env("--form dotenv"));
    if installed(&["sh", "node"]) {
        let lines = env("--form sh");
        let shell = format!("{lines}\nprintf '%s|%s' \"$SSL_CERT_FILE\" \"$JAVA_TOOL_OPTIONS\"");
        let mut sh = Command::new("sh");
        sh.env_remove("JAVA_TOOL_OPTIONS");
        let ran = dir.run(sh, &["-c", &shell], b"").ok();
        let (file, java) = ran.text().split_once('|').unwrap();
        assert_eq!(file, bundle);
        assert!(java.starts_with("-Djavax.net.ssl.trustStore="), "{java}");
        let mut node = Command::new("node");
        for name in ["SSL_CERT_FILE", "JAVA_TOOL_OPTIONS"] {
            node.env_remove(name);
        }
        let print = "console.log(process.env.SSL_CERT_FILE + '|' + process.env.JAVA_TOOL_OPTIONS)";
        let read = dir.run(node, &["--env-file=.env", "-e", print], b"").ok();
        assert_eq!(read.text().trim_end(), ran.text());
    }

    let devcontainer: serde_json::Value =
        serde_json::from_str(&env("--form devcontainer")).unwrap();
    let inside = "/etc/sealwire-trust/bundle.pem";
    assert_eq!(devcontainer["containerEnv"]["SSL_CERT_FILE"], inside);
    let mount = devcontainer["mounts"][0].as_str().unwrap();
    let folder = dir.path("files").display().to_string();
    assert!(mount.starts_with(&format!("source={folder},target=/etc/sealwire-trust,")), "{mount}");
    assert!(fs::read_to_string(dir.path("files/wgetrc")).unwrap().contains(inside));

    let compose = env("--form compose --service web --service db --mount /ca");
    for part in [
        "  \"web\":\n    environment:",
        "  \"db\":\n    environment:",
        "      SSL_CERT_FILE: \"/ca/bundle.pem\"",
        &format!("        source: \"{folder}\"\n        target: \"/ca\"\n        read_only: true"),
    ] {
        assert!(compose.contains(part), "{part}: {compose}");
    }
    dir.seal("trust env --ca-dir ca --service web").err_is("--form compose");
}

#[cfg(unix)]
#[test]
fn a_command_gets_the_variables_and_its_exit_code_is_told() {
    let dir = with_ca();
    let run = |command: &[&str]| {
        dir.seal_with(&[&["trust", "run", "--ca-dir", "ca", "--"], command].concat(), b"")
    };
    let ran = run(&["sh", "-c", "grep -c BEGIN \"$NODE_EXTRA_CA_CERTS\"; exit 7"]);
    assert_eq!((ran.code, ran.text()), (7, "1\n"), "{ran:?}");
    run(&["./no-such-command"]).err_is("no such command");
    // Calls within calls add nothing twice.
    let count = ["sh", "-c", "grep -c BEGIN \"$SSL_CERT_FILE\"; echo $JAVA_TOOL_OPTIONS"];
    let once = run(&count).ok();
    let seal = env!("CARGO_BIN_EXE_seal");
    let twice = run(&[&[seal, "trust", "run", "--ca-dir", "ca", "--"], &count[..]].concat()).ok();
    assert_eq!(once.text().lines().nth(1), twice.text().lines().nth(1));
}

/// What the doctor says of each program, with variables of ours that a machine may have taken away.
#[track_caller]
fn doctor(
    dir: &Folder,
    wrap: &[&str],
    options: &[&str],
    set: &[(&str, &str)],
) -> (i32, serde_json::Value) {
    let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
    seal.env("XDG_DATA_HOME", dir.path(".data"));
    for name in [
        "NODE_EXTRA_CA_CERTS",
        "NODE_USE_SYSTEM_CA",
        "NODE_OPTIONS",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "CARGO_HTTP_CAINFO",
        "SYSTEM_WGETRC",
        "WGETRC",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "DENO_CERT",
        "DENO_TLS_CA_STORE",
    ] {
        seal.env_remove(name);
    }
    seal.envs(set.iter().copied());
    let doctor =
        [&["trust", "doctor", "--ca-dir", "ca", "--json", "--timeout", "5m"], options].concat();
    let ran = dir.run(seal, &[wrap, &doctor].concat(), b"");
    let said = serde_json::from_str(ran.text()).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran.code, said)
}

/// Programs of many kinds reach a server of the CA and one whose root they had before, at once; and the
/// variable that decides is named.
#[test]
fn the_doctor_sees_what_each_program_trusts_and_why() {
    let programs = ["node", "python3", "curl", "git", "javac", "cargo", "wget"];
    if !installed(&programs) {
        return;
    }
    let dir = with_ca();
    dir.seal("ca init --ca-dir public --name PublicLike").ok();
    let names = ["node", "python ssl", "curl", "git", "java", "cargo", "wget"];
    let only: Vec<&str> = names.iter().flat_map(|name| ["--only", *name]).collect();

    let (code, said) = doctor(&dir, &[], &only, &[]);
    assert_eq!(code, 1, "{said}");
    for (one, (name, variable)) in said["runtimes"].as_array().unwrap().iter().zip([
        ("node", "NODE_EXTRA_CA_CERTS"),
        ("python ssl", "SSL_CERT_FILE"),
        ("java", "JAVA_TOOL_OPTIONS"),
        ("curl", "CURL_CA_BUNDLE"),
        ("git", "GIT_SSL_CAINFO"),
        ("cargo", "CARGO_HTTP_CAINFO"),
        ("wget", "SYSTEM_WGETRC"),
    ]) {
        assert_eq!((&one["name"], &one["reached"]), (&name.into(), &false.into()), "{one}");
        assert_eq!(one["with"][0], variable, "{one}");
        assert_ne!(one["reason"], "", "{one}");
    }

    let seal = env!("CARGO_BIN_EXE_seal");
    let wrap = [
        "trust",
        "run",
        "--ca-dir",
        "ca",
        "--roots",
        "public/ca.pem",
        "--roots",
        "bundled",
        "--",
        seal,
    ];
    let beside = [&only[..], &["--beside", "public"]].concat();
    let (code, said) = doctor(&dir, &wrap, &beside, &[]);
    for one in said["runtimes"].as_array().unwrap() {
        assert_eq!(one["reached"], true, "{one}");
        assert_eq!(one["by"]["variables"].as_array().unwrap().len(), 1, "{one}");
        // Node.js before 22.19 does not look into the system's store.
        if one["name"] != "node" {
            assert_eq!(one["beside"]["reached"], true, "{one}");
        }
    }
    assert_eq!(code == 0, said["runtimes"][0]["beside"]["reached"] == true, "{said}");
    assert_eq!(said["runtimes"].as_array().unwrap().len(), names.len());
}

/// A file that takes the place of all roots and holds one: what happens most.
#[test]
fn the_doctor_warns_of_a_variable_that_takes_all_roots_away() {
    if !installed(&["curl", "python3"]) {
        return;
    }
    let dir = with_ca();
    let ca = dir.path("ca/ca.pem").display().to_string();
    let set = [("CURL_CA_BUNDLE", &*ca), ("SSL_CERT_FILE", "/no/such/file.pem")];
    let (code, said) = doctor(&dir, &[], &["--only", "curl", "--only", "python ssl"], &set);
    assert_eq!(code, 1, "{said}");
    let (python, curl) = (&said["runtimes"][0], &said["runtimes"][1]);
    assert_eq!(curl["by"]["variables"][0], "CURL_CA_BUNDLE", "{said}");
    let file = &curl["variables"][0];
    assert_eq!((&file["roots"], &file["has_public_roots"]), (&1.into(), &false.into()), "{file}");
    assert_eq!(python["reached"], false, "{said}");
    assert_eq!(python["variables"][0]["missing"], true, "{said}");
    assert_eq!(python["with"][0], "SSL_CERT_FILE", "{said}");
    dir.seal("trust doctor --ca-dir ca --only perl").err_is("perl");
    dir.seal("trust doctor --ca-dir nowhere").err_is("nowhere");
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
