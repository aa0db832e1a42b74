//! Bytes that nobody meant: cut short, mutated, nested. Nothing here may panic, hang or be trusted.

mod common;

use common::{CURRENT, INTERMEDIATE, Key, LEAF, NOW, ROOT, Spec, Workshop, workshop};
use sealwire_x509::{Certificate, Crl, PrivateKey, Purpose, Request, TrustSet, verify};

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap() % bound
    }

    /// Changes, removes, repeats or inserts a few bytes.
    fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                break;
            }
            let at = self.below(bytes.len());
            let byte = u8::try_from(self.next() & 0xFF).unwrap();
            match self.below(6) {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte & 7),
                2 => drop(bytes.remove(at)),
                3 => bytes.insert(at, byte),
                4 => {
                    let end = (at + 1 + self.below(16)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => bytes[at] = [0, 0x7F, 0x80, 0xFF][usize::from(byte & 3)],
            }
        }
        bytes
    }
}

/// Asks a certificate everything, so that every getter meets whatever was read.
fn look_at(certificate: &Certificate) -> usize {
    let names = certificate.subject_alt_names().map_or(0, |names| format!("{names:?}").len());
    let key = certificate.public_key().map_or(0, |key| format!("{key:?}").len());
    names
        + key
        + certificate.text().len()
        + certificate.to_pem().len()
        + certificate.serial_hex().len()
        + format!("{} {}", certificate.subject(), certificate.issuer()).len()
        + certificate.spki_der().len()
        + certificate.authority_info_access().len()
        + certificate.extended_key_usage().map_or(0, |usage| usage.len())
        + certificate.key_usage().map_or(0, |usage| usage.names().len())
        + certificate.subject_key_id().map_or(0, |id| id.len())
        + certificate.authority_key_id().map_or(0, |id| id.len())
        + usize::from(certificate.is_ca())
        + usize::from(certificate.basic_constraints().is_some())
        + usize::from(certificate.is_self_signed())
        + usize::from(certificate.is_issued_by(certificate))
        + usize::from(certificate.not_before() < certificate.not_after())
        + usize::from(certificate.has_subject_alt_name())
        + usize::from(certificate.extensions_are_valid())
        + usize::from(certificate.version())
        + certificate.signature_algorithm().name.len()
}

/// A leaf with every extension, and everything else that is read.
struct Victims {
    root: Certificate,
    int: Certificate,
    leaf: Certificate,
    crl: Crl,
    pkcs8: Vec<u8>,
    pkcs1: Vec<u8>,
    sec1: Vec<u8>,
}

fn victims(workshop: &Workshop) -> Victims {
    let root = workshop.make(ROOT);
    let int = workshop.make(INTERMEDIATE);
    let leaf = workshop.make(Spec {
        key: Key::Rsa(2048),
        extensions: "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n\
                     extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\n\
                     authorityKeyIdentifier=keyid,issuer:always\nnsComment=x\n\
                     subjectAltName=DNS:localhost,IP:::1,email:a@b.c,URI:a:b,RID:1.2,dirName:d,\
                     otherName:1.2.3;UTF8:x\nauthorityInfoAccess=OCSP;URI:http://a/\n\
                     crlDistributionPoints=URI:http://a/\ncertificatePolicies=1.2.3\n[d]\nCN=x",
        ..LEAF
    });
    let crl = workshop.crl("int", &["leaf", "root"], CURRENT.0, CURRENT.1, "int");
    Victims {
        root,
        int,
        leaf,
        crl,
        pkcs8: workshop.line("pkcs8 -topk8 -nocrypt -in leaf.key -outform DER"),
        pkcs1: workshop.line("rsa -in leaf.key -traditional -outform DER"),
        sec1: workshop.line("ec -in int.key -outform DER"),
    }
}

#[test]
fn every_prefix_is_refused() {
    let Some(workshop) = workshop() else { return };
    let it = victims(&workshop);
    let refused = |what: &str, whole: &[u8], refuses: &dyn Fn(&[u8]) -> bool| {
        for len in 0..whole.len() {
            assert!(refuses(&whole[..len]), "{what}: {len} of {} bytes", whole.len());
        }
        assert!(!refuses(whole), "{what}");
    };
    refused("certificate", it.leaf.der(), &|der| Certificate::from_der(der).is_err());
    refused("CRL", it.crl.der(), &|der| Crl::from_der(der).is_err());
    for (what, key) in [("PKCS#8", &it.pkcs8), ("PKCS#1", &it.pkcs1), ("SEC1", &it.sec1)] {
        refused(what, key, &|der| PrivateKey::from_der(der).is_err());
    }
    // A text is whole once the END line is; the line break after it adds nothing.
    let text = it.leaf.to_pem();
    refused("PEM", text.trim_end().as_bytes(), &|pem| Certificate::all_from_pem(pem).is_err());
    let text = it.crl.to_pem();
    refused("PEM CRL", text.trim_end().as_bytes(), &|pem| Crl::all_from_pem(pem).is_err());
    let text = String::from_utf8(workshop.read("leaf.key")).unwrap();
    refused("PEM key", text.trim_end().as_bytes(), &|pem| PrivateKey::from_pem(pem, None).is_err());
}

