//! A database and a directory with their own clients, `seal proxy --reverse` between them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use base64ct::{Base64, Encoding as _};
use sealwire_testing::free_port;
use serde_json::Value;

use crate::peers::{Folder, installed};
use crate::running::Proxy;

/// A server that ends with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it, and waits until it says `ready`.
fn started(mut server: Command, ready: &str) -> Server {
    let mut child = server.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let mut said = Vec::new();
    loop {
        let line =
            lines.next().unwrap_or_else(|| panic!("it ended: {said:#?}")).unwrap_or_default();
        if line.contains(ready) {
            break;
        }
        said.push(line);
    }
    std::thread::spawn(move || lines.for_each(drop));
    Server(child)
}

fn certificate(dir: &Folder) {
    dir.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
         -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -days 2",
    );
}

/// The only flow, once it has ended.
fn the_flow(proxy: &Proxy) -> Value {
    proxy.until("flows", |list| {
        list["flows"].as_array()?.iter().find(|flow| flow["outcome"] != "open").cloned()
    })
}

#[test]
fn statements_of_mariadb_are_read() {
    if !installed(&["mariadb", "mariadbd", "mariadb-install-db", "openssl", "curl", "id"]) {
        return;
    }
    let dir = Folder::new();
    certificate(&dir);
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let user = format!("--user={}", user.trim());
    let data = format!("--datadir={}", dir.path("data").display());
    let make = [
        "--no-defaults",
        &data,
        &user,
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
    ];
    dir.run(Command::new("mariadb-install-db"), &make, b"").ok();
    dir.write("init.sql", "CREATE USER 'tester'@'%' IDENTIFIED BY 'secret' REQUIRE SSL;\n");
    let port = free_port();
    let at = |name: &str| dir.path(name).display().to_string();
    let mut server = Command::new("mariadbd");
    server
        .args(["--no-defaults", "--bind-address=127.0.0.1", &data, &user])
        .current_dir(dir.root());
    server.arg(format!("--port={port}"));
    for (option, file) in [
        ("socket", "s"),
        ("pid-file", "pid"),
        ("ssl-cert", "cert.pem"),
        ("ssl-key", "key.pem"),
        ("init-file", "init.sql"),
    ] {
        server.arg(format!("--{option}={}", at(file)));
    }
    let _server = started(server, "ready for connections");
    let reverse = format!("mysql://localhost:{port}");
    let proxy = Proxy::start(&dir, &["--reverse", &reverse, "--ca", "cert.pem"]);
    let ask = |statements: &str| {
        let port = format!("--port={}", proxy.url.rsplit(':').next().unwrap());
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--host=localhost", "--protocol=tcp", &port]);
        client.args([
            "--user=tester",
            "--password=secret",
            "--ssl-ca=proxy-ca.pem",
            "--ssl-verify-server-cert",
        ]);
        dir.run(client, &["--batch", "--force", "-e", statements], b"")
    };
    let said = ask("select 40+2 as answer; select 1 union select 2; select nonsense");
    assert_eq!(said.text(), "answer\n42\n1\n1\n2\n", "{said:?}");
    let flow = the_flow(&proxy);
    assert_eq!(
        (&flow["scheme"], &flow["outcome"]),
        (&"mysql".into(), &"complete".into()),
        "{flow}"
    );
    let statements = proxy.api("GET", &format!("flows/{}/statements", flow["id"]), None);
    let found: Vec<_> = statements
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["text"].as_str().unwrap(), s["rows"].as_i64(), s["error"].is_string()))
        .collect();
    let asked = |text| {
        found.iter().find(|(asked, ..)| *asked == text).unwrap_or_else(|| panic!("{found:?}"))
    };
    assert_eq!(asked("select 40+2 as answer").1, Some(1));
    assert!(asked("select nonsense").2);
    assert_eq!(asked("select 1 union select 2").1, Some(2));
    let tls = proxy.api("GET", &format!("connections/{}", flow["connection"]), None);
    assert!(tls.to_string().contains("\"authorized\":true"), "{tls}");
}

#[test]
fn ldapsearch_is_read_behind_starttls() {
    if !installed(&["slapd", "ldapsearch", "openssl", "curl"]) {
        return;
    }
    let dir = Folder::new();
    certificate(&dir);
    let at = |name: &str| dir.path(name).display().to_string();
    let (cert, key) = (at("cert.pem"), at("key.pem"));
    dir.write("slapd.conf", format!("include /etc/ldap/schema/core.schema\nTLSCertificateFile {cert}\nTLSCertificateKeyFile {key}\n"));
    let port = free_port();
    let mut server = Command::new("slapd");
    // 256: it says when it starts. In the foreground.
    server.args(["-h", &format!("ldap://127.0.0.1:{port}/"), "-f", &at("slapd.conf"), "-d", "256"]);
    let _server = started(server, "slapd starting");
    let reverse = format!("ldap://127.0.0.1:{port}");
    let proxy = Proxy::start(&dir, &["--reverse", &reverse, "--ca", "cert.pem"]);
    let mut client = Command::new("ldapsearch");
    client.env("LDAPTLS_CACERT", at("proxy-ca.pem"));
    let url = proxy.url.replace("http", "ldap");
    let ask = ["-ZZ", "-H", &url, "-x", "-LLL", "-b", "", "-s", "base", "supportedExtension"];
    let said = dir.run(client, &ask, b"").ok();
    assert!(said.text().contains("supportedExtension: 1.3.6.1.4.1.1466.20037"), "{said:?}");
    let flow = the_flow(&proxy);
    assert_eq!((&flow["scheme"], &flow["outcome"]), (&"ldap".into(), &"complete".into()), "{flow}");
    let whole = proxy.api("GET", &format!("flows/{}", flow["id"]), None);
    assert!(whole["response"].to_string().contains("recorded"), "{whole}");
    // What was asked inside of TLS.
    let asked = whole["request"]["base64"].as_str().expect("bytes");
    let asked = Base64::decode_vec(asked).expect("base64");
    assert!(String::from_utf8_lossy(&asked).contains("supportedExtension"), "{whole}");
}
