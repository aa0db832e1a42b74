//! What a word of OpenSSL's cipher list language stands for.

use super::table::{SUITES, Since};

/// Properties of a suite, or of the suites that are meant: one set of bits for each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bits {
    kx: u32,
    auth: u32,
    enc: u32,
    mac: u32,
    strength: u32,
    default: u32,
}

/// Which suites a rule is about. A kind of property without a bit set is not a condition.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pattern {
    bits: Bits,
    since: Option<Since>,
    /// A single suite, by OpenSSL's name.
    suite: Option<&'static str>,
}

/// Key agreement.
pub(super) mod kx {
    pub(in super::super) const RSA: u32 = 1;
    pub(in super::super) const DHE: u32 = 1 << 1;
    pub(in super::super) const ECDHE: u32 = 1 << 2;
    pub(in super::super) const PSK: u32 = 1 << 3;
    pub(in super::super) const RSAPSK: u32 = 1 << 4;
    pub(in super::super) const DHEPSK: u32 = 1 << 5;
    pub(in super::super) const ECDHEPSK: u32 = 1 << 6;
    pub(in super::super) const SRP: u32 = 1 << 7;
}

/// Authentication.
pub(super) mod auth {
    pub(in super::super) const RSA: u32 = 1;
    pub(in super::super) const DSS: u32 = 1 << 1;
    pub(in super::super) const NULL: u32 = 1 << 2;
    pub(in super::super) const ECDSA: u32 = 1 << 3;
    pub(in super::super) const PSK: u32 = 1 << 4;
    pub(in super::super) const SRP: u32 = 1 << 5;
}

/// Encryption.
pub(super) mod enc {
    pub(in super::super) const NULL: u32 = 1;
    pub(in super::super) const AES128: u32 = 1 << 1;
    pub(in super::super) const AES256: u32 = 1 << 2;
    pub(in super::super) const AES128_GCM: u32 = 1 << 3;
    pub(in super::super) const AES256_GCM: u32 = 1 << 4;
    pub(in super::super) const AES128_CCM: u32 = 1 << 5;
    pub(in super::super) const AES256_CCM: u32 = 1 << 6;
    pub(in super::super) const AES128_CCM8: u32 = 1 << 7;
    pub(in super::super) const AES256_CCM8: u32 = 1 << 8;
    pub(in super::super) const CAMELLIA128: u32 = 1 << 9;
    pub(in super::super) const CAMELLIA256: u32 = 1 << 10;
    pub(in super::super) const ARIA128_GCM: u32 = 1 << 11;
    pub(in super::super) const ARIA256_GCM: u32 = 1 << 12;
    pub(in super::super) const CHACHA20: u32 = 1 << 13;

    pub(in super::super) const fn key_bits(cipher: u32) -> u16 {
        match cipher {
            NULL => 0,
            AES128 | AES128_GCM | AES128_CCM | AES128_CCM8 | CAMELLIA128 | ARIA128_GCM => 128,
            _ => 256,
        }
    }
}

/// The check value of a record.
pub(super) mod mac {
    pub(in super::super) const MD5: u32 = 1;
    pub(in super::super) const SHA1: u32 = 1 << 1;
    pub(in super::super) const SHA256: u32 = 1 << 2;
    pub(in super::super) const SHA384: u32 = 1 << 3;
    pub(in super::super) const AEAD: u32 = 1 << 4;
}

/// What OpenSSL thinks of a suite.
pub(super) mod strength {
    pub(in super::super) const NONE: u32 = 1;
    pub(in super::super) const LOW: u32 = 1 << 1;
    pub(in super::super) const MEDIUM: u32 = 1 << 2;
    pub(in super::super) const HIGH: u32 = 1 << 3;
    pub(in super::super) const FIPS: u32 = 1 << 4;
    /// Not a strength, but written in the same column: not in the list `DEFAULT`.
    pub(in super::super) const NOT_DEFAULT: u32 = 1 << 5;
}

