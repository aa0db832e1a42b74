//! What is done with recorded traffic: sent again, composed, compared, changed by rules, held; by command
//! line, API and MCP alike.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::origin::origin;
use crate::peers::{Folder, installed};
use crate::running::Proxy;

/// A proxy that trusts a new origin, and the origin.
fn between(dir: &Folder) -> (Proxy, crate::origin::Origin) {
    let origin = origin(dir);
    (Proxy::start(dir, &["--session", "s.db", "--ca", "cert.pem"]), origin)
}

/// Runs curl through the proxy; its output.
fn curl(proxy: &Proxy, dir: &Folder, more: &[&str]) -> String {
    let ran = proxy.curl(dir, more).output().expect("curl runs");
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).expect("text")
}

/// The first flow that matches and has ended.
fn ended(proxy: &Proxy, filter: &str) -> Value {
    let found = |list: &Value| {
        list["flows"].as_array()?.iter().find(|f| f["outcome"] == "complete").cloned()
    };
    proxy.until(&format!("flows?filter={filter}"), found)
}

#[test]
fn a_request_is_sent_again_and_compared() {
    if !installed(&["curl", "node", "openssl", "kill"]) {
        return;
    }
    let dir = Folder::new();
    let (proxy, origin) = between(&dir);
    for (version, name) in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2")] {
        let url = format!("{}/{version}", origin.url);
        curl(&proxy, &dir, &[version, "-H", "Authorization: Bearer one", "-d", "body", &url]);
        let id = ended(&proxy, &format!("path:{version}"))["id"].to_string();
        let api = ["--api", &proxy.page];
        let seal = |line: &[&str]| dir.seal_with(&[&["proxy"], line].concat(), b"");
        let sent = seal(&[&["resend", &id, "--header", "X-New: 1"], &api[..]].concat()).ok();
        let line = sent.text().to_owned();
        assert!(line.contains(&format!("200 POST    {url}")), "{line}");
        assert!(line.contains(&format!("repeats {id}")), "{line}");
        let again = line.split_whitespace().next().unwrap().to_owned();
        let flow = proxy.api("GET", &format!("flows/{again}"), None);
        assert_eq!(flow["version"], name);
        assert_eq!(flow["request"]["text"], "body");
        // What differs is the header alone; what is a secret is not shown.
        let differs = seal(&["query", "s.db", "--diff", &id, &again]);
        assert_eq!(differs.code, 1, "{differs:?}");
        let lines: Vec<_> = differs.text().lines().filter(|l| l.starts_with(['+', '-'])).collect();
        assert!(lines.iter().any(|line| line.to_lowercase().contains("x-new: 1")), "{lines:?}");
        assert!(!differs.text().contains("one"), "{differs:?}");
        // Another body.
        let sent = seal(&[&["resend", &id, "--body", "longer body", "--json"], &api[..]].concat());
        let flow: Value = serde_json::from_str(sent.ok().text()).expect("JSON");
        assert_eq!(flow["request"]["text"], "longer body");
        assert_eq!(flow["response"]["recorded"], json!(format!("POST /{version}").len()));
    }
    let url = format!("{}/composed", origin.url);
    let composed = ["proxy", "compose", &url, "--method", "PUT", "--api", &proxy.page];
    assert!(dir.seal_with(&composed, b"").ok().text().contains("200 PUT "));
    // An agent does the same.
    let calls = [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "resend", "arguments": { "id": 1 } } }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "compose", "arguments": { "url": url } } }),
        json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": { "name": "set_rules", "arguments": { "rules": [{ "when": "path:/by-agent", "status": 410 }] } } }),
    ];
    let calls: String = calls.iter().map(|call| format!("{call}\n")).collect();
    let said =
        dir.seal_with(&["proxy", "mcp", "s.db", "--api", &proxy.page], calls.as_bytes()).ok();
    assert_eq!(said.text().matches("flow").count(), 2, "{said:?}");
    let url = format!("{}/by-agent", origin.url);
    assert_eq!(curl(&proxy, &dir, &["-o", "body", "-w", "%{http_code}", &url]), "410");
}

#[test]
fn rules_are_set_while_it_runs() {
    if !installed(&["curl", "node", "openssl"]) {
        return;
    }
    let dir = Folder::new();
    let (proxy, origin) = between(&dir);
    let seal = |more: &[&str]| {
        dir.seal_with(&[&["proxy", "rules", "--api", &proxy.page], more].concat(), b"")
    };
    let code =
        || curl(&proxy, &dir, &["-o", "body", "-w", "%{http_code}", &format!("{}/x", origin.url)]);
    assert_eq!(seal(&[]).ok().text().trim(), "[]");
    assert_eq!(code(), "200");
    assert!(seal(&["path:/x => status = 503"]).ok().text().contains("503"));
    assert_eq!(code(), "503");
    dir.write("rules.toml", "[[rule]]\nwhen = 'path:/x'\nstatus = 504\n");
    seal(&["rules.toml"]).ok();
    assert_eq!(code(), "504");
    proxy.api("PUT", "rules", Some(&json!([{ "when": "path:/x", "status": 505 }])));
    assert_eq!(code(), "505");
    assert!(seal(&[]).ok().text().contains("505"));
    seal(&["path:/x => colour = 1"]).err_is("colour");
    seal(&["--none"]).ok();
    assert_eq!(code(), "200");
    dir.seal("proxy rules").err_is("no running proxy given");
    dir.seal("proxy rules --api http://192.0.2.1:1/#token=ab").err_is("not on loopback");
}

