//! Chains made to cost: what a peer sends must not take more than tens of milliseconds to judge.

mod common;

use std::time::{Duration, Instant};

use common::{NOW, ROOT, Workshop, workshop};
use sealwire_x509::{Certificate, Purpose, Request, TrustSet, Verdict, error_name, verify};

/// A hundred times what it should take, so that a busy machine or valgrind does not fail the test.
const PATIENCE: Duration = Duration::from_secs(5);

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = u32::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &len, contents].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    minimal(0x30, &parts.concat())
}

/// As DER wants it: the shortest length.
fn minimal(tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = u32::try_from(contents.len()).unwrap();
    let bytes = len.to_be_bytes();
    match len {
        0..0x80 => [&[tag, bytes[3]][..], contents].concat(),
        0x80..0x100 => [&[tag, 0x81, bytes[3]][..], contents].concat(),
        0x100..0x1_0000 => [&[tag, 0x82, bytes[2], bytes[3]][..], contents].concat(),
        _ => element(tag, contents),
    }
}

fn name(common_name: &str) -> Vec<u8> {
    let attribute = [vec![6, 3, 0x55, 4, 3], minimal(0x0C, common_name.as_bytes())];
    sequence(&[minimal(0x31, &sequence(&attribute))])
}

fn extension(number: u8, value: &[u8]) -> Vec<u8> {
    sequence(&[vec![6, 3, 0x55, 0x1D, number], minimal(4, value)])
}

/// A modulus and exponent that look like RSA's; nobody knows a private key.
fn rsa(bits: usize, exponent: &[u8]) -> Vec<u8> {
    let modulus = [vec![0], vec![0xA5; bits / 8]].concat();
    let numbers = sequence(&[minimal(2, &modulus), minimal(2, exponent)]);
    let algorithm =
        sequence(&[vec![6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1], vec![5, 0]]);
    sequence(&[algorithm, minimal(3, &[vec![0], numbers].concat())])
}

/// A CA certificate whose signature is noise of the right length.
fn certificate(
    subject: &str,
    issuer: &str,
    key: &[u8],
    extensions: &[Vec<u8>],
    bits: usize,
) -> Certificate {
    let algorithm =
        sequence(&[vec![6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 11], vec![5, 0]]);
    let validity = sequence(&[minimal(0x17, b"250101000000Z"), minimal(0x17, b"450101000000Z")]);
    let ca = extension(0x13, &[0x30, 3, 1, 1, 0xFF]);
    let to_be_signed = sequence(&[
        vec![0xA0, 3, 2, 1, 2, 2, 1, 7],
        algorithm.clone(),
        name(issuer),
        validity,
        name(subject),
        key.to_vec(),
        minimal(0xA3, &sequence(&[vec![ca], extensions.to_vec()].concat())),
    ]);
    let signature = [vec![0], vec![0x5A; bits / 8]].concat();
    let der = sequence(&[to_be_signed, algorithm, minimal(3, &signature)]);
    Certificate::from_der(&der).unwrap()
}

/// Judges a leaf `0` of issuer `1` of issuer `2` and so on, made by `make(subject, issuer)`.
fn judge(w: &Workshop, length: usize, make: impl Fn(usize, &str, &str) -> Certificate) -> Verdict {
    let trust = TrustSet::new([w.certificate("root")]).unwrap();
    let all: Vec<_> = (0..=length)
        .map(|index| make(index, &format!("c{index}"), &format!("c{}", index + 1)))
        .collect();
    let begin = Instant::now();
    let verdict = verify(&Request {
        leaf: &all[0],
        intermediates: &all[1..],
        trust: &trust,
        crls: &[],
        purpose: Purpose::Server,
        time: NOW,
        partial_chain: false,
        policies: sealwire_x509::CertificatePolicies::NONE,
    })
    .unwrap();
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    assert!(!verdict.trusted());
    verdict
}

#[test]
fn huge_keys() {
    let Some(w) = workshop() else { return };
    w.make(ROOT);
    for (bits, exponent, judged) in [
        (2048, &[1, 0, 1][..], 101),
        (4096, &[1, 0, 1], 101),
        (8192, &[1, 0, 1], 67),
        (16384, &[1, 0, 1], 17),
        (16384, &[1, 0xFF, 0xFF, 0xFF, 0xFF], 9),
    ] {
        let key = rsa(bits, exponent);
        let verdict =
            judge(&w, 120, |_, subject, issuer| certificate(subject, issuer, &key, &[], bits));
        assert_eq!(verdict.chain.len(), judged, "{bits}");
        assert_eq!(error_name(verdict.errors[0].code), "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
    }
}

#[test]
fn many_names_and_constraints() {
    let Some(w) = workshop() else { return };
    w.make(ROOT);
    let key = rsa(1024, &[1, 0, 1]);
    let dns = |label: usize| minimal(0x82, format!("{label:x}.example").as_bytes());
    for (names, constraints, length) in
        [(1000, 1000, 20), (60, 120, 100), (16, 32, 100), (4000, 200, 1)]
    {
        let alternative: Vec<_> = (0..names).map(dns).collect();
        let alternative = extension(0x11, &sequence(&alternative));
        // All names are permitted, by the last constraint of all.
        let mut permitted: Vec<_> =
            (1..constraints).map(|label| sequence(&[dns(label + 0x10_0000)])).collect();
        permitted.push(sequence(&[minimal(0x82, b"example")]));
        let constraint = sequence(&[minimal(0xA0, &permitted.concat())]);
        let constraint = extension(0x1E, &constraint);
        let verdict = judge(&w, length, |index, subject, issuer| {
            let mut extensions = vec![alternative.clone()];
            if index > 0 {
                extensions.push(constraint.clone());
            }
            certificate(subject, issuer, &key, &extensions, 1024)
        });
        assert!(verdict.chain.len() < 60, "{}", verdict.chain.len());
    }
}

#[test]
fn a_crowd_of_one_name() {
    let Some(w) = workshop() else { return };
    w.make(ROOT);
    let key = rsa(2048, &[1, 0, 1]);
    let verdict = judge(&w, 100, |index, _, _| {
        let subject = if index == 0 { "leaf" } else { "crowd" };
        certificate(subject, if index % 2 == 0 { "crowd" } else { "nobody" }, &key, &[], 2048)
    });
    assert_eq!(verdict.chain.len(), 2);
}

#[test]
fn an_ordinary_certificate_with_many_names_is_no_matter() {
    let Some(w) = workshop() else { return };
    let root = w.make(ROOT);
    let names: Vec<_> = (0..500).map(|label| format!("DNS:{label}.localhost")).collect();
    let extensions = format!("subjectAltName={}", names.join(","));
    let constraints = "basicConstraints=critical,CA:TRUE\n\
                       nameConstraints=critical,permitted;DNS:localhost,permitted;DNS:example";
    let int = w.make(common::Spec { extensions: constraints, ..common::INTERMEDIATE });
    let leaf = w.make(common::Spec { extensions: &extensions, ..common::LEAF });
    let verdict = verify(&Request {
        leaf: &leaf,
        intermediates: &[int],
        trust: &TrustSet::new([root]).unwrap(),
        crls: &[],
        purpose: Purpose::Server,
        time: NOW,
        partial_chain: false,
        policies: sealwire_x509::CertificatePolicies::NONE,
    });
    assert!(verdict.unwrap().trusted());
}
