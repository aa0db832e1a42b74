//! Why a connection failed, by who is to blame.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::alert::Alert;
use crate::names::ProtocolVersion;
use crate::session::NotTls;
use crate::verify::Refusal;

/// A connection that did not come to be, or broke.
///
/// The text is one line that states the fact. [`code`](Self::code) is the name that Node gives to
/// the same failure; nobody needs to match on text.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// We refuse the peer: its certificates or its name do not hold.
    PeerRefused(Refusal),
    /// The peer refuses us: it sent this alert.
    AlertReceived(Alert),
    /// The peer does not speak TLS at all.
    NotTls(NotTls),
    /// The peer and we have no version, suite, group or signature scheme in common, or it wants
    /// something that we do not have.
    Incompatible(Fault),
    /// The settings of our own context leave nothing that the engine could speak.
    CannotSpeak(CannotSpeak),
    /// The peer broke the protocol.
    Misbehaved(Fault),
    /// The transport ended in the middle of the handshake.
    ClosedInHandshake,
    /// The transport ended without a `close_notify`: what was received may be cut short.
    Truncated,
    /// The handshake took longer than allowed.
    HandshakeTimedOut,
    /// The program answered a question of the session with a refusal.
    RefusedByProgram,
    /// Something was asked of the session that its state does not allow.
    Misused(&'static str),
    /// The transport failed.
    Io(Arc<io::Error>),
    /// The engine failed in a way that is not the peer's doing.
    Internal(Fault),
}

/// Why a context can speak to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CannotSpeak {
    /// The range of versions is empty.
    NoVersion,
    /// The range of versions has none that the engine speaks: TLS 1.2 and 1.3.
    UnsupportedVersion,
    /// None of the cipher suites goes with the versions and the security level.
    NoCipherSuite,
}

/// What the engine has to say about a failure: a sentence, and Node's code for it.
#[derive(Debug, Clone)]
pub struct Fault {
    source: rustls::Error,
    code: &'static str,
}

