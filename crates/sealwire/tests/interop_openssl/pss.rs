//! Keys that are for RSASSA-PSS only, in TLS 1.3; OpenSSL makes them, too, and judges.

use std::path::PathBuf;
use std::process::Command;

use sealwire::pki::{Certificate, CertificateBuilder, KeyAlgorithm, PrivateKey};
use sealwire::{Acceptor, Connector, Error, Identity, ProtocolVersion, SecureContext, TrustStore};

use crate::only;
use crate::peers::net::{Server, call, run_with};
use crate::peers::{Peer, present, said};

/// A self-signed certificate and its key, in files.
struct Own {
    folder: tempfile::TempDir,
    certificate: Certificate,
    key: PrivateKey,
}

impl Own {
    fn new(key: PrivateKey) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder = CertificateBuilder::for_names(vec!["localhost".parse().unwrap()]).unwrap();
        let certificate = builder.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("cert.pem"), certificate.to_pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.to_pem().as_bytes()).unwrap();
        Self { folder, certificate, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn context(&self) -> sealwire::SecureContextBuilder {
        let identity = Identity::new(vec![self.certificate.clone()], &self.key).unwrap();
        let trust = TrustStore::from_certificates([self.certificate.clone()]).unwrap();
        SecureContext::builder().identity(identity).trust(trust)
    }
}

/// Ours, one of OpenSSL's, and one that OpenSSL restricts; with the digests that they sign with.
fn keys() -> Vec<(Own, &'static str)> {
    let made = |more: &str| {
        let line = format!("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 {more}");
        let output = Command::new("openssl").args(line.split_whitespace()).output().unwrap();
        let key = PrivateKey::from_pem(&output.stdout, None).unwrap();
        assert_eq!(key.algorithm(), KeyAlgorithm::RsaPss { bits: 2048 });
        key
    };
    let restricted = "-pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384 \
                      -pkeyopt rsa_pss_keygen_saltlen:32";
    vec![
        (Own::new(PrivateKey::generate(KeyAlgorithm::RsaPss { bits: 2048 }).unwrap()), "SHA256"),
        (Own::new(made("")), "SHA256"),
        (Own::new(made(restricted)), "SHA384"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pss_key_is_shown_in_tls_1_3() {
    if !present("openssl") {
        return;
    }
    for (own, digest) in keys() {
        let mut server = Server::start(Acceptor::new(own.context().build().unwrap())).await;
        let call = async |flag: &str| {
            let mut command = Command::new("openssl");
            command.args(["s_client", "-servername", "localhost", "-ign_eof", flag]);
            command.arg("-connect").arg(format!("127.0.0.1:{}", server.port));
            command.arg("-verify_return_error").arg("-CAfile").arg(own.path("cert.pem"));
            said(&run_with(&mut command, "hello\n").await)
        };
        let text = call("-tls1_3").await;
        assert!(text.contains("Peer signature type: RSA-PSS") && text.contains("olleh"), "{text}");
        assert!(text.contains(&format!("Peer signing digest: {digest}")), "{text}");
        let text = call("-tls1_2").await;
        assert!(text.contains("SSL alert number 40"), "{text}");
        assert!(server.seen().await.is_ok());
        let error = server.seen().await.expect_err("nothing in common");
        assert!(matches!(error, Error::Incompatible(_)), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_with_a_pss_key_is_held_to_it() {
    if !present("openssl") {
        return;
    }
    for (own, _) in keys() {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "0", "-rev", "-Verify", "1", "-verify_return_error"]);
        command.arg("-cert").arg(own.path("cert.pem")).arg("-key").arg(own.path("key.pem"));
        command.arg("-CAfile").arg(own.path("cert.pem"));
        let mut server = Peer::start(&mut command);
        let port = server.port("ACCEPT");
        // As the client, too: OpenSSL checks the signature by our key.
        let client = Connector::new(only(own.context(), ProtocolVersion::Tls13));
        let peer = call(&client, "localhost", port).await.expect("a good server");
        assert!(peer.authorized());
    }
}
