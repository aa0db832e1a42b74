//! `seal inspect`: servers of OpenSSL in several configurations, files, and clients.

mod peers;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use peers::s_server::Openssl;
use peers::served::Served;
use peers::{Folder, Ran, installed};
use serde_json::Value;

/// A folder with a CA and certificates for localhost by it: P-256 and RSA.
fn material() -> Folder {
    let dir = Folder::new();
    for line in [
        "ca init --ca-dir ca",
        "ca issue --ca-dir ca localhost --cert-file ec.pem --key-file ec.key --days 90",
        "ca issue --ca-dir ca localhost --cert-file rsa.pem --key-file rsa.key --key-kind rsa:2048",
    ] {
        dir.seal(line).ok();
    }
    dir
}

fn inspect(dir: &Folder, port: u16, options: &str) -> Ran {
    dir.seal(&format!("inspect localhost:{port} {options}"))
}

#[track_caller]
fn json(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

#[test]
fn a_server_is_shown_on_a_card_with_a_verdict() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key -alpn h2");
    let ran = inspect(&dir, server.port, "--ca ca/ca.pem --alpn h2").ok();
    for part in [
        "speaks     TLSv1.3, TLS_AES_",
        "ALPN       h2",
        "tickets    2, for 7200 s",
        ": trusted\n  CN=localhost",
        "names      DNS:localhost",
    ] {
        assert!(ran.text().contains(part), "{part:?} in {}", ran.text());
    }
    let ran = inspect(&dir, server.port, "--json");
    assert_eq!(ran.code, 1);
    let facts = json(&ran);
    assert_eq!(facts["trust"]["code"], "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    assert_eq!(facts["connection"]["protocol"], "TLSv1.3");
    assert!(facts["trust"]["errors"][0]["advice"].is_string(), "{facts}");
    let ran = inspect(&dir, server.port, "--ca ca/ca.pem --servername other.test --json");
    assert_eq!(json(&ran)["trust"]["code"], "ERR_TLS_CERT_ALTNAME_INVALID");
    // What is not reached, and what is no TLS.
    let ran = inspect(&dir, 1, "");
    assert!(ran.code == 2 && ran.stderr.contains("nothing listens there"), "{ran:?}");
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    let speaking = std::thread::spawn(move || {
        let (mut tcp, _) = plain.accept().unwrap();
        tcp.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
        let _ = tcp.read(&mut [0; 4096]);
    });
    let ran = inspect(&dir, port, "");
    speaking.join().unwrap();
    assert!(ran.code == 1 && ran.text().contains("it looks like SSH"), "{ran:?}");
}

#[test]
fn a_stapled_response_is_read_and_judged() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    dir.seal("ca issue --ca-dir ca localhost --cert-file other.pem --key-file other.key").ok();
    let openssl = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        dir.run(Command::new("openssl"), &words, b"").ok()
    };
    let serial = openssl("x509 -in ec.pem -noout -serial");
    let serial = serial.text().trim().trim_start_matches("serial=").to_owned();
    let answer = |file: &str, entry: &str, about: &str, signer: &str| {
        dir.write("index", format!("{entry}\t{serial}\tunknown\t/CN=localhost\n"));
        openssl(&format!("ocsp -issuer ca/ca.pem -cert {about} -reqout request -no_nonce"));
        openssl(&format!(
            "ocsp -index index -CA ca/ca.pem {signer} -ndays 7 -reqin request -respout {file}"
        ));
    };
    let by_ca = "-rsigner ca/ca.pem -rkey ca/ca-key.pem";
    let (good, revoked) = ("V\t450101000000Z\t", "R\t450101000000Z\t250601000000Z,superseded");
    answer("good", good, "ec.pem", by_ca);
    answer("revoked", revoked, "ec.pem", by_ca);
    answer("another", good, "rsa.pem", by_ca);
    answer("stranger", good, "ec.pem", "-rsigner other.pem -rkey other.key");
    dir.write("later", [0x30, 3, 0x0a, 1, 3]);
    for (file, code, status, says) in [
        ("good", 0, Some("good"), ", signed by the issuer\n"),
        ("revoked", 1, Some("revoked"), "REVOKED since 2025-06-01T00:00:00Z (superseded)"),
        ("another", 1, None, "; it is about another certificate\n"),
        ("stranger", 1, Some("good"), "; not verified: the signer's certificate is not for OCSP"),
        ("later", 1, None, "; the responder did not answer: tryLater\n"),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let options = format!("-cert ec.pem -key ec.key -status_file {file} {version}");
            let server = Openssl::start(&dir, &options);
            let ran = inspect(&dir, server.port, "--ca ca/ca.pem --explain --html page --force");
            assert_eq!(ran.code, code, "{file} {version}: {ran:?}");
            assert!(ran.text().contains(says), "{file} {version}: {}", ran.text());
            let page = String::from_utf8(dir.read("page")).unwrap();
            assert!(page.contains("an OCSP response, "), "{file} {version}");
            let facts = json(&inspect(&dir, server.port, "--ca ca/ca.pem --json"));
            assert_eq!(facts["connection"]["ocsp"]["status"].as_str(), status, "{facts}");
        }
    }
    // Without the issuer, nothing can be said of it.
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key -status_file good");
    let ran = inspect(&dir, server.port, "");
    assert!(ran.text().contains("the issuer's certificate is not known here"), "{ran:?}");
}

