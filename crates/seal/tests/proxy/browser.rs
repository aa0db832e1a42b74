//! The page in Chromium, with everything that a person does there; and pages of others through the proxy.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::origin::origin;
use crate::peers::{Folder, Ran, installed};
use crate::running::Proxy;

/// Where playwright-core is installed: `npm install` in `crates/lens/page`.
fn scripts() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lens/page");
    let lack = "playwright-core is not installed (npm install in crates/lens/page)";
    let found = folder.join("node_modules/playwright-core").is_dir();
    (installed(&["chromium", "node", "curl", "openssl", "certutil"])
        && sealwire_testing::required(found, lack))
    .then_some(folder)
}

fn script(dir: &Folder, file: PathBuf, arguments: &[&str]) -> Ran {
    let mut node = Command::new("node");
    node.arg(file);
    // Chromium keeps what it trusts in its home.
    node.env("HOME", dir.root()).env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
    dir.run(node, arguments, b"")
}

#[test]
fn the_page_does_what_a_person_wants() {
    let Some(scripts) = scripts() else { return };
    let dir = Folder::new();
    let origin = origin(&dir);
    let proxy = Proxy::start(&dir, &["--session", "s.db", "--ca", "cert.pem", "--wire"]);
    for path in ["/first?a=b", "/%3Cimg%20src=x%20onerror=owned=1%3E"] {
        let url = format!("{}{path}", origin.url);
        let sent = ["-H", "X-Evil: <script>owned=1</script>", "-d", "<b>body</b>", &url];
        assert!(proxy.curl(&dir, &sent).output().unwrap().status.success());
    }
    let pictures = std::env::var("PICTURES").unwrap_or_default();
    let arguments = [&proxy.page, &proxy.url, &origin.url, &pictures];
    let ran = script(&dir, scripts.join("page.mjs"), &arguments.map(String::as_str)).ok();
    assert!(ran.text().ends_with("done\n"), "{ran:?}");
}

/// A page that Chromium loads directly, and again through the proxy: the same requests, statuses and
/// bodies.
#[test]
fn a_page_is_the_same_through_the_proxy() {
    let Some(scripts) = scripts() else { return };
    let dir = Folder::new();
    dir.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
         -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2",
    );
    let proxy = Proxy::start(&dir, &["--session", "s.db", "--ca", "cert.pem"]);
    for (file, nick) in [("cert.pem", "origin"), ("proxy-ca.pem", "proxy")] {
        let database = dir.path(".pki/nssdb");
        std::fs::create_dir_all(&database).unwrap();
        let database = format!("sql:{}", database.display());
        let trust = ["-A", "-d", &database, "-t", "CT,,", "-n", nick, "-i", file];
        let mut certutil = Command::new("certutil");
        if nick == "origin" {
            dir.run(Command::new("certutil"), &["-N", "-d", &database, "--empty-password"], b"")
                .ok();
        }
        certutil.current_dir(dir.root());
        dir.run(certutil, &trust, b"").ok();
    }
    let arguments = [proxy.url.as_str(), "cert.pem", "key.pem"];
    let ran = script(&dir, scripts.join("compare.mjs"), &arguments).ok();
    let both: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let (direct, through) = (&both["direct"], &both["through"]);
    assert!(direct.as_array().is_some_and(|all| all.len() >= 8), "{direct:#}");
    assert_eq!(direct, through);
    // The proxy saw all of it.
    let seen = proxy.api("GET", "flows?limit=1000", None);
    for one in through.as_array().expect("a list") {
        let path = one["path"].as_str().expect("a path");
        let flows = seen["flows"].as_array().expect("flows");
        assert!(flows.iter().any(|flow| flow["path"] == path), "{path} among {seen:#}");
    }
}
