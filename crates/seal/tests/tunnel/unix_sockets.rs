//! What went wrong in ghostunnel in 2025 and 2026, as cases of ours: Unix sockets under the PROXY
//! protocol, under Landlock, from systemd; and a signal while connections drain.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::peers::installed;
use super::support::{Files, Origin, PATIENCE, Tunnel, connect, files};

const PAIR: &str = "--cert server.pem --key server.key";

/// TLS over a Unix socket; what the other side says to its end.
async fn ask(dir: &Files, socket: &str, before: &[u8]) -> std::io::Result<String> {
    let mut unix = tokio::net::UnixStream::connect(dir.path(socket)).await?;
    unix.write_all(before).await?;
    let name = "localhost".parse().unwrap();
    let connector = dir.connector(None);
    let connecting = connector.connect(name, unix);
    let mut tls = tokio::time::timeout(PATIENCE, connecting).await.expect("an answer")?;
    let mut said = String::new();
    tls.read_to_string(&mut said).await?;
    Ok(said)
}

/// Gives each client the first line that it was sent itself.
fn first_line() -> Origin {
    Origin::new(|mut tcp| {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") && tcp.read(&mut byte).is_ok_and(|count| count == 1) {
            line.push(byte[0]);
        }
        let _ = tcp.write_all(&line);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_listener_reads_and_writes_proxy_headers() {
    let dir = files();
    let origin = first_line();
    let line =
        format!("server --listen unix:plain.sock {PAIR} --target {} --proxy-out v1", origin.at());
    let mut plain = Tunnel::start(&dir, &line);
    plain.wait_message("listening");
    assert_eq!(ask(&dir, "plain.sock", b"").await.unwrap(), "PROXY UNKNOWN\r\n");

    let line = line.replace("plain.sock", "told.sock") + " --proxy-in any";
    let mut told = Tunnel::start(&dir, &line);
    told.wait_message("listening");
    let header = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n";
    assert_eq!(ask(&dir, "told.sock", header.as_bytes()).await.unwrap(), header);
    let unknown = "PROXY UNKNOWN\r\n";
    assert_eq!(ask(&dir, "told.sock", unknown.as_bytes()).await.unwrap(), unknown);
    assert!(ask(&dir, "told.sock", b"").await.is_err(), "a header is demanded");
}

/// A plain server on a Unix socket: what is there before is replaced, as servers do.
fn target(dir: &Files, says: &'static str) {
    let _ = std::fs::remove_file(dir.path("app/app.sock"));
    let listener = UnixListener::bind(dir.path("app/app.sock")).unwrap();
    std::thread::spawn(move || {
        for unix in listener.incoming() {
            let _ = unix.unwrap().write_all(says.as_bytes());
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn landlock_lets_unix_sockets_be() {
    let dir = files();
    for folder in ["app", "run"] {
        std::fs::create_dir(dir.path(folder)).unwrap();
    }
    target(&dir, "first");
    let line = format!("server --listen unix:run/in.sock {PAIR} --target unix:app/app.sock");
    let mut tunnel = Tunnel::start(&dir, &line);
    let said = tunnel.wait(|e| e["message"].as_str().is_some_and(|m| m.contains("Landlock")));
    let has = !said["message"].as_str().unwrap().contains("no Landlock");
    if !sealwire_testing::required(has, "the kernel has no Landlock") {
        return;
    }
    tunnel.wait_message("listening");
    assert_eq!(ask(&dir, "run/in.sock", b"").await.unwrap(), "first");
    target(&dir, "another of the same name");
    assert_eq!(ask(&dir, "run/in.sock", b"").await.unwrap(), "another of the same name");
    dir.issue(
        "server",
        "/CN=localhost",
        &["localhost"],
        sealwire::pki::ExtendedKeyUsage::SERVER_AUTH,
    );
    tunnel.wait_message("reloaded");
    assert_eq!(ask(&dir, "run/in.sock", b"").await.unwrap(), "another of the same name");
    tunnel.signal("-TERM");
    assert_eq!(tunnel.ended(), 0);
    assert!(!dir.path("run/in.sock").exists(), "it takes its own socket away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_while_connections_drain_harms_nobody() {
    let dir = files();
    let origin = Origin::echo();
    let line = format!("server --listen 127.0.0.1:0 {PAIR} --target {} --drain 1h", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    let mut living = connect(&dir.connector(None), port).await;
    tunnel.signal("-TERM");
    tunnel.wait(|e| e["message"].as_str().is_some_and(|m| m.starts_with("draining")));
    dir.write("server.pem", "garbage");
    for _ in 0..3 {
        tunnel.signal("-HUP");
        living.write_all(b"one").await.unwrap();
        living.read_exact(&mut [0; 3]).await.unwrap();
    }
    // Nothing begins anew, and a hang-up is no second request to stop.
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
        tokio::task::yield_now().await;
    }
    living.write_all(b"two").await.unwrap();
    living.read_exact(&mut [0; 3]).await.unwrap();
    living.shutdown().await.unwrap();
    assert_eq!(living.read(&mut [0]).await.unwrap(), 0);
    tunnel.wait_message("stopped");
    assert_eq!(tunnel.ended(), 0);
}

/// Listens on a Unix socket, and becomes the program in its arguments with it, as systemd would.
const ACTIVATE: &str = "
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind('given.sock')
s.listen(64)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_FDNAMES='web', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
";

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_systemds_is_not_taken_away() {
    if !installed(&["python3"]) {
        return;
    }
    let dir = files();
    let origin = Origin::named("activated");
    let line = format!("server --listen systemd:web {PAIR} --target {}", origin.at());
    let mut tunnel = Tunnel::start_with(&dir, &line, |command| {
        let seal = command.get_program().to_owned();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let mut python = Command::new("python3");
        python.args(["-c", ACTIVATE]).arg(seal).args(arguments);
        python.current_dir(dir.root()).stderr(Stdio::piped());
        *command = python;
    });
    tunnel.wait_message("listening");
    assert_eq!(ask(&dir, "given.sock", b"").await.unwrap(), "activated");
    tunnel.signal("-TERM");
    assert_eq!(tunnel.ended(), 0);
    assert!(dir.path("given.sock").exists(), "systemd listens on it, and starts us again by it");
}

/// A client that has said all, and a target that goes on for longer than a half-closed connection may be
/// silent: what counts is silence, and not the time since the half was closed.
#[test]
fn a_half_closed_connection_may_go_on_while_it_is_not_silent() {
    let dir = files();
    let (go_on, goes_on) = channel::<()>();
    let goes_on = std::sync::Arc::new(std::sync::Mutex::new(goes_on));
    let origin = Origin::new(move |mut tcp| {
        let mut all = Vec::new();
        let _ = tcp.read_to_end(&mut all);
        let _ = tcp.write_all(&all);
        let _ = goes_on.lock().unwrap().recv_timeout(PATIENCE);
        let _ = tcp.write_all(b" and the rest");
    });
    let mut server = Tunnel::start(
        &dir,
        &format!(
            "server --listen 127.0.0.1:0 {PAIR} --target {} --half-close-timeout 30s",
            origin.at()
        ),
    );
    let line =
        format!("client --listen unix:in.sock --target localhost:{} --ca ca.pem", server.port());
    let mut client = Tunnel::start(&dir, &line);
    client.wait_message("listening");
    let mut unix = UnixStream::connect(dir.path("in.sock")).unwrap();
    unix.write_all(b"all").unwrap();
    unix.shutdown(std::net::Shutdown::Write).unwrap();
    let mut said = [0; 3];
    unix.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"all");
    go_on.send(()).unwrap();
    let mut rest = String::new();
    unix.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, " and the rest");
}
