//! Clients that break the protocol in the last flight of a handshake of TLS 1.3, which is encrypted:
//! each gets the alert for it. They are rustls with an AEAD that seals something else.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::cipher::{
    AeadKey, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundOpaqueMessage,
    OutboundPlainMessage, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider, aws_lc_rs as provider};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, ContentType, Error, RootCertStore,
    SignatureAlgorithm, SignatureScheme, SupportedCipherSuite, Tls13CipherSuite,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use sealwire::{ClientAuth, ServerOptions, Session};

use crate::pair::End;
use crate::peers::credentials::{context, credentials};
use crate::peers::present;
use crate::rogue;

/// What becomes of the first record that is sealed under each key: type and content.
type Twist = fn(ContentType, Vec<u8>) -> (ContentType, Vec<u8>);

/// What becomes of the client's bytes on the way.
type Change = fn(&mut Vec<u8>);

/// A client that seals by `twist`, and shows `shown`.
fn client(twist: Twist, shown: Option<Arc<dyn ResolvesClientCert>>) -> rustls::Connection {
    let SupportedCipherSuite::Tls13(suite) = provider::cipher_suite::TLS13_AES_256_GCM_SHA384
    else {
        panic!("a suite of TLS 1.3")
    };
    let aead = Box::leak(Box::new(Twisted(suite.aead_alg, twist)));
    let suite: &'static Tls13CipherSuite = Box::leak(Box::new(Tls13CipherSuite {
        common: CipherSuiteCommon {
            suite: suite.common.suite,
            hash_provider: suite.common.hash_provider,
            confidentiality_limit: suite.common.confidentiality_limit,
        },
        hkdf_provider: suite.hkdf_provider,
        aead_alg: aead,
        quic: None,
    }));
    let mut provider: CryptoProvider = provider::default_provider();
    provider.cipher_suites = vec![SupportedCipherSuite::Tls13(suite)];
    let mut roots = RootCertStore::empty();
    roots.add(rogue::chain("ca").remove(0)).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        Some(shown) => config.with_client_cert_resolver(shown),
        None => config.with_no_client_auth(),
    };
    ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap().into()
}

/// Talks with our server to the end; what the server says of it, and the alert that the client gets.
fn told(theirs: rustls::Connection, client_auth: ClientAuth) -> (String, Option<u8>) {
    told_on_the_way(theirs, client_auth, |_| {})
}

/// The same, with the client's bytes changed on the way.
fn told_on_the_way(
    mut theirs: rustls::Connection,
    client_auth: ClientAuth,
    change: Change,
) -> (String, Option<u8>) {
    // One hello, so that it is known what comes behind it.
    let context = context("p256", "ca").retry_for_post_quantum(false).build().unwrap();
    let options = ServerOptions::new().client_auth(client_auth);
    let mut ours = End::new(Session::server(&context, &options));
    let mut alert = None;
    for _ in 0..6 {
        let mut sent = rogue::output(&mut theirs);
        change(&mut sent);
        ours.receive(&sent);
        let said = ours.output();
        let mut rest = &said[..];
        while !rest.is_empty() {
            theirs.read_tls(&mut rest).unwrap();
            if let Err(Error::AlertReceived(received)) = theirs.process_new_packets() {
                alert = Some(received.into());
            }
        }
    }
    let error = ours.error.expect("it is refused");
    (error.code().to_owned(), alert)
}

