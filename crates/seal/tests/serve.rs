//! `seal serve`: folders, programs, names and certificates, with curl and openssl as the clients.

mod peers;

use std::process::{Command, Stdio};

use peers::served::Served;
use peers::{Folder, Ran, installed};

/// A folder with a site in it and, beside it, what must not be seen; and a CA in `ca`.
fn site() -> Folder {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    for folder in ["site", "site/sub", "site/.git", "site/.well-known"] {
        std::fs::create_dir(dir.path(folder)).unwrap();
    }
    for (file, content) in [
        ("secret.txt", "secret"),
        ("site/index.html", "<p>home</p>"),
        ("site/a.txt", "0123456789"),
        ("site/style.css", "p{}"),
        ("site/app.js", "1"),
        ("site/data.json", "{}"),
        ("site/pic.svg", "<svg/>"),
        ("site/pic.png", "png"),
        ("site/mod.wasm", "\0asm"),
        ("site/no-extension", "?"),
        ("site/sub/b & <c>.txt", "b"),
        ("site/sub/ä.txt", "umlaut"),
        ("site/.git/config", "secret"),
        ("site/.env", "secret"),
        ("site/.well-known/x", "known"),
    ] {
        dir.write(file, content);
    }
    dir
}

/// What curl says of a request: `HTTP-version code content-type`, and the body.
fn curl(dir: &Folder, server: &Served, path: &str, options: &[&str]) -> (String, String) {
    let url = format!("https://localhost:{}{path}", server.port);
    let mut arguments = vec![
        "-s",
        "--path-as-is",
        "--cacert",
        "ca/ca.pem",
        "-w",
        "\n%{http_version} %{http_code} %{content_type}",
    ];
    arguments.extend(options);
    arguments.push(&url);
    let Ran { stdout, .. } = dir.run(Command::new("curl"), &arguments, b"").ok();
    let text = String::from_utf8_lossy(&stdout);
    let (body, told) = text.rsplit_once('\n').unwrap();
    (told.trim_end().to_owned(), body.to_owned())
}

#[test]
fn files_have_their_types_over_both_versions_of_http() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = site();
    let server = Served::start(&dir, "site --ca-dir ca");
    for (path, kind, body) in [
        ("/", "text/html; charset=utf-8", "<p>home</p>"),
        ("/a.txt", "text/plain; charset=utf-8", "0123456789"),
        ("/a.txt?x=../y", "text/plain; charset=utf-8", "0123456789"),
        ("/style.css", "text/css; charset=utf-8", "p{}"),
        ("/app.js", "text/javascript; charset=utf-8", "1"),
        ("/data.json", "application/json", "{}"),
        ("/pic.svg", "image/svg+xml", "<svg/>"),
        ("/pic.png", "image/png", "png"),
        ("/mod.wasm", "application/wasm", "\0asm"),
        ("/no-extension", "application/octet-stream", "?"),
        ("/sub/%C3%A4.txt", "text/plain; charset=utf-8", "umlaut"),
        ("/.well-known/x", "application/octet-stream", "known"),
    ] {
        for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
            let (told, got) = curl(&dir, &server, path, &[option]);
            assert_eq!(told, format!("{version} 200 {kind}"), "{path}");
            assert_eq!(got, body, "{path}");
        }
    }
    let (told, head) = curl(&dir, &server, "/a.txt", &["--head"]);
    assert!(told.starts_with("2 200") && head.contains("content-length: 10\r\n"), "{head}");
    for header in ["etag: \"", "last-modified: ", "accept-ranges: bytes", "nosniff", "no-cache"] {
        assert!(head.contains(header), "{header} in {head}");
    }
    assert!(curl(&dir, &server, "/a.txt", &["-X", "POST"]).0.starts_with("2 405"));
}

