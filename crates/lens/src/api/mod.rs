//! The HTTP API and the page, on loopback, for whoever has the token.
//!
//! Every request must name this server by its address or `localhost` in `Host` (so no site whose name
//! was bound to 127.0.0.1 gets in), come from no other origin, and, for anything but the page's own
//! files, carry the token in `Authorization: Bearer`.

mod answer;
mod events;
mod flows;
mod gate;
mod mcp;
mod write;

pub use gate::Token;
pub use mcp::{Mcp, Remote};

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::flow::Sender;
use crate::rules::{Current, Holds};
use crate::store::{Reader, Store};

/// A session to show.
pub struct Session {
    /// What is recorded.
    pub reader: Reader,
    /// The recording, while there is one.
    pub store: Option<Arc<Store>>,
    /// What sends composed requests, while there is a proxy.
    pub sender: Option<Arc<dyn Sender>>,
    /// The rules that the proxy follows.
    pub rules: Current,
    /// What waits for a decision.
    pub holds: Holds,
    /// Who may look.
    pub token: Token,
    /// What the page says of the session: the file's name.
    pub title: String,
}

/// Connections that are served at a time.
const MOST_CONNECTIONS: usize = 64;

/// Where to go in a browser: the token is in the fragment, which browsers do not send.
#[must_use]
pub fn page_url(address: SocketAddr, token: &Token) -> String {
    format!("http://{address}/#token={}", token.text())
}

/// Serves until dropped.
///
/// # Errors
/// When the listener's address is not known.
pub async fn serve(listener: TcpListener, session: Arc<Session>) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let places = Arc::new(tokio::sync::Semaphore::new(MOST_CONNECTIONS));
    let mut open = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
        };
        // One that failed concerns nobody else; a lack of descriptors passes.
        let Ok((tcp, _)) = accepted else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let session = Arc::clone(&session);
        open.spawn(async move {
            let _place = place;
            let service = service_fn(|request| {
                let session = Arc::clone(&session);
                async move {
                    Ok::<_, std::convert::Infallible>(gate::answer(session, address, request).await)
                }
            });
            let mut server = hyper::server::conn::http1::Builder::new();
            server.max_buf_size(64 * 1024);
            let _ = server.serve_connection(TokioIo::new(tcp), service).await;
        });
    }
}

#[cfg(test)]
mod tests;
