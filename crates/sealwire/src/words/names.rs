//! Protocol versions, cipher suites and groups by their IANA and OpenSSL names.

use std::fmt;

use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::{NamedGroup as Group, SupportedCipherSuite};

/// A version of TLS, older ones first.
///
/// What is negotiated is TLS 1.2 or 1.3. The older two can be named in a range of versions, as
/// OpenSSL's and Node's users do; a range of nothing else fails in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// TLS 1.0 (RFC 2246), which no engine here speaks.
    Tls10,
    /// TLS 1.1 (RFC 4346), which no engine here speaks.
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl ProtocolVersion {
    /// OpenSSL's and Node's name: `TLSv1.3`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls10 => "TLSv1",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }

    pub(crate) fn from_rustls(version: rustls::ProtocolVersion) -> Option<Self> {
        match version {
            rustls::ProtocolVersion::TLSv1_2 => Some(Self::Tls12),
            rustls::ProtocolVersion::TLSv1_3 => Some(Self::Tls13),
            _ => None,
        }
    }

    /// `None`: the engine does not speak it.
    pub(crate) fn to_rustls(self) -> Option<&'static rustls::SupportedProtocolVersion> {
        match self {
            Self::Tls10 | Self::Tls11 => None,
            Self::Tls12 => Some(&rustls::version::TLS12),
            Self::Tls13 => Some(&rustls::version::TLS13),
        }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A cipher suite: one that was negotiated, or is to be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CipherSuite {
    iana: &'static str,
    openssl: &'static str,
}

impl CipherSuite {
    /// The name in IANA's registry: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`.
    pub fn iana_name(self) -> &'static str {
        self.iana
    }

    /// OpenSSL's name: `ECDHE-RSA-AES128-GCM-SHA256`. The same as IANA's for TLS 1.3.
    pub fn openssl_name(self) -> &'static str {
        self.openssl
    }

    /// The suites that can be spoken, in the engine's order of preference.
    pub fn supported() -> impl Iterator<Item = Self> {
        ALL_CIPHER_SUITES.iter().filter_map(|suite| Self::from_rustls(suite.suite()))
    }

    /// The suite of this name, IANA's or OpenSSL's; `None` when it cannot be spoken.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::supported().find(|suite| suite.iana == name || suite.openssl == name)
    }

    /// The oldest version that has this suite, which is the only one here that has it. Node's
    /// `getCipher().version`.
    pub fn protocol(self) -> ProtocolVersion {
        match self.iana.contains("_WITH_") {
            true => ProtocolVersion::Tls12,
            false => ProtocolVersion::Tls13,
        }
    }

    pub(crate) fn to_rustls(self) -> SupportedCipherSuite {
        *ALL_CIPHER_SUITES
            .iter()
            .find(|suite| Self::from_rustls(suite.suite()) == Some(self))
            .expect("made from one of them")
    }

    pub(crate) fn from_rustls(suite: rustls::CipherSuite) -> Option<Self> {
        use rustls::CipherSuite as S;
        let (iana, openssl) = match suite {
            S::TLS13_AES_256_GCM_SHA384 => ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
            S::TLS13_AES_128_GCM_SHA256 => ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
            S::TLS13_CHACHA20_POLY1305_SHA256 => {
                ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256")
            }
            S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => {
                ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384")
            }
            S::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => {
                ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256")
            }
            S::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
                ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305")
            }
            S::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => {
                ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384")
            }
            S::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => {
                ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256")
            }
            S::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => {
                ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305")
            }
            _ => return None,
        };
        Some(Self { iana, openssl })
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iana)
    }
}

/// The group in which the keys were agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NamedGroup {
    iana: &'static str,
    openssl: &'static str,
}

impl NamedGroup {
    /// The name in IANA's registry: `secp256r1`.
    pub fn iana_name(self) -> &'static str {
        self.iana
    }

    /// OpenSSL's name: `prime256v1`.
    pub fn openssl_name(self) -> &'static str {
        self.openssl
    }

    /// What Node's `getEphemeralKeyInfo` calls it: elliptic curves are `ECDH`, all others
    /// `TLSGroup`.
    pub fn kind(self) -> &'static str {
        if self.bits().is_some() { "ECDH" } else { "TLSGroup" }
    }

    /// The size of an elliptic curve's keys in bits, as OpenSSL counts them; `None` for a group of
    /// another kind.
    pub fn bits(self) -> Option<u16> {
        Some(match self.iana {
            "x25519" => 253,
            "secp256r1" => 256,
            "secp384r1" => 384,
            _ => return None,
        })
    }

    pub(crate) fn from_rustls(group: Group) -> Option<Self> {
        let (iana, openssl) = match group {
            Group::X25519 => ("x25519", "X25519"),
            Group::secp256r1 => ("secp256r1", "prime256v1"),
            Group::secp384r1 => ("secp384r1", "secp384r1"),
            Group::X25519MLKEM768 => ("X25519MLKEM768", "X25519MLKEM768"),
            Group::secp256r1MLKEM768 => ("SecP256r1MLKEM768", "SecP256r1MLKEM768"),
            Group::MLKEM768 => ("MLKEM768", "MLKEM768"),
            Group::MLKEM1024 => ("MLKEM1024", "MLKEM1024"),
            _ => return None,
        };
        Some(Self { iana, openssl })
    }
}

impl fmt::Display for NamedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.openssl)
    }
}
