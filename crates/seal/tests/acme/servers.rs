//! Servers that fetch their own certificates.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ca::Ca;
use crate::peers::{Folder, installed};
use sealwire_testing::free_port;

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
    for (name, folder, line) in [
        (
            "serve.localhost",
            "one",
            format!(
                "serve --port {} --name serve.localhost {at} --acme-dir one --ca ca/ca.pem",
                ca.tls
            ),
        ),
        (
            "tunnel.localhost",
            "two",
            format!(
                "tunnel server --listen 127.0.0.1:{} --target 127.0.0.1:9 {at} --acme-dir two \
                 --acme-name tunnel.localhost --ca ca/ca.pem",
                ca.tls
            ),
        ),
    ] {
        let mut server = started(&ca, &line);
        let own = "-cert ops1-client.pem -key ops1-client-key.pem";
        let believed = believed(&ca, name, ca.tls, own);
        let _ = server.kill();
        let _ = server.wait();
        assert!(believed, "{name}: never had a certificate of the CA\n{}", ca.log());
        left_to_its_server(&ca, name, folder);
    }
    assert!(ca.log().contains("\"names\":\"tunnel.localhost\""));
}

/// The same by http-01: a port for that alone, which two services of a tunnel share.
#[test]
fn servers_prove_their_names_at_another_port() {
    if !installed(&["openssl"]) {
        return;
    }
    let ca = Ca::serve("");
    let http = ca.http;
    let port = free_port();
    let line = format!(
        "serve --port {port} --name serve.localhost --acme {} --acme-ca ca/ca.pem --acme-dir one \
         --acme-http 127.0.0.1:{http}",
        ca.url
    );
    has_a_certificate(&ca, &line, &[("serve.localhost", port)]);
    left_to_its_server(&ca, "serve.localhost", "one");

    let ports = [free_port(), free_port()];
    let service = |name: &str, port: u16| {
        format!(
            "[[service]]\nname = \"{name}\"\nlisten = \"127.0.0.1:{port}\"\ntarget = \"127.0.0.1:9\"\n\
             acme = \"{}\"\nacme-ca = \"ca/ca.pem\"\nacme-dir = \"{name}\"\n\
             acme-name = \"{name}.localhost\"\nacme-http = \"127.0.0.1:{http}\"\n",
            ca.url
        )
    };
    ca.dir.write("tunnel.toml", service("red", ports[0]) + &service("blue", ports[1]));
    let names = [("red.localhost", ports[0]), ("blue.localhost", ports[1])];
    has_a_certificate(&ca, "tunnel run tunnel.toml", &names);
    let bad = service("red", ports[0]).replace(&format!("127.0.0.1:{http}"), "port 80");
    ca.dir.write("bad.toml", bad);
    ca.dir.seal("tunnel check bad.toml").err_is("acme-http: \"port 80\" is not ADDRESS:PORT");
}

fn started(ca: &Ca, line: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_seal"))
        .args(line.split_whitespace())
        .current_dir(ca.dir.root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("seal starts")
}

/// Runs a server until it shows a certificate of the CA for each name.
fn has_a_certificate(ca: &Ca, line: &str, names: &[(&str, u16)]) {
    let mut server = started(ca, line);
    let shown: Vec<_> = names.iter().map(|(name, port)| believed(ca, name, *port, "")).collect();
    let _ = server.kill();
    let _ = server.wait();
    assert!(shown.iter().all(|shown| *shown), "{line}: {names:?}: {shown:?}\n{}", ca.log());
}

/// Whether a server has a certificate of the CA, sooner or later.
fn believed(ca: &Ca, name: &str, port: u16, more: &str) -> bool {
    let until = Instant::now() + Duration::from_secs(240);
    let s_client = format!(
        "s_client -connect 127.0.0.1:{port} -servername {name} -CAfile ca/ca.pem -verify_return_error \
         -verify_hostname {name} {more}"
    );
    while Instant::now() < until {
        let shown = ca.dir.try_openssl(&s_client);
        if String::from_utf8_lossy(&shown.stdout).contains("Verify return code: 0") {
            return true;
        }
    }
    false
}

/// `seal acme renew` finds the folder of a server: it cannot prove the names, and must not put off
/// the server's own renewal by a failure of its own.
fn left_to_its_server(ca: &Ca, name: &str, folder: &str) {
    let seal = |verb: &str| ca.dir.seal(&format!("acme {verb} --dir {folder}"));
    let all = seal("renew --force").ok();
    assert_eq!((all.text(), all.stderr.as_str()), ("", ""), "{name}");
    let named = seal(&format!("renew --force {name}"));
    assert!(named.code == 1 && named.stderr.contains("seal serve --acme"), "{named:?}");
    let status: Value = serde_json::from_str(seal("status --json").ok().text()).unwrap();
    assert_eq!((&status[0]["renewed_by"], &status[0]["failures"]), (&"service".into(), &0.into()));
    assert!(seal("status").ok().text().ends_with(", renewed by its server\n"), "{status}");
}

/// Two servers, one database: what an account has at one it has at the other, and either may be
/// killed.
#[cfg(unix)]
#[test]
fn two_servers_share_a_database() {
    if !installed(&["openssl"]) {
        return;
    }
    let at = tempfile::tempdir().unwrap();
    let Some(database) = sealwire_testing::PostgreSql::start(at.path(), "") else { return };
    let options = format!("--proofs-last 0s --database {}", database.url());
    let one = Ca::serve(&options);
    one.acme("issue", &format!("one.localhost {} --http 127.0.0.1:{}", one.at(), one.http)).ok();
    let copied = Folder::new();
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(one.dir.path("ca"));
    copied.run(copy, &["ca"], b"").ok();
    let other = Ca::over(copied, &options);
    drop(one);
    other
        .acme("issue", &format!("two.localhost {} --http 127.0.0.1:{}", other.at(), other.http))
        .ok();
    let log = other.dir.seal(&format!("ca log --ca-dir ca --database {}", database.url())).ok();
    for name in ["one.localhost", "two.localhost"] {
        assert!(log.text().contains(&format!("\"names\":\"{name}\"")), "{name}: {}", log.text());
    }
    let check = format!("ca log --ca-dir ca --check --database {}", database.url());
    assert!(other.dir.seal(&check).ok().text().starts_with("the log is whole"));
    let nowhere =
        other.dir.seal("ca log --ca-dir ca --database postgres://ca:secret@127.0.0.1:1/ca");
    assert!(
        nowhere.code == 2 && nowhere.stderr.contains("--database: postgres://127.0.0.1:1/ca"),
        "{nowhere:?}"
    );
    assert!(!nowhere.stderr.contains("secret"), "{nowhere:?}");
}
