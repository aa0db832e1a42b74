//! The names of numbers on the wire, as IANA's registries and OpenSSL have them.

use std::borrow::Cow;

pub use super::suites::{all_cipher_suites, cipher_suite};
use crate::words::SignatureScheme;

/// The name of a cipher suite, `GREASE`, or its number: `suite 0x0a0b`.
pub fn suite(number: u16) -> Cow<'static, str> {
    or_number(cipher_suite(number), "suite", number)
}

/// `X25519MLKEM768`, `prime256v1`: as OpenSSL calls the group, or its number.
pub fn group(number: u16) -> Cow<'static, str> {
    let name = match number {
        19 => "prime192v1",
        21 => "secp224r1",
        22 => "secp256k1",
        23 => "prime256v1",
        24 => "secp384r1",
        25 => "secp521r1",
        26 => "brainpoolP256r1",
        27 => "brainpoolP384r1",
        28 => "brainpoolP512r1",
        29 => "X25519",
        30 => "X448",
        31 => "brainpoolP256r1tls13",
        32 => "brainpoolP384r1tls13",
        33 => "brainpoolP512r1tls13",
        256 => "ffdhe2048",
        257 => "ffdhe3072",
        258 => "ffdhe4096",
        259 => "ffdhe6144",
        260 => "ffdhe8192",
        0x0200 => "MLKEM512",
        0x0201 => "MLKEM768",
        0x0202 => "MLKEM1024",
        0x11eb => "SecP256r1MLKEM768",
        0x11ec => "X25519MLKEM768",
        0x11ed => "SecP384r1MLKEM1024",
        0x6399 => "X25519Kyber768Draft00",
        _ => return or_number(None, "group", number),
    };
    Cow::Borrowed(name)
}

/// `ecdsa_secp256r1_sha256`, or the number.
pub fn signature_scheme(number: u16) -> Cow<'static, str> {
    let named = SignatureScheme::from_number(number).map(SignatureScheme::iana_name);
    or_number(named, "scheme", number)
}

/// `TLSv1.3`, or the number.
pub fn version(number: u16) -> Cow<'static, str> {
    let name = match number {
        0x0002 => "SSLv2",
        0x0300 => "SSLv3",
        0x0301 => "TLSv1.0",
        0x0302 => "TLSv1.1",
        0x0303 => "TLSv1.2",
        0x0304 => "TLSv1.3",
        _ => return or_number(None, "version", number),
    };
    Cow::Borrowed(name)
}

/// The name of an extension in IANA's registry, or its number.
pub fn extension(number: u16) -> Cow<'static, str> {
    let name = match number {
        0 => "server_name",
        1 => "max_fragment_length",
        5 => "status_request",
        10 => "supported_groups",
        11 => "ec_point_formats",
        13 => "signature_algorithms",
        16 => "application_layer_protocol_negotiation",
        17 => "status_request_v2",
        18 => "signed_certificate_timestamp",
        21 => "padding",
        22 => "encrypt_then_mac",
        23 => "extended_main_secret",
        27 => "compress_certificate",
        28 => "record_size_limit",
        34 => "delegated_credential",
        35 => "session_ticket",
        41 => "pre_shared_key",
        42 => "early_data",
        43 => "supported_versions",
        44 => "cookie",
        45 => "psk_key_exchange_modes",
        47 => "certificate_authorities",
        49 => "post_handshake_auth",
        50 => "signature_algorithms_cert",
        51 => "key_share",
        57 => "quic_transport_parameters",
        17_513 => "application_settings (draft)",
        17_613 => "application_settings",
        64_768 => "ech_outer_extensions",
        65_037 => "encrypted_client_hello",
        65_281 => "renegotiation_info",
        _ if is_grease(number) => "GREASE",
        _ => return Cow::Owned(format!("extension {number}")),
    };
    Cow::Borrowed(name)
}

/// The name of a handshake message.
pub fn message(kind: u8) -> &'static str {
    match kind {
        0 => "HelloRequest",
        1 => "ClientHello",
        2 => "ServerHello",
        4 => "NewSessionTicket",
        5 => "EndOfEarlyData",
        8 => "EncryptedExtensions",
        11 => "Certificate",
        12 => "ServerKeyExchange",
        13 => "CertificateRequest",
        14 => "ServerHelloDone",
        15 => "CertificateVerify",
        16 => "ClientKeyExchange",
        20 => "Finished",
        22 => "CertificateStatus",
        24 => "KeyUpdate",
        25 => "CompressedCertificate",
        _ => "a message of unknown kind",
    }
}

/// Whether a number means nothing, and was sent so that servers stay tolerant (RFC 8701).
pub fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// Whether a group holds against a quantum computer: ML-KEM, alone or with a curve.
pub fn is_post_quantum(group: u16) -> bool {
    matches!(group, 0x0200..=0x0202 | 0x11eb..=0x11ed)
}

fn or_number(name: Option<&'static str>, what: &str, number: u16) -> Cow<'static, str> {
    match name {
        Some(name) => Cow::Borrowed(name),
        None if is_grease(number) => Cow::Borrowed("GREASE"),
        None => Cow::Owned(format!("{what} {number:#06x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{group, is_grease, signature_scheme, suite};

    #[test]
    fn numbers_have_their_registered_names() {
        assert_eq!(group(0x11ec), "X25519MLKEM768");
        assert_eq!(signature_scheme(0x0403), "ecdsa_secp256r1_sha256");
        assert_eq!(signature_scheme(0x0804), "rsa_pss_rsae_sha256");
        assert_eq!(signature_scheme(0xfefe), "scheme 0xfefe");
        assert_eq!(suite(0x2a2a), "GREASE");
        let grease: Vec<u16> = (0..=u16::MAX).filter(|n| is_grease(*n)).collect();
        assert_eq!(grease.len(), 16);
        assert!(grease.contains(&0x0a0a) && grease.contains(&0xfafa));
    }
}
