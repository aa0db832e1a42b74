//! gRPC with mutual TLS by tonic. The service knows who calls; the channel is made once, and connects
//! with the context of its moment. (Generated services are served by `add_service` just so; this one is
//! written by hand to need no compiler of protocol buffers.)

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use sealwire::http::{Authorized, grpc};
use sealwire::pki::{
    CertificateBuilder, ExtendedKeyUsage, Issuer, KeyAlgorithm, PrivateKey, Subject,
};
use sealwire::{Acceptor, ClientAuth, Connector, Identity, Listener, SecureContext, TrustStore};
use tonic::body::Body;
use tonic::server::UnaryService;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// The method that says who calls it.
struct Who;

impl UnaryService<String> for Who {
    type Response = String;
    type Future = Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let answer = || {
            let client = Authorized::of(request.extensions())?; // or the call ends here
            let subject = client.certificate().map(|one| one.subject());
            let name = subject.as_ref().and_then(|subject| subject.common_name());
            Ok(Response::new(format!("hello, {}", name.unwrap_or("you"))))
        };
        ready(answer())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let ca_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let subject = Subject::from_common_name("Example CA")?;
    let ca = CertificateBuilder::new(subject).authority(None).self_signed(&ca_key)?;
    let ca = Issuer::new(ca, ca_key)?;
    let trust = TrustStore::from_certificates([ca.certificate().clone()])?;
    let context = |name: &str, usage| -> Result<SecureContext, Box<dyn Error>> {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        let certificate = CertificateBuilder::new(Subject::from_common_name(name)?)
            .names([name.parse()?])
            .extended_key_usage([usage])
            .signed_by(&ca, key.spki_der())?;
        let identity = Identity::new(vec![certificate], &key)?;
        Ok(SecureContext::builder().identity(identity).trust(trust.clone()).build()?)
    };

    let acceptor = Acceptor::new(context("localhost", ExtendedKeyUsage::SERVER_AUTH)?)
        .client_auth(ClientAuth::Require)
        .alpn(["h2"]);
    let listener = Listener::bind("127.0.0.1:0", acceptor).await?;
    let url = format!("https://localhost:{}", listener.local_addr()?.port());
    let server = tonic::transport::Server::builder();
    tokio::spawn(server.serve_with_incoming(Greeter, grpc::Incoming::new(listener)));

    let connector = Connector::new(context("alice", ExtendedKeyUsage::CLIENT_AUTH)?);
    let channel = grpc::channel(&grpc::endpoint(&url.parse()?)?, connector);
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let path = http::uri::PathAndQuery::from_static("/example.Greeter/Who");
    let codec = ProstCodec::<String, String>::default();
    println!("{}", client.unary(Request::new(String::new()), path, codec).await?.into_inner());
    Ok(())
}

#[derive(Clone)]
struct Greeter;

impl tower_service::Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async {
            let codec = ProstCodec::<String, String>::default();
            Ok(tonic::server::Grpc::new(codec).unary(Who, request).await)
        })
    }
}
