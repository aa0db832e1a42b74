//! `seal serve --bad KIND`: servers with one fault each, for authors of clients and for tests of what one
//! says.

mod certificates;
mod kinds;
mod transport;
mod weak;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sealwire::pki::{Crl, Error};
use sealwire::session::HelloReply;
use sealwire::{
    Acceptor, Alert, ClientAuth, Legacy, ProtocolVersion, SecureContext, TlsStream, TrustStore,
};
use sealwire_files::{Access, Existing, write_file};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use self::certificates::{Flaw, Made};
pub(crate) use self::kinds::Wanted;
use self::kinds::{Fault, List};
use super::event::{Event, Reporter};
use super::{ServeArgs, bracketed, cannot_listen};
use crate::net::stop::Stop;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// How long a client may take for a handshake: longer than it is willing to wait.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long a client may take for its request.
const REQUEST: Duration = Duration::from_secs(30);
/// The longest request that is read.
const LONGEST_REQUEST: usize = 64 * 1024;

pub(super) async fn run(
    args: &ServeArgs,
    wanted: Wanted,
    reporter: Reporter,
) -> Result<Answer, Failure> {
    let Wanted::One { name, about, fault } = wanted else {
        report::print(&List::new(), args.json)?;
        return Ok(Answer::Yes);
    };
    let fault = fault.0;
    let folder = Folder::new(args.bad_dir.as_deref())?;
    let made = certificates::made(fault.flaw(), fault.is_old())?;
    let (root, crl) = folder.write(&made)?;
    let mut acceptor = acceptor(fault, &made)?;
    if let Some(file) = args.key_log.open()? {
        acceptor = acceptor.key_log(file);
    }
    let server = Arc::new(Server { fault, acceptor });
    let at = format!("{}:{}", bracketed(&args.host), args.port);
    let listener = TcpListener::bind(&at).await.map_err(|e| cannot_listen(&at, &e))?;
    let address = listener.local_addr().map_err(|e| Failure::usage(e.to_string()))?;
    if !address.ip().is_loopback() {
        report::note("other machines can connect to this intentionally bad server");
    }
    let stop = Stop::on_signals().map_err(|e| Failure::usage(format!("signals: {e}")))?;
    reporter.tell(&Event::Bad { address, kind: name, about, root, crl });
    loop {
        let (tcp, client) = tokio::select! {
            () = stop.asked() => return Ok(Answer::Yes),
            accepted = listener.accept() => accepted
                .map_err(|e| Failure::usage(format!("{address}: cannot accept: {e}")))?,
        };
        let serving = serve(server.clone(), tcp, client, reporter);
        if args.once {
            serving.await;
            return Ok(Answer::Yes);
        }
        // Waiting clients are released when the server ends.
        tokio::spawn(serving);
    }
}

struct Server {
    fault: Fault,
    acceptor: Acceptor,
}

async fn serve(server: Arc<Server>, tcp: TcpStream, client: SocketAddr, reporter: Reporter) {
    let outcome = match server.met(tcp).await {
        Ok(outcome) => outcome.to_owned(),
        Err(error) => format!("failed: {error} [{}]", error.code()),
    };
    reporter.tell(&Event::Met { client, outcome });
}

impl Fault {
    fn flaw(self) -> Flaw {
        match self {
            Self::Certificates(flaw) => flaw,
            _ => Flaw::None,
        }
    }

    /// Whether it takes the old-peer engine, and a key that the suites of old can use.
    fn is_old(self) -> bool {
        matches!(self, Self::Tls10 | Self::RsaKeyExchange)
    }
}

