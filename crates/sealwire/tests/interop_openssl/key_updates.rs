//! New keys in the middle of a connection, at OpenSSL's wish: its two programs have commands for it.

use std::process::Command;

use sealwire::{Acceptor, ProtocolVersion, TlsStream};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::peers::credentials::{context, credentials};
use crate::peers::{Peer, in_time, present};
use crate::{connector, flag, only};

/// Says every line backwards, to the end.
async fn answer_lines(stream: TlsStream<TcpStream>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let mut backwards: String = line.trim_end().chars().rev().collect();
        backwards.push('\n');
        stream.write_all(backwards.as_bytes()).await?;
        line.clear();
    }
    stream.shutdown().await
}

/// Our server for one `s_client` of this version, which is shown lines as they come.
async fn with_s_client(version: ProtocolVersion, play: impl FnOnce(&mut Peer) + Send + 'static) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = tcp.local_addr().unwrap().port();
    let mut command = Command::new("openssl");
    command.args(["s_client", flag(version), "-connect", &format!("127.0.0.1:{port}")]);
    let client = tokio::task::spawn_blocking(move || {
        let mut client = Peer::start(&mut command);
        client.line("Verify return code");
        client.line("---");
        play(&mut client);
    });
    let serving = tokio::spawn(async move {
        let acceptor = Acceptor::new(context("p256", "").build().unwrap());
        let (tcp, _) = tcp.accept().await.unwrap();
        // How it ends is the client's affair.
        let _ = answer_lines(acceptor.accept(tcp).await.unwrap()).await;
    });
    in_time(client).await.unwrap();
    in_time(serving).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn s_client_changes_keys() {
    if !present("openssl") {
        return;
    }
    with_s_client(ProtocolVersion::Tls13, |client| {
        // `K` asks for our new keys, too.
        for (round, command) in ["k\n", "K\n", "K\n", "k\n", "K\n"].into_iter().enumerate() {
            client.say(command);
            client.line("KEYUPDATE");
            client.say(&format!("hello{round}\n"));
            client.line(&format!("{round}olleh"));
        }
    })
    .await;
}

/// It wants to negotiate again, is told that we do not, and gives up.
#[tokio::test(flavor = "multi_thread")]
async fn s_client_may_not_renegotiate() {
    if !present("openssl") {
        return;
    }
    with_s_client(ProtocolVersion::Tls12, |client| {
        client.say("hello\n");
        client.line("olleh");
        client.say("R\n");
        client.line("RENEGOTIATING");
        client.line("no renegotiation");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s_server_changes_keys() {
    if !present("openssl") {
        return;
    }
    let files = credentials().files("p256");
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "0", "-cert"]).arg(files.cert);
    command.arg("-key").arg(files.key);
    let mut server = Peer::start(&mut command);
    let port = server.port("ACCEPT");
    let client = connector(only(context("", "ca"), ProtocolVersion::Tls13));
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut tls = in_time(client.connect("localhost".parse().unwrap(), tcp)).await.unwrap();
    for (round, command) in ["k\n", "K\n", "k\n", "K\n", "K\n"].into_iter().enumerate() {
        server.say(command);
        // It reads commands before it reads from us: when this is seen, the command was done.
        tls.write_all(format!("heard {round}\n").as_bytes()).await.unwrap();
        server.line(&format!("heard {round}"));
        let word = format!("from the server {round}\n");
        server.say(&word);
        let mut heard = vec![0; word.len()];
        in_time(tls.read_exact(&mut heard)).await.unwrap();
        assert_eq!(heard, word.as_bytes());
        tls.write_all(format!("from us {round}\n").as_bytes()).await.unwrap();
        server.line(&format!("from us {round}"));
    }
    tls.shutdown().await.unwrap();
}
