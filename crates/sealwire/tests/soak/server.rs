//! The server: it sends back what comes, and its certificate changes all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealwire::{Acceptor, ClientAuth, Listener, SecureContext, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use crate::peers::credentials::context;

pub(crate) struct Server {
    pub(crate) port: u16,
    acceptor: Acceptor,
    contexts: Vec<SecureContext>,
    open: Arc<AtomicUsize>,
    serving: AbortHandle,
}

/// One connection, as long as it lasts.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn count(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self(open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let contexts: Vec<_> = ["p256", "rsa", "ed25519", "p384"]
            .map(|name| context(name, "ca").build().expect("a context"))
            .into();
        let acceptor = Acceptor::new(contexts[0].clone())
            .client_auth(ClientAuth::Request)
            .handshake_timeout(Duration::from_secs(20));
        let mut listener =
            Listener::bind("127.0.0.1:0", acceptor.clone()).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let open = Arc::new(AtomicUsize::new(0));
        let counted = open.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let open = Open::count(&counted);
                tokio::spawn(async move {
                    // Clients break off as they like.
                    let _ = echo(stream).await;
                    drop(open);
                });
            }
        });
        Self { port, acceptor, contexts, open, serving: serving.abort_handle() }
    }

    /// Another certificate for the connections to come, and a context made anew now and then.
    pub(crate) async fn reload_again_and_again(&self) {
        for number in 0.. {
            let next = match number % 8 {
                7 => context("p256", "ca").build().expect("a context"),
                other => self.contexts[other % self.contexts.len()].clone(),
            };
            self.acceptor.set_context(next);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until every connection has ended, and goes back to the first context.
    pub(crate) async fn is_idle(&self) {
        self.acceptor.set_context(self.contexts[0].clone());
        let idle = async {
            while self.open.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), idle).await.expect("connections end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn echo(stream: TlsStream<TcpStream>) -> std::io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            return writer.shutdown().await;
        }
        writer.write_all(&buffer[..count]).await?;
        writer.flush().await?;
    }
}
