//! Peers that follow the protocol for a while: they show certificates made to cost, or turn
//! hostile once they are in. In memory, so that only what our side holds is measured.

use std::sync::Arc;
use std::time::Duration;

use rustls::Connection;
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::CertificateDer;
use sealwire::pki::{
    CertificateBuilder, Issuer, KeyAlgorithm, NameConstraint, PrivateKey, Subject, SubjectAltName,
};
use sealwire::{ClientAuth, ClientOptions, Error, PeerVerification, ServerOptions, Session};

use crate::memory::Memory;
use crate::pair::End;
use crate::peers::credentials::{context, credentials};
use crate::peers::present;
use crate::rogue::{self, Rogue, chain, identity};
use crate::wire::{message, records};
use crate::{MOST_FOR_A_STRANGER, VERSIONS};

/// How long we may work on what comes at once, a hundred times what it should take: while it works, the
/// others wait.
const MOST_WORK: Duration = Duration::from_secs(3);

/// How much we may hear of a message in tiny records, headers and all, before it is given up: 96 KiB, and
/// what else comes at once.
const MOST_HEARD: usize = (96 + 2 * 32) * 1024;

fn our_client(mode: PeerVerification) -> End {
    let context = context("", "ca").build().unwrap();
    let options = ClientOptions::new("localhost".parse().unwrap()).verification(mode);
    End::new(Session::client(&context, &options).unwrap())
}

fn our_server(client_auth: ClientAuth) -> End {
    let context = context("p256", "ca").build().unwrap();
    End::new(Session::server(&context, &ServerOptions::new().client_auth(client_auth)))
}

/// What it costs us to hear things.
struct Cost<'a> {
    memory: &'a mut Memory,
    most: usize,
    longest: Duration,
    heard: usize,
}

impl<'a> Cost<'a> {
    fn in_memory(memory: &'a mut Memory) -> Self {
        Self { memory, most: 0, longest: Duration::ZERO, heard: 0 }
    }

    /// As a transport gives it: so much at once, and no more after an error.
    fn hear(&mut self, ours: &mut End, wire: &[u8]) {
        for part in wire.chunks(32 * 1024) {
            self.memory.begin();
            let (begin, before) = (worked(), ours.received.capacity());
            ours.receive(part);
            self.longest = self.longest.max(worked() - begin);
            self.heard += part.len();
            self.most = self.most.max(self.memory.most() + before);
            if ours.error.is_some() {
                return;
            }
        }
    }

    /// Lets the two talk until neither has anything to say, in records of `size` bytes from them as
    /// long as they are not encrypted.
    fn settle(&mut self, ours: &mut End, theirs: &mut Connection, size: usize) {
        loop {
            let to_them = ours.output();
            rogue::feed(theirs, &to_them);
            let to_us = reframed(&rogue::output(theirs), size);
            self.hear(ours, &to_us);
            if to_them.is_empty() && to_us.is_empty() {
                return;
            }
        }
    }
}

/// How long this thread has been on a processor: on a busy machine that is not how long it took.
fn worked() -> Duration {
    // Of Linux; elsewhere nothing is measured.
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = said.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// The handshake messages at the front of `flight` in records of `size` bytes; from the first
/// record of another type on, nothing is changed.
fn reframed(flight: &[u8], size: usize) -> Vec<u8> {
    let (mut messages, mut rest) = (Vec::new(), flight);
    while let [22, 3, _, high, low, after @ ..] = rest {
        let (body, behind) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        messages.extend_from_slice(body);
        rest = behind;
    }
    [records(&messages, size), rest.to_vec()].concat()
}

/// The DER of an RSA public key of so many bits, of which nobody has the private half.
fn noise_key(bits: usize) -> Vec<u8> {
    let element = |tag: u8, contents: &[u8]| {
        let [high, low] = u16::try_from(contents.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, high, low], contents].concat()
    };
    let modulus = [vec![0], vec![0xa5; bits / 8]].concat();
    let numbers = element(0x30, &[element(2, &modulus), vec![2, 3, 1, 0, 1]].concat());
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    element(0x30, &[&algorithm[..], &element(3, &[vec![0], numbers].concat())].concat())
}

