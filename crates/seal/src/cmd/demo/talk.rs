//! Parts two and three: an echo server, a client, and what they know of each other.

use std::io;

use sealwire::verify::NameCheck;
use sealwire::{
    Acceptor, ClientAuth, Connector, PeerVerification, SecureContext, TlsStream, TrustStore,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Talk;
use super::make::Material;
use crate::cmd::serve::greet_and_echo;
use crate::say::failure::Failure;
use crate::view::connection::{Facts, Side};

/// Both sides trust the certificate that both of them have.
pub(super) async fn with_trust(material: &Material) -> Result<Talk, Failure> {
    talk(material, material.trust.clone(), PeerVerification::Required).await
}

/// The client trusts no certificate, and continues, to report what it found.
pub(super) async fn without_trust(material: &Material) -> Result<Talk, Failure> {
    talk(material, TrustStore::empty(), PeerVerification::Recorded).await
}

/// The server's side of every conversation of the demo.
pub(super) fn acceptor(material: &Material) -> Result<Acceptor, Failure> {
    let context = SecureContext::builder()
        .identity(material.identity.clone())
        .trust(material.trust.clone())
        .build()
        .map_err(|e| Failure::usage(e.to_string()))?;
    Ok(Acceptor::new(context).client_auth(ClientAuth::Require))
}

/// The client's side.
pub(super) fn connector(material: &Material, trust: TrustStore) -> Result<Connector, Failure> {
    let context = SecureContext::builder()
        .identity(material.identity.clone())
        .trust(trust)
        .build()
        .map_err(|e| Failure::usage(e.to_string()))?;
    // The document's certificate has a common name only, which counts by Node's rules.
    Ok(Connector::new(context).name_check(NameCheck::Node))
}

async fn talk(
    material: &Material,
    trust: TrustStore,
    verification: PeerVerification,
) -> Result<Talk, Failure> {
    const SENT: &str = "Hello yourself\n";
    let listener = listen().await?;
    let address = listener.local_addr().map_err(|e| broken(&e))?;
    let acceptor = acceptor(material)?;
    let connector = connector(material, trust)?.peer_verification(verification);
    let identity = &material.identity;

    let server = async {
        let (tcp, _) = listener.accept().await?;
        let tls = acceptor.accept(tcp).await?;
        let facts = Facts::of(tls.peer(), Side::Client, Some(identity.leaf()));
        greet_and_echo(tls, std::future::pending()).await?;
        io::Result::Ok(facts)
    };
    let client = async {
        let tcp = TcpStream::connect(address).await?;
        let name = "localhost".parse().expect("localhost is a name");
        let mut tls = connector.connect(name, tcp).await?;
        let facts = Facts::of(tls.peer(), Side::Server, Some(identity.leaf()));
        let (greeting, echoed) = greet(&mut tls, SENT).await?;
        io::Result::Ok((facts, greeting, echoed))
    };
    let (server_sees, (client_sees, greeting, echoed)) =
        tokio::try_join!(server, client).map_err(|e| broken(&e))?;
    Ok(Talk { greeting, sent: SENT.to_owned(), echoed, client_sees, server_sees })
}

/// Takes the server's greeting, says `words`, and takes the echo.
pub(super) async fn greet(
    stream: &mut TlsStream<TcpStream>,
    words: &str,
) -> io::Result<(String, String)> {
    let mut greeting = vec![0; "Hello World !\n".len()];
    stream.read_exact(&mut greeting).await?;
    stream.write_all(words.as_bytes()).await?;
    stream.shutdown().await?;
    let mut echoed = String::new();
    stream.read_to_string(&mut echoed).await?;
    Ok((String::from_utf8_lossy(&greeting).into_owned(), echoed))
}

/// A listener on a free port of this machine.
pub(super) async fn listen() -> Result<TcpListener, Failure> {
    TcpListener::bind("127.0.0.1:0").await.map_err(|e| broken(&e))
}

pub(super) fn broken(error: &io::Error) -> Failure {
    Failure::usage(format!("the demo's own connection failed: {error}"))
}
