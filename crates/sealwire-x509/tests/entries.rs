//! What the entries of a revocation list say: many of them, several about one certificate, with
//! reasons, removals and extensions that nobody knows. Written here byte by byte and signed by
//! `openssl`, which judges them too.

mod common;

use common::{INTERMEDIATE, LEAF, NOW, ROOT, Spec, Workshop, workshop};
use sealwire_x509::{
    Certificate, CertificatePolicies, Crl, Purpose, Request, TrustSet, error_name, verify,
};

/// An entry: the contents of its serial number, and the extensions behind its date.
type Entry = (Vec<u8>, Vec<Vec<u8>>);

struct Ca {
    workshop: Workshop,
    root: Certificate,
    int: Certificate,
}

impl Ca {
    fn new() -> Option<Self> {
        let workshop = workshop()?;
        let (root, int) = (workshop.make(ROOT), workshop.make(INTERMEDIATE));
        workshop.crl("root", &[], common::CURRENT.0, common::CURRENT.1, "root");
        Some(Self { workshop, root, int })
    }

    fn leaf(&self, name: &str, extensions: &str) -> Certificate {
        let extensions = format!("{}\n{extensions}", LEAF.extensions);
        self.workshop.make(Spec { name, extensions: &extensions, ..LEAF })
    }

    /// A list of `issuer`, in `NAME.crl`.
    fn list(&self, name: &str, issuer: &str, entries: &[Entry], extensions: &[Vec<u8>]) -> Crl {
        let algorithm = sequence(&[object(&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2])]);
        let written = entries.iter().map(|(serial, extensions)| {
            let mut entry = vec![der(0x02, serial), der(0x17, b"250601000000Z")];
            if !extensions.is_empty() {
                entry.push(sequence(extensions));
            }
            sequence(&entry)
        });
        let content = sequence(&[
            der(0x02, &[1]),
            algorithm.clone(),
            self.subject(issuer),
            der(0x17, b"250101000000Z"),
            der(0x17, b"450101000000Z"),
            sequence(&written.collect::<Vec<_>>()),
            der(0xA0, &sequence(extensions)),
        ]);
        self.workshop.write("content", &content);
        let key = format!("{issuer}.key");
        let signature = self.workshop.openssl(&["dgst", "-sha256", "-sign", &key, "content"]);
        let signature = der(0x03, &[&[0], &signature[..]].concat());
        let list = Crl::from_der(&sequence(&[content, algorithm, signature])).unwrap();
        self.workshop.write(&format!("{name}.crl"), list.to_pem());
        list
    }

    /// The name of a certificate, DER.
    fn subject(&self, name: &str) -> Vec<u8> {
        let common_name =
            self.workshop.certificate(name).subject().common_name().unwrap().to_owned();
        let attribute = sequence(&[object(&[0x55, 4, 3]), der(0x0C, common_name.as_bytes())]);
        sequence(&[der(0x31, &attribute)])
    }

    /// What is found first: by us, and by `openssl verify`.
    fn both(&self, leaf: &str, lists: &[(&str, &Crl)]) -> [String; 2] {
        let certificate = self.workshop.certificate(leaf);
        let root_list = Crl::all_from_pem(&self.workshop.read("root.crl")).unwrap().remove(0);
        let crls: Vec<Crl> =
            [root_list].into_iter().chain(lists.iter().map(|(_, list)| (*list).clone())).collect();
        let trust = TrustSet::new([self.root.clone()]).unwrap();
        let verdict = verify(&Request {
            leaf: &certificate,
            intermediates: std::slice::from_ref(&self.int),
            trust: &trust,
            policies: CertificatePolicies::NONE,
            crls: &crls,
            purpose: Purpose::Server,
            time: NOW,
            partial_chain: false,
        });
        let ours = verdict.unwrap().errors.first().map(|error| error.code);
        let name = |code: Option<i32>| code.map_or("OK", error_name).to_owned();
        [name(ours), name(self.openssls(leaf, lists))]
    }

    fn openssls(&self, leaf: &str, lists: &[(&str, &Crl)]) -> Option<i32> {
        let time = NOW.to_string();
        let (leaf, mut all) = (format!("{leaf}.pem"), self.workshop.read("root.crl"));
        for (name, _) in lists {
            all.extend(self.workshop.read(&format!("{name}.crl")));
        }
        self.workshop.write("all.crl", all);
        let output = self.workshop.run(&[
            "verify",
            "-CAfile",
            "root.pem",
            "-untrusted",
            "int.pem",
            "-CRLfile",
            "all.crl",
            "-crl_check_all",
            "-extended_crl",
            "-use_deltas",
            "-attime",
            &time,
            &leaf,
        ]);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let number = said.split("error ").nth(1).and_then(|rest| rest.split(' ').next());
        assert!(number.is_some() || output.status.success(), "{said}");
        number.map(|number| number.parse().unwrap())
    }
}

fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut out = vec![tag];
    match length {
        0..=0x7F => out.push(length as u8),
        0x80..=0xFFFF => out.extend([0x82, (length >> 8) as u8, length as u8]),
        _ => out.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
    }
    [out, contents.to_vec()].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

/// An OBJECT IDENTIFIER of these contents.
fn object(contents: &[u8]) -> Vec<u8> {
    der(0x06, contents)
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![object(oid)];
    if critical {
        parts.push(der(0x01, &[0xFF]));
    }
    parts.push(der(0x04, value));
    sequence(&parts)
}

fn number(number: u8) -> Vec<u8> {
    extension(&[0x55, 0x1D, 0x14], false, &der(0x02, &[number]))
}

fn reason(reason: u8) -> Vec<u8> {
    extension(&[0x55, 0x1D, 0x15], false, &der(0x0A, &[reason]))
}

fn serial(certificate: &Certificate) -> Vec<u8> {
    certificate.serial_number().unwrap().to_vec()
}

/// Many serial numbers, of one to twenty bytes, in no order.
fn others() -> Vec<Entry> {
    let scattered = (1..5000u32).map(|n| n.wrapping_mul(2_654_435_761));
    let number = |n: u32| {
        let bytes = [[1; 16].as_slice(), &n.to_be_bytes()].concat();
        bytes[bytes.len() - 1 - n as usize % 20..].to_vec()
    };
    // Positive, and no byte more than DER allows: OpenSSL refuses a list for one that is not.
    let is_short = |number: &Vec<u8>| (1..0x80).contains(&number[0]);
    scattered.map(number).filter(is_short).map(|number| (number, Vec::new())).collect()
}

#[test]
fn one_among_thousands_is_found_wherever_it_is() {
    let Some(ca) = Ca::new() else { return };
    let (revoked, _) = (ca.leaf("revoked", ""), ca.leaf("good", ""));
    for place in [0, 2000, others().len()] {
        let mut entries = others();
        entries.insert(place, (serial(&revoked), Vec::new()));
        let list = ca.list("int", "int", &entries, &[number(5)]);
        assert_eq!(ca.both("revoked", &[("int", &list)]), ["CERT_REVOKED"; 2], "at {place}");
        assert_eq!(ca.both("good", &[("int", &list)]), ["OK"; 2], "at {place}");
    }
}

#[test]
fn several_entries_about_one_certificate_revoke_it() {
    let Some(ca) = Ca::new() else { return };
    let (revoked, _) = (ca.leaf("revoked", ""), ca.leaf("good", ""));
    let twice = |first: &[u8], second: &[u8]| {
        let entry = |reasons: &[u8]| {
            (serial(&revoked), reasons.iter().map(|one| reason(*one)).collect::<Vec<_>>())
        };
        let mut entries = others();
        entries.insert(100, entry(first));
        entries.push(entry(second));
        ca.list("int", "int", &entries, &[number(5)])
    };
    for list in [twice(&[], &[]), twice(&[1], &[6]), twice(&[6], &[]), twice(&[], &[1])] {
        assert_eq!(ca.both("revoked", &[("int", &list)]), ["CERT_REVOKED"; 2]);
        assert_eq!(ca.both("good", &[("int", &list)]), ["OK"; 2]);
    }
}

#[test]
fn an_entry_with_a_critical_extension_that_nobody_knows_spoils_the_list() {
    let Some(ca) = Ca::new() else { return };
    let (revoked, _) = (ca.leaf("revoked", ""), ca.leaf("good", ""));
    let unknown = |critical| vec![extension(&[0x2A, 3, 4], critical, &[5, 0])];
    for (critical, expected) in [(false, "OK"), (true, "UNHANDLED_CRITICAL_CRL_EXTENSION")] {
        let mut entries = others();
        entries.insert(4000, (vec![0x7B], unknown(critical)));
        let list = ca.list("int", "int", &entries, &[number(5)]);
        assert_eq!(ca.both("good", &[("int", &list)]), [expected; 2], "critical: {critical}");
        entries.insert(0, (serial(&revoked), Vec::new()));
        let list = ca.list("int", "int", &entries, &[number(5)]);
        let expected = if critical { expected } else { "CERT_REVOKED" };
        assert_eq!(ca.both("revoked", &[("int", &list)]), [expected; 2], "critical: {critical}");
    }
}