/// A CA of `of` (or the test's own), limited by many constraints, and a leaf of many names.
fn many_names(names: usize, constraints: usize) -> Vec<CertificateDer<'static>> {
    let files = credentials().files("ca");
    let root = Issuer::from_files(&files.cert, &files.key, None).unwrap();
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let name = |i: usize| format!("{i:x}.localhost").parse::<SubjectAltName>().unwrap();
    let limit = |i: usize| format!("{i:x}.example").parse::<NameConstraint>().unwrap();
    let inter = CertificateBuilder::new(Subject::from_common_name("many").unwrap())
        .authority(None)
        .name_constraints((0..constraints).map(limit).chain(["localhost".parse().unwrap()]), [])
        .signed_by(&root, key.spki_der())
        .unwrap();
    let issuer = Issuer::new(inter.clone(), key).unwrap();
    let leaf_key = PrivateKey::from_file(&credentials().files("p256").key, None).unwrap();
    let leaf = CertificateBuilder::new(Subject::from_common_name("leaf").unwrap())
        .names([vec!["localhost".parse().unwrap()], (0..names).map(name).collect()].concat())
        .signed_by(&issuer, leaf_key.spki_der())
        .unwrap();
    [leaf, inter].map(|one| CertificateDer::from(one.der().to_vec())).to_vec()
}

struct Shown {
    what: &'static str,
    identity: Arc<SingleCertAndKey>,
    /// Whether the chain is good, for all that it costs.
    good: bool,
    /// The code of the error, where there is one of its own.
    code: &'static str,
}

fn costly_chains() -> Vec<Shown> {
    let garbage = |length: usize| CertificateDer::from(vec![0x30; length]);
    let with = |more: Vec<CertificateDer<'static>>| [chain("p256"), more].concat();
    let shown =
        |what, chain, good, code| Shown { what, identity: identity(chain, "p256"), good, code };
    let files = credentials().files("ca");
    let root = Issuer::from_files(&files.cert, &files.key, None).unwrap();
    let huge = CertificateBuilder::for_names(vec!["localhost".parse().unwrap()])
        .unwrap()
        .signed_by(&root, &noise_key(16_384))
        .unwrap();
    let huge = CertificateDer::from(huge.der().to_vec());
    const EXCESSIVE: &str = "ERR_SSL_EXCESSIVE_MESSAGE_SIZE";
    vec![
        shown("a certificate of 10 MB", vec![garbage(10_000_000)], false, EXCESSIVE),
        shown("10 MB behind the leaf", with(vec![garbage(10_000_000)]), false, EXCESSIVE),
        shown("a thousand certificates", with(vec![garbage(200); 1000]), false, EXCESSIVE),
        shown("a thousand small ones", with(vec![garbage(55); 1000]), false, ""),
        shown("an intermediate fifty times", with(vec![chain("inter").remove(0); 50]), true, ""),
        shown("an RSA key of 16384 bits", vec![huge], false, ""),
        shown("names times constraints", many_names(1000, 1000), false, ""),
    ]
}

#[tokio::test]
async fn costly_chains_cost_little() {
    if !present("openssl") {
        return;
    }
    let mut memory = Memory::measured_alone().await;
    for Shown { what, identity, good, code } in costly_chains() {
        for version in VERSIONS {
            let ends: [(End, Connection); 3] = [
                (our_client(PeerVerification::Required), rogue::server(version, identity.clone())),
                (our_client(PeerVerification::Recorded), rogue::server(version, identity.clone())),
                (our_server(ClientAuth::Require), rogue::client(version, identity.clone())),
            ];
            for (mut ours, mut theirs) in ends {
                let mut cost = Cost::in_memory(&mut memory);
                cost.settle(&mut ours, &mut theirs, 16_384);
                let (most, longest) = (cost.most, cost.longest);
                assert!(most < 2 * MOST_FOR_A_STRANGER, "{version} {what}: {most} bytes");
                assert!(longest < MOST_WORK, "{version} {what}: {longest:?}");
                assert_eq!(ours.authorized(), good, "{version} {what}: {:?}", ours.findings());
                if let Some(error) = &ours.error {
                    assert!(code.is_empty() || error.code() == code, "{version} {what}: {error}");
                } else {
                    assert!(good || !ours.findings().is_empty(), "{version} {what}");
                }
            }
        }
    }
}

/// Both roles, both versions: a message of 64 KiB that comes in the smallest records. The peer is
/// told so, whether the alert has to be encrypted (TLS 1.3) or not.
#[tokio::test]
async fn a_certificate_in_tiny_records_is_given_up() {
    if !present("openssl") {
        return;
    }
    let mut memory = Memory::measured_alone().await;
    // Noise, as what is alike in it would be compressed (RFC 8879).
    let mut noise = vec![0; 62_000];
    aws_lc_rs::rand::fill(&mut noise).unwrap();
    let noise = CertificateDer::from(noise);
    let shown = || identity([chain("p256"), vec![noise.clone()]].concat(), "p256");
    // What is not encrypted is cut further by us; rustls has its own least size.
    for version in VERSIONS {
        let server = rogue::server_in_records(version, shown(), Some(32));
        let client = rogue::client_in_records(version, shown(), Some(32));
        for (mut ours, mut theirs) in [
            (our_client(PeerVerification::Recorded), server),
            (our_server(ClientAuth::Request), client),
        ] {
            let mut cost = Cost::in_memory(&mut memory);
            cost.settle(&mut ours, &mut theirs, 1);
            let error = ours.error.unwrap_or_else(|| panic!("{version}: taken"));
            assert_eq!(error.code(), "ERR_SSL_EXCESSIVE_MESSAGE_SIZE", "{version}: {error}");
            assert!(cost.most < MOST_FOR_A_STRANGER, "{version}: {} bytes", cost.most);
            assert!(cost.heard < MOST_HEARD, "{version}: {} bytes heard", cost.heard);
            let told = theirs.process_new_packets().expect_err("told");
            assert_eq!(told, rustls::Error::AlertReceived(TOO_MUCH), "{version}");
        }
    }
}

