//! MQTT over TLS: mosquitto's clients through a tunnel to a broker without TLS (docs/recipes.md).

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::peers::installed;
use super::support::{Files, Tunnel, dead_port, files};

#[test]
fn mosquitto_talks_to_its_broker() {
    let dir = files();
    let Some(broker) = Broker::start(&dir) else { return };
    let mut tunnel = Tunnel::start(
        &dir,
        &format!(
            "server --listen 127.0.0.1:0 --target 127.0.0.1:{} --cert server.pem --key server.key --ca ca.pem",
            broker.port
        ),
    );
    let port = tunnel.port().to_string();
    let mosquitto = |program: &str, more: &[&str]| {
        let connect = ["-h", "localhost", "-p", &port, "--cafile", "ca.pem", "-t", "sensors/one"];
        dir.run(Command::new(program), &[&connect, more].concat(), b"")
    };
    let device = ["--cert", "alice.pem", "--key", "alice.key"];
    // Retained, so that it does not matter when it is read.
    let hello: Vec<_> = [&device[..], &["-q", "1", "-r", "-m", "hello"]].concat();
    mosquitto("mosquitto_pub", &hello).ok();
    let once: Vec<_> = [&device[..], &["-C", "1"]].concat();
    assert_eq!(mosquitto("mosquitto_sub", &once).ok().text(), "hello\n");
    assert_eq!(tunnel.wait_message("connection ended")["peer"], "CN=alice,OU=ops");

    // In TLS 1.2 a refusal ends the handshake, so that the client does not try again.
    let refused = mosquitto("mosquitto_pub", &["--tls-version", "tlsv1.2", "-m", "hello"]);
    assert_ne!(refused.code, 0, "{refused:?}");
}

/// A broker of its own; ended when dropped.
struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    fn start(dir: &Files) -> Option<Self> {
        if !installed(&["mosquitto", "mosquitto_pub", "mosquitto_sub"]) {
            return None;
        }
        // It cannot say which port it took: another one is tried if this one is taken meanwhile.
        loop {
            if let Some(started) = Self::at(dir, dead_port()) {
                return Some(started);
            }
        }
    }

    fn at(dir: &Files, port: u16) -> Option<Self> {
        // `user` counts for root only, whose broker else changes to a user that cannot read this folder.
        let settings = format!("listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n");
        dir.write("broker.conf", settings);
        let mut child = Command::new("mosquitto")
            .args(["-c", "broker.conf", "-v"])
            .current_dir(dir.root())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("mosquitto starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let running = |line: &str| line.contains("mosquitto version") && line.ends_with("running");
        if !lines.any(|line| line.is_ok_and(|line| running(&line))) {
            let _ = child.wait();
            return None;
        }
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, port })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