#[test]
fn a_handshake_is_told_message_by_message() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    for (options, expected) in [
        (
            "-cert ec.pem -key ec.key -tls1_3",
            &[
                "ClientHello",
                "ServerHello",
                "ChangeCipherSpec",
                "EncryptedExtensions",
                "Certificate",
                "CertificateVerify",
                "Finished",
                "ChangeCipherSpec",
                "Finished",
                "NewSessionTicket",
                "NewSessionTicket",
            ][..],
        ),
        (
            "-cert ec.pem -key ec.key -tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256 -groups P-384",
            &[
                "ClientHello",
                "HelloRetryRequest",
                "ChangeCipherSpec",
                "ChangeCipherSpec",
                "ClientHello",
                "ServerHello",
                "EncryptedExtensions",
                "Certificate",
                "CertificateVerify",
                "Finished",
                "Finished",
                "NewSessionTicket",
                "NewSessionTicket",
            ],
        ),
        (
            "-cert rsa.pem -key rsa.key -tls1_2",
            &[
                "ClientHello",
                "ServerHello",
                "Certificate",
                "ServerKeyExchange",
                "ServerHelloDone",
                "ClientKeyExchange",
                "ChangeCipherSpec",
                "Finished",
                "NewSessionTicket",
                "ChangeCipherSpec",
                "Finished",
            ],
        ),
        (
            "-cert ec.pem -key ec.key -tls1_3 -verify 1",
            &[
                "ClientHello",
                "ServerHello",
                "ChangeCipherSpec",
                "EncryptedExtensions",
                "CertificateRequest",
                "Certificate",
                "CertificateVerify",
                "Finished",
                "ChangeCipherSpec",
                "Certificate",
                "Finished",
                "NewSessionTicket",
                "NewSessionTicket",
            ],
        ),
    ] {
        let server = Openssl::start(&dir, options);
        let ran = inspect(&dir, server.port, "--ca ca/ca.pem --explain --json").ok();
        let facts = json(&ran);
        let told: Vec<&str> = facts["handshake"]["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["name"].as_str().unwrap())
            .filter(|name| *name != "Alert")
            .collect();
        assert_eq!(told, expected, "{options}");
    }
    // The same for eyes, and as a page.
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    let ran = inspect(&dir, server.port, "--ca ca/ca.pem --explain --html page.html").ok();
    assert!(ran.text().contains("<- {CertificateVerify}"), "{}", ran.text());
    assert!(ran.text().contains("proves that the server holds the certificate's key"));
    let page = String::from_utf8(dir.read("page.html")).unwrap();
    for part in ["<!doctype html>", "CertificateVerify", "0000  0f 00", "chose TLSv1.3"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    let again = inspect(&dir, server.port, "--ca ca/ca.pem --html page.html");
    assert!(again.code == 2 && again.stderr.contains("the file exists"), "{again:?}");
}

#[test]
fn a_failed_handshake_shows_how_far_it_came() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let server = Openssl::start(&dir, "-cert rsa.pem -key rsa.key -tls1_2 -Verify 1");
    let ran = inspect(&dir, server.port, "--ca ca/ca.pem --json");
    assert_eq!(ran.code, 1);
    let facts = json(&ran);
    assert_eq!(facts["trust"]["trusted"], true, "the certificate came before the refusal");
    let advice = facts["failure"]["advice"].as_str().unwrap();
    assert!(advice.contains("client certificate"), "{advice}");
    // A server that is too old for our engine is scanned all the same.
    let old = Openssl::start(&dir, "-cert rsa.pem -key rsa.key -tls1 -cipher ALL:@SECLEVEL=0");
    let facts = json(&inspect(&dir, old.port, "--scan --json"));
    assert_eq!(facts["failure"]["code"], "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    assert_eq!(accepted(&facts), [("TLSv1.0".to_owned(), 16)]);
}

/// The versions that are accepted, and how many suites of each.
fn accepted(facts: &Value) -> Vec<(String, usize)> {
    let versions = facts["scan"]["versions"].as_array().unwrap().iter();
    versions
        .filter(|version| version["accepted"] == true)
        .map(|version| {
            let name = version["name"].as_str().unwrap().to_owned();
            (name, version["suites"].as_array().unwrap().len())
        })
        .collect()
}

/// What the scan finds is what OpenSSL says it has turned on.
#[test]
fn a_scan_finds_what_is_turned_on() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    // sslscan 2.0.7 and nmap 7.93 find the same numbers of suites on this configuration.
    let all = Openssl::start(&dir, "-cert rsa.pem -key rsa.key -cipher ALL:@SECLEVEL=0");
    let facts = json(&inspect(&dir, all.port, "--scan --json --ca ca/ca.pem"));
    let expected = [("TLSv1.3", 3), ("TLSv1.2", 56), ("TLSv1.1", 16), ("TLSv1.0", 16)];
    assert_eq!(accepted(&facts), expected.map(|(name, count)| (name.to_owned(), count)));
    let groups: Vec<&str> = facts["scan"]["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["name"].as_str().unwrap())
        .collect();
    for group in ["X25519", "prime256v1", "secp384r1", "secp521r1", "X448", "ffdhe2048"] {
        assert!(groups.contains(&group), "{group} in {groups:?}");
    }
    assert!(
        !groups.iter().any(|group| group.contains("MLKEM")),
        "OpenSSL 3.0 has none: {groups:?}"
    );

    // Exactly the suites that are configured, in the server's order or the client's.
    let two = "-cert rsa.pem -key rsa.key -tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256";
    for (preference, server_order) in [("-serverpref", true), ("", false)] {
        let server = Openssl::start(&dir, &format!("{two} {preference}"));
        let facts = json(&inspect(&dir, server.port, "--scan --json"));
        let version = &facts["scan"]["versions"][1];
        let mut suites: Vec<&str> = version["suites"]
            .as_array()
            .unwrap()
            .iter()
            .map(|suite| suite["name"].as_str().unwrap())
            .collect();
        suites.sort_unstable();
        assert_eq!(
            suites,
            ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]
        );
        assert_eq!(version["server_order"], server_order, "{preference}");
    }
}

