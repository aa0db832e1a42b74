//! Alerts by number and by the name RFC 8446 (section 6) gives them.

use std::fmt;

/// An alert of the TLS protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert(u8);

impl Alert {
    /// No parameters that both sides accept (RFC 8446, 6.2).
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// The version offered is not spoken (RFC 8446, 6.2).
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// The connection is fine, and its other end does not want it (RFC 8446, 6.2).
    pub const ACCESS_DENIED: Self = Self(49);
    /// No such name is served here (RFC 6066, section 3).
    pub const UNRECOGNIZED_NAME: Self = Self(112);
    /// None of the application protocols offered is spoken (RFC 7301, 3.2).
    pub const NO_APPLICATION_PROTOCOL: Self = Self(120);

    /// The alert of this number (`AlertDescription`).
    pub const fn from_number(number: u8) -> Self {
        Self(number)
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// A fatal alert as it is sent before anything is encrypted: in a record of the version that
    /// all can read.
    pub(crate) const fn plain_record(self) -> [u8; 7] {
        [21, 3, 3, 0, 2, 2, self.0]
    }

    /// The name in RFC 8446 or in the RFC that added it; `unknown` for any other number.
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => "unknown",
        }
    }

    /// What the sender of this alert says, in words.
    pub fn meaning(self) -> &'static str {
        match self.0 {
            40 => "it could not agree on how to talk, or wants something it did not get",
            42 => "it does not accept our certificate",
            43 => "it cannot use a certificate of this kind",
            44 => "our certificate is revoked",
            45 => "our certificate has expired or is not valid yet",
            46 => "it does not accept our certificate, for a reason it does not give",
            48 => "it does not know the CA of our certificate",
            49 => "it will not let us in",
            51 => "a signature of ours did not verify",
            70 => "it does not speak a protocol version that we offer",
            71 => "it wants stronger cryptography than we offer",
            80 => "it failed by itself",
            112 => "it does not serve that name",
            116 => "it requires a client certificate, and we sent none",
            120 => "it speaks none of the application protocols that we offer",
            _ => "it found a fault in what we sent",
        }
    }
}

impl From<rustls::AlertDescription> for Alert {
    fn from(alert: rustls::AlertDescription) -> Self {
        Self(alert.into())
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alert({} {})", self.0, self.name())
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (alert {})", self.name(), self.0)
    }
}