#[test]
fn a_folder_without_index_is_a_page_of_links() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = site();
    let mut server = Served::start(&dir, "site --ca-dir ca");
    let (told, page) = curl(&dir, &server, "/sub/", &[]);
    assert_eq!(told, "2 200 text/html; charset=utf-8");
    assert!(
        page.contains("<a href=\"./b%20%26%20%3Cc%3E.txt\">b &amp; &lt;c&gt;.txt</a>"),
        "{page}"
    );
    assert_eq!(curl(&dir, &server, "/sub/b%20%26%20%3Cc%3E.txt", &[]).1, "b");
    let to_slash = curl(&dir, &server, "/sub", &["-w", "\n%{redirect_url}"]).0;
    assert_eq!(to_slash, format!("https://localhost:{}/sub/", server.port));
    let requests: Vec<_> = (0..3).map(|_| server.next_of("request")).collect();
    assert_eq!((&requests[0]["target"], &requests[0]["status"]), (&"/sub/".into(), &200.into()));

    let closed = Served::start(&dir, "site --ca-dir ca --no-listing");
    assert!(curl(&dir, &closed, "/sub/", &[]).0.starts_with("2 404"));
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_folder_and_no_dotfile_is_seen() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = site();
    let link =
        |target: &str, name: &str| std::os::unix::fs::symlink(target, dir.path(name)).unwrap();
    link("../secret.txt", "site/leak.txt");
    link("..", "site/up");
    link("/", "site/everything");
    link("a.txt", "site/alias.txt");
    link("sub", "site/sublink");
    // Whoever opens a pipe waits for somebody to write into it.
    assert!(Command::new("mkfifo").arg(dir.path("site/pipe")).status().unwrap().success());
    let server = Served::start(&dir, "site --ca-dir ca");
    let secret = dir.path("secret.txt");
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub/../../secret.txt",
        "/sub/%2e%2e/%2e%2e/secret.txt",
        "/..\\secret.txt",
        "/leak.txt",
        "/up/secret.txt",
        "/everything/etc/passwd",
        "/pipe",
        "/.git/config",
        "/%2egit/config",
        "/.git/",
        "/.env",
        "/a.txt/",
        "/a.txt/x",
        "/%00",
        "/nothing",
        &format!("/{}", secret.display()),
    ] {
        let (told, body) = curl(&dir, &server, path, &["--max-time", "20"]);
        assert!(told.starts_with("2 404") || told.starts_with("2 400"), "{path}: {told}");
        assert!(!body.contains("secret\n") && body != "secret", "{path}: {body}");
    }
    // A link within the folder is one of its files.
    assert_eq!(curl(&dir, &server, "/alias.txt", &[]).1, "0123456789");
    assert!(curl(&dir, &server, "/sublink/", &[]).1.contains("b%20%26"));
    // No redirect to another host.
    std::fs::create_dir(dir.path("site/evil.test")).unwrap();
    let (to, _) = curl(&dir, &server, "//evil.test", &["-w", "\n%{redirect_url}"]);
    assert_eq!(to, format!("https://localhost:{}/evil.test/", server.port));
    let page = curl(&dir, &server, "/sub/..", &[]).1;
    assert!(!page.contains("secret"), "{page}");

    let open = Served::start(&dir, "site --ca-dir ca --dotfiles");
    assert_eq!(curl(&dir, &open, "/.env", &[]).1, "secret");
    assert!(curl(&dir, &open, "/leak.txt", &[]).0.starts_with("2 404"));
}

#[test]
fn parts_and_conditions_are_honoured() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = site();
    let server = Served::start(&dir, "site --ca-dir ca");
    let (_, head) = curl(&dir, &server, "/a.txt", &["--head"]);
    let value = |name: &str| {
        let line = head.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].trim().to_owned()
    };
    let (tag, date) = (value("etag:"), value("last-modified:"));
    for (headers, code, body) in [
        (vec!["Range: bytes=2-4".to_owned()], "206", "234"),
        (vec!["Range: bytes=-2".to_owned()], "206", "89"),
        (vec!["Range: bytes=8-".to_owned()], "206", "89"),
        (vec!["Range: bytes=8-100".to_owned()], "206", "89"),
        (vec![format!("If-None-Match: {tag}")], "304", ""),
        (vec![format!("If-Modified-Since: {date}")], "304", ""),
        (vec!["If-None-Match: \"other\"".to_owned()], "200", "0123456789"),
        (vec!["Range: bytes=0-1".to_owned(), format!("If-Range: {tag}")], "206", "01"),
        (vec!["Range: bytes=0-1".to_owned(), format!("If-Range: {date}")], "206", "01"),
        (
            vec!["Range: bytes=0-1".to_owned(), "If-Range: \"other\"".to_owned()],
            "200",
            "0123456789",
        ),
        (vec!["Range: bytes=0-1".to_owned(), format!("If-Range: W/{tag}")], "200", "0123456789"),
    ] {
        let options: Vec<&str> = headers.iter().flat_map(|header| ["-H", header]).collect();
        let (told, got) = curl(&dir, &server, "/a.txt", &options);
        assert_eq!(told.split(' ').nth(1), Some(code), "{headers:?}: {told}");
        assert_eq!(got, body, "{headers:?}");
    }
    for (header, code) in [("Range: bytes=10-", "416"), ("If-Match: \"other\"", "412")] {
        assert!(curl(&dir, &server, "/a.txt", &["-H", header]).0.contains(code), "{header}");
    }
}

