//! What a certificate, a request or a peer calls itself reaches a terminal escaped, whatever command
//! shows it; JSON stays data.

mod peers;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use peers::served::Served;
use peers::{Folder, Ran, installed};

/// A colour, a bell, a line end, a C1 control, a right-to-left override, a line separator.
const HOSTILE: &str = "x\u{1b}[31m\u{7}\u{9b}2J\u{202e}\u{2028}\r\nverified: yes";

/// Files of OpenSSL with such names: a certificate with them in every name, and its key, request,
/// list and PFX; and a CA of ours that has signed them.
fn hostile() -> Folder {
    let dir = Folder::new();
    // In OpenSSL's configuration, `\r` and `\n` are escapes; the rest goes in as it is.
    let value = HOSTILE.replace('\r', "\\r").replace('\n', "\\n");
    dir.write(
        "cnf",
        format!(
            "[req]\nprompt=no\nutf8=yes\ndistinguished_name=dn\nreq_extensions=ext\n\
             x509_extensions=ext\nstring_mask=utf8only\n[dn]\nO={value}\nCN={value}\n[ext]\n\
             subjectAltName=@names\ncrlDistributionPoints=URI:http://c/x\\r\\nverified\n\
             certificatePolicies=1.2.3,@policy\nnsComment=x\\r\\nverified\n\
             1.3.6.1.4.1.9.9=ASN1:UTF8String:x\\r\\nverified\n\
             1.3.6.1.4.1.9.10=DER:0C0A7665726966696564212121\n\
             [policy]\npolicyIdentifier=1.2.4\nCPS.1=http://p/x\\r\\nverified\nuserNotice.1=@notice\n\
             [notice]\nexplicitText=UTF8:x\\r\\nverified\norganization=x\\r\\nverified\n\
             noticeNumbers=1\n[names]\nDNS.1=localhost\nDNS.2=x\u{1b}[31m\\r\\nverified\n\
             URI.1=urn:x\u{1b}]0;y\u{7}\nemail.1=x\u{1b}[1m@a.test\n\
             [ca]\ndefault_ca=c\n[c]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=9\ncrl_extensions=crl\n\
             [crl]\nissuerAltName=URI:urn:x\\r\\nverified,DNS:x\\nverified\n\
             1.3.6.1.4.1.9.9=ASN1:UTF8String:x\\r\\nverified\n"
        ),
    );
    dir.write("index", "");
    dir.write("pass", "pass");
    dir.openssl("req -x509 -config cnf -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 90");
    dir.openssl("req -new -config cnf -key k.pem -out r.pem");
    dir.openssl("ca -gencrl -config cnf -keyfile k.pem -cert c.pem -out l.pem");
    let name = ["pkcs12", "-export", "-in", "c.pem", "-inkey", "k.pem", "-out", "i.pfx"];
    let name = [&name[..], &["-passout", "pass:pass", "-name", HOSTILE]].concat();
    dir.openssl_with(&name, b"");
    dir
}

#[track_caller]
fn clean(what: &str, ran: &Ran) {
    let out = String::from_utf8(ran.stdout.clone()).expect("text");
    for text in [&out, &ran.stderr] {
        let bad = text.chars().find(|c| *c != '\n' && !sealwire::Foreign::prints(*c));
        assert_eq!(bad, None, "{what}: {text:?}");
        // Nor does a name begin a line of its own.
        let begun = text.lines().find(|line| line.starts_with("verified"));
        assert_eq!(begun, None, "{what}: {text}");
    }
}

