//! OpenSSL's two test programs judge us, in every old version and family of suites.

use std::process::Command;

use sealwire::session::Event;
use sealwire::verify::NameCheck;
use sealwire::{
    Acceptor, ClientAuth, Connector, Error, Legacy, ProtocolVersion, Psk, SecureContext, Session,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers::credentials::{context, credentials};
use crate::peers::net::{Server, call, run_with};
use crate::peers::{Peer, in_time, said};
use crate::{FAMILIES, OLD, Tls10, Tls11, Tls12, Tls13, client_of, old, old_with, ready, to};

fn flag(version: ProtocolVersion) -> &'static str {
    match version {
        Tls10 => "-tls1",
        Tls11 => "-tls1_1",
        Tls12 => "-tls1_2",
        _ => "-tls1_3",
    }
}

fn s_client(port: u16, version: ProtocolVersion, list: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-servername", "localhost", "-connect"]);
    command.arg(format!("127.0.0.1:{port}")).arg(flag(version));
    if !list.is_empty() {
        command.arg("-cipher").arg(format!("{list}:@SECLEVEL=0"));
    }
    command
}

fn verifying(mut command: Command) -> Command {
    command.args(["-verify_return_error", "-verifyCAfile"]).arg(credentials().files("ca").cert);
    command
}

fn s_server(more: &[&str]) -> (Peer, u16) {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "0", "-rev"]).args(more);
    let mut server = Peer::start(&mut command);
    let port = server.port("ACCEPT");
    (server, port)
}