#[test]
fn plain_http_is_sent_to_https() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = site();
    let mut server = Served::start(&dir, "site --ca-dir ca");
    let url = format!("http://localhost:{}/sub/?q=1", server.port);
    let asked = ["-s", "-o", "page", "-w", "%{http_code} %{redirect_url}", &url];
    let said = dir.run(Command::new("curl"), &asked, b"").ok();
    let location = format!("https://localhost:{}/sub/?q=1", server.port);
    assert_eq!(said.text(), format!("308 {location}"));
    assert_eq!(server.next_of("redirected")["location"], location.as_str());
    let followed = ["-sL", "--cacert", "ca/ca.pem", &url];
    let page = dir.run(Command::new("curl"), &followed, b"").ok();
    assert!(page.text().contains("b &amp; &lt;c&gt;.txt"), "{}", page.text());
    // A host that is none is not sent on.
    let odd = ["-s", "-o", "page", "-w", "%{redirect_url}", "-H", "Host: me@evil.test", &url];
    assert_eq!(dir.run(Command::new("curl"), &odd, b"").ok().text(), location);
}

#[test]
fn a_certificate_is_made_on_the_spot() {
    if !installed(&["curl", "openssl"]) {
        return;
    }
    let dir = site();
    // By the CA: whoever trusts it believes the server, by name and by address.
    let server = Served::start(&dir, "site --ca-dir ca");
    assert_eq!(server.listening["certificates"][0]["from"]["local_ca"], "ca");
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/a.txt", server.port);
        let got = dir.run(Command::new("curl"), &["-s", "--cacert", "ca/ca.pem", &url], b"").ok();
        assert_eq!(got.text(), "0123456789");
    }
    let listed = dir.seal("ca list --ca-dir ca --json").ok();
    assert_eq!(listed.text().matches("CN=localhost").count(), 1, "{}", listed.text());
    // A name of one's own, and one that this CA may not sign for.
    let named = Served::start(&dir, "site --ca-dir ca --name app.test");
    assert_eq!(named.listening["url"], format!("https://app.test:{}/", named.port));
    let refused = dir.seal("serve site --ca-dir ca --name bank.com --port 0");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("the CA's name constraints do not permit"),
        "{}",
        refused.stderr
    );
    // Without a CA: nobody believes it, and its pin is told.
    let alone = Served::start(&dir, "site --ca-dir none");
    let shown = &alone.listening["certificates"][0];
    assert_eq!(shown["from"], "temporary");
    let pin = format!("sha256//{}", shown["pin"].as_str().unwrap());
    let url = format!("https://localhost:{}/a.txt", alone.port);
    let refused = dir.run(Command::new("curl"), &["-s", &url], b"");
    assert_eq!(refused.code, 60, "curl's code for a certificate that does not hold: {refused:?}");
    let pinned = ["-sk", "--pinnedpubkey", &pin, &url];
    assert_eq!(dir.run(Command::new("curl"), &pinned, b"").ok().text(), "0123456789");
}

