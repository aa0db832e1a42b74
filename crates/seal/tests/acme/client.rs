//! `seal acme`.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ca::Ca;
use crate::peers::installed;
use sealwire_testing::free_port;

#[test]
fn our_client_gets_renews_and_revokes_by_http_and_by_tls() {
    if !installed(&["openssl"]) {
        return;
    }
    let ca = Ca::serve("--proofs-last 0s");
    let at = ca.at();
    let http =
        format!("app.localhost 127.0.0.1 {at} --http 127.0.0.1:{} --run env>ran.txt", ca.http);
    ca.acme("issue", &http).ok();
    ca.verify("acme/live/app.localhost/fullchain.pem");
    let ran = String::from_utf8(ca.dir.read("ran.txt")).unwrap();
    assert!(ran.contains("SEAL_ACME_NAME=app.localhost"), "{ran}");
    let tls = format!("tls.localhost {at} --tls-alpn 127.0.0.1:{} --profile shortlived", ca.tls);
    ca.acme("issue", &tls).ok();
    ca.verify("acme/live/tls.localhost/fullchain.pem");

    let not_due = ca.acme("renew", "").ok();
    assert_eq!(not_due.text(), "", "nothing is due");
    let before = ca.dir.read("acme/live/app.localhost/fullchain.pem");
    ca.acme("renew", "--force app.localhost").ok();
    assert_ne!(ca.dir.read("acme/live/app.localhost/fullchain.pem"), before);

    // The CA says that it is time, and the timer's next run renews.
    ca.dir.seal("ca rotate-intermediate --ca-dir ca").ok();
    let status = ca.acme("status", "--json").ok();
    let status: Value = serde_json::from_str(status.text()).unwrap();
    assert_eq!(status.as_array().map(Vec::len), Some(2), "{status}");

    ca.acme("revoke", "app.localhost --key-compromised").ok();
    assert!(ca.log().contains("keyCompromise"));
    let checked = ca.dir.seal("ca log --ca-dir ca --check").ok();
    assert!(checked.text().starts_with("the log is whole"), "{checked:?}");
}

#[test]
fn what_fails_is_told_and_tried_again_later() {
    let ca = Ca::serve("");
    // Nobody listens where the CA looks.
    let elsewhere = free_port();
    let issue = format!("app.localhost {} --http 127.0.0.1:{elsewhere}", ca.at());
    let failed = ca.acme("issue", &issue);
    assert!(failed.code == 1 && failed.stderr.contains("nothing listens there"), "{failed:?}");
    let outside =
        ca.acme("issue", &format!("example.com {} --http 127.0.0.1:{}", ca.at(), ca.http));
    assert!(outside.code == 1 && outside.stderr.contains("name constraints"), "{outside:?}");
    let untrusted = format!("app.localhost --server {} --http 127.0.0.1:{}", ca.url, ca.http);
    let untrusted = ca.acme("issue", &untrusted);
    assert!(untrusted.code == 1 && untrusted.stderr.contains("directory: "), "{untrusted:?}");
}

/// A script that asks without end uses nothing up: five of a name, then it has to wait or to say so.
#[test]
fn a_name_is_asked_for_so_often_only() {
    let ca = Ca::serve("");
    let line = format!("app.localhost {} --http 127.0.0.1:{}", ca.at(), ca.http);
    for _ in 0..5 {
        ca.acme("issue", &line).ok();
    }
    let enough = ca.acme("issue", &line);
    assert!(enough.code == 1 && enough.stderr.contains("issued 5 times recently"), "{enough:?}");
    assert!(enough.stderr.contains("--force"), "{enough:?}");
    ca.acme("issue", &format!("{line} --force")).ok();
    // The CA says that it is time, and is asked no more for now; the failure is told.
    ca.dir.seal("ca rotate-intermediate --ca-dir ca").ok();
    let until = Instant::now() + Duration::from_secs(120);
    while ca.log().matches("issuer-used").count() < 2 {
        assert!(Instant::now() < until, "it never takes the other intermediate");
    }
    let before = ca.dir.read("acme/live/app.localhost/fullchain.pem");
    let held_up = ca.acme("renew", "");
    assert!(held_up.code == 1 && held_up.stderr.contains("recently"), "{held_up:?}");
    assert_eq!(ca.dir.read("acme/live/app.localhost/fullchain.pem"), before);
    let status = ca.acme("status", "--json").ok();
    assert!(status.text().contains("recently"), "{status:?}");
    ca.acme("renew", "--force app.localhost").ok();
}

#[test]
fn accounts_need_a_key_where_the_ca_says_so() {
    let ca = Ca::serve("--require-eab");
    let refused = ca.acme("account show", &ca.at());
    assert!(refused.code == 1 && refused.stderr.contains("seal ca eab new"), "{refused:?}");
    let made = ca.dir.seal("ca eab new --ca-dir ca --permit a.localhost --json").ok();
    let made: Value = serde_json::from_str(made.text()).unwrap();
    ca.dir.write("hmac", made["hmac_key"].as_str().unwrap());
    let eab =
        format!("{} --eab-kid {} --eab-hmac-key-file hmac", ca.at(), made["kid"].as_str().unwrap());
    ca.acme("account show", &eab).ok();
    let beside = ca.acme("issue", &format!("b.localhost {} --http 127.0.0.1:{}", ca.at(), ca.http));
    assert!(
        beside.code == 1 && beside.stderr.contains("this account may have names below"),
        "{beside:?}"
    );
    ca.acme("issue", &format!("a.localhost {} --http 127.0.0.1:{}", ca.at(), ca.http)).ok();
    ca.acme("account change-key", &ca.at()).ok();
    ca.acme("account deactivate", &ca.at()).ok();
}
