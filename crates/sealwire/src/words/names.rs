//! Protocol versions, cipher suites and groups by their IANA and OpenSSL names.

use std::fmt;

use super::old_suites::OLD_SUITES;

/// A version of TLS, older ones first.
///
/// What is negotiated is TLS 1.2 or 1.3, unless a context asks for [old peers](crate::Legacy). The
/// older two can be named in any range of versions, as OpenSSL's and Node's users do; without that
/// option, a range of only those fails in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// TLS 1.0 ([RFC 2246](https://www.rfc-editor.org/rfc/rfc2246)), for old peers only.
    Tls10,
    /// TLS 1.1 ([RFC 4346](https://www.rfc-editor.org/rfc/rfc4346)), for old peers only.
    Tls11,
    /// TLS 1.2 ([RFC 5246](https://www.rfc-editor.org/rfc/rfc5246)).
    Tls12,
    /// TLS 1.3 ([RFC 9846](https://www.rfc-editor.org/rfc/rfc9846), which obsoletes
    /// [RFC 8446](https://www.rfc-editor.org/rfc/rfc8446)).
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

/// A cipher suite: a negotiated one, or one to enable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CipherSuite(&'static Suite);

/// A suite that can be spoken.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Suite {
    /// The number in IANA's registry.
    pub(super) number: u16,
    pub(super) iana: &'static str,
    pub(super) openssl: &'static str,
    /// The first protocol that has it.
    pub(super) since: Since,
    pub(super) proof: Proof,
}

/// The first protocol with a suite, as OpenSSL counts (`SSL_CIPHER_get_version`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Since {
    Ssl3,
    Tls1,
    Tls12,
    Tls13,
}

/// How a server proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Proof {
    /// In TLS 1.3 the suite does not determine it.
    Any,
    Rsa,
    Ecdsa,
    /// By a key that both knew before.
    Psk,
    /// By both.
    RsaPsk,
}

