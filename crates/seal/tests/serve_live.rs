//! `seal serve` while its files change, with openssl, curl and Node as the clients.

mod peers;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use peers::served::Served;
use peers::{Folder, installed};

fn folder() -> Folder {
    let dir = Folder::new();
    for line in [
        "ca init --ca-dir ca",
        "ca init --ca-dir other",
        "ca issue --ca-dir ca a.test --cert-file a.pem --key-file a.key",
        "ca issue --ca-dir ca a.test --cert-file next.pem --key-file next.key",
        "ca issue --ca-dir ca b.test --cert-file b.pem --key-file b.key",
        "ca issue --ca-dir ca --client user@a.test --cert-file user.pem --key-file user.key",
    ] {
        dir.seal(line).ok();
    }
    dir.write("clients.pem", dir.read("ca/ca.pem"));
    dir
}

/// Puts a file in the place of another.
fn replace(dir: &Folder, file: &str, by: &str) {
    let new = dir.path(&format!("{file}.new"));
    fs::copy(dir.path(by), &new).unwrap();
    fs::rename(new, dir.path(file)).unwrap();
}

/// The serial number of what is shown for a name.
fn shown(dir: &Folder, server: &Served, name: &str) -> String {
    let target = format!("localhost:{}", server.port);
    let arguments = ["s_client", "-connect", &target, "-servername", name];
    let page = dir.openssl_with(&arguments, b"").text().to_owned();
    dir.write("shown.pem", page);
    dir.openssl("x509 -in shown.pem -noout -serial").text().trim().to_owned()
}

fn serial(dir: &Folder, file: &str) -> String {
    dir.openssl(&format!("x509 -in {file} -noout -serial")).text().trim().to_owned()
}

#[test]
fn what_is_served_follows_its_files() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = folder();
    let both = "--cert a.pem --key a.key --cert b.pem --key b.key";
    let (first, next, b) = (serial(&dir, "a.pem"), serial(&dir, "next.pem"), serial(&dir, "b.pem"));
    let mut server = Served::start(&dir, both);
    assert_eq!(
        (shown(&dir, &server, "a.test"), shown(&dir, &server, "b.test")),
        (first, b.clone())
    );
    replace(&dir, "a.key", "next.key");
    replace(&dir, "a.pem", "next.pem");
    server.next_of("reloaded");
    assert_eq!((shown(&dir, &server, "a.test"), shown(&dir, &server, "b.test")), (next.clone(), b));
    dir.write("a.pem", "-----BEGIN CERTIFICATE-----\n");
    let refused = server.next_of("not_reloaded");
    assert!(refused["reason"].as_str().unwrap().starts_with("a.pem: "), "{refused}");
    assert_eq!(shown(&dir, &server, "a.test"), next);
    // A certificate for clients is no good for a server.
    replace(&dir, "a.key", "user.key");
    replace(&dir, "a.pem", "user.pem");
    let misused = |told: &serde_json::Value| {
        told["reason"].as_str().is_some_and(|reason| reason.contains("INVALID_PURPOSE"))
    };
    while !misused(&server.next_of("not_reloaded")) {}
    assert_eq!(shown(&dir, &server, "a.test"), next);
}

/// An open connection, which has been greeted.
struct Client(Child, BufReader<std::process::ChildStdout>);

