//! A certificate that is fetched and renewed by ACME while it is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sealwire::live::WatchedBuilder;
use sealwire::session::HelloReply;
use sealwire::{Acceptor, Alert, ClientAuth, TlsStream, Watched};
use sealwire_acme::client::{HttpDoor, Keeper, Step, TlsAlpn01};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::say::failure::Failure;
use crate::say::report;

/// How often it is looked whether it is time.
const LOOK: Duration = Duration::from_secs(30);

/// Adds the files that the keeper has to what is watched.
pub(super) fn watched(builder: WatchedBuilder, keeper: &Keeper) -> WatchedBuilder {
    let live = keeper.folder.live(keeper.name());
    builder.pem_files(live.join("fullchain.pem"), live.join("privkey.pem"))
}

/// Opens the port where a CA looks for what it is to be shown, where that is not the server's own.
pub(super) async fn door(
    keeper: &Keeper,
    at: Option<SocketAddr>,
) -> Result<Option<HttpDoor>, Failure> {
    let (Some(shown), Some(at)) = (keeper.way.http(), at) else { return Ok(None) };
    let tcp = TcpListener::bind(at).await.map_err(|e| {
        Failure::usage(format!("--acme-http {at}: cannot listen: {e}"))
            .advise("ports under 1024 need privileges; port 80 of the names must lead there")
    })?;
    Ok(Some(HttpDoor::open(tcp, vec![shown.clone()])))
}

/// Shows a CA that checks a name what it looks for; all others get what the acceptor has.
pub(super) fn answering(acceptor: Acceptor, shown: TlsAlpn01) -> Acceptor {
    acceptor.on_client_hello(move |hello| {
        let reply = match TlsAlpn01::asks(&hello) {
            false => Ok(HelloReply::new()),
            true => shown
                .context(&hello)
                .map(|context| {
                    let reply = HelloReply::new().context(context);
                    reply.alpn([TlsAlpn01::protocol()]).client_auth(ClientAuth::None)
                })
                .ok_or(Alert::UNRECOGNIZED_NAME),
        };
        async move { reply }
    })
}

/// Whether it was such a CA: it gets no further.
pub(super) fn is_check(stream: &TlsStream<TcpStream>) -> bool {
    stream.peer().alpn() == Some(TlsAlpn01::protocol().as_bytes())
}

/// Says goodbye.
pub(super) async fn end(mut stream: TlsStream<TcpStream>) {
    let _ = stream.shutdown().await;
}

/// Renews for as long as the server runs; what it has renewed is looked at as any file that changed.
pub(super) async fn keep(keeper: Arc<Keeper>, watched: Watched) {
    loop {
        match keeper.step().await {
            Ok(Step::Renewed) => {
                let watched = watched.clone();
                let looked = tokio::task::spawn_blocking(move || {
                    // The file watcher may have been faster; it reports a refusal.
                    let _ = watched.reload();
                    watched.status().last_failure.is_none()
                });
                if looked.await.unwrap_or(false) {
                    report::note(format!("{}: certificate renewed", keeper.name()));
                }
            }
            Ok(Step::NotDue | Step::Busy) => {}
            Err(e) => report::note(format!("{}: not renewed: {e}", keeper.name())),
        }
        tokio::time::sleep(LOOK).await;
    }
}
