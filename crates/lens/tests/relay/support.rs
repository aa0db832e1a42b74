//! A proxy of ours, what it told, and folders.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use sealwire::TrustStore;
use sealwire::pki::{
    Certificate, CertificateBuilder, Issuer, KeyAlgorithm, PrivateKey, Subject, SubjectAltName,
};
use sealwire_lens::flow::{Event, HandshakeFacts, Leg, Recorder, RequestHead, ResponseHead, What};
use sealwire_lens::intercept::{Authority, Proxy, Settings};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long anything may take that has to happen.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Keeps events, for tests.
#[derive(Default)]
pub(crate) struct Memory {
    events: Mutex<Vec<Event>>,
    more: Condvar,
}

impl Recorder for Memory {
    fn record(&self, event: Event) {
        self.events.lock().unwrap().push(event);
        self.more.notify_all();
    }
}

/// A proxy that runs as long as this lives.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) memory: Arc<Memory>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) proxy: Arc<Proxy>,
    _stop: oneshot::Sender<()>,
}

/// Starts a proxy; `change` has the last word about its settings.
pub(crate) async fn start(change: impl FnOnce(&mut Settings)) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(Authority::throw_away(&[]).unwrap());
    change(&mut settings);
    std::fs::write(folder.path().join("ca.pem"), settings.authority.certificate().to_pem())
        .unwrap();
    let memory = Arc::new(Memory::default());
    let proxy = Arc::new(Proxy::new(settings, memory.clone(), 1).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = proxy.clone();
    tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        serving.serve(listener, stopped, Duration::ZERO).await.unwrap();
    });
    Running { address, memory, folder, proxy, _stop: stop }
}

impl Running {
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// curl through this proxy.
    pub(crate) fn curl(&self) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "", "--max-time", "50", "-x", &self.url(), "--cacert"]);
        curl.arg(self.ca());
        curl
    }
}

impl Memory {
    /// Waits until `find` finds something in what was told.
    pub(crate) fn wait<T>(&self, find: impl Fn(&[Event]) -> Option<T>) -> T {
        let mut events = self.events.lock().unwrap();
        loop {
            if let Some(found) = find(&events) {
                return found;
            }
            let (locked, timeout) = self.more.wait_timeout(events, SOON).unwrap();
            events = locked;
            assert!(!timeout.timed_out(), "it was not told, among {} events", events.len());
        }
    }

    /// The same, off the threads that serve.
    pub(crate) async fn told<T: Send + 'static>(
        self: &Arc<Self>,
        find: impl Fn(&[Event]) -> Option<T> + Send + 'static,
    ) -> T {
        let memory = self.clone();
        tokio::task::spawn_blocking(move || memory.wait(find)).await.unwrap()
    }

    pub(crate) fn all(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> Vec<RequestHead> {
        let of = |event: Event| match event.what {
            What::Request { head, .. } => Some(*head),
            _ => None,
        };
        self.all().into_iter().filter_map(of).collect()
    }

    pub(crate) fn responses(&self) -> Vec<ResponseHead> {
        let of = |event: Event| match event.what {
            What::Response { head, .. } => Some(*head),
            _ => None,
        };
        self.all().into_iter().filter_map(of).collect()
    }

    pub(crate) fn handshakes(&self, of: Leg) -> Vec<HandshakeFacts> {
        let of = |event: Event| match event.what {
            What::Handshake { leg, facts, .. } if leg == of => Some(*facts),
            _ => None,
        };
        self.all().into_iter().filter_map(of).collect()
    }

    /// The fault of the connection that ended first.
    pub(crate) async fn fault(self: &Arc<Self>) -> Option<String> {
        self.told(|events| {
            events.iter().find_map(|event| match &event.what {
                What::Disconnected { fault, .. } => Some(fault.clone()),
                _ => None,
            })
        })
        .await
    }
}

/// A CA for origins, and what it has signed.
pub(crate) struct Pki {
    issuer: Issuer,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let subject = Subject::from_common_name("origins of this test").unwrap();
        let root = CertificateBuilder::new(subject).authority(None).self_signed(&key).unwrap();
        Self { issuer: Issuer::new(root, key).unwrap() }
    }

    pub(crate) fn root(&self) -> &Certificate {
        self.issuer.certificate()
    }

    pub(crate) fn trust(&self) -> TrustStore {
        TrustStore::from_pem(self.root().to_pem()).unwrap()
    }

    /// A certificate for these names, and its key.
    pub(crate) fn leaf(&self, names: &[&str]) -> (Certificate, PrivateKey) {
        let names: Vec<SubjectAltName> = names.iter().map(|name| name.parse().unwrap()).collect();
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let builder = CertificateBuilder::for_names(names).unwrap();
        (builder.signed_by(&self.issuer, key.spki_der()).unwrap(), key)
    }

    /// The same, in the files `NAME.pem` and `NAME.key`.
    pub(crate) fn leaf_files(
        &self,
        folder: &Path,
        file: &str,
        names: &[&str],
    ) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.leaf(names);
        let paths = (folder.join(format!("{file}.pem")), folder.join(format!("{file}.key")));
        std::fs::write(&paths.0, certificate.to_pem()).unwrap();
        std::fs::write(&paths.1, key.to_pem().as_bytes()).unwrap();
        paths
    }
}

/// Runs a program off the threads that serve.
pub(crate) async fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Its standard output, when it succeeded.
#[track_caller]
pub(crate) fn ok(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    assert!(
        output.status.success(),
        "{:?}: {} {}",
        output.status,
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    );
    String::from_utf8_lossy(out).into_owned()
}
