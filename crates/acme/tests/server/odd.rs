//! Our client at CAs that do not do all that the standards say, as some do: ours, whose answers are
//! changed on their way.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sealwire::pki::{self, Certificate, KeyAlgorithm};
use sealwire::{Acceptor, Connector, Identity, Listener, SecureContext, TrustStore};
use sealwire_acme::client::{Fetched, Folder, Http, Login, Session, Webroot, issue};
use sealwire_acme::protocol::{Kind, Problem};
use sealwire_acme::server::{Check, Server, Settings};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::client::Ca;

/// A CA over TLS whose answers are changed, and a client of it.
struct Odd {
    session: Session,
    folder: tempfile::TempDir,
}

impl Odd {
    async fn new(server: Server, change: fn(&mut Value)) -> Self {
        let (certificate, key) = pki::self_signed(["localhost"]).unwrap();
        let identity = Identity::new(vec![certificate.clone()], &key).unwrap();
        let context = SecureContext::builder().identity(identity).build().unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = tcp.local_addr().unwrap().port();
        let mut listener = Listener::new(tcp, Acceptor::new(context).alpn(["http/1.1"]));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request: Request<Incoming>| {
                        let server = server.clone();
                        async move { Ok::<_, Infallible>(changed(&server, request, change).await) }
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        let trust = TrustStore::from_certificates([certificate]).unwrap();
        let context = SecureContext::builder().trust(trust).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kept = Folder::open(folder.path()).unwrap();
        let server = format!("https://localhost:{port}/directory");
        let login = Login { server, contact: Vec::new(), eab: None };
        let http = Http::new(Connector::new(context));
        Self { session: Session::open(&login, &kept, &http).await.unwrap(), folder }
    }

    async fn issue(&self, replaces: Option<&Certificate>) -> Result<Fetched, String> {
        let solver = Webroot(self.folder.path().join("web"));
        let names = ["app.test".to_owned()];
        let kind = KeyAlgorithm::EcdsaP256;
        issue(&self.session, &names, None, replaces, kind, &solver).await.map_err(|e| e.to_string())
    }
}

async fn changed(
    server: &Server,
    request: Request<Incoming>,
    change: fn(&mut Value),
) -> Response<Full<hyper::body::Bytes>> {
    let (parts, body) = server.handle(request).await.into_parts();
    let Ok(body) = body.collect().await;
    let mut body = body.to_bytes();
    if let Ok(mut value) = serde_json::from_slice(&body) {
        change(&mut value);
        body = value.to_string().into();
    }
    Response::from_parts(parts, Full::new(body))
}

/// acme2certifier 0.46 takes `replaces`, and does not say so again.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_does_not_say_what_it_replaces_is_made_without() {
    let ca = Ca::new();
    let forgets = |value: &mut Value| {
        if let Some(object) = value.as_object_mut() {
            object.remove("replaces");
        }
    };
    let odd = Odd::new(ca.server(), forgets).await;
    let first = odd.issue(None).await.unwrap();
    let first = Certificate::all_from_pem(first.chain.as_bytes()).unwrap().swap_remove(0);
    let second = odd.issue(Some(&first)).await.unwrap();
    assert!(!second.chain.contains(&first.to_pem()));
    // One that says so again, and has it replaced once: the next is ordered without, too.
    let odd = Odd::new(ca.server(), |_| {}).await;
    let first = odd.issue(None).await.unwrap();
    let first = Certificate::all_from_pem(first.chain.as_bytes()).unwrap().swap_remove(0);
    for _ in 0..2 {
        odd.issue(Some(&first)).await.unwrap();
    }
}

/// The same leaves an order pending for ever when a name is not proved.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_stays_pending_is_told_by_its_names() {
    let ca = Ca::new();
    let check: Check = Arc::new(|_| {
        Box::pin(async { Err(Problem::new(Kind::Connection, "nothing listens there")) })
    });
    let server = ca.server_with(Settings::default(), check);
    let pending = |value: &mut Value| {
        if value["identifiers"].is_array() && value["status"] == "invalid" {
            value["status"] = "pending".into();
            value.as_object_mut().expect("an order").remove("error");
        }
    };
    let refused = Odd::new(server, pending).await.issue(None).await.err().expect("it is refused");
    assert!(refused.contains("nothing listens there (connection)"), "{refused}");
}
