//! `ca list`, `revoke`, `issue`, `crl` and `log` over what `ca serve` has signed, in a file and in
//! PostgreSQL.

use crate::ca::Ca;
use crate::peers::installed;

#[test]
fn what_was_served_is_listed_and_revoked() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let ca = Ca::serve("");
    ca.issue("one.localhost");
    ca.issue("two.localhost");
    of_the_ledger(&ca, "");
}

/// The same, by any machine that reaches the database.
#[cfg(unix)]
#[test]
fn the_same_in_postgresql() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let at = tempfile::tempdir().unwrap();
    let Some(database) = sealwire_testing::PostgreSql::start(at.path(), "") else { return };
    let place = format!("--database {}", database.url());
    let ca = Ca::serve(&place);
    ca.issue("one.localhost");
    ca.issue("two.localhost");
    of_the_ledger(&ca, &place);
    // The intermediate is in the database as well, and nothing in the folder.
    let listed = ca.told(&format!("list {place}"));
    assert!(listed.to_string().contains("intermediate 1"), "{listed}");
    assert_eq!(ca.dir.read("ca/index.txt"), b"");
}

fn of_the_ledger(ca: &Ca, place: &str) {
    let listed = ca.told(&format!("list {place}"));
    let named = |name: &str| {
        let all = listed.as_array().unwrap();
        all.iter()
            .find(|one| one["names"][0] == format!("DNS:{name}"))
            .unwrap_or_else(|| panic!("{name}: {listed}"))
    };
    let one = named("one.localhost");
    assert!(one["state"] == "valid" && one["asked_by"].is_string(), "{one}");
    let soon = ca.told(&format!("list {place} --within 8d"));
    assert!(soon.to_string().contains("one.localhost"), "{soon}");
    assert_eq!(ca.told(&format!("list {place} --within 1h")).as_array().map(Vec::len), Some(0));

    // By its number, then another by its file.
    let seal = |line: &str| ca.dir.seal(&format!("ca {line} --ca-dir ca {place}"));
    let serial = one["serial"].as_str().unwrap().to_lowercase();
    seal(&format!("revoke {serial} --reason superseded")).ok();
    assert!(seal(&format!("revoke {serial}")).stderr.contains("revoked already"));
    seal("revoke acme/live/two.localhost/fullchain.pem").ok();
    assert_eq!(ca.told(&format!("list {place} --revoked")).as_array().map(Vec::len), Some(2));
    let leaf = "acme/live/one.localhost/fullchain.pem";
    let shown = ca.dir.openssl(&format!("x509 -in {leaf} -noout -ext crlDistributionPoints"));
    let url = shown.text().split("URI:").nth(1).expect("a URL").trim().to_owned();
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "--fail", "-o", "list.crl"]);
    ca.dir.run(curl, &[&url], b"").ok();
    let text = ca.dir.openssl("crl -inform DER -in list.crl -noout -text");
    assert_eq!(text.text().matches("Serial Number").count(), 2, "{text:?}");

    // What the CA itself signs is in the same place, and on a list of its own.
    seal("issue --client ops1").ok();
    seal("issue --cert-file other.pem other.localhost").ok();
    let all = seal("list").ok();
    assert!(all.text().contains("ops1") && all.text().contains("other.localhost"), "{all:?}");
    let first = seal("crl --out first.pem").ok();
    assert_eq!(first.text(), "");
    seal("crl --if-due --out again.pem").ok();
    assert_eq!(ca.dir.read("first.pem"), ca.dir.read("again.pem"), "it is not due");
    seal("revoke ops1-client.pem").ok();
    seal("crl --if-due --out third.pem").ok();
    assert_ne!(ca.dir.read("first.pem"), ca.dir.read("third.pem"));
    let text = ca.dir.openssl("crl -in third.pem -noout -text");
    assert_eq!(text.text().matches("Serial Number").count(), 1, "{text:?}");
    ca.dir.openssl("verify -CAfile ca/ca.pem -crl_check -CRLfile third.pem other.pem");
    let refused = ca
        .dir
        .try_openssl("verify -CAfile ca/ca.pem -crl_check -CRLfile third.pem ops1-client.pem");
    assert!(refused.code != 0 && refused.stderr.contains("certificate revoked"), "{refused:?}");
    seal("crl --if-due --good-for 1s --out now.pem").ok();
    assert!(seal("log --check").ok().text().starts_with("the log is whole"));
}

/// Half of its time: then it is due.
#[test]
fn a_list_is_due_after_half_of_its_time() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = crate::peers::Folder::new();
    dir.seal("ca init --ca-dir ca --name Test-CA").ok();
    let number = || {
        dir.seal("ca crl --ca-dir ca --if-due --good-for 2s --force --out list.pem").ok();
        dir.openssl("crl -in list.pem -noout -crlnumber").text().to_owned()
    };
    let first = number();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while number() == first {
        assert!(std::time::Instant::now() < until, "it is never due");
    }
}
