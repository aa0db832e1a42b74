//! A certificate that is fetched and renewed by ACME while it is served.

use std::sync::Arc;
use std::time::Duration;

use sealwire::session::HelloReply;
use sealwire::{Acceptor, Alert, ClientAuth, Identity, SecureContext, TlsStream};
use sealwire_acme::client::{Keeper, Step, TlsAlpn01};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::say::failure::Failure;
use crate::say::report;

/// How often it is looked whether it is time.
const LOOK: Duration = Duration::from_secs(30);

/// The identity that the keeper has.
pub(super) fn identity(keeper: &Keeper) -> Result<Identity, Failure> {
    let live = keeper.folder.live(keeper.name());
    let read = Identity::from_pem_files(live.join("fullchain.pem"), live.join("privkey.pem"));
    read.map_err(Failure::from)
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

/// Renews for as long as the server runs. `context` makes of an identity what is served.
pub(super) async fn keep(
    keeper: Arc<Keeper>,
    acceptor: Acceptor,
    context: impl Fn(Identity) -> Result<SecureContext, Failure> + Send,
) {
    loop {
        let renewed = match keeper.step().await {
            Ok(Step::Renewed) => identity(&keeper).and_then(&context),
            Ok(Step::NotDue | Step::Busy) => {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            Err(e) => Err(Failure::refused(e.to_string())),
        };
        match renewed {
            Ok(context) => {
                acceptor.set_context(context);
                report::note(format!("{}: there is a new certificate", keeper.name()));
            }
            Err(failure) => report::note(format!("{}: not renewed: {failure}", keeper.name())),
        }
        tokio::time::sleep(LOOK).await;
    }
}