async fn hello(mut command: Command) -> String {
    said(&run_with(command.arg("-ign_eof"), "hello\n").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn their_client_speaks_with_our_server() {
    if !ready() {
        return;
    }
    for (suite, key, oldest) in FAMILIES {
        let acceptor = Acceptor::new(crate::server(key)).client_auth(ClientAuth::Request);
        let mut server = Server::start(acceptor).await;
        for version in OLD.into_iter().filter(|version| *version >= oldest) {
            for with_certificate in [false, true] {
                let mut client = verifying(s_client(server.port, version, suite));
                if with_certificate {
                    let files = credentials().files("client");
                    client.arg("-cert").arg(files.cert).arg("-key").arg(files.key);
                }
                let text = hello(client).await;
                let case = format!("{suite} {version}:\n{text}");
                assert!(text.contains("Verify return code: 0 (ok)"), "{case}");
                assert!(text.contains("olleh\n"), "{case}");
                let peer = server.seen().await.expect("a good client");
                assert_eq!((peer.protocol(), peer.cipher().openssl_name()), (version, suite));
                assert_eq!(peer.authorized(), with_certificate, "{case}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_speaks_with_their_server() {
    if !ready() {
        return;
    }
    let ca = credentials().files("ca").cert.display().to_string();
    for (suite, key, oldest) in FAMILIES {
        let files = credentials().files(key);
        let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());
        for required in [false, true] {
            let mut options = vec!["-cert", &cert, "-key", &key, "-cipher", "ALL:@SECLEVEL=0"];
            if required {
                options.extend(["-Verify", "3", "-verify_return_error", "-verifyCAfile", &ca]);
            }
            let (mut server, port) = s_server(&options);
            for version in OLD.into_iter().filter(|version| *version >= oldest) {
                let shown = if required { client_of(suite) } else { "" };
                let client = Connector::new(old(context(shown, "ca"), version, suite));
                let peer = call(&client, "localhost", port).await;
                let peer = peer.unwrap_or_else(|e| panic!("{suite} {version}: {e}"));
                assert!(peer.authorized(), "{suite} {version}");
                assert_eq!(server.line("Protocol version: "), version.name());
                assert_eq!(server.line("Ciphersuite: "), suite);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suites_of_tls13_that_the_first_engine_has_not() {
    if !ready() {
        return;
    }
    let files = credentials().files("rsa");
    let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());
    for suite in ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"] {
        let legacy = Legacy::new().protocol_level(0);
        let ours = |shown| old_with(context(shown, "ca"), legacy.clone(), Tls13, suite);
        let mut server = Server::start(Acceptor::new(ours("rsa"))).await;
        let mut client = s_client(server.port, Tls13, "");
        client.args(["-ciphersuites", suite]);
        let text = hello(client).await;
        assert!(text.contains("olleh\n"), "{suite}:\n{text}");
        let peer = server.seen().await.expect("a good client");
        assert_eq!(peer.cipher().openssl_name(), suite);

        let (mut theirs, port) = s_server(&["-cert", &cert, "-key", &key, "-ciphersuites", suite]);
        let peer = call(&Connector::new(ours("")), "localhost", port).await;
        let peer = peer.unwrap_or_else(|e| panic!("{suite}: {e}"));
        assert!(peer.authorized(), "{suite}");
        assert_eq!(theirs.line("Ciphersuite: "), suite);
    }
}

/// What OpenSSL's engine knows of the request, in every old version; TLS 1.3 is the other engine's.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_explained_by_our_own_certificate() {
    if !ready() {
        return;
    }
    let path = |name: &str| credentials().files(name).cert.display().to_string();
    let files = credentials().files("rsa");
    let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());
    let crl = credentials().path("crl.pem").display().to_string();
    for (shown, trusted, more, says) in [
        (
            "",
            "ca",
            "",
            "the server requests a client certificate issued by CN=Test-ca, and none is configured",
        ),
        ("expired", "ca", "", "our certificate is at fault: CERT_HAS_EXPIRED: "),
        ("server-only", "ca", "", "our certificate is at fault: INVALID_PURPOSE: "),
        ("revoked", "ca", &crl, "our certificate is at fault: CERT_REVOKED: "),
        (
            "client",
            "other-ca",
            "",
            "accepts certificates issued by CN=Test-other-ca, and ours is issued by CN=Test-ca",
        ),
    ] {
        let trusted = path(trusted);
        let mut options = vec!["-cert", &cert, "-key", &key, "-cipher", "ALL:@SECLEVEL=0"];
        options.extend(["-Verify", "3", "-verify_return_error", "-CAfile", &trusted]);
        if !more.is_empty() {
            options.extend(["-crl_check", "-CRL", more]);
        }
        let (_server, port) = s_server(&options);
        for version in OLD {
            let builder = context(shown, "ca").own_crls(credentials().crl());
            let client = Connector::new(old(builder, version, "AES128-SHA"));
            let error = call(&client, "localhost", port).await.expect_err("refused");
            let ours = error.own_certificate().expect(says).to_string();
            assert!(ours.contains(says), "{shown} {version}: {ours}");
            assert!(error.to_string().ends_with(&ours), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pre_shared_keys_each_way() {
    if !ready() {
        return;
    }
    let key = "0102030405060708090a0b0c0d0e0f10";
    let bytes: Vec<u8> = (1..=16).collect();
    for (version, list) in [
        (Tls12, "PSK-AES128-GCM-SHA256"),
        (Tls12, "DHE-PSK-AES128-CBC-SHA256"),
        (Tls12, "ECDHE-PSK-AES128-CBC-SHA"),
        (Tls10, "PSK-AES128-CBC-SHA"),
        (Tls13, ""),
    ] {
        let legacy = Legacy::new().psk(true).psk_hint("a hint").protocol_level(0);
        let ours = old_with(context("", "ca"), legacy, version, list);

        let known = bytes.clone();
        let acceptor = Acceptor::new(ours.clone())
            .on_psk(move |who| (who == b"bob").then(|| Psk::new("bob", known.clone())));
        let mut server = Server::start(acceptor).await;
        let mut client = s_client(server.port, version, list);
        client.args(["-psk_identity", "bob", "-psk", key]);
        let text = hello(client).await;
        assert!(text.contains("olleh\n"), "{version} {list}:\n{text}");
        let peer = server.seen().await.expect("a good client");
        assert_eq!(peer.psk_identity(), Some(&b"bob"[..]), "{version} {list}");
        assert!(peer.authorized());

        let mut options = vec!["-nocert", "-psk_identity", "bob", "-psk", key, "-psk_hint", "who?"];
        let with_level = format!("{list}:@SECLEVEL=0");
        if !list.is_empty() {
            options.extend(["-cipher", &with_level]);
        }
        let (mut theirs, port) = s_server(&options);
        let client = Connector::new(ours).psk(Psk::new("bob", bytes.clone()));
        let peer = call(&client, "localhost", port).await;
        let peer = peer.unwrap_or_else(|e| panic!("{version} {list}: {e}"));
        assert!(peer.authorized() && peer.psk_identity().is_some(), "{version} {list}");
        assert_eq!(theirs.line("Protocol version: "), version.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_our_own() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dh.pem");
    // A group of 1024 bits that no RFC names, to be told from all others by its length.
    let made = Command::new("openssl")
        .args(["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:modp_1536", "-out"])
        .arg(&file)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", said(&made));
    let legacy = Legacy::new().dh_parameters(std::fs::read(&file).expect("a file"));
    let legacy = legacy.protocol_level(0);
    for version in OLD {
        let ours = old_with(context("rsa", "ca"), legacy.clone(), version, "DHE-RSA-AES128-SHA");
        let server = Server::start(Acceptor::new(ours)).await;
        let text = hello(s_client(server.port, version, "DHE-RSA-AES128-SHA")).await;
        assert!(text.contains("Server Temp Key: DH, 1536 bits"), "{version}:\n{text}");
        assert!(text.contains("olleh\n"), "{version}:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn their_client_negotiates_again_where_the_program_allows_it() {
    if !ready() {
        return;
    }
    for version in OLD {
        for allowed in [true, false] {
            let legacy = Legacy::new().renegotiation(allowed);
            let ours = old_with(context("rsa", "ca"), legacy, version, "AES128-SHA");
            let mut server = Server::start(Acceptor::new(ours)).await;
            // `R` at the beginning of a line negotiates again.
            let mut client = s_client(server.port, version, "AES128-SHA");
            let mut client = Peer::start(client.arg("-legacy_renegotiation"));
            client.line("Verify return code");
            server.seen().await.expect("a good client");
            client.say("R\n");
            client.line("RENEGOTIATING");
            if allowed {
                client.say("hello\n");
                client.line("olleh");
            } else {
                client.line("no renegotiation");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_negotiates_again_with_their_server() {
    if !ready() {
        return;
    }
    let files = credentials().files("rsa");
    let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());
    let options = ["-cert", &cert, "-key", &key, "-cipher", "ALL:@SECLEVEL=0"];
    for version in OLD {
        let legacy = Legacy::new().renegotiation(true);
        let ours = old_with(context("client", "ca"), legacy, version, "AES128-SHA");
        let (_theirs, port) = s_server(&[&options[..], &["-client_renegotiation"]].concat());
        let mut line = Line::to(&ours, port).await;
        line.session.renegotiate(None).expect("it may");
        line.until("renegotiated").await;
        // The answer comes over the keys of the second handshake.
        line.say(b"hello\n").await;
        line.until("olleh").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn their_server_negotiates_again_with_our_client() {
    if !ready() {
        return;
    }
    let files = credentials().files("rsa");
    let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());
    let ca = credentials().files("ca").cert.display().to_string();
    for version in OLD {
        for allowed in [true, false] {
            let legacy = Legacy::new().renegotiation(allowed);
            let ours = old_with(context("client", "ca"), legacy, version, "AES128-SHA");
            let mut command = Command::new("openssl");
            command.args(["s_server", "-accept", "0", "-cert", &cert, "-key", &key]);
            command.args(["-cipher", "ALL:@SECLEVEL=0", "-verifyCAfile", &ca]);
            let mut server = Peer::start(&mut command);
            let port = server.port("ACCEPT");
            let mut line = Line::to(&ours, port).await;
            server.line("CIPHER is");
            // `R` at the beginning of a line negotiates again, and asks for a certificate.
            server.say("R\n");
            if allowed {
                line.until("renegotiated").await;
                server.say("and on\n");
                line.until("and on").await;
            } else {
                line.until("refused").await;
            }
        }
    }
}

/// One connection of our client's, by hand.
struct Line {
    session: Session,
    tcp: TcpStream,
    received: Vec<u8>,
    /// Data, and the names of events, as they came.
    told: String,
}

impl Line {
    async fn to(context: &SecureContext, port: u16) -> Self {
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("the peer listens");
        let session = Session::client(context, &to("localhost")).expect("a client");
        let mut line = Self { session, tcp, received: Vec::new(), told: String::new() };
        line.until("complete").await;
        line
    }

    async fn say(&mut self, data: &[u8]) {
        let mut out = Vec::new();
        self.session.encrypt(data, &mut out).expect("an open session");
        self.tcp.write_all(&out).await.expect("the peer listens");
    }

    /// Goes on until this was told.
    async fn until(&mut self, wanted: &str) {
        while !self.told.contains(wanted) {
            let mut out = Vec::new();
            self.session.take_output(&mut out);
            self.tcp.write_all(&out).await.expect("the peer listens");
            let mut room = [0; 4096];
            let count = in_time(self.tcp.read(&mut room)).await.unwrap_or(0);
            if count == 0 {
                self.told += " refused";
                assert!(self.told.contains(wanted), "{wanted} is not among{}", self.told);
            }
            self.received.extend_from_slice(&room[..count]);
            loop {
                let mut data = Vec::new();
                let consumed = self.session.receive(&mut self.received, &mut data);
                let consumed = match consumed {
                    Ok(consumed) => consumed,
                    // OpenSSL ends a connection that is not negotiated again as it wishes.
                    Err(Error::AlertReceived { .. }) if wanted == "refused" => return,
                    Err(error) => panic!("{error}"),
                };
                self.received.drain(..consumed);
                self.told += &String::from_utf8_lossy(&data);
                let before = self.told.len();
                while let Some(event) = self.session.poll_event() {
                    self.told += match event {
                        Event::HandshakeComplete => " complete",
                        Event::Renegotiated => " renegotiated",
                        _ => " other",
                    };
                }
                if consumed == 0 && data.is_empty() && self.told.len() == before {
                    break;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_what_we_speak_is_named() {
    if !ready() {
        return;
    }
    let files = credentials().files("rsa");
    let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());
    let (_server, port) =
        s_server(&["-cert", &cert, "-key", &key, "-tls1", "-cipher", "ALL:@SECLEVEL=0"]);
    let client =
        Connector::new(old(context("", "ca"), Tls12, "AES128-SHA")).name_check(NameCheck::Node);
    let refused = call(&client, "localhost", port).await.expect_err("no version in common");
    assert_eq!(refused.code(), "ERR_SSL_UNSUPPORTED_PROTOCOL", "{refused}");
}
