//! Alerts by number, by the name that
//! [RFC 9846 (section 6)](https://www.rfc-editor.org/rfc/rfc9846#section-6)
//! gives them, and as OpenSSL reports them.

use std::fmt;

use super::openssl_reason::{self as reason, OpensslReason, Reason};

/// An alert of the TLS protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert(u8);

/// Number, name, what OpenSSL reports when it is received (not every alert is an error there),
/// and what its sender says.
type Row = (u8, &'static str, Option<Reason>, &'static str);

const FAULT: &str = "it found an error in a message of ours";

#[rustfmt::skip]
static TABLE: [Row; 35] = [
    (0, "close_notify", None, "it closes the connection"),
    (10, "unexpected_message", Some(reason::ALERT_UNEXPECTED_MESSAGE), FAULT),
    (20, "bad_record_mac", Some(reason::ALERT_BAD_RECORD_MAC), FAULT),
    (21, "decryption_failed", Some(reason::ALERT_DECRYPTION_FAILED), FAULT),
    (22, "record_overflow", Some(reason::ALERT_RECORD_OVERFLOW), FAULT),
    (30, "decompression_failure", Some(reason::ALERT_DECOMPRESSION_FAILURE), FAULT),
    (40, "handshake_failure", Some(reason::ALERT_HANDSHAKE_FAILURE), "no acceptable set of parameters, or something required is missing"),
    (41, "no_certificate", Some(reason::ALERT_NO_CERTIFICATE), FAULT),
    (42, "bad_certificate", Some(reason::ALERT_BAD_CERTIFICATE), "it does not accept our certificate"),
    (43, "unsupported_certificate", Some(reason::ALERT_UNSUPPORTED_CERTIFICATE), "it cannot use a certificate of this kind"),
    (44, "certificate_revoked", Some(reason::ALERT_CERTIFICATE_REVOKED), "our certificate is revoked"),
    (45, "certificate_expired", Some(reason::ALERT_CERTIFICATE_EXPIRED), "our certificate has expired or is not valid yet, or a revocation list of its own is out of date"),
    (46, "certificate_unknown", Some(reason::ALERT_CERTIFICATE_UNKNOWN), "it does not accept our certificate, for a reason it does not give"),
    (47, "illegal_parameter", Some(reason::ALERT_ILLEGAL_PARAMETER), FAULT),
    (48, "unknown_ca", Some(reason::ALERT_UNKNOWN_CA), "it does not know the CA of our certificate"),
    (49, "access_denied", Some(reason::ALERT_ACCESS_DENIED), "it denies access"),
    (50, "decode_error", Some(reason::ALERT_DECODE_ERROR), FAULT),
    (51, "decrypt_error", Some(reason::ALERT_DECRYPT_ERROR), "a signature of ours did not verify"),
    (60, "export_restriction", Some(reason::ALERT_EXPORT_RESTRICTION), FAULT),
    (70, "protocol_version", Some(reason::ALERT_PROTOCOL_VERSION), "it does not speak a protocol version that we offer"),
    (71, "insufficient_security", Some(reason::ALERT_INSUFFICIENT_SECURITY), "it requires stronger cryptography than we offer"),
    (80, "internal_error", Some(reason::ALERT_INTERNAL_ERROR), "it had an internal error"),
    (86, "inappropriate_fallback", Some(reason::ALERT_INAPPROPRIATE_FALLBACK), "we offer an older version than both sides support"),
    (90, "user_canceled", Some(reason::ALERT_USER_CANCELLED), "its user cancelled the handshake"),
    (100, "no_renegotiation", Some(reason::ALERT_NO_RENEGOTIATION), "it rejects renegotiation"),
    (109, "missing_extension", Some(reason::ALERT_MISSING_EXTENSION), FAULT),
    (110, "unsupported_extension", Some(reason::ALERT_UNSUPPORTED_EXTENSION), FAULT),
    (111, "certificate_unobtainable", Some(reason::ALERT_CERTIFICATE_UNOBTAINABLE), FAULT),
    (112, "unrecognized_name", Some(reason::ALERT_UNRECOGNIZED_NAME), "it does not serve that name"),
    (113, "bad_certificate_status_response", Some(reason::ALERT_BAD_CERTIFICATE_STATUS_RESPONSE), "it does not accept the OCSP response that we stapled"),
    (114, "bad_certificate_hash_value", Some(reason::ALERT_BAD_CERTIFICATE_HASH_VALUE), FAULT),
    (115, "unknown_psk_identity", Some(reason::ALERT_UNKNOWN_PSK_IDENTITY), FAULT),
    (116, "certificate_required", Some(reason::ALERT_CERTIFICATE_REQUIRED), "it requires a client certificate, and none was sent"),
    (120, "no_application_protocol", Some(reason::ALERT_NO_APPLICATION_PROTOCOL), "it supports none of the application protocols that we offer"),
    (121, "ech_required", None, FAULT),
];

impl Alert {
    /// No parameters that both sides accept
    /// ([RFC 8446, 6.2](https://www.rfc-editor.org/rfc/rfc8446#section-6.2)).
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// The version offered is not supported
    /// ([RFC 8446, 6.2](https://www.rfc-editor.org/rfc/rfc8446#section-6.2)).
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// The connection is fine, and its other end does not want it
    /// ([RFC 8446, 6.2](https://www.rfc-editor.org/rfc/rfc8446#section-6.2)).
    pub const ACCESS_DENIED: Self = Self(49);
    /// Something failed that is neither the peer's doing nor the protocol's
    /// ([RFC 8446, 6.2](https://www.rfc-editor.org/rfc/rfc8446#section-6.2)).
    pub const INTERNAL_ERROR: Self = Self(80);
    /// No such name is served here ([RFC 6066, section 3](https://www.rfc-editor.org/rfc/rfc6066#section-3)).
    pub const UNRECOGNIZED_NAME: Self = Self(112);
    /// None of the application protocols offered is supported
    /// ([RFC 7301, 3.2](https://www.rfc-editor.org/rfc/rfc7301#section-3.2)).
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

    /// The name in [RFC 9846](https://www.rfc-editor.org/rfc/rfc9846)
    /// or in the RFC that added it; `unknown` for any other number.
    pub fn name(self) -> &'static str {
        self.row().map_or("unknown", |row| row.1)
    }

    /// The meaning of this alert, in words.
    pub fn meaning(self) -> &'static str {
        self.row().map_or(FAULT, |row| row.3)
    }

    /// OpenSSL's error when it receives this alert as a fatal one. `None` for those that it
    /// takes for the end of the connection: `close_notify` and numbers that it does not know.
    pub fn openssl_reason(self) -> Option<OpensslReason> {
        self.reason().map(|reason| reason.openssl())
    }

    pub(crate) fn reason(self) -> Option<&'static Reason> {
        self.row()?.2.as_ref()
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.0 == self.0)
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