#[test]
fn clients_show_certificates_and_names_choose_ours() {
    if !installed(&["curl", "openssl"]) {
        return;
    }
    let dir = site();
    for line in [
        "ca issue --ca-dir ca a.test --cert-file a.pem --key-file a-key.pem",
        "ca issue --ca-dir ca b.test *.b.test --cert-file b.pem --key-file b-key.pem",
        "ca issue --ca-dir ca a.test --cert-file a-rsa.pem --key-file a-rsa-key.pem --key-kind rsa:2048",
        "ca issue --ca-dir ca --client user@a.test --cert-file user.pem --key-file user-key.pem",
    ] {
        dir.seal(line).ok();
    }
    let all = "--cert a.pem --key a-key.pem --cert b.pem --key b-key.pem --cert a-rsa.pem --key a-rsa-key.pem";
    let server = Served::start(&dir, &format!("site {all}"));
    let shown = |options: &str| {
        let target = format!("localhost:{}", server.port);
        let line = format!("s_client -connect {target} -CAfile ca/ca.pem {options}");
        let said = dir.openssl_with(&line.split_whitespace().collect::<Vec<_>>(), b"");
        let text = said.text().to_owned();
        let name = text.split("subject=CN = ").nth(1).and_then(|rest| rest.lines().next());
        let kind = if text.contains("Server public key is 2048 bit") { "RSA" } else { "EC" };
        (name.unwrap_or("?").to_owned(), kind)
    };
    for (options, name, kind) in [
        ("-servername a.test", "a.test", "EC"),
        ("-servername b.test", "b.test", "EC"),
        ("-servername x.b.test", "b.test", "EC"),
        ("-servername a.test -sigalgs RSA-PSS+SHA256", "a.test", "RSA"),
        ("-servername other.test", "a.test", "EC"),
        ("-noservername", "a.test", "EC"),
    ] {
        assert_eq!(shown(options), (name.to_owned(), kind), "{options}");
    }

    let mut mutual = Served::start(&dir, "site --ca-dir ca --ca ca/ca.pem");
    let url = format!("https://localhost:{}/a.txt", mutual.port);
    let refused = dir.run(Command::new("curl"), &["-s", "--cacert", "ca/ca.pem", &url], b"");
    assert_ne!(refused.code, 0, "{refused:?}");
    assert_eq!(mutual.next()["code"], "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");
    let with = ["-s", "--cacert", "ca/ca.pem", "--cert", "user.pem", "--key", "user-key.pem", &url];
    assert_eq!(dir.run(Command::new("curl"), &with, b"").ok().text(), "0123456789");
    let connected = mutual.next();
    assert_eq!(connected["authorized"], true, "{connected}");
}

#[cfg(unix)]
#[test]
fn a_program_serves_each_connection() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = site();
    dir.seal(
        "ca issue --ca-dir ca --client user@a.test --cert-file user.pem --key-file user-key.pem",
    )
    .ok();
    let script =
        "echo \"$SEAL_AUTHORIZED $SEAL_CLIENT_SUBJECT $SEAL_SERVER_NAME\"; tr a-z A-Z; exit 3";
    let mut server =
        Served::start_with(&dir, &["--exec", script, "--ca-dir", "ca", "--ca", "ca/ca.pem"]);
    let target = format!("localhost:{}", server.port);
    let connect = [
        "connect",
        &target,
        "--quiet",
        "--ca",
        "ca/ca.pem",
        "--cert",
        "user.pem",
        "--key",
        "user-key.pem",
    ];
    let said = dir.seal_with(&connect, b"hello\n").ok();
    assert_eq!(said.text(), "1 CN=user@a.test localhost\nHELLO\n");
    assert_eq!(server.next_of("closed")["exit"], "code 3");
    // A program that reads nothing and says much: all of it arrives.
    let mut server = Served::start_with(&dir, &["--exec", "seq 100000", "--ca-dir", "ca"]);
    let target = format!("localhost:{}", server.port);
    let said = dir.seal_with(&["connect", &target, "--quiet", "--ca", "ca/ca.pem"], b"").ok();
    assert_eq!(said.text().lines().count(), 100_000);
    assert!(said.text().ends_with("\n100000\n"));
    assert_eq!(server.next_of("closed")["bytes"], said.text().len());
    // A command that cannot be run ends like one.
    let mut server = Served::start_with(&dir, &["--exec", "no-such-program", "--ca-dir", "ca"]);
    let target = format!("localhost:{}", server.port);
    dir.seal_with(&["connect", &target, "--quiet", "--ca", "ca/ca.pem"], b"").ok();
    assert_eq!(server.next_of("closed")["exit"], "code 127");
}

