//! An agent that gives what a test tells it to give, by the protocol of SPIFFE_Workload_API.md.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use sealwire::pki::{
    CertificateBuilder, ExtendedKeyUsage, KeyAlgorithm, PrivateKey, Subject, SubjectAltName,
};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::body::Body;
use tonic::server::{Grpc, ServerStreamingService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::support::{Ca, Pair};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Answer {
    #[prost(message, repeated, tag = "1")]
    svids: Vec<Entry>,
    #[prost(map = "string, bytes", tag = "3")]
    federated: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Entry {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(bytes = "vec", tag = "2")]
    chain: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    bundle: Vec<u8>,
}

/// A trust domain with its CA.
pub(crate) struct Domain {
    name: &'static str,
    pub(crate) ca: Ca,
}

pub(crate) struct Svid {
    pub(crate) id: String,
    pub(crate) pair: Pair,
    pub(crate) bundle: Vec<u8>,
}

impl Domain {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, ca: Ca::new(name) }
    }

    pub(crate) fn svid(&self, path: &str) -> Svid {
        self.svid_as(&format!("spiffe://{}{path}", self.name))
    }

    pub(crate) fn svid_as(&self, id: &str) -> Svid {
        let usages = [ExtendedKeyUsage::SERVER_AUTH, ExtendedKeyUsage::CLIENT_AUTH];
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let names: [SubjectAltName; 1] = [id.parse().unwrap()];
        let certificate = CertificateBuilder::new(Subject::from_common_name("workload").unwrap())
            .names(names)
            .extended_key_usage(usages)
            .signed_by(&self.ca.0, key.spki_der())
            .unwrap();
        let pair = Pair { certificate, key };
        Svid { id: id.to_owned(), pair, bundle: self.ca.certificate().der().to_vec() }
    }
}

type Given = Option<Result<Answer, ()>>;

pub(crate) struct Agent {
    socket: PathBuf,
    given: watch::Sender<Given>,
    served: JoinHandle<()>,
}

impl Agent {
    pub(crate) fn start(socket: PathBuf) -> Self {
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListenerStream::new(UnixListener::bind(&socket).unwrap());
        let (given, watched) = watch::channel(None);
        let served = tokio::spawn(async move {
            let server = tonic::transport::Server::builder();
            server.serve_with_incoming(Api(watched), listener).await.unwrap();
        });
        Self { socket, given, served }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    pub(crate) fn give(&self, svid: &Svid, federated: &[&Domain]) {
        let entry = Entry {
            id: svid.id.clone(),
            chain: svid.pair.certificate.der().to_vec(),
            key: svid.pair.key.to_pkcs8_der().to_vec(),
            bundle: svid.bundle.clone(),
        };
        let bundle = |domain: &&Domain| {
            (format!("spiffe://{}", domain.name), domain.ca.certificate().der().to_vec())
        };
        let federated = federated.iter().map(bundle).collect();
        self.given.send_replace(Some(Ok(Answer { svids: vec![entry], federated })));
    }

    /// As an agent that does not know its caller.
    pub(crate) fn refuse(&self) {
        self.given.send_replace(Some(Err(())));
    }

    /// Goes away, with all its connections; gives the place of its socket.
    pub(crate) async fn stop(self) -> PathBuf {
        let Self { socket, given, served } = self;
        drop(given);
        served.abort();
        let _ = served.await;
        socket
    }
}

#[derive(Clone)]
struct Api(watch::Receiver<Given>);

impl Service<http::Request<Body>> for Api {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let api = self.clone();
        Box::pin(async move {
            assert_eq!(request.uri().path(), "/SpiffeWorkloadAPI/FetchX509SVID");
            let mut grpc = Grpc::new(ProstCodec::<Answer, Empty>::default());
            Ok(grpc.server_streaming(api, request).await)
        })
    }
}

type Answers = Pin<Box<dyn tokio_stream::Stream<Item = Result<Answer, Status>> + Send>>;

impl ServerStreamingService<Empty> for Api {
    type Response = Answer;
    type ResponseStream = Answers;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answers>, Status>> + Send>>;

    fn call(&mut self, request: Request<Empty>) -> Self::Future {
        let (send, receive) = tokio::sync::mpsc::channel(1);
        let mut given = self.0.clone();
        let header = request.metadata().get("workload.spiffe.io").cloned();
        Box::pin(async move {
            if header.is_none_or(|value| value != "true") {
                return Err(Status::invalid_argument("security header missing"));
            }
            given.mark_changed();
            tokio::spawn(async move {
                while given.changed().await.is_ok() {
                    let answer = given.borrow_and_update().clone();
                    let answer = match answer {
                        None => continue,
                        Some(Ok(answer)) => Ok(answer),
                        Some(Err(())) => Err(Status::permission_denied("no identity issued")),
                    };
                    if send.send(answer).await.is_err() {
                        break;
                    }
                }
            });
            let stream = tokio_stream::wrappers::ReceiverStream::new(receive);
            Ok(Response::new(Box::pin(stream) as Answers))
        })
    }
}