/// Version and number of every suite that sslscan finds.
fn sslscan(dir: &Folder, port: u16) -> Vec<(String, String)> {
    let target = format!("localhost:{port}");
    let options = [
        "--xml=-",
        "--no-heartbleed",
        "--no-compression",
        "--no-renegotiation",
        "--no-fallback",
        "--no-groups",
        "--no-check-certificate",
        "--ipv4",
        &target,
    ];
    let ran = dir.run(Command::new("sslscan"), &options, b"").ok();
    let attribute = |line: &str, name: &str| {
        let rest = line.split(&format!(" {name}=\"")).nth(1)?;
        rest.split('"').next().map(str::to_owned)
    };
    let ciphers = ran.text().lines().filter(|line| line.contains("<cipher "));
    let mut found: Vec<_> = ciphers
        .map(|line| {
            let version = attribute(line, "sslversion").expect("a version");
            (version, attribute(line, "id").expect("a number").to_lowercase())
        })
        .collect();
    found.sort();
    found
}

/// What our scan finds, in the same form.
fn scanned(dir: &Folder, port: u16) -> Vec<(String, String)> {
    let facts = json(&inspect(dir, port, "--scan --json"));
    let mut found = Vec::new();
    for version in facts["scan"]["versions"].as_array().unwrap() {
        for suite in version["suites"].as_array().unwrap() {
            let id = suite["id"].as_str().unwrap().to_owned();
            found.push((version["name"].as_str().unwrap().to_owned(), id));
        }
    }
    found.sort();
    found
}

