//! The agent: where it is, and its stream of answers.

use std::fmt;
use std::thread;
use std::time::Duration;

use http::uri::PathAndQuery;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

use super::message::{X509SvidRequest, X509SvidResponse};

/// Where an agent is asked.
pub(super) struct Agent {
    endpoint: Endpoint,
    name: String,
}

/// Why there is nothing from an agent.
#[derive(Debug, Clone)]
pub struct SpiffeError(String);

/// How long is waited before it is asked again: so long at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

const VARIABLE: &str = "SPIFFE_ENDPOINT_SOCKET";

impl Agent {
    pub(super) fn at(endpoint: Option<&str>) -> Result<Self, SpiffeError> {
        let from_env = || std::env::var(VARIABLE).ok().filter(|one| !one.is_empty());
        let name = endpoint.map(str::to_owned).or_else(from_env).ok_or_else(|| {
            SpiffeError(format!("no SPIFFE endpoint: {VARIABLE} is not set, and none was given"))
        })?;
        // SPIFFE_Workload_Endpoint.md, section 4: a socket by its absolute path, or an address with a port.
        let uri = match (name.strip_prefix("unix:"), name.strip_prefix("tcp://")) {
            (Some(path), _) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                path.starts_with('/').then(|| format!("unix://{path}"))
            }
            (_, Some(address)) => address
                .parse::<std::net::SocketAddr>()
                .ok()
                .map(|address| format!("http://{address}")),
            _ => None,
        };
        let uri = uri.ok_or_else(|| {
            SpiffeError::new(&name, "an endpoint is unix:///PATH or tcp://ADDRESS:PORT")
        })?;
        let endpoint =
            Endpoint::from_shared(uri).map_err(|error| SpiffeError::new(&name, &told(&error)))?;
        Ok(Self { endpoint, name })
    }

    /// Calls `hear` with each response, and with each failure, in a thread of its own, until it returns
    /// false.
    pub(super) fn follow(
        self,
        mut hear: impl FnMut(Result<X509SvidResponse, String>) -> bool + Send + 'static,
    ) -> Result<(), SpiffeError> {
        let name = self.name.clone();
        let cannot = move |error: std::io::Error| SpiffeError::new(&name, &error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(&cannot)?;
        let run = async move {
            let mut pause = PAUSE.0;
            loop {
                let mut heard = false;
                let ended = self.listen(&mut hear, &mut heard).await;
                let Err(why) = ended else { return };
                if !hear(Err(format!("{}: {why}", self.name))) {
                    return;
                }
                pause = if heard { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
                tokio::time::sleep(pause).await;
            }
        };
        let thread = thread::Builder::new().name("spiffe".to_owned());
        thread.spawn(move || runtime.block_on(run)).map_err(cannot)?;
        Ok(())
    }

    /// `Ok`: `hear` returned false.
    async fn listen(
        &self,
        hear: &mut impl FnMut(Result<X509SvidResponse, String>) -> bool,
        heard: &mut bool,
    ) -> Result<(), String> {
        let channel = self.endpoint.connect().await.map_err(|error| told(&error))?;
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await.map_err(|error| told(&error))?;
        let mut request = Request::new(X509SvidRequest {});
        // SPIFFE_Workload_Endpoint.md, section 6.1: against requests that were forged by way of a browser.
        request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
        let path = PathAndQuery::from_static("/SpiffeWorkloadAPI/FetchX509SVID");
        let codec = ProstCodec::<X509SvidRequest, X509SvidResponse>::default();
        let refused = |status: tonic::Status| match status.code() {
            tonic::Code::PermissionDenied => {
                format!("the agent issued no identity to this program ({})", status.message())
            }
            _ => told(&status),
        };
        let answers = grpc.server_streaming(request, path, codec).await.map_err(refused)?;
        let mut answers = answers.into_inner();
        while let Some(answer) = answers.message().await.map_err(refused)? {
            *heard = true;
            if !hear(Ok(answer)) {
                return Ok(());
            }
        }
        Err("the agent closed the connection".to_owned())
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

impl SpiffeError {
    pub(super) fn new(endpoint: &str, why: &str) -> Self {
        match why.starts_with(endpoint) {
            true => Self(why.to_owned()),
            false => Self(format!("{endpoint}: {why}")),
        }
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for SpiffeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SpiffeError {}
