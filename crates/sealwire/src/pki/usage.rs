//! What a key may be used for: keyUsage and extendedKeyUsage, in OpenSSL's words.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use x509_cert::ext::pkix::KeyUsages;

use super::{Error, Problem};

/// A bit of the keyUsage extension (RFC 5280, section 4.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum KeyUsage {
    DigitalSignature,
    NonRepudiation,
    KeyEncipherment,
    DataEncipherment,
    KeyAgreement,
    KeyCertSign,
    CrlSign,
    EncipherOnly,
    DecipherOnly,
}

const KEY_USAGES: &[(KeyUsage, &str, KeyUsages)] = &[
    (KeyUsage::DigitalSignature, "digitalSignature", KeyUsages::DigitalSignature),
    (KeyUsage::NonRepudiation, "nonRepudiation", KeyUsages::NonRepudiation),
    (KeyUsage::KeyEncipherment, "keyEncipherment", KeyUsages::KeyEncipherment),
    (KeyUsage::DataEncipherment, "dataEncipherment", KeyUsages::DataEncipherment),
    (KeyUsage::KeyAgreement, "keyAgreement", KeyUsages::KeyAgreement),
    (KeyUsage::KeyCertSign, "keyCertSign", KeyUsages::KeyCertSign),
    (KeyUsage::CrlSign, "cRLSign", KeyUsages::CRLSign),
    (KeyUsage::EncipherOnly, "encipherOnly", KeyUsages::EncipherOnly),
    (KeyUsage::DecipherOnly, "decipherOnly", KeyUsages::DecipherOnly),
];

impl KeyUsage {
    pub(super) fn bit(self) -> KeyUsages {
        KEY_USAGES.iter().find(|row| row.0 == self).expect("every usage has a row").2
    }
}

impl KeyUsage {
    pub(super) fn of_flags(flags: x509_cert::ext::pkix::KeyUsage) -> Vec<Self> {
        KEY_USAGES.iter().filter(|row| flags.0.contains(row.2)).map(|row| row.0).collect()
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KEY_USAGES.iter().find(|row| row.0 == *self).expect("every usage has a row").1)
    }
}

impl FromStr for KeyUsage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let row = KEY_USAGES.iter().find(|row| row.1.eq_ignore_ascii_case(text));
        row.map(|row| row.0).ok_or_else(|| {
            let known: Vec<_> = KEY_USAGES.iter().map(|row| row.1).collect();
            let what = format!("{text:?} is not a key usage: {}", known.join(", "));
            Error::new(Problem::InvalidValue, what)
        })
    }
}

/// A purpose of the extendedKeyUsage extension (RFC 5280, section 4.2.1.12): OpenSSL's name or a
/// dotted OID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExtendedKeyUsage(pub(super) ObjectIdentifier);

impl ExtendedKeyUsage {
    /// TLS servers.
    pub const SERVER_AUTH: Self = Self(rfc5280::ID_KP_SERVER_AUTH);
    /// TLS clients.
    pub const CLIENT_AUTH: Self = Self(rfc5280::ID_KP_CLIENT_AUTH);
    /// Signatures of code.
    pub const CODE_SIGNING: Self = Self(rfc5280::ID_KP_CODE_SIGNING);
    /// S/MIME.
    pub const EMAIL_PROTECTION: Self = Self(rfc5280::ID_KP_EMAIL_PROTECTION);
    /// RFC 3161 time stamps.
    pub const TIME_STAMPING: Self = Self(rfc5280::ID_KP_TIME_STAMPING);
    /// Answers of an OCSP responder.
    pub const OCSP_SIGNING: Self = Self(rfc5280::ID_KP_OCSP_SIGNING);
    /// Every purpose.
    pub const ANY: Self = Self(rfc5280::ANY_EXTENDED_KEY_USAGE);

    /// The purpose's object identifier, dotted.
    pub fn oid(&self) -> String {
        self.0.to_string()
    }
}

const PURPOSES: &[(ExtendedKeyUsage, &str)] = &[
    (ExtendedKeyUsage::SERVER_AUTH, "serverAuth"),
    (ExtendedKeyUsage::CLIENT_AUTH, "clientAuth"),
    (ExtendedKeyUsage::CODE_SIGNING, "codeSigning"),
    (ExtendedKeyUsage::EMAIL_PROTECTION, "emailProtection"),
    (ExtendedKeyUsage::TIME_STAMPING, "timeStamping"),
    (ExtendedKeyUsage::OCSP_SIGNING, "OCSPSigning"),
    (ExtendedKeyUsage::ANY, "anyExtendedKeyUsage"),
];

impl fmt::Display for ExtendedKeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match PURPOSES.iter().find(|row| row.0 == *self) {
            Some(row) => f.write_str(row.1),
            None => self.0.fmt(f),
        }
    }
}

impl FromStr for ExtendedKeyUsage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let row = PURPOSES.iter().find(|row| row.1.eq_ignore_ascii_case(text));
        match row {
            Some(row) => Ok(row.0),
            None => ObjectIdentifier::new(text).map(Self).map_err(|_| {
                let known: Vec<_> = PURPOSES.iter().map(|row| row.1).collect();
                let what =
                    format!("{text:?} is not a purpose: {}, or a dotted OID", known.join(", "));
                Error::new(Problem::InvalidValue, what)
            }),
        }
    }
}
