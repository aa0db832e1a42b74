//! Chains of random shape, mostly good: each property is seldom another than it should be.

use sealwire::pki::pem;
use sealwire::pki::{Crl, KeyAlgorithm, Purpose};

use super::Random;
use super::der::{
    CertificateParts, Extension, Key, ListParts, certificate, der, integer, list, name, oid,
    sequence,
};
use crate::verdicts::{Chain, PolicyInput, Texts};

/// 2030-01-01.
const NOW: i64 = 1_893_456_000;
const GOOD: (&str, &str) = ("250101000000Z", "450101000000Z");
const OVER: (&str, &str) = ("250101000000Z", "290101000000Z");
const TO_COME: (&str, &str) = ("310101000000Z", "450101000000Z");
const POLICIES: [&str; 3] = ["1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2", "2.5.29.32.0"];

/// The keys that everything is made with.
pub(super) struct Keys(Vec<Key>);

impl Keys {
    pub(super) fn new() -> Self {
        let p256 = KeyAlgorithm::EcdsaP256;
        let kinds = [p256, p256, p256, p256, KeyAlgorithm::Ed25519, KeyAlgorithm::EcdsaP384];
        Self(
            kinds
                .map(Key::new)
                .into_iter()
                .chain([Key::new(KeyAlgorithm::Rsa { bits: 2048 })])
                .collect(),
        )
    }
}

/// A certificate of the chain to be.
struct Link {
    subject: String,
    key: usize,
    serial: u8,
    der: Vec<u8>,
    is_critical_about_policies: bool,
}

pub(super) fn chain(random: &mut Random, keys: &Keys) -> Chain {
    let depth = 1 + random.below(4);
    let with_lists = random.one_in(3);
    let with_policies = random.one_in(3);
    let mut links: Vec<Link> = Vec::new();
    let mut others: Vec<Vec<u8>> = Vec::new();
    for level in 0..=depth {
        let link = link(random, keys, &links, level, depth, with_lists, with_policies);
        // Now and then a CA is there twice, with other properties.
        if level > 0 && level < depth && random.one_in(8) {
            let other = self::link(random, keys, &links, level, depth, with_lists, with_policies);
            others.push(other.der);
        }
        links.push(link);
    }
    let leaf = links.last().expect("a leaf at least");
    let mut sent: Vec<Vec<u8>> =
        links[1..depth].iter().rev().map(|link| link.der.clone()).collect();
    sent.extend(others);
    if random.one_in(4) {
        let root = links[0].der.clone();
        sent.push(root);
    }
    if random.one_in(25) && !sent.is_empty() {
        let gone = random.below(sent.len());
        sent.remove(gone);
    }
    random.shuffle(&mut sent);
    let partial = random.one_in(6);
    let mut trusted = vec![links[0].der.clone()];
    if random.one_in(8) {
        let which = random.below(links.len());
        trusted.push(links[which].der.clone());
    }
    if random.one_in(20) {
        trusted.remove(0);
    }
    let trusted: String = trusted.iter().map(|der| anchor(random, der)).collect();
    let mut chain = Chain::of_pem(Texts {
        leaf: pem::encode("CERTIFICATE", &leaf.der),
        sent: sent.iter().map(|der| pem::encode("CERTIFICATE", der)).collect(),
        trusted,
        refused: None,
    });
    chain.partial = partial;
    chain.time = NOW;
    chain.purpose =
        [Purpose::Server, Purpose::Server, Purpose::Client, Purpose::Any][random.below(4)];
    chain.host = random.one_in(4).then(|| "a.in.test".to_owned());
    chain.policies = policies(random, with_policies, &links);
    if with_lists {
        for (level, issuer) in links[..depth].iter().enumerate() {
            if random.one_in(30) {
                continue;
            }
            let below = &links[level + 1];
            chain.lists.extend(lists(random, keys, issuer, below, level + 1 == depth));
        }
    }
    chain
}

/// What OpenSSL is asked has to be what Sealwire asks: it looks at policies whenever a certificate
/// makes a critical demand.
fn policies(random: &mut Random, wanted: bool, links: &[Link]) -> Option<PolicyInput> {
    let any = || PolicyInput { accepted: vec![POLICIES[2].to_owned()], ..PolicyInput::default() };
    if wanted && random.one_in(2) {
        return Some(PolicyInput {
            accepted: vec![POLICIES[random.below(3)].to_owned()],
            explicit: random.one_in(2),
            inhibit_any: random.one_in(4),
            inhibit_mapping: random.one_in(4),
        });
    }
    links.iter().any(|link| link.is_critical_about_policies).then(any)
}

