//! The PROXY protocol, in and out, with HAProxy on the other side.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use sealwire::{ClientOptions, SecureContext, TrustStore, blocking};

use super::peers::{Folder, installed};
use super::support::{Origin, PATIENCE, Tunnel, dead_port, files};

const SERVER: &str = "server --listen 127.0.0.1:0 --cert server.pem --key server.key";

/// A server that says hello and gives what it was sent.
fn listener() -> (Origin, Receiver<Vec<u8>>) {
    let (got, gets) = channel();
    let origin = Origin::new(move |mut tcp| {
        let _ = tcp.write_all(b"hello");
        let _ = tcp.shutdown(std::net::Shutdown::Write);
        let mut all = Vec::new();
        let _ = tcp.read_to_end(&mut all);
        let _ = got.send(all);
    });
    (origin, gets)
}

#[test]
fn the_target_learns_whose_connection_it_is() {
    let dir = files();
    let (origin, gets) = listener();
    let line = format!("{SERVER} --target {} --proxy-out v1", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    dir.ask(port, "").ok();
    let header = String::from_utf8(gets.recv_timeout(PATIENCE).unwrap()).unwrap();
    assert!(header.starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 "), "{header:?}");
    assert!(header.ends_with(&format!(" {port}\r\n")), "{header:?}");
}

#[test]
fn the_target_learns_what_tls_says_of_the_client() {
    let dir = files();
    let (origin, gets) = listener();
    let line = format!("{SERVER} --ca ca.pem --target {} --proxy-out v2 --alpn x/1", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    dir.ask(port, "-cert alice.pem -key alice.key -servername a.test -alpn x/1 -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256").ok();
    let header = gets.recv_timeout(PATIENCE).unwrap();
    assert_eq!(&header[..12], b"\r\n\r\n\0\r\nQUIT\n");
    let has = |part: &[u8]| header.windows(part.len()).any(|window| window == part);
    for part in [
        &b"\x01\x00\x03x/1"[..],                      // ALPN
        b"\x02\x00\x06a.test",                        // authority
        b"\x07\x00\x00\x00\x00",                      // TLS, with a certificate, verified
        b"\x21\x00\x07TLSv1.2",                       // version
        b"\x22\x00\x05alice",                         // common name
        b"\x23\x00\x1dECDHE-ECDSA-AES128-GCM-SHA256", // suite
        b"\x24\x00\x06SHA256",                        // our certificate's signature
        b"\x25\x00\x05EC256",                         // and key
    ] {
        assert!(has(part), "{part:?} in {header:?}");
    }
}

#[test]
fn a_header_in_front_says_who_comes() {
    let dir = files();
    let (origin, gets) = listener();
    let line = format!("{SERVER} --target {} --proxy-in any --proxy-out v1", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x00\x05hello", b"PROXY TCP4 x"] {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.write_all(garbage).unwrap();
        tcp.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = tcp.read_to_end(&mut Vec::new());
        assert_eq!(tunnel.wait_message("client refused")["why"], "proxy-header");
    }
    let Some(haproxy) = haproxy_sends(&dir, port) else { return };
    let ran = dir.ask(haproxy.port, "-servername a.test");
    assert_eq!(ran.ok().text(), "hello");
    let header = String::from_utf8(gets.recv_timeout(PATIENCE).unwrap()).unwrap();
    // The destination is HAProxy's port, not ours: it is passed on.
    assert!(header.ends_with(&format!(" {}\r\n", haproxy.port)), "{header:?}");
    let ended = tunnel.wait_message("connection ended");
    assert!(ended["source"].as_str().unwrap().starts_with("127.0.0.1:"), "{ended}");
}

/// A header decides who a client is, so it counts from our proxies only.
#[test]
fn only_our_proxies_say_who_comes() {
    let dir = files();
    let (origin, gets) = listener();
    let line = format!("{SERVER} --target {} --proxy-in any --proxy-out v1", origin.at());
    let header = b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n";
    for strangers in ["--proxy-from 10.0.0.0/8", "--proxy-from 127.0.0.2 --proxy-from ::1"] {
        let mut tunnel = Tunnel::start(&dir, &format!("{line} {strangers}"));
        let port = tunnel.port();
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _ = tcp.write_all(header);
        let _ = tcp.read_to_end(&mut Vec::new());
        let refused = tunnel.wait_message("client refused");
        assert_eq!(refused["why"], "proxy-header");
        let reason = refused["reason"].as_str().unwrap();
        assert!(reason.contains("127.0.0.1 is not allowed by proxy-from"), "{refused}");
    }
    for ours in ["--proxy-from 127.0.0.0/8", "--proxy-from 10.0.0.1 --proxy-from 127.0.0.1"] {
        let mut tunnel = Tunnel::start(&dir, &format!("{line} {ours}"));
        let port = tunnel.port();
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.write_all(header).unwrap();
        let trust = TrustStore::from_pem_file(dir.path("ca.pem")).unwrap();
        let context = SecureContext::builder().trust(trust).build().unwrap();
        let options = ClientOptions::new("localhost".parse().unwrap());
        let mut tls = blocking::connect(&context, &options, tcp).unwrap();
        let mut said = String::new();
        tls.read_to_string(&mut said).unwrap();
        assert_eq!(said, "hello");
        drop(tls);
        let told = String::from_utf8(gets.recv_timeout(PATIENCE).unwrap()).unwrap();
        assert_eq!(told, "PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n");
        assert_eq!(tunnel.wait_message("connection ended")["source"], "192.0.2.7:1234");
    }
}

#[test]
fn haproxy_understands_what_we_send() {
    let dir = files();
    if !installed(&["curl"]) {
        return;
    }
    let Some(haproxy) = haproxy_answers(&dir) else { return };
    let line = format!("{SERVER} --target 127.0.0.1:{} --proxy-out v2", haproxy.port);
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    let ran = dir.run(
        Command::new("curl"),
        &[
            "-sS",
            "--cacert",
            "ca.pem",
            "--resolve",
            &format!("a.test:{port}:127.0.0.1"),
            &format!("https://a.test:{port}/"),
        ],
        b"",
    );
    assert_eq!(ran.ok().text(), format!("from 127.0.0.1 to {port} for a.test"));
}

/// A running HAProxy; ended when dropped.
struct Haproxy {
    child: Child,
    port: u16,
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One that passes TCP on to `target`, with a PROXY header in front.
fn haproxy_sends(dir: &Folder, target: u16) -> Option<Haproxy> {
    start(dir, |port| {
        format!(
            "defaults\n  mode tcp\n  timeout connect 60s\n  timeout client 60s\n  timeout server 60s\n\
             listen l\n  bind 127.0.0.1:{port}\n  server s 127.0.0.1:{target} send-proxy-v2\n"
        )
    })
}

/// One that takes a PROXY header and answers over HTTP with what was in it.
fn haproxy_answers(dir: &Folder) -> Option<Haproxy> {
    start(dir, |port| {
        format!(
            "defaults\n  mode http\n  timeout connect 60s\n  timeout client 60s\n  timeout server 60s\n\
             frontend f\n  bind 127.0.0.1:{port} accept-proxy\n  http-request return status 200 \
             content-type text/plain lf-string \"from %[src] to %[dst_port] for %[fc_pp_authority]\"\n"
        )
    })
}

fn start(dir: &Folder, config: impl Fn(u16) -> String) -> Option<Haproxy> {
    if !sealwire_testing::installed("haproxy") {
        return None;
    }
    // HAProxy cannot say which port it took: another one is tried if this one is taken meanwhile.
    loop {
        let port = dead_port();
        dir.write("haproxy.cfg", config(port));
        let mut child = Command::new("haproxy")
            .args(["-db", "-f", "haproxy.cfg"])
            .current_dir(dir.root())
            .stderr(Stdio::null())
            .spawn()
            .expect("haproxy starts");
        loop {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(Haproxy { child, port });
            }
            if child.try_wait().expect("its state").is_some() {
                assert!(
                    TcpListener::bind(("127.0.0.1", port)).is_err(),
                    "haproxy refuses its file"
                );
                break;
            }
            std::thread::yield_now();
        }
    }
}
