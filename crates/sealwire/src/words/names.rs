//! Protocol versions, cipher suites and groups by their IANA and OpenSSL names.

use std::fmt;

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
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A cipher suite: one that was negotiated, or is to be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CipherSuite(&'static Suite);

/// A suite that can be spoken.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Suite {
    /// The number in IANA's registry.
    number: u16,
    iana: &'static str,
    openssl: &'static str,
    /// Of TLS 1.2: whether the server proves itself by an RSA key. `None`: it is of TLS 1.3.
    rsa: Option<bool>,
}

/// The suites that can be spoken, in the engine's order of preference.
#[rustfmt::skip]
static SUITES: [Suite; 9] = [
    Suite { number: 0x1302, iana: "TLS_AES_256_GCM_SHA384", openssl: "TLS_AES_256_GCM_SHA384", rsa: None },
    Suite { number: 0x1301, iana: "TLS_AES_128_GCM_SHA256", openssl: "TLS_AES_128_GCM_SHA256", rsa: None },
    Suite { number: 0x1303, iana: "TLS_CHACHA20_POLY1305_SHA256", openssl: "TLS_CHACHA20_POLY1305_SHA256", rsa: None },
    Suite { number: 0xc02c, iana: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", openssl: "ECDHE-ECDSA-AES256-GCM-SHA384", rsa: Some(false) },
    Suite { number: 0xc02b, iana: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", openssl: "ECDHE-ECDSA-AES128-GCM-SHA256", rsa: Some(false) },
    Suite { number: 0xcca9, iana: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", openssl: "ECDHE-ECDSA-CHACHA20-POLY1305", rsa: Some(false) },
    Suite { number: 0xc030, iana: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", openssl: "ECDHE-RSA-AES256-GCM-SHA384", rsa: Some(true) },
    Suite { number: 0xc02f, iana: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", openssl: "ECDHE-RSA-AES128-GCM-SHA256", rsa: Some(true) },
    Suite { number: 0xcca8, iana: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", openssl: "ECDHE-RSA-CHACHA20-POLY1305", rsa: Some(true) },
];

impl CipherSuite {
    /// The name in IANA's registry: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`.
    pub fn iana_name(self) -> &'static str {
        self.0.iana
    }

    /// OpenSSL's name: `ECDHE-RSA-AES128-GCM-SHA256`. The same as IANA's for TLS 1.3.
    pub fn openssl_name(self) -> &'static str {
        self.0.openssl
    }

    /// The suites that can be spoken, in the engine's order of preference.
    pub fn supported() -> impl Iterator<Item = Self> {
        SUITES.iter().map(Self)
    }

    /// The suite of this name, IANA's or OpenSSL's; `None` when it cannot be spoken.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::supported().find(|suite| suite.0.iana == name || suite.0.openssl == name)
    }

    /// The oldest version that has this suite, which is the only one here that has it. Node's
    /// `getCipher().version`.
    pub fn protocol(self) -> ProtocolVersion {
        if self.0.rsa.is_some() { ProtocolVersion::Tls12 } else { ProtocolVersion::Tls13 }
    }

    /// The suite of this number in IANA's registry; `None` when it cannot be spoken.
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        Self::supported().find(|suite| suite.0.number == number)
    }

    /// The number on the wire.
    pub(crate) fn number(self) -> u16 {
        self.0.number
    }

    /// Whether a server proves itself by an RSA key; `None` in TLS 1.3, where that is no matter of
    /// the suite.
    pub(crate) fn wants_rsa(self) -> Option<bool> {
        self.0.rsa
    }

    /// OpenSSL's count of its security bits.
    pub(crate) fn security_bits(self) -> u32 {
        if self.0.iana.contains("AES_128") { 128 } else { 256 }
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana)
    }
}

/// The group in which the keys were agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NamedGroup(&'static Group);

/// A group in which keys can be agreed.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Group {
    /// The number in IANA's registry.
    number: u16,
    iana: &'static str,
    openssl: &'static str,
}

#[rustfmt::skip]
static GROUPS: [Group; 7] = [
    Group { number: 0x001d, iana: "x25519", openssl: "X25519" },
    Group { number: 0x0017, iana: "secp256r1", openssl: "prime256v1" },
    Group { number: 0x0018, iana: "secp384r1", openssl: "secp384r1" },
    Group { number: 0x11ec, iana: "X25519MLKEM768", openssl: "X25519MLKEM768" },
    Group { number: 0x11eb, iana: "SecP256r1MLKEM768", openssl: "SecP256r1MLKEM768" },
    Group { number: 0x0201, iana: "MLKEM768", openssl: "MLKEM768" },
    Group { number: 0x0202, iana: "MLKEM1024", openssl: "MLKEM1024" },
];

impl NamedGroup {
    /// The name in IANA's registry: `secp256r1`.
    pub fn iana_name(self) -> &'static str {
        self.0.iana
    }

    /// OpenSSL's name: `prime256v1`.
    pub fn openssl_name(self) -> &'static str {
        self.0.openssl
    }

    /// What Node's `getEphemeralKeyInfo` calls it: elliptic curves are `ECDH`, all others
    /// `TLSGroup`.
    pub fn kind(self) -> &'static str {
        if self.bits().is_some() { "ECDH" } else { "TLSGroup" }
    }

    /// The size of an elliptic curve's keys in bits, as OpenSSL counts them; `None` for a group of
    /// another kind.
    pub fn bits(self) -> Option<u16> {
        Some(match self.0.iana {
            "x25519" => 253,
            "secp256r1" => 256,
            "secp384r1" => 384,
            _ => return None,
        })
    }

    /// The group of this number in IANA's registry; `None` when keys cannot be agreed in it here.
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        GROUPS.iter().find(|group| group.number == number).map(Self)
    }

    /// The number on the wire.
    pub(crate) fn number(self) -> u16 {
        self.0.number
    }

    /// The group of this name in IANA's registry, in any case.
    pub(super) fn by_iana_name(name: &str) -> Option<Self> {
        GROUPS.iter().find(|group| group.iana.eq_ignore_ascii_case(name)).map(Self)
    }

    /// As in OpenSSL's table of groups (`tls1_get_group_id`'s, `providers/common/capabilities.c`).
    pub(crate) fn security_bits(self) -> u32 {
        match self.0.iana {
            "secp384r1" | "X25519MLKEM768" | "SecP256r1MLKEM768" | "MLKEM768" => 192,
            "MLKEM1024" => 256,
            _ => 128,
        }
    }
}

impl fmt::Display for NamedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.openssl)
    }
}