impl Error {
    /// The code that Node's `err.code` has for this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PeerRefused(refusal) => refusal.code().name(),
            Self::AlertReceived(alert) => alert_code(*alert),
            Self::NotTls(found) => found.code(),
            Self::CannotSpeak(lack) => lack.code(),
            Self::Incompatible(fault) | Self::Misbehaved(fault) | Self::Internal(fault) => {
                fault.code
            }
            Self::ClosedInHandshake | Self::Truncated => "ECONNRESET",
            Self::HandshakeTimedOut => "ERR_TLS_HANDSHAKE_TIMEOUT",
            Self::RefusedByProgram => "ECONNRESET",
            Self::Misused(_) => "ERR_TLS_INVALID_STATE",
            Self::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
                io::ErrorKind::ConnectionReset => "ECONNRESET",
                io::ErrorKind::BrokenPipe => "EPIPE",
                io::ErrorKind::TimedOut => "ETIMEDOUT",
                _ => "EIO",
            },
        }
    }

    /// The refusal, when it is we who refuse the peer.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::PeerRefused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The alert, when it is the peer who refuses us.
    pub fn alert(&self) -> Option<Alert> {
        match self {
            Self::AlertReceived(alert) => Some(*alert),
            _ => None,
        }
    }

    /// An error of the engine in a handshake of `version`. In TLS 1.2, where a suite names the
    /// kinds of key and key agreement, OpenSSL calls it a lack of ciphers when those do not fit.
    pub(crate) fn in_handshake(error: rustls::Error, version: Option<ProtocolVersion>) -> Self {
        let mut error = Self::from_rustls(error);
        if let (Self::Incompatible(fault), Some(ProtocolVersion::Tls12)) = (&mut error, version)
            && fault.code.starts_with("ERR_SSL_NO_SUITABLE_")
        {
            fault.code = "ERR_SSL_NO_SHARED_CIPHER";
        }
        error
    }

    /// The same, when the peers have no signature scheme in common: OpenSSL looks at that before it
    /// looks for a key (`tls1_set_server_sigalgs`).
    pub(crate) fn without_shared_scheme(mut self) -> Self {
        if let Self::Incompatible(fault) = &mut self
            && fault.code == "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM"
        {
            fault.code = "ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS";
        }
        self
    }

    pub(crate) fn from_rustls(error: rustls::Error) -> Self {
        use rustls::Error as E;
        let fault = |code| Fault { source: error.clone(), code };
        match &error {
            E::AlertReceived(alert) => Self::AlertReceived((*alert).into()),
            E::PeerIncompatible(reason) => Self::Incompatible(fault(incompatible_code(reason))),
            E::NoApplicationProtocol => {
                Self::Incompatible(fault("ERR_SSL_NO_APPLICATION_PROTOCOL"))
            }
            E::NoCertificatesPresented => {
                Self::Incompatible(fault("ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"))
            }
            // rustls says this when no identity of ours suits the signature schemes of the client.
            E::General(text) if text.contains("no server certificate chain resolved") => {
                Self::Incompatible(fault("ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM"))
            }
            E::DecryptError => {
                Self::Misbehaved(fault("ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC"))
            }
            E::PeerSentOversizedRecord => Self::Misbehaved(fault("ERR_SSL_DATA_LENGTH_TOO_LONG")),
            E::InvalidMessage(
                rustls::InvalidMessage::InvalidContentType
                | rustls::InvalidMessage::UnknownProtocolVersion,
            ) => Self::Misbehaved(fault("ERR_SSL_WRONG_VERSION_NUMBER")),
            E::InvalidMessage(rustls::InvalidMessage::HandshakePayloadTooLarge) => {
                Self::Misbehaved(fault("ERR_SSL_EXCESSIVE_MESSAGE_SIZE"))
            }
            E::InappropriateMessage { .. } | E::InappropriateHandshakeMessage { .. } => {
                Self::Misbehaved(fault("ERR_SSL_UNEXPECTED_MESSAGE"))
            }
            E::InvalidMessage(_) | E::PeerMisbehaved(_) | E::InvalidCertificate(_) => {
                Self::Misbehaved(fault("ERR_SSL_INTERNAL_ERROR"))
            }
            _ => Self::Internal(fault("ERR_SSL_INTERNAL_ERROR")),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerRefused(refusal) => write!(f, "peer refused: {refusal}"),
            Self::AlertReceived(alert) => {
                write!(f, "the peer refused with {alert}: {}", alert.meaning())
            }
            Self::NotTls(found) => found.fmt(f),
            Self::CannotSpeak(lack) => lack.fmt(f),
            Self::Incompatible(fault) => write!(f, "nothing in common with the peer: {fault}"),
            Self::Misbehaved(fault) => write!(f, "the peer broke the protocol: {fault}"),
            Self::ClosedInHandshake => {
                f.write_str("the peer closed the connection in the middle of the handshake")
            }
            Self::Truncated => f.write_str(
                "the peer closed the connection without close_notify: data may be missing",
            ),
            Self::HandshakeTimedOut => f.write_str("the handshake took too long"),
            Self::RefusedByProgram => f.write_str("refused by the program"),
            Self::Misused(what) => f.write_str(what),
            Self::Io(error) => error.fmt(f),
            Self::Internal(fault) => write!(f, "TLS engine: {fault}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::PeerRefused(refusal) => Some(refusal),
            Self::Incompatible(fault) | Self::Misbehaved(fault) | Self::Internal(fault) => {
                Some(&fault.source)
            }
            Self::Io(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

impl CannotSpeak {
    /// The code that Node's `err.code` has for it.
    fn code(self) -> &'static str {
        match self {
            Self::NoVersion => "ERR_SSL_NO_PROTOCOLS_AVAILABLE",
            Self::UnsupportedVersion => "ERR_SSL_UNSUPPORTED_PROTOCOL",
            Self::NoCipherSuite => "ERR_SSL_NO_CIPHERS_AVAILABLE",
        }
    }

    /// What a server tells its client.
    pub(crate) fn alert(self) -> Alert {
        match self {
            Self::NoVersion | Self::UnsupportedVersion => Alert::PROTOCOL_VERSION,
            Self::NoCipherSuite => Alert::HANDSHAKE_FAILURE,
        }
    }
}

impl fmt::Display for CannotSpeak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoVersion => "our range of versions is empty",
            Self::UnsupportedVersion => {
                "our range of versions has neither TLSv1.2 nor TLSv1.3, and the engine speaks no other"
            }
            Self::NoCipherSuite => {
                "none of our cipher suites goes with our versions and security level"
            }
        })
    }
}

