//! A listener among slow, silent and hostile clients, over TCP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealwire::session::HelloReply;
use sealwire::{Alert, ClientAuth, Error, Listener, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};

use crate::peers::credentials::{context, credentials};
use crate::peers::{in_time, present};
use crate::{VERSIONS, acceptor, connector};

async fn bind(acceptor: sealwire::Acceptor) -> (Listener, u16) {
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

async fn dial(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.expect("somebody listens")
}

async fn connect(port: u16) -> Result<TlsStream<TcpStream>, Error> {
    connector(VERSIONS[1]).connect("localhost".parse().unwrap(), dial(port).await).await
}

#[tokio::test]
async fn a_silent_client_delays_nobody() {
    if !present("openssl") {
        return;
    }
    let (mut listener, port) = bind(acceptor()).await;
    let silent = dial(port).await;
    let mut half = dial(port).await;
    half.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    for _ in 0..3 {
        let (accepted, connected) =
            in_time(async { tokio::join!(listener.accept(), connect(port)) }).await;
        let ((mut server, from), mut client) = (accepted.unwrap(), connected.unwrap());
        assert_eq!(from, client.get_ref().local_addr().unwrap());
        client.write_all(b"hello").await.unwrap();
        let mut word = [0; 5];
        in_time(server.read_exact(&mut word)).await.unwrap();
        assert_eq!(&word, b"hello");
    }
    drop((silent, half));
}

/// Each handshake stands still until two are under way. Were more let in, they would be counted.
#[tokio::test]
async fn no_more_handshakes_than_allowed() {
    if !present("openssl") {
        return;
    }
    const LIMIT: usize = 2;
    const CLIENTS: usize = 6;
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (gate, (came, mut comes)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
    let acceptor = {
        let (most, gate) = (most.clone(), gate.clone());
        acceptor().on_client_hello(move |_| {
            let (under_way, most) = (under_way.clone(), most.clone());
            let (gate, came) = (gate.clone(), came.clone());
            async move {
                most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                came.send(()).ok()?;
                gate.acquire().await.ok()?.forget();
                under_way.fetch_sub(1, Ordering::SeqCst);
                Some(HelloReply::new())
            }
        })
    };
    let (listener, port) = bind(acceptor).await;
    let mut listener = listener.handshake_limit(LIMIT);
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(connect(port))).collect();
    let serving = tokio::spawn(async move {
        for _ in 0..CLIENTS {
            listener.accept().await.unwrap();
        }
    });
    for _ in 0..LIMIT {
        in_time(comes.recv()).await.unwrap();
    }
    gate.add_permits(CLIENTS);
    in_time(serving).await.unwrap();
    for client in clients {
        in_time(client).await.unwrap().expect("a good server");
    }
    assert_eq!(most.load(Ordering::SeqCst), LIMIT);
}

#[tokio::test]
async fn clients_that_fail_are_told_of_and_do_not_end_it() {
    if !present("openssl") {
        return;
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let (listener, port) = bind(acceptor()).await;
    let mut listener =
        listener.on_handshake_error(move |from, error| drop(tell.send((from, error.clone()))));
    let serving = tokio::spawn(async move { listener.accept().await.unwrap().0 });

    let mut http = dial(port).await;
    http.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let (from, error) = in_time(told.recv()).await.unwrap();
    assert_eq!(from, http.local_addr().unwrap());
    assert!(matches!(error, Error::NotTls(_)), "{error:?}");

    let gone = dial(port).await;
    drop(gone);
    let (_, error) = in_time(told.recv()).await.unwrap();
    assert!(matches!(error, Error::ClosedInHandshake), "{error:?}");

    let reset = dial(port).await;
    reset.set_zero_linger().unwrap();
    drop(reset);
    let (_, error) = in_time(told.recv()).await.unwrap();
    assert_eq!(error.code(), "ECONNRESET", "{error:?}");

    let mut garbage = dial(port).await;
    garbage.write_all(&[22, 3, 1, 0, 5, 1, 0, 0, 1, 9]).await.unwrap();
    let (_, error) = in_time(told.recv()).await.unwrap();
    assert!(matches!(error, Error::Misbehaved(_)), "{error:?}");
    let mut alert = Vec::new();
    in_time(garbage.read_to_end(&mut alert)).await.unwrap();
    assert_eq!(alert[0], 21, "TLS gets an alert");

    let mut client = in_time(connect(port)).await.expect("others are served");
    let mut server = in_time(serving).await.unwrap();
    server.write_all(b"hi").await.unwrap();
    let mut word = [0; 2];
    in_time(client.read_exact(&mut word)).await.unwrap();
}

/// `accept` in a `select!` is dropped again and again; no client is lost by it.
#[tokio::test]
async fn accept_may_be_cancelled() {
    if !present("openssl") {
        return;
    }
    const CLIENTS: usize = 20;
    let (mut listener, port) = bind(acceptor()).await;
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(connect(port))).collect();
    let mut accepted = Vec::new();
    in_time(async {
        while accepted.len() < CLIENTS {
            tokio::select! {
                biased;
                client = listener.accept() => accepted.push(client.unwrap()),
                () = tokio::task::yield_now() => {}
            }
        }
    })
    .await;
    for client in clients {
        in_time(client).await.unwrap().expect("a good server");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once() {
    if !present("openssl") {
        return;
    }
    const CLIENTS: usize = 200;
    let (mut listener, port) = bind(acceptor()).await;
    let serving = tokio::spawn(async move {
        for _ in 0..CLIENTS {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut word = [0; 5];
                stream.read_exact(&mut word).await.unwrap();
                stream.write_all(&word).await.unwrap();
                stream.shutdown().await.unwrap();
            });
        }
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|i| {
            tokio::spawn(async move {
                let mut client = connect(port).await.expect("a good server");
                let word = format!("{i:05}");
                client.write_all(word.as_bytes()).await.unwrap();
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.unwrap();
                assert_eq!(answer, word);
            })
        })
        .collect();
    for client in clients {
        in_time(client).await.unwrap();
    }
    in_time(serving).await.unwrap();
}

#[tokio::test]
async fn a_new_context_is_for_the_connections_to_come() {
    if !present("openssl") {
        return;
    }
    let leaf = |name: &str| credentials().identity(name).leaf().clone();
    let acceptor = acceptor();
    let (mut listener, port) = bind(acceptor.clone()).await;
    let meet = async |listener: &mut Listener| {
        let (accepted, connected) =
            in_time(async { tokio::join!(listener.accept(), connect(port)) }).await;
        (accepted.unwrap().0, connected.unwrap())
    };
    let (mut server, mut client) = meet(&mut listener).await;
    assert_eq!(client.peer().certificate(), Some(&leaf("p256")));

    acceptor.set_context(context("rsa", "").build().unwrap());
    let (_, renewed) = meet(&mut listener).await;
    assert_eq!(renewed.peer().certificate(), Some(&leaf("rsa")));

    server.write_all(b"still here").await.unwrap();
    let mut words = [0; 10];
    in_time(client.read_exact(&mut words)).await.unwrap();
    assert_eq!(client.peer().certificate(), Some(&leaf("p256")));
}

#[tokio::test]
async fn a_reset_in_the_middle_of_data_is_an_error() {
    if !present("openssl") {
        return;
    }
    let (mut listener, port) = bind(acceptor()).await;
    let (accepted, connected) =
        in_time(async { tokio::join!(listener.accept(), connect(port)) }).await;
    let ((mut server, _), mut client) = (accepted.unwrap(), connected.unwrap());
    client.write_all(b"so far").await.unwrap();
    client.flush().await.unwrap();
    let mut words = [0; 6];
    in_time(server.read_exact(&mut words)).await.unwrap();
    client.get_ref().set_zero_linger().unwrap();
    drop(client);
    let error = in_time(server.read(&mut words)).await.expect_err("reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(Error::from(error).code(), "ECONNRESET");
}

#[tokio::test]
async fn dropping_the_listener_ends_the_handshakes() {
    if !present("openssl") {
        return;
    }
    let (mut listener, port) = bind(acceptor()).await;
    let mut silent = dial(port).await;
    let (accepted, connected) =
        in_time(async { tokio::join!(listener.accept(), connect(port)) }).await;
    drop((accepted, connected, listener));
    let ended = in_time(silent.read(&mut [0])).await;
    assert!(
        matches!(ended, Ok(0))
            || ended.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset)
    );
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    if !present("openssl") {
        return;
    }
    let (_listener, port) = bind(acceptor()).await;
    let error = Listener::bind(("127.0.0.1", port), acceptor()).await.expect_err("in use");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

/// The timeout of the acceptor holds for each client of a listener.
#[tokio::test]
async fn a_silent_client_is_given_up() {
    if !present("openssl") {
        return;
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let (listener, port) = bind(acceptor().handshake_timeout(Duration::from_millis(1))).await;
    let mut listener = listener.on_handshake_error(move |_, error| drop(tell.send(error.clone())));
    let serving = tokio::spawn(async move { listener.accept().await.map(drop) });
    let mut silent = dial(port).await;
    let error = in_time(told.recv()).await.unwrap();
    assert!(matches!(error, Error::HandshakeTimedOut), "{error:?}");
    assert_eq!(in_time(silent.read(&mut [0])).await.unwrap(), 0);
    serving.abort();
}

/// A client without a certificate, in TLS 1.3, where its handshake is complete before it is refused:
/// it hears why, though it sends on without reading, and much.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_client_hears_why_whatever_it_sends() {
    if !present("openssl") {
        return;
    }
    let (mut listener, port) = bind(acceptor().client_auth(ClientAuth::Require)).await;
    let accepting = tokio::spawn(async move { listener.accept().await.map(|_| ()) });
    for size in [6, 20_000, 300_000] {
        for _ in 0..5 {
            let mut client = connect(port).await.expect("it does not know yet");
            let error = in_time(async {
                loop {
                    if let Err(error) = client.write_all(&vec![7; size]).await {
                        break Error::from(error);
                    }
                }
            })
            .await;
            assert_eq!(error.alert().map(Alert::name), Some("certificate_required"), "{error}");
        }
    }
    accepting.abort();
}

/// The same at once: up to what the server still reads, and beyond it, as the kernel keeps what has
/// come. Also on one thread, where the client is ahead of tokio's look at what has come.
fn hears_why(runtime: &tokio::runtime::Runtime) {
    runtime.block_on(async {
        let (mut listener, port) = bind(acceptor().client_auth(ClientAuth::Require)).await;
        let accepting = tokio::spawn(async move { listener.accept().await.map(|_| ()) });
        for size in [1, 16_384, 65_536, 500_000, 1_000_000, 4_000_000] {
            let mut client = connect(port).await.expect("it does not know yet");
            let said = in_time(async {
                client.write_all(&vec![7; size]).await?;
                client.flush().await?;
                client.read(&mut [0]).await
            })
            .await;
            let error = Error::from(said.expect_err("it is refused"));
            let alert = error.alert().map(Alert::name);
            assert_eq!(alert, Some("certificate_required"), "{size}: {error}");
        }
        accepting.abort();
    });
}

#[test]
fn a_refused_client_hears_why_whatever_it_sends_at_once() {
    if !present("openssl") {
        return;
    }
    for mut builder in
        [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
    {
        let runtime = builder.enable_all().build().unwrap();
        for _ in 0..3 {
            hears_why(&runtime);
        }
    }
}

#[tokio::test]
async fn a_connector_dials_a_host_and_a_port() {
    if !present("openssl") {
        return;
    }
    let (mut listener, port) = bind(acceptor()).await;
    let accepting = tokio::spawn(async move { listener.accept().await.map(|_| ()) });
    let connector = connector(VERSIONS[1]);
    let tls = in_time(connector.connect_to(&format!("localhost:{port}"))).await.unwrap();
    assert!(tls.peer().authorized());
    accepting.await.unwrap().unwrap();
    for (address, why) in [("localhost", "the port is missing"), ("::1:443", "in brackets")] {
        let error = connector.connect_to(address).await.expect_err("no address");
        assert!(error.to_string().contains(why), "{error}");
    }
}
