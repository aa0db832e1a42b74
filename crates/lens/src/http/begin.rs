//! The beginning of a connection to an origin that speaks HTTP/2.

use std::io;

use bytes::Bytes;
use h2::client::SendRequest;

use super::paced::Paced;
use super::two::{CONNECTION_WINDOW, MOST_HEADERS, STREAM_WINDOW};
use crate::intercept::Stream;

pub(super) type Connection = h2::client::Connection<Paced<Stream>, Bytes>;

/// Begins with an origin, and waits until it has said what it allows: its settings come before the answer to
/// a ping.
pub(super) async fn open(
    origin: Stream,
) -> Result<(SendRequest<Bytes>, Connection), sealwire::Error> {
    let (origin, failure) = Paced::origin(origin);
    let settled = async {
        let (send, mut connection) = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MOST_HEADERS)
            .handshake::<_, Bytes>(origin)
            .await?;
        let Some(mut ping) = connection.ping_pong() else { return Ok((send, connection)) };
        let ended = tokio::select! {
            pong = ping.ping(h2::Ping::opaque()) => pong.map(|_| false),
            ended = &mut connection => ended.map(|()| true),
        };
        match ended? {
            true => Err(Closed::BeforeAsked),
            false => Ok((send, connection)),
        }
    };
    settled.await.map_err(|closed| match (closed, failure.get()) {
        (_, Some(error)) => error.clone(),
        (Closed::BeforeAsked, None) => {
            io::Error::other("it closed before the request was sent").into()
        }
        (Closed::Broken(error), None) => io::Error::other(error).into(),
    })
}

/// How an origin ended before it could be asked.
enum Closed {
    BeforeAsked,
    Broken(h2::Error),
}

impl From<h2::Error> for Closed {
    fn from(error: h2::Error) -> Self {
        Self::Broken(error)
    }
}