impl From<CannotSpeak> for Error {
    fn from(lack: CannotSpeak) -> Self {
        Self::CannotSpeak(lack)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl From<io::Error> for Error {
    /// An I/O error of a TLS stream holds one of ours; it is taken out again.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(other) => Self::Io(Arc::new(other)),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Io(io) => io.kind(),
            Error::Truncated | Error::ClosedInHandshake => io::ErrorKind::UnexpectedEof,
            Error::HandshakeTimedOut => io::ErrorKind::TimedOut,
            Error::PeerRefused(_) | Error::AlertReceived(_) | Error::RefusedByProgram => {
                io::ErrorKind::PermissionDenied
            }
            Error::NotTls(_) | Error::Incompatible(_) | Error::Misbehaved(_) => {
                io::ErrorKind::InvalidData
            }
            Error::CannotSpeak(_) => io::ErrorKind::Unsupported,
            Error::Misused(_) | Error::Internal(_) => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

fn incompatible_code(reason: &rustls::PeerIncompatible) -> &'static str {
    use rustls::PeerIncompatible as P;
    match reason {
        P::NoSignatureSchemesInCommon | P::NoCertificateRequestSignatureSchemesInCommon => {
            "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM"
        }
        P::NoKxGroupsInCommon => "ERR_SSL_NO_SUITABLE_KEY_SHARE",
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => "ERR_SSL_UNSUPPORTED_PROTOCOL",
        _ => "ERR_SSL_NO_SHARED_CIPHER",
    }
}

/// OpenSSL 3.5's reason for an alert received, as Node spells it (`ERR_SSL_` and the reason
/// upper-cased with underscores; the slash is theirs).
fn alert_code(alert: Alert) -> &'static str {
    match alert.number() {
        10 => "ERR_SSL_SSL/TLS_ALERT_UNEXPECTED_MESSAGE",
        20 => "ERR_SSL_SSL/TLS_ALERT_BAD_RECORD_MAC",
        21 => "ERR_SSL_TLSV1_ALERT_DECRYPTION_FAILED",
        22 => "ERR_SSL_TLSV1_ALERT_RECORD_OVERFLOW",
        30 => "ERR_SSL_SSL/TLS_ALERT_DECOMPRESSION_FAILURE",
        40 => "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
        41 => "ERR_SSL_SSL/TLS_ALERT_NO_CERTIFICATE",
        42 => "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE",
        43 => "ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE",
        44 => "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED",
        45 => "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED",
        46 => "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN",
        47 => "ERR_SSL_SSL/TLS_ALERT_ILLEGAL_PARAMETER",
        48 => "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
        49 => "ERR_SSL_TLSV1_ALERT_ACCESS_DENIED",
        50 => "ERR_SSL_TLSV1_ALERT_DECODE_ERROR",
        51 => "ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR",
        60 => "ERR_SSL_TLSV1_ALERT_EXPORT_RESTRICTION",
        70 => "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
        71 => "ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY",
        80 => "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR",
        86 => "ERR_SSL_TLSV1_ALERT_INAPPROPRIATE_FALLBACK",
        100 => "ERR_SSL_NO_RENEGOTIATION",
        109 => "ERR_SSL_TLSV13_ALERT_MISSING_EXTENSION",
        110 => "ERR_SSL_TLSV1_UNSUPPORTED_EXTENSION",
        111 => "ERR_SSL_TLSV1_CERTIFICATE_UNOBTAINABLE",
        112 => "ERR_SSL_TLSV1_UNRECOGNIZED_NAME",
        113 => "ERR_SSL_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE",
        114 => "ERR_SSL_TLSV1_BAD_CERTIFICATE_HASH_VALUE",
        115 => "ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY",
        116 => "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
        120 => "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
        // OpenSSL raises no error for these and goes down its end-of-file path.
        _ => "ECONNRESET",
    }
}