/// An algorithm that no suite has: the word is known, and selects nothing.
const ABSENT: u32 = 1 << 31;

impl Bits {
    pub(super) const fn of(kx: u32, auth: u32, enc: u32, mac: u32) -> Self {
        // All ciphers that are left in OpenSSL count as HIGH.
        let strength = if enc == enc::NULL { strength::NONE } else { strength::HIGH };
        Self { kx, auth, enc, mac, strength, default: 0 }
    }

    pub(super) const fn with_flag(mut self, flag: u32) -> Self {
        if flag == strength::NOT_DEFAULT {
            self.default = flag;
        } else {
            self.strength |= flag;
        }
        self
    }

    fn sets(&self) -> [u32; 6] {
        [self.kx, self.auth, self.enc, self.mac, self.strength, self.default]
    }
}

impl Pattern {
    /// What `word` stands for: a suite or an alias; `None` when OpenSSL does not know it either.
    pub(super) fn of(word: &str) -> Option<Self> {
        match SUITES.iter().find(|suite| suite.name == word || suite.iana == word) {
            Some(suite) => Some(Self { bits: suite.is, since: None, suite: Some(suite.name) }),
            None => alias(word),
        }
    }

    /// Both: `ECDHE+AESGCM`. `None` when they exclude each other.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        let bits = Bits {
            kx: narrow(self.bits.kx, other.bits.kx)?,
            auth: narrow(self.bits.auth, other.bits.auth)?,
            enc: narrow(self.bits.enc, other.bits.enc)?,
            mac: narrow(self.bits.mac, other.bits.mac)?,
            strength: narrow(self.bits.strength, other.bits.strength)?,
            default: narrow(self.bits.default, other.bits.default)?,
        };
        let since = match (self.since, other.since) {
            (Some(one), Some(another)) if one != another => return None,
            (one, another) => one.or(another),
        };
        // As in OpenSSL, of two suites the last counts.
        Some(Self { bits, since, suite: other.suite.or(self.suite) })
    }

    pub(super) fn covers(&self, suite: &super::table::Suite) -> bool {
        let pairs = self.bits.sets().into_iter().zip(suite.is.sets());
        self.suite.is_none_or(|name| name == suite.name)
            && self.since.is_none_or(|since| since == suite.since)
            && pairs.into_iter().all(|(wanted, has)| wanted == 0 || wanted & has != 0)
    }

    const fn kx(mut self, kx: u32) -> Self {
        self.bits.kx = kx;
        self
    }

    const fn auth(mut self, auth: u32) -> Self {
        self.bits.auth = auth;
        self
    }

    const fn enc(mut self, enc: u32) -> Self {
        self.bits.enc = enc;
        self
    }

    const fn mac(mut self, mac: u32) -> Self {
        self.bits.mac = mac;
        self
    }

    const fn strength(mut self, strength: u32) -> Self {
        self.bits.strength = strength;
        self
    }

    const fn since(mut self, since: Since) -> Self {
        self.since = Some(since);
        self
    }
}

fn narrow(wanted: u32, also: u32) -> Option<u32> {
    match (wanted, also) {
        (0, one) | (one, 0) => Some(one),
        (one, another) => Some(one & another).filter(|both| *both != 0),
    }
}

