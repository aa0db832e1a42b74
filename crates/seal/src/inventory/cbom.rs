//! A cryptography bill of materials, as CycloneDX 1.7 has it: certificates, their public keys, algorithms, and the
//! protocols of servers. Nothing of it is secret: private keys are not read for it.
//!
//! It is written as JSON at once: the crate of the format (`cyclonedx-bom`) knows versions before 1.6.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::rand;
use sealwire::pki::{self, Certificate};
use serde_json::{Value, json};

use super::{Found, What};
use crate::inspect::posture::{self, Posture};
use crate::inspect::scan::{GroupKind, Known};
use crate::view::card;
use crate::words::clock;

/// The bill of what was found.
pub(crate) fn cbom(found: &[Found]) -> Value {
    let mut bill = Bill::default();
    for Found { place, what } in found {
        match what {
            What::Certificate(shown) => {
                let reference = bill.certificate(&shown.certificate);
                bill.places.entry(reference).or_default().insert(place);
            }
            What::Server(posture) => {
                let reference = bill.protocol(place, posture);
                bill.places.entry(reference).or_default().insert(place);
            }
            What::Unreadable(_) => bill.is_incomplete = true,
            What::List(_) => {}
        }
    }
    bill.end()
}

#[derive(Default)]
struct Bill<'a> {
    /// By their references.
    components: BTreeMap<String, Value>,
    /// Where each of them lies.
    places: BTreeMap<String, BTreeSet<&'a str>>,
    is_incomplete: bool,
}

impl<'a> Bill<'a> {
    fn end(mut self) -> Value {
        for (reference, places) in self.places {
            let places: Vec<Value> =
                places.into_iter().map(|place| json!({ "location": place })).collect();
            if let Some(component) = self.components.get_mut(&reference) {
                component["evidence"] = json!({ "occurrences": places });
            }
        }
        let completeness = if self.is_incomplete { "incomplete" } else { "unknown" };
        json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.7",
            "serialNumber": format!("urn:uuid:{}", uuid()),
            "version": 1,
            "metadata": {
                "timestamp": card::time(clock::now()),
                "tools": { "components": [{
                    "type": "application",
                    "name": "seal",
                    "version": env!("CARGO_PKG_VERSION"),
                }] },
            },
            "components": self.components.into_values().collect::<Vec<_>>(),
            "compositions": [{ "aggregate": completeness }],
        })
    }

    /// Adds a component, unless it is there; `None` is left out of its properties.
    fn add(&mut self, reference: &str, name: &str, crypto: Value) {
        self.components.entry(reference.to_owned()).or_insert_with(|| {
            json!({
                "type": "cryptographic-asset",
                "bom-ref": reference,
                "name": name,
                "cryptoProperties": without_nulls(crypto),
            })
        });
    }

    fn certificate(&mut self, certificate: &Certificate) -> String {
        let fingerprint = hex(&pki::sha256_fingerprint(certificate.der()));
        let reference = format!("certificate:{fingerprint}");
        if self.components.contains_key(&reference) {
            return reference;
        }
        let key = self.key(certificate);
        let signature = self.signature(certificate);
        let (start, end, now) = (certificate.not_before(), certificate.not_after(), clock::now());
        let state = match () {
            () if now > end => json!({ "state": "deactivated", "reason": "it has expired" }),
            () if now < start => json!({ "state": "pre-activation" }),
            () => json!({ "state": "active" }),
        };
        let names = card::names(certificate);
        let names = (!names.is_empty()).then(|| {
            json!([{
                "commonExtensionName": "subjectAlternativeName",
                "commonExtensionValue": names.join(", "),
            }])
        });
        let subject = card::subject(certificate);
        self.add(
            &reference,
            if subject.is_empty() { "a certificate without a subject" } else { &subject },
            json!({
                "assetType": "certificate",
                "certificateProperties": {
                    "serialNumber": certificate.serial_hex(),
                    "subjectName": subject,
                    "issuerName": card::issuer(certificate),
                    "notValidBefore": card::time(start),
                    "notValidAfter": card::time(end),
                    "certificateFormat": "X.509",
                    "fingerprint": { "alg": "SHA-256", "content": fingerprint },
                    "certificateState": [state],
                    "certificateExtensions": names,
                    "relatedCryptographicAssets": [
                        { "type": "algorithm", "ref": signature },
                        { "type": "publicKey", "ref": key },
                    ],
                },
            }),
        );
        reference
    }

    fn key(&mut self, certificate: &Certificate) -> String {
        let spki = certificate.spki_der();
        let (fingerprint, kind) = (hex(&pki::sha256_fingerprint(&spki)), pki::key_text(&spki));
        let curve = ["P-224", "P-256", "P-384", "P-521"].into_iter().find(|it| kind.ends_with(it));
        let curve = match curve {
            Some(curve) => Some(format!("nist/{curve}")),
            None => (kind == "Ed25519").then(|| "other/Ed25519".to_owned()),
        };
        let algorithm = format!("algorithm:{kind}");
        self.add(
            &algorithm,
            &kind,
            json!({
                "assetType": "algorithm",
                "algorithmProperties": {
                    "primitive": "signature",
                    "algorithmFamily": family(&kind),
                    "ellipticCurve": curve,
                    "nistQuantumSecurityLevel": level(&kind, posture::key_holds(certificate)),
                },
            }),
        );
        let reference = format!("key:{fingerprint}");
        let size = certificate.public_key().map_or(0, |key| key.bits);
        self.add(
            &reference,
            &format!("{kind} public key"),
            json!({
                "assetType": "related-crypto-material",
                "relatedCryptoMaterialProperties": {
                    "type": "public-key",
                    "size": (size > 0).then_some(size),
                    "format": "SubjectPublicKeyInfo",
                    "fingerprint": { "alg": "SHA-256", "content": fingerprint },
                    "relatedCryptographicAssets": [{ "type": "algorithm", "ref": algorithm }],
                },
            }),
        );
        reference
    }

    fn signature(&mut self, certificate: &Certificate) -> String {
        let algorithm = certificate.signature_algorithm();
        let reference = format!("algorithm:{}", algorithm.name);
        let holds = posture::signature_holds(&algorithm.oid, &algorithm.name);
        self.add(
            &reference,
            &algorithm.name,
            json!({
                "assetType": "algorithm",
                "oid": algorithm.oid,
                "algorithmProperties": {
                    "primitive": "signature",
                    "algorithmFamily": family(&algorithm.name),
                    "nistQuantumSecurityLevel": level(&algorithm.name, holds),
                },
            }),
        );
        reference
    }

    fn group(&mut self, group: &Known) -> String {
        let reference = format!("algorithm:{}", group.name);
        let (primitive, family) = match group.kind {
            GroupKind::Hybrid => ("combiner", Some("ML-KEM")),
            GroupKind::Pure => ("kem", Some("ML-KEM")),
            GroupKind::Draft => ("combiner", None),
            GroupKind::Classical if group.name.starts_with("ffdhe") => ("key-agree", Some("FFDH")),
            GroupKind::Classical => ("key-agree", Some("ECDH")),
        };
        let level = level(&group.name, Some(group.kind.is_post_quantum()));
        self.add(
            &reference,
            &group.name,
            json!({
                "assetType": "algorithm",
                "algorithmProperties": {
                    "primitive": primitive,
                    "algorithmFamily": family,
                    "nistQuantumSecurityLevel": level,
                },
            }),
        );
        reference
    }

    fn protocol(&mut self, place: &str, posture: &Posture) -> String {
        let exchange = &posture.key_exchange;
        let asked = exchange.asked.iter().flat_map(|asked| &asked.known);
        let mut groups: Vec<&Known> = exchange.selected.iter().chain(asked).collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        groups.dedup_by(|a, b| a.name == b.name);
        let related: Vec<Value> = groups
            .iter()
            .map(|group| json!({ "type": "algorithm", "ref": self.group(group) }))
            .collect();
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        let version = posture
            .protocol
            .as_deref()
            .map(|name| name.trim_start_matches("TLSv").trim_start_matches("SSLv").to_owned());
        let suite = posture.cipher.as_ref().map(|cipher| {
            json!([without_nulls(json!({
                "name": cipher,
                "tlsGroups": names,
                "tlsSignatureSchemes": posture.authentication.scheme.as_ref().map(|it| [it]),
            }))])
        });
        let reference = format!("protocol:tls:{place}");
        self.add(
            &reference,
            &format!("TLS of {place}"),
            json!({
                "assetType": "protocol",
                "protocolProperties": {
                    "type": "tls",
                    "version": version,
                    "cipherSuites": suite,
                    "relatedCryptographicAssets": related,
                },
            }),
        );
        if let Some(component) = self.components.get_mut(&reference) {
            component["properties"] = json!([
                { "name": "seal:key-exchange", "value": exchange.verdict.words() },
                { "name": "seal:authentication", "value": posture.authentication.verdict.words() },
            ]);
        }
        reference
    }
}

