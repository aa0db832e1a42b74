//! Node's tls module judges us. Another binary than the installed one is named by `NODE`.

mod certificates;
mod facts;
mod features;
#[path = "../hellos/mod.rs"]
mod hellos;
#[path = "../peers/mod.rs"]
mod peers;
mod refused_clients;
mod refused_servers;
mod resumption;
mod rules;
mod settings;
mod streams;
mod verdicts;

use std::path::PathBuf;
use std::process::Command;

use peers::Peer;
use peers::credentials::credentials;
use sealwire::ProtocolVersion;
use serde_json::{Value, json};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::Tls12, ProtocolVersion::Tls13];

fn present() -> bool {
    peers::present("openssl") && peers::present(program())
}

fn program() -> String {
    std::env::var("NODE").unwrap_or_else(|_| "node".to_owned())
}

/// Node with one of the scripts beside this file's peers.
fn script(name: &str) -> Command {
    let mut command = Command::new(program());
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name));
    command
}

/// Node's client, which takes one command after another.
struct NodeClient(Peer);

impl NodeClient {
    fn start() -> Self {
        Self(Peer::start(&mut script("client.js")))
    }

    /// Connects to localhost at `port`, with more options of `tls.connect`.
    fn connect(&mut self, port: u16, more: Value) -> Value {
        self.ask(port, more);
        self.seen()
    }

    /// Has it connect; [`seen`](Self::seen) waits for what it saw.
    fn ask(&mut self, port: u16, more: Value) {
        let mut command = json!({ "port": port, "host": "127.0.0.1", "servername": "localhost" });
        extend(&mut command, more);
        self.0.say(&format!("{command}\n"));
    }

    fn seen(&mut self) -> Value {
        seen(&mut self.0)
    }
}

/// Node's server that says lines backwards.
struct NodeServer {
    peer: Peer,
    port: u16,
}

impl NodeServer {
    /// Shows the certificate `shown`, with more options of `tls.createServer`.
    fn start(shown: &str, more: Value) -> Self {
        let mut options = identity(shown);
        extend(&mut options, more);
        let mut peer = Peer::start(script("server.js").arg(options.to_string()));
        let port = peer.port("PORT");
        Self { peer, port }
    }

    /// What it saw of the next client.
    fn seen(&mut self) -> Value {
        seen(&mut self.peer)
    }
}

fn seen(peer: &mut Peer) -> Value {
    let line = peer.line("SEEN ");
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"))
}

fn extend(options: &mut Value, more: Value) {
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    options.as_object_mut().expect("an object").extend(more);
}

/// The options that show the certificate of this name; none for the empty name.
fn identity(shown: &str) -> Value {
    if shown.is_empty() {
        return json!({});
    }
    let files = credentials().files(shown);
    json!({ "cert": files.cert, "key": files.key })
}

/// The files of the certificates named.
fn files(names: &str) -> Vec<PathBuf> {
    names.split_whitespace().map(|name| credentials().files(name).cert).collect()
}

/// OpenSSL 3.0 calls the older alerts by an older name than 3.5.
fn same_code(ours: &str, nodes: &Value) -> bool {
    nodes
        .as_str()
        .is_some_and(|nodes| nodes == ours || nodes == ours.replace("SSL/TLS_ALERT", "SSLV3_ALERT"))
}
