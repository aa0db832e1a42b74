//! Failures as OpenSSL 3.5 numbers and words them, and the code that Node makes of the words.

use std::fmt;

/// OpenSSL's name for a failure of the protocol.
///
/// `Display` is OpenSSL's own form without the place in its source:
/// `error:0A000410:SSL routines::ssl/tls alert handshake failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpensslReason {
    /// Library and reason in one number, as `ERR_get_error` gives it.
    pub code: u32,
    /// The reason in words: Node's `err.reason`.
    pub reason: &'static str,
    /// The library, which is always the same: Node's `err.library`.
    pub library: &'static str,
}

impl fmt::Display for OpensslReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error:{:08X}:{}::{}", self.code, self.library, self.reason)
    }
}

/// One reason of OpenSSL's SSL library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason {
    number: u32,
    text: &'static str,
    code: &'static str,
}

impl Reason {
    /// Node's code: `ERR_SSL_` and the reason in upper case, with underscores for spaces.
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn openssl(&self) -> OpensslReason {
        const ERR_LIB_SSL: u32 = 20;
        OpensslReason {
            code: ERR_LIB_SSL << 23 | self.number,
            reason: self.text,
            library: "SSL routines",
        }
    }
}

#[cfg(feature = "legacy")]
impl Reason {
    /// The reason of this number of OpenSSL's SSL library, which calls it so.
    pub(crate) fn of_openssl(number: u32, text: &str) -> &'static Self {
        use std::collections::HashMap;
        use std::sync::{Mutex, PoisonError};
        static MORE: Mutex<Option<HashMap<u32, &'static Reason>>> = Mutex::new(None);

        if let Some(known) = ALL.iter().find(|reason| reason.number == number) {
            return known;
        }
        // OpenSSL has some hundred; each is kept once.
        let mut more = MORE.lock().unwrap_or_else(PoisonError::into_inner);
        more.get_or_insert_default().entry(number).or_insert_with(|| {
            let code = format!("ERR_SSL_{}", text.to_uppercase().replace(' ', "_"));
            let (text, code) = (text.to_owned().leak(), code.leak());
            Box::leak(Box::new(Self { number, text, code }))
        })
    }
}

/// Names a reason: its number in OpenSSL's `sslerr.h`, its text there, and Node's code.
macro_rules! reasons {
    ($($name:ident = $number:literal, $text:literal, $code:literal;)*) => {
        $(pub(crate) const $name: Reason = Reason { number: $number, text: $text, code: $code };)*

        #[cfg(any(test, feature = "legacy"))]
        const ALL: &[Reason] = &[$($name),*];
    };
}

