//! Our records against rustls': every suite, both roles, any writes, any split, keys changed at
//! any time.

#[path = "../pair/mod.rs"]
mod pair;

use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};

use pair::{End, records};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sealwire::pki::{CertificateBuilder, KeyAlgorithm, PrivateKey};
use sealwire::{
    ClientOptions, Error, Identity, ProtocolVersion, SecureContext, ServerOptions, Session,
    TrustStore,
};

/// The suites by their names at IANA, and the key of the certificate that each wants.
const SUITES: [(&str, Key); 9] = [
    ("TLS_AES_256_GCM_SHA384", Key::Ecdsa),
    ("TLS_AES_128_GCM_SHA256", Key::Ecdsa),
    ("TLS_CHACHA20_POLY1305_SHA256", Key::Rsa),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Key::Ecdsa),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Key::Ecdsa),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Key::Ecdsa),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Key::Rsa),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Key::Rsa),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Key::Rsa),
];

#[derive(Debug, Clone, Copy)]
enum Key {
    Ecdsa,
    Rsa,
}

/// A certificate, in both libraries' forms.
struct Material {
    identity: Identity,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKey,
    trust: TrustStore,
}

static MATERIAL: LazyLock<[Material; 2]> = LazyLock::new(|| {
    [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa { bits: 2048 }].map(|algorithm| {
        let key = PrivateKey::generate(algorithm).unwrap();
        let names = vec!["localhost".parse().unwrap()];
        let leaf = CertificateBuilder::for_names(names).unwrap().self_signed(&key).unwrap();
        Material {
            identity: Identity::new(vec![leaf.clone()], &key).unwrap(),
            chain: vec![CertificateDer::from(leaf.der().to_vec())],
            key,
            trust: TrustStore::from_certificates([leaf]).unwrap(),
        }
    })
});

/// An open connection between a session of ours and rustls.
struct Joined {
    ours: End,
    theirs: Connection,
    heard: Vec<u8>,
    tls13: bool,
}

impl Joined {
    fn open(suite: usize, we_are_client: bool) -> Self {
        let (name, key) = SUITES[suite];
        let material = &MATERIAL[key as usize];
        let mut provider = default_provider();
        // rustls spells those of TLS 1.3 in its own way.
        provider
            .cipher_suites
            .retain(|known| format!("{known:?}").replace("TLS13_", "TLS_") == name);
        assert_eq!(provider.cipher_suites.len(), 1, "{name}");
        let tls13 = provider.cipher_suites[0].tls13().is_some();
        let version = if tls13 { &rustls::version::TLS13 } else { &rustls::version::TLS12 };
        let provider = Arc::new(provider);
        let context = SecureContext::builder()
            .identity(material.identity.clone())
            .trust(material.trust.clone())
            .build()
            .unwrap();
        let (session, theirs) = if we_are_client {
            let options = ClientOptions::new("localhost".parse().unwrap()).resume(false);
            let key = PrivateKeyDer::try_from(material.key.to_pkcs8_der().to_vec()).unwrap();
            let config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[version])
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(material.chain.clone(), key)
                .unwrap();
            let theirs = ServerConnection::new(Arc::new(config)).unwrap();
            (Session::client(&context, &options).unwrap(), Connection::from(theirs))
        } else {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(material.chain[0].clone()).unwrap();
            let config = ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = "localhost".try_into().unwrap();
            let theirs = ClientConnection::new(Arc::new(config), name).unwrap();
            (Session::server(&context, &ServerOptions::new()), Connection::from(theirs))
        };
        let mut joined = Self { ours: End::new(session), theirs, heard: Vec::new(), tls13 };
        while joined.theirs.is_handshaking() || !joined.ours.complete {
            let wire = joined.ours.output();
            joined.feed(&wire).unwrap();
            let wire = joined.their_output();
            joined.ours.receive(&wire);
            assert!(joined.ours.error.is_none(), "{:?}", joined.ours.error);
        }
        let tickets = joined.ours.output();
        joined.feed(&tickets).unwrap();
        let peer = joined.ours.session.peer().unwrap();
        assert_eq!(peer.cipher().iana_name(), name);
        joined
    }

    /// Gives rustls what we sent, and reads what it makes of it.
    fn feed(&mut self, mut wire: &[u8]) -> Result<(), rustls::Error> {
        while !wire.is_empty() {
            self.theirs.read_tls(&mut wire).unwrap();
            let ready = self.theirs.process_new_packets()?.plaintext_bytes_to_read();
            let start = self.heard.len();
            self.heard.resize(start + ready, 0);
            self.theirs.reader().read_exact(&mut self.heard[start..]).unwrap();
        }
        Ok(())
    }

    fn their_output(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.theirs.wants_write() {
            self.theirs.write_tls(&mut out).unwrap();
        }
        out
    }

    /// What rustls has read since the last time.
    fn heard_by_them(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.heard)
    }
}

/// What happens on a connection.
#[derive(Debug, Clone)]
enum Deed {
    WeSay(usize),
    TheySay(usize),
    /// rustls sends a key update that asks for ours.
    TheyUpdate,
    OurFragments(usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let length = || prop_oneof![0..40usize, 16_380..16_390usize, 0..60_000usize];
    vec(
        prop_oneof![
            3 => length().prop_map(Deed::WeSay),
            3 => length().prop_map(Deed::TheySay),
            2 => Just(Deed::TheyUpdate),
            1 => (512..=16384usize).prop_map(Deed::OurFragments),
        ],
        1..12,
    )
}

fn word(length: usize, salt: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 251 + salt) as u8).collect()
}

