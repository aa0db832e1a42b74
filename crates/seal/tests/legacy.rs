//! Old peers of `seal serve`, `connect` and `inspect`, with the `openssl` program as the other side.

mod peers;

use peers::s_server::Openssl;
use peers::served::Served;
use peers::{Folder, installed};

const WARNING: &str = "warning: --legacy allows broken or weak versions and suites of TLS";

fn material() -> Folder {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    dir.seal("ca issue --ca-dir ca localhost --cert-file c.pem --key-file k.pem").ok();
    dir
}

#[test]
fn a_server_serves_them_when_told_so() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    for (legacy, is_served) in [("", false), ("--legacy", true)] {
        let server = Served::start(&dir, &format!("--exec cat --cert c.pem --key k.pem {legacy}"));
        for version in ["-tls1", "-tls1_1"] {
            let line = format!(
                "s_client {version} -cipher ALL:@SECLEVEL=0 -connect localhost:{} -CAfile ca/ca.pem \
                 -verify_return_error -verify_hostname localhost",
                server.port
            );
            let told = dir.try_openssl(&line);
            let spoken = told.text().contains("Verify return code: 0 (ok)")
                && told.text().contains("Cipher is ECDHE");
            assert_eq!(spoken, is_served, "{legacy} {version}: {told:?}");
            assert!(spoken || told.stderr.contains("alert protocol version"), "{told:?}");
        }
    }
}

#[test]
fn an_old_server_is_named_and_spoken_with_when_told_so() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let old = "-rev -tls1 -cipher ALL:@SECLEVEL=0 -cert c.pem -key k.pem";
    let server = Openssl::start(&dir, old);
    let line = format!("connect localhost:{} --ca ca/ca.pem", server.port);
    let connect = |more: &str| {
        let line = format!("{line}{more}");
        dir.seal_with(&line.split(' ').collect::<Vec<_>>(), b"seal\n")
    };
    let refused = connect("");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("the server supports nothing newer than TLSv1"), "{refused:?}");
    assert!(refused.stderr.contains("--legacy connects"), "{refused:?}");
    let spoken = connect(" --legacy").ok();
    assert_eq!(spoken.text().trim_end(), "laes", "the server turns lines round");
    assert!(spoken.stderr.contains(WARNING), "{spoken:?}");
    // It is judged as any other.
    let other = connect(" --legacy --servername a.test");
    assert_eq!(other.code, 1, "{other:?}");
    assert!(other.stderr.contains("ERR_TLS_CERT_ALTNAME_INVALID"), "{other:?}");
    let card = dir.seal(&format!("inspect localhost:{} --ca ca/ca.pem --legacy", server.port));
    assert!(card.text().contains("TLSv1"), "{card:?}");
}
