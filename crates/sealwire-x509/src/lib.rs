//! Certificates, keys and verdicts for TLS: a safe face over AWS-LC's X.509, CRL, PKCS#8 and PEM
//! functions. The only part of Sealwire that calls C.
//!
//! - [`Certificate`], [`Crl`] and [`PrivateKey`] read what people have in their files,
//!   in every form that OpenSSL writes, and say by name what they cannot read.
//! - [`OcspResponse`] reads what a responder says of a certificate, and whose word it is.
//! - [`verify`] judges a certificate against a [`TrustSet`] and tells either that it is trusted or
//!   everything that is wrong, in the order in which OpenSSL 3 finds it and under its names. Every
//!   yes is `X509_verify_cert`'s.
//!
//! ```
//! use sealwire_x509::{Certificate, CertificatePolicies, Purpose, Request, TrustSet, error_name, error_text, verify};
//!
//! # fn main() -> Result<(), sealwire_x509::Error> {
//! // A self-signed certificate without extensions, as tutorials make them.
//! let pem = b"\
//! -----BEGIN CERTIFICATE-----
//! MIIBIjCByQIUQpL6atiPgSL4C1EGZyhBZe4kNXEwCgYIKoZIzj0EAwIwFDESMBAG
//! A1UEAwwJbG9jYWxob3N0MB4XDTI1MDEwMTAwMDAwMFoXDTQ1MDEwMTAwMDAwMFow
//! FDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
//! BxNPbs976M3aiYaL0Cc4GSwYVo619Ne1JvWjSFcZWEnoWIyOC4oFxv6x7vhLI9ff
//! RZ+TB2UEGVg1LOijr9NjHzAKBggqhkjOPQQDAgNIADBFAiEAp4dDGKMKI7YlpS8F
//! qgnWYgO0qJqnkmWotlZy7DC6oBICIBEbn4+lmrRnqSnR0zxlNbz1Jf8Chs6vLuUE
//! KxtQE1WG
//! -----END CERTIFICATE-----";
//! let leaf = &Certificate::all_from_pem(pem)?[0];
//! assert_eq!(leaf.subject().to_string(), "CN=localhost");
//! assert_eq!((leaf.version(), leaf.not_after()), (1, 2_366_841_600));
//!
//! let request = Request {
//!     leaf,
//!     intermediates: &[],
//!     trust: &TrustSet::new([])?,
//!     policies: CertificatePolicies::NONE,
//!     crls: &[],
//!     purpose: Purpose::Server,
//!     time: 1_893_456_000, // 2030-01-01
//!     partial_chain: false,
//! };
//! let verdict = verify(&request)?;
//! let last = verdict.errors.last().expect("the trust set is empty");
//! assert_eq!(error_name(last.code), "DEPTH_ZERO_SELF_SIGNED_CERT");
//! assert_eq!(error_text(last.code), "self-signed certificate");
//!
//! let trust = TrustSet::new([leaf.clone()])?;
//! assert!(verify(&Request { trust: &trust, ..request })?.trusted());
//! # Ok(())
//! # }
//! ```
//!
//! # Safety
//!
//! Every pointer that AWS-LC hands out is owned by a Rust type that gives it back, borrowed ones
//! do not leave the function that got them, and every call leaves AWS-LC's error queue empty.
//! Nothing is changed after it was parsed, which is what makes sharing between threads sound.

mod asn1;
mod blame;
mod budget;
mod certificate;
mod chain;
mod codes;
mod constraints;
mod cost;
mod crl;
mod der;
mod distribution_point;
mod error;
mod extensions;
mod foreign;
mod issuers;
mod key;
mod key_kind;
mod key_usage;
mod list_entries;
mod list_terms;
mod mend;
mod name;
mod name_text;
mod ocsp;
mod one_line;
mod owned;
mod parity;
pub mod pem;
mod plain;
mod policies;
mod public_key;
mod purpose;
mod rc4;
mod request;
mod revocation;
mod rules;
mod signature;
mod signing;
mod time;
mod trust;
mod trust_settings;
mod verify;

pub use certificate::{Certificate, IssuerFit, SignatureAlgorithm};
pub use codes::{error_name, error_text};
pub use constraints::{
    NameConstraints, NameViolation, Subtree, check_host_constraints, name_violation,
};
pub use crl::{Crl, CrlScope};
pub use error::{Error, Problem};
pub use extensions::GeneralName;
pub use foreign::Foreign;
pub use key::PrivateKey;
pub use key_usage::{KeyUsage, KeyUsages};
pub use mend::Irregularity;
pub use name::{Attribute, Name};
pub use name_text::{Rfc4514, ShownAttribute};
pub use ocsp::{OcspAnswer, OcspResponder, OcspResponse, OcspSigner, OcspStatus, ocsp_request};
pub use policies::CertificatePolicies;
pub use public_key::{KeyType, PublicKey, RsaPublicKey};
pub use purpose::Purpose;
pub use rc4::rc4;
pub use request::{ChainError, MAX_INTERMEDIATES, Request, Verdict};
pub use signature::is_signed_by;
pub use trust::TrustSet;
pub use verify::{verify, verify_with};