/// Starts a server that says nothing about when it is ready, and waits until it answers.
fn start(dir: &Folder, program: &str, arguments: &[&str], port: u16) -> Daemon {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir.root()).stdout(Stdio::null()).stderr(Stdio::null());
    let daemon = Daemon(command.spawn().expect("it starts"));
    let start = std::time::Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed().as_secs() < 60, "{program} does not listen");
        std::thread::yield_now();
    }
    daemon
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago, for servers that cannot be asked which one they took.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The suites that we find are those of sslscan, on servers of four kinds.
#[test]
fn scans_agree_with_sslscan() {
    if !installed(&["openssl", "sslscan"]) {
        return;
    }
    let dir = material();
    for options in [
        "-cert rsa.pem -key rsa.key -cipher ALL:@SECLEVEL=0",
        "-cert ec.pem -key ec.key",
        "-cert rsa.pem -key rsa.key -tls1_2 -cipher ECDHE+AESGCM:DHE+CHACHA20 -serverpref",
        "-cert ec.pem -key ec.key -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256",
    ] {
        let server = Openssl::start(&dir, options);
        assert_eq!(scanned(&dir, server.port), sslscan(&dir, server.port), "{options}");
    }
    let ours = Served::start(&dir, "--cert rsa.pem --key rsa.key --cert ec.pem --key ec.key");
    assert_eq!(scanned(&dir, ours.port), sslscan(&dir, ours.port), "seal serve");

    if installed(&["haproxy"]) {
        dir.write("both.pem", [dir.read("rsa.pem"), dir.read("rsa.key")].concat());
        let port = free_port();
        dir.write("haproxy.cfg", format!(
            "defaults\n mode http\n timeout client 10s\n timeout connect 1s\n timeout server 1s\n\
             frontend f\n bind 127.0.0.1:{port} ssl crt both.pem ssl-min-ver TLSv1.2 ciphers ECDHE+AESGCM:AES128-SHA\n"
        ));
        let _haproxy = start(&dir, "haproxy", &["-f", "haproxy.cfg", "-db"], port);
        assert_eq!(scanned(&dir, port), sslscan(&dir, port), "haproxy");
    }
    if installed(&["nginx"]) {
        let port = free_port();
        dir.write("nginx.conf", format!(
            "daemon off; pid nginx.pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n\
             server {{ listen 127.0.0.1:{port} ssl; ssl_certificate rsa.pem; ssl_certificate_key rsa.key;\n\
             ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on;\n\
             ssl_ciphers ECDHE+CHACHA20:ECDHE+AESGCM:AES256-SHA256; }} }}\n"
        ));
        let root = dir.root().display().to_string();
        let arguments = ["-p", &root, "-c", "nginx.conf", "-g", "master_process off;"];
        let _nginx = start(&dir, "nginx", &arguments, port);
        assert_eq!(scanned(&dir, port), sslscan(&dir, port), "nginx");
    }
}