#[test]
fn messages_wait_at_breakpoints_and_go_on_changed() {
    if !installed(&["curl", "node", "openssl", "kill"]) {
        return;
    }
    let dir = Folder::new();
    let (proxy, origin) = between(&dir);
    proxy.api("PUT", "rules", Some(&json!([{ "when": "path:/held", "break": "both" }])));
    for version in ["--http1.1", "--http2"] {
        let url = format!("{}/held", origin.url);
        let mut waiting = proxy.curl(&dir, &[version, "-i", "-d", "before", &url]);
        let waiting = waiting.stdout(Stdio::piped()).spawn().expect("curl starts");
        let held = |side: &'static str| {
            proxy.until("held", move |held| held.get(0).filter(|one| !one[side].is_null()).cloned())
        };
        let request = held("request");
        assert_eq!(request["request"]["method"], "POST");
        assert_eq!(request["text"], "before", "{version}");
        let edited = json!({ "action": "continue", "method": "PUT", "url": format!("{}/edited", origin.url), "body": "afterwards" });
        proxy.api("POST", &format!("held/{}", request["id"]), Some(&edited));
        let response = held("response");
        assert_eq!(response["text"], "PUT /edited", "{version}");
        let edited = json!({ "action": "continue", "status": 418, "headers": [["x-by", "hand"]], "body": "other" });
        proxy.api("POST", &format!("held/{}", response["id"]), Some(&edited));
        let said = waiting.wait_with_output().expect("curl ends");
        let said = String::from_utf8(said.stdout).expect("text");
        assert!(
            said.contains(" 418") && said.contains("x-by: hand") && said.ends_with("other"),
            "{said}"
        );
        let flow = ended(&proxy, "path:/held");
        assert_eq!(flow["changed"], true);
        // Answered without the origin, then cut off.
        for (decision, code) in [
            (json!({ "action": "answer", "status": 201, "body": "mine" }), 0),
            (json!({ "action": "abort" }), 1),
        ] {
            let mut waiting = proxy.curl(&dir, &[version, &url]);
            let waiting =
                waiting.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("curl starts");
            let request = held("request");
            proxy.api("POST", &format!("held/{}", request["id"]), Some(&decision));
            let said = waiting.wait_with_output().expect("curl ends");
            match code {
                0 => assert_eq!(said.stdout, b"mine", "{version}"),
                _ => assert!(!said.status.success(), "{version}"),
            }
        }
    }
    // What waits when it stops goes on.
    let mut waiting =
        proxy.curl(&dir, &["-o", "body", "-w", "%{http_code}", &format!("{}/held", origin.url)]);
    let waiting = waiting.stdout(Stdio::piped()).spawn().expect("curl starts");
    proxy.until("held", |held| held.get(0).map(|_| ()));
    assert_eq!(proxy.stop(), Some(0));
    assert_eq!(waiting.wait_with_output().expect("curl ends").stdout, b"200");
}

/// Without the token, by another name (a site whose name was bound to our address), or from another site.
#[test]
fn nobody_without_the_token_gets_in() {
    if !installed(&["curl", "node", "openssl"]) {
        return;
    }
    let dir = Folder::new();
    let (proxy, _origin) = between(&dir);
    let (address, token) = proxy.page.split_once("/#token=").unwrap();
    let right = format!("Authorization: Bearer {token}");
    let wrong = format!("Authorization: Bearer {}0", &token[1..]);
    for (headers, code) in [
        (&[&*right][..], "200"),
        (&[], "401"),
        (&[&wrong], "401"),
        (&[&right, "Host: evil.test"], "403"),
        (&[&right, "Origin: http://evil.test"], "403"),
        (&[&right, "Origin: null"], "403"),
    ] {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*"]);
        for header in headers {
            curl.args(["-H", header]);
        }
        let ran = curl.arg(format!("{address}/api/session")).output().expect("curl runs");
        assert_eq!(String::from_utf8_lossy(&ran.stdout), code, "{headers:?}");
    }
    dir.seal("proxy --listen 127.0.0.1:0 --page 0.0.0.0:0").err_is("is for this machine only");
}
