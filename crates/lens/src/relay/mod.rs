//! Serving clients: each from its first byte to its last, with the reader of what it speaks.

mod compose;
mod connection;
mod starttls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::intercept::Proxy;

impl Proxy {
    /// Serves the clients of `listener`, and sends what is composed, until `stop` is done; then those
    /// that are open have `patience` to end, and nothing waits at a breakpoint any longer.
    ///
    /// # Errors
    /// When the listener itself fails, or it served before; a connection that fails is told to the
    /// recorder.
    pub async fn serve(
        self: &Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
        patience: Duration,
    ) -> io::Result<()> {
        self.listens_on(listener.local_addr()?);
        let mut orders = self.orders().ok_or_else(|| io::Error::other("a proxy serves once"))?;
        let mut open = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((tcp, _)) => {
                        open.spawn(connection::serve(self.clone(), tcp));
                    }
                    Err(error) => wait_out(error).await?,
                },
                Some(order) = orders.recv() => {
                    open.spawn(compose::serve(self.clone(), order));
                }
                Some(_) = open.join_next() => {}
                () = &mut stop => break,
            }
        }
        drop((listener, orders));
        self.holds().close();
        let all = async { while open.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(patience, all).await;
        Ok(())
    }
}

/// Errors of `accept` that pass: a client that left early, or no descriptor to be had just now.
async fn wait_out(error: io::Error) -> io::Result<()> {
    const NO_FILE_DESCRIPTORS: [i32; 2] = [23, 24]; // ENFILE, EMFILE
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted => Ok(()),
        _ if error.raw_os_error().is_some_and(|code| NO_FILE_DESCRIPTORS.contains(&code)) => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(())
        }
        _ => Err(error),
    }
}
