//! Clients that others wrote.

use std::process::Command;

use crate::ca::Ca;
use crate::peers::installed;

#[test]
fn lego_gets_and_revokes() {
    if !installed(&["lego", "openssl"]) {
        return;
    }
    let ca = Ca::serve("--proofs-last 0s");
    for (way, port) in [("http", ca.http), ("tls", ca.tls)] {
        let lego = |last: &str| {
            let line = format!(
                "--server {} --accept-tos --email a@b.test --path lego --domains {way}.localhost \
                 --{way} --{way}.port 127.0.0.1:{port} {last}",
                ca.url
            );
            let mut command = Command::new("lego");
            command.env("LEGO_CA_CERTIFICATES", ca.dir.path("ca/ca.pem"));
            ca.dir.run(command, &line.split_whitespace().collect::<Vec<_>>(), b"").ok()
        };
        lego("run");
        ca.verify(&format!("lego/certificates/{way}.localhost.crt"));
        lego("revoke");
    }
    assert_eq!(ca.log().matches("\"revoked\"").count(), 2);
}

/// The list is fetched over plain HTTP by those who do not trust anybody yet.
#[test]
fn the_revocation_list_is_served_in_the_clear() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let ca = Ca::serve("");
    ca.acme("issue", &format!("app.localhost {} --http 127.0.0.1:{}", ca.at(), ca.http)).ok();
    ca.acme("revoke", "app.localhost").ok();
    let leaf = "acme/live/app.localhost/fullchain.pem";
    let shown = ca.dir.openssl(&format!("x509 -in {leaf} -noout -ext crlDistributionPoints"));
    let url = shown.text().split("URI:").nth(1).expect("a URL").trim().to_owned();
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "-o", "list.crl"]);
    ca.dir.run(curl, &[&url], b"").ok();
    let text = ca.dir.openssl("crl -inform DER -in list.crl -noout -text");
    assert!(text.text().contains("Serial Number"), "{text:?}");
}
