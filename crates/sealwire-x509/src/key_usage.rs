//! The keyUsage extension: what a key may be used for
//! ([RFC 5280, section 4.2.1.3](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3)).

use std::fmt;
use std::str::FromStr;

use aws_lc_sys as c;

use crate::error::{Error, Problem};

/// One use, a bit of the keyUsage extension. Its text is
/// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)'s name: `digitalSignature`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyUsage {
    /// Signatures, as in every TLS 1.3 handshake.
    DigitalSignature,
    /// Signatures that bind (contentCommitment).
    NonRepudiation,
    /// Encrypting keys: TLS 1.2's RSA key exchange.
    KeyEncipherment,
    /// Encrypting data itself.
    DataEncipherment,
    /// Static Diffie-Hellman.
    KeyAgreement,
    /// Signing certificates.
    KeyCertSign,
    /// Signing revocation lists.
    CrlSign,
    /// With key agreement: encrypting only.
    EncipherOnly,
    /// With key agreement: decrypting only.
    DecipherOnly,
}

/// The uses that a certificate allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyUsages(u16);

impl KeyUsage {
    /// Every use, in the order of [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280).
    pub const ALL: [Self; 9] = [
        Self::DigitalSignature,
        Self::NonRepudiation,
        Self::KeyEncipherment,
        Self::DataEncipherment,
        Self::KeyAgreement,
        Self::KeyCertSign,
        Self::CrlSign,
        Self::EncipherOnly,
        Self::DecipherOnly,
    ];

    /// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)'s name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DigitalSignature => "digitalSignature",
            Self::NonRepudiation => "nonRepudiation",
            Self::KeyEncipherment => "keyEncipherment",
            Self::DataEncipherment => "dataEncipherment",
            Self::KeyAgreement => "keyAgreement",
            Self::KeyCertSign => "keyCertSign",
            Self::CrlSign => "cRLSign",
            Self::EncipherOnly => "encipherOnly",
            Self::DecipherOnly => "decipherOnly",
        }
    }

    fn bit(self) -> u16 {
        (match self {
            Self::DigitalSignature => c::X509v3_KU_DIGITAL_SIGNATURE,
            Self::NonRepudiation => c::X509v3_KU_NON_REPUDIATION,
            Self::KeyEncipherment => c::X509v3_KU_KEY_ENCIPHERMENT,
            Self::DataEncipherment => c::X509v3_KU_DATA_ENCIPHERMENT,
            Self::KeyAgreement => c::X509v3_KU_KEY_AGREEMENT,
            Self::KeyCertSign => c::X509v3_KU_KEY_CERT_SIGN,
            Self::CrlSign => c::X509v3_KU_CRL_SIGN,
            Self::EncipherOnly => c::X509v3_KU_ENCIPHER_ONLY,
            Self::DecipherOnly => c::X509v3_KU_DECIPHER_ONLY,
        }) as u16
    }
}

impl KeyUsages {
    /// The bytes of the BIT STRING, the first one low (as AWS-LC counts them).
    pub(crate) fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Whether this use is allowed.
    #[must_use]
    pub fn contains(self, usage: KeyUsage) -> bool {
        self.0 & usage.bit() != 0
    }

    /// The uses in the order of [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280).
    pub fn iter(self) -> impl Iterator<Item = KeyUsage> {
        KeyUsage::ALL.into_iter().filter(move |usage| self.contains(*usage))
    }

    /// Their names: `digitalSignature`, `keyCertSign`, ...
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(KeyUsage::name).collect()
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyUsage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|usage| usage.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.into_iter().map(Self::name).collect();
            let detail = format!("{text:?} is not a key usage: {}", names.join(", "));
            Error::new(Problem::InvalidValue, detail)
        })
    }
}
