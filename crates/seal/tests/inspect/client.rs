//! A client's hello.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::peers::{Folder, installed};

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
    assert!(line.contains("sent no ClientHello"), "{line}");
}
