//! Chromium opens a page with a certificate of the local CA: without a warning when the CA is
//! installed, and not at all when it is not.

mod peers;

use std::process::Command;

use peers::https::Server;
use peers::served::Served;
use peers::{Folder, Ran, installed};

/// The page as Chromium shows it, or why it does not.
fn visit(dir: &Folder, home: &str, url: &str) -> String {
    let home = dir.path(home);
    std::fs::create_dir_all(&home).unwrap();
    let profile = format!("--user-data-dir={}", home.join("chromium").display());
    let mut command = Command::new("chromium");
    command.env("HOME", &home).env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        &profile,
        "--dump-dom",
        url,
    ];
    let Ran { stdout, stderr, .. } = dir.run(command, &flags, b"").ok();
    let failed = stderr.lines().find(|line| line.contains("Page load failed"));
    failed.map_or_else(|| String::from_utf8_lossy(&stdout).into_owned(), str::to_owned)
}

#[test]
fn a_page_is_shown_only_when_the_ca_is_installed() {
    if !installed(&["chromium", "certutil", "node"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca --name Chromium-Test-CA").ok();
    dir.seal("ca issue --ca-dir ca localhost 127.0.0.1").ok();
    let server = Server::start(&dir, "localhost+1.pem", "localhost+1-key.pem");
    let url = format!("https://localhost:{}/", server.port);

    let stranger = visit(&dir, "stranger", &url);
    assert!(!stranger.contains("sealed"), "{stranger}");
    assert!(stranger.contains("ERR_CERT_AUTHORITY_INVALID"), "{stranger}");

    dir.seal("trust install --ca-dir ca --store nss --nss-profile friend/.pki/nssdb").ok();
    let friend = visit(&dir, "friend", &url);
    assert!(friend.contains("<p>sealed</p>"), "{friend}");
    let by_address = visit(&dir, "friend", &format!("https://127.0.0.1:{}/", server.port));
    assert!(by_address.contains("<p>sealed</p>"), "{by_address}");
}

/// The same with `seal serve FOLDER`, which needs no certificate: the CA makes one on the spot.
#[test]
fn seal_serves_pages_that_chromium_believes() {
    if !installed(&["chromium", "certutil"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca --name Chromium-Test-CA").ok();
    std::fs::create_dir(dir.path("site")).unwrap();
    dir.write("site/index.html", "<script src=app.js></script><p id=p>plain</p>");
    // Strict MIME checking: a script of another type would not run.
    dir.write(
        "site/app.js",
        "onload = () => document.all.p.textContent = 'sealed ' + location.protocol",
    );
    let mut server = Served::start(&dir, "site --ca-dir ca");
    let url = server.listening["url"].as_str().unwrap().to_owned();
    assert_eq!(url, format!("https://localhost:{}/", server.port));

    let stranger = visit(&dir, "stranger", &url);
    assert!(stranger.contains("ERR_CERT_AUTHORITY_INVALID"), "{stranger}");
    assert_eq!(server.next_of("failed")["code"], "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN");

    dir.seal("trust install --ca-dir ca --store nss --nss-profile friend/.pki/nssdb").ok();
    let friend = visit(&dir, "friend", &url);
    assert!(friend.contains("sealed https:"), "{friend}");
    assert_eq!(server.next_of("request")["http"], "HTTP/2");
    let redirected = visit(&dir, "friend", &format!("http://localhost:{}/", server.port));
    assert!(redirected.contains("sealed https:"), "{redirected}");
}

/// What Chromium says of our other certificates agrees with what `seal cert lint` says.
#[test]
fn chromium_refuses_what_lint_warns_of() {
    if !installed(&["chromium", "certutil", "node", "openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca --name Chromium-Test-CA --unconstrained").ok();
    dir.seal("trust install --ca-dir ca --store nss --nss-profile home/.pki/nssdb").ok();
    dir.seal("key new --rsa 2048 --out k.pem").ok();
    dir.seal("csr new --key k.pem --subject /CN=localhost --out c.pem").ok();
    let sign = "cert sign --csr c.pem --ca ca/ca.pem --ca-key ca/ca-key.pem --force --out cert.pem";
    for (options, code, error) in [
        ("", "no-san", "ERR_CERT_COMMON_NAME_INVALID"),
        (
            "--name localhost --not-before 2020-01-01 --not-after 2020-02-01",
            "expired",
            "ERR_CERT_DATE_INVALID",
        ),
        ("--name other.test", "", "ERR_CERT_COMMON_NAME_INVALID"),
        ("--name localhost --days 90", "", ""),
    ] {
        dir.seal(&format!("{sign} {options}")).ok();
        let lint = dir.seal("cert lint cert.pem");
        assert!(lint.text().contains(code), "{lint:?}");
        let server = Server::start(&dir, "cert.pem", "k.pem");
        let page = visit(&dir, "home", &format!("https://localhost:{}/", server.port));
        match error {
            "" => assert!(page.contains("<p>sealed</p>"), "{page}"),
            _ => assert!(page.contains(error), "{options}: {page}"),
        }
    }
}
