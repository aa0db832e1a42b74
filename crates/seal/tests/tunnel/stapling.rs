//! OCSP responses that are fetched from the responder that the certificate names: Python's `cryptography`
//! reads the request and signs the answer, OpenSSL is the client that looks at it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::peers::served::Served;
use super::peers::{Folder, Ran, installed};
use super::support::{Origin, Tunnel, get};

/// Answers as the file `mode` says: `good`, `old` (out of date since a minute, which clocks that differ
/// forgive), `revoked`, or not at all.
const RESPONDER: &str = r#"
import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
read = lambda path: open(path, "rb").read()
ca = x509.load_pem_x509_certificate(read("ca/ca.pem"))
key = serialization.load_pem_private_key(read("ca/ca-key.pem"), None)
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        mode = read("mode").decode()
        if mode == "away":
            return self.send_error(503)
        asked = ocsp.load_der_ocsp_request(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Content-Type"] == "application/ocsp-request"
        leaf = x509.load_pem_x509_certificate(read("m.pem"))
        assert asked.serial_number == leaf.serial_number
        now, minute = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(minutes=1)
        revoked = mode == "revoked"
        made = ocsp.OCSPResponseBuilder().add_response(
            leaf, ca, asked.hash_algorithm, ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            now - 60 * minute, now - minute if mode == "old" else now + 600 * minute, now - 60 * minute if revoked else None, None)
        body = made.responder_id(ocsp.OCSPResponderEncoding.HASH, ca).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        self.send_response(200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Responder {
    child: Child,
    port: u16,
}

impl Responder {
    fn start(dir: &Folder) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", RESPONDER]).current_dir(dir.root()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a port");
        Self { child, port: line.trim().parse().expect("a port") }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate that demands a staple of a responder that runs; `None` without the peers.
fn demanding() -> Option<(Folder, Responder)> {
    let judge = Command::new("python3").args(["-c", "import cryptography"]).output();
    let judge = judge.is_ok_and(|ran| ran.status.success());
    if !sealwire_testing::required(judge, "python3 has no cryptography") || !installed(&["openssl"])
    {
        return None;
    }
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    let responder = Responder::start(&dir);
    dir.seal("key new --out m.key").ok();
    dir.seal("csr new --key m.key --subject /CN=m.test --out m.csr").ok();
    let url = format!("http://127.0.0.1:{}/", responder.port);
    dir.seal(&format!(
        "cert sign --csr m.csr --ca ca/ca.pem --ca-key ca/ca-key.pem --name m.test --must-staple --ocsp-url {url} \
         --out m.pem"
    ))
    .ok();
    dir.write("chain.pem", [dir.read("m.pem"), dir.read("ca/ca.pem")].concat());
    dir.write("mode", "good");
    Some((dir, responder))
}

/// What OpenSSL says of the response that it is shown.
fn shown(dir: &Folder, port: u16) -> Ran {
    let line = format!(
        "s_client -connect 127.0.0.1:{port} -servername m.test -CAfile ca/ca.pem -verify_return_error -status"
    );
    dir.openssl_with(&line.split(' ').collect::<Vec<_>>(), b"")
}

const OURS: &str = "--cert chain.pem --key m.key --ocsp-fetch";

#[test]
fn a_response_is_fetched_before_the_first_client_comes() {
    let Some((dir, _responder)) = demanding() else { return };
    let origin = Origin::named("hello\n");
    let line = format!("server -l 127.0.0.1:0 -t {} --status 127.0.0.1:0 {OURS}", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let told = tunnel.wait_message("OCSP response fetched");
    assert_eq!(told["subject"], "CN=m.test", "{told}");
    let said = shown(&dir, tunnel.port());
    assert!(said.text().contains("Cert Status: good"), "{said:?}");
    let (_, metrics) = get(tunnel.status_port(), "/metrics");
    for line in [
        "seal_tunnel_ocsp_fetches_total{service=\"server\",kind=\"done\"} 1",
        "seal_tunnel_ocsp_lacking{service=\"server\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("ocsp_next_update_seconds{service=\"server\"} 0\n"), "{metrics}");
    let mut server = Served::start(&dir, OURS);
    let told = server.next_of("stapled");
    assert_eq!(told["subject"], "CN=m.test", "{told}");
    let said = shown(&dir, server.port);
    assert!(said.text().contains("Cert Status: good"), "{said:?}");
}

#[test]
fn what_is_not_fetched_is_told_and_nobody_is_shown_what_is_no_good() {
    let Some((dir, _responder)) = demanding() else { return };
    let origin = Origin::named("hello\n");
    for (mode, says) in [
        ("away", "HTTP status 503"),
        ("revoked", "the OCSP response: the certificate is revoked"),
        ("old", ""),
    ] {
        dir.write("mode", mode);
        let line = format!("server -l 127.0.0.1:0 -t {} --status 127.0.0.1:0 {OURS}", origin.at());
        let mut tunnel = Tunnel::start(&dir, &line);
        let kind = match mode {
            "old" => {
                tunnel.wait_message("the stapled OCSP response is out of date");
                "done"
            }
            _ => {
                let told = tunnel.wait_message("no OCSP response fetched");
                assert!(told["reason"].as_str().unwrap().contains(says), "{told}");
                "failed"
            }
        };
        let said = shown(&dir, tunnel.port());
        assert!(said.text().contains("OCSP response: no response sent"), "{mode}: {said:?}");
        let (_, metrics) = get(tunnel.status_port(), "/metrics");
        let counted =
            format!("seal_tunnel_ocsp_fetches_total{{service=\"server\",kind=\"{kind}\"}} 1");
        for line in [counted.as_str(), "seal_tunnel_ocsp_lacking{service=\"server\"} 1"] {
            assert!(metrics.contains(line), "{mode}: {line}: {metrics}");
        }
        let mut server = Served::start(&dir, OURS);
        match mode {
            "old" => drop(server.next_of("staple_stale")),
            _ => {
                let told = server.next_of("not_stapled");
                assert!(told["reason"].as_str().unwrap().contains(says), "{told}");
            }
        }
    }
}

#[test]
fn who_cannot_be_asked_is_named() {
    let Some((dir, _responder)) = demanding() else { return };
    for verb in ["serve --port 0", "tunnel server -l 127.0.0.1:0 -t 127.0.0.1:1"] {
        dir.seal(&format!("{verb} --cert m.pem --key m.key --ocsp-fetch"))
            .err_is("its issuer's certificate does not follow it in the file");
        dir.seal(&format!("{verb} --cert chain.pem --key m.key")).err_is("--ocsp-fetch fetches");
    }
    dir.seal("tunnel client -l 127.0.0.1:0 -t localhost:1 --ocsp-fetch")
        .err_is("ocsp-fetch: for servers only");
    // A response is judged without the issuer's certificate, as far as that goes.
    dir.seal("ca issue --ca-dir ca localhost --cert-file other.pem --key-file other.key").ok();
    for (of, says) in [("other", "it is for another certificate"), ("m", "")] {
        dir.openssl(&format!("ocsp -issuer ca/ca.pem -cert {of}.pem -reqout request -no_nonce"));
        let serial = dir.openssl(&format!("x509 -in {of}.pem -noout -serial")).text().to_owned();
        let serial = serial.trim().trim_start_matches("serial=");
        for (entry, refused) in
            [("V\t450101000000Z\t", says), ("R\t450101000000Z\t250601000000Z", "is revoked")]
        {
            dir.write("index", format!("{entry}\t{serial}\tunknown\t/CN=x\n"));
            dir.openssl(
                "ocsp -index index -CA ca/ca.pem -rsigner ca/ca.pem -rkey ca/ca-key.pem -ndays 7 -reqin request \
                 -respout ocsp.der",
            );
            let expected = if says.is_empty() { refused } else { says };
            dir.write(
                "tunnel.toml",
                "[[service]]\nname = \"a\"\nlisten = \"127.0.0.1:0\"\ntarget = \"127.0.0.1:1\"\n\
                 cert = \"m.pem\"\nkey = \"m.key\"\nocsp = \"ocsp.der\"\n",
            );
            let ran = dir.seal("tunnel check tunnel.toml");
            let said = format!("{}{}", ran.text(), ran.stderr);
            let expected = if expected.is_empty() { "files: loaded" } else { expected };
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }
}
