//! The page in Chromium, with everything that a person does there; and pages of others through the proxy.

use std::process::Command;

use serde_json::{Value, json};

use crate::origin::origin;
use crate::peers::Folder;
use crate::peers::browser::{Opened, Scripts};
use crate::running::Proxy;

#[test]
fn the_page_does_what_a_person_wants() {
    let Some(scripts) = Scripts::found(&["curl", "openssl"]) else { return };
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
    let ran = scripts.run(&dir, "page.mjs", &arguments.map(String::as_str)).ok();
    assert!(ran.text().ends_with("done\n"), "{ran:?}");
}

/// A page that Chromium loads directly, and again through the proxy: the same requests, statuses and
/// bodies.
#[test]
fn a_page_is_the_same_through_the_proxy() {
    let Some(scripts) = Scripts::found(&["openssl", "certutil"]) else { return };
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
    let ran = scripts.run(&dir, "compare.mjs", &arguments).ok();
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

/// All of a list of 100,000 flows is scrolled. `just proxy-measures` runs it.
#[test]
#[ignore = "a measurement: nothing else should run"]
fn a_long_list_scrolls_smoothly() {
    const FLOWS: usize = 100_000;
    let Some(scripts) = Scripts::found(&[]) else { return };
    let dir = Folder::new();
    let entry = |n: usize| {
        json!({
            "startedDateTime": "2026-11-30T20:00:00.000Z", "time": n % 400,
            "request": {
                "method": "GET", "url": format!("https://host{}.test/items/{n}?page={}", n % 50, n % 7),
                "httpVersion": "HTTP/1.1", "headers": [], "queryString": [], "cookies": [],
                "headersSize": -1, "bodySize": 0,
            },
            "response": {
                "status": if n.is_multiple_of(10) { 404 } else { 200 }, "statusText": "", "httpVersion": "HTTP/1.1",
                "headers": [{ "name": "Content-Type", "value": "application/json" }], "cookies": [],
                "content": { "size": 2, "mimeType": "application/json", "text": "{}" },
                "redirectURL": "", "headersSize": -1, "bodySize": 2,
            },
            "cache": {}, "timings": { "send": 0, "wait": n % 400, "receive": 0 },
        })
    };
    let entries: Vec<Value> = (0..FLOWS).map(entry).collect();
    let creator = json!({ "name": "test", "version": "1" });
    let har = json!({ "log": { "version": "1.2", "creator": creator, "entries": entries } });
    dir.write("long.har", har.to_string());
    dir.seal_with(&["proxy", "import", "long.har", "long.db"], b"").ok();
    let opened = Opened::start(&dir, "long.db");
    let ran = scripts.run(&dir, "scroll.mjs", &[&opened.page]).ok();
    print!("{}", ran.text());
    assert!(ran.text().starts_with("100,000 flows: "), "{ran:?}");
    let p95 = ran.text().split("p95 ").nth(1).and_then(|rest| rest.split(' ').next());
    assert!(p95.and_then(|ms| ms.parse::<f64>().ok()).is_some_and(|ms| ms < 50.0), "{ran:?}");
}
