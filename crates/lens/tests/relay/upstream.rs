//! The way to an origin through another proxy.

use sealwire_lens::flow::{Entrance, What};
use sealwire_lens::intercept::UpstreamProxy;
use sealwire_testing::installed;

use crate::origins::{BOTH, before, node};
use crate::support::{ok, run, start};

/// Node's HTTP as a proxy with a user, which knows a name that nobody else does.
const OTHER: &str = r#"
const http = require('http'), net = require('net');
const user = `Basic ${Buffer.from('me:secret').toString('base64')}`;
const server = http.createServer();
server.on('connect', (request, client, head) => {
  if (request.headers['proxy-authorization'] !== user) {
    return client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
  }
  const [host, port] = request.url.split(':');
  const origin = net.connect(port, host === 'only-there.test' ? '127.0.0.1' : host, () => {
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    origin.write(head);
    origin.pipe(client).pipe(origin);
  });
  origin.on('error', () => client.destroy());
  client.on('error', () => origin.destroy());
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"#;

const PLAIN: &str = "const server = require('http').createServer((q, r) => r.end(`plain ${q.url}`)); \
                     server.listen(0, '127.0.0.1', () => console.log(server.address().port));";

#[tokio::test(flavor = "multi_thread")]
async fn origins_are_reached_through_another_proxy() {
    if !(installed("curl") && installed("node")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let other = node(folder.path(), OTHER, &[]);
    let upstream: UpstreamProxy = format!("http://127.0.0.1:{}", other.port).parse().unwrap();
    let known = upstream.clone().user("me:secret");
    let (proxy, origin) = before(BOTH, |settings| settings.upstream = Some(known)).await;
    let url = format!("https://localhost:{}/a", origin.port);
    let mut curl = proxy.curl();
    curl.args(["-d", "12345", &url]);
    assert_eq!(ok(&run(curl).await), "POST /a 5");
    // In plain, too, and names are looked up there.
    let plain = node(folder.path(), PLAIN, &[]);
    let url = format!("http://only-there.test:{}/x", plain.port);
    let mut curl = proxy.curl();
    curl.arg(&url);
    assert_eq!(ok(&run(curl).await), "plain /x");

    let stranger = start(|settings| settings.upstream = Some(upstream)).await;
    let mut curl = stranger.curl();
    curl.args(["-w", "%{http_code}", &url]);
    let page = ok(&run(curl).await);
    assert!(page.contains("requires authentication") && page.ends_with("502"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_are_reached_by_socks() {
    if !(installed("curl") && installed("node")) {
        return;
    }
    let inner = start(|_| {}).await;
    let at = format!("socks5://{}", inner.address);
    let outer = start(|settings| settings.upstream = Some(at.parse().unwrap())).await;
    let plain = node(outer.folder.path(), PLAIN, &[]);
    let mut curl = outer.curl();
    curl.arg(format!("http://localhost:{}/x", plain.port));
    assert_eq!(ok(&run(curl).await), "plain /x");
    assert_eq!(inner.memory.requests().len(), 1);
    let by_socks = |what: &What| matches!(what, What::Connected { entrance: Entrance::Socks5, .. });
    assert!(inner.memory.all().iter().any(|event| by_socks(&event.what)));
}
