//! `seal ca issue --server`: certificates of a CA that serves, by a token.

use crate::ca::Ca;
use crate::peers::installed;

#[test]
fn people_without_acme_have_tokens() {
    if !installed(&["openssl"]) {
        return;
    }
    let ca = Ca::serve("");
    let server = ca.url.trim_end_matches("/directory").to_owned();
    let ask = |line: &str| {
        let line =
            format!("ca issue --server {server} --token-file token --server-ca ca/ca.pem {line}");
        ca.dir.seal(&line)
    };
    // Standard output is the file that --token-file wants.
    let made = ca.dir.seal("ca token new --ca-dir ca --permit b.app.test").ok();
    assert!(made.stderr.starts_with("token ") && made.text().lines().count() == 1, "{made:?}");
    ca.dir.write("token", made.text());
    ask("b.app.test").ok();
    let made = ca.told("token new --permit app.test --user ops1 --uses 2 --label amit");
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    ca.dir.write("token", format!("{token}\n"));
    let listed = ca.told("token list");
    let all = listed.as_array().unwrap();
    let uses = all.iter().find(|one| one["id"] == id).map(|one| &one["uses"]);
    assert!(uses.unwrap() == 2 && !listed.to_string().contains(token), "{listed}");

    let refused = ask("c.test");
    assert!(
        refused.code == 1 && refused.stderr.contains("not allowed for this token"),
        "{refused:?}"
    );
    assert!(!ca.dir.path("c.test.pem").exists() && !ca.dir.path("c.test-key.pem").exists());
    ask("app.test *.app.test").ok();
    ca.verify("app.test+1.pem");
    let of = |what: &str| ca.dir.openssl(what).text().to_owned();
    let public = of("x509 -in app.test+1.pem -noout -pubkey");
    assert_eq!(public, of("pkey -in app.test+1-key.pem -pubout"), "the key that was made here");
    // A person, who has no host name; the request was made by somebody else.
    ca.dir.openssl("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ops1.key -out ops1.csr -subj /CN=ops1");
    ask("--client --csr ops1.csr --cert-file ops1.pem").ok();
    ca.dir.openssl("verify -purpose sslclient -CAfile ca/ca.pem -untrusted ops1.pem ops1.pem");
    assert!(of("x509 -in ops1.pem -noout -subject").contains("CN = ops1"));

    for beyond in ["bank.example.com", "8.8.8.0/24", "0.0.0.0/0", "@app.test"] {
        let refused = ca.dir.seal(&format!("ca token new --ca-dir ca --permit {beyond}"));
        refused.err_is("may not sign for that");
        ca.dir
            .seal(&format!("ca eab new --ca-dir ca --permit {beyond}"))
            .err_is("may not sign for that");
    }
    let used_up = ask("x.app.test");
    assert!(used_up.code == 1 && used_up.stderr.contains("used up"), "{used_up:?}");
    ca.dir.seal(&format!("ca token end --ca-dir ca {id}")).ok();
    ca.dir.seal(&format!("ca token end --ca-dir ca {id}")).err_is("no such token");
    assert!(ca.log().contains(&format!("\"account\":\"token:{id}\"")));
    ca.dir.write("token", "a b");
    ask("x.app.test").err_is("not a token");
    // Whoever is asked has to prove its name first: the token goes to nobody else.
    ca.dir.write("token", token);
    let line = format!("ca issue --server {server} --token-file token x.app.test");
    let untrusted = ca.dir.seal(&line);
    assert!(untrusted.code == 1 && untrusted.stderr.contains("/issue: "), "{untrusted:?}");
}