/// Our own server offers ML-KEM and nothing old: what Mozilla wants, but for what a scan tells.
#[test]
fn profiles_pass_and_fail_with_reasons() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let ours = Served::start(&dir, "--cert ec.pem --key ec.key");
    let ran = inspect(&dir, ours.port, "--profile intermediate --ca ca/ca.pem --json");
    let facts = json(&ran);
    assert_eq!(
        accepted(&facts).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["TLSv1.3", "TLSv1.2"]
    );
    assert_eq!(facts["scan"]["group_selected"], "X25519MLKEM768");
    let groups = facts["scan"]["groups"].as_array().unwrap();
    assert!(groups.iter().any(|g| g["name"] == "X25519MLKEM768" && g["post_quantum"] == true));
    let bad = Openssl::start(&dir, "-cert rsa.pem -key rsa.key -cipher ALL:@SECLEVEL=0");
    let ran = inspect(&dir, bad.port, "--profile modern --ca ca/ca.pem");
    assert_eq!(ran.code, 1);
    for reason in [
        "Mozilla 6.0 modern: fails",
        "TLSv1.2 should be off",
        "the group X25519MLKEM768 should be accepted",
        "the certificate's key should be ECDSA, it is RSA 2048",
        "the certificate lives 365 days, 90 at most are meant",
        "nobody proves who they are",
    ] {
        assert!(ran.text().contains(reason), "{reason:?} in {}", ran.text());
    }
}

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

/// A page is often all that somebody else gets to see of a server that is refused.
#[test]
fn a_page_of_a_handshake_has_the_verdict() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let server = Openssl::start(&dir, "-cert ec.pem -key ec.key");
    for (options, verdict) in [
        ("--ca ca/ca.pem", ": trusted"),
        ("--ca rsa.pem", ": not trusted: UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        ("--ca ca/ca.pem --servername b.test", ": not trusted: ERR_TLS_CERT_ALTNAME_INVALID"),
    ] {
        inspect(&dir, server.port, &format!("--html page.html --force {options}"));
        let page = String::from_utf8(dir.read("page.html")).unwrap();
        assert!(page.contains(verdict), "{verdict} in {page}");
    }
}

#[test]
fn a_clients_hello_is_explained() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let dir = Folder::new();
    let mut listening = Command::new(env!("CARGO_BIN_EXE_seal"))
        .args(["inspect", "--listen", "127.0.0.1:0", "--count", "3", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("seal starts");
    let mut said = BufReader::new(listening.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let port: u16 =
        line.split("127.0.0.1:").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    let mut offers = BufReader::new(listening.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        offers.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let url = format!("https://localhost:{port}/");
    dir.run(Command::new("curl"), &["-sk", &url], b"");
    let curl = next();
    assert_eq!(curl["server_name"], "localhost");
    assert_eq!(curl["alpn"], serde_json::json!(["h2", "http/1.1"]));
    assert!(curl["ja4"].as_str().unwrap().starts_with("t13d"), "{curl}");
    dir.try_openssl(&format!("s_client -connect 127.0.0.1:{port} -noservername -tls1_2"));
    let openssl = next();
    assert_eq!(
        (&openssl["server_name"], &openssl["versions"][0]),
        (&Value::Null, &"TLSv1.2".into())
    );
    assert!(openssl["ja4"].as_str().unwrap().starts_with("t12i"), "{openssl}");
    // Our own client, and one that is none, which is told and counts.
    let mut noise = TcpStream::connect(("127.0.0.1", port)).unwrap();
    noise.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(listening.wait().unwrap().success());
    line.clear();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("said no ClientHello"), "{line}");
}
