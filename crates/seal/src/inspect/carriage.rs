//! How a ClientHello is split: a middlebox may look at its first piece only.

use std::io;
use std::time::Duration;

use sealwire::reading::{HANDSHAKE, Record};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// In how many pieces a ClientHello goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Carriage {
    /// One record, in one write.
    #[default]
    Whole,
    /// One record, in two TCP segments.
    TwoSegments,
    /// Two records, in one write (RFC 8446, 5.1 allows it).
    TwoRecords,
}

/// How long the second segment waits, so that neither side's system joins it to the first.
const BETWEEN: Duration = Duration::from_millis(100);

const CLIENT_HELLO: u8 = 1;

impl Carriage {
    /// Sends what there is to send, every ClientHello in it cut so. The bytes that went out come back.
    pub(crate) async fn send(
        self,
        tcp: &mut TcpStream,
        bytes: Vec<u8>,
    ) -> (Vec<u8>, io::Result<()>) {
        match self {
            Self::Whole => {
                let sent = tcp.write_all(&bytes).await;
                (bytes, sent)
            }
            Self::TwoRecords => {
                let bytes = in_two_records(&bytes);
                let sent = tcp.write_all(&bytes).await;
                (bytes, sent)
            }
            Self::TwoSegments => {
                let sent = in_two_segments(tcp, &bytes).await;
                (bytes, sent)
            }
        }
    }
}

async fn in_two_segments(tcp: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let Some((start, record)) = hello(bytes) else { return tcp.write_all(bytes).await };
    let (first, second) = bytes.split_at(start + 5 + cut(record.content()));
    tcp.write_all(first).await?;
    tcp.flush().await?;
    tokio::time::sleep(BETWEEN).await;
    tcp.write_all(second).await
}

fn in_two_records(bytes: &[u8]) -> Vec<u8> {
    let Some((start, record)) = hello(bytes) else { return bytes.to_vec() };
    let (first, second) = record.content().split_at(cut(record.content()));
    let mut out = bytes[..start].to_vec();
    for piece in [first, second] {
        out.extend_from_slice(&record.bytes[..3]);
        out.extend(u16::try_from(piece.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(&bytes[start + record.bytes.len()..]);
    out
}

/// The record that is a whole ClientHello, and where it begins.
fn hello(bytes: &[u8]) -> Option<(usize, Record<'_>)> {
    let mut start = 0;
    while let Some(record) = Record::first(&bytes[start..]) {
        // An encrypted message is not taken for one: its length would have to fit as well.
        if record.kind == HANDSHAKE
            && matches!(record.content(), [CLIENT_HELLO, high, middle, low, body @ ..]
                if u32::from_be_bytes([0, *high, *middle, *low]) as usize == body.len())
        {
            return Some((start, record));
        }
        start += record.bytes.len();
    }
    None
}

/// Where a message is cut: before its extensions, so that neither names nor lists of groups are in the
/// first piece, and it cannot be mistaken for the whole.
fn cut(message: &[u8]) -> usize {
    const VERSION_AND_RANDOM: usize = 4 + 2 + 32;
    VERSION_AND_RANDOM.min(message.len() / 2)
}

#[cfg(test)]
mod tests {
    use super::{hello, in_two_records};

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[kind, 3, 1][..], &length, content].concat()
    }

    #[test]
    fn only_a_client_hello_is_cut_and_nothing_of_it_is_lost() {
        let message = [&[1, 0, 0, 90][..], &[7; 90]].concat();
        let before = record(20, &[1]);
        let bytes = [before.clone(), record(22, &message), record(23, &[5; 9])].concat();
        let cut = in_two_records(&bytes);
        let expected =
            [before, record(22, &message[..38]), record(22, &message[38..]), record(23, &[5; 9])];
        assert_eq!(cut, expected.concat());
        // A Finished that is encrypted, another message, and half a record stay as they are.
        for content in [&[1, 9, 9, 9, 9][..], &[2, 0, 0, 1, 0]] {
            let bytes = record(22, content);
            assert_eq!(in_two_records(&bytes), bytes);
        }
        assert!(hello(&record(22, &message)[..50]).is_none());
    }
}
