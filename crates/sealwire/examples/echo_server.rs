//! The founding document's server: greets, then echoes. Reads `cert.pem` and `key.pem` of this
//! folder, and trusts the clients whose certificates `ca.pem` vouches for.

use sealwire::{Acceptor, ClientAuth, Identity, Listener, SecureContext, TrustStore};
use tokio::io::{AsyncWriteExt, copy, split};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let context = SecureContext::builder()
        .identity(Identity::from_pem_files("cert.pem", "key.pem")?)
        .trust(TrustStore::from_pem_file("ca.pem")?)
        .build()?;
    let acceptor = Acceptor::new(context).client_auth(ClientAuth::Request);
    let mut listener = Listener::bind("127.0.0.1:1234", acceptor)
        .await?
        .on_handshake_error(|client, error| eprintln!("{client} was not let in: {error}"));
    loop {
        let (tls, client) = listener.accept().await?;
        println!("{client} connected, authorized: {}", tls.peer().authorized());
        tokio::spawn(async move {
            let (mut reader, mut writer) = split(tls);
            writer.write_all(b"Hello World !\n").await?;
            copy(&mut reader, &mut writer).await?;
            writer.shutdown().await
        });
    }
}
