//! HTTP/2 between Node's client and Node's server: 1xx, trailers, both directions at once, and a
//! WebSocket over it (RFC 8441).

use sealwire_lens::flow::{Direction, FrameKind, HttpVersion, What};
use sealwire_testing::installed;

use crate::faithful::{client_of, tunnel};
use crate::origins::before;
use crate::support::{ok, run};

const ORIGIN: &str = r#"
const fs = require('fs'), http2 = require('http2');
const [cert, key] = process.argv.slice(2);
const server = http2.createSecureServer({
  cert: fs.readFileSync(cert), key: fs.readFileSync(key),
  settings: { enableConnectProtocol: true },
});
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  if (headers[':method'] === 'CONNECT') {
    // A WebSocket that greets, and says what it is told.
    stream.respond({ ':status': 200 });
    stream.write(Buffer.from([0x81, 2, 0x68, 0x69]));
    stream.on('data', (data) => stream.write(Buffer.from([0x82, 1, data.length])));
    stream.on('end', () => stream.end());
    return;
  }
  if (headers[':path'] === '/reset') return stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  stream.additionalHeaders({ ':status': 103, link: '</x>; rel=preload' });
  stream.respond({ ':status': 200, 'alt-svc': 'h3=":443"' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  // Each piece is answered before the next comes.
  stream.on('data', (data) => stream.write(`<${data}>`));
  stream.on('end', () => stream.end());
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"#;

const CLIENT: &str = r#"
const fs = require('fs'), http2 = require('http2'), net = require('net'), tls = require('tls');
const [proxy, port, ca] = process.argv.slice(2);
const socket = net.connect(Number(proxy), '127.0.0.1');
socket.write(`CONNECT localhost:${port} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
socket.once('data', () => {
  const over = tls.connect({ socket, servername: 'localhost', ca: fs.readFileSync(ca), ALPNProtocols: ['h2'] });
  const session = http2.connect(`https://localhost:${port}`, { createConnection: () => over });
  session.once('remoteSettings', async (settings) => {
    const said = { connect: settings.enableConnectProtocol };
    await new Promise((done) => {
      const stream = session.request({ ':method': 'POST', ':path': '/echo', trailers: 'x' }, { endStream: false });
      const pieces = [];
      stream.on('headers', (headers) => { said.early = headers[':status']; });
      stream.on('response', (headers) => { said.status = headers[':status']; said.altSvc = headers['alt-svc']; });
      stream.on('data', (data) => {
        pieces.push(String(data));
        if (pieces.length < 3) stream.write(String(pieces.length)); else stream.end();
      });
      stream.on('trailers', (trailers) => { said.trailers = trailers['grpc-status']; });
      stream.on('close', () => { said.pieces = pieces.join(''); done(); });
      stream.write('0');
    });
    await new Promise((done) => {
      const stream = session.request({ ':path': '/reset' });
      stream.on('error', () => {});
      stream.on('close', () => { said.reset = stream.rstCode; done(); });
    });
    await new Promise((done) => {
      const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws' }, { endStream: false });
      let heard = 0;
      stream.on('data', (data) => {
        heard += data.length;
        if (heard === 4) stream.write(Buffer.from([0x81, 0x83, 1, 2, 3, 4, 0x61 ^ 1, 0x62 ^ 2, 0x63 ^ 3]));
        if (heard === 7) stream.end();
      });
      stream.on('close', () => { said.heard = heard; done(); });
    });
    console.log(JSON.stringify(said));
    session.close();
  });
});
"#;

#[tokio::test(flavor = "multi_thread")]
async fn node_finds_at_the_proxy_what_it_would_find_at_the_origin() {
    if !installed("node") {
        return;
    }
    let (proxy, origin) = before(ORIGIN, |_| {}).await;
    let script = proxy.folder.path().join("client.js");
    std::fs::write(&script, CLIENT).unwrap();
    let mut client = std::process::Command::new("node");
    client.arg(script).args([proxy.address.port().to_string(), origin.port.to_string()]);
    client.arg(proxy.ca());
    let said = ok(&run(client).await);
    for part in [
        r#""connect":true"#,
        r#""early":103"#,
        r#""status":200"#,
        r#""trailers":"0""#,
        r#""pieces":"<0><1><2>""#,
        r#""reset":11"#,
        r#""heard":7"#,
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("altSvc"), "{said}");
    let requests = proxy.memory.requests();
    assert!(requests.iter().all(|head| head.version == HttpVersion::Http2), "{requests:?}");
    assert_eq!(requests[2].protocol.as_deref(), Some("websocket"));
    assert_eq!((requests[2].scheme.as_str(), requests[2].path.as_str()), ("wss", "/ws"));
    let frames: Vec<_> = proxy
        .memory
        .all()
        .into_iter()
        .filter_map(|event| match event.what {
            What::Frame(frame) => Some((frame.direction, frame.kind, frame.data)),
            _ => None,
        })
        .collect();
    assert_eq!(frames[0], (Direction::Response, FrameKind::Text, "hi".into()));
    assert_eq!(frames[1], (Direction::Request, FrameKind::Text, "abc".into()));
    assert_eq!(frames[2].1, FrameKind::Binary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resets_with_all_its_answers_is_no_fault() {
    if !installed("node") {
        return;
    }
    let (proxy, origin) = before(ORIGIN, |_| {}).await;
    let tcp = tunnel(&proxy, "localhost", origin.port).await;
    tcp.set_zero_linger().unwrap();
    let name = "localhost".parse().unwrap();
    let tls = client_of(&proxy, &["h2"]).connect(name, tcp).await.unwrap();
    let (mut send, connection) = h2::client::handshake(tls).await.unwrap();
    let driving = tokio::spawn(connection);
    let url = format!("https://localhost:{}/", origin.port);
    let request = http::Request::get(url).body(()).unwrap();
    let (answer, _) = send.send_request(request, true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    while let Some(piece) = body.data().await {
        piece.unwrap();
    }
    assert!(body.trailers().await.unwrap().is_some());
    proxy
        .memory
        .told(|events| {
            events.iter().any(|event| matches!(event.what, What::End { .. })).then_some(())
        })
        .await;
    // Without a word: a socket that does not linger is reset.
    driving.abort();
    let _ = driving.await;
    assert_eq!(proxy.memory.fault().await, None);
}
