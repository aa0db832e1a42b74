//! NIST's Public Key Interoperability Test Suite, as in the package `cryptography_vectors`.
//!
//! The names of its files say what is expected: `Valid...` and `Invalid...`. What a policy is
//! tried with is in its document, and here in [`policies`](super::policies).

use std::path::{Path, PathBuf};

use sealwire::pki::{Certificate, Crl, Purpose};

use super::judges::{Chain, PolicyInput};
use super::policies::POLICY_TESTS;
use super::{Error, Suite as Judged, Vector};

/// The sections of its document that are not about policies, and words in the names of their files.
const SECTIONS: &[(&str, &[&str])] = &[
    ("4.1 signatures", &["CertificatePathTest1", "ASignature", "EESignature", "DSA"]),
    (
        "4.4 revocation",
        &[
            "MissingCRL",
            "RevokedCA",
            "RevokedEE",
            "BadCRL",
            "WrongCRL",
            "TwoCRLs",
            "UnknownCRL",
            "CRLnextUpdate",
            "SerialNumber",
            "SeparateCertificate",
        ],
    ),
    ("4.2 validity", &["notBefore", "notAfter"]),
    ("4.3 name chaining", &["NameChaining", "NameUIDs", "RFC3280", "UTF8String", "Rollover"]),
    ("4.5 self-issued", &["BasicSelfIssued"]),
    ("4.6 basic constraints", &["basicConstraints", "cAFalse", "pathLenConstraint"]),
    ("4.7 key usage", &["keyUsage"]),
    ("4.13 name constraints", &["nameConstraints"]),
    (
        "4.14 distribution points",
        &["istributionPoint", "onlyContains", "onlySomeReasons", "indirectCRL", "cRLIssuer"],
    ),
    ("4.15 delta lists", &["deltaCRL"]),
    ("4.16 private extensions", &["CertificateExtension"]),
];

/// 2017: while everything that is not meant to be out of date is valid.
const TIME: i64 = 1_500_000_000;

/// Certificates that sign lists for others, which no name leads to.
const SIGNERS: &[&str] = &["cRLIssuer", "CRLSigning", "indirectCRLCA", "CRLCert"];

struct Suite {
    certificates: Vec<(String, Certificate)>,
    lists: Vec<Crl>,
    anchor: Certificate,
}

/// Each section and its vectors; the policies last.
pub(super) fn suites(package: &Path) -> Result<Vec<Judged>, Error> {
    let suite = Suite::read(&package.join("x509/PKITS_data"))?;
    let mut all = Vec::new();
    let mut sections: Vec<(String, Vec<Vector>)> =
        SECTIONS.iter().map(|(title, _)| (format!("PKITS {title}"), Vec::new())).collect();
    for (name, _) in &suite.certificates {
        let Some(section) = section(name) else { continue };
        let valid = name.starts_with("Valid");
        sections[section].1.push(suite.vector(name, name, valid, None)?);
    }
    sections.sort_by_key(|(title, _)| {
        let number = title.split_whitespace().nth(1).and_then(|number| number.split_once('.'));
        number.and_then(|(_, minor)| minor.parse::<u8>().ok())
    });
    all.extend(sections.into_iter().map(|(title, vectors)| Judged::of(title, vectors)));
    let mut policies = Vec::new();
    for test in POLICY_TESTS {
        let input = PolicyInput {
            accepted: test.accepted.iter().map(|n| policy(*n)).collect(),
            explicit: test.explicit,
            inhibit_any: test.inhibit_any,
            inhibit_mapping: test.inhibit_mapping,
        };
        policies.push(suite.vector(test.number, test.leaf, test.valid, Some(input))?);
    }
    all.push(Judged::of("PKITS 4.8 to 4.12 policies", policies));
    Ok(all)
}

/// NIST's test policies; 0 is any.
fn policy(number: u8) -> String {
    if number == 0 { "2.5.29.32.0".to_owned() } else { format!("2.16.840.1.101.3.2.1.48.{number}") }
}

fn section(name: &str) -> Option<usize> {
    let is_leaf =
        name.ends_with("EE") && (name.starts_with("Valid") || name.starts_with("Invalid"));
    let about_policies = ["Policy", "Policies", "anyPolicy"].iter().any(|word| name.contains(word));
    if !is_leaf || about_policies {
        return None;
    }
    SECTIONS.iter().position(|(_, words)| words.iter().any(|word| name.contains(word)))
}

impl Suite {
    fn read(folder: &Path) -> Result<Self, Error> {
        let mut certificates = Vec::new();
        for file in files(&folder.join("certs"))? {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            certificates.push((name, Certificate::from_der(&std::fs::read(&file)?)?));
        }
        let mut lists = Vec::new();
        for file in files(&folder.join("crls"))? {
            lists.push(Crl::from_der(&std::fs::read(&file)?)?);
        }
        let anchor = certificates.iter().find(|(name, _)| name == "TrustAnchorRootCertificate");
        let anchor = anchor.ok_or("the trust anchor of PKITS is missing")?.1.clone();
        Ok(Self { certificates, lists, anchor })
    }

    fn vector(
        &self,
        name: &str,
        leaf: &str,
        valid: bool,
        policies: Option<PolicyInput>,
    ) -> Result<Vector, Error> {
        let leaf = self
            .certificates
            .iter()
            .find(|(name, _)| name.strip_suffix("EE") == Some(leaf) || name == leaf);
        let leaf = leaf.ok_or_else(|| format!("{name}: its certificate is missing"))?.1.clone();
        let mut presented = vec![leaf];
        let mut next = 0;
        while let Some(certificate) = presented.get(next).cloned() {
            next += 1;
            for (_, other) in &self.certificates {
                if *other != self.anchor
                    && certificate.names_as_issuer(other)
                    && !presented.contains(other)
                {
                    presented.push(other.clone());
                }
            }
        }
        for (name, signer) in &self.certificates {
            if SIGNERS.iter().any(|word| name.contains(word))
                && !presented.contains(signer)
                && !name.ends_with("EE")
            {
                presented.push(signer.clone());
            }
        }
        Ok(Vector {
            name: name.to_owned(),
            valid,
            chain: Chain {
                presented,
                trusted: vec![self.anchor.clone()],
                texts: None,
                partial: false,
                lists: self.lists.clone(),
                policies,
                purpose: Purpose::Any,
                host: None,
                time: TIME,
                security_level: 0,
            },
        })
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<_> =
        entries.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>()?;
    files.sort();
    Ok(files)
}
