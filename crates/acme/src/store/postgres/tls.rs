//! TLS to PostgreSQL, by our own connector: its verdict, and its words for a refusal.

use std::pin::Pin;
use std::task::{Context, Poll};

use ::postgres::Socket;
use sealwire::{Connector, InvalidServerName, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

use super::super::database::Error;

#[derive(Clone)]
pub(super) struct Tls(pub(super) Connector);

/// A connection to be made to this name.
pub(super) struct Named {
    connector: Connector,
    name: ServerName,
}

pub(super) struct Stream(sealwire::TlsStream<Socket>);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Stream;
    type TlsConnect = Named;
    type Error = Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Named, Error> {
        let name = host.parse().map_err(|e: InvalidServerName| Error(format!("{host}: {e}")))?;
        Ok(Named { connector: self.0.clone(), name })
    }
}

impl TlsConnect<Socket> for Named {
    type Stream = Stream;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Error>> + Send>>;

    fn connect(self, tcp: Socket) -> Self::Future {
        Box::pin(async move {
            let connected = self.connector.connect(self.name, tcp).await;
            connected.map(Stream).map_err(|e| Error(e.to_string()))
        })
    }
}

impl TlsStream for Stream {
    /// SCRAM without -PLUS: the server has been verified.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
