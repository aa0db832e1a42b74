//! A tunnel that runs, plain servers behind it, and files for both.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use sealwire::pki::{
    Certificate, CertificateBuilder, CrlBuilder, ExtendedKeyUsage, Issuer, KeyAlgorithm,
    PrivateKey, RevocationReason, Revoked, Subject, SubjectAltName, Validity,
};
use sealwire::{Connector, Identity, SecureContext, TlsStream, TrustStore};
use serde_json::Value;

use super::peers::{Folder, Ran};

/// How long anything may take that is waited for. Only a test that fails takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running `seal tunnel`; killed when dropped.
pub(crate) struct Tunnel {
    child: Child,
    lines: Receiver<Value>,
    seen: VecDeque<Value>,
}

impl Tunnel {
    /// Starts `seal tunnel` with this command line, split at blanks, and waits until it serves.
    #[track_caller]
    pub(crate) fn start(dir: &Folder, line: &str) -> Self {
        Self::start_with(dir, line, |_| {})
    }

    /// The same, with a command that may be changed before it is run.
    #[track_caller]
    pub(crate) fn start_with(dir: &Folder, line: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seal"));
        command.arg("tunnel").args(line.split_whitespace());
        if !line.starts_with("run") {
            command.args(["--log-format", "json", "--log", "debug"]);
        }
        command.current_dir(dir.root()).stderr(Stdio::piped()).stdin(Stdio::null());
        change(&mut command);
        let mut child = command.spawn().expect("seal starts");
        let lines = read_lines(child.stderr.take().expect("piped"));
        Self { child, lines, seen: VecDeque::new() }
    }

    /// One service by flags: the address that it listens on is read from its log.
    #[track_caller]
    pub(crate) fn port(&mut self) -> u16 {
        self.port_of("server")
    }

    /// Where this service listens.
    #[track_caller]
    pub(crate) fn port_of(&mut self, service: &str) -> u16 {
        let said = self.wait(|e| e["message"] == "listening" && e["service"] == service);
        port(said["address"].as_str().expect("an address"))
    }

    /// Where the status page is.
    #[track_caller]
    pub(crate) fn status_port(&mut self) -> u16 {
        let said = self.wait(|e| e["message"] == "status page");
        port(said["address"].as_str().expect("an address"))
    }

    /// Waits for an event in the log. Those before it stay for other calls.
    #[track_caller]
    pub(crate) fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.seen.iter().position(&wanted) {
            return self.seen.remove(index).expect("just found");
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(event) if wanted(&event) => return event,
                Ok(event) => self.seen.push_back(event),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("not said in time; said: {:#?}", self.seen)
                }
                Err(RecvTimeoutError::Disconnected) => panic!("it ended; said: {:#?}", self.seen),
            }
        }
    }

    #[track_caller]
    pub(crate) fn wait_message(&mut self, message: &str) -> Value {
        self.wait(|event| event["message"] == message)
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Waits for its end; gives the exit code.
    pub(crate) fn ended(&mut self) -> i32 {
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; gives all that it said and nobody waited for.
    pub(crate) fn everything(&mut self) -> String {
        while let Ok(event) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push_back(event);
        }
        self.seen.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(stderr: ChildStderr) -> Receiver<Value> {
    let (said, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines() {
            let Ok(line) = line else { return };
            // A refusal to start is a line of text.
            let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
            if said.send(event).is_err() {
                return;
            }
        }
    });
    lines
}

pub(crate) fn port(address: &str) -> u16 {
    address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

/// A plain server on a port of its own, each connection in a thread.
pub(crate) struct Origin {
    pub(crate) port: u16,
    _thread: JoinHandle<()>,
}

impl Origin {
    /// Sends back what it gets, until there is no more.
    pub(crate) fn echo() -> Self {
        Self::new(|mut tcp| {
            let mut reader = tcp.try_clone().expect("a second handle");
            let _ = std::io::copy(&mut reader, &mut tcp);
        })
    }

    /// Says its name and ends.
    pub(crate) fn named(name: &'static str) -> Self {
        Self::new(move |mut tcp| {
            let _ = tcp.write_all(name.as_bytes());
        })
    }

    pub(crate) fn new(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let thread = std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let serve = serve.clone();
                std::thread::spawn(move || serve(tcp));
            }
        });
        Self { port, _thread: thread }
    }

    pub(crate) fn at(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// A port on which nobody listens.
pub(crate) fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// A CA in `ca.pem`; a server's certificate for localhost and a.test in `server.pem`, another for
/// b.test in `other.pem`, those of two clients, `alice.pem` (OU ops, a SPIFFE id) and `bob.pem` (OU
/// sales), each with its key beside it, `.key`; and a list of the CA that revokes nobody, `crl.pem`.
pub(crate) fn files() -> Files {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let name = Subject::from_common_name("Tunnel Tests").unwrap();
    let ca = CertificateBuilder::new(name).authority(None).self_signed(&key).unwrap();
    let files = Files { dir: Folder::new(), issuer: Issuer::new(ca.clone(), key).unwrap() };
    files.write("ca.pem", ca.to_pem());
    let server = ExtendedKeyUsage::SERVER_AUTH;
    files.issue("server", "/CN=localhost", &["localhost", "a.test", "127.0.0.1"], server);
    files.issue("other", "/CN=b.test", &["b.test", "localhost"], server);
    let client = ExtendedKeyUsage::CLIENT_AUTH;
    files.issue("alice", "/OU=ops/CN=alice", &["alice.test", "spiffe://td/ops/alice"], client);
    files.issue("bob", "/OU=sales/CN=bob", &["bob.test"], client);
    files.revoke(&[]);
    files
}

/// A folder of certificates, and the CA that issues them.
pub(crate) struct Files {
    dir: Folder,
    issuer: Issuer,
}

impl Deref for Files {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.dir
    }
}

