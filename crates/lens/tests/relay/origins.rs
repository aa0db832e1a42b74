//! Origins: Node's, and such as say exactly what a test has them say.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use sealwire::{Acceptor, Identity, SecureContext, TlsStream};
use sealwire_lens::intercept::Settings;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Pki, Running, start};

/// A program that listens on a port, and ends with this.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) port: u16,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a script of Node's that prints its port.
pub(crate) fn node(folder: &Path, script: &str, arguments: &[&str]) -> Program {
    let file = folder.join("origin.js");
    std::fs::write(&file, script).unwrap();
    let mut node = Command::new("node");
    node.arg(file).args(arguments);
    listening(node)
}

/// Starts a program that prints its port.
pub(crate) fn listening(mut program: Command) -> Program {
    let mut child = program.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Program { child, port: line.trim().parse().unwrap() }
}

/// A script of Node's with a certificate for `localhost` and 127.0.0.1, and a proxy that trusts it; `change`
/// has the last word about the proxy's settings.
pub(crate) async fn before(script: &str, change: impl FnOnce(&mut Settings)) -> (Running, Program) {
    let pki = Pki::new();
    let proxy = start(|settings| {
        settings.trust = pki.trust();
        change(settings);
    })
    .await;
    let names = ["localhost", "127.0.0.1"];
    let (cert, key) = pki.leaf_files(proxy.folder.path(), "origin", &names);
    let arguments = [cert.to_str().unwrap(), key.to_str().unwrap()];
    let origin = node(proxy.folder.path(), script, &arguments);
    (proxy, origin)
}

/// Node's HTTP/2 server, which speaks HTTP/1 to those who ask for it.
pub(crate) const BOTH: &str = r#"
const fs = require('fs'), http2 = require('http2');
const [cert, key] = process.argv.slice(2);
const server = http2.createSecureServer({
  cert: fs.readFileSync(cert), key: fs.readFileSync(key), allowHTTP1: true,
  settings: { enableConnectProtocol: true },
});
server.on('request', (request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const body = Buffer.concat(pieces);
    response.setHeader('alt-svc', 'h3=":443"');
    response.setHeader('x-protocol', request.httpVersion);
    response.end(`${request.method} ${request.url} ${body.length}`);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"#;

/// An origin that does `serve` with its one TLS connection after the other.
pub(crate) async fn tls<F, Fut>(pki: &Pki, names: &[&str], alpn: &[&str], serve: F) -> SocketAddr
where
    F: Fn(TlsStream<TcpStream>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (certificate, key) = pki.leaf(names);
    let identity = Identity::new(vec![certificate], &key).unwrap();
    let context = SecureContext::builder().identity(identity).build().unwrap();
    let acceptor = Acceptor::new(context).alpn(alpn.iter().copied());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            tokio::spawn(async move {
                if let Ok(tls) = acceptor.accept(tcp).await {
                    serve(tls).await;
                }
            });
        }
    });
    address
}

/// An origin in plain.
pub(crate) async fn plain<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(serve(tcp));
        }
    });
    address
}
