//! What Node knows of a connection, value by value, against what we know of it.

use std::collections::BTreeSet;
use std::path::Path;

use sealwire::pki::sha256_fingerprint;
use sealwire::{
    Acceptor, ClientAuth, Connector, KeyLogFile, ProtocolVersion, SecureContext, Session,
    TlsStream, TrustStore,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::peers::credentials::{context, credentials};
use crate::peers::{Peer, in_time};
use crate::{VERSIONS, present, script, seen};

/// Our side of one connection after another, with the key log lines of each.
struct Ours {
    folder: tempfile::TempDir,
    count: usize,
}

impl Ours {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), count: 0 }
    }

    fn next_log(&mut self) -> (std::path::PathBuf, KeyLogFile) {
        self.count += 1;
        let path = self.folder.path().join(format!("{}.log", self.count));
        let file = KeyLogFile::open(&path).unwrap();
        (path, file)
    }
}

fn lines(path: &Path) -> BTreeSet<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares everything that both sides have to agree on.
fn same(session: &Session, nodes: &Value, key_log: &Path, case: &str) {
    let peer = session.peer().unwrap();
    assert_eq!(nodes["protocol"], peer.protocol().name(), "{case}");
    let cipher = peer.cipher();
    assert_eq!(
        nodes["cipher"],
        json!({
            "name": cipher.openssl_name(),
            "standardName": cipher.iana_name(),
            "version": cipher.protocol().name(),
        }),
        "{case}"
    );
    assert_eq!(nodes["reused"], peer.is_resumed(), "{case}");
    assert_eq!(nodes["finished"], hex(session.peer_finished().unwrap()), "{case}");
    assert_eq!(nodes["peerFinished"], hex(session.finished().unwrap()), "{case}");
    for (index, context) in [None, Some(&b""[..]), Some(b"context")].into_iter().enumerate() {
        let mut material = [0; 40];
        session.export_keying_material(&mut material, "EXPERIMENTAL-sealwire", context).unwrap();
        assert_eq!(nodes["exported"][index], hex(material), "{case} {context:?}");
    }
    let theirs: BTreeSet<String> = serde_json::from_value(nodes["keylog"].clone()).unwrap();
    assert_eq!(lines(key_log), theirs, "{case}");
}

