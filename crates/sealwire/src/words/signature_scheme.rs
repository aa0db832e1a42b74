//! Signature schemes by number, by IANA's name and by OpenSSL's.

use std::fmt;

/// A way to sign in a handshake
/// ([RFC 8446, section 4.2.3](https://www.rfc-editor.org/rfc/rfc8446#section-4.2.3)).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignatureScheme(u16);

/// Number, IANA's name, and OpenSSL's `algorithm+digest`. In OpenSSL's order of preference.
#[rustfmt::skip]
const TABLE: [(u16, &str, &str); 30] = [
    (0x0905, "mldsa65", "id-ml-dsa-65+UNDEF"),
    (0x0906, "mldsa87", "id-ml-dsa-87+UNDEF"),
    (0x0904, "mldsa44", "id-ml-dsa-44+UNDEF"),
    (0x0403, "ecdsa_secp256r1_sha256", "ECDSA+SHA256"),
    (0x0503, "ecdsa_secp384r1_sha384", "ECDSA+SHA384"),
    (0x0603, "ecdsa_secp521r1_sha512", "ECDSA+SHA512"),
    (0x0807, "ed25519", "Ed25519+UNDEF"),
    (0x0808, "ed448", "Ed448+UNDEF"),
    (0x081a, "ecdsa_brainpoolP256r1tls13_sha256", "ECDSA+SHA256"),
    (0x081b, "ecdsa_brainpoolP384r1tls13_sha384", "ECDSA+SHA384"),
    (0x081c, "ecdsa_brainpoolP512r1tls13_sha512", "ECDSA+SHA512"),
    (0x0809, "rsa_pss_pss_sha256", "RSA-PSS+SHA256"),
    (0x080a, "rsa_pss_pss_sha384", "RSA-PSS+SHA384"),
    (0x080b, "rsa_pss_pss_sha512", "RSA-PSS+SHA512"),
    (0x0804, "rsa_pss_rsae_sha256", "RSA-PSS+SHA256"),
    (0x0805, "rsa_pss_rsae_sha384", "RSA-PSS+SHA384"),
    (0x0806, "rsa_pss_rsae_sha512", "RSA-PSS+SHA512"),
    (0x0401, "rsa_pkcs1_sha256", "RSA+SHA256"),
    (0x0501, "rsa_pkcs1_sha384", "RSA+SHA384"),
    (0x0601, "rsa_pkcs1_sha512", "RSA+SHA512"),
    // TLS 1.2's pairs of signature and hash, which RFC 8446 left without a name or reserved.
    (0x0303, "ecdsa_sha224", "ECDSA+SHA224"),
    (0x0301, "rsa_pkcs1_sha224", "RSA+SHA224"),
    (0x0302, "dsa_sha224", "DSA+SHA224"),
    (0x0402, "dsa_sha256", "DSA+SHA256"),
    (0x0502, "dsa_sha384", "DSA+SHA384"),
    (0x0602, "dsa_sha512", "DSA+SHA512"),
    (0x0203, "ecdsa_sha1", "ECDSA+SHA1"),
    (0x0201, "rsa_pkcs1_sha1", "RSA+SHA1"),
    (0x0202, "dsa_sha1", "DSA+SHA1"),
    (0x0101, "rsa_pkcs1_md5", "RSA+MD5"),
];