#[test]
fn every_command_that_reads_files() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = hostile();
    dir.seal("ca init --ca-dir ca --unconstrained").ok();
    for line in [
        "inspect c.pem",
        "inspect r.pem",
        "inspect l.pem",
        "inspect k.pem",
        "inspect i.pfx --passphrase-file pass",
        "cert show c.pem",
        "cert show --text c.pem",
        "cert check c.pem",
        "cert fingerprint c.pem",
        "cert lint c.pem",
        "cert verify c.pem",
        "cert verify --ca c.pem --name app.test c.pem",
        "cert verify --ca c.pem --name localhost c.pem",
        "cert renew --cert c.pem --key k.pem --out renewed.pem",
        "cert self-sign --csr r.pem --key k.pem --out self.pem",
        "cert sign --csr r.pem --ca ca/ca.pem --ca-key ca/ca-key.pem --out signed.pem",
        "csr show r.pem",
        "csr verify r.pem",
        "crl show l.pem",
        "crl show --text l.pem",
        "pfx show i.pfx --passphrase-file pass",
        "pfx import i.pfx --passphrase-file pass --cert-file p.pem --key-file p.key",
        "pfx export --cert c.pem --key k.pem --passphrase-file pass --out o.pfx",
        "key matches --key k.pem c.pem",
        "ca issue --ca-dir ca --csr r.pem --copy-names --cert-file issued.pem",
        "ca import --ca-dir taken --ca c.pem --ca-key k.pem",
        "ca list --ca-dir ca",
        "ca show --ca-dir taken",
        "ca issue --ca-dir taken a.test",
        "trust status --cert c.pem --store nss --nss-profile .",
    ] {
        clean(line, &dir.seal(line));
        let verb = line.split(' ').nth(1).unwrap_or_default();
        if matches!(verb, "show" | "verify" | "lint") && !line.contains("--text") {
            clean(line, &dir.seal(&format!("{line} --json")));
        }
    }
    // Files may be named by others, too.
    let strange = "x\u{1b}[31m\u{202e}\nverified";
    std::fs::copy(dir.path("c.pem"), dir.path(strange)).unwrap();
    for line in ["inspect", "cert check", "cert lint", "cert verify", "key show", "crl show", "--x"]
    {
        let args: Vec<&str> = line.split(' ').chain([strange]).collect();
        clean(line, &dir.seal_with(&args, b""));
    }
    let json = dir.seal("cert show c.pem --json").ok();
    let card: serde_json::Value = serde_json::from_str(json.text()).unwrap();
    let names = card[0]["names"].as_array().unwrap();
    assert!(names.iter().any(|n| n == "DNS:x\u{1b}[31m\r\nverified"), "JSON is data: {names:?}");
}

#[test]
fn every_command_that_meets_a_peer() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = hostile();
    let trust = ["--cert", "c.pem", "--key", "k.pem", "--alpn", "h2,x\u{1b}[1m"];
    let server = Served::start_with(&dir, &trust);
    let at = format!("localhost:{}", server.port);
    for line in [
        "connect AT --insecure --alpn x\u{1b}[1m",
        "connect AT --ca c.pem --servername app.test",
        "inspect AT --ca c.pem",
        "inspect AT --explain --servername app.test --ca c.pem",
        "inspect AT --html page.html --ca c.pem",
    ] {
        let line = line.replace("AT", &at);
        clean(&line, &dir.seal(&line));
    }
    // A proxy's own words, and a mail server's.
    let say = |words: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = std::thread::spawn(move || {
            let (mut tcp, _) = listener.accept().unwrap();
            let _ = tcp.write_all(words);
            let _ = tcp.shutdown(std::net::Shutdown::Write);
            let _ = tcp.read_to_end(&mut Vec::new());
        });
        (port, said)
    };
    let (port, said) = say(b"HTTP/1.1 403 No\x1b[31m\x07\xc2\x9b\r\n\r\n");
    clean("proxy", &dir.seal(&format!("connect --proxy http://127.0.0.1:{port} a.test:443")));
    said.join().unwrap();
    let (port, said) = say(b"554 no\x1b[31m\x07\xc2\x9b \xff\r\n");
    clean("smtp", &dir.seal(&format!("connect --starttls smtp 127.0.0.1:{port}")));
    said.join().unwrap();
}

#[test]
fn a_client_that_is_listened_to_and_a_request_that_is_served() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let dir = hostile();
    let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
    seal.args(["inspect", "--listen", "127.0.0.1:0", "--count", "1"]).current_dir(dir.root());
    seal.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = seal.spawn().unwrap();
    let mut told = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    let address = line.split(' ').find(|word| word.contains(':')).unwrap();
    let address = address.trim_end_matches(';');
    let args =
        ["s_client", "-connect", address, "-servername", "a\u{1b}[31m\r\nb", "-alpn", "h\u{1b}[1m"];
    let mut client = Command::new("openssl");
    client.args(args);
    dir.run(client, &[], b"");
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(r"a\u{1b}[31m\r\nb"), "{text}");
    let ran = Ran { code: 0, stdout: text.into_bytes(), stderr: String::new() };
    clean("inspect --listen", &ran);
    // A server that tells people of requests.
    std::fs::create_dir(dir.path("site")).unwrap();
    let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
    seal.args(["serve", "site", "--port", "0", "--cert", "c.pem", "--key", "k.pem"]);
    seal.current_dir(dir.root()).stdout(std::process::Stdio::piped());
    let mut child = seal.spawn().unwrap();
    let mut told = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().to_owned();
    let url = format!("https://localhost:{port}/a\u{9b}31m\u{202e}");
    dir.run(Command::new("curl"), &["-sk", "--path-as-is", &url], b"");
    let mut said = String::new();
    while !said.contains("HTTP/") {
        said.clear();
        std::io::BufRead::read_line(&mut told, &mut said).unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = Ran { code: 0, stdout: said.into_bytes(), stderr: String::new() };
    clean("serve", &ran);
}