/// PEM of a trusted certificate, now and then with trust settings.
fn anchor(random: &mut Random, certificate: &[u8]) -> String {
    if !random.one_in(6) {
        return pem::encode("CERTIFICATE", certificate);
    }
    let uses = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4", "2.5.29.37.0"];
    let mut list = |tag| {
        let which = random.below(uses.len());
        der(tag, &oid(uses[which]))
    };
    let settings = match list(0)[3] % 3 {
        0 => vec![list(0x30)],
        1 => vec![list(0xA0)],
        _ => vec![list(0x30), list(0xA0)],
    };
    let both = [certificate, &sequence(&settings)].concat();
    pem::encode("TRUSTED CERTIFICATE", &both)
}

fn link(
    random: &mut Random,
    keys: &Keys,
    above: &[Link],
    level: usize,
    depth: usize,
    with_lists: bool,
    with_policies: bool,
) -> Link {
    let is_leaf = level == depth;
    // The first four are quick; the others come now and then.
    let key = if random.one_in(8) { 4 + random.below(3) } else { level.min(3) };
    let subject = match (level, is_leaf) {
        (_, true) => ["a.in.test", "b.out.test", "", "Leaf"][random.below(4)].to_owned(),
        (0, _) => "Root".to_owned(),
        (level, _) if random.one_in(20) => format!("CA {}", level - 1),
        (level, _) => format!("CA {level}"),
    };
    let issuer = above.last();
    let mut extensions = Vec::new();
    let mut add = |oid, critical, value| extensions.push(Extension { oid, critical, value });
    let is_ca = if is_leaf { random.one_in(20) } else { !random.one_in(25) };
    if is_ca || random.one_in(2) {
        let flag = if is_ca { der(0x01, &[0xFF]) } else { Vec::new() };
        let limited = if is_leaf { random.one_in(20) } else { random.one_in(8) };
        // The last is negative.
        let length = [0, 0, 1, 1, 2, 2, 0xFF][random.below(7)];
        let length = if limited { integer(length) } else { Vec::new() };
        if !(is_ca && random.one_in(30)) {
            add("2.5.29.19", random.one_in(2), sequence(&[flag, length]));
        }
    }
    if random.one_in(2) {
        let usage: &[u8] = match (is_leaf, random.below(16)) {
            (_, 0) => &[1, 0x02],
            (false, 1) => &[7, 0x80],
            (false, _) => &[1, 0x06],
            (true, 1) => &[2, 0x04],
            (true, 2) => &[5, 0x20],
            (true, 3) => &[3, 0x08],
            (true, _) => &[7, 0x80],
        };
        add("2.5.29.15", random.one_in(2), der(0x03, usage));
    }
    if random.one_in(if is_leaf { 2 } else { 8 }) {
        let (server, client) = ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2");
        let uses = match random.below(8) {
            0 => vec![oid(client)],
            1 => vec![oid("2.5.29.37.0")],
            2 => vec![oid(server)],
            3 => vec![oid("1.3.6.1.5.5.7.3.9")],
            _ => vec![oid(server), oid(client)],
        };
        add("2.5.29.37", random.one_in(3), sequence(&uses));
    }
    if !random.one_in(4) {
        let mut identifier = keys.0[key].identifier();
        if random.one_in(30) {
            identifier[0] ^= 1;
        }
        add("2.5.29.14", false, der(0x04, &identifier));
    }
    if let Some(issuer) = issuer.filter(|_| !random.one_in(4)) {
        let identifier = keys.0[issuer.key].identifier();
        add("2.5.29.35", false, sequence(&[der(0x80, &identifier)]));
    }
    if is_leaf && !random.one_in(6) {
        let host = ["a.in.test", "a.in.test", "b.out.test", "*.in.test"][random.below(4)];
        let mut names = vec![der(0x82, host.as_bytes())];
        if random.one_in(4) {
            names.push(der(0x87, &[10, 0, 0, 1]));
        }
        if random.one_in(6) {
            names.push(der(0x81, b"x@in.test"));
        }
        if random.one_in(8) {
            let text = der(0xA0, &der(0x0C, "\u{e4}@in.test".as_bytes()));
            names.push(der(0xA0, &[oid("1.3.6.1.5.5.7.8.9"), text].concat()));
        }
        add("2.5.29.17", random.one_in(4), sequence(&names));
    }
    if !is_leaf && random.one_in(6) {
        add("2.5.29.30", random.one_in(2), constraints(random));
    }
    let before = extensions.len();
    if with_policies {
        policy_extensions(random, is_leaf, &mut extensions);
    }
    let is_critical_about_policies = extensions[before..].iter().any(|it| it.critical);
    if with_lists && random.one_in(4) {
        let value = sequence(&[point(random, "http://a.test/1", issuer)]);
        extensions.push(Extension { oid: "2.5.29.31", critical: random.one_in(3), value });
    }
    if random.one_in(25) {
        let critical = random.one_in(2);
        extensions.push(Extension { oid: "1.2.3.4", critical, value: der(0x05, &[]) });
    }
    let validity = match random.below(40) {
        0 => OVER,
        1 => TO_COME,
        _ => GOOD,
    };
    let serial = 10 + level as u8;
    let mut der = certificate(
        &CertificateParts {
            version: if random.one_in(30) { 1 } else { 3 },
            serial,
            issuer: issuer.map_or(&*subject, |issuer| &issuer.subject),
            subject: &subject,
            validity,
            key: &keys.0[key],
            extensions,
        },
        &keys.0[issuer.map_or(key, |issuer| issuer.key)],
    );
    if random.one_in(40) {
        *der.last_mut().expect("a certificate") ^= 1;
    }
    Link { subject, key, serial, der, is_critical_about_policies }
}

