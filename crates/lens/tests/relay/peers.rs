//! Programs that people use, through the proxy.

use sealwire_lens::flow::{HttpVersion, Leg, What};
use sealwire_lens::intercept::{Authority, Mode, Reverse, Target};
use sealwire_testing::installed;

use crate::origins::{BOTH, before, node};
use crate::support::{ok, run, start};

#[tokio::test(flavor = "multi_thread")]
async fn curl_finds_the_protocol_of_the_origin() {
    if !(installed("curl") && installed("node")) {
        return;
    }
    let (proxy, origin) = before(BOTH, |_| {}).await;
    for (option, protocol) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let mut curl = proxy.curl();
        let url = format!("https://localhost:{}/a?b=c", origin.port);
        curl.args([option, "-w", " %{http_version} %header{alt-svc}", "-d", "12345", &url]);
        assert_eq!(ok(&run(curl).await), format!("POST /a?b=c 5 {protocol} "));
    }
    let requests = proxy.memory.requests();
    assert_eq!(requests[0].version, HttpVersion::Http2);
    assert_eq!(requests[1].version, HttpVersion::Http11);
    for request in &requests {
        let authority = format!("localhost:{}", origin.port);
        assert_eq!((request.scheme.as_str(), &request.authority), ("https", &authority));
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/a?b=c"));
    }
    for leg in [Leg::Client, Leg::Origin] {
        let facts = proxy.memory.handshakes(leg);
        assert_eq!(facts[0].alpn.as_deref(), Some(&b"h2"[..]), "{leg:?}");
        assert_eq!(facts[1].alpn.as_deref(), Some(&b"http/1.1"[..]), "{leg:?}");
        assert!(facts.iter().all(|facts| facts.version.as_deref() == Some("TLSv1.3")));
        assert!(facts.iter().all(|facts| facts.key_log.len() >= 4 && facts.told.len() > 5));
        assert!(facts.iter().all(|facts| facts.hello.ja4.as_ref().unwrap().starts_with("t13d")));
    }
    let verdict = proxy.memory.handshakes(Leg::Origin)[0].verdict.clone().unwrap();
    assert!(verdict.authorized && verdict.code.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_comes_in_by_every_entrance() {
    if !(installed("curl") && installed("node")) {
        return;
    }
    const PLAIN: &str = "const s = require('http').createServer((q, r) => r.end(`plain ${q.url} \
                         ${q.headers.host}`)); s.listen(0, '127.0.0.1', () => \
                         console.log(s.address().port));";
    let proxy = start(|_| {}).await;
    let origin = node(proxy.folder.path(), PLAIN, &[]);
    let host = format!("localhost:{}", origin.port);
    let expected = format!("plain /x {host}");
    let url = format!("http://{host}/x");
    let socks = format!("socks5h://{}", proxy.address);
    for way in [vec![], vec!["-p"], vec!["-x", &socks]] {
        let mut curl = proxy.curl();
        curl.args(&way).arg(&url);
        assert_eq!(ok(&run(curl).await), expected, "{way:?}");
    }
    // One connection, two requests.
    let mut curl = proxy.curl();
    curl.args([&url, &url]);
    assert_eq!(ok(&run(curl).await), [&*expected, &*expected].concat());
    assert_eq!(proxy.memory.requests().len(), 5);

    let reverse = start(|settings| {
        settings.mode = Mode::Reverse(Reverse {
            origin: Target::parse(&host, None).unwrap(),
            tls: false,
            starttls: None,
            keep_host: false,
        });
    })
    .await;
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "--noproxy", "*", &format!("http://{}/x", reverse.address)]);
    assert_eq!(ok(&run(curl).await), expected);
    // The same origin, with TLS in front of it.
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "--noproxy", "*", "--cacert"]).arg(reverse.ca());
    curl.args([
        "--connect-to",
        &format!("localhost:443:{}", reverse.address),
        "https://localhost/x",
    ]);
    assert_eq!(ok(&run(curl).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ca_is_given_to_who_asks_the_proxy_itself() {
    if !installed("curl") {
        return;
    }
    let proxy = start(|_| {}).await;
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "--noproxy", "*", &format!("{}/ca.pem", proxy.url())]);
    assert!(ok(&run(curl).await).starts_with("-----BEGIN CERTIFICATE-----"));
    // It does not go round.
    let mut curl = proxy.curl();
    curl.args(["-w", "%{http_code}", &proxy.url()]);
    let page = ok(&run(curl).await);
    assert!(page.contains("is this proxy itself") && page.ends_with("502"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn git_and_python_are_served() {
    if !(installed("git") && installed("python3") && installed("node")) {
        return;
    }
    let (proxy, origin) = before(BOTH, |_| {}).await;
    let url = format!("https://localhost:{}/p", origin.port);
    let mut python = std::process::Command::new("python3");
    python
        .args([
            "-c",
            "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())",
        ])
        .arg(&url)
        .env("https_proxy", proxy.url())
        .env("no_proxy", "")
        .env("SSL_CERT_FILE", proxy.ca());
    assert_eq!(ok(&run(python).await).trim(), "GET /p 0");
    let mut git = std::process::Command::new("git");
    git.args(["ls-remote", &url])
        .env("https_proxy", proxy.url())
        .env("no_proxy", "")
        .env("GIT_SSL_CAINFO", proxy.ca());
    // It is no repository; how git says so is its own.
    let _ = run(git).await;
    proxy
        .memory
        .told(|events| {
            let is_gits = |event: &&sealwire_lens::flow::Event| {
                matches!(&event.what, What::Request { head, .. } if head.path.contains("git-upload-pack"))
            };
            events.iter().find(is_gits).map(drop)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ca_signs_for_its_hosts_only() {
    if !(installed("curl") && installed("node")) {
        return;
    }
    let only = Authority::throw_away(&["localhost".parse().unwrap()]).unwrap();
    let (proxy, origin) = before(BOTH, |settings| settings.authority = only).await;
    for (host, code) in [("localhost", 0), ("127.0.0.1", 60)] {
        let mut curl = proxy.curl();
        curl.arg(format!("https://{host}:{}/", origin.port));
        let ran = run(curl).await;
        assert_eq!(ran.status.code(), Some(code), "{host}: {ran:?}");
    }
}
