//! Why a connection failed, by the party at fault.

mod ech;
mod fault;
mod own_certificate;

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::reading::NotTls;
use crate::verify::Refusal;
use crate::words::openssl_reason::{OpensslReason, Reason};
use crate::words::{Alert, CannotSpeak};
pub use ech::EchRejection;
pub use fault::Fault;
pub(crate) use own_certificate::Known;
pub use own_certificate::OwnCertificate;

/// A connection that could not be established, or broke.
///
/// The text is one line that states the fact. [`code`](Self::code) is Node's name for
/// the same failure, so that code need not match on text.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// We refuse the peer: its certificates or its name do not hold.
    PeerRefused(Refusal),
    /// The peer refuses us.
    AlertReceived {
        /// The alert that it sent.
        alert: Alert,
        /// What our own certificate has to do with it, when we are the client and the alert is about
        /// that certificate (42 to 46, 48, 116).
        ours: Option<Arc<OwnCertificate>>,
    },
    /// The peer does not speak TLS at all.
    NotTls(NotTls),
    /// The peer and we have no version, suite, group or signature scheme in common, or it wants
    /// something that we do not have.
    Incompatible(Fault),
    /// The settings of our own context leave nothing that the engine supports.
    CannotSpeak(CannotSpeak),
    /// The server does not take what we hid by Encrypted Client Hello.
    EchRejected(Arc<EchRejection>),
    /// The peer broke the protocol.
    Misbehaved(Fault),
    /// The transport ended in the middle of the handshake.
    ClosedInHandshake,
    /// The transport ended without a `close_notify`: what was received may be cut short.
    Truncated,
    /// The handshake took longer than allowed.
    HandshakeTimedOut,
    /// The program answered a question of the session with a refusal, or took its yes back.
    RefusedByProgram,
    /// The connection was open as long as connections may be.
    LifetimeOver,
    /// Something was asked of the session that its state does not allow.
    Misused(&'static str),
    /// The transport failed.
    Io(Arc<io::Error>),
    /// The engine failed in a way that is not the peer's doing.
    Internal(Fault),
}

impl Error {
    /// The code that Node's `err.code` has for this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PeerRefused(refusal) => refusal.code().name(),
            // What OpenSSL does not report goes down its end-of-file path.
            Self::AlertReceived { alert, .. } => alert.reason().map_or("ECONNRESET", Reason::code),
            Self::NotTls(found) => found.reason().code(),
            Self::CannotSpeak(lack) => lack.reason().code(),
            Self::Incompatible(fault) | Self::Misbehaved(fault) | Self::Internal(fault) => {
                fault.reason().code()
            }
            Self::ClosedInHandshake | Self::Truncated => "ECONNRESET",
            Self::EchRejected(_) => "ERR_TLS_ECH_REJECTED",
            Self::HandshakeTimedOut => "ERR_TLS_HANDSHAKE_TIMEOUT",
            Self::RefusedByProgram | Self::LifetimeOver => "ECONNRESET",
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

    /// The refusal, when we refuse the peer.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::PeerRefused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The alert, when the peer refuses us.
    pub fn alert(&self) -> Option<Alert> {
        match self {
            Self::AlertReceived { alert, .. } => Some(*alert),
            _ => None,
        }
    }

    /// What our own certificate has to do with it, when a server refuses it.
    pub fn own_certificate(&self) -> Option<&OwnCertificate> {
        match self {
            Self::AlertReceived { ours, .. } => ours.as_deref(),
            _ => None,
        }
    }

    /// The peer sent this alert.
    pub(crate) fn of_alert(alert: Alert) -> Self {
        Self::AlertReceived { alert, ours: None }
    }

    /// OpenSSL's name for this failure, where it has one: exactly where [`code`](Self::code)
    /// begins with `ERR_SSL_`, Node's error has these as `library` and `reason`.
    pub fn openssl_reason(&self) -> Option<OpensslReason> {
        Some(self.reason()?.openssl())
    }

    fn reason(&self) -> Option<&'static Reason> {
        match self {
            Self::AlertReceived { alert, .. } => alert.reason(),
            Self::NotTls(found) => Some(found.reason()),
            Self::CannotSpeak(lack) => Some(lack.reason()),
            Self::Incompatible(fault) | Self::Misbehaved(fault) | Self::Internal(fault) => {
                Some(fault.reason())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerRefused(refusal) => write!(f, "peer refused: {refusal}"),
            Self::AlertReceived { alert, ours } => {
                write!(f, "the peer refused with {alert}: {}", alert.meaning())?;
                ours.as_ref().map_or(Ok(()), |ours| write!(f, "; {ours}"))
            }
            Self::NotTls(found) => found.fmt(f),
            Self::CannotSpeak(lack) => lack.fmt(f),
            Self::Incompatible(fault) => write!(f, "nothing in common with the peer: {fault}"),
            Self::EchRejected(rejection) => rejection.fmt(f),
            Self::Misbehaved(fault) => write!(f, "the peer broke the protocol: {fault}"),
            Self::ClosedInHandshake => {
                f.write_str("the peer closed the connection in the middle of the handshake")
            }
            Self::Truncated => f.write_str(
                "the peer closed the connection without close_notify: data may be missing",
            ),
            Self::HandshakeTimedOut => f.write_str("the handshake took too long"),
            Self::RefusedByProgram => f.write_str("refused by the program"),
            Self::LifetimeOver => f.write_str("the connection reached its maximum lifetime"),
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
                fault.source()
            }
            Self::Io(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

impl From<CannotSpeak> for Error {
    fn from(lack: CannotSpeak) -> Self {
        Self::CannotSpeak(lack)
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
            Error::HandshakeTimedOut | Error::LifetimeOver => io::ErrorKind::TimedOut,
            Error::PeerRefused(_)
            | Error::AlertReceived { .. }
            | Error::EchRejected(_)
            | Error::RefusedByProgram => io::ErrorKind::PermissionDenied,
            Error::NotTls(_) | Error::Incompatible(_) | Error::Misbehaved(_) => {
                io::ErrorKind::InvalidData
            }
            Error::CannotSpeak(_) => io::ErrorKind::Unsupported,
            Error::Misused(_) | Error::Internal(_) => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
