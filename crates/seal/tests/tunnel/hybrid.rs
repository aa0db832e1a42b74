//! A client that could do a post-quantum group, and has sent a share of another.

use std::net::TcpStream;

use sealwire::{ClientOptions, SecureContext, TrustStore, blocking};

use super::peers::served::Served;
use super::support::{Origin, Tunnel, files};

#[test]
fn it_is_asked_for_its_share_unless_told_otherwise() {
    let dir = files();
    let trust = TrustStore::from_pem(dir.read("ca.pem")).unwrap();
    let builder = SecureContext::builder().trust(trust);
    let context = builder.groups("X25519:X25519MLKEM768").unwrap().build().unwrap();
    let group = |port: u16| {
        let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let options = ClientOptions::new("localhost".parse().unwrap());
        let tls = blocking::connect(&context, &options, tcp).unwrap();
        tls.peer().group().unwrap().iana_name()
    };
    let origin = Origin::named("hello\n");
    let ours = "--cert server.pem --key server.key";
    for (option, expected) in [("", "X25519MLKEM768"), ("--no-hybrid-retry", "x25519")] {
        let target = origin.at();
        let line = format!("server --listen 127.0.0.1:0 --target {target} {ours} {option}");
        let mut tunnel = Tunnel::start(&dir, &line);
        assert_eq!(group(tunnel.port()), expected, "tunnel {option}");
        let served = Served::start(&dir, &format!("{ours} {option}"));
        assert_eq!(group(served.port), expected, "serve {option}");
    }
    let line = "tunnel client -l 127.0.0.1:0 -t localhost:1 --no-hybrid-retry";
    dir.seal(line).err_is("no-hybrid-retry: for servers only");
}