#[test]
fn a_delta_list_takes_off_and_puts_on() {
    let Some(ca) = Ca::new() else { return };
    // OpenSSL adds a delta list where the certificate says that there is one.
    let fresh = "freshestCRL=URI:http://a.test/delta";
    let held = ca.leaf("held", fresh);
    ca.leaf("good", fresh);
    let mut entries = others();
    entries.insert(50, (serial(&held), vec![reason(6)]));
    let base = ca.list("int", "int", &entries, &[number(5)]);
    assert_eq!(ca.both("held", &[("int", &base)]), ["CERT_REVOKED"; 2]);
    let delta = |more: Vec<Entry>| {
        let of = extension(&[0x55, 0x1D, 0x1B], true, &der(0x02, &[5]));
        let mut entries: Vec<Entry> = others().into_iter().rev().collect();
        entries.splice(1000..1000, more);
        ca.list("delta", "int", &entries, &[number(6), of])
    };
    let (off, on) = (vec![reason(8)], vec![reason(1)]);
    for (more, expected) in [
        (vec![], "CERT_REVOKED"),
        (vec![(serial(&held), off)], "OK"),
        (vec![(serial(&held), on)], "CERT_REVOKED"),
    ] {
        let delta = delta(more);
        let lists = [("int", &base), ("delta", &delta)];
        assert_eq!(ca.both("held", &lists), [expected; 2]);
        assert_eq!(ca.both("good", &lists), ["OK"; 2]);
    }
}

/// Outside a delta list `removeFromCRL` means nothing (RFC 5280, 5.3.1). OpenSSL takes it for a removal
/// all the same; whom a list names we do not let in.
#[test]
fn a_complete_list_takes_nobody_off() {
    let Some(ca) = Ca::new() else { return };
    let odd = ca.leaf("odd", "");
    let list = ca.list("int", "int", &[(serial(&odd), vec![reason(8)])], &[number(5)]);
    assert_eq!(ca.both("odd", &[("int", &list)]), ["CERT_REVOKED", "OK"]);
}

#[test]
fn entries_of_an_indirect_list_are_of_the_issuer_that_was_named_last() {
    let Some(ca) = Ca::new() else { return };
    let indirect = "crlDistributionPoints=point\n[point]\nfullname=URI:http://a.test/1";
    let (revoked, _) = (ca.leaf("revoked", indirect), ca.leaf("good", indirect));
    // The list is the intermediate's own, about other issuers as well.
    let point = der(0xA0, &der(0xA0, &der(0x86, b"http://a.test/1")));
    let scope = sequence(&[point, der(0x84, &[0xFF])]);
    let scope = extension(&[0x55, 0x1D, 0x1C], true, &scope);
    let issuer = |name: &str| {
        let names = sequence(&[der(0xA4, &ca.subject(name))]);
        extension(&[0x55, 0x1D, 0x1D], true, &names)
    };
    let (mine, root) = (issuer("int"), issuer("root"));
    let entry = |extensions: &[&Vec<u8>]| {
        (serial(&revoked), extensions.iter().map(|one| (*one).clone()).collect::<Vec<_>>())
    };
    let other = |extensions: &[&Vec<u8>]| {
        (vec![0x77], extensions.iter().map(|one| (*one).clone()).collect::<Vec<_>>())
    };
    for (entries, expected) in [
        (vec![entry(&[])], "CERT_REVOKED"),
        (vec![entry(&[&mine])], "CERT_REVOKED"),
        (vec![entry(&[&root])], "OK"),
        // The issuer that was named stays the one of the entries behind.
        (vec![other(&[&root]), entry(&[])], "OK"),
        (vec![other(&[&root]), entry(&[&mine])], "CERT_REVOKED"),
        (vec![other(&[&root]), other(&[&mine]), entry(&[])], "CERT_REVOKED"),
        (vec![entry(&[]), other(&[&root]), other(&[])], "CERT_REVOKED"),
        (vec![entry(&[&root]), entry(&[&mine])], "CERT_REVOKED"),
        (vec![entry(&[&mine]), entry(&[&root])], "CERT_REVOKED"),
    ] {
        let list = ca.list("int", "int", &entries, &[number(5), scope.clone()]);
        assert_eq!(ca.both("revoked", &[("int", &list)]), [expected; 2], "{entries:02X?}");
        assert_eq!(ca.both("good", &[("int", &list)]), ["OK"; 2], "{entries:02X?}");
    }
}
