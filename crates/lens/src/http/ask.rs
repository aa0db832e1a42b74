//! A client in memory, which asks once and takes whatever the answer is: the relay tells it.

use bytes::Bytes;
use http::{Request, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{ruled, two};
use crate::flow::RequestHead;

/// Asks over HTTP/1.
pub(crate) async fn ask_one(connection: DuplexStream, head: &RequestHead, body: Bytes) {
    let (mut reader, mut writer) = tokio::io::split(connection);
    let asking = async {
        // An answer may come before all of it is taken, and no more be wanted.
        let _ = writer.write_all(&ruled::request_bytes(head)).await;
        let _ = writer.write_all(&body).await;
    };
    let answered = async {
        let mut room = vec![0; 16 * 1024];
        while let Ok(1..) = reader.read(&mut room).await {}
    };
    tokio::join!(asking, answered);
}

/// Asks over HTTP/2.
pub(crate) async fn ask_two(connection: DuplexStream, head: &RequestHead, body: Bytes) {
    let Ok((mut send, driving)) = h2::client::handshake(connection).await else { return };
    let asked = async move {
        let Some(request) = request_of(head) else { return };
        let Ok((answer, mut upload)) = send.send_request(request, body.is_empty()) else { return };
        drop(send);
        let uploading = async {
            if !body.is_empty() {
                let _ = two::send(&mut upload, body, true).await;
            }
        };
        let downloading = async {
            let Ok(answer) = answer.await else { return };
            let mut body = answer.into_body();
            while let Some(Ok(data)) = body.data().await {
                let _ = body.flow_control().release_capacity(data.len());
            }
            let _ = body.trailers().await;
        };
        tokio::join!(uploading, downloading);
    };
    let _ = tokio::join!(driving, asked);
}

fn request_of(head: &RequestHead) -> Option<Request<()>> {
    let uri = Uri::builder()
        .scheme(head.scheme.as_str())
        .authority(head.authority.as_str())
        .path_and_query(head.path.as_str())
        .build()
        .ok()?;
    let request = Request::builder().method(head.method.as_str()).uri(uri);
    let mut request = request.version(http::Version::HTTP_2).body(()).ok()?;
    *request.headers_mut() = two::header_map(&head.headers);
    Some(request)
}