#[test]
fn faults_under_encryption_get_their_alerts() {
    if !present("openssl") {
        return;
    }
    let cases: [(&str, Twist, &str, u8); 6] = [
        ("an empty alert", |_, _| (ContentType::Alert, vec![]), "ERR_SSL_INVALID_ALERT", 10),
        (
            "a heartbeat",
            |_, _| (ContentType::Heartbeat, vec![1, 0, 0]),
            "ERR_SSL_UNEXPECTED_RECORD",
            10,
        ),
        ("no content type", |_, _| (0.into(), vec![0; 20]), "ERR_SSL_BAD_RECORD_TYPE", 10),
        (
            "a Finished that is too long",
            |kind, mut finished| {
                finished.push(0);
                finished[3] += 1;
                (kind, finished)
            },
            "ERR_SSL_BAD_DIGEST_LENGTH",
            50,
        ),
        (
            "another Finished",
            |kind, mut finished| {
                finished[7] ^= 1;
                (kind, finished)
            },
            "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
            51,
        ),
        (
            "a message that is none",
            |kind, _| (kind, vec![99, 0, 0, 0]),
            "ERR_SSL_UNEXPECTED_MESSAGE",
            10,
        ),
    ];
    for (what, twist, code, number) in cases {
        let (said, alert) = told(client(twist, None), ClientAuth::None);
        assert_eq!((said.as_str(), alert), (code, Some(number)), "{what}");
    }
}

/// RFC 8446, 5.2: once there are keys, every record is application data from outside, also one that
/// could be decrypted.
#[test]
fn a_record_that_is_not_application_data_from_outside_gets_its_alert() {
    if !present("openssl") {
        return;
    }
    let changes: [(&str, Change); 2] = [
        ("the type alone", |sent| {
            if let [20, _, _, 0, 1, 1, kind @ 23, ..] = &mut sent[..] {
                *kind = 22;
            }
        }),
        ("not encrypted", |sent| {
            if let [20, _, _, 0, 1, 1, 23, ..] = sent[..] {
                sent.truncate(6);
                sent.extend([22, 3, 3, 0, 52, 20, 0, 0, 48]);
                sent.extend([9; 48]);
            }
        }),
    ];
    for (what, change) in changes {
        let theirs = client(|kind, content| (kind, content), None);
        let (said, alert) = told_on_the_way(theirs, ClientAuth::None, change);
        assert_eq!((said.as_str(), alert), ("ERR_SSL_UNEXPECTED_MESSAGE", Some(10)), "{what}");
    }
}

/// RFC 8446, 4.2.3: a scheme of TLS 1.3 names the curve.
#[test]
fn a_key_of_another_curve_than_the_schemes_gets_its_alert() {
    if !present("openssl") {
        return;
    }
    let key = PrivateKeyDer::from_pem_file(credentials().files("p256").key).unwrap();
    let key = Arc::new(Mismatched(provider::sign::any_supported_type(&key).unwrap()));
    let shown = CertifiedKey::new(rogue::chain("p256"), key);
    let shown = Arc::new(rustls::sign::SingleCertAndKey::from(shown));
    let theirs = client(|kind, content| (kind, content), Some(shown));
    let (said, alert) = told(theirs, ClientAuth::Request);
    assert_eq!((said.as_str(), alert), ("ERR_SSL_WRONG_SIGNATURE_TYPE", Some(47)));
}

/// A key on P-256 that says it signs for P-384.
#[derive(Debug)]
struct Mismatched(Arc<dyn SigningKey>);

#[derive(Debug)]
struct MismatchedSigner(Box<dyn Signer>);

impl SigningKey for Mismatched {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0.choose_scheme(offered).map(|signer| Box::new(MismatchedSigner(signer)) as _)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl Signer for MismatchedSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP384_SHA384
    }
}

struct Twisted(&'static dyn Tls13AeadAlgorithm, Twist);

impl Tls13AeadAlgorithm for Twisted {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(TwistedEncrypter(self.0.encrypter(key, iv), self.1))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.0.decrypter(key, iv)
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }
}

struct TwistedEncrypter(Box<dyn MessageEncrypter>, Twist);

impl MessageEncrypter for TwistedEncrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        number: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        if number > 0 {
            return self.0.encrypt(message, number);
        }
        let (typ, content) = self.1(message.typ, message.payload.to_vec());
        let payload = OutboundChunks::Single(&content);
        self.0.encrypt(OutboundPlainMessage { typ, version: message.version, payload }, number)
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        self.0.encrypted_payload_len(payload_len)
    }
}
