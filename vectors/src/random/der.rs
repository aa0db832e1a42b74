//! Certificates and revocation lists, written by hand: whatever no library would write, too.

use sealwire::pki::{KeyAlgorithm, PrivateKey};

pub(super) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;

/// One element.
pub(super) fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match contents.len() {
        short @ 0..=0x7F => out.push(short as u8),
        len @ 0x80..=0xFF => out.extend([0x81, len as u8]),
        len => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend_from_slice(contents);
    out
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(SEQUENCE, &parts.concat())
}

/// From its dotted form.
pub(super) fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().expect("a number")).collect();
    let mut contents = Vec::new();
    let first = arcs[0] * 40 + arcs[1];
    for arc in std::iter::once(first).chain(arcs[2..].iter().copied()) {
        let mut septets = vec![(arc & 0x7F) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            septets.push((rest & 0x7F) as u8 | 0x80);
            rest >>= 7;
        }
        contents.extend(septets.iter().rev());
    }
    der(OID, &contents)
}

pub(super) fn integer(number: u8) -> Vec<u8> {
    der(0x02, &[number])
}

/// One attribute, `CN` for example, or none.
pub(super) fn name(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return sequence(&[]);
    }
    let attribute = sequence(&[oid("2.5.4.3"), der(0x0C, common_name.as_bytes())]);
    sequence(&[der(SET, &attribute)])
}

pub(super) fn time(utc: &str) -> Vec<u8> {
    der(0x17, utc.as_bytes())
}

/// An extension of a certificate, of a list, or of an entry.
#[derive(Clone)]
pub(super) struct Extension {
    pub(super) oid: &'static str,
    pub(super) critical: bool,
    pub(super) value: Vec<u8>,
}

impl Extension {
    fn der(&self) -> Vec<u8> {
        let critical = if self.critical { der(0x01, &[0xFF]) } else { Vec::new() };
        sequence(&[oid(self.oid), critical, der(0x04, &self.value)])
    }
}

pub(super) fn extensions(all: &[Extension]) -> Vec<u8> {
    sequence(&all.iter().map(Extension::der).collect::<Vec<_>>())
}

pub(super) struct Key {
    pub(super) private: PrivateKey,
    algorithm: Vec<u8>,
}

impl Key {
    pub(super) fn new(kind: KeyAlgorithm) -> Self {
        let private = PrivateKey::generate(kind).expect("keys can be made");
        let algorithm = match kind {
            KeyAlgorithm::Ed25519 => sequence(&[oid("1.3.101.112")]),
            KeyAlgorithm::Rsa { .. } => sequence(&[oid("1.2.840.113549.1.1.11"), der(0x05, &[])]),
            _ => sequence(&[oid("1.2.840.10045.4.3.2")]),
        };
        Self { private, algorithm }
    }

    /// The key's identifier, of no particular method.
    pub(super) fn identifier(&self) -> Vec<u8> {
        let spki = self.private.spki_der();
        spki[spki.len() - 20..].to_vec()
    }
}

pub(super) struct CertificateParts<'a> {
    pub(super) version: u8,
    pub(super) serial: u8,
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    pub(super) validity: (&'a str, &'a str),
    pub(super) key: &'a Key,
    pub(super) extensions: Vec<Extension>,
}

pub(super) fn certificate(parts: &CertificateParts<'_>, signer: &Key) -> Vec<u8> {
    let version = match parts.version {
        1 => Vec::new(),
        version => der(0xA0, &integer(version - 1)),
    };
    let extended = match parts.version {
        3 if !parts.extensions.is_empty() => der(0xA3, &extensions(&parts.extensions)),
        _ => Vec::new(),
    };
    let content = sequence(&[
        version,
        integer(parts.serial),
        signer.algorithm.clone(),
        name(parts.issuer),
        sequence(&[time(parts.validity.0), time(parts.validity.1)]),
        name(parts.subject),
        parts.key.private.spki_der().to_vec(),
        extended,
    ]);
    signed(content, signer)
}

pub(super) struct ListParts<'a> {
    pub(super) issuer: &'a str,
    pub(super) start: &'a str,
    pub(super) end: Option<&'a str>,
    /// Serial numbers, with the extensions of their entries.
    pub(super) revoked: Vec<(u8, Vec<Extension>)>,
    pub(super) extensions: Vec<Extension>,
}

pub(super) fn list(parts: &ListParts<'_>, signer: &Key) -> Vec<u8> {
    let entry = |(serial, more): &(u8, Vec<Extension>)| {
        let more = if more.is_empty() { Vec::new() } else { extensions(more) };
        sequence(&[integer(*serial), time("260101000000Z"), more])
    };
    let revoked: Vec<_> = parts.revoked.iter().map(entry).collect();
    let content = sequence(&[
        integer(1),
        signer.algorithm.clone(),
        name(parts.issuer),
        time(parts.start),
        parts.end.map(time).unwrap_or_default(),
        if revoked.is_empty() { Vec::new() } else { sequence(&revoked) },
        der(0xA0, &extensions(&parts.extensions)),
    ]);
    signed(content, signer)
}

fn signed(content: Vec<u8>, signer: &Key) -> Vec<u8> {
    let signature = signer.private.sign(&content).expect("the key signs");
    let signature = der(0x03, &[&[0], &signature[..]].concat());
    sequence(&[content, signer.algorithm.clone(), signature])
}