fn config() -> Config {
    let standard = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { standard.cases } else { 64 };
    Config { cases, failure_persistence: None, ..standard }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn rustls_and_we_understand_each_other(
        suite in 0..SUITES.len(),
        we_are_client: bool,
        deeds in deeds(),
        sizes in vec(prop_oneof![1..30usize, 1..40_000usize], 1..6),
    ) {
        let mut joined = Joined::open(suite, we_are_client);
        let mut sizes = sizes.into_iter().cycle();
        for (salt, deed) in deeds.into_iter().enumerate() {
            match deed {
                Deed::WeSay(length) => {
                    let said = word(length, salt);
                    let wire = joined.ours.send(&said);
                    let mut rest = &wire[..];
                    while !rest.is_empty() {
                        let size = sizes.next().unwrap().min(rest.len());
                        joined.feed(&rest[..size]).unwrap();
                        rest = &rest[size..];
                    }
                    prop_assert!(joined.heard_by_them() == said);
                }
                Deed::TheySay(length) => {
                    let said = word(length, salt);
                    let mut wire = Vec::new();
                    let mut rest = &said[..];
                    while !rest.is_empty() {
                        let taken = joined.theirs.writer().write(rest).unwrap();
                        rest = &rest[taken..];
                        wire.extend(joined.their_output());
                    }
                    let mut rest = &wire[..];
                    while !rest.is_empty() {
                        let size = sizes.next().unwrap().min(rest.len());
                        joined.ours.receive(&rest[..size]);
                        rest = &rest[size..];
                    }
                    prop_assert!(joined.ours.error.is_none(), "{:?}", joined.ours.error);
                    prop_assert!(std::mem::take(&mut joined.ours.plaintext) == said);
                }
                Deed::TheyUpdate if joined.tls13 => {
                    joined.theirs.refresh_traffic_keys().unwrap();
                    let wire = joined.their_output();
                    joined.ours.receive(&wire);
                    prop_assert!(joined.ours.error.is_none(), "{:?}", joined.ours.error);
                    prop_assert!(!joined.ours.session.has_output(), "answered with the next data");
                }
                Deed::TheyUpdate => {}
                Deed::OurFragments(size) => {
                    joined.ours.session.set_max_fragment_size(size).unwrap();
                    let (data, overhead) = (word(size * 2 + 1, salt), 8 + 17);
                    let wire = joined.ours.send(&data);
                    let sizes = records(&wire);
                    prop_assert!(sizes.iter().all(|(_, length)| *length <= size + overhead));
                    prop_assert!(sizes.len() >= 3);
                    joined.feed(&wire).unwrap();
                    prop_assert!(joined.heard_by_them() == data);
                }
            }
        }
        joined.ours.session.send_close_notify();
        let wire = joined.ours.output();
        joined.feed(&wire).unwrap();
        prop_assert!(joined.theirs.process_new_packets().unwrap().peer_has_closed());
        joined.theirs.send_close_notify();
        let wire = joined.their_output();
        joined.ours.receive(&wire);
        prop_assert!(joined.ours.peer_closed);
    }
}

#[test]
fn every_suite_in_both_roles() {
    for (suite, (name, _)) in SUITES.iter().enumerate() {
        for we_are_client in [true, false] {
            let mut joined = Joined::open(suite, we_are_client);
            let wire = joined.ours.send(&word(20_000, 1));
            joined.feed(&wire).unwrap();
            assert_eq!(joined.heard_by_them(), word(20_000, 1), "{name}");
            joined.theirs.writer().write_all(b"answer").unwrap();
            let wire = joined.their_output();
            joined.ours.receive(&wire);
            assert_eq!(joined.ours.plaintext, b"answer", "{name}");
        }
    }
}

#[test]
fn record_sizes_are_chosen_within_bounds() {
    // From the beginning of the connection on, and again at any time.
    let context = SecureContext::builder()
        .identity(MATERIAL[0].identity.clone())
        .trust(MATERIAL[0].trust.clone())
        .build()
        .unwrap();
    for version in [ProtocolVersion::Tls12, ProtocolVersion::Tls13] {
        let client =
            SecureContext::builder().trust(MATERIAL[0].trust.clone()).versions(version..=version);
        let options = ClientOptions::new("localhost".parse().unwrap());
        let mut pair = pair::Pair::new(
            (&client.build().unwrap(), &options),
            (&context, &ServerOptions::new()),
        );
        let session = &mut pair.client.session;
        for refused in [0, 511, 16385, usize::MAX] {
            let error = session.set_max_fragment_size(refused).unwrap_err();
            assert!(matches!(error, Error::Misused(_)), "{refused}");
        }
        session.set_max_fragment_size(1000).unwrap();
        pair.settle();
        // As Node's setMaxSendFragment(1000) has it: TLS 1.3 records are 17 bytes longer.
        let overhead = if version == ProtocolVersion::Tls13 { 17 } else { 24 };
        let lengths = |wire: &[u8]| -> Vec<usize> {
            records(wire).into_iter().map(|(_, length)| length - overhead).collect()
        };
        let wire = pair.client.send(&[7; 3500]);
        assert_eq!(lengths(&wire), [1000, 1000, 1000, 500], "{version}");
        pair.server.receive(&wire);
        pair.client.session.set_max_fragment_size(16384).unwrap();
        let wire = pair.client.send(&[7; 16385]);
        assert_eq!(lengths(&wire), [16384, 1], "{version}");
        pair.server.receive(&wire);
        assert_eq!(pair.server.plaintext, vec![7; 3500 + 16385]);
    }
}
