//! A server of a CA, on this machine only, that knows which requests have come.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use sealwire::pki::{CaStore, CertificateBuilder, ExtendedKeyUsage, SubjectAltName, Validity};
use sealwire::{Acceptor, Listener, SecureContext, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::cmd::ca::on_the_spot;
use crate::say::failure::Failure;

/// The longest head of a request that is read.
const HEAD: usize = 16 * 1024;

pub(super) struct Server {
    port: u16,
    /// What was asked for, up to the second slash: a client that refused the certificate does not send it.
    asked: Arc<Mutex<HashSet<String>>>,
}

impl Server {
    /// Starts one with a certificate of this CA for `localhost`.
    pub(super) async fn start(ca: &CaStore) -> Result<Self, Failure> {
        let names = ["localhost", "127.0.0.1", "::1"];
        let names = names.iter().filter_map(|name| name.parse::<SubjectAltName>().ok()).collect();
        let builder = CertificateBuilder::for_names(names)?
            .extended_key_usage([ExtendedKeyUsage::SERVER_AUTH])
            .validity(Validity::days(1)?);
        let context = SecureContext::builder().identity(on_the_spot(ca, builder)?).build();
        let context = context.map_err(|e| Failure::usage(e.to_string()))?;
        let failed = |e: std::io::Error| Failure::usage(format!("127.0.0.1: cannot listen: {e}"));
        let tcp = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let port = tcp.local_addr().map_err(failed)?.port();
        let acceptor = Acceptor::new(context).alpn(vec!["http/1.1".to_owned()]);
        let mut listener = Listener::new(tcp, acceptor);
        let asked = Arc::<Mutex<HashSet<String>>>::default();
        let server = Self { port, asked: asked.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, asked.clone()));
            }
        });
        Ok(server)
    }

    /// An address of it for one client only.
    pub(super) fn url(&self, token: &str) -> String {
        format!("https://localhost:{}/{token}", self.port)
    }

    /// Whether a request for it has come.
    pub(super) fn was_asked(&self, token: &str) -> bool {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).contains(token)
    }
}

async fn answer(mut stream: TlsStream<TcpStream>, asked: Arc<Mutex<HashSet<String>>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD {
        match stream.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&head);
    let token = text.split(' ').nth(1).and_then(|target| target.split('/').nth(1));
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(token.unwrap_or_default().to_owned());
    let reply = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
    let _ = stream.write_all(reply.as_bytes()).await;
    let _ = stream.shutdown().await;
}
