//! Mutual TLS with axum, hyper and reqwest. The server lets in who has a certificate of our CA, and
//! knows who it is. The two clients are made once: when the file of their identity changes, what they
//! connect next has the new one.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use axum::{Router, routing::get};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sealwire::http::{Authorized, HttpsConnector, PeerInfo};
use sealwire::pki::{
    CertificateBuilder, ExtendedKeyUsage, Issuer, KeyAlgorithm, PrivateKey, Purpose, Subject,
};
use sealwire::{Acceptor, ClientAuth, Connector, Listener, Live, Watched};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    let ca_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let subject = Subject::from_common_name("Example CA")?;
    let ca = CertificateBuilder::new(subject).authority(None).self_signed(&ca_key)?;
    std::fs::write(file("ca.pem"), ca.to_pem())?;
    let ca = Issuer::new(ca, ca_key)?;
    issue(&ca, "localhost", ExtendedKeyUsage::SERVER_AUTH, &file("server"))?;
    issue(&ca, "alice", ExtendedKeyUsage::CLIENT_AUTH, &file("client"))?;

    // The server. Open connections end when their client would not be accepted any longer.
    let live = Live::default();
    let watched = Watched::builder()
        .pem_files(file("server.pem"), file("server.key"))
        .trust_file(file("ca.pem"))
        .purpose(Purpose::Server)
        .live(&live)
        .start()?;
    let acceptor = Acceptor::new(watched).client_auth(ClientAuth::Request).live(live);
    let listener = Listener::bind("127.0.0.1:0", acceptor).await?;
    let url = format!("https://localhost:{}/", listener.local_addr()?.port());
    let service = Router::new().route("/", get(greet));
    let service = service.into_make_service_with_connect_info::<PeerInfo>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    // The clients.
    let watched = Watched::builder()
        .pem_files(file("client.pem"), file("client.key"))
        .trust_file(file("ca.pem"))
        .purpose(Purpose::Client)
        .start()?;
    let connector = Connector::new(&watched);
    let hyper = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(Duration::ZERO) // so that each request below shows the identity of now
        .build::<_, Empty<Bytes>>(HttpsConnector::new(connector.clone()));
    let reqwest = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0) // the same
        .tls_backend_preconfigured(connector.rustls_config()?)
        .build()?;
    for name in ["alice", "bob"] {
        issue(&ca, name, ExtendedKeyUsage::CLIENT_AUTH, &file("client"))?;
        watched.reload()?; // it would be seen by itself, within a second
        let by_hyper = hyper.get(url.parse()?).await?.into_body().collect().await?.to_bytes();
        println!("hyper: {}", String::from_utf8_lossy(&by_hyper));
        println!("reqwest: {}", reqwest.get(&url).send().await?.text().await?);
    }
    Ok(())
}

/// Not run for a client that has not proved who it is.
async fn greet(client: Authorized) -> String {
    let subject = client.certificate().map(|one| one.subject());
    let name = subject.as_ref().and_then(|subject| subject.common_name());
    format!("hello, {}", name.unwrap_or("you"))
}

/// Makes `path.key` and `path.pem`.
fn issue(
    ca: &Issuer,
    name: &str,
    usage: ExtendedKeyUsage,
    path: &Path,
) -> Result<(), Box<dyn Error>> {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let certificate = CertificateBuilder::new(Subject::from_common_name(name)?)
        .names([name.parse()?])
        .extended_key_usage([usage])
        .signed_by(ca, key.spki_der())?;
    std::fs::write(path.with_extension("key"), key.to_pem().as_bytes())?;
    std::fs::write(path.with_extension("pem"), certificate.to_pem())?;
    Ok(())
}
