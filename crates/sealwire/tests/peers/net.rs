//! Our server and our client over TCP, for other programs to talk to. A client says a line, and
//! the server says it backwards.

use std::process::{Command, Output, Stdio};

use sealwire::{Acceptor, Connector, Error, Listener, Peer, TlsStream};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::AbortHandle;

use super::in_time;

/// Our server; it ends when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: UnboundedReceiver<Result<Peer, Error>>,
    task: AbortHandle,
}

impl Server {
    pub(crate) async fn start(acceptor: Acceptor) -> Self {
        let (tell, seen) = unbounded_channel();
        let tell_errors = tell.clone();
        let mut listener = Listener::bind("127.0.0.1:0", acceptor)
            .await
            .expect("a free port")
            .on_handshake_error(move |_, error| drop(tell_errors.send(Err(error.clone()))));
        let port = listener.local_addr().expect("bound").port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = tell.send(Ok(stream.peer().clone()));
                tokio::spawn(answer(stream));
            }
        });
        Self { port, seen, task: task.abort_handle() }
    }

    /// The next client: who it was, or why it was not let in.
    pub(crate) async fn seen(&mut self) -> Result<Peer, Error> {
        in_time(self.seen.recv()).await.expect("the server runs")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Says a line backwards, and ends.
async fn answer(stream: TlsStream<TcpStream>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut backwards: String = line.trim_end().chars().rev().collect();
    backwards.push('\n');
    stream.write_all(backwards.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await?;
    Ok(())
}

/// Connects to a server that says lines backwards, says one and checks the answer. An error may
/// come of the handshake or, in TLS 1.3, of the first read.
pub(crate) async fn call(connector: &Connector, host: &str, port: u16) -> Result<Peer, Error> {
    in_time(async {
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("the peer listens");
        let stream = connector.connect(host.parse().expect("a name"), tcp).await?;
        let mut stream = BufReader::new(stream);
        stream.write_all(b"hello\n").await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        assert_eq!(line, "olleh\n");
        let mut stream = stream.into_inner();
        stream.shutdown().await?;
        Ok(stream.peer().clone())
    })
    .await
}

/// Runs `command` with `input`, while our side goes on.
pub(crate) async fn run_with(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(std::mem::replace(command, Command::new("")))
        .kill_on_drop(true)
        .spawn()
        .expect("the program is present");
    let mut stdin = child.stdin.take().expect("piped");
    // A peer that is refused may be gone before it has read all.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    in_time(child.wait_with_output()).await.expect("it ends")
}

/// Reads all that is left of a stream.
pub(crate) async fn read_all(stream: &mut TlsStream<TcpStream>) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    in_time(stream.read_to_end(&mut all)).await?;
    Ok(all)
}
