//! Settings that leave nothing to negotiate.

use std::fmt;

use super::Alert;
use super::openssl_reason::{self as reason, Reason};

/// Why a context cannot make any connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CannotSpeak {
    /// The range of versions is empty.
    NoVersion,
    /// The range contains no version that the engine supports: TLS 1.2 and 1.3.
    UnsupportedVersion,
    /// None of the cipher suites goes with the versions and the security level.
    NoCipherSuite,
}

impl CannotSpeak {
    pub(crate) fn reason(self) -> &'static Reason {
        match self {
            Self::NoVersion => &reason::NO_PROTOCOLS_AVAILABLE,
            Self::UnsupportedVersion => &reason::UNSUPPORTED_PROTOCOL,
            Self::NoCipherSuite => &reason::NO_CIPHERS_AVAILABLE,
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
                "our range of versions includes neither TLSv1.2 nor TLSv1.3, and the engine supports no other"
            }
            Self::NoCipherSuite => {
                "none of our cipher suites goes with our versions and security level"
            }
        })
    }
}
