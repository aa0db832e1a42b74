//! What goes wrong between two ends, and what must not go wrong then: over tokio, in memory where
//! that is possible.

mod handshake;
mod listener;
#[path = "../peers/mod.rs"]
mod peers;
mod stream;

use std::pin::pin;

use peers::credentials::context;
use peers::in_time;
use sealwire::{Acceptor, Connector, ProtocolVersion, TlsStream};
use tokio::io::{AsyncReadExt, DuplexStream};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::Tls12, ProtocolVersion::Tls13];

fn connector(version: ProtocolVersion) -> Connector {
    Connector::new(context("", "ca").versions(version..=version).build().unwrap())
}

fn acceptor() -> Acceptor {
    Acceptor::new(context("p256", "ca").build().unwrap())
}

/// A client and a server, joined by pipes of `room` bytes.
async fn join(
    version: ProtocolVersion,
    room: usize,
) -> (TlsStream<DuplexStream>, TlsStream<DuplexStream>) {
    let (near, far) = tokio::io::duplex(room);
    let (connector, acceptor) = (connector(version), acceptor());
    in_time(async {
        let mut accepting = pin!(acceptor.accept(far));
        let mut connecting = pin!(connector.connect("localhost".parse().unwrap(), near));
        let mut server = None;
        let mut client = loop {
            tokio::select! {
                client = &mut connecting => break client.expect("a good server"),
                accepted = &mut accepting, if server.is_none() => server = Some(accepted),
            }
        };
        let server = match server {
            Some(server) => server,
            // A narrow pipe has no room for the server's tickets: somebody has to read them.
            None => tokio::select! {
                server = accepting => server,
                data = client.read_u8() => panic!("nobody said {data:?}"),
            },
        };
        (client, server.expect("a good client"))
    })
    .await
}
