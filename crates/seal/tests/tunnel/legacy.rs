//! Old peers, in both modes, with the `openssl` program as the other side: a face of today's TLS in
//! front of an appliance of TLS 1.0, and the reverse.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::support::{Origin, Tunnel, dead_port, files, get, s_server};

const SERVER: &str = "server --listen 127.0.0.1:0 --cert server.pem --key server.key";
/// Versions and suites that OpenSSL speaks only when told so.
const OLD: &str = "-cipher ALL:@SECLEVEL=0";

#[test]
fn a_client_of_an_old_version_is_served_only_where_it_is_asked_for() {
    let dir = files();
    let origin = Origin::named("served");
    let line = format!("{SERVER} --target {} --status 127.0.0.1:0", origin.at());
    for (legacy, versions) in [
        ("", &[("-tls1", false), ("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)][..]),
        ("--legacy", &[("-tls1", true), ("-tls1_1", true), ("-tls1_2", true), ("-tls1_3", true)]),
        ("--legacy --min-version 1.1", &[("-tls1", false), ("-tls1_1", true), ("-tls1_3", true)]),
    ] {
        let mut tunnel = Tunnel::start(&dir, &format!("{line} {legacy}"));
        if !legacy.is_empty() {
            let warned = tunnel.wait(|said| {
                said["message"]
                    .as_str()
                    .is_some_and(|it| it.starts_with("legacy allows broken or weak versions"))
            });
            assert_eq!((&warned["level"], &warned["service"]), (&"WARN".into(), &"server".into()));
        }
        let (port, status) = (tunnel.port(), tunnel.status_port());
        for (version, is_served) in versions {
            let told = dir.ask_told(port, &format!("{version} {OLD}"));
            let heard = String::from_utf8_lossy(&told.stdout).contains("served");
            assert_eq!(heard, *is_served, "{legacy} {version}: {told:?}");
            assert!(heard || told.stderr.contains("alert protocol version"), "{told:?}");
        }
        let (_, metrics) = get(status, "/metrics");
        let of_tls10 = metrics.lines().find(|line| line.contains("version=\"TLSv1\"")).unwrap();
        let count = if legacy == "--legacy" { " 1" } else { " 0" };
        assert!(of_tls10.ends_with(count), "{legacy}: {of_tls10}");
    }
}

#[test]
fn a_target_of_an_old_version_must_prove_its_name_as_any_other() {
    let dir = files();
    let old = s_server(&dir, &format!("-cert server.pem -key server.key -tls1 {OLD}"));
    let line = format!("client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem", old.port);
    let ask = |more: &str| {
        let mut tunnel = Tunnel::start(&dir, &format!("{line} {more}"));
        let mut tcp = TcpStream::connect(("127.0.0.1", tunnel.port_of("client"))).unwrap();
        let _ = tcp.write_all(b"seal\n");
        let mut answer = [0; 5];
        let heard = tcp.read_exact(&mut answer).is_ok().then_some(answer);
        let reason = heard.is_none().then(|| {
            tunnel.wait_message("no target can be reached")["reason"].as_str().unwrap().to_owned()
        });
        (heard, reason.unwrap_or_default())
    };
    let (heard, reason) = ask("");
    assert_eq!(heard, None);
    assert!(reason.contains("PROTOCOL"), "{reason}");
    assert_eq!(ask("--legacy").0.as_ref(), Some(b"laes\n"), "the server turns lines round");
    let (heard, reason) = ask("--legacy --servername c.test");
    assert_eq!(heard, None);
    assert!(reason.contains("ERR_TLS_CERT_ALTNAME_INVALID"), "{reason}");
}

#[test]
fn an_old_client_hears_why_it_is_refused() {
    let dir = files();
    let line = format!("{SERVER} --target 127.0.0.1:{} --legacy", dead_port());
    let auth = "--client-auth require --ca ca.pem";
    let mut tunnel = Tunnel::start(&dir, &format!("{line} {auth}"));
    let told = dir.ask_told(tunnel.port(), &format!("-tls1 {OLD}"));
    assert!(told.stderr.contains("alert handshake failure"), "{told:?}");
}
