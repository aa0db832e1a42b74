//! Keying material, key logs and OCSP responses, as OpenSSL's programs print them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use sealwire::{Acceptor, KeyLogFile, SecureContext, Session, TlsStream};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::peers::credentials::{context, credentials};
use crate::peers::net::run_with;
use crate::peers::{Peer, in_time, present, said};
use crate::{VERSIONS, connector, flag, only};

const LABEL: &str = "EXPERIMENTAL-sealwire";

fn exported(session: &Session) -> String {
    let mut material = [0; 33];
    session.export_keying_material(&mut material, LABEL, None).expect("an open session");
    material.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn key_log(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).expect("a key log");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// Asks OpenSSL for its view; it appends to the file.
fn options(command: &mut Command, log: &Path) {
    command.args(["-keymatexport", LABEL, "-keymatexportlen", "33", "-keylogfile"]).arg(log);
}

/// Answers one line with the same, and gives what is left.
async fn echo(stream: TlsStream<TcpStream>) -> TlsStream<TcpStream> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.expect("a line");
    stream.write_all(line.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let _ = stream.read_line(&mut line).await;
    stream.into_inner()
}

/// A response that OpenSSL can print, made by its own responder; none of it is checked here.
fn ocsp_response() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (ca, leaf) = (credentials().files("ca"), credentials().files("p256"));
    let index = folder.path().join("index");
    std::fs::write(&index, "").unwrap();
    let (request, response) = (folder.path().join("request"), folder.path().join("response"));
    let run = |command: &mut Command| crate::peers::run(command);
    let mut ask = Command::new("openssl");
    run(ask
        .args(["ocsp", "-issuer"])
        .arg(&ca.cert)
        .arg("-cert")
        .arg(&leaf.cert)
        .arg("-reqout")
        .arg(&request));
    let mut answer = Command::new("openssl");
    answer.args(["ocsp", "-index"]).arg(&index).arg("-CA").arg(&ca.cert).arg("-rsigner");
    answer.arg(&ca.cert).arg("-rkey").arg(&ca.key).arg("-reqin").arg(&request);
    run(answer.arg("-respout").arg(&response));
    std::fs::read(response).expect("it was made")
}

#[tokio::test(flavor = "multi_thread")]
async fn s_client_has_the_same_as_our_server() {
    if !present("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let response = ocsp_response();
    let identity = credentials().identity("p256").with_ocsp_response(response);
    let server = SecureContext::builder().identity(identity).build().unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = tcp.local_addr().unwrap().port();
    for version in VERSIONS {
        let path = |name: &str| folder.path().join(format!("{version}-{name}"));
        let file = KeyLogFile::open(path("ours")).unwrap();
        let acceptor = Acceptor::new(server.clone()).key_log(file);
        let mut command = Command::new("openssl");
        command.args(["s_client", "-ign_eof", "-status", flag(version), "-connect"]);
        command.arg(format!("127.0.0.1:{port}"));
        options(&mut command, &path("theirs"));
        let accepted = async {
            let (io, _) = tcp.accept().await.unwrap();
            echo(acceptor.accept(io).await.expect("a good client")).await
        };
        let (text, stream) = tokio::join!(run_with(&mut command, "hello\n"), in_time(accepted));
        let text = said(&text);
        let material = format!("Keying material: {}", exported(stream.session()));
        assert!(text.contains(&material), "{version} {material}:\n{text}");
        assert!(text.contains("OCSP Response Status: successful"), "{version}:\n{text}");
        let ours = key_log(&path("ours"));
        assert!(!ours.is_empty());
        assert_eq!(ours, key_log(&path("theirs")), "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s_server_has_the_same_as_our_client() {
    if !present("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let response = ocsp_response();
    let staple = folder.path().join("staple");
    std::fs::write(&staple, &response).unwrap();
    for version in VERSIONS {
        for stapled in [true, false] {
            let path = |name: &str| folder.path().join(format!("{version}-{stapled}-{name}"));
            let files = credentials().files("p256");
            let mut command = Command::new("openssl");
            command.args(["s_server", "-accept", "0", "-naccept", "1", "-cert"]).arg(files.cert);
            command.arg("-key").arg(files.key);
            if stapled {
                command.arg("-status_file").arg(&staple);
            }
            options(&mut command, &path("theirs"));
            let mut server = Peer::start(&mut command);
            let port = server.port("ACCEPT");
            let file = KeyLogFile::open(path("ours")).unwrap();
            let client = connector(only(context("", "ca"), version));
            let client = client.key_log(file).request_ocsp(true);
            let io = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let stream = in_time(client.connect("localhost".parse().unwrap(), io)).await.unwrap();
            let told = stream.session().ocsp_response();
            assert_eq!(told, stapled.then_some(&response[..]), "{version}");
            assert_eq!(server.line("Keying material: "), exported(stream.session()), "{version}");
            assert_eq!(key_log(&path("ours")), key_log(&path("theirs")), "{version}");
        }
    }
}
