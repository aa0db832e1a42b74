//! A gRPC service that says who calls it, written without generated code.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use sealwire::http::Authorized;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

#[derive(Clone)]
pub(crate) struct WhoServer;

impl Service<http::Request<Body>> for WhoServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async {
            let mut grpc = Grpc::new(ProstCodec::<String, String>::default());
            Ok(grpc.unary(Who, request).await)
        })
    }
}

struct Who;

impl UnaryService<String> for Who {
    type Response = String;
    type Future = Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let answer = || {
            let client = Authorized::of(request.extensions())?;
            assert!(client.address().is_some());
            Ok(Response::new(name(&client)))
        };
        ready(answer())
    }
}

/// The common name of a peer.
pub(crate) fn name(peer: &Authorized) -> String {
    let subject = peer.certificate().expect("it has shown one").subject();
    subject.common_name().expect("it has one").to_owned()
}

pub(crate) async fn ask(channel: Channel) -> Result<String, Status> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = http::uri::PathAndQuery::from_static("/test.Who/Am");
    let codec = ProstCodec::<String, String>::default();
    Ok(grpc.unary(Request::new(String::new()), path, codec).await?.into_inner())
}
