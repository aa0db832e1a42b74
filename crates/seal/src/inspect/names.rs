//! The names of numbers, as IANA's registries and OpenSSL have them.

use rustls::CipherSuite;

/// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`; `None` for a number nobody has named.
pub(crate) fn cipher_suite(number: u16) -> Option<String> {
    let name = CipherSuite::from(number);
    // The registry has no "13" in these: `TLS_AES_128_GCM_SHA256`.
    name.as_str().map(|name| name.replacen("TLS13_", "TLS_", 1))
}

/// Every suite that has a name, but for the two that are signals.
pub(crate) fn all_cipher_suites() -> Vec<u16> {
    const SIGNALS: [u16; 2] = [0x00ff, 0x5600];
    (0..=u16::MAX)
        .filter(|number| !SIGNALS.contains(number) && cipher_suite(*number).is_some())
        .collect()
}

/// `X25519MLKEM768`, `prime256v1`: as OpenSSL calls them.
pub(crate) fn group(number: u16) -> String {
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
        _ if is_grease(number) => "GREASE",
        _ => return format!("group {number:#06x}"),
    };
    name.to_owned()
}

/// `ecdsa_secp256r1_sha256`.
pub(crate) fn signature_scheme(number: u16) -> String {
    let name = match number {
        0x0201 => "rsa_pkcs1_sha1",
        0x0202 => "dsa_sha1",
        0x0203 => "ecdsa_sha1",
        0x0301 => "rsa_pkcs1_sha224",
        0x0302 => "dsa_sha224",
        0x0303 => "ecdsa_sha224",
        0x0401 => "rsa_pkcs1_sha256",
        0x0402 => "dsa_sha256",
        0x0403 => "ecdsa_secp256r1_sha256",
        0x0501 => "rsa_pkcs1_sha384",
        0x0502 => "dsa_sha384",
        0x0503 => "ecdsa_secp384r1_sha384",
        0x0601 => "rsa_pkcs1_sha512",
        0x0602 => "dsa_sha512",
        0x0603 => "ecdsa_secp521r1_sha512",
        0x0804 => "rsa_pss_rsae_sha256",
        0x0805 => "rsa_pss_rsae_sha384",
        0x0806 => "rsa_pss_rsae_sha512",
        0x0807 => "ed25519",
        0x0808 => "ed448",
        0x0809 => "rsa_pss_pss_sha256",
        0x080a => "rsa_pss_pss_sha384",
        0x080b => "rsa_pss_pss_sha512",
        0x081a => "ecdsa_brainpoolP256r1tls13_sha256",
        0x081b => "ecdsa_brainpoolP384r1tls13_sha384",
        0x081c => "ecdsa_brainpoolP512r1tls13_sha512",
        0x0904 => "mldsa44",
        0x0905 => "mldsa65",
        0x0906 => "mldsa87",
        _ if is_grease(number) => "GREASE",
        _ => return format!("scheme {number:#06x}"),
    };
    name.to_owned()
}

/// `TLSv1.3`.
pub(crate) fn version(number: u16) -> String {
    match number {
        0x0002 => "SSLv2".to_owned(),
        0x0300 => "SSLv3".to_owned(),
        0x0301 => "TLSv1.0".to_owned(),
        0x0302 => "TLSv1.1".to_owned(),
        0x0303 => "TLSv1.2".to_owned(),
        0x0304 => "TLSv1.3".to_owned(),
        _ if is_grease(number) => "GREASE".to_owned(),
        _ => format!("version {number:#06x}"),
    }
}

/// The name of an extension in IANA's registry.
pub(crate) fn extension(number: u16) -> String {
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
        _ => return format!("extension {number}"),
    };
    name.to_owned()
}

/// The name of a handshake message.
pub(crate) fn message(kind: u8) -> &'static str {
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

/// Numbers that mean nothing, sent so that servers stay tolerant (RFC 8701).
pub(crate) fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

#[cfg(test)]
mod tests {
    use super::{all_cipher_suites, cipher_suite, group, is_grease, signature_scheme};

    #[test]
    fn numbers_have_their_registered_names() {
        assert_eq!(cipher_suite(0x1301).as_deref(), Some("TLS_AES_128_GCM_SHA256"));
        let cbc = cipher_suite(0xc013);
        assert_eq!(cbc.as_deref(), Some("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"));
        assert_eq!(group(0x11ec), "X25519MLKEM768");
        assert_eq!(signature_scheme(0x0403), "ecdsa_secp256r1_sha256");
        assert_eq!(signature_scheme(0x0804), "rsa_pss_rsae_sha256");
        let all = all_cipher_suites();
        assert!(all.len() > 300 && !all.contains(&0x00ff), "{}", all.len());
        let grease: Vec<u16> = (0..=u16::MAX).filter(|n| is_grease(*n)).collect();
        assert_eq!(grease.len(), 16);
        assert!(grease.contains(&0x0a0a) && grease.contains(&0xfafa));
    }
}