/// Asked to stop, it takes nobody new, finishes what is under way, and says so.
#[cfg(unix)]
#[test]
fn it_stops_in_good_order() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = site();
    let big: Vec<u8> = (0..4_000_000_u32).map(|i| (i % 251) as u8).collect();
    dir.write("site/big.bin", &big);
    let mut server = Served::start(&dir, "site --ca-dir ca --drain 60s");
    let url = format!("https://localhost:{}/big.bin", server.port);
    let download = Command::new("curl")
        .args(["-s", "--cacert", "ca/ca.pem", "--limit-rate", "4M", "-o", "got.bin", &url])
        .current_dir(dir.root())
        .stdin(Stdio::null())
        .spawn()
        .expect("curl starts");
    server.next_of("request");
    server.terminate();
    assert_eq!(server.next_of("stopping")["open"], 1);
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.port)).is_err());
    assert!(download.wait_with_output().unwrap().status.success());
    assert!(dir.read("got.bin") == big, "the download is whole");
    assert_eq!(server.next_of("stopped")["cut_off"], 0);
    assert!(server.wait().success());
    // An echo has no end of its own: it says goodbye.
    let mut server = Served::start(&dir, "--ca-dir ca");
    let target = format!("localhost:{}", server.port);
    let mut client = Command::new(env!("CARGO_BIN_EXE_seal"))
        .args(["connect", &target, "--ca", "ca/ca.pem", "--quiet"])
        .current_dir(dir.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("seal starts");
    server.next_of("connected");
    server.terminate();
    assert!(client.wait().unwrap().success(), "a clean end for the client");
    assert_eq!(server.next_of("stopped")["cut_off"], 0);
    assert!(server.wait().success());
}

#[cfg(unix)]
#[test]
fn keys_are_not_served_nor_links_to_dotfiles() {
    if !installed(&["curl", "openssl"]) {
        return;
    }
    let dir = site();
    dir.seal("ca issue --ca-dir ca localhost --cert-file site/c.pem --key-file site/k.pem").ok();
    dir.openssl("genrsa -traditional -out site/other.txt 2048");
    dir.write("site/about.txt", "a key begins with -----BEGIN PRIVATE KEY----- in its first line");
    for line in [
        "pkey -in site/k.pem -outform DER -out site/k.der",
        "rsa -in site/other.txt -traditional -outform DER -out site/rsa",
        "ec -in site/k.pem -outform DER -out site/sec1",
        "pkcs8 -topk8 -in site/k.pem -passout pass:x -outform DER -out site/enc",
        "pkcs12 -export -in site/c.pem -inkey site/k.pem -passout pass:x -out site/k.pfx",
        "pkey -in site/k.pem -pubout -outform DER -out site/pub.der",
        "x509 -in site/c.pem -outform DER -out site/c.der",
        "crl2pkcs7 -nocrl -certfile site/c.pem -outform DER -out site/c.p7b",
        "dhparam -dsaparam -outform DER -out site/params 512",
    ] {
        dir.openssl(line);
    }
    for (link, to) in
        [("env.txt", ".env"), ("git", ".git"), ("k-link", "k.pem"), ("sub/up.txt", "../a.txt")]
    {
        std::os::unix::fs::symlink(to, dir.path("site").join(link)).unwrap();
    }
    std::fs::hard_link(dir.path("site/k.pem"), dir.path("site/copy.txt")).unwrap();
    let material = "--cert site/c.pem --key site/k.pem";
    for (more, other) in [("", "404"), ("--private-keys", "200")] {
        let mut server = Served::start(&dir, &format!("site {material} {more}"));
        for (path, code) in [
            ("/k.pem", "404"),
            ("/k-link", "404"),
            ("/copy.txt", "404"),
            ("/env.txt", "404"),
            ("/git/config", "404"),
            ("/other.txt", other),
            ("/about.txt", "200"),
            ("/c.pem", "200"),
            ("/k.der", other),
            ("/rsa", other),
            ("/sec1", other),
            ("/enc", other),
            ("/k.pfx", other),
            ("/pub.der", "200"),
            ("/c.der", "200"),
            ("/c.p7b", "200"),
            ("/params", "200"),
            ("/sub/up.txt", "200"),
        ] {
            let (told, body) = curl(&dir, &server, path, &[]);
            assert_eq!(told.split(' ').nth(1), Some(code), "{more} {path}: {told}");
            let (head, _) = curl(&dir, &server, path, &["--head"]);
            assert_eq!(head.split(' ').nth(1), Some(code), "{more} HEAD {path}: {head}");
            assert!(code == "200" || !body.contains("BEGIN"), "{path}: {body}");
        }
        let withheld = server.next_of("withheld");
        assert_eq!(withheld["file"], "k.pem");
        assert_eq!(withheld["reason"], "used by this server for its own keys");
        let (_, page) = curl(&dir, &server, "/sub/", &[]);
        assert!(page.contains("up.txt"), "{page}");
    }
}