#[rustfmt::skip]
reasons! {
    // Alerts received: 1000 and the number of the alert.
    ALERT_UNEXPECTED_MESSAGE = 1010, "ssl/tls alert unexpected message", "ERR_SSL_SSL/TLS_ALERT_UNEXPECTED_MESSAGE";
    ALERT_BAD_RECORD_MAC = 1020, "ssl/tls alert bad record mac", "ERR_SSL_SSL/TLS_ALERT_BAD_RECORD_MAC";
    ALERT_DECRYPTION_FAILED = 1021, "tlsv1 alert decryption failed", "ERR_SSL_TLSV1_ALERT_DECRYPTION_FAILED";
    ALERT_RECORD_OVERFLOW = 1022, "tlsv1 alert record overflow", "ERR_SSL_TLSV1_ALERT_RECORD_OVERFLOW";
    ALERT_DECOMPRESSION_FAILURE = 1030, "ssl/tls alert decompression failure", "ERR_SSL_SSL/TLS_ALERT_DECOMPRESSION_FAILURE";
    ALERT_HANDSHAKE_FAILURE = 1040, "ssl/tls alert handshake failure", "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE";
    ALERT_NO_CERTIFICATE = 1041, "ssl/tls alert no certificate", "ERR_SSL_SSL/TLS_ALERT_NO_CERTIFICATE";
    ALERT_BAD_CERTIFICATE = 1042, "ssl/tls alert bad certificate", "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE";
    ALERT_UNSUPPORTED_CERTIFICATE = 1043, "ssl/tls alert unsupported certificate", "ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE";
    ALERT_CERTIFICATE_REVOKED = 1044, "ssl/tls alert certificate revoked", "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED";
    ALERT_CERTIFICATE_EXPIRED = 1045, "ssl/tls alert certificate expired", "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED";
    ALERT_CERTIFICATE_UNKNOWN = 1046, "ssl/tls alert certificate unknown", "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN";
    ALERT_ILLEGAL_PARAMETER = 1047, "ssl/tls alert illegal parameter", "ERR_SSL_SSL/TLS_ALERT_ILLEGAL_PARAMETER";
    ALERT_UNKNOWN_CA = 1048, "tlsv1 alert unknown ca", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA";
    ALERT_ACCESS_DENIED = 1049, "tlsv1 alert access denied", "ERR_SSL_TLSV1_ALERT_ACCESS_DENIED";
    ALERT_DECODE_ERROR = 1050, "tlsv1 alert decode error", "ERR_SSL_TLSV1_ALERT_DECODE_ERROR";
    ALERT_DECRYPT_ERROR = 1051, "tlsv1 alert decrypt error", "ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR";
    ALERT_EXPORT_RESTRICTION = 1060, "tlsv1 alert export restriction", "ERR_SSL_TLSV1_ALERT_EXPORT_RESTRICTION";
    ALERT_PROTOCOL_VERSION = 1070, "tlsv1 alert protocol version", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION";
    ALERT_INSUFFICIENT_SECURITY = 1071, "tlsv1 alert insufficient security", "ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY";
    ALERT_INTERNAL_ERROR = 1080, "tlsv1 alert internal error", "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR";
    ALERT_INAPPROPRIATE_FALLBACK = 1086, "tlsv1 alert inappropriate fallback", "ERR_SSL_TLSV1_ALERT_INAPPROPRIATE_FALLBACK";
    ALERT_USER_CANCELLED = 1090, "tlsv1 alert user cancelled", "ERR_SSL_TLSV1_ALERT_USER_CANCELLED";
    ALERT_NO_RENEGOTIATION = 1100, "tlsv1 alert no renegotiation", "ERR_SSL_TLSV1_ALERT_NO_RENEGOTIATION";
    ALERT_MISSING_EXTENSION = 1109, "tlsv13 alert missing extension", "ERR_SSL_TLSV13_ALERT_MISSING_EXTENSION";
    ALERT_UNSUPPORTED_EXTENSION = 1110, "tlsv1 unsupported extension", "ERR_SSL_TLSV1_UNSUPPORTED_EXTENSION";
    ALERT_CERTIFICATE_UNOBTAINABLE = 1111, "tlsv1 certificate unobtainable", "ERR_SSL_TLSV1_CERTIFICATE_UNOBTAINABLE";
    ALERT_UNRECOGNIZED_NAME = 1112, "tlsv1 unrecognized name", "ERR_SSL_TLSV1_UNRECOGNIZED_NAME";
    ALERT_BAD_CERTIFICATE_STATUS_RESPONSE = 1113, "tlsv1 bad certificate status response", "ERR_SSL_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE";
    ALERT_BAD_CERTIFICATE_HASH_VALUE = 1114, "tlsv1 bad certificate hash value", "ERR_SSL_TLSV1_BAD_CERTIFICATE_HASH_VALUE";
    ALERT_UNKNOWN_PSK_IDENTITY = 1115, "tlsv1 alert unknown psk identity", "ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY";
    ALERT_CERTIFICATE_REQUIRED = 1116, "tlsv13 alert certificate required", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED";
    ALERT_NO_APPLICATION_PROTOCOL = 1120, "tlsv1 alert no application protocol", "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL";

    // Nothing in common.
    INAPPROPRIATE_FALLBACK = 373, "inappropriate fallback", "ERR_SSL_INAPPROPRIATE_FALLBACK";
    MISSING_SIGALGS_EXTENSION = 112, "missing sigalgs extension", "ERR_SSL_MISSING_SIGALGS_EXTENSION";
    MISSING_SUPPORTED_GROUPS_EXTENSION = 209, "missing supported groups extension", "ERR_SSL_MISSING_SUPPORTED_GROUPS_EXTENSION";
    NO_APPLICATION_PROTOCOL = 235, "no application protocol", "ERR_SSL_NO_APPLICATION_PROTOCOL";
    NO_CIPHERS_AVAILABLE = 181, "no ciphers available", "ERR_SSL_NO_CIPHERS_AVAILABLE";
    NO_PROTOCOLS_AVAILABLE = 191, "no protocols available", "ERR_SSL_NO_PROTOCOLS_AVAILABLE";
    NO_SHARED_CIPHER = 193, "no shared cipher", "ERR_SSL_NO_SHARED_CIPHER";
    NO_SUITABLE_KEY_SHARE = 101, "no suitable key share", "ERR_SSL_NO_SUITABLE_KEY_SHARE";
    NO_SHARED_SIGNATURE_ALGORITHMS = 376, "no shared signature algorithms", "ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS";
    NO_SUITABLE_SIGNATURE_ALGORITHM = 118, "no suitable signature algorithm", "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM";
    PEER_DID_NOT_RETURN_A_CERTIFICATE = 199, "peer did not return a certificate", "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE";
    REQUIRED_COMPRESSION_ALGORITHM_MISSING = 342, "required compression algorithm missing", "ERR_SSL_REQUIRED_COMPRESSION_ALGORITHM_MISSING";
    UNSUPPORTED_PROTOCOL = 258, "unsupported protocol", "ERR_SSL_UNSUPPORTED_PROTOCOL";
    VERSION_TOO_LOW = 396, "version too low", "ERR_SSL_VERSION_TOO_LOW";

    // Not TLS.
    HTTP_REQUEST = 156, "http request", "ERR_SSL_HTTP_REQUEST";
    HTTPS_PROXY_REQUEST = 155, "https proxy request", "ERR_SSL_HTTPS_PROXY_REQUEST";
    WRONG_VERSION_NUMBER = 267, "wrong version number", "ERR_SSL_WRONG_VERSION_NUMBER";

    // Against the protocol.
    BAD_CHANGE_CIPHER_SPEC = 103, "bad change cipher spec", "ERR_SSL_BAD_CHANGE_CIPHER_SPEC";
    BAD_DECOMPRESSION = 107, "bad decompression", "ERR_SSL_BAD_DECOMPRESSION";
    BAD_DIGEST_LENGTH = 111, "bad digest length", "ERR_SSL_BAD_DIGEST_LENGTH";
    BAD_ECPOINT = 306, "bad ecpoint", "ERR_SSL_BAD_ECPOINT";
    BAD_EXTENSION = 110, "bad extension", "ERR_SSL_BAD_EXTENSION";
    BAD_KEY_SHARE = 108, "bad key share", "ERR_SSL_BAD_KEY_SHARE";
    BAD_LENGTH = 271, "bad length", "ERR_SSL_BAD_LENGTH";
    BAD_PROTOCOL_VERSION_NUMBER = 116, "bad protocol version number", "ERR_SSL_BAD_PROTOCOL_VERSION_NUMBER";
    BAD_PSK = 219, "bad psk", "ERR_SSL_BAD_PSK";
    BAD_RECORD_TYPE = 443, "bad record type", "ERR_SSL_BAD_RECORD_TYPE";
    BAD_SIGNATURE = 123, "bad signature", "ERR_SSL_BAD_SIGNATURE";
    BINDER_DOES_NOT_VERIFY = 253, "binder does not verify", "ERR_SSL_BINDER_DOES_NOT_VERIFY";
    DATA_LENGTH_TOO_LONG = 146, "data length too long", "ERR_SSL_DATA_LENGTH_TOO_LONG";
    DECRYPTION_FAILED_OR_BAD_RECORD_MAC = 281, "decryption failed or bad record mac", "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC";
    EXCESSIVE_MESSAGE_SIZE = 152, "excessive message size", "ERR_SSL_EXCESSIVE_MESSAGE_SIZE";
    INCONSISTENT_EXTMS = 104, "inconsistent extms", "ERR_SSL_INCONSISTENT_EXTMS";
    INVALID_ALERT = 205, "invalid alert", "ERR_SSL_INVALID_ALERT";
    INVALID_CCS_MESSAGE = 260, "invalid ccs message", "ERR_SSL_INVALID_CCS_MESSAGE";
    INVALID_COMPRESSION_ALGORITHM = 341, "invalid compression algorithm", "ERR_SSL_INVALID_COMPRESSION_ALGORITHM";
    INVALID_KEY_UPDATE_TYPE = 120, "invalid key update type", "ERR_SSL_INVALID_KEY_UPDATE_TYPE";
    INVALID_SESSION_ID = 999, "invalid session id", "ERR_SSL_INVALID_SESSION_ID";
    LENGTH_MISMATCH = 159, "length mismatch", "ERR_SSL_LENGTH_MISMATCH";
    MISSING_PSK_KEX_MODES_EXTENSION = 310, "missing psk kex modes extension", "ERR_SSL_MISSING_PSK_KEX_MODES_EXTENSION";
    NO_RENEGOTIATION = 339, "no renegotiation", "ERR_SSL_NO_RENEGOTIATION";
    NO_CHANGE_FOLLOWING_HRR = 214, "no change following hrr", "ERR_SSL_NO_CHANGE_FOLLOWING_HRR";
    NO_CIPHERS_SPECIFIED = 183, "no ciphers specified", "ERR_SSL_NO_CIPHERS_SPECIFIED";
    NO_COMPRESSION_SPECIFIED = 187, "no compression specified", "ERR_SSL_NO_COMPRESSION_SPECIFIED";
    NOT_ON_RECORD_BOUNDARY = 182, "not on record boundary", "ERR_SSL_NOT_ON_RECORD_BOUNDARY";
    RECORD_TOO_SMALL = 298, "record too small", "ERR_SSL_RECORD_TOO_SMALL";
    RENEGOTIATION_MISMATCH = 337, "renegotiation mismatch", "ERR_SSL_RENEGOTIATION_MISMATCH";
    TOO_MANY_KEY_UPDATES = 132, "too many key updates", "ERR_SSL_TOO_MANY_KEY_UPDATES";
    TOO_MANY_WARN_ALERTS = 409, "too many warn alerts", "ERR_SSL_TOO_MANY_WARN_ALERTS";
    TOO_MUCH_EARLY_DATA = 164, "too much early data", "ERR_SSL_TOO_MUCH_EARLY_DATA";
    UNEXPECTED_MESSAGE = 244, "unexpected message", "ERR_SSL_UNEXPECTED_MESSAGE";
    UNEXPECTED_RECORD = 245, "unexpected record", "ERR_SSL_UNEXPECTED_RECORD";
    UNSOLICITED_EXTENSION = 217, "unsolicited extension", "ERR_SSL_UNSOLICITED_EXTENSION";
    UNSUPPORTED_STATUS_TYPE = 329, "unsupported status type", "ERR_SSL_UNSUPPORTED_STATUS_TYPE";
    WRONG_CIPHER_RETURNED = 261, "wrong cipher returned", "ERR_SSL_WRONG_CIPHER_RETURNED";
    WRONG_CURVE = 378, "wrong curve", "ERR_SSL_WRONG_CURVE";
    WRONG_SIGNATURE_TYPE = 370, "wrong signature type", "ERR_SSL_WRONG_SIGNATURE_TYPE";

    // No better name: what happened is in the text of the error. `ERR_R_INTERNAL_ERROR`, which
    // OpenSSL shares between its libraries.
    INTERNAL_ERROR = 0x000C_0103, "internal error", "ERR_SSL_INTERNAL_ERROR";
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::ALL;

    #[test]
    fn codes_are_made_as_node_makes_them() {
        for reason in ALL {
            let made = reason.text.to_uppercase().replace(' ', "_");
            assert_eq!(reason.code(), format!("ERR_SSL_{made}"));
        }
    }

    #[test]
    fn numbers_and_texts_are_openssls() {
        let numbers = ALL.iter().map(|reason| format!("{:08X}", reason.openssl().code));
        if !sealwire_testing::installed("openssl") {
            return;
        }
        let output = Command::new("openssl").arg("errstr").args(numbers).output();
        let output = output.expect("openssl runs");
        let text = String::from_utf8(output.stdout).expect("it speaks ASCII");
        assert_eq!(text.lines().count(), ALL.len());
        for (line, reason) in text.lines().zip(ALL) {
            // OpenSSL before 3.2 has an older word for the oldest alerts.
            let line = line.replace(":sslv3 alert", ":ssl/tls alert");
            assert_eq!(line, reason.openssl().to_string());
        }
    }
}
