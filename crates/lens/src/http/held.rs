//! Bodies that are read ahead, to be shown at a breakpoint and perhaps replaced there.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;

use super::body::{self, Framing};
use super::link;

/// The longest body that is held. A longer one is streamed.
const LONGEST: usize = 1 << 20;
/// How long its end is waited for: one that streams would never be shown otherwise.
const PATIENCE: Duration = Duration::from_secs(1);

/// The body that comes over HTTP/1, and how many bytes it has there. They stay where they are.
pub(super) async fn one(from: &mut link::Reader, framing: Framing) -> Option<(Bytes, usize)> {
    let mut body = body::Reader::new(framing);
    let (mut data, mut count) = (BytesMut::new(), 0);
    let reading = async {
        loop {
            if !body.is_done() {
                let bytes = &from.buffer[count..];
                let data = &mut data;
                count +=
                    body.read(bytes, &mut |range| data.extend_from_slice(&bytes[range])).ok()?;
            }
            if body.is_done() {
                return Some(());
            }
            if from.buffer.len() > LONGEST {
                return None;
            }
            if from.fill().await.ok()? == 0 {
                return body.ends_with_connection().then_some(());
            }
        }
    };
    let whole = tokio::time::timeout(PATIENCE, reading).await.ok().flatten();
    whole.map(|()| (data.freeze(), count))
}

/// What of a body was taken before it is passed on.
#[derive(Default)]
pub(super) struct Ahead {
    pub(super) pieces: VecDeque<Bytes>,
    /// Whether it takes the place of all that comes.
    pub(super) replaces: bool,
}

impl Ahead {
    pub(super) fn instead(body: Bytes) -> Self {
        Self { pieces: VecDeque::from([body]), replaces: true }
    }
}

/// Reads the body that comes over HTTP/2; the whole of it, where it ends soon.
pub(super) async fn two(from: &mut RecvStream, ahead: &mut Ahead) -> Option<Bytes> {
    let reading = async {
        let mut length = 0;
        while let Some(piece) = from.data().await {
            let piece = piece.ok()?;
            length += piece.len();
            let _ = from.flow_control().release_capacity(piece.len());
            ahead.pieces.push_back(piece);
            if length > LONGEST {
                return None;
            }
        }
        Some(())
    };
    let whole = tokio::time::timeout(PATIENCE, reading).await.ok().flatten();
    whole.map(|()| ahead.pieces.iter().flatten().copied().collect())
}
