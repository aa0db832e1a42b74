//! Where a page of ours is: on this machine only.

use std::net::SocketAddr;

use sealwire_lens::door::{Token, page_url};
use tokio::net::TcpListener;

use crate::say::failure::Failure;

/// A listener on loopback, and the URL of the page on it.
pub(crate) async fn listen(
    address: SocketAddr,
    token: &Token,
) -> Result<(TcpListener, String), Failure> {
    if !address.ip().is_loopback() {
        let fact = format!("the page is for this machine only, and {address} is not");
        return Err(Failure::usage(fact).advise("take 127.0.0.1, and reach it from afar by ssh -L"));
    }
    let told = |e: std::io::Error| Failure::usage(format!("{address} cannot be listened on: {e}"));
    let listener = TcpListener::bind(address).await.map_err(told)?;
    let url = page_url(listener.local_addr().map_err(told)?, token);
    Ok((listener, url))
}
