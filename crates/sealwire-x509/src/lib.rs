//! A safe face over AWS-LC's X.509, CRL, PKCS#8, PKCS#12 and PEM functions: the only part of
//! Sealwire that calls C.

mod asn1;
mod certificate;
mod chain;
mod codes;
mod crl;
mod der;
mod error;
mod extensions;
mod key;
mod name;
mod owned;
mod pem;
mod pkcs12;
mod trust;
mod verify;

pub use certificate::{Certificate, SignatureAlgorithm};
pub use codes::{error_name, error_text};
pub use crl::Crl;
pub use error::{Error, ErrorKind};
pub use extensions::{GeneralName, KeyUsage};
pub use key::{KeyAlgorithm, PrivateKey, PublicKey, RsaPublicKey};
pub use name::{Attribute, Name};
pub use pkcs12::Pkcs12;
pub use trust::TrustSet;
pub use verify::{ChainError, MAX_INTERMEDIATES, Purpose, Request, Verdict, verify};
