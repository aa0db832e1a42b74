//! Failures of OpenSSL, by the party at fault.

use std::sync::Arc;

use sealwire_openssl::Failure as OpensslFailure;

use crate::engine::{Failure, HandshakeState};
use crate::error::{Error, Fault};
use crate::words::Alert;
use crate::words::openssl_reason::{self as reason, Reason};

/// A failure of a connection; a refusal is in the state of the handshake. OpenSSL has sent its alert.
pub(super) fn failure(failure: OpensslFailure, handshake: Option<&mut HandshakeState>) -> Failure {
    const CERTIFICATE_VERIFY_FAILED: u32 = 134;
    /// Alerts that were received: 1000 and their number.
    const RECEIVED: u32 = 1000;
    let number = failure.ssl_reason();
    if number == Some(CERTIFICATE_VERIFY_FAILED)
        && let Some(refusal) = handshake.and_then(HandshakeState::refusal)
    {
        return Failure { error: Error::PeerRefused(refusal), alert: None };
    }
    let error = match number {
        Some(alert @ RECEIVED..=1255) => {
            let alert = u8::try_from(alert - RECEIVED).unwrap_or(u8::MAX);
            Error::of_alert(Alert::from_number(alert))
        }
        Some(number) => {
            let named = Reason::of_openssl(number, &failure.text);
            blame(number)(Fault::of_engine(Arc::new(failure), named))
        }
        None => Error::Internal(Fault::of_engine(Arc::new(failure), &reason::INTERNAL_ERROR)),
    };
    Failure { error, alert: None }
}

/// A failure of OpenSSL that the peer did not cause.
pub(super) fn internal(failure: OpensslFailure) -> Failure {
    let named = failure.ssl_reason().map(|number| Reason::of_openssl(number, &failure.text));
    let fault = Fault::of_engine(Arc::new(failure), named.unwrap_or(&reason::INTERNAL_ERROR));
    Failure { error: Error::Internal(fault), alert: None }
}

fn blame(number: u32) -> fn(Fault) -> Error {
    match number {
        // No version, suite, protocol, scheme, group, name or certificate in common; a group that
        // is too small for us.
        101 | 112 | 118 | 181 | 191 | 193 | 199 | 209 | 223 | 235 | 258 | 315 | 358 | 372 | 373
        | 376 | 394 | 396 => Error::Incompatible,
        // `internal error` of the library itself; no more memory.
        259 | 786_688..=786_700 => Error::Internal,
        _ => Error::Misbehaved,
    }
}
