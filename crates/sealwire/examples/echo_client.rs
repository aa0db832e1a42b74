//! The founding document's client: connects, tells whether the server is authorized, prints what
//! it says. Reads `cert.pem`, `key.pem` and `ca.pem` of this folder.

use sealwire::{Connector, Identity, PeerVerification, SecureContext, TrustStore};
use tokio::{io::AsyncReadExt, net::TcpStream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let context = SecureContext::builder()
        .identity(Identity::from_pem_files("cert.pem", "key.pem")?)
        .trust(TrustStore::from_pem_file("ca.pem")?)
        .build()?;
    let connector = Connector::new(context).peer_verification(PeerVerification::Recorded);
    let tcp = TcpStream::connect("127.0.0.1:1234").await?;
    let mut tls = connector.connect("localhost".parse()?, tcp).await?;
    match tls.peer().authorization_error() {
        None => println!("Connection authorized by a Certificate Authority."),
        Some(reason) => println!("Connection not authorized: {reason}"),
    }
    let mut data = vec![0; 1024];
    let count = tls.read(&mut data).await?;
    print!("{}", String::from_utf8_lossy(&data[..count]));
    Ok(())
}
