//! Origins that do not pass, and clients that do not trust.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sealwire_lens::flow::{Leg, Outcome, What};
use sealwire_testing::installed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::faithful::head;
use crate::origins::{Program, tls};
use crate::support::{Pki, ok, run, start};

async fn hello(mut stream: sealwire::TlsStream<tokio::net::TcpStream>) {
    head(&mut stream).await;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    // A client may have left.
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_does_not_pass_is_told_with_code_and_advice() {
    if !installed("curl") {
        return;
    }
    let pki = Pki::new();
    let origin = tls(&pki, &["localhost"], &[], hello).await;
    let url = format!("https://localhost:{}/", origin.port());
    let proxy = start(|_| {}).await;
    for (option, accept) in [("--http1.1", "text/html"), ("--http2", "*/*")] {
        let mut curl = proxy.curl();
        curl.args([option, "-H", &format!("Accept: {accept}"), "-w", "\n%{http_code}", &url]);
        let page = ok(&run(curl).await);
        assert!(page.ends_with("\n502"), "{page}");
        assert!(
            page.contains("SELF_SIGNED_CERT_IN_CHAIN") || page.contains("UNABLE_TO_VERIFY"),
            "{page}"
        );
        assert!(page.contains("--ca FILE"), "{page}");
        assert_eq!(page.contains("<!doctype html>"), accept == "text/html", "{page}");
    }
    let facts = &proxy.memory.handshakes(Leg::Origin)[0];
    let verdict = facts.verdict.as_ref().unwrap();
    assert!(!verdict.authorized && !verdict.evidence.is_empty() && !verdict.advice.is_empty());
    assert_eq!(facts.chain.len(), 1, "what it sent is told, too");

    let trusting = start(|settings| settings.trust = pki.trust()).await;
    let mut curl = trusting.curl();
    curl.arg(&url);
    assert_eq!(ok(&run(curl).await), "hello");
    // Another name than the certificate's.
    let mut curl = trusting.curl();
    curl.args(["-w", "%{http_code}", &format!("https://127.0.0.1:{}/", origin.port())]);
    let page = ok(&run(curl).await);
    assert!(page.contains("ERR_TLS_CERT_ALTNAME_INVALID") && page.ends_with("502"), "{page}");

    let careless = start(|settings| settings.insecure = true).await;
    let mut curl = careless.curl();
    curl.arg(&url);
    assert_eq!(ok(&run(curl).await), "hello");
    let verdict = careless.memory.handshakes(Leg::Origin)[0].verdict.clone().unwrap();
    assert!(!verdict.authorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_refuses_is_let_alone_the_next_time() {
    if !installed("curl") {
        return;
    }
    let pki = Pki::new();
    let origin = tls(&pki, &["localhost"], &[], hello).await;
    let proxy = start(|settings| {
        settings.trust = pki.trust();
        settings.passthrough.after_refusal = Some(Duration::from_secs(600));
    })
    .await;
    let root = proxy.folder.path().join("root.pem");
    std::fs::write(&root, pki.root().to_pem()).unwrap();
    // It trusts the origin's CA, and nobody else.
    let curl = || {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "", "-x", &proxy.url(), "--cacert"]).arg(&root);
        curl.arg(format!("https://localhost:{}/", origin.port()));
        curl
    };
    assert_eq!(run(curl()).await.status.code(), Some(60), "it does not trust the proxy");
    let fault = proxy.memory.fault().await.unwrap();
    assert!(
        fault.contains("refused the proxy's certificate for localhost by unknown_ca"),
        "{fault}"
    );
    let failure = proxy.memory.handshakes(Leg::Client)[0].failure.clone().unwrap();
    assert!(failure.refused_certificate && failure.alert == Some(48), "{failure:?}");
    assert_eq!(ok(&run(curl()).await), "hello");
    let passed = proxy.memory.all().into_iter().find_map(|event| match event.what {
        What::PassedBy { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(passed.as_ref().is_some_and(|reason| reason.contains("unknown_ca")), "{passed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_closes_is_not_let_alone() {
    let pki = Pki::new();
    let origin = tls(&pki, &["localhost"], &[], hello).await;
    let proxy = start(|settings| {
        settings.trust = pki.trust();
        settings.passthrough.after_refusal = Some(Duration::from_secs(600));
    })
    .await;
    let tcp = crate::faithful::tunnel(&proxy, "localhost", origin.port()).await;
    let name = "localhost".parse().unwrap();
    let tls = crate::faithful::client(&proxy).connect(name, tcp).await.unwrap();
    drop(tls);
    let fault = proxy.memory.fault().await.unwrap();
    assert!(
        fault.contains("closed right after the handshake") || fault.contains("the client"),
        "{fault}"
    );
    let tcp = crate::faithful::tunnel(&proxy, "localhost", origin.port()).await;
    let name = "localhost".parse().unwrap();
    assert!(crate::faithful::client(&proxy).connect(name, tcp).await.is_ok(), "still ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_on_the_list_are_let_alone() {
    if !installed("curl") {
        return;
    }
    let pki = Pki::new();
    let origin = tls(&pki, &["localhost"], &[], hello).await;
    let proxy = start(|settings| {
        settings.passthrough.hosts = vec!["localhost".parse().unwrap()];
    })
    .await;
    let root = proxy.folder.path().join("root.pem");
    std::fs::write(&root, pki.root().to_pem()).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--noproxy", "", "-x", &proxy.url(), "--cacert"]).arg(&root);
    curl.arg(format!("https://localhost:{}/", origin.port()));
    assert_eq!(ok(&run(curl).await), "hello");
    assert!(proxy.memory.requests().is_empty());
}

/// OpenSSL's server, which demands a certificate of these CAs. It speaks what ALPN chooses of `protocols`.
fn demanding(pki: &Pki, folder: &Path, protocols: &str) -> Program {
    let (cert, key) = pki.leaf_files(folder, "origin", &["localhost"]);
    let root = folder.join("root.pem");
    std::fs::write(&root, pki.root().to_pem()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl");
    server.args(["s_server", "-quiet", "-www", "-Verify", "1", "-verify_return_error", "-accept"]);
    server.arg(port.to_string()).arg("-cert").arg(cert).arg("-key").arg(key);
    server.arg("-CAfile").arg(root);
    if !protocols.is_empty() {
        server.args(["-alpn", protocols]);
    }
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let program = Program { child: server.spawn().unwrap(), port };
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_wants_a_certificate_says_whose() {
    if !(installed("curl") && installed("openssl")) {
        return;
    }
    let pki = Pki::new();
    let proxy = start(|settings| settings.trust = pki.trust()).await;
    for (protocols, option) in [("", "--http1.1"), ("http/1.1", "--http1.1"), ("h2", "--http2")] {
        let server = demanding(&pki, proxy.folder.path(), protocols);
        let mut curl = proxy.curl();
        let url = format!("https://localhost:{}/", server.port);
        curl.args([option, "-w", "\n%{http_code} %{http_version}", &url]);
        let page = ok(&run(curl).await);
        let expected = if protocols == "h2" { "502 2" } else { "502 1.1" };
        assert!(page.ends_with(expected), "{page}");
        assert!(page.contains("origins of this test") && page.contains("--client-cert"), "{page}");
    }
    let (certificate, key) = pki.leaf(&["client"]);
    let identity = sealwire::Identity::new(vec![certificate], &key).unwrap();
    let known = start(|settings| {
        settings.trust = pki.trust();
        settings.client_certificates = vec![("localhost".parse().unwrap(), identity)];
    })
    .await;
    let server = demanding(&pki, known.folder.path(), "");
    let mut curl = known.curl();
    let url = format!("https://localhost:{}/", server.port);
    curl.args(["--http1.1", "-o", "/dev/null", "-w", "%{http_code}", &url]);
    assert_eq!(ok(&run(curl).await), "200");
}

/// In TLS 1.3 a server refuses a certificate after the handshake is complete at the client's end, so before
/// or after a request comes.
#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_refuses_before_it_is_asked_is_told_all_the_same() {
    let pki = Pki::new();
    let (certificate, key) = pki.leaf(&["localhost"]);
    let proxy = start(|settings| settings.trust = pki.trust()).await;
    for protocols in [&[][..], &["http/1.1"]] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let context = sealwire::SecureContext::builder()
            .identity(sealwire::Identity::new(vec![certificate.clone()], &key).unwrap())
            .trust(pki.trust())
            .build()
            .unwrap();
        let acceptor = sealwire::Acceptor::new(context)
            .client_auth(sealwire::ClientAuth::Require)
            .alpn(protocols.iter().copied());
        for _ in 0..20 {
            let tcp = crate::faithful::tunnel(&proxy, "localhost", port).await;
            let origin = async {
                let (tcp, _) = listener.accept().await.unwrap();
                acceptor.accept(tcp).await.map(drop).unwrap_err()
            };
            let name = "localhost".parse().unwrap();
            let client = crate::faithful::client_of(&proxy, protocols);
            let (refused, tls) = tokio::join!(origin, client.connect(name, tcp));
            assert!(refused.to_string().contains("no certificates"), "{refused}");
            let mut tls = tls.unwrap();
            tls.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            tls.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
            assert!(answer.contains("--client-cert"), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_is_not_there_is_told() {
    if !installed("curl") {
        return;
    }
    let proxy = start(|_| {}).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut curl = proxy.curl();
    curl.args(["-w", "%{http_code}", &format!("http://127.0.0.1:{port}/")]);
    let page = ok(&run(curl).await);
    assert!(page.contains("nothing listens there") && page.ends_with("502"), "{page}");
    proxy
        .memory
        .told(|events| {
            events.iter().find_map(|event| match &event.what {
                What::End { end, .. } => {
                    assert!(matches!(end.outcome, Outcome::OriginFailed(_)));
                    Some(())
                }
                _ => None,
            })
        })
        .await;
    let mut curl = proxy.curl();
    curl.arg(format!("https://127.0.0.1:{port}/"));
    let refused = run(curl).await;
    assert_eq!(refused.status.code(), Some(56), "the CONNECT is refused");
}
