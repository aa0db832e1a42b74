//! Rules and breakpoints, over both versions of HTTP.

use sealwire_lens::flow::What;
use sealwire_lens::rules::{Decision, Rule, Rules};
use sealwire_testing::installed;

use crate::origins::{BOTH, before};
use crate::support::{ok, run};

#[tokio::test(flavor = "multi_thread")]
async fn rules_change_what_passes() {
    if !(installed("curl") && installed("node")) {
        return;
    }
    let (proxy, origin) = before(BOTH, |_| {}).await;
    let at = format!("https://localhost:{}", origin.port);
    let lines = [
        "path:/answered => status = 503, body = 'later', response-headers = { x-why = 'test' }",
        "path:/blocked => block = true",
        "path:/marked and status:200 => response-headers = { x-protocol = false, x-new = '1' }",
        "path:/replaced and status:200 => body = 'ours'",
        "path:/slow => throttle = '1000kB', delay = '1ms'",
    ];
    let rules = lines.iter().map(|line| Rule::from_line(line).unwrap()).collect();
    proxy.proxy.set_rules(Rules::new(rules));
    for version in ["--http1.1", "--http2"] {
        let get = |path: &str, show: &str| {
            let mut curl = proxy.curl();
            curl.args([version, "-w", show, &format!("{at}{path}")]);
            curl
        };
        let said = ok(&run(get("/answered", " %{http_code} %header{x-why}")).await);
        assert_eq!(said, "later 503 test", "{version}");
        assert!(!run(get("/blocked", "")).await.status.success(), "{version}");
        let said = ok(&run(get("/marked", " %header{x-protocol}%header{x-new}")).await);
        assert_eq!(said, "GET /marked 0 1", "{version}");
        assert_eq!(ok(&run(get("/replaced", "")).await), "ours", "{version}");
        assert_eq!(ok(&run(get("/slow", "")).await), "GET /slow 0", "{version}");
        assert_eq!(ok(&run(get("/other", "")).await), "GET /other 0", "{version}");
    }
    let notes = proxy.memory.all().into_iter().filter(
        |event| matches!(&event.what, What::Note { text, .. } if text.contains("(rule path:")),
    );
    assert!(notes.count() >= 10, "what rules did is told");
    // Elsewhere, over HTTP/1.
    let line = format!("host:away.test => map = '{at}/there'");
    proxy.proxy.set_rules(Rules::new(vec![Rule::from_line(&line).unwrap()]));
    let mut curl = proxy.curl();
    curl.arg("http://away.test/x");
    // The name of a proxied plain request is the proxy's to resolve, and is not.
    assert_eq!(ok(&run(curl).await), "GET /there/x 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_at_a_breakpoint() {
    if !(installed("curl") && installed("node")) {
        return;
    }
    let (proxy, origin) = before(BOTH, |_| {}).await;
    let rule = Rule::from_line("path:/held => break = 'request'").unwrap();
    proxy.proxy.set_rules(Rules::new(vec![rule]));
    let mut curl = proxy.curl();
    curl.arg(format!("https://localhost:{}/held", origin.port));
    let waiting = tokio::spawn(run(curl));
    let mut changes = proxy.proxy.holds().changes();
    let held = loop {
        if let Some(held) = proxy.proxy.holds().list().pop() {
            break held;
        }
        tokio::time::timeout(crate::support::SOON, changes.changed()).await.unwrap().unwrap();
    };
    let sealwire_lens::rules::HeldMessage::Request(mut head) = held.message else {
        panic!("a request was to be held");
    };
    head.path = "/edited".to_owned();
    assert!(proxy.proxy.holds().decide(held.id, Decision::Request(head, None)));
    assert_eq!(ok(&waiting.await.unwrap()), "GET /edited 0");
}