impl Files {
    /// Issues `NAME.pem` and `NAME.key`.
    pub(crate) fn issue(&self, file: &str, subject: &str, names: &[&str], usage: ExtendedKeyUsage) {
        self.issue_for(file, subject, names, usage, Validity::days(30).unwrap());
    }

    /// The same, valid for this time.
    pub(crate) fn issue_for(
        &self,
        file: &str,
        subject: &str,
        names: &[&str],
        usage: ExtendedKeyUsage,
        validity: Validity,
    ) {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let names: Vec<SubjectAltName> = names.iter().map(|name| name.parse().unwrap()).collect();
        let certificate = CertificateBuilder::new(subject.parse().unwrap())
            .names(names)
            .extended_key_usage([usage])
            .validity(validity)
            .signed_by(&self.issuer, key.spki_der())
            .unwrap();
        self.replace(&format!("{file}.key"), key.to_pem().as_bytes());
        self.replace(&format!("{file}.pem"), certificate.to_pem().as_bytes());
    }

    /// Makes `crl.pem`, which revokes these and nobody else.
    pub(crate) fn revoke(&self, names: &[&str]) {
        let certificate = |name: &&str| {
            Certificate::all_from_pem(&self.read(&format!("{name}.pem"))).unwrap().remove(0)
        };
        let now = SystemTime::now();
        let crl = CrlBuilder {
            number: now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().into(),
            this_update: now - Duration::from_secs(60),
            next_update: now + Duration::from_secs(3600),
            revoked: names
                .iter()
                .map(|name| Revoked::now(&certificate(name), RevocationReason::KeyCompromise))
                .collect(),
        };
        self.replace("crl.pem", crl.signed_by(&self.issuer).unwrap().to_pem().as_bytes());
    }

    /// Puts a file in the place of another, as renewals do: never half written.
    pub(crate) fn replace(&self, name: &str, content: &[u8]) {
        self.write(&format!("{name}.new"), content);
        std::fs::rename(self.path(&format!("{name}.new")), self.path(name)).unwrap();
    }

    /// What a TLS client gets that says nothing: OpenSSL's, which checks the server.
    pub(crate) fn ask(&self, port: u16, more: &str) -> Ran {
        self.client(port, &format!("-quiet {more}"))
    }

    /// The same, with what OpenSSL has to tell of the connection.
    pub(crate) fn ask_told(&self, port: u16, more: &str) -> Ran {
        self.client(port, more)
    }

    fn client(&self, port: u16, more: &str) -> Ran {
        let line = format!(
            "s_client {more} -connect 127.0.0.1:{port} -CAfile ca.pem -verify_return_error \
             -no_ign_eof"
        );
        let words: Vec<_> = line.split_whitespace().collect();
        // Its input stays open until it ends: a client whose input ends hangs up.
        let mut command = Command::new("openssl");
        command.args(&words).current_dir(self.root()).stdin(Stdio::piped());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("openssl starts");
        let input = child.stdin.take();
        let output = child.wait_with_output().expect("it ends");
        drop(input);
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// A client that trusts the CA, and shows the certificate of `name`, if there is one.
    pub(crate) fn connector(&self, name: Option<&str>) -> Connector {
        let trust = TrustStore::from_pem_file(self.path("ca.pem")).unwrap();
        let mut builder = SecureContext::builder().trust(trust);
        if let Some(name) = name {
            let (chain, key) = (format!("{name}.pem"), format!("{name}.key"));
            let identity = Identity::from_pem_files(self.path(&chain), self.path(&key)).unwrap();
            builder = builder.identity(identity);
        }
        Connector::new(builder.build().unwrap())
    }
}

/// Connects over TLS.
pub(crate) async fn connect(connector: &Connector, port: u16) -> TlsStream<tokio::net::TcpStream> {
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    connector.connect("localhost".parse().unwrap(), tcp).await.unwrap()
}

/// Asks for a page over plain HTTP; gives status line and body.
pub(crate) fn get(port: u16, path: &str) -> (String, String) {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).expect("the status page listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// A running `openssl s_server` that turns lines round; killed when dropped.
pub(crate) struct SServer {
    child: Child,
    pub(crate) port: u16,
}

/// Starts one on a free port.
pub(crate) fn s_server(dir: &Folder, options: &str) -> SServer {
    let mut child = Command::new("openssl")
        .args("s_server -accept 127.0.0.1:0 -rev".split_whitespace())
        .args(options.split_whitespace())
        .current_dir(dir.root())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .stdin(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let port = loop {
        let mut line = String::new();
        assert_ne!(stdout.read_line(&mut line).expect("its output"), 0, "it ended");
        // `ACCEPT 127.0.0.1:40123`
        if let Some(address) = line.trim().strip_prefix("ACCEPT ") {
            break port(address);
        }
    };
    // Its further words must not fill the pipe.
    std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    SServer { child, port }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
