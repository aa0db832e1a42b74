//! The page of `ca serve`.

use std::process::Command;

use crate::ca::Ca;
use crate::peers::browser::Scripts;
use crate::peers::installed;
use sealwire_testing::free_port;

/// Without the token, by another name (a site whose name was bound to our address), or from another site.
#[test]
fn nobody_without_the_token_sees_the_page() {
    if !installed(&["curl"]) {
        return;
    }
    let ca = Ca::serve("--page");
    let (address, token) = ca.page.split_once("/#token=").expect("a page");
    let right = format!("Authorization: Bearer {token}");
    let curl = |path: &str, more: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "body", "-w", "%{http_code}", "--noproxy", "*"]).args(more);
        ca.dir.run(curl, &[&format!("{address}{path}")], b"").ok().text().to_owned()
    };
    for (headers, code) in [
        (&[&*right][..], "200"),
        (&[], "401"),
        (&[&format!("{right}0")], "401"),
        (&[&right, "Host: evil.test"], "403"),
        (&[&right, "Origin: http://evil.test"], "403"),
        (&[&right, "Origin: null"], "403"),
    ] {
        let more: Vec<_> = headers.iter().flat_map(|header| ["-H", header]).collect();
        assert_eq!(curl("/api/ca", &more), code, "{headers:?}");
    }
    assert_eq!(curl("/", &["-D", "head"]), "200");
    let head = String::from_utf8(ca.dir.read("head")).unwrap();
    assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    // What changes something is JSON, by POST, of a certificate that is there.
    let post = ["-H", &right, "-d", "{}"];
    assert_eq!(curl("/api/revoke", &post), "415");
    for (body, code) in [
        ("{}", "400"),
        (r#"{"serial":"00","reason":"because"}"#, "400"),
        (r#"{"serial":"00","reason":"superseded"}"#, "404"),
    ] {
        let json = ["-H", &right, "-H", "Content-Type: application/json", "-d", body];
        assert_eq!(curl("/api/revoke", &json), code, "{body}");
    }
    assert_eq!(curl("/api/revoke", &["-X", "PUT", "-H", &right]), "405");
    ca.dir
        .seal("ca serve --ca-dir ca --listen 127.0.0.1:0 --page 0.0.0.0:0")
        .err_is("this machine only");
}

/// What a person does, in Chromium; what others call themselves stays text.
#[test]
fn the_page_shows_what_was_issued_and_revokes() {
    let Some(scripts) = Scripts::found(&[]) else { return };
    let ca = Ca::serve("--page --proofs-last 0s");
    ca.issue("app.localhost");
    ca.issue("other.localhost");
    let nowhere = free_port();
    let failed =
        ca.acme("issue", &format!("down.localhost {} --http 127.0.0.1:{nowhere}", ca.at()));
    assert_eq!(failed.code, 1, "{failed:?}");
    // A user may be called anything.
    let evil = "<img src=x onerror=owned=1>";
    let made = ["ca", "token", "new", "--ca-dir", "ca", "--user", evil, "--json"];
    let made = ca.dir.seal_with(&made, b"").ok();
    let made: serde_json::Value = serde_json::from_str(made.text()).unwrap();
    ca.dir.write("token", made["token"].as_str().unwrap());
    let server = ca.url.trim_end_matches("/directory");
    let subject = format!("/CN={evil}");
    let request = [
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "evil.key",
        "-out",
        "evil.csr",
        "-subj",
        &subject,
    ];
    ca.dir.openssl_with(&request, b"");
    ca.dir
        .seal(&format!(
            "ca issue --server {server} --server-ca ca/ca.pem --token-file token --client --csr \
             evil.csr --cert-file evil.pem"
        ))
        .ok();
    let pictures = std::env::var("PICTURES").unwrap_or_default();
    let ran = scripts.run(&ca.dir, "ca.mjs", &[&ca.page, &pictures]).ok();
    assert!(ran.text().ends_with("done\n"), "{ran:?}");
    let log = ca.log();
    let revoked: Vec<_> = log.lines().filter(|line| line.contains("\"revoked\"")).collect();
    assert_eq!(revoked.len(), 1, "{log}");
    assert!(revoked[0].contains("\"by\":\"the page\"") && revoked[0].contains("keyCompromise"));
}