fn constraints(random: &mut Random) -> Vec<u8> {
    let mut subtree = || {
        let base = match random.below(9) {
            0 => der(0x82, b"out.test"),
            1 => der(0x82, b".in.test"),
            2 => der(0x87, &[10, 0, 0, 0, 255, 0, 0, 0]),
            3 => der(0x81, b"in.test"),
            4 => der(0xA4, &name("Leaf")),
            5 => der(0x86, b"in.test"),
            _ => der(0x82, b"in.test"),
        };
        sequence(&[base])
    };
    let (first, second) = (subtree(), subtree());
    match random.below(4) {
        0 => sequence(&[der(0xA1, &first)]),
        1 => sequence(&[der(0xA0, &first), der(0xA1, &second)]),
        _ => sequence(&[der(0xA0, &[first, der(0x30, &der(0x82, b"in.test"))].concat())]),
    }
}

fn policy_extensions(random: &mut Random, is_leaf: bool, all: &mut Vec<Extension>) {
    let mut add = |oid, critical, value| all.push(Extension { oid, critical, value });
    if !random.one_in(8) {
        let mut which = vec![random.below(3)];
        if random.one_in(3) {
            which.push((which[0] + 1) % 3);
        }
        let policies: Vec<_> = which.iter().map(|&one| sequence(&[oid(POLICIES[one])])).collect();
        add("2.5.29.32", random.one_in(3), sequence(&policies));
    }
    if is_leaf && !random.one_in(10) {
        return;
    }
    if random.one_in(4) {
        let tag = if random.one_in(2) { 0x80 } else { 0x81 };
        add("2.5.29.36", random.one_in(2), sequence(&[der(tag, &[random.below(2) as u8])]));
    }
    if random.one_in(6) {
        add("2.5.29.54", random.one_in(2), integer(random.below(2) as u8));
    }
    if random.one_in(4) {
        let (from, to) = if random.one_in(6) { (2, 0) } else { (0, 1) };
        let mapping = sequence(&[oid(POLICIES[from]), oid(POLICIES[to])]);
        add("2.5.29.33", random.one_in(2), sequence(&[mapping]));
    }
}

/// A distribution point of a certificate.
fn point(random: &mut Random, uri: &str, issuer: Option<&Link>) -> Vec<u8> {
    let full = |uri: &str| der(0xA0, &der(0xA0, &der(0x86, uri.as_bytes())));
    let name_of_point = if random.one_in(6) { full("http://a.test/2") } else { full(uri) };
    let reasons = if random.one_in(8) { der(0x81, &[1, 0x60]) } else { Vec::new() };
    let issuer = issuer
        .filter(|_| random.one_in(10))
        .map_or_else(Vec::new, |issuer| der(0xA2, &der(0xA4, &name(&issuer.subject))));
    sequence(&[name_of_point, reasons, issuer])
}