/// The suites that can be spoken, in the engine's order of preference.
#[rustfmt::skip]
static SUITES: [Suite; 9] = [
    Suite { number: 0x1302, iana: "TLS_AES_256_GCM_SHA384", openssl: "TLS_AES_256_GCM_SHA384", since: Since::Tls13, proof: Proof::Any },
    Suite { number: 0x1301, iana: "TLS_AES_128_GCM_SHA256", openssl: "TLS_AES_128_GCM_SHA256", since: Since::Tls13, proof: Proof::Any },
    Suite { number: 0x1303, iana: "TLS_CHACHA20_POLY1305_SHA256", openssl: "TLS_CHACHA20_POLY1305_SHA256", since: Since::Tls13, proof: Proof::Any },
    Suite { number: 0xc02c, iana: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", openssl: "ECDHE-ECDSA-AES256-GCM-SHA384", since: Since::Tls12, proof: Proof::Ecdsa },
    Suite { number: 0xc02b, iana: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", openssl: "ECDHE-ECDSA-AES128-GCM-SHA256", since: Since::Tls12, proof: Proof::Ecdsa },
    Suite { number: 0xcca9, iana: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", openssl: "ECDHE-ECDSA-CHACHA20-POLY1305", since: Since::Tls12, proof: Proof::Ecdsa },
    Suite { number: 0xc030, iana: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", openssl: "ECDHE-RSA-AES256-GCM-SHA384", since: Since::Tls12, proof: Proof::Rsa },
    Suite { number: 0xc02f, iana: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", openssl: "ECDHE-RSA-AES128-GCM-SHA256", since: Since::Tls12, proof: Proof::Rsa },
    Suite { number: 0xcca8, iana: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", openssl: "ECDHE-RSA-CHACHA20-POLY1305", since: Since::Tls12, proof: Proof::Rsa },
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

    /// The supported suites, in the engine's order of preference.
    pub fn supported() -> impl Iterator<Item = Self> {
        SUITES.iter().map(Self)
    }

    /// The suite of this name, IANA's or OpenSSL's; `None` when it is not supported.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::supported().find(|suite| suite.0.iana == name || suite.0.openssl == name)
    }

    /// The suite of this name, as [`by_name`](Self::by_name), or one of those for old peers.
    pub(crate) fn old_or_new(name: &str) -> Option<Self> {
        let old = || OLD_SUITES.iter().find(|suite| suite.openssl == name || suite.iana == name);
        Self::by_name(name).or_else(|| old().map(Self))
    }

    /// The oldest version that has this suite; of those for [new peers](Self::supported), the only
    /// one here that has it.
    pub fn protocol(self) -> ProtocolVersion {
        match self.0.since {
            Since::Ssl3 | Since::Tls1 => ProtocolVersion::Tls10,
            Since::Tls12 => ProtocolVersion::Tls12,
            Since::Tls13 => ProtocolVersion::Tls13,
        }
    }

    /// OpenSSL's name for the protocol that the suite came with: Node's `getCipher().version`. That
    /// may be one which is no longer enabled.
    pub fn first_protocol_name(self) -> &'static str {
        match self.0.since {
            Since::Ssl3 => "SSLv3",
            Since::Tls1 => "TLSv1.0",
            Since::Tls12 => "TLSv1.2",
            Since::Tls13 => "TLSv1.3",
        }
    }

    /// The suite of this number in IANA's registry; `None` when it cannot be spoken.
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        Self::supported().find(|suite| suite.0.number == number)
    }

    /// The same, of those for old peers, too.
    #[cfg(feature = "legacy")]
    pub(crate) fn old_or_new_from_number(number: u16) -> Option<Self> {
        let old = || OLD_SUITES.iter().find(|suite| suite.number == number);
        Self::from_number(number).or_else(|| old().map(Self))
    }

    /// Whether it is one of the second engine's, for old peers but for a few.
    #[cfg(feature = "legacy")]
    pub(crate) fn is_old(self) -> bool {
        Self::from_number(self.0.number).is_none()
    }

    /// Whether its key agreement is in a finite field.
    #[cfg(feature = "legacy")]
    pub(crate) fn agrees_in_a_field(self) -> bool {
        self.0.iana.starts_with("TLS_DHE_")
    }

    /// Whether its key agreement is on an elliptic curve.
    #[cfg(feature = "legacy")]
    pub(crate) fn agrees_on_a_curve(self) -> bool {
        self.0.iana.starts_with("TLS_ECDHE_")
    }

    /// Whether a key that both knew before takes part.
    #[cfg(feature = "legacy")]
    pub(crate) fn wants_psk(self) -> bool {
        matches!(self.0.proof, Proof::Psk | Proof::RsaPsk)
    }

    /// The number on the wire.
    pub(crate) fn number(self) -> u16 {
        self.0.number
    }

    /// Whether a server proves itself by an RSA key; `None` where it needs no certificate, and in
    /// TLS 1.3, where that is no matter of the suite.
    pub(crate) fn wants_rsa(self) -> Option<bool> {
        match self.0.proof {
            Proof::Rsa | Proof::RsaPsk => Some(true),
            Proof::Ecdsa => Some(false),
            Proof::Any | Proof::Psk => None,
        }
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

/// Groups for old peers only, and OpenSSL's of TLS 1.3 that the first engine does not support.
#[rustfmt::skip]
#[cfg(feature = "legacy")]
static OLD_GROUPS: [Group; 2] = [
    Group { number: 0x0019, iana: "secp521r1", openssl: "secp521r1" },
    Group { number: 0x001e, iana: "x448", openssl: "X448" },
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

    /// Its name in Node's `getEphemeralKeyInfo`: elliptic curves are `ECDH`, all others
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
            "secp521r1" => 521,
            "x448" => 448,
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

    /// Whether what was agreed in it stays secret from an attacker that records it and has a quantum computer one
    /// day: ML-KEM, alone or combined with an elliptic curve.
    pub fn is_post_quantum(self) -> bool {
        self.0.iana.contains("MLKEM")
    }

    /// The group of this name in IANA's registry, in any case.
    pub(super) fn by_iana_name(name: &str) -> Option<Self> {
        GROUPS.iter().find(|group| group.iana.eq_ignore_ascii_case(name)).map(Self)
    }

    /// The group that OpenSSL calls so, in any case.
    #[cfg(feature = "legacy")]
    pub(crate) fn old_or_new(openssl: &str) -> Option<Self> {
        let mut all = GROUPS.iter().chain(&OLD_GROUPS);
        all.find(|group| group.openssl.eq_ignore_ascii_case(openssl)).map(Self)
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
