//! A peer that turns hostile once it is in: records of any type with any body under the right
//! keys, which it changes when it says so, between what we send and receive, in both roles. We must
//! neither panic nor give what was not said.
#![no_main]

use std::sync::{Arc, LazyLock};

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use libfuzzer_sys::fuzz_target;
use rustls::client::UnbufferedClientConnection;
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{ClientConfig, ConnectionTrafficSecrets, RootCertStore, ServerConfig};
use sealwire::pki;
use sealwire::{ClientOptions, Identity, SecureContext, ServerOptions, Session, TrustStore};
use sealwire_fuzz::{End, Input};

struct World {
    ours: SecureContext,
    servers: [Arc<ServerConfig>; 2],
    clients: [Arc<ClientConfig>; 2],
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (certificate, key) = pki::self_signed(["localhost"]).expect("a certificate");
    let identity = Identity::new(vec![certificate.clone()], &key).expect("its key");
    let trust = TrustStore::from_certificates([certificate]).expect("a certificate");
    let chain = vec![CertificateDer::from(identity.leaf().der().to_vec())];
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).expect("a root");
    let mut provider = provider::default_provider();
    provider.cipher_suites.retain(|suite| format!("{suite:?}").contains("CHACHA20"));
    let provider: Arc<CryptoProvider> = Arc::new(provider);
    let versions = [&rustls::version::TLS12, &rustls::version::TLS13];
    let servers = versions.map(|version| {
        let key = PrivateKeyDer::try_from(key.to_pkcs8_der().to_vec()).expect("PKCS#8");
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key)
            .expect("an identity");
        config.enable_secret_extraction = true;
        config.send_tls13_tickets = 0;
        Arc::new(config)
    });
    let clients = versions.map(|version| {
        let mut config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.enable_secret_extraction = true;
        Arc::new(config)
    });
    let ours = SecureContext::builder().identity(identity).trust(trust);
    World { ours: ours.build().expect("a context"), servers, clients }
});

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let options = input.byte();
    let tls13 = options & 1 == 0;
    let (mut ours, mut rogue) =
        if options & 2 == 0 { our_client(tls13) } else { our_server(tls13) };
    let (mut said, mut closed) = (Vec::new(), false);
    while !input.is_empty() && ours.error.is_none() {
        let what = input.byte();
        match what % 16 {
            0 => {
                let sent = ours.driver.write_in(b"ours", &mut Vec::new());
                assert_eq!(sent.is_err(), closed);
            }
            1 => {
                ours.driver.close();
                closed = true;
            }
            2 => drop(ours.output()),
            3 | 4 => {
                let data = input.take(100).to_vec();
                said.extend_from_slice(&data);
                let record = rogue.record(23, &data);
                ours.receive(&record, usize::MAX);
            }
            5 | 6 if tls13 => {
                let record = rogue.record(22, &[24, 0, 0, 1, what & 1]);
                rogue.change_key();
                ours.receive(&record, usize::MAX);
            }
            _ => {
                // Not 0: that would be padding, and the body would end in the type.
                let kind = [20, 21, 22, 22, 22, 24, input.byte().max(1)][usize::from(what) % 7];
                let length = usize::from(input.byte());
                let (portion, body) = (usize::from(input.byte()), input.take(length).to_vec());
                if kind == 23 {
                    said.extend_from_slice(&body);
                }
                let record = rogue.record(kind, &body);
                ours.receive(&record, portion);
            }
        }
    }
    assert!(said.starts_with(&ours.plaintext));
    ours.check(false);
});

/// Our client with a server whose keys we have.
fn our_client(tls13: bool) -> (End, Rogue) {
    let options = ClientOptions::new("localhost".parse().expect("a name")).resume(false);
    let mut ours = End::new(Session::client(&WORLD.ours, &options).expect("random bytes"));
    let config = WORLD.servers[usize::from(tls13)].clone();
    let mut theirs = UnbufferedServerConnection::new(config).expect("a server");
    let mut wire = Vec::new();
    while theirs.is_handshaking() || !ours.complete {
        wire.extend(ours.output());
        let answer = exchange(&mut wire, |wire, out| step(theirs.process_tls_records(wire), out));
        ours.receive(&answer, usize::MAX);
    }
    let (secrets, mut kernel) = theirs.dangerous_into_kernel_connection().expect("it is enabled");
    let next = Box::new(move || kernel.update_tx_secret().expect("TLS 1.3"));
    (ours, Rogue::new(secrets.tx, next, tls13))
}

/// Our server with a client whose keys we have.
fn our_server(tls13: bool) -> (End, Rogue) {
    let mut ours = End::new(Session::server(&WORLD.ours, &ServerOptions::new()));
    let config = WORLD.clients[usize::from(tls13)].clone();
    let name = "localhost".try_into().expect("a name");
    let mut theirs = UnbufferedClientConnection::new(config, name).expect("a client");
    let mut wire = Vec::new();
    while theirs.is_handshaking() || !ours.complete {
        let hello = exchange(&mut wire, |wire, out| step(theirs.process_tls_records(wire), out));
        ours.receive(&hello, usize::MAX);
        wire.extend(ours.output());
    }
    let (secrets, mut kernel) = theirs.dangerous_into_kernel_connection().expect("it is enabled");
    let next = Box::new(move || kernel.update_tx_secret().expect("TLS 1.3"));
    (ours, Rogue::new(secrets.tx, next, tls13))
}

/// Lets rustls go on with `wire` until it wants more. Gives what it says.
fn exchange(
    wire: &mut Vec<u8>,
    mut process: impl FnMut(&mut [u8], &mut Vec<u8>) -> (usize, bool),
) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let (discard, again) = process(wire, &mut out);
        wire.drain(..discard);
        if !again {
            return out;
        }
    }
}

fn step<Data>(status: UnbufferedStatus<'_, '_, Data>, out: &mut Vec<u8>) -> (usize, bool) {
    let again = match status.state.expect("a good peer") {
        ConnectionState::EncodeTlsData(mut message) => {
            let start = out.len();
            while let Err(EncodeError::InsufficientSize(room)) = message.encode(&mut out[start..]) {
                out.resize(start + room.required_size, 0);
            }
            true
        }
        ConnectionState::TransmitTlsData(transmit) => {
            transmit.done();
            true
        }
        _ => false,
    };
    (status.discard, again)
}

/// Where the next keys come from.
type NextKeys = Box<dyn FnMut() -> (u64, ConnectionTrafficSecrets)>;

/// Seals records as the peer would.
struct Rogue {
    key: LessSafeKey,
    iv: [u8; 12],
    next: u64,
    next_keys: NextKeys,
    tls13: bool,
}

impl Rogue {
    fn new(secrets: (u64, ConnectionTrafficSecrets), next_keys: NextKeys, tls13: bool) -> Self {
        let (next, key, iv) = open(secrets);
        Self { key, iv, next, next_keys, tls13 }
    }

    fn change_key(&mut self) {
        (self.next, self.key, self.iv) = open((self.next_keys)());
    }

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

fn open((next, secrets): (u64, ConnectionTrafficSecrets)) -> (u64, LessSafeKey, [u8; 12]) {
    let ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } = secrets else {
        panic!("only this suite is offered")
    };
    let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).expect("32 bytes");
    (next, LessSafeKey::new(key), iv.as_ref().try_into().expect("12 bytes"))
}
