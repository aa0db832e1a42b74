//! A server of ours with hostile clients on it, and a good client that has to be served all the
//! same.

use std::time::Duration;

use sealwire::{Acceptor, ClientAuth, Connector, Error, Listener, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use crate::peers::credentials::context;
use crate::peers::in_time;

/// An echo server. It tells why each of its connections failed, in the handshake or after it.
pub(crate) struct Arena {
    port: u16,
    failures: UnboundedReceiver<Error>,
    serving: AbortHandle,
}

impl Arena {
    pub(crate) async fn open() -> Self {
        Self::of(ClientAuth::Request, |listener| listener).await
    }

    pub(crate) async fn of(
        client_auth: ClientAuth,
        limits: impl FnOnce(Listener) -> Listener,
    ) -> Self {
        let context = context("p256", "ca").build().expect("a context");
        let acceptor = Acceptor::new(context).client_auth(client_auth);
        let (tell, failures) = unbounded_channel();
        let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let tell_in_handshake = tell.clone();
        let mut listener = limits(listener)
            .on_handshake_error(move |_, error| drop(tell_in_handshake.send(error.clone())));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream, tell.clone()));
            }
        });
        Self { port, failures, serving: serving.abort_handle() }
    }

    pub(crate) async fn dial(&self) -> TcpStream {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).await.expect("somebody listens");
        tcp.set_nodelay(true).expect("a socket");
        tcp
    }

    /// A hostile client that has said `bytes`, and may have been cut off before it was done.
    pub(crate) async fn said(&self, bytes: &[u8]) -> TcpStream {
        let mut tcp = self.dial().await;
        let _ = in_time(tcp.write_all(bytes)).await;
        tcp
    }

    /// Why the next connection failed.
    pub(crate) async fn failure(&mut self) -> Error {
        in_time(self.failures.recv()).await.expect("the server runs")
    }

    /// A client that means well comes, says a word, and hears it.
    pub(crate) async fn others_are_served(&self) {
        const PATIENCE: Duration = Duration::from_secs(20);
        let served = async {
            let connector = Connector::new(context("client", "ca").build().expect("a context"));
            let name = "localhost".parse().expect("a name");
            let mut tls = connector.resume(false).connect(name, self.dial().await).await?;
            tls.write_all(b"a word").await?;
            tls.flush().await?;
            let mut word = [0; 6];
            tls.read_exact(&mut word).await?;
            assert_eq!(&word, b"a word");
            tls.shutdown().await?;
            Ok::<(), Error>(())
        };
        tokio::time::timeout(PATIENCE, served).await.expect("in time").expect("a good server");
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn echo(mut stream: TlsStream<TcpStream>, tell: UnboundedSender<Error>) {
    let ended: std::io::Result<()> = async {
        let mut buffer = [0; 4096];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return stream.shutdown().await;
            }
            stream.write_all(&buffer[..count]).await?;
            stream.flush().await?;
        }
    }
    .await;
    if let Err(error) = ended {
        let _ = tell.send(error.into());
    }
}
