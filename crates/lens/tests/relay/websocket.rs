//! A WebSocket over HTTP/1: its bytes pass untouched, its messages are told.

use sealwire_lens::flow::{Direction, FrameKind, What};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::faithful::{head, tunnel};
use crate::origins::plain;
use crate::support::start;

/// `hello` as permessage-deflate has it (RFC 7692, 7.2.3.1), unmasked and masked by nothing.
const HELLO: &[u8] = &[0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const MASKED: &[u8] =
    &[0xc1, 0x87, 1, 2, 3, 4, 0xf2 ^ 1, 0x48 ^ 2, 0xcd ^ 3, 0xc9 ^ 4, 0xc9 ^ 1, 0x07 ^ 2, 3];

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_told_and_bytes_are_left() {
    let origin = plain(|mut tcp| async move {
        head(&mut tcp).await;
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: \
                      Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate; \
                      client_no_context_takeover\r\n\r\n";
        // The first message comes with the answer.
        tcp.write_all(&[answer.as_bytes(), HELLO].concat()).await.unwrap();
        let mut frame = vec![0; MASKED.len()];
        tcp.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame, MASKED);
        tcp.write_all(&[0x88, 0]).await.unwrap();
        tcp.shutdown().await.unwrap();
    })
    .await;
    let proxy = start(|_| {}).await;
    let mut tcp = tunnel(&proxy, "127.0.0.1", origin.port()).await;
    let request = "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: \
                   websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    tcp.write_all(request.as_bytes()).await.unwrap();
    assert!(head(&mut tcp).await.starts_with("HTTP/1.1 101 "));
    let mut frame = vec![0; HELLO.len()];
    tcp.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame, HELLO);
    tcp.write_all(MASKED).await.unwrap();
    let mut rest = Vec::new();
    tcp.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, [0x88, 0]);
    tcp.shutdown().await.unwrap();
    proxy.memory.fault().await;
    let frames: Vec<_> = proxy
        .memory
        .all()
        .into_iter()
        .filter_map(|event| match event.what {
            What::Frame(frame) => Some((frame.direction, frame.kind, frame.data)),
            _ => None,
        })
        .collect();
    assert_eq!(
        frames,
        [
            (Direction::Response, FrameKind::Text, "Hello".into()),
            (Direction::Request, FrameKind::Text, "Hello".into()),
            (Direction::Response, FrameKind::Close, "".into()),
        ]
    );
    assert_eq!(proxy.memory.requests()[0].scheme, "ws");
}