#[test]
fn mutants_are_survived() {
    let Some(workshop) = workshop() else { return };
    let it = victims(&workshop);
    let trust = TrustSet::new([it.root.clone()]).unwrap();
    let mut random = Random(0x5EA1_817E);
    let (mut read, mut looked) = (0, 0);
    for _ in 0..10_000 {
        let mutant = random.mutate(it.leaf.der());
        let Ok(mutant) = Certificate::from_der(&mutant) else { continue };
        read += 1;
        looked += look_at(&mutant);
        for (leaf, sent) in [(&mutant, &it.int), (&it.leaf, &mutant)] {
            let request = Request {
                leaf,
                intermediates: std::slice::from_ref(sent),
                trust: &trust,
                crls: &[],
                purpose: Purpose::Server,
                time: NOW,
                partial_chain: false,
                policies: sealwire_x509::CertificatePolicies::NONE,
            };
            let verdict = verify(&request).unwrap();
            assert!(!verdict.trusted() || mutant == it.leaf, "{}", mutant.to_pem());
            assert_eq!(verdict.trusted(), verdict.errors.is_empty());
        }
        let as_root = TrustSet::new([mutant]).unwrap();
        let request = Request {
            leaf: &it.leaf,
            intermediates: std::slice::from_ref(&it.int),
            trust: &as_root,
            crls: &[],
            purpose: Purpose::Any,
            time: NOW,
            partial_chain: false,
            policies: sealwire_x509::CertificatePolicies::NONE,
        };
        assert!(!verify(&request).unwrap().trusted());
    }
    assert!(read > 1000 && looked > read, "{read} mutants could be read at all");

    let mut lists = 0;
    for _ in 0..10_000 {
        let Ok(mutant) = Crl::from_der(&random.mutate(it.crl.der())) else { continue };
        lists += 1;
        let shown = mutant.text().len() + format!("{mutant:?}").len() + mutant.to_pem().len();
        assert!(shown + mutant.number().map_or(0, |number| number.len()) > 0);
        let request = Request {
            leaf: &it.int,
            intermediates: &[],
            trust: &trust,
            crls: &[mutant],
            purpose: Purpose::Any,
            time: NOW,
            partial_chain: false,
            policies: sealwire_x509::CertificatePolicies::NONE,
        };
        // It is the list of another issuer.
        assert!(!verify(&request).unwrap().trusted());
    }
    assert!(lists > 1000, "{lists} mutants could be read at all");
}

#[test]
fn mutated_keys_are_survived() {
    let Some(workshop) = workshop() else { return };
    let it = victims(&workshop);
    let mut random = Random(0x0BAD_5EED);
    for round in 0..10_000 {
        let key = [&it.pkcs8, &it.pkcs1, &it.sec1][round % 3];
        if let Ok(key) = PrivateKey::from_der(&random.mutate(key)) {
            assert!(!format!("{key:?}").is_empty());
            let written = key.to_pkcs8_der().unwrap();
            assert!(PrivateKey::from_der(&written).is_ok());
            assert!(!key.spki_der().unwrap().is_empty());
            assert!(!key.matches(&it.int) || round % 3 == 2);
        }
    }
}

#[test]
fn mutated_texts_are_survived() {
    let Some(workshop) = workshop() else { return };
    let it = victims(&workshop);
    let text = [
        workshop.line("pkey -in int.key -traditional -aes128 -passout pass:x"),
        it.leaf.to_pem().into_bytes(),
        it.crl.to_pem().into_bytes(),
    ]
    .concat();
    let mut random = Random(0x7E87_5EED);
    let (mut keys, mut certificates, mut lists) = (0, 0, 0);
    for _ in 0..10_000 {
        let mutant = random.mutate(&text);
        if let Ok(key) = PrivateKey::from_pem(&mutant, Some(b"x")) {
            keys += 1;
            // The EC key holds its public half as well, so a damaged one does not fit itself.
            assert!(key.matches(&it.int));
        }
        if let Ok(read) = Certificate::all_from_pem(&mutant) {
            certificates += 1;
            assert_eq!(read.len(), 1);
        }
        if let Ok(read) = Crl::all_from_pem(&mutant) {
            lists += 1;
            assert_eq!(read.len(), 1);
        }
    }
    for read in [keys, certificates, lists] {
        assert!((1000..10_000).contains(&read), "{keys}, {certificates}, {lists} could be read");
    }
}

/// Definite-length elements of one tag inside one another.
fn nested(tag: u8, depth: usize) -> Vec<u8> {
    let mut der = Vec::new();
    for _ in 0..depth {
        let len = u32::try_from(der.len()).unwrap();
        let mut outer = vec![tag, 0x84];
        outer.extend(len.to_be_bytes());
        outer.extend(der);
        der = outer;
    }
    der
}

#[test]
fn deep_nesting_is_refused() {
    for tag in [0x30, 0x31, 0xA0, 0xA3, 0x24, 0x04] {
        for depth in [1, 30, 100, 3000] {
            let der = nested(tag, depth);
            assert!(Certificate::from_der(&der).is_err());
            assert!(Crl::from_der(&der).is_err());
            assert!(PrivateKey::from_der(&der).is_err());
            // The same with indefinite lengths.
            let ber: Vec<u8> = [tag | 0x20, 0x80].repeat(depth);
            assert!(Certificate::from_der(&ber).is_err());
        }
    }
}