fn acceptor(fault: Fault, made: &Made) -> Result<Acceptor, Failure> {
    // What is bad here would be refused at the usual level.
    let mut builder = SecureContext::builder().identity(made.identity.clone()).security_level(0);
    if fault.is_old() {
        use ProtocolVersion::{Tls10, Tls12};
        let (versions, suites) = match fault {
            Fault::Tls10 => (Tls10..=Tls10, "ECDHE-RSA-AES128-SHA:AES128-SHA:@SECLEVEL=0"),
            _ => (Tls12..=Tls12, "AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0"),
        };
        builder = builder
            .legacy(Legacy::new())
            .versions(versions)
            .cipher_list(suites)
            .map_err(|e| Failure::usage(e.to_string()))?;
    }
    if fault == Fault::ClientCertificate {
        let trust = TrustStore::from_certificates([made.root.clone()])?;
        builder = builder.trust(trust);
    }
    let context = builder.build().map_err(|e| Failure::usage(e.to_string()))?;
    let acceptor = Acceptor::new(context).handshake_timeout(PATIENCE);
    Ok(match fault {
        Fault::NoAlpn => acceptor.alpn(["seal-bad/1"]),
        Fault::ClientCertificate => acceptor.client_auth(ClientAuth::Require),
        Fault::NoName(alert) => acceptor.on_client_hello(move |hello| {
            let named = hello.server_name().is_some();
            async move { if named { Ok(HelloReply::new()) } else { Err(alert) } }
        }),
        Fault::Alert(alert) => {
            acceptor.on_client_hello(move |_| async move { Err::<HelloReply, Alert>(alert) })
        }
        _ => acceptor,
    })
}

impl Server {
    /// What becomes of a client.
    async fn met(&self, mut tcp: TcpStream) -> Result<&'static str, sealwire::Error> {
        match self.fault {
            Fault::Silent => {
                transport::ignore(&mut tcp).await?;
                Ok("got no answer, and closed")
            }
            Fault::ClosesAtOnce => {
                transport::close(&mut tcp).await?;
                Ok("was closed at once")
            }
            Fault::ClosesAfterHello => {
                transport::hello(&mut tcp).await?;
                transport::close(&mut tcp).await?;
                Ok("was closed after its ClientHello")
            }
            Fault::Resets => {
                transport::hello(&mut tcp).await?;
                transport::reset(tcp)?;
                Ok("was reset after its ClientHello")
            }
            Fault::PlainHttp => {
                transport::answer_in_plain(&mut tcp).await?;
                Ok("was answered without TLS")
            }
            Fault::LongRecord => {
                transport::hello(&mut tcp).await?;
                transport::long_record(&mut tcp).await?;
                Ok("was sent a record of 65,535 bytes")
            }
            Fault::DropsBigHellos if transport::is_big(&tcp).await? => {
                transport::ignore(&mut tcp).await?;
                Ok("sent a ClientHello of over 1,400 bytes, got no answer, and closed")
            }
            Fault::StallsInHandshake => {
                self.acceptor.accept(transport::OneRecord::new(tcp)).await?;
                Ok("left")
            }
            _ => {
                let stream = self.acceptor.accept(tcp).await?;
                self.answer(stream).await?;
                Ok("finished the handshake, and was answered")
            }
        }
    }

    /// Answers a request over HTTP, or whatever it is that the client says.
    async fn answer<IO>(&self, mut stream: TlsStream<IO>) -> Result<(), sealwire::Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let mut request = Vec::new();
        let reading = async {
            while !request.windows(4).any(|end| end == b"\r\n\r\n")
                && request.len() < LONGEST_REQUEST
                && stream.read_buf(&mut request).await? > 0
            {}
            std::io::Result::Ok(())
        };
        if let Ok(read) = timeout(REQUEST, reading).await {
            read?;
        }
        // Without a length: where it ends, the connection says.
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
            .await?;
        stream.write_all(b"a bad server, on purpose\n").await?;
        stream.flush().await?;
        if self.fault != Fault::Truncates {
            stream.shutdown().await?;
        }
        Ok(())
    }
}

/// Where clients find what they are to trust.
struct Folder {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn new(given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = given {
            std::fs::create_dir_all(path).map_err(|e| Error::io(path, &e))?;
            return Ok(Self { path: path.to_owned(), _temporary: None });
        }
        let folder = tempfile::Builder::new().prefix("seal-bad-").tempdir();
        let folder =
            folder.map_err(|e| Failure::usage(format!("cannot create a temporary folder: {e}")))?;
        Ok(Self { path: folder.path().to_owned(), _temporary: Some(folder) })
    }

    fn write(&self, made: &Made) -> Result<(String, Option<String>), Failure> {
        let put = |name: &str, pem: String| -> Result<String, Failure> {
            let path = self.path.join(name);
            write_file(&path, pem.as_bytes(), Access::Public, Existing::Replace)?;
            Ok(path.display().to_string())
        };
        let root = put("root.pem", made.root.to_pem())?;
        let crls: String = made.crls.iter().map(Crl::to_pem).collect();
        let crl = (!crls.is_empty()).then(|| put("crl.pem", crls)).transpose()?;
        Ok((root, crl))
    }
}