impl Client {
    fn connect(dir: &Folder, server: &Served) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &format!("localhost:{}", server.port)])
            .args(["-CAfile", "ca/ca.pem", "-cert", "user.pem", "-key", "user.key"])
            .current_dir(dir.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "Hello World !\n");
        Self(child, said)
    }

    /// Waits for the end of the connection.
    fn end(mut self) {
        let mut line = String::new();
        assert_eq!(self.1.read_line(&mut line).unwrap(), 0, "{line}");
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Servers that want certificates of `clients.pem`: with files, and with what ACME keeps (of a CA that is
/// away, so it is the certificate to begin with).
const MUTUAL: [&str; 2] = [
    "--cert a.pem --key a.key --cert b.pem --key b.key --ca clients.pem",
    "--acme https://127.0.0.1:1/directory --acme-ca ca/ca.pem --acme-dir acme --name a.test \
     --ca clients.pem",
];

#[test]
fn who_is_trusted_no_longer_is_cut_off() {
    if !installed(&["openssl"]) {
        return;
    }
    for mutual in MUTUAL {
        let dir = folder();
        let mut server = Served::start(&dir, mutual);
        let client = Client::connect(&dir, &server);
        replace(&dir, "clients.pem", "other/ca.pem");
        let cut = server.next_of("cut_off");
        assert_eq!(cut["why"], "refused", "{cut}");
        assert!(cut["subject"].as_str().unwrap().contains("user@a.test"), "{cut}");
        client.end();
    }
}

#[test]
fn lifetimes_end_and_a_recheck_that_is_off_closes_nobody() {
    if !installed(&["openssl"]) {
        return;
    }
    for mutual in MUTUAL {
        let dir = folder();
        let line = format!("{mutual} --recheck off --max-lifetime 3s");
        let mut server = Served::start(&dir, &line);
        let client = Client::connect(&dir, &server);
        replace(&dir, "clients.pem", "other/ca.pem");
        let cut = server.next_of("cut_off");
        assert_eq!(cut["why"], "lifetime", "{cut}");
        client.end();
    }
}

/// Connects again and again, each time with a full handshake, and tells the serial number that it was
/// shown whenever it is another one; what fails ends it.
const NODE: &str = r#"
const tls = require("node:tls"), fs = require("node:fs");
const [port] = process.argv.slice(1);
const options = { host: "localhost", port, servername: "a.test", ca: fs.readFileSync("ca/ca.pem") };
let last;
function once() {
  const socket = tls.connect(options, () => {
    const { serialNumber } = socket.getPeerCertificate();
    if (!socket.authorized) throw new Error(socket.authorizationError);
    socket.once("data", (greeting) => {
      if (String(greeting) !== "Hello World !\n") throw new Error(String(greeting));
      if (serialNumber !== last) console.log((last = serialNumber));
      socket.once("close", once).destroy();
    });
  });
}
once();
"#;

#[test]
fn node_connects_on_while_the_pair_changes() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = folder();
    let mut server = Served::start(&dir, "--cert a.pem --key a.key");
    let mut node = Command::new("node")
        .args(["-e", NODE, &server.port.to_string()])
        .current_dir(dir.root())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut said = BufReader::new(node.stdout.take().expect("piped")).lines();
    let mut shown = || said.next().expect("it goes on").unwrap();
    let is = |file: &str| serial(&dir, file).replace("serial=", "");
    assert_eq!(shown(), is("a.pem"));
    for round in 0..5 {
        let issue =
            format!("ca issue --ca-dir ca a.test --cert-file {round}.pem --key-file {round}.key");
        dir.seal(&issue).ok();
        // Between the two files there is no pair, and nobody sees that.
        replace(&dir, "a.key", &format!("{round}.key"));
        replace(&dir, "a.pem", &format!("{round}.pem"));
        server.next_of("reloaded");
        assert_eq!(shown(), is(&format!("{round}.pem")));
    }
    assert!(node.try_wait().unwrap().is_none(), "no connection failed");
    let _ = node.kill();
    let _ = node.wait();
}

/// A volume with a secret of cert-manager's, as the kubelet keeps it: each version in a folder of its own, a
/// link to it that is moved in one step, and the old folder gone.
struct Secret {
    mount: PathBuf,
    version: u32,
}

impl Secret {
    fn put(&mut self, files: [(&str, Vec<u8>); 3]) {
        let (old, new) = (format!("..v{}", self.version), format!("..v{}", self.version + 1));
        fs::create_dir_all(self.mount.join(&new)).unwrap();
        for (file, bytes) in &files {
            fs::write(self.mount.join(&new).join(file), bytes).unwrap();
        }
        symlink(&new, self.mount.join("..data_tmp")).unwrap();
        fs::rename(self.mount.join("..data_tmp"), self.mount.join("..data")).unwrap();
        if self.version > 0 {
            fs::remove_dir_all(self.mount.join(old)).unwrap();
        } else {
            for (file, _) in &files {
                symlink(format!("..data/{file}"), self.mount.join(file)).unwrap();
            }
        }
        self.version += 1;
    }
}

const GET: &str = "const read = f => require('fs').readFileSync('client/' + f);
    const terms = {ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key')};
    require('https').get({...terms, host: 'localhost', port: +process.argv[1]}, r => r.pipe(process.stdout))
        .on('error', e => { console.error(e.code); process.exit(1) })";

/// A renewal with a new key, and then the three steps of a CA that is replaced: both are trusted, the new
/// one issues, the old one is gone.
#[test]
fn secrets_of_kubernetes_change_under_curl_node_and_openssl() {
    if !installed(&["openssl", "curl", "node"]) {
        return;
    }
    let dir = Folder::new();
    for name in ["old", "new"] {
        dir.seal(&format!("ca init --ca-dir {name} --name {name}-CA")).ok();
    }
    fs::create_dir(dir.path("site")).unwrap();
    dir.write("site/index.html", "sealed");
    let secret = |name: &str| Secret { mount: dir.path(name), version: 0 };
    let (mut ours, mut theirs) = (secret("server"), secret("client"));
    let mut server: Option<Served> = None;
    let curl = |port: u16, pair: [&str; 2]| {
        let url = format!("https://localhost:{port}/");
        let terms = ["-sS", "--cacert", "client/ca.crt", "--cert", pair[0], "--key", pair[1], &url];
        dir.run(Command::new("curl"), &terms, b"")
    };
    for (issuer, trusted) in [
        ("old", &["old"][..]),
        ("old", &["old"]),
        ("old", &["old", "new"]),
        ("new", &["old", "new"]),
        ("new", &["new"]),
    ] {
        for (who, file) in [("localhost", "s"), ("--client user@a.test", "c")] {
            let to = format!("--cert-file {file}.pem --key-file {file}.key --force");
            dir.seal(&format!("ca issue --ca-dir {issuer} {who} {to}")).ok();
        }
        let ca: Vec<u8> = trusted.iter().flat_map(|ca| dir.read(&format!("{ca}/ca.pem"))).collect();
        for (secret, file) in [(&mut ours, "s"), (&mut theirs, "c")] {
            let read = |kind: &str| dir.read(&format!("{file}.{kind}"));
            secret.put([
                ("tls.crt", read("pem")),
                ("tls.key", read("key")),
                ("ca.crt", ca.clone()),
            ]);
        }
        let terms = "site --cert server/tls.crt --key server/tls.key --ca server/ca.crt";
        let server = &*server.get_or_insert_with(|| {
            for (from, to) in [("c.pem", "first.pem"), ("c.key", "first.key")] {
                fs::copy(dir.path(from), dir.path(to)).unwrap();
            }
            Served::start(&dir, terms)
        });
        let port = server.port.to_string();
        let target = format!("localhost:{port}");
        let terms = ["s_client", "-connect", &target, "-CAfile", "client/ca.crt", "-quiet"];
        let pair = ["-verify_return_error", "-cert", "client/tls.crt", "-key", "client/tls.key"];
        let swapped = Instant::now();
        let is_shown = || {
            let said = dir.run(Command::new("openssl"), &[&terms[..5], &pair].concat(), b"");
            dir.write("shown.pem", said.stdout);
            let args = ["x509", "-in", "shown.pem", "-noout", "-serial"];
            let shown = dir.run(Command::new("openssl"), &args, b"");
            shown.code == 0 && shown.text().trim() == serial(&dir, "s.pem")
        };
        while !is_shown() {
            assert!(swapped.elapsed() < Duration::from_secs(60), "{issuer}: not reloaded");
        }
        assert_eq!(curl(server.port, ["client/tls.crt", "client/tls.key"]).ok().text(), "sealed");
        let got = dir.run(Command::new("node"), &["-e", GET, &port], b"").ok();
        assert_eq!(got.text(), "sealed");
        let got = dir.run(
            Command::new("openssl"),
            &[&terms[..], &pair].concat(),
            b"GET / HTTP/1.0\r\n\r\n",
        );
        assert!(got.ok().text().ends_with("sealed"));
    }
    let port = server.expect("it runs").port;
    let refused = curl(port, ["first.pem", "first.key"]);
    assert_ne!(refused.code, 0, "of the CA that is gone: {refused:?}");
}

/// `openssl ocsp` answers about `of`.pem into a file, in the name of the CA.
fn answer(dir: &Folder, of: &str, entry: &str, file: &str) {
    let serial = serial(dir, &format!("{of}.pem"));
    let serial = serial.trim_start_matches("serial=");
    dir.write("index", format!("{entry}\t{serial}\tunknown\t/CN={of}\n"));
    dir.openssl(&format!("ocsp -issuer ca/ca.pem -cert {of}.pem -reqout request -no_nonce"));
    dir.openssl(&format!(
        "ocsp -index index -CA ca/ca.pem -rsigner ca/ca.pem -rkey ca/ca-key.pem -ndays 7 -reqin request \
         -respout {file}.new"
    ));
    fs::rename(dir.path(&format!("{file}.new")), dir.path(file)).unwrap();
}

/// A certificate that demands a staple, with its issuer behind it.
fn demanding() -> Folder {
    let dir = folder();
    dir.seal("key new --out m.key").ok();
    dir.seal("csr new --key m.key --subject /CN=m.test --out m.csr").ok();
    dir.seal(
        "cert sign --csr m.csr --ca ca/ca.pem --ca-key ca/ca-key.pem --name m.test --must-staple \
         --ocsp-url http://ca.test/ocsp --crl-url http://ca.test/crl --issuer-url http://ca.test/ca.der \
         --out m.pem",
    )
    .ok();
    let chain = [dir.read("m.pem"), dir.read("ca/ca.pem")].concat();
    dir.write("chain.pem", chain);
    dir
}

const GOOD: &str = "V\t450101000000Z\t";
const REVOKED: &str = "R\t450101000000Z\t250601000000Z,superseded";

#[test]
fn a_certificate_that_demands_a_staple_is_served_with_one_or_not_at_all() {
    if !installed(&["openssl", "gnutls-cli"]) {
        return;
    }
    let dir = demanding();
    let card = dir.seal("cert show m.pem").ok();
    for line in [
        "OCSP       http://ca.test/ocsp; stapling required (must-staple)",
        "issuer at  http://ca.test/ca.der",
        "CRLs       http://ca.test/crl",
        "it requires a stapled OCSP response (must-staple)",
    ] {
        assert!(card.text().contains(line), "{line}: {}", card.text());
    }
    for line in [
        "serve --port 0 --cert m.pem --key m.key",
        "tunnel server -l 127.0.0.1:0 -t 127.0.0.1:1 --cert m.pem --key m.key",
    ] {
        dir.seal(line).err_is("CN=m.test requires a stapled OCSP response (must-staple)");
    }
    answer(&dir, "m", GOOD, "ocsp.der");
    answer(&dir, "a", GOOD, "another.der");
    answer(&dir, "m", REVOKED, "revoked.der");
    dir.write("nothing.der", "");
    for (file, says) in [
        ("another", "another.der: the OCSP response: it is for another certificate"),
        ("revoked", "revoked.der: the OCSP response: the certificate is revoked"),
        ("nothing", "nothing.der"),
    ] {
        for verb in ["serve --port 0", "tunnel server -l 127.0.0.1:0 -t 127.0.0.1:1"] {
            let ran = dir.seal(&format!("{verb} --cert chain.pem --key m.key --ocsp {file}.der"));
            assert!(ran.code != 0 && ran.stderr.contains(says), "{verb} {file}: {ran:?}");
        }
    }
    dir.seal("serve --port 0 --cert a.pem --key a.key --ocsp ocsp.der --ocsp ocsp.der")
        .err_is("ocsp: 2 responses for 1 of our certificates");
    let mut server = Served::start(&dir, "--cert chain.pem --key m.key --ocsp ocsp.der");
    let gnutls = || {
        let line = format!(
            "--port {} --x509cafile ca/ca.pem --verify-hostname m.test --sni-hostname m.test 127.0.0.1",
            server.port
        );
        let words: Vec<_> = line.split_whitespace().collect();
        dir.run(Command::new("gnutls-cli"), &words, b"")
    };
    let said = gnutls();
    assert!(said.text().contains("Handshake was completed"), "{said:?}");
    // The next one is taken, and a bad one is not.
    fs::rename(dir.path("revoked.der"), dir.path("ocsp.der")).unwrap();
    let refused = server.next_of("not_reloaded");
    assert!(
        refused["reason"].as_str().unwrap().contains("the certificate is revoked"),
        "{refused}"
    );
    answer(&dir, "m", "V\t460101000000Z\t", "ocsp.der");
    server.next_of("reloaded");
}

#[test]
fn what_a_client_means_that_refuses_is_said() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let dir = folder();
    fs::create_dir(dir.path("www")).unwrap();
    let mut server = Served::start(&dir, "www --cert a.pem --key a.key");
    // Debian's curl verifies inside of the handshake: it says so.
    let url = format!("https://localhost:{}/", server.port);
    let refused = dir.run(Command::new("curl"), &["-sS", "-m", "30", &url], b"");
    assert_ne!(refused.code, 0);
    let told = server.next_of("failed");
    assert_eq!(told["alert"], "unknown_ca", "{told}");
    assert!(told["advice"].as_str().unwrap().contains("issuer"), "{told}");
    // The handshake, and no request.
    let target = format!("localhost:{}", server.port);
    dir.openssl_with(&["s_client", "-connect", &target], b"");
    let told = server.next_of("left");
    assert!(told["advice"].as_str().unwrap().contains("the requested name in it"), "{told}");
}
