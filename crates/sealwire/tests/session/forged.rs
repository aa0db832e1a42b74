//! Tickets that no server of ours made, or that were changed on the way: a full handshake follows,
//! and nothing else happens.
//!
//! A server of the enemy's gives our client the ticket; our client then offers it to our server.

use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use rustls::server::ProducesTickets;
use sealwire::{ClientAuth, ClientSession, ProtocolVersion, SecureContext, Session, TicketKeys};

use crate::pair::End;
use crate::peers::credentials::context;
use crate::peers::present;
use crate::resumption::{build, connect, resumed};
use crate::{rogue, to};

/// Gives the same ticket to everybody.
#[derive(Debug)]
struct Forger(Vec<u8>);

impl ProducesTickets for Forger {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        300
    }

    fn encrypt(&self, _state: &[u8]) -> Option<Vec<u8>> {
        Some(self.0.clone())
    }

    fn decrypt(&self, _ticket: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// A session whose ticket is `ticket`.
fn forge(client: &SecureContext, version: ProtocolVersion, ticket: &[u8]) -> ClientSession {
    let identity = rogue::identity(rogue::chain("p256"), "p256");
    let mut theirs = rogue::server_with_tickets(version, identity, Arc::new(Forger(ticket.into())));
    let options = to("localhost").resume(false);
    let mut ours = End::new(Session::client(client, &options).unwrap());
    while rogue::exchange(&mut ours, &mut theirs) {}
    ours.sessions.pop().expect("a session")
}

/// Offers the ticket to a server of ours. Whether it resumes anything.
fn offer(ticket: &[u8], version: ProtocolVersion, server: (&SecureContext, ClientAuth)) -> bool {
    let client = build(context("client", "ca"), version);
    let options = to("localhost").resume_session(forge(&client, version, ticket));
    let mut pair = connect((&client, &options), server);
    let asked = server.1 != ClientAuth::None;
    assert_eq!(
        pair.server.authorized(),
        asked,
        "{version}: {:?} {:?}",
        pair.server.error,
        pair.client.error
    );
    pair.converse();
    if version == ProtocolVersion::Tls12 {
        let offered = pair.client.sent.windows(ticket.len()).any(|window| window == ticket);
        assert!(offered, "it was offered");
    }
    resumed(&pair)
}

const KEYS: [u8; 48] = [5; 48];

/// A ticket with any content, made by somebody who has the keys.
fn seal(mut content: Vec<u8>) -> Vec<u8> {
    let aes = UnboundCipherKey::new(&AES_128, &KEYS[32..]).unwrap();
    let aes = PaddedBlockEncryptingKey::cbc_pkcs7(aes).unwrap();
    let Ok(DecryptionContext::Iv128(iv)) = aes.encrypt(&mut content) else { panic!("an IV") };
    let signed = [&KEYS[..16], iv.as_ref(), &content].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &KEYS[16..32]), &signed);
    [&signed, tag.as_ref()].concat()
}

fn any_ticket() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |most| vec(any::<u8>(), 1..most);
    prop_oneof![
        // Noise, also under the right name.
        bytes(2000),
        bytes(400).prop_map(|noise| [&KEYS[..16], &noise].concat()),
        // What is sealed with the right keys and still no session of ours.
        bytes(400).prop_map(seal),
        (0..3_u8, 0..2_u8, bytes(400)).prop_map(|(auth, trusted, noise)| {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().to_be_bytes();
            seal([&[1, auth, trusted][..], &now, &now, &[0, 0, 0], &noise].concat())
        }),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_forged_ticket_leads_to_a_full_handshake(
        ticket in any_ticket(),
        tls13: bool,
        asked: bool,
    ) {
        if present("openssl") {
            let version = if tls13 { ProtocolVersion::Tls13 } else { ProtocolVersion::Tls12 };
            let keys = TicketKeys::from_bytes(&KEYS);
            let server = build(context("p256", "ca").ticket_keys(keys), version);
            let client_auth = if asked { ClientAuth::Require } else { ClientAuth::None };
            prop_assert!(!offer(&ticket, version, (&server, client_auth)));
        }
    }

    /// A real one, changed or cut.
    #[test]
    fn a_damaged_ticket_leads_to_a_full_handshake(
        at in any::<prop::sample::Index>(),
        change in 1..=255_u8,
        cut: bool,
    ) {
        if present("openssl") {
            let version = ProtocolVersion::Tls12;
            let server = build(context("p256", "ca"), version);
            let client = build(context("client", "ca"), version);
            let mut pair =
                connect((&client, &to("localhost")), (&server, ClientAuth::Require));
            pair.converse();
            let mut ticket = pair.client.sessions[0].ticket().unwrap().to_vec();
            let at = at.index(ticket.len() - 1);
            match cut {
                true => ticket.truncate(at + 1),
                false => ticket[at] ^= change,
            }
            prop_assert!(!offer(&ticket, version, (&server, ClientAuth::Require)));
        }
    }
}
