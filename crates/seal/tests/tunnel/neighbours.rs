//! Other programs for the same, in both directions: their server and our client, their client and
//! our server.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::peers::{Folder, installed};
use super::support::{Files, Origin, PATIENCE, Tunnel, dead_port, files};

const SERVER: &str =
    "server --listen 127.0.0.1:0 --cert server.pem --key server.key --ca ca.pem --allow cn=alice";
const CLIENT: &str = "client --listen 127.0.0.1:0 --ca ca.pem --servername localhost";

/// A running neighbour; ended when dropped.
struct Neighbour {
    child: Child,
    port: u16,
}

impl Neighbour {
    /// Starts one that listens on a port that it is told. If somebody else takes that meanwhile,
    /// on another one.
    fn start(dir: &Folder, command: impl Fn(u16) -> Command) -> Self {
        let until = Instant::now() + PATIENCE;
        loop {
            let port = dead_port();
            let mut command = command(port);
            command.current_dir(dir.root()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().expect("it starts");
            while child.try_wait().expect("its state").is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self { child, port };
                }
                assert!(Instant::now() < until, "{command:?} does not listen");
                std::thread::yield_now();
            }
            assert!(TcpListener::bind(("127.0.0.1", port)).is_err(), "{command:?} ended");
        }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // Some have workers, who end with them when they are asked to.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let until = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < until {
            std::thread::yield_now();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words);
    command
}

/// Sends much through a port and wants it back.
fn echoed(port: u16) {
    let data: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut sender = tcp.try_clone().unwrap();
    let sent = data.clone();
    let sending = std::thread::spawn(move || sender.write_all(&sent));
    let mut back = vec![0; data.len()];
    tcp.read_exact(&mut back).unwrap();
    sending.join().unwrap().unwrap();
    assert!(back == data, "what came back is something else");
    let _ = tcp.shutdown(Shutdown::Write);
}

/// Certificate and key in one file, as two of the three want it.
fn in_one(dir: &Files, name: &str) {
    let both = [dir.read(&format!("{name}.pem")), dir.read(&format!("{name}.key"))].concat();
    dir.write(&format!("{name}.both"), both);
}

/// Their server is the target of our client, and our server that of their client.
fn both_ways(
    dir: &Files,
    server: impl Fn(u16, u16) -> Command,
    client: impl Fn(u16, u16) -> Command,
) {
    let origin = Origin::echo();
    let theirs = Neighbour::start(dir, |port| server(port, origin.port));
    let mut ours = Tunnel::start(dir, &format!("{CLIENT} --target 127.0.0.1:{}", theirs.port));
    echoed(ours.port_of("client"));
    let mut ours = Tunnel::start(dir, &format!("{SERVER} --target {}", origin.at()));
    let target = ours.port();
    let theirs = Neighbour::start(dir, |port| client(port, target));
    echoed(theirs.port);
    // Looking whether it listens makes connections, too.
    let ended = ours.wait(|e| e["message"] == "connection ended" && e["up"] == 1_200_000);
    assert_eq!((&ended["down"], &ended["peer"]), (&1_200_000.into(), &"CN=alice,OU=ops".into()));
}

#[test]
fn stunnel_both_ways() {
    if !installed(&["stunnel"]) {
        return;
    }
    let dir = files();
    let start = |name: &str, port: u16, target: u16, more: &str| {
        dir.write(
            name,
            format!(
                "foreground = yes\npid =\n[s]\naccept = 127.0.0.1:{port}\n\
                 connect = 127.0.0.1:{target}\n{more}"
            ),
        );
        command(&format!("stunnel {name}"))
    };
    let server = "cert = server.pem\nkey = server.key\n";
    let client = "client = yes\nCAfile = ca.pem\nverifyChain = yes\ncheckHost = localhost\n\
                  sni = localhost\ncert = alice.pem\nkey = alice.key\n";
    both_ways(
        &dir,
        |port, target| start("server.conf", port, target, server),
        |port, target| start("client.conf", port, target, client),
    );
}

#[test]
fn haproxy_both_ways() {
    if Command::new("haproxy").arg("-v").stdout(Stdio::null()).status().is_err() {
        // It knows no --version.
        assert!(!installed(&["haproxy"]), "it is there after all");
        return;
    }
    let dir = files();
    in_one(&dir, "server");
    in_one(&dir, "alice");
    let start = |name: &str, bind: &str, server: &str| {
        dir.write(
            name,
            format!(
                "defaults\n  mode tcp\n  timeout connect 60s\n  timeout client 60s\n  \
                 timeout server 60s\nlisten l\n  bind 127.0.0.1:{bind}\n  server s 127.0.0.1:{server}\n"
            ),
        );
        command(&format!("haproxy -db -f {name}"))
    };
    both_ways(
        &dir,
        |port, target| start("s.cfg", &format!("{port} ssl crt server.both"), &target.to_string()),
        |port, target| {
            let server = format!(
                "{target} ssl verify required ca-file ca.pem verifyhost localhost \
                 sni str(localhost) crt alice.both"
            );
            start("c.cfg", &port.to_string(), &server)
        },
    );
}

/// As a client, it neither verifies nor shows a certificate; but without one, it dies of an
/// assertion (1.7.2, handle_clear_accept).
#[test]
fn hitch_both_ways() {
    if !installed(&["hitch"]) {
        return;
    }
    let dir = files();
    in_one(&dir, "server");
    // Its workers do not run as root.
    let id = Command::new("id").arg("-u").output().expect("id runs");
    let user = if id.stdout.trim_ascii() == b"0" { "--user=nobody" } else { "" };
    let origin = Origin::echo();
    let theirs = Neighbour::start(&dir, |port| {
        command(&format!(
            "hitch {user} --frontend=[127.0.0.1]:{port} --backend=[127.0.0.1]:{} --workers=1 server.both",
            origin.port
        ))
    });
    let mut ours = Tunnel::start(&dir, &format!("{CLIENT} --target 127.0.0.1:{}", theirs.port));
    echoed(ours.port_of("client"));
    // And ours in front of a client of it, without certificates.
    let line = format!(
        "server --listen 127.0.0.1:0 --cert server.pem --key server.key --target {}",
        origin.at()
    );
    let mut ours = Tunnel::start(&dir, &line);
    let target = ours.port();
    let theirs = Neighbour::start(&dir, |port| {
        command(&format!(
            "hitch {user} --client --frontend=[127.0.0.1]:{port} --backend=[127.0.0.1]:{target} --workers=1 \
             server.both"
        ))
    });
    echoed(theirs.port);
}
