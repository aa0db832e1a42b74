//! A peer that follows the protocol until the handshake is complete, with whatever certificate,
//! and then says what it likes. It is rustls with its traffic keys taken out.

use std::sync::Arc;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::server::ProducesTickets;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ClientConnection, Connection, ConnectionTrafficSecrets, RootCertStore,
    ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sealwire::ProtocolVersion;
use sealwire::pki::Certificate;

use crate::pair::End;
use crate::peers::credentials::credentials;

/// The certificates of `name` as rustls sends them.
pub(crate) fn chain(name: &str) -> Vec<CertificateDer<'static>> {
    let pem = std::fs::read(credentials().files(name).cert).expect("made");
    let all = Certificate::all_from_pem(&pem).expect("certificates");
    all.iter().map(|one| CertificateDer::from(one.der().to_vec())).collect()
}

/// `chain` shown with the key of `key_of`, whether it fits or not.
pub(crate) fn identity(chain: Vec<CertificateDer<'static>>, key_of: &str) -> Arc<SingleCertAndKey> {
    let key = PrivateKeyDer::from_pem_file(credentials().files(key_of).key).expect("made");
    let key = provider::sign::any_supported_type(&key).expect("a key for TLS");
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)))
}

/// A server of one version that shows `identity`.
pub(crate) fn server(version: ProtocolVersion, identity: Arc<SingleCertAndKey>) -> Connection {
    server_in_records(version, identity, None)
}

/// The same in records of at most so many bytes; 32 is the least that rustls makes.
pub(crate) fn server_in_records(
    version: ProtocolVersion,
    identity: Arc<SingleCertAndKey>,
    of: Option<usize>,
) -> Connection {
    let mut config = ServerConfig::builder_with_provider(chacha())
        .with_protocol_versions(&[rustls_version(version)])
        .expect("a version")
        .with_no_client_auth()
        .with_cert_resolver(identity);
    config.enable_secret_extraction = true;
    config.send_tls13_tickets = 0;
    config.max_fragment_size = of;
    ServerConnection::new(Arc::new(config)).expect("a server").into()
}

/// The same with tickets of its own making.
pub(crate) fn server_with_tickets(
    version: ProtocolVersion,
    identity: Arc<SingleCertAndKey>,
    tickets: Arc<dyn ProducesTickets>,
) -> Connection {
    let mut config = ServerConfig::builder_with_provider(chacha())
        .with_protocol_versions(&[rustls_version(version)])
        .expect("a version")
        .with_no_client_auth()
        .with_cert_resolver(identity);
    config.ticketer = tickets;
    ServerConnection::new(Arc::new(config)).expect("a server").into()
}

/// A client of one version that shows `identity`.
pub(crate) fn client(version: ProtocolVersion, identity: Arc<SingleCertAndKey>) -> Connection {
    client_in_records(version, identity, None)
}

/// The same in records of at most so many bytes; 32 is the least that rustls makes.
pub(crate) fn client_in_records(
    version: ProtocolVersion,
    identity: Arc<SingleCertAndKey>,
    of: Option<usize>,
) -> Connection {
    let mut roots = RootCertStore::empty();
    roots.add(chain("ca").remove(0)).expect("a root");
    let mut config = ClientConfig::builder_with_provider(chacha())
        .with_protocol_versions(&[rustls_version(version)])
        .expect("a version")
        .with_root_certificates(roots)
        .with_client_cert_resolver(identity);
    config.enable_secret_extraction = true;
    config.max_fragment_size = of;
    let name = "localhost".try_into().expect("a name");
    ClientConnection::new(Arc::new(config), name).expect("a client").into()
}

/// One round: what either side has to say reaches the other. False when nobody has.
pub(crate) fn exchange(ours: &mut End, theirs: &mut Connection) -> bool {
    let to_them = ours.output();
    feed(theirs, &to_them);
    let to_us = output(theirs);
    ours.receive(&to_us);
    !to_them.is_empty() || !to_us.is_empty()
}

/// Gives `bytes` to rustls. What it thinks of them comes out as its alert.
pub(crate) fn feed(theirs: &mut Connection, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        theirs.read_tls(&mut rest).expect("a slice");
        let _ = theirs.process_new_packets();
    }
}

pub(crate) fn output(theirs: &mut Connection) -> Vec<u8> {
    let mut out = Vec::new();
    while theirs.wants_write() {
        theirs.write_tls(&mut out).expect("a vector");
    }
    out
}

/// The sending half of a complete connection.
pub(crate) struct Rogue {
    key: LessSafeKey,
    iv: [u8; 12],
    next: u64,
    version: ProtocolVersion,
}

impl Rogue {
    /// Takes over from rustls, whose handshake is complete.
    pub(crate) fn take_over(theirs: Connection, version: ProtocolVersion) -> Self {
        let secrets = theirs.dangerous_extract_secrets().expect("extraction is enabled");
        let (next, ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv }) = secrets.tx else {
            panic!("only this suite is offered")
        };
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).expect("32 bytes");
        let iv = iv.as_ref().try_into().expect("12 bytes");
        Self { key: LessSafeKey::new(key), iv, next, version }
    }

    /// A record of any type with any body.
    pub(crate) fn record(&mut self, kind: u8, body: &[u8]) -> Vec<u8> {
        self.next += 1;
        self.seal(self.next - 1, kind, body)
    }

    /// The first TLS 1.2 record that was sent under these keys, with `more` behind its body.
    pub(crate) fn lengthen_first(&self, record: &[u8], more: &[u8]) -> Vec<u8> {
        let mut body = record[5..].to_vec();
        let aad = self.aad(0, record[0], body.len() - 16);
        let body = self.key.open_in_place(self.nonce(0), aad, &mut body).expect("of these keys");
        self.seal(0, record[0], &[body, more].concat())
    }

    fn seal(&self, sequence: u64, kind: u8, body: &[u8]) -> Vec<u8> {
        let mut sealed = body.to_vec();
        let mut outer = kind;
        if self.version == ProtocolVersion::Tls13 {
            sealed.push(kind);
            outer = 23;
        }
        let aad = self.aad(sequence, outer, sealed.len());
        self.key
            .seal_in_place_append_tag(self.nonce(sequence), aad, &mut sealed)
            .expect("no limit is reached");
        [&header(outer, sealed.len())[..], &sealed].concat()
    }

    /// RFC 8446, 5.2, and RFC 5246, 6.2.3.3.
    fn aad(&self, sequence: u64, kind: u8, length: usize) -> Aad<Vec<u8>> {
        Aad::from(match self.version {
            ProtocolVersion::Tls13 => header(kind, length + 16).to_vec(),
            _ => [&sequence.to_be_bytes()[..], &header(kind, length)].concat(),
        })
    }

    fn nonce(&self, sequence: u64) -> Nonce {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
            *byte ^= number;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

fn header(kind: u8, length: usize) -> [u8; 5] {
    let [high, low] = u16::try_from(length).expect("a record").to_be_bytes();
    [kind, 3, 3, high, low]
}

fn rustls_version(version: ProtocolVersion) -> &'static SupportedProtocolVersion {
    match version {
        ProtocolVersion::Tls12 => &rustls::version::TLS12,
        _ => &rustls::version::TLS13,
    }
}

fn chacha() -> Arc<CryptoProvider> {
    let mut provider = provider::default_provider();
    provider.cipher_suites.retain(|suite| format!("{suite:?}").contains("CHACHA20"));
    Arc::new(provider)
}
