//! What a server accepts, found by hellos; the judge is sslscan.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use sealwire_testing::free_port;
use serde_json::Value;

use super::peers::s_server::Openssl;
use super::peers::served::Served;
use super::peers::{Folder, installed};
use super::{inspect, json, material};

/// The versions that are accepted, and how many suites of each.
pub(crate) fn accepted(facts: &Value) -> Vec<(String, usize)> {
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
        "no authentication",
    ] {
        assert!(ran.text().contains(reason), "{reason:?} in {}", ran.text());
    }
}

/// Servers whose only certificate has a key that few clients take: the handshake works, and the scan
/// says so too.
#[test]
fn a_scan_never_says_no_to_what_the_handshake_has_shown() {
    let dir = Folder::new();
    for kind in ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87", "ed25519"] {
        dir.seal(&format!("key new --{kind} --out k --force")).ok();
        dir.seal("cert self-sign --key k --name localhost --out c --force").ok();
        let server = Served::start(&dir, "--cert c --key k");
        let facts = json(&inspect(&dir, server.port, "--scan --json --ca c"));
        assert_eq!(facts["trust"]["trusted"], true, "{kind}: {facts}");
        assert_eq!(facts["connection"]["protocol"], "TLSv1.3", "{kind}");
        let accepted = accepted(&facts);
        let found = accepted.iter().find(|(name, _)| name == "TLSv1.3");
        assert!(found.is_some_and(|(_, suites)| *suites == 3), "{kind}: {accepted:?}");
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
