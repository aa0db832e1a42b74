//! What is behind the tunnels: answers each request line with 1 KiB, or with bulk.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::contestant::Failure;

/// The size of an ordinary answer.
pub(crate) const ANSWER: usize = 1024;

/// The size of a request. The first byte says what is wanted.
pub(crate) const REQUEST: usize = 64;

/// The first byte of a request for bulk: the connection is fed until it is closed.
pub(crate) const BULK: u8 = b'B';

/// Starts it in a thread of its own.
pub(crate) fn start() -> Result<SocketAddr, Failure> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a listener");
            loop {
                if let Ok((tcp, _)) = listener.accept().await {
                    let _ = tcp.set_nodelay(true);
                    tokio::spawn(serve(tcp));
                }
            }
        });
    });
    Ok(address)
}

async fn serve(mut tcp: TcpStream) {
    let (mut request, answer) = ([0; REQUEST], [b'a'; ANSWER]);
    while tcp.read_exact(&mut request).await.is_ok() {
        let answered = match request[0] {
            BULK => {
                let bulk = vec![b'b'; 256 * 1024];
                while tcp.write_all(&bulk).await.is_ok() {}
                return;
            }
            _ => tcp.write_all(&answer).await,
        };
        if answered.is_err() {
            return;
        }
    }
}
