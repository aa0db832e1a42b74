//! HTTP to the CA, over Sealwire's connector.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use sealwire::Connector;

use super::Error;

/// One connection for each request: a renewal makes ten or twenty, and sessions are resumed.
#[derive(Clone)]
pub struct Http {
    connector: Connector,
    timeout: Duration,
}

/// The longest answer: chains are a few thousand bytes.
const LONGEST: usize = 1024 * 1024;

impl Http {
    /// With this trust in the CA's server. The connector's protocols should be `http/1.1`.
    #[must_use]
    pub fn new(connector: Connector) -> Self {
        Self { connector: connector.alpn(["http/1.1"]), timeout: Duration::from_secs(30) }
    }

    /// Posts JSON with a token, outside ACME: the status and the response.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(
        &self,
        url: &str,
        token: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), Error> {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| Error::at(url, e))?;
        let (parts, body) = self.send(request).await?.into_parts();
        let Ok(body) = body.collect().await;
        Ok((parts.status, body.to_bytes()))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Error> {
        let uri = request.uri().clone();
        let sending = self.exchange(request);
        let timeout = self.timeout;
        tokio::time::timeout(timeout, sending).await.unwrap_or_else(|_| {
            Err(Error::at(&uri, format!("no answer in {} s", timeout.as_secs())))
        })
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, Error> {
        let (mut parts, body) = request.into_parts();
        let uri = parts.uri.clone();
        let failed = |e: &dyn std::fmt::Display| Error::at(&uri, e);
        if uri.scheme_str() != Some("https") {
            return Err(failed(&"the URL of a CA must be https"));
        }
        let host = uri.host().ok_or_else(|| failed(&"it names no host"))?;
        let address = format!("{host}:{}", uri.port_u16().unwrap_or(443));
        let tls = self.connector.connect_to(&address).await.map_err(|e| failed(&e))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
            .await
            .map_err(|e| failed(&e))?;
        let connection = tokio::spawn(connection);
        let authority = uri.authority().map_or(host, |authority| authority.as_str());
        parts.headers.insert(HOST, authority.parse().map_err(|_| failed(&"a bad host"))?);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = path.parse::<Uri>().map_err(|e| failed(&e))?;
        let response =
            sender.send_request(Request::from_parts(parts, body)).await.map_err(|e| failed(&e))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(|e| failed(&e))?;
        connection.abort();
        Ok(Response::from_parts(parts, Full::new(body.to_bytes())))
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let http = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = Request::from_parts(parts, Full::new(body.to_bytes()));
            match http.send(request).await {
                Ok(response) => Ok(BytesResponse::from(response)),
                Err(e) => Err(instant_acme::Error::Other(Box::new(e))),
            }
        })
    }
}
