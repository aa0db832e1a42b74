//! The names of numbers on the wire, as IANA's registries and OpenSSL have them: what RFCs and the
//! drafts with numbers of their own say on 2026-11-29. Others are shown by their number.

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
        18 => "secp192k1",
        19 => "prime192v1",
        20 => "secp224k1",
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
        34 => "GC256A",
        35 => "GC256B",
        36 => "GC256C",
        37 => "GC256D",
        38 => "GC512A",
        39 => "GC512B",
        40 => "GC512C",
        41 => "curveSM2",
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
        0x11ee => "curveSM2MLKEM768",
        0x6399 => "X25519Kyber768Draft00",
        0x639a => "SecP256r1Kyber768Draft00",
        _ => return or_number(None, "group", number),
    };
    Cow::Borrowed(name)
}

/// `ecdsa_secp256r1_sha256`, or the number.
pub fn signature_scheme(number: u16) -> Cow<'static, str> {
    let named = SignatureScheme::from_number(number).map(SignatureScheme::iana_name);
    or_number(named.or_else(|| foreign_scheme(number)), "scheme", number)
}

/// Those that no engine here can sign or verify with.
fn foreign_scheme(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0420 => "rsa_pkcs1_sha256_legacy",
        0x0520 => "rsa_pkcs1_sha384_legacy",
        0x0620 => "rsa_pkcs1_sha512_legacy",
        0x0704 => "eccsi_sha256",
        0x0705 => "iso_ibs1",
        0x0706 => "iso_ibs2",
        0x0707 => "iso_chinese_ibs",
        0x0708 => "sm2sig_sm3",
        0x0709 => "gostr34102012_256a",
        0x070a => "gostr34102012_256b",
        0x070b => "gostr34102012_256c",
        0x070c => "gostr34102012_256d",
        0x070d => "gostr34102012_512a",
        0x070e => "gostr34102012_512b",
        0x070f => "gostr34102012_512c",
        _ => return None,
    })
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
        2 => "client_certificate_url",
        3 => "trusted_ca_keys",
        4 => "truncated_hmac",
        5 => "status_request",
        6 => "user_mapping",
        7 => "client_authz",
        8 => "server_authz",
        9 => "cert_type",
        10 => "supported_groups",
        11 => "ec_point_formats",
        12 => "srp",
        13 => "signature_algorithms",
        14 => "use_srtp",
        15 => "heartbeat",
        16 => "application_layer_protocol_negotiation",
        17 => "status_request_v2",
        18 => "signed_certificate_timestamp",
        19 => "client_certificate_type",
        20 => "server_certificate_type",
        21 => "padding",
        22 => "encrypt_then_mac",
        23 => "extended_main_secret",
        24 => "token_binding",
        25 => "cached_info",
        26 => "tls_lts",
        27 => "compress_certificate",
        28 => "record_size_limit",
        29 => "pwd_protect",
        30 => "pwd_clear",
        31 => "password_salt",
        32 => "ticket_pinning",
        33 => "tls_cert_with_extern_psk",
        34 => "delegated_credential",
        35 => "session_ticket",
        39 => "supported_ekt_ciphers",
        41 => "pre_shared_key",
        42 => "early_data",
        43 => "supported_versions",
        44 => "cookie",
        45 => "psk_key_exchange_modes",
        47 => "certificate_authorities",
        48 => "oid_filters",
        49 => "post_handshake_auth",
        50 => "signature_algorithms_cert",
        51 => "key_share",
        52 => "transparency_info",
        53 => "connection_id (deprecated)",
        54 => "connection_id",
        55 => "external_id_hash",
        56 => "external_session_id",
        57 => "quic_transport_parameters",
        58 => "ticket_request",
        59 => "dnssec_chain",
        60 => "sequence_number_encryption_algorithms",
        61 => "rrc",
        62 => "tls_flags",
        13_172 => "next_protocol_negotiation",
        17_513 => "application_settings (draft)",
        17_613 => "application_settings",
        30_032 => "channel_id",
        51_764 => "trust_anchors (draft)",
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

/// Whether a number means nothing, and was sent so that servers stay tolerant
/// ([RFC 8701](https://www.rfc-editor.org/rfc/rfc8701)).
pub fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// Whether a group holds against a quantum computer: ML-KEM, alone or with a curve.
pub fn is_post_quantum(group: u16) -> bool {
    matches!(group, 0x0200..=0x0202 | 0x11eb..=0x11ee)
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
