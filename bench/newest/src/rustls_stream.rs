//! rustls 0.24 as a stream of tokio, which has no adapter of it yet.

use std::error::Error;
use std::io::{self, Read};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::crypto::{CryptoProvider, Identity};
use rustls::{Connection, ServerConfig, ServerSide, Tcp, VecInput};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

type ServerConnection = Connection<ServerSide, Tcp>;

pub(crate) fn config(cert: &Path, key: &Path) -> Result<ServerConfig, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    let identity = Arc::new(Identity::from_cert_chain(chain)?);
    let provider: Arc<CryptoProvider> = Arc::new(rustls_aws_lc_rs::DEFAULT_PROVIDER);
    let mut config = ServerConfig::builder(provider.clone())
        .with_no_client_auth()
        .with_single_cert(identity, PrivateKeyDer::from_pem_file(key)?)?;
    // As the others have it: tickets that hold the state.
    config.ticketer = Some(provider.ticketer_factory.ticketer()?);
    Ok(config)
}

pub(crate) async fn accept(config: Arc<ServerConfig>, tcp: TcpStream) -> io::Result<TlsStream> {
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = TlsStream {
        tcp,
        tls,
        input: VecInput::default(),
        output: Vec::new(),
        plain: Vec::new(),
        taken: 0,
        is_closed: false,
    };
    std::future::poll_fn(|cx| stream.poll_handshake(cx)).await?;
    Ok(stream)
}

pub(crate) struct TlsStream {
    tcp: TcpStream,
    tls: ServerConnection,
    input: VecInput,
    /// Records that are not on the wire yet.
    output: Vec<u8>,
    /// What has been decrypted, of which `taken` bytes are read.
    plain: Vec<u8>,
    taken: usize,
    /// The peer has sent close_notify.
    is_closed: bool,
}

impl TlsStream {
    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_send(cx))?;
            if !self.tls.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_receive(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Reads once and decrypts what is complete; how many bytes came.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            match self.input.read(&mut Ready(&self.tcp)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    self.plain.drain(..self.taken);
                    self.taken = 0;
                    let messages = self.tls.read_tls(&mut self.input, &mut self.output);
                    let state = messages.handle_all(&mut self.plain).map_err(io::Error::other)?;
                    self.is_closed = state.peer_has_closed();
                    return Poll::Ready(Ok(count));
                }
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sent = 0;
        let result = loop {
            if sent == self.output.len() {
                break Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.tcp).poll_write(cx, &self.output[sent..]) {
                Poll::Ready(Ok(count)) => sent += count,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.output.drain(..sent);
        result
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.taken == self.plain.len() && !self.is_closed {
            if ready!(self.poll_receive(cx))? == 0 {
                break;
            }
        }
        let count = buffer.remaining().min(self.plain.len() - self.taken);
        buffer.put_slice(&self.plain[self.taken..][..count]);
        self.taken += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let Self { tls, output, .. } = &mut *self;
        tls.write(data.into(), output).map_err(io::Error::other)?;
        // What does not go now is sent by the next call.
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { tls, output, .. } = &mut *self;
        // A second one adds nothing.
        let _ = tls.send_close_notify(output);
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// A socket that has something to read, without waiting.
struct Ready<'a>(&'a TcpStream);

impl Read for Ready<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}
