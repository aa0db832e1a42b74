//! `seal ca serve` and its clients: ours, and lego and dehydrated, which others wrote.

mod peers;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use peers::{Folder, Ran, installed};
use serde_json::Value;

/// A CA that serves, on ports that were free a moment ago.
struct Ca {
    dir: Folder,
    child: Child,
    url: String,
    http: u16,
    tls: u16,
}

impl Ca {
    fn serve(options: &str) -> Self {
        let dir = Folder::new();
        dir.seal("ca init --ca-dir ca --name Test-CA").ok();
        Self::over(dir, options)
    }

    fn over(dir: Folder, options: &str) -> Self {
        let (http, tls) = (free_port(), free_port());
        let line = format!(
            "ca serve --ca-dir ca --listen 127.0.0.1:0 --json --http-port {http} --tls-port {tls} {options}"
        );
        let mut child = Command::new(env!("CARGO_BIN_EXE_seal"))
            .args(line.split_whitespace())
            .current_dir(dir.root())
            .stdout(Stdio::piped())
            .spawn()
            .expect("seal starts");
        let mut told = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        lines.read_line(&mut told).expect("it says where it is");
        let told: Value = serde_json::from_str(&told).unwrap_or_else(|e| panic!("{told:?}: {e}"));
        let url = told["directory"].as_str().expect("a URL").to_owned();
        Self { dir, child, url, http, tls }
    }

    fn acme(&self, verb: &str, line: &str) -> Ran {
        self.dir.seal(&format!("acme {verb} --dir acme {line}"))
    }

    /// The options of whoever asks this CA.
    fn at(&self) -> String {
        format!("--server {} --ca ca/ca.pem", self.url)
    }

    fn verify(&self, file: &str) {
        self.dir
            .openssl(&format!("verify -x509_strict -CAfile ca/ca.pem -untrusted {file} {file}"));
    }

    fn log(&self) -> String {
        self.dir.seal("ca log --ca-dir ca").ok().text().to_owned()
    }
}

impl Drop for Ca {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody has now; the CA has to know it before the client listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

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

/// `seal serve` and `seal tunnel` are asked by the CA at their own port, and swap the certificate
/// while they serve; under mutual TLS the CA has no certificate to show.
#[test]
fn servers_fetch_their_own_certificates() {
    if !installed(&["openssl"]) {
        return;
    }
    let ca = Ca::serve("");
    ca.dir.seal("ca issue --ca-dir ca --client ops1").ok();
    let at = format!("--acme {} --acme-ca ca/ca.pem", ca.url);
    for (name, line) in [
        (
            "serve.localhost",
            format!(
                "serve --port {} --name serve.localhost {at} --acme-dir one --ca ca/ca.pem",
                ca.tls
            ),
        ),
        (
            "tunnel.localhost",
            format!(
                "tunnel server --listen 127.0.0.1:{} --target 127.0.0.1:9 {at} --acme-dir two \
                 --acme-name tunnel.localhost --ca ca/ca.pem",
                ca.tls
            ),
        ),
    ] {
        let mut server = Command::new(env!("CARGO_BIN_EXE_seal"))
            .args(line.split_whitespace())
            .current_dir(ca.dir.root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("seal starts");
        let believed = (0..600).any(|_| {
            let s_client = format!(
                "s_client -connect 127.0.0.1:{} -servername {name} -CAfile ca/ca.pem \
                 -verify_return_error -verify_hostname {name} -cert ops1-client.pem -key ops1-client-key.pem",
                ca.tls
            );
            let shown = ca.dir.try_openssl(&s_client);
            String::from_utf8_lossy(&shown.stdout).contains("Verify return code: 0")
        });
        let _ = server.kill();
        let _ = server.wait();
        assert!(believed, "{name}: never had a certificate of the CA\n{}", ca.log());
    }
    assert!(ca.log().contains("\"names\":\"tunnel.localhost\""));
}
