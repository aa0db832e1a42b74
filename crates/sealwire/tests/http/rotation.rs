//! One client object lives through changes of key and CA, under load: no request fails, and what is
//! connected anew has the new identity.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::IntoResponse;
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sealwire::http::{Authorized, HttpsConnector, PeerInfo, grpc};
use sealwire::pki::Purpose;
use sealwire::{Acceptor, ClientAuth, Connector, Listener, Live};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::mount::Mount;
use super::support::{Ca, in_time};
use super::who::{WhoServer, ask, name};

/// How many ask at the same time.
const WORKERS: usize = 8;

/// Both ends, each with a mount of its own.
struct Scene {
    _dir: tempfile::TempDir,
    server: Mount,
    client: Mount,
    acceptor: Acceptor,
    connector: Connector,
}

impl Scene {
    fn new(ca: &Ca) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Mount::new(dir.path().join("server"), &ca.server(), &[ca]);
        let client = Mount::new(dir.path().join("client"), &ca.client("v0"), &[ca]);
        let live = Live::default();
        let watched = server.watched(Purpose::Server).live(&live).start().unwrap();
        let acceptor = Acceptor::new(watched).client_auth(ClientAuth::Require).live(live);
        let connector = Connector::new(client.watched(Purpose::Client).start().unwrap());
        Self { _dir: dir, server, client, acceptor, connector }
    }

    /// Changes both ends' keys again and again while `ask` is called: as often as `SOAK_SECONDS` says, once a
    /// second; a few times at once without.
    async fn change_and_change<F>(mut self, ca: &Ca, ask: impl Fn() -> F + Clone + Send + 'static)
    where
        F: Future<Output = Result<String, String>> + Send,
    {
        let soak = std::env::var("SOAK_SECONDS").ok().map(|text| text.parse().expect("a number"));
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut load = Load::begin(ask);
        for version in 1..=soak.unwrap_or(5) {
            let name = format!("v{version}");
            self.server.swap(&ca.server(), &[ca]);
            self.client.swap(&ca.client(&name), &[ca]);
            load.hear(&name).await;
            if soak.is_some() {
                second.tick().await;
            }
        }
        let asked = load.end().await;
        println!("asked {asked} times, and no request failed");
    }

    /// Rotates keys, then the CA, while `ask` is called again and again.
    async fn rotate<F>(mut self, old: &Ca, ask: impl Fn() -> F + Clone + Send + 'static)
    where
        F: Future<Output = Result<String, String>> + Send,
    {
        let new = Ca::new("new");
        let mut load = Load::begin(ask);
        load.hear("v0").await;
        for version in ["v1", "v2"] {
            self.server.swap(&old.server(), &[old]);
            self.client.swap(&old.client(version), &[old]);
            load.hear(version).await;
        }
        // Both are trusted, then the new one is used, then the old one is gone.
        self.server.swap(&old.server(), &[old, &new]);
        self.client.swap(&old.client("v3"), &[old, &new]);
        load.hear("v3").await;
        self.server.swap(&new.server(), &[old, &new]);
        self.client.swap(&new.client("v4"), &[old, &new]);
        load.hear("v4").await;
        load.settle("v4").await;
        self.client.swap(&new.client("v5"), &[&new]);
        load.hear("v5").await;
        load.settle("v5").await;
        self.server.swap(&new.server(), &[&new]);
        let made = new.client("v6");
        self.client.swap(&made, &[&new]);
        load.hear("v6").await;
        load.settle("v6").await;
        let asked = load.end().await;
        assert!(asked > 100, "{asked}");
    }
}

/// Those who ask, and what they are told.
struct Load {
    told: UnboundedReceiver<Result<String, String>>,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Load {
    fn begin<F>(ask: impl Fn() -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Result<String, String>> + Send,
    {
        let (tell, told) = unbounded_channel();
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..WORKERS {
            let (ask, tell) = (ask.clone(), tell.clone());
            let (stop, asked) = (stop.clone(), asked.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let told = ask().await;
                    asked.fetch_add(1, Ordering::Relaxed);
                    if tell.send(told).is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            });
        }
        Self { told, stop, asked }
    }

    async fn next(&mut self) -> String {
        let told = in_time(self.told.recv()).await.expect("they ask");
        told.expect("no request fails")
    }

    /// Until somebody is known by this name.
    async fn hear(&mut self, name: &str) {
        while self.next().await != name {}
    }

    /// Until all are, and have been for a while.
    async fn settle(&mut self, name: &str) {
        let mut in_a_row = 0;
        while in_a_row < 20 * WORKERS {
            in_a_row = if self.next().await == name { in_a_row + 1 } else { 0 };
        }
    }

    /// Ends, and says how often was asked.
    async fn end(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(told) = in_time(self.told.recv()).await {
            told.expect("no request fails");
        }
        self.asked.load(Ordering::Relaxed)
    }
}

/// A server that ends every fourth connection in good order, so that pools connect anew.
async fn serve(acceptor: Acceptor) -> String {
    let count = Arc::new(AtomicUsize::new(0));
    let who = move |client: Authorized| {
        let last = count.fetch_add(1, Ordering::Relaxed).is_multiple_of(4);
        async move {
            let mut response = name(&client).into_response();
            if last {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    };
    let service = Router::new().route("/", get(who));
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = service.into_make_service_with_connect_info::<PeerInfo>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    format!("https://localhost:{port}/")
}

/// Whether the connection ended under the call, as it does here ten times a second. tonic leaves it to
/// the caller to ask again, with any TLS. A refusal in a handshake comes again, and counts.
fn was_not_answered(status: &tonic::Status) -> bool {
    std::error::Error::source(status)
        .is_some_and(<dyn std::error::Error>::is::<tonic::transport::Error>)
}

type Asked = Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;

/// One client of hyper-util's, which asks there again and again.
fn asking(connector: &Connector, url: http::Uri) -> impl Fn() -> Asked + Clone + Send + 'static {
    let https = HttpsConnector::new(connector.clone());
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(https);
    move || {
        let asked = client.get(url.clone());
        Box::pin(async {
            let response = asked.await.map_err(|error| told(&error))?;
            let body = response.into_body().collect().await.map_err(|error| told(&error))?;
            String::from_utf8(body.to_bytes().to_vec()).map_err(|error| told(&error))
        })
    }
}

/// Everything that an error says.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        text = format!("{text}: {one}");
        cause = one.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_hyper_lives_through_rotation() {
    let ca = Ca::new("CA");
    let scene = Scene::new(&ca);
    let url: http::Uri = serve(scene.acceptor.clone()).await.parse().unwrap();
    let ask = asking(&scene.connector, url);
    scene.rotate(&ca, ask).await;
}

/// `just soak` has it change once a second for minutes.
#[tokio::test(flavor = "multi_thread")]
async fn soak_of_changes() {
    let ca = Ca::new("CA");
    let scene = Scene::new(&ca);
    let url: http::Uri = serve(scene.acceptor.clone()).await.parse().unwrap();
    let ask = asking(&scene.connector, url);
    scene.change_and_change(&ca, ask).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_reqwest_lives_through_rotation() {
    let ca = Ca::new("CA");
    let scene = Scene::new(&ca);
    let url = serve(scene.acceptor.clone()).await;
    let config = scene.connector.rustls_config().unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(config);
    let client = client.build().unwrap();
    let ask = move || {
        let asked = client.get(&url).send();
        async {
            let response = asked.await.map_err(|error| told(&error))?;
            response.text().await.map_err(|error| told(&error))
        }
    };
    scene.rotate(&ca, ask).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_tonic_lives_through_rotation() {
    let ca = Ca::new("CA");
    let scene = Scene::new(&ca);
    let acceptor = scene.acceptor.clone().alpn(["h2"]);
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // Connections end in good order, so that the channel connects anew.
    let server = tonic::transport::Server::builder()
        .max_connection_age(Duration::from_millis(100))
        .serve_with_incoming(WhoServer, grpc::Incoming::new(listener));
    tokio::spawn(server);
    let endpoint = grpc::endpoint(&format!("https://localhost:{port}").parse().unwrap()).unwrap();
    let channel = grpc::channel(&endpoint, scene.connector.clone());
    let asked = move || {
        let channel = channel.clone();
        async move {
            let mut tries = 0;
            loop {
                tries += 1;
                match ask(channel.clone()).await {
                    Err(status) if tries < 3 && was_not_answered(&status) => {}
                    told_back => return told_back.map_err(|status| told(&status)),
                }
            }
        }
    };
    scene.rotate(&ca, asked).await;
}
