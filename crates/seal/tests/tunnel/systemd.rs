//! Sockets from systemd, and telling it how we are.

use std::os::unix::net::UnixDatagram;
use std::process::Command;

use super::peers::installed;
use super::support::{Origin, PATIENCE, Tunnel, files};

/// Opens a port, and becomes the program in its arguments with it, as systemd would.
const ACTIVATE: &str = "
import os, socket, sys
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(64)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_FDNAMES='web', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
";

#[test]
fn a_socket_from_systemd_is_served() {
    if !installed(&["python3"]) {
        return;
    }
    let dir = files();
    let origin = Origin::named("activated");
    for place in ["systemd:web", "systemd"] {
        let line = format!(
            "server --listen {place} --target {} --cert server.pem --key server.key",
            origin.at()
        );
        let mut tunnel = Tunnel::start_with(&dir, &line, |command| {
            let seal = command.get_program().to_owned();
            let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
            let mut python = Command::new("python3");
            python.args(["-c", ACTIVATE]).arg(seal).args(arguments);
            python.current_dir(dir.root()).stderr(std::process::Stdio::piped());
            *command = python;
        });
        assert_eq!(dir.ask(tunnel.port(), "").ok().text(), "activated");
    }
}

#[test]
fn systemd_is_told_how_it_goes() {
    let dir = files();
    let origin = Origin::named("x");
    let told = UnixDatagram::bind(dir.path("notify.sock")).unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let line = format!(
        "server --listen 127.0.0.1:0 --target {} --cert server.pem --key server.key",
        origin.at()
    );
    let mut tunnel = Tunnel::start_with(&dir, &line, |command| {
        command.env("NOTIFY_SOCKET", dir.path("notify.sock"));
        command.env("WATCHDOG_USEC", "50000");
    });
    let wait = |word: &str| loop {
        let mut message = [0; 1024];
        let length = told.recv(&mut message).unwrap_or_else(|e| panic!("{word} was not told: {e}"));
        let message = String::from_utf8_lossy(&message[..length]).into_owned();
        if message.lines().any(|line| line == word) {
            return message;
        }
    };
    wait("READY=1");
    wait("WATCHDOG=1");
    tunnel.signal("-HUP");
    assert!(wait("RELOADING=1").contains("MONOTONIC_USEC="));
    wait("READY=1");
    tunnel.signal("-TERM");
    wait("STOPPING=1");
    assert_eq!(tunnel.ended(), 0);
}
