//! A peer that turns hostile once it is in: records of any type with any body under the right
//! keys, between what we send and receive. We must neither panic nor give what was not said.
#![no_main]

use std::sync::{Arc, LazyLock};

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use libfuzzer_sys::fuzz_target;
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ConnectionTrafficSecrets, ServerConfig, ServerConnection};
use sealwire::pki;
use sealwire::{ClientOptions, Identity, SecureContext, Session, TrustStore};
use sealwire_fuzz::{End, Input};

struct World {
    client: SecureContext,
    servers: [Arc<ServerConfig>; 2],
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (certificate, key) = pki::self_signed(["localhost"]).expect("a certificate");
    let identity = Identity::new(vec![certificate.clone()], &key).expect("its key");
    let trust = TrustStore::from_certificates([certificate]).expect("a certificate");
    let mut provider = provider::default_provider();
    provider.cipher_suites.retain(|suite| format!("{suite:?}").contains("CHACHA20"));
    let provider: Arc<CryptoProvider> = Arc::new(provider);
    let servers = [&rustls::version::TLS12, &rustls::version::TLS13].map(|version| {
        let chain = vec![CertificateDer::from(identity.leaf().der().to_vec())];
        let key = PrivateKeyDer::try_from(key.to_pkcs8_der().to_vec()).expect("PKCS#8");
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("an identity");
        config.enable_secret_extraction = true;
        config.send_tls13_tickets = 0;
        Arc::new(config)
    });
    World { client: SecureContext::builder().trust(trust).build().expect("a context"), servers }
});

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let tls13 = input.byte() & 1 == 0;
    let (mut ours, mut rogue) = open(tls13);
    let (mut said, mut closed) = (Vec::new(), false);
    while !input.is_empty() && ours.error.is_none() {
        let what = input.byte();
        match what % 16 {
            0 => {
                let sent = ours.session.encrypt(b"ours", &mut Vec::new());
                assert_eq!(sent.is_err(), closed);
            }
            1 => {
                ours.session.send_close_notify();
                closed = true;
            }
            2 => drop(ours.output()),
            // After our close_notify rustls fails a debug assertion when it has an alert to send
            // (rustls#959), so the peer behaves from then on.
            3.. if closed => {
                let data = input.take(100).to_vec();
                said.extend_from_slice(&data);
                ours.receive(&rogue.record(23, &data), usize::MAX);
            }
            3 => {
                let data = input.take(100).to_vec();
                said.extend_from_slice(&data);
                ours.receive(&rogue.record(23, &data), usize::MAX);
            }
            _ => {
                // Not 0: that would be padding, and the body would end in the type.
                let kind = [20, 21, 22, 22, 22, 24, input.byte().max(1)][usize::from(what) % 7];
                let length = usize::from(input.byte());
                let (portion, body) = (usize::from(input.byte()), input.take(length).to_vec());
                if kind == 23 {
                    said.extend_from_slice(&body);
                }
                ours.receive(&rogue.record(kind, &body), portion);
            }
        }
    }
    assert!(said.starts_with(&ours.plaintext));
    ours.check(false);
});

/// Our client with a server whose keys we have.
fn open(tls13: bool) -> (End, Rogue) {
    let options = ClientOptions::new("localhost".parse().expect("a name")).resume(false);
    let mut ours = End::new(Session::client(&WORLD.client, &options).expect("random bytes"));
    let config = WORLD.servers[usize::from(tls13)].clone();
    let mut theirs = ServerConnection::new(config).expect("a server");
    while theirs.is_handshaking() || !ours.complete {
        let wire = ours.output();
        let mut wire = &wire[..];
        while !wire.is_empty() {
            theirs.read_tls(&mut wire).expect("a slice");
            theirs.process_new_packets().expect("a good client");
        }
        let mut answer = Vec::new();
        while theirs.wants_write() {
            theirs.write_tls(&mut answer).expect("a vector");
        }
        ours.receive(&answer, usize::MAX);
    }
    let secrets = theirs.dangerous_extract_secrets().expect("extraction is enabled");
    let (next, ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv }) = secrets.tx else {
        panic!("only this suite is offered")
    };
    let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).expect("32 bytes");
    let iv = iv.as_ref().try_into().expect("12 bytes");
    (ours, Rogue { key: LessSafeKey::new(key), iv, next, tls13 })
}

/// Seals records as the server would.
struct Rogue {
    key: LessSafeKey,
    iv: [u8; 12],
    next: u64,
    tls13: bool,
}

impl Rogue {
    fn record(&mut self, kind: u8, body: &[u8]) -> Vec<u8> {
        let (mut sealed, mut outer) = (body.to_vec(), kind);
        if self.tls13 {
            sealed.push(kind);
            outer = 23;
        }
        let aad = match self.tls13 {
            true => header(outer, sealed.len() + 16).to_vec(),
            false => [&self.next.to_be_bytes()[..], &header(outer, sealed.len())].concat(),
        };
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.next.to_be_bytes()) {
            *byte ^= number;
        }
        self.next += 1;
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut sealed,
            )
            .expect("no limit is reached");
        [&header(outer, sealed.len())[..], &sealed].concat()
    }
}

fn header(kind: u8, length: usize) -> [u8; 5] {
    let [high, low] = (length as u16).to_be_bytes();
    [kind, 3, 3, high, low]
}
