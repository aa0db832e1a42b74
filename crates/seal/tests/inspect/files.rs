//! Files of all kinds, and whether they are good today.

use super::material;
use super::peers::installed;

#[test]
fn files_are_shown_as_what_they_are() {
    let dir = material();
    dir.write("pass", "secret");
    for line in [
        "csr new --key ec.key --subject /CN=x --out r.pem",
        "key public --key ec.key --out pub.pem",
        "pfx export --cert ec.pem --key ec.key --passphrase-file pass --out id.pfx",
        "ca crl --ca-dir ca --out list.crl",
    ] {
        dir.seal(line).ok();
    }
    dir.write("both", [dir.read("ec.key"), dir.read("ec.pem")].concat());
    for (target, part) in [
        ("ec.pem", "issued by  CN="),
        ("ec.key", "ECDSA P-256 private key"),
        ("pub.pem", "ECDSA P-256 public key"),
        ("r.pem", "certificate request"),
        ("id.pfx --passphrase-file pass", "key"),
        ("list.crl", "list"),
        ("both", "private key"),
        ("both", "names      DNS:localhost"),
    ] {
        let ran = dir.seal(&format!("inspect {target}")).ok();
        assert!(ran.text().contains(part), "{target}: {}", ran.text());
    }
    let ran = dir.seal_with(&["inspect", "-"], &dir.read("ec.pem")).ok();
    assert!(ran.text().contains("subject    CN=localhost"), "{}", ran.text());
    dir.write("noise.pem", "hello");
    assert_eq!(dir.seal("inspect noise.pem").code, 1);
    assert_eq!(dir.seal("inspect missing.pem").code, 2);
}

/// The exit code of `inspect` is that of the thing that is looked at.
#[test]
fn files_that_are_not_good_today_are_said_so() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    dir.write("pass", "secret");
    for (file, start, end) in
        [("old", "2020-01-01", "2021-01-01"), ("new", "2100-01-01", "2100-02-01")]
    {
        dir.seal(&format!(
            "cert self-sign --key ec.key --name localhost --out {file}.pem --not-before {start} --not-after {end}"
        ))
        .ok();
    }
    for line in [
        "x509 -in old.pem -outform DER -out old.der",
        "crl2pkcs7 -nocrl -certfile old.pem -out old.p7b",
        "pkcs12 -export -in old.pem -inkey ec.key -passout pass:secret -out old.pfx",
        "pkcs12 -export -in old.pem -nokeys -passout pass:secret -out store.p12",
        "crl2pkcs7 -nocrl -certfile ec.pem -out good.p7b",
    ] {
        dir.openssl(line);
    }
    dir.write("both.pem", [dir.read("ec.pem"), dir.read("old.pem")].concat());
    for file in ["old.pem", "old.der", "old.p7b", "old.pfx", "store.p12", "new.pem", "both.pem"] {
        let more = if file.contains(".p") && !file.ends_with("pem") && !file.ends_with("p7b") {
            "--passphrase-file pass"
        } else {
            ""
        };
        assert_eq!(dir.seal(&format!("inspect {file} {more}")).code, 1, "{file}");
    }
    assert_eq!(dir.seal_with(&["inspect", "-"], &dir.read("old.pem")).code, 1);
    for file in ["ec.pem", "good.p7b"] {
        dir.seal(&format!("inspect {file}")).ok();
    }
    // What was asked of a server cannot be asked of a file.
    for option in ["--explain", "--scan", "--html x.html", "--alpn h2", "--starttls smtp"] {
        let word = option.split(' ').next().unwrap();
        dir.seal(&format!("inspect ec.pem {option}")).err_is(word);
    }
    assert_eq!(dir.seal("inspect missing.p7b").code, 2);
}
