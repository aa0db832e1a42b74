//! Packets with their secrets inside, opened by Wireshark.

use std::collections::BTreeMap;
use std::process::Command;

use crate::origin::origin;
use crate::peers::{Folder, installed};
use crate::running::Proxy;

/// Every flow is read in both legs, over HTTP/1 and HTTP/2, TLS 1.2 and 1.3.
#[test]
fn tshark_opens_every_flow_decrypted() {
    if !installed(&["curl", "node", "openssl", "tshark"]) {
        return;
    }
    let dir = Folder::new();
    let origin = origin(&dir);
    let proxy = Proxy::start(&dir, &["--session", "s.db", "--ca", "cert.pem", "--wire"]);
    let mut paths = Vec::new();
    for version in ["--http1.1", "--http2"] {
        for tls in ["1.2", "1.3"] {
            let path = format!("/{}-{tls}", &version[2..]);
            let url = format!("{}{path}", origin.url);
            let sent = [version, "--tls-max", tls, "-d", "body", "-o", "body", &url];
            let ran = proxy.curl(&dir, &sent).output().expect("curl runs");
            assert!(ran.status.success(), "{ran:?}");
            paths.push(path);
        }
    }
    assert_eq!(proxy.stop(), Some(0));
    let export = "proxy export s.db --format pcapng --no-redact --out s.pcapng";
    dir.seal(export).ok();
    let shows = ["-r", "s.pcapng", "-Y", "http.request or http2.headers.method", "-T", "fields"];
    let fields = ["-e", "http.request.uri", "-e", "http2.headers.path"];
    let ran = dir.run(Command::new("tshark"), &[&shows[..], &fields].concat(), b"").ok();
    let mut seen = BTreeMap::new();
    for path in ran.text().split_whitespace() {
        *seen.entry(path.to_owned()).or_insert(0) += 1;
    }
    let both: BTreeMap<_, _> = paths.into_iter().map(|path| (path, 2)).collect();
    assert_eq!(seen, both, "{ran:?}");
}