/// OpenSSL's aliases (`openssl-ciphers(1)`, `cipher_aliases`).
fn alias(word: &str) -> Option<Pattern> {
    const AES128: u32 = enc::AES128 | enc::AES128_GCM | enc::AES128_CCM | enc::AES128_CCM8;
    const AES256: u32 = enc::AES256 | enc::AES256_GCM | enc::AES256_CCM | enc::AES256_CCM8;
    const CCM8: u32 = enc::AES128_CCM8 | enc::AES256_CCM8;
    const CCM: u32 = enc::AES128_CCM | enc::AES256_CCM | CCM8;
    const CAMELLIA: u32 = enc::CAMELLIA128 | enc::CAMELLIA256;
    const ARIA: u32 = enc::ARIA128_GCM | enc::ARIA256_GCM;
    const ANY_PSK: u32 = kx::PSK | kx::RSAPSK | kx::DHEPSK | kx::ECDHEPSK;
    let any = Pattern::default();
    Some(match word {
        "ALL" => any.enc(!enc::NULL),
        "COMPLEMENTOFALL" | "eNULL" | "NULL" => any.enc(enc::NULL),
        "COMPLEMENTOFDEFAULT" => {
            Pattern { bits: Bits { default: strength::NOT_DEFAULT, ..any.bits }, ..any }
        }

        "kRSA" => any.kx(kx::RSA),
        "kDHE" | "kEDH" | "DH" => any.kx(kx::DHE),
        "kECDHE" | "kEECDH" | "ECDH" => any.kx(kx::ECDHE),
        "kPSK" => any.kx(kx::PSK),
        "kRSAPSK" => any.kx(kx::RSAPSK),
        "kDHEPSK" => any.kx(kx::DHEPSK),
        "kECDHEPSK" => any.kx(kx::ECDHEPSK),
        "kSRP" | "SRP" => any.kx(kx::SRP),
        "PSK" => any.kx(ANY_PSK),
        "kGOST" | "kGOST18" => any.kx(ABSENT),

        "aRSA" => any.auth(auth::RSA),
        "aDSS" | "DSS" => any.auth(auth::DSS),
        "aNULL" => any.auth(auth::NULL),
        "aECDSA" | "ECDSA" => any.auth(auth::ECDSA),
        "aPSK" => any.auth(auth::PSK),
        "aSRP" => any.auth(auth::SRP),
        "aGOST" | "aGOST01" | "aGOST12" => any.auth(ABSENT),

        "DHE" | "EDH" => any.kx(kx::DHE).auth(!auth::NULL),
        "ECDHE" | "EECDH" => any.kx(kx::ECDHE).auth(!auth::NULL),
        "RSA" => any.kx(kx::RSA).auth(auth::RSA),
        "ADH" => any.kx(kx::DHE).auth(auth::NULL),
        "AECDH" => any.kx(kx::ECDHE).auth(auth::NULL),

        "AES128" => any.enc(AES128),
        "AES256" => any.enc(AES256),
        "AES" => any.enc(AES128 | AES256),
        "AESGCM" => any.enc(enc::AES128_GCM | enc::AES256_GCM),
        "AESCCM" => any.enc(CCM),
        "AESCCM8" => any.enc(CCM8),
        "CAMELLIA128" => any.enc(enc::CAMELLIA128),
        "CAMELLIA256" => any.enc(enc::CAMELLIA256),
        "CAMELLIA" => any.enc(CAMELLIA),
        "ARIA128" => any.enc(enc::ARIA128_GCM),
        "ARIA256" => any.enc(enc::ARIA256_GCM),
        "ARIA" | "ARIAGCM" => any.enc(ARIA),
        "CHACHA20" => any.enc(enc::CHACHA20),
        "CBC" => any.enc(enc::AES128 | enc::AES256 | CAMELLIA),
        "3DES" | "RC4" | "RC2" | "IDEA" | "SEED" | "GOST89" => any.enc(ABSENT),

        "MD5" => any.mac(mac::MD5),
        "SHA" | "SHA1" => any.mac(mac::SHA1),
        "SHA256" => any.mac(mac::SHA256),
        "SHA384" => any.mac(mac::SHA384),
        "GOST94" | "GOST89MAC" | "GOST12" => any.mac(ABSENT),

        "SSLv3" => any.since(Since::Ssl3),
        "TLSv1" | "TLSv1.0" => any.since(Since::Tls1),
        "TLSv1.2" => any.since(Since::Tls12),

        "LOW" => any.strength(strength::LOW),
        "MEDIUM" => any.strength(strength::MEDIUM),
        "HIGH" => any.strength(strength::HIGH),
        "FIPS" => any.strength(strength::FIPS),
        _ => return None,
    })
}
