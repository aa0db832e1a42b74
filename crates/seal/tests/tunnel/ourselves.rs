//! A target that does not take our certificate: what that certificate has to do with it is in the log.

use std::io::Read;
use std::net::TcpStream;

use super::peers::installed;
use super::support::{Tunnel, files, s_server};

#[test]
fn a_target_that_names_other_cas_is_told_before_and_after_it_refuses_us() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = files();
    dir.seal("ca init --ca-dir others --subject /CN=Others").ok();
    let issue = "ca issue --ca-dir others --client amit --cert-file amit.pem --key-file amit.key";
    dir.seal(issue).ok();
    let says = "and ours is issued by CN=Others";
    for (version, message, field) in
        [("-tls1_2", "no target can be reached", "reason"), ("-tls1_3", "connection ended", "end")]
    {
        let judges = "-Verify 2 -verify_return_error -CAfile ca.pem";
        let server =
            s_server(&dir, &format!("-cert server.pem -key server.key {judges} {version}"));
        let line = format!(
            "client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem --cert amit.pem --key amit.key",
            server.port
        );
        let mut tunnel = Tunnel::start(&dir, &line);
        let mut plain = TcpStream::connect(("127.0.0.1", tunnel.port_of("client"))).unwrap();
        let before = tunnel.wait_message("the target may refuse us");
        assert!(before["reason"].as_str().unwrap().contains(says), "{before}");
        let _ = plain.read(&mut [0; 16]);
        let after = tunnel.wait_message(message);
        assert!(after[field].as_str().unwrap_or_default().contains(says), "{version}: {after}");
    }
}
