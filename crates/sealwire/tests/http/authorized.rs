//! Who is behind a request: a yes, or no handler.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sealwire::http::{Authorized, HttpsConnector, PeerInfo, grpc};
use sealwire::{Acceptor, ClientAuth, Connector, Listener, SecureContext};

use super::support::{Ca, Pair, in_time};
use super::who::{WhoServer, ask, name};

fn router() -> Router {
    Router::new()
        .route("/who", get(|client: Authorized| async move { name(&client) }))
        .route(
            "/maybe",
            get(|client: Option<Authorized>| async move {
                client.as_ref().map_or_else(|| "nobody".to_owned(), name)
            }),
        )
        .route(
            "/seen",
            get(|ConnectInfo(info): ConnectInfo<PeerInfo>| async move {
                assert!(info.address().is_some());
                info.peer().certificate().map(|one| one.subject().to_string()).unwrap_or_default()
            }),
        )
}

/// Whether the service is told of connections.
#[derive(Clone, Copy)]
enum Exposed {
    Yes,
    No,
}

async fn serve(ca: &Ca, client_auth: ClientAuth, told: Exposed) -> SocketAddr {
    let context = SecureContext::builder().identity(ca.server().identity()).trust(ca.trust());
    let acceptor = Acceptor::new(context.build().unwrap()).client_auth(client_auth);
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        match told {
            Exposed::Yes => {
                let service = router().into_make_service_with_connect_info::<PeerInfo>();
                axum::serve(listener, service).await
            }
            Exposed::No => axum::serve(listener, router()).await,
        }
    });
    address
}

fn connector(ca: &Ca, client: Option<&Pair>) -> Connector {
    let builder = SecureContext::builder().trust(ca.trust());
    let builder = match client {
        Some(client) => builder.identity(client.identity()),
        None => builder,
    };
    Connector::new(builder.build().unwrap())
}

/// Status and body, and whom the client believes to talk to.
async fn fetch(connector: Connector, address: SocketAddr, path: &str) -> (u16, String, String) {
    let client = Client::builder(TokioExecutor::new())
        .build::<_, Empty<Bytes>>(HttpsConnector::new(connector));
    let url = format!("https://localhost:{}{path}", address.port());
    let response = in_time(client.get(url.parse().unwrap())).await.unwrap();
    let server = Authorized::of(response.extensions()).expect("it is verified");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap(), name(&server))
}

#[tokio::test]
async fn an_axum_handler_knows_its_client_or_is_not_run() {
    let ca = Ca::new("CA");
    let (alice, mallory) = (ca.client("alice"), Ca::new("other").client("alice"));
    let asking = serve(&ca, ClientAuth::Request, Exposed::Yes).await;
    let silent = serve(&ca, ClientAuth::None, Exposed::Yes).await;
    let blind = serve(&ca, ClientAuth::Request, Exposed::No).await;
    let refused = "this service needs a client certificate";
    let cases = [
        (asking, Some(&alice), "/who", 200, "alice".to_owned()),
        (asking, Some(&alice), "/maybe", 200, "alice".to_owned()),
        (asking, Some(&alice), "/seen", 200, "CN=alice".to_owned()),
        (
            asking,
            Some(&mallory),
            "/who",
            403,
            format!("{refused}: UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        ),
        (asking, Some(&mallory), "/maybe", 200, "nobody".to_owned()),
        (asking, Some(&mallory), "/seen", 200, "CN=alice".to_owned()),
        (asking, None, "/maybe", 200, "nobody".to_owned()),
        (silent, Some(&alice), "/who", 403, refused.to_owned()),
        (silent, Some(&alice), "/maybe", 200, "nobody".to_owned()),
        (blind, Some(&alice), "/who", 500, "internal error".to_owned()),
        (blind, Some(&alice), "/maybe", 500, "internal error".to_owned()),
    ];
    for (address, client, path, status, body) in cases {
        let told = fetch(connector(&ca, client), address, path).await;
        assert_eq!(told, (status, body, "localhost".to_owned()), "{path}");
    }
    let (status, told, _) = fetch(connector(&ca, None), asking, "/who").await;
    assert_eq!(status, 403);
    assert!(told.starts_with(refused), "{told}");
}

#[tokio::test]
async fn curl_is_known_by_its_certificate() {
    if !sealwire_testing::installed("curl") {
        return;
    }
    let ca = Ca::new("CA");
    let address = serve(&ca, ClientAuth::Request, Exposed::Yes).await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    ca.client("alice").put(dir.path(), "alice");
    std::fs::write(at("ca.pem"), ca.certificate().to_pem()).unwrap();
    let (url, trusted) = (format!("https://localhost:{}/who", address.port()), at("ca.pem"));
    let curl = |more: &[String]| {
        let mut curl = tokio::process::Command::new("curl");
        curl.args(["-sS", "--max-time", "60", "--noproxy", "*", "--cacert", &trusted]).args(more);
        curl.arg(&url).output()
    };
    let own = ["--cert".to_owned(), at("alice.pem"), "--key".to_owned(), at("alice.key")];
    let known = in_time(curl(&own)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&known.stdout), "alice", "{known:?}");
    let unknown = in_time(curl(&[])).await.unwrap();
    assert!(String::from_utf8_lossy(&unknown.stdout).starts_with("this service needs"));
}

#[tokio::test]
async fn a_grpc_service_knows_its_client() {
    let ca = Ca::new("CA");
    let context = SecureContext::builder().identity(ca.server().identity()).trust(ca.trust());
    let acceptor =
        Acceptor::new(context.build().unwrap()).client_auth(ClientAuth::Request).alpn(["h2"]);
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tonic::transport::Server::builder()
        .serve_with_incoming(WhoServer, grpc::Incoming::new(listener));
    tokio::spawn(server);
    let endpoint = grpc::endpoint(&format!("https://localhost:{port}").parse().unwrap()).unwrap();
    let alice = grpc::channel(&endpoint, connector(&ca, Some(&ca.client("alice"))));
    assert_eq!(in_time(ask(alice)).await.unwrap(), "alice");
    let nobody = grpc::channel(&endpoint, connector(&ca, None));
    let refused = in_time(ask(nobody)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated, "{refused}");
    // The name in the certificate is the host's, and nothing else will do.
    let other = grpc::endpoint(&format!("https://127.0.0.1:{port}").parse().unwrap()).unwrap();
    let astray = grpc::channel(&other, connector(&ca, None));
    assert_eq!(in_time(ask(astray)).await.unwrap_err().code(), tonic::Code::Unavailable);
}
