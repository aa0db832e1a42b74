//! Clients that only write and close, against a server that is busy until they are gone: nothing that
//! they wrote is lost over session tickets that nobody reads.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};

use tokio::io::AsyncWriteExt;

use super::peers::installed;
use super::support::{Files, Tunnel, connect, files};

const SIZE: usize = 4 << 20;

/// Python's server: after the handshake it does not read until it is told to, and then says how many
/// bytes have come, and how it ended.
const BUSY: &str = r"import socket, ssl, sys
x = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); x.load_cert_chain('server.pem', 'server.key')
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
l.bind(('127.0.0.1', 0)); l.listen(1); print(l.getsockname()[1], flush=True)
t = x.wrap_socket(l.accept()[0], server_side=True, suppress_ragged_eofs=False)
print('shaken', flush=True); sys.stdin.readline(); count = 0
try:
    while data := t.recv(65536): count += len(data)
    print(count, 'whole', flush=True)
except OSError as e: print(count, e, flush=True)
";

struct Busy {
    child: Child,
    input: ChildStdin,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    port: u16,
}

impl Busy {
    fn start(dir: &Files) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", BUSY])
            .current_dir(dir.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().expect("piped");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let port = lines.next().expect("a port").unwrap().parse().unwrap();
        Self { child, input, lines, port }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a line").unwrap()
    }

    /// What came, once it reads.
    fn got(&mut self) -> String {
        self.input.write_all(b"read\n").unwrap();
        self.line()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn whole() -> String {
    format!("{SIZE} whole")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_s_stream_loses_nothing_when_it_is_shut_down_and_dropped() {
    if !installed(&["python3"]) {
        return;
    }
    let dir = files();
    let mut server = Busy::start(&dir);
    let mut stream = connect(&dir.connector(None), server.port).await;
    assert_eq!(server.line(), "shaken");
    // As much as the system takes waits in its buffers when the socket is closed.
    let socket = socket2::SockRef::from(stream.get_ref());
    socket.set_send_buffer_size(2 * SIZE).unwrap();
    // A part that waits for nobody, then the server reads beside it.
    stream.write_all(&vec![7; 1 << 17]).await.unwrap();
    server.input.write_all(b"read\n").unwrap();
    stream.write_all(&vec![7; SIZE - (1 << 17)]).await.unwrap();
    stream.shutdown().await.unwrap();
    drop(stream);
    assert_eq!(tokio::task::spawn_blocking(move || server.line()).await.unwrap(), whole());
}

#[test]
fn a_tunnel_and_connect_lose_nothing() {
    if !installed(&["python3"]) {
        return;
    }
    let dir = files();
    let mut server = Busy::start(&dir);
    let line =
        format!("client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem", server.port);
    let mut tunnel = Tunnel::start(&dir, &line);
    let mut tcp = TcpStream::connect(("127.0.0.1", tunnel.port_of("client"))).unwrap();
    let writing = std::thread::spawn(move || {
        tcp.write_all(&vec![7; SIZE]).unwrap();
        tcp.shutdown(Shutdown::Both).unwrap();
    });
    assert_eq!(server.line(), "shaken");
    assert_eq!(server.got(), whole());
    writing.join().unwrap();
    let mut server = Busy::start(&dir);
    let mut connect = Command::new(env!("CARGO_BIN_EXE_seal"))
        .args(["connect", &format!("localhost:{}", server.port), "--ca", "ca.pem", "--quiet"])
        .current_dir(dir.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = connect.stdin.take().expect("piped");
    let writing = std::thread::spawn(move || input.write_all(&vec![7; SIZE]).unwrap());
    assert_eq!(server.line(), "shaken");
    assert_eq!(server.got(), whole());
    writing.join().unwrap();
    drop(server);
    let _ = connect.stdout.take().map(|mut out| out.read_to_end(&mut Vec::new()));
    connect.wait().unwrap();
}

/// OpenSSL counts what it is given.
#[test]
fn servers_give_as_many_tickets_as_they_are_told() {
    let dir = files();
    let origin = super::support::Origin::named("hello\n");
    for (option, tickets) in [("", 2), ("--tickets 0", 0), ("--tickets 5", 5)] {
        let line = format!(
            "server --listen 127.0.0.1:0 --cert server.pem --key server.key --target {} {option}",
            origin.at()
        );
        let mut tunnel = Tunnel::start(&dir, &line);
        let said = dir.ask_told(tunnel.port(), "-tls1_3");
        let count = said.text().matches("Post-Handshake New Session Ticket arrived").count();
        assert_eq!(count, tickets, "{option:?}: {said:?}");
    }
    let line = "tunnel client -l 127.0.0.1:0 -t localhost:1 --tickets 0";
    dir.seal(line).err_is("tickets: for servers only");
    let line = "tunnel server -l 127.0.0.1:0 -t localhost:1 --cert server.pem --key server.key --tickets 17";
    dir.seal(line).err_is("tickets: 17: 16 at most");
}
