//! Renewed files are taken, bad ones are not, and connections live through both.

use std::os::unix::fs::symlink;

use sealwire::pki::ExtendedKeyUsage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Files, Origin, Tunnel, connect, files, get};

fn served(dir: &Files, port: u16) -> String {
    let ran = dir.openssl_with(
        &["s_client", "-connect", &format!("127.0.0.1:{port}"), "-CAfile", "ca.pem", "-showcerts"],
        b"",
    );
    let text = ran.text();
    let start = text.find("-----BEGIN").expect("a certificate");
    let end = text.find("-----END CERTIFICATE-----").expect("its end");
    text[start..end].to_owned()
}

fn on_disk(dir: &Files, name: &str) -> String {
    let text = String::from_utf8(dir.read(name)).unwrap();
    text[..text.find("-----END").unwrap()].to_owned()
}

async fn echoes(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) {
    stream.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_then_good_files_while_a_connection_lives() {
    let dir = files();
    let origin = Origin::echo();
    let mut tunnel = Tunnel::start(
        &dir,
        &format!(
            "server --listen 127.0.0.1:0 --target {} --cert server.pem --key server.key --status 127.0.0.1:0",
            origin.at()
        ),
    );
    let (port, status) = (tunnel.port(), tunnel.status_port());
    let mut living = connect(&dir.connector(None), port).await;
    echoes(&mut living).await;
    let before = served(&dir, port);

    dir.replace("server.pem", b"garbage");
    let failed =
        tunnel.wait(|e| e["message"].as_str().is_some_and(|m| m.starts_with("reload failed")));
    assert!(failed["reason"].as_str().unwrap().starts_with("server.pem: "), "{failed}");
    assert_eq!(served(&dir, port), before, "the old one goes on");
    echoes(&mut living).await;
    let (_, page) = get(status, "/status");
    assert!(page.contains("\"reload_error\": \"server.pem: "), "{page}");
    let (_, metrics) = get(status, "/metrics");
    let line = "seal_tunnel_reloads_total{service=\"server\",kind=\"failed\"} ";
    assert!(metrics.contains(line) && !metrics.contains(&format!("{line}0")), "{metrics}");

    let names = &["localhost", "127.0.0.1"];
    dir.issue("server", "/CN=renewed", names, ExtendedKeyUsage::SERVER_AUTH);
    // Key and certificate are two files: in between they do not fit, which is a failed reload.
    tunnel.wait_message("reloaded");
    assert_eq!(served(&dir, port), on_disk(&dir, "server.pem"));
    assert_ne!(served(&dir, port), before);
    echoes(&mut living).await;
    assert!(get(status, "/status").1.contains("\"reload_error\": null"));
}

#[test]
fn kubernetes_swaps_a_link() {
    let dir = files();
    for (folder, name) in [("v1", "server"), ("v2", "other")] {
        std::fs::create_dir_all(dir.path("mount").join(folder)).unwrap();
        for (from, to) in [("pem", "tls.crt"), ("key", "tls.key")] {
            let from = dir.path(&format!("{name}.{from}"));
            std::fs::copy(from, dir.path("mount").join(folder).join(to)).unwrap();
        }
    }
    let link = |to: &str| {
        symlink(to, dir.path("mount/..data.new")).unwrap();
        std::fs::rename(dir.path("mount/..data.new"), dir.path("mount/..data")).unwrap();
    };
    link("v1");
    for file in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{file}"), dir.path("mount").join(file)).unwrap();
    }
    let origin = Origin::named("x");
    let mut tunnel = Tunnel::start(
        &dir,
        &format!(
            "server -l 127.0.0.1:0 -t {} --cert mount/tls.crt --key mount/tls.key",
            origin.at()
        ),
    );
    let port = tunnel.port();
    assert_eq!(served(&dir, port), on_disk(&dir, "server.pem"));
    link("v2");
    tunnel.wait_message("reloaded");
    assert_eq!(served(&dir, port), on_disk(&dir, "other.pem"));
}

#[test]
fn a_hangup_reads_the_file_again_and_says_what_it_cannot_change() {
    let dir = files();
    let (one, two) = (Origin::named("one"), Origin::named("two"));
    let text = |target: &str, listen: &str, more: &str| {
        format!(
            "log-format = \"json\"\n[[service]]\nname = \"server\"\nlisten = \"{listen}\"\n\
             target = \"{target}\"\ncert = \"server.pem\"\nkey = \"server.key\"\n{more}"
        )
    };
    dir.write("tunnel.toml", text(&one.at(), "127.0.0.1:0", ""));
    let mut tunnel = Tunnel::start(&dir, "run tunnel.toml");
    let port = tunnel.port();
    assert_eq!(dir.ask(port, "").ok().text(), "one");
    dir.write("tunnel.toml", text(&two.at(), "127.0.0.1:0", ""));
    tunnel.signal("-HUP");
    tunnel.wait_message("reloaded");
    assert_eq!(dir.ask(port, "").ok().text(), "two");
    // A file that cannot be read changes nothing.
    dir.write("tunnel.toml", text(&one.at(), "127.0.0.1:0", "alow = \"cn=x\""));
    tunnel.signal("-HUP");
    let failed =
        tunnel.wait(|e| e["message"].as_str().is_some_and(|m| m.starts_with("reload failed")));
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.starts_with("tunnel.toml: line 8: unknown field `alow`"), "{reason}");
    assert_eq!(dir.ask(port, "").ok().text(), "two");
    // What it takes a restart for is said.
    dir.write("tunnel.toml", text(&one.at(), "127.0.0.1:1", ""));
    tunnel.signal("-HUP");
    let said =
        tunnel.wait(|e| e["message"].as_str().is_some_and(|m| m.contains("a restart is needed")));
    assert_eq!(said["service"], "server");
    assert_eq!(dir.ask(port, "").ok().text(), "two");
}
