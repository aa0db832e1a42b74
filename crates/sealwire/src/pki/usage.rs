//! The permitted uses of a key: extendedKeyUsage in OpenSSL's words, keyUsage in x509-cert's.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use x509_cert::ext::pkix::KeyUsages;

use super::{Error, KeyUsage, Problem};

/// x509-cert's flag for a use.
pub(super) fn flag(usage: KeyUsage) -> KeyUsages {
    match usage {
        KeyUsage::DigitalSignature => KeyUsages::DigitalSignature,
        KeyUsage::NonRepudiation => KeyUsages::NonRepudiation,
        KeyUsage::KeyEncipherment => KeyUsages::KeyEncipherment,
        KeyUsage::DataEncipherment => KeyUsages::DataEncipherment,
        KeyUsage::KeyAgreement => KeyUsages::KeyAgreement,
        KeyUsage::KeyCertSign => KeyUsages::KeyCertSign,
        KeyUsage::CrlSign => KeyUsages::CRLSign,
        KeyUsage::EncipherOnly => KeyUsages::EncipherOnly,
        KeyUsage::DecipherOnly => KeyUsages::DecipherOnly,
    }
}

/// The uses that these flags stand for.
pub(super) fn of_flags(flags: x509_cert::ext::pkix::KeyUsage) -> Vec<KeyUsage> {
    KeyUsage::ALL.into_iter().filter(|usage| flags.0.contains(flag(*usage))).collect()
}

/// A purpose of the extendedKeyUsage extension
/// ([RFC 5280, section 4.2.1.12](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12)):
/// OpenSSL's name or a
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
    /// [RFC 3161](https://www.rfc-editor.org/rfc/rfc3161) time stamps.
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