impl SignatureScheme {
    pub(crate) const RSA_PKCS1_SHA256: Self = Self(0x0401);
    pub(crate) const RSA_PKCS1_SHA384: Self = Self(0x0501);
    pub(crate) const RSA_PKCS1_SHA512: Self = Self(0x0601);
    pub(crate) const ECDSA_SECP256R1_SHA256: Self = Self(0x0403);
    pub(crate) const ECDSA_SECP384R1_SHA384: Self = Self(0x0503);
    pub(crate) const ECDSA_SECP521R1_SHA512: Self = Self(0x0603);
    pub(crate) const RSA_PSS_RSAE_SHA256: Self = Self(0x0804);
    pub(crate) const RSA_PSS_RSAE_SHA384: Self = Self(0x0805);
    pub(crate) const RSA_PSS_RSAE_SHA512: Self = Self(0x0806);
    pub(crate) const RSA_PSS_PSS_SHA256: Self = Self(0x0809);
    pub(crate) const RSA_PSS_PSS_SHA384: Self = Self(0x080a);
    pub(crate) const RSA_PSS_PSS_SHA512: Self = Self(0x080b);
    pub(crate) const ED25519: Self = Self(0x0807);
    pub(crate) const MLDSA44: Self = Self(0x0904);
    pub(crate) const MLDSA65: Self = Self(0x0905);
    pub(crate) const MLDSA87: Self = Self(0x0906);

    /// The scheme of this number (IANA's registry "TLS SignatureScheme"), whether it can be used
    /// here or not; `None` when the number has no name.
    pub fn from_number(number: u16) -> Option<Self> {
        TABLE.iter().any(|row| row.0 == number).then_some(Self(number))
    }

    /// All that have a name, in OpenSSL's order of preference.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| Self(row.0))
    }

    /// The number on the wire.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The name in IANA's registry: `ecdsa_secp256r1_sha256`.
    pub fn iana_name(self) -> &'static str {
        self.row().1
    }

    /// OpenSSL's name, which Node's `getSharedSigalgs` has too: `ECDSA+SHA256`, `RSA-PSS+SHA384`,
    /// `Ed25519+UNDEF`. It does not tell the curve, nor the two kinds of RSASSA-PSS key.
    pub fn openssl_name(self) -> &'static str {
        self.row().2
    }

    /// [RFC 8446, 4.2.3](https://www.rfc-editor.org/rfc/rfc8446#section-4.2.3):
    /// PKCS#1 signatures are for certificates only.
    pub(crate) fn fits_tls13(self) -> bool {
        !matches!(self, Self::RSA_PKCS1_SHA256 | Self::RSA_PKCS1_SHA384 | Self::RSA_PKCS1_SHA512)
    }

    /// Whether it is for keys that are for RSASSA-PSS only.
    pub(crate) fn is_for_pss_keys(self) -> bool {
        matches!(
            self,
            Self::RSA_PSS_PSS_SHA256 | Self::RSA_PSS_PSS_SHA384 | Self::RSA_PSS_PSS_SHA512
        )
    }

    /// Half the digest's length, as in OpenSSL's `sigalg_security_bits`.
    pub(crate) fn security_bits(self) -> u32 {
        match self {
            Self::ECDSA_SECP384R1_SHA384
            | Self::RSA_PSS_RSAE_SHA384
            | Self::RSA_PSS_PSS_SHA384
            | Self::RSA_PKCS1_SHA384
            | Self::MLDSA65 => 192,
            Self::ECDSA_SECP521R1_SHA512
            | Self::RSA_PSS_RSAE_SHA512
            | Self::RSA_PSS_PSS_SHA512
            | Self::RSA_PKCS1_SHA512
            | Self::MLDSA87 => 256,
            _ => 128,
        }
    }

    fn row(self) -> &'static (u16, &'static str, &'static str) {
        TABLE.iter().find(|row| row.0 == self.0).expect("only numbers of the table are made")
    }
}

impl fmt::Display for SignatureScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iana_name())
    }
}

impl fmt::Debug for SignatureScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iana_name())
    }
}

#[cfg(test)]
mod tests {
    use super::SignatureScheme;

    #[test]
    fn schemes_have_their_names() {
        let [p256, pss] = [0x0403, 0x0804].map(SignatureScheme::from_number);
        assert_eq!(p256.unwrap().iana_name(), "ecdsa_secp256r1_sha256");
        assert_eq!(p256.unwrap().openssl_name(), "ECDSA+SHA256");
        assert_eq!(pss.unwrap().openssl_name(), "RSA-PSS+SHA256");
        assert_eq!(SignatureScheme::from_number(0xfefe), None);
    }
}