/// CycloneDX' name of the family that an algorithm belongs to.
fn family(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let families = [
        ("ml-dsa", "ML-DSA"),
        ("slh-dsa", "SLH-DSA"),
        ("rsassapss", "RSASSA-PSS"),
        ("rsa-pss", "RSASSA-PSS"),
        ("rsa", "RSASSA-PKCS1"),
        ("ecdsa", "ECDSA"),
        ("ed25519", "EdDSA"),
        ("ed448", "EdDSA"),
        ("dsa", "DSA"),
        ("sm2", "SM2"),
        ("gost", "GOST"),
    ];
    families.into_iter().find(|(word, _)| lower.contains(word)).map(|(_, family)| family)
}

/// NIST's category of strength against a quantum computer; 0 of what does not hold, `None` where that is not known.
fn level(name: &str, holds: Option<bool>) -> Option<u8> {
    let levels = [
        ("ML-DSA-44", 2),
        ("ML-DSA-65", 3),
        ("ML-DSA-87", 5),
        ("MLKEM512", 1),
        ("MLKEM768", 3),
        ("MLKEM1024", 5),
    ];
    match holds? {
        false => Some(0),
        true => levels.into_iter().find(|(word, _)| name.contains(word)).map(|(_, level)| level),
    }
}

/// `AB:CD` as `abcd`.
fn hex(fingerprint: &str) -> String {
    fingerprint.replace(':', "").to_lowercase()
}

/// Version 4 (RFC 9562).
fn uuid() -> String {
    let mut bytes = [0; 16];
    // Without random bytes it is not unique, which does no harm to a reader of one bill.
    let _ = rand::fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// What has no value is left out, as the schema wants.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