/// Whether a process runs; one that only waits to be asked for its exit code does not.
#[cfg(unix)]
fn is_there(pid: &str) -> bool {
    let ps = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("ps runs");
    let state = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[cfg(unix)]
#[test]
fn what_a_program_started_goes_with_its_client() {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    let serve = |more: &[&str]| {
        let script = "sleep 1000 & echo $!; echo $$; wait";
        Served::start_with(&dir, &[&["--exec", script, "--ca-dir", "ca"], more].concat())
    };
    let gone = |said: &str| {
        let pids: Vec<&str> = said.lines().collect();
        assert_eq!(pids.len(), 2, "{said}");
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while pids.iter().any(|pid| is_there(pid)) {
            assert!(std::time::Instant::now() < until, "{pids:?} are still there");
            std::thread::yield_now();
        }
    };
    // The client has no more to say, and the program is silent.
    let mut server = serve(&["--exec-timeout", "1"]);
    let target = format!("localhost:{}", server.port);
    let connect = ["connect", &target, "--quiet", "--ca", "ca/ca.pem"];
    gone(dir.seal_with(&connect, b"").text());
    assert!(server.next_of("failed")["reason"].as_str().unwrap().contains("was silent"));
    // The server stops.
    let mut server = serve(&["--drain", "0"]);
    let target = format!("localhost:{}", server.port);
    let mut client = Command::new(env!("CARGO_BIN_EXE_seal"))
        .args(["connect", &target, "--quiet", "--ca", "ca/ca.pem"])
        .current_dir(dir.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("seal starts");
    let mut lines = std::io::BufReader::new(client.stdout.take().unwrap());
    let mut said = String::new();
    for _ in 0..2 {
        std::io::BufRead::read_line(&mut lines, &mut said).unwrap();
    }
    server.terminate();
    server.wait();
    gone(&said);
    let _ = client.kill();
    let _ = client.wait();
}

/// What was agreed on, and what failed, as Prometheus reads it.
#[test]
fn metrics_tell_version_group_and_signature() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("key new --ml-dsa-65 --out k.pem").ok();
    dir.seal("cert self-sign --key k.pem --name localhost --out c.pem").ok();
    let mut server =
        Served::start(&dir, "--cert c.pem --key k.pem --metrics 127.0.0.1:0 --alpn echo");
    let page = format!("http://{}/metrics", server.listening["metrics"].as_str().unwrap());
    let scrape = || dir.run(Command::new("curl"), &["-sS", &page], b"").ok().text().to_owned();
    assert!(!scrape().contains("agreed_total{"));
    let port = server.port;
    dir.seal(&format!("connect localhost:{port} --ca c.pem")).ok();
    server.next_of("closed");
    // It knows no ML-DSA.
    dir.try_openssl(&format!("s_client -connect localhost:{port}"));
    server.next_of("failed");
    let metrics = scrape();
    let line = "seal_serve_handshakes_agreed_total{service=\"serve\",version=\"TLSv1.3\",\
                group=\"X25519MLKEM768\",signature=\"ML-DSA-65\"} 1";
    assert!(metrics.lines().any(|said| said == line), "{metrics}");
    assert!(
        metrics.contains("seal_serve_handshake_failures_total{service=\"serve\",kind=\"ERR_SSL_")
    );
    assert!(metrics.contains("seal_serve_connections_open 0"), "{metrics}");
}

#[test]
fn a_server_on_all_addresses_says_how_others_reach_it() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = site();
    let server = Served::start(&dir, "site --ca-dir ca --host 0.0.0.0");
    let url = server.listening["url"].as_str().unwrap();
    assert_eq!(
        url,
        format!("https://localhost:{}/", server.port),
        "0.0.0.0 is no address to go to"
    );
    let (told, body) = curl(&dir, &server, "/", &[]);
    assert_eq!((told.as_str(), body.as_str()), ("2 200 text/html; charset=utf-8", "<p>home</p>"));
    // None on a machine without a private address.
    let reachable = server.listening["reachable"].as_array().cloned().unwrap_or_default();
    for address in reachable {
        let (host, port) = address.as_str().unwrap().rsplit_once(':').unwrap();
        assert_eq!(port, server.port.to_string());
        let names = &server.listening["certificates"][0]["names"];
        assert!(names.to_string().contains(host), "{names} for {host}");
        let url = format!("https://{host}:{port}/");
        let got = ["-s", "--cacert", "ca/ca.pem", &url];
        assert_eq!(dir.run(Command::new("curl"), &got, b"").ok().text(), "<p>home</p>");
    }
    let quiet = Served::start(&dir, "site --ca-dir ca");
    assert!(quiet.listening.get("reachable").is_none());
}