/// The lists of an issuer: a complete one, now and then in parts, now and then with a delta.
fn lists(random: &mut Random, keys: &Keys, issuer: &Link, below: &Link, is_leaf: bool) -> Vec<Crl> {
    let mut all = Vec::new();
    let halves = random.one_in(10);
    for part in 0..if halves { 2 } else { 1 } {
        let mut scope = Vec::new();
        if random.one_in(3) {
            let uri = if random.one_in(6) { "http://a.test/2" } else { "http://a.test/1" };
            scope.push(der(0xA0, &der(0xA0, &der(0x86, uri.as_bytes()))));
        }
        if random.one_in(6) {
            let fits = if is_leaf { 0x81 } else { 0x82 };
            let tag = if random.one_in(4) { [0x81, 0x82, 0x85][random.below(3)] } else { fits };
            scope.push(der(tag, &[0xFF]));
        }
        if halves {
            scope.push(if part == 0 {
                der(0x83, &[1, 0x60])
            } else {
                der(0x83, &[0, 0x1F, 0x80][..2])
            });
        }
        if random.one_in(20) {
            scope.push(der(0x84, &[0xFF]));
        }
        scope.sort_by_key(|field| field[0] & 0x1F);
        scope.dedup_by_key(|field| field[0]);
        // Sealwire adds a delta wherever it belongs to a list, OpenSSL where freshestCRL points to one.
        let has_delta = random.one_in(8);
        let complete = if has_delta { List::Fresh } else { List::Complete };
        all.extend(one_list(random, keys, issuer, below, scope.clone(), complete));
        if has_delta {
            all.extend(one_list(random, keys, issuer, below, scope, List::Delta));
        }
    }
    all
}

#[derive(Clone, Copy, PartialEq)]
enum List {
    Complete,
    /// Complete, and says that there are deltas.
    Fresh,
    Delta,
}

fn one_list(
    random: &mut Random,
    keys: &Keys,
    issuer: &Link,
    below: &Link,
    scope: Vec<Vec<u8>>,
    kind: List,
) -> Option<Crl> {
    let is_delta = kind == List::Delta;
    let number = if is_delta { 6 + random.below(2) } else { 5 + random.below(2) };
    let mut extensions =
        vec![Extension { oid: "2.5.29.20", critical: false, value: integer(number as u8) }];
    if !random.one_in(4) {
        let identifier = keys.0[issuer.key].identifier();
        let value = sequence(&[der(0x80, &identifier)]);
        extensions.push(Extension { oid: "2.5.29.35", critical: false, value });
    }
    if !scope.is_empty() {
        extensions.push(Extension { oid: "2.5.29.28", critical: true, value: sequence(&scope) });
    }
    match kind {
        List::Complete => {}
        List::Fresh => {
            let value = sequence(&[point(random, "http://a.test/1", None)]);
            extensions.push(Extension { oid: "2.5.29.46", critical: false, value });
        }
        List::Delta => {
            extensions.push(Extension { oid: "2.5.29.27", critical: true, value: integer(5) });
        }
    }
    if random.one_in(30) {
        extensions.push(Extension { oid: "1.2.3.5", critical: true, value: der(0x05, &[]) });
    }
    let mut revoked = vec![(99, Vec::new())];
    if random.one_in(8) {
        // removeFromCRL means something in deltas.
        let reason = if is_delta && random.one_in(2) { 8 } else { 1 };
        let value = der(0x0A, &[reason]);
        let more = vec![Extension { oid: "2.5.29.21", critical: false, value }];
        revoked.push((below.serial, if random.one_in(2) { more } else { Vec::new() }));
    }
    let key = if random.one_in(30) { (issuer.key + 1) % 4 } else { issuer.key };
    let end = match random.below(20) {
        0 => None,
        1 => Some(OVER.1),
        _ => Some(GOOD.1),
    };
    // OpenSSL before 3.0.20 believes a delta that is to come.
    let start = if !is_delta && random.one_in(30) { TO_COME.0 } else { GOOD.0 };
    let parts = ListParts { issuer: &issuer.subject, start, end, revoked, extensions };
    Crl::from_der(&list(&parts, &keys.0[key])).ok()
}