/// The schemes that both have, by both sides, as far as every OpenSSL and we have them: it has no
/// ML-DSA before 3.5, and we have no SHA-224, DSA and Ed448.
fn same_schemes(session: &Session, nodes: &Value, case: &str) {
    let everywhere = |name: &str| {
        let only_somewhere = ["ml-dsa", "SHA224", "DSA+SHA", "Ed448"];
        name.starts_with("ECDSA+") && !name.ends_with("SHA224")
            || !only_somewhere.iter().any(|part| name.contains(part))
    };
    let schemes = session.shared_signature_schemes().iter();
    let ours: BTreeSet<_> = schemes.map(|scheme| scheme.openssl_name()).collect();
    let theirs: BTreeSet<&str> =
        nodes["sigalgs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    // The engine keeps what a TLS 1.3 client cannot sign with from us.
    let peer = session.peer().unwrap();
    let no_pkcs1 = peer.protocol() == ProtocolVersion::Tls13 && peer.ocsp_response().is_some();
    let restricted = |names: BTreeSet<&str>| -> Vec<String> {
        let kept = |name: &&str| everywhere(name) && !(no_pkcs1 && name.starts_with("RSA+"));
        names.into_iter().filter(kept).map(str::to_owned).collect()
    };
    assert_eq!(restricted(ours), restricted(theirs), "{case}");
}

async fn finish(mut stream: TlsStream<TcpStream>) -> Session {
    let mut rest = Vec::new();
    in_time(stream.read_to_end(&mut rest)).await.unwrap();
    // The stream may be at its end; the facts stay.
    stream.into_inner().session
}

fn fixed(version: ProtocolVersion, more: Value) -> Value {
    let files = credentials().files("client");
    let mut options = json!({
        "ca": credentials().files("ca").cert, "cert": files.cert, "key": files.key,
        "minVersion": version.name(), "maxVersion": version.name(),
    });
    crate::extend(&mut options, more);
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_client_knows_the_same_as_our_server() {
    if !present() {
        return;
    }
    let mut ours = Ours::new();
    for version in VERSIONS {
        let identity = credentials().identity("p256").with_ocsp_response(b"a staple");
        let server = SecureContext::builder().identity(identity).trust(credentials().trust("ca"));
        let acceptor = Acceptor::new(server.build().unwrap()).client_auth(ClientAuth::Request);
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = tcp.local_addr().unwrap().port();
        let options = fixed(version, json!({ "requestOCSP": true }));
        let mut node = Peer::start(script("facts.js").arg("client").arg(options.to_string()));
        for resumed in [false, true] {
            let (path, file) = ours.next_log();
            node.say(&format!("{port}\n"));
            let (io, _) = in_time(tcp.accept()).await.unwrap();
            let mut stream = acceptor.clone().key_log(file).accept(io).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.shutdown().await.unwrap();
            let session = finish(stream).await;
            let nodes = seen(&mut node);
            let case = format!("{version} resumed: {resumed} {nodes}");
            assert_eq!(nodes["reused"], resumed, "{case}");
            same(&session, &nodes, &path, &case);
            assert_eq!(session.peer().unwrap().server_name(), Some("localhost"));
            let told = match (resumed, version) {
                (false, _) => json!([hex(b"a staple")]),
                (true, ProtocolVersion::Tls12) => json!([]),
                (true, _) => json!([null]),
            };
            assert_eq!(nodes["ocsp"], told, "{case}");
            assert_eq!(nodes["own"], fingerprint("client"), "{case}");
            let sent = if resumed { vec![] } else { vec![fingerprint("p256"), fingerprint("ca")] };
            assert_eq!(nodes["chain"], json!(sent), "{case}");
            let chain = chain(&session, &credentials().trust("ca"));
            assert_eq!(chain, [fingerprint("client"), fingerprint("ca")]);
            same_schemes(&session, &nodes, &case);
            assert_eq!(session.shared_signature_schemes().is_empty(), resumed, "{case}");
            if !resumed {
                let group = session.ephemeral_key().unwrap();
                let ephemeral = match group.bits() {
                    Some(bits) => {
                        json!({ "type": group.kind(), "name": group.openssl_name(), "size": bits })
                    }
                    None => json!({ "type": group.kind(), "name": group.openssl_name() }),
                };
                assert_eq!(nodes["ephemeral"], ephemeral, "{case}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_server_knows_the_same_as_our_client() {
    if !present() {
        return;
    }
    let mut ours = Ours::new();
    for version in VERSIONS {
        let files = credentials().files("p256");
        let options = json!({
            "cert": files.cert, "key": files.key, "ca": credentials().files("ca").cert,
            "requestCert": true, "staple": "a staple",
        });
        let mut node = Peer::start(script("facts.js").arg("server").arg(options.to_string()));
        let port = node.port("PORT");
        let client = context("client", "ca").versions(version..=version).build().unwrap();
        let connector = Connector::new(client).request_ocsp(true);
        for resumed in [false, true] {
            let (path, file) = ours.next_log();
            let io = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let connector = connector.clone().key_log(file);
            let mut stream =
                in_time(connector.connect("localhost".parse().unwrap(), io)).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            let session = finish(stream).await;
            let nodes = seen(&mut node);
            let case = format!("{version} resumed: {resumed} {nodes}");
            assert_eq!(nodes["reused"], resumed, "{case}");
            same(&session, &nodes, &path, &case);
            // On a connection resumed in TLS 1.2 Node's server has forgotten the name; ours has not.
            let forgotten = resumed && version == ProtocolVersion::Tls12;
            assert_eq!(nodes["servername"].as_str(), (!forgotten).then_some("localhost"), "{case}");
            assert_eq!(session.ocsp_response(), (!resumed).then_some(&b"a staple"[..]), "{case}");
            assert_eq!(nodes["own"], fingerprint("p256"), "{case}");
            assert_eq!(nodes["chain"], json!([fingerprint("client"), fingerprint("ca")]), "{case}");
            let chain = chain(&session, &credentials().trust("ca"));
            assert_eq!(chain, [fingerprint("p256"), fingerprint("ca")]);
            let shown = ["client", "ca"].map(|name| credentials().certificate(name));
            assert_eq!(session.local_certificates(), shown, "{case}");
            same_schemes(&session, &nodes, &case);
            assert_eq!(session.shared_signature_schemes().is_empty(), resumed, "{case}");
        }
    }
}

fn chain(session: &Session, trust: &TrustStore) -> Vec<String> {
    let peer = session.peer().unwrap();
    let issuers = peer.issuers(trust);
    let all = peer.certificate().into_iter().chain(&issuers);
    all.map(|certificate| sha256_fingerprint(certificate.der())).collect()
}

fn fingerprint(name: &str) -> String {
    sha256_fingerprint(credentials().trust(name).certificates()[0].der())
}
