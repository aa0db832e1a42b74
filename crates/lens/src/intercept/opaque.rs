//! Bytes that no reader of ours understands: passed on as they come.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use super::wire::Wire;
use super::{FlowRecorder, Stream, Target};
use crate::flow::{Direction, HttpVersion, Outcome, RequestHead};

/// Passes a connection on whose TLS is not ours.
pub(crate) async fn pass_by(mut client: Wire, mut origin: Wire) -> io::Result<()> {
    let passed = tokio::io::copy_bidirectional(&mut client, &mut origin).await;
    passed.map(drop)
}

/// The head of a flow without one on the wire.
pub(crate) fn head(scheme: &str, target: &Target) -> RequestHead {
    RequestHead {
        version: HttpVersion::Http11,
        method: String::new(),
        scheme: scheme.to_owned(),
        authority: target.to_string(),
        path: String::new(),
        headers: Vec::new(),
        protocol: None,
        stream: None,
        repeats: None,
        raw: Bytes::new(),
    }
}

/// Passes data on, decrypted or never encrypted, and tells them as the two bodies of a flow.
pub(crate) async fn pass(flow: FlowRecorder, client: Stream, origin: Stream) -> io::Result<()> {
    let passed = between(client, origin, |direction, piece| flow.body(direction, piece)).await;
    match passed {
        Ok(()) => {
            flow.end(Outcome::Complete);
            Ok(())
        }
        Err((direction, error)) => {
            flow.end(failed(direction, &error));
            Err(error)
        }
    }
}

/// Whose failure it is.
pub(crate) fn failed(side: Direction, error: &io::Error) -> Outcome {
    match side {
        Direction::Request => Outcome::ClientFailed(error.to_string()),
        Direction::Response => Outcome::OriginFailed(error.to_string()),
    }
}

/// Passes data on both ways until both have ended; `hear` hears each piece before it is passed on. An
/// error is that of the side it names: the client's, whose direction is the request, or the origin's.
pub(crate) async fn between(
    client: Stream,
    origin: Stream,
    hear: impl Fn(Direction, Bytes),
) -> Result<(), (Direction, io::Error)> {
    let (client_reader, client_writer) = split(client);
    let (origin_reader, origin_writer) = split(origin);
    let sent = copy(client_reader, origin_writer, &hear, Direction::Request);
    let received = copy(origin_reader, client_writer, &hear, Direction::Response);
    tokio::try_join!(sent, received).map(drop)
}

/// Copies one direction until its end, and passes that on.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    hear: &impl Fn(Direction, Bytes),
    direction: Direction,
) -> Result<(), (Direction, io::Error)> {
    let other = match direction {
        Direction::Request => Direction::Response,
        Direction::Response => Direction::Request,
    };
    let mut room = BytesMut::new();
    loop {
        room.reserve(16 * 1024);
        if from.read_buf(&mut room).await.map_err(|e| (direction, e))? == 0 {
            return to.shutdown().await.map_err(|e| (other, e));
        }
        let piece = room.split().freeze();
        hear(direction, piece.clone());
        to.write_all(&piece).await.map_err(|e| (other, e))?;
        to.flush().await.map_err(|e| (other, e))?;
    }
}