/// OpenSSL's alert for a message that is too large.
const TOO_MUCH: rustls::AlertDescription = rustls::AlertDescription::IllegalParameter;

/// A complete connection to a rogue of either role, in both versions.
fn rogues() -> Vec<(&'static str, End, Rogue)> {
    let mut all = Vec::new();
    for version in VERSIONS {
        let shown = || identity(chain("p256"), "p256");
        let ends: [(&str, End, Connection); 2] = [
            ("client", our_client(PeerVerification::Required), rogue::server(version, shown())),
            ("server", our_server(ClientAuth::None), rogue::client(version, shown())),
        ];
        for (role, mut ours, mut theirs) in ends {
            while rogue::exchange(&mut ours, &mut theirs) {}
            all.push((role, ours, Rogue::take_over(theirs, version)));
        }
    }
    all
}

#[tokio::test]
async fn what_insiders_send_without_end_ends() {
    if !present("openssl") {
        return;
    }
    let ticket = {
        let body = [&[0, 0, 28, 32, 1, 2, 3, 4, 0][..], &[0x40, 0], &[7; 0x4000], &[0, 0]].concat();
        message(4, &body)
    };
    let mut memory = Memory::measured_alone().await;
    for (what, kind, body, most_records) in [
        ("empty data", 23, Vec::new(), 100),
        ("warnings", 21, vec![1, 90], 100),
        ("requests to update keys", 22, vec![24, 0, 0, 1, 1], 100),
        ("hellos, for another handshake", 22, message(1, &[3; 40]), 100),
        ("requests for another handshake", 22, message(0, b""), 100),
        ("ChangeCipherSpec", 20, vec![1], 100),
        ("records of no known type", 99, vec![1], 100),
        ("a message of 64 KiB, byte by byte", 22, Vec::new(), 65_000),
        ("a message of 16 MiB", 22, vec![4, 255, 255, 255], 100),
        ("tickets of 16 KiB", 22, ticket, 2000),
    ] {
        for (role, mut ours, mut rogue) in rogues() {
            let mut cost = Cost::in_memory(&mut memory);
            let mut long = message(4, &[0; 65_000]).into_iter();
            let (mut sent, mut held, before) = (0, 0, Memory::now());
            while ours.error.is_none() && sent < most_records {
                let byte = match what {
                    "a message of 64 KiB, byte by byte" => vec![long.next().expect("enough")],
                    _ => Vec::new(),
                };
                let parts = if byte.is_empty() { body.chunks(16_384) } else { byte.chunks(1) };
                let mut wire: Vec<u8> = parts.flat_map(|part| rogue.record(kind, part)).collect();
                if wire.is_empty() {
                    wire = rogue.record(kind, b"");
                }
                cost.hear(&mut ours, &wire);
                held = held.max(ours.received.len());
                sent += 1;
            }
            // Nobody takes what the session answers: that must not grow either.
            let answered = ours.output().len();
            let kept = Memory::now().saturating_sub(before);
            assert!(kept < 2 * MOST_FOR_A_STRANGER, "{role} {what}: {kept} bytes kept");
            assert!(answered < 4096, "{role} {what}: {answered} bytes to send");
            assert!(held < 128 * 1024, "{role} {what}: {held} bytes held");
            assert!(cost.longest < MOST_WORK, "{role} {what}: {:?}", cost.longest);
            assert!(ours.plaintext.is_empty(), "{role} {what}");
            match ours.error {
                Some(Error::Misbehaved(_) | Error::AlertReceived { .. }) => {}
                // A client keeps the tickets that it can use, and drops the rest; and a message that
                // does not end is waited for, like any.
                None if role == "client"
                    && (what.starts_with("tickets") || what.contains("by byte")) => {}
                other => panic!("{role} {what}: {other:?} after {sent} records"),
            }
        }
    }
}
