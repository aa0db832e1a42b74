//! What a server can say of a failure when it has read the client's hello: there are things that
//! only the hello tells apart.

use crate::context::SecureContext;
use crate::engine::Failure;
use crate::error::{Error, Fault};
use crate::reading::ClientHello;
use crate::words::openssl_reason as reason;
use crate::words::{Alert, ProtocolVersion};

/// Names a failure in the handshake that began with `hello`, as OpenSSL would.
pub(super) fn refine(
    failure: &mut Failure,
    hello: &ClientHello,
    version: Option<ProtocolVersion>,
    context: &SecureContext,
) {
    let Error::Incompatible(fault) = &mut failure.error else { return };
    let (found, alert) = match *fault.reason() {
        // OpenSSL looks for a scheme in common before it looks for a suite or for a key that
        // has one (`tls1_set_server_sigalgs`).
        reason::NO_SUITABLE_SIGNATURE_ALGORITHM | reason::NO_SHARED_CIPHER
            if !hello.signature_schemes().is_empty()
                && !context.openssl_shares_a_scheme(hello.signature_schemes()) =>
        {
            (&reason::NO_SHARED_SIGNATURE_ALGORITHMS, 40)
        }
        // The engine chooses a certificate before it chooses a suite.
        reason::NO_SUITABLE_SIGNATURE_ALGORITHM
            if !context.speaks_any(hello.cipher_suites(), version) =>
        {
            (&reason::NO_SHARED_CIPHER, 40)
        }
        reason::NO_SUITABLE_KEY_SHARE if hello.named_groups().is_empty() => {
            (&reason::MISSING_SUPPORTED_GROUPS_EXTENSION, 109)
        }
        _ => return,
    };
    fault.rename(found);
    failure.alert = Some(Alert::from_number(alert));
}

/// The version that a handshake with this client has at most, before one is agreed.
pub(super) fn at_most(hello: &ClientHello) -> Option<ProtocolVersion> {
    // A client that does not offer TLS 1.3 gets TLS 1.2.
    (!hello.supported_versions().contains(&0x0304)).then_some(ProtocolVersion::Tls12)
}

/// What OpenSSL refuses in a hello and the engine does not look at; `ours` is the newest version
/// that we speak.
pub(super) fn objection(
    hello: &ClientHello,
    ours: Option<ProtocolVersion>,
) -> Option<(Error, Alert)> {
    const FALLBACK_SCSV: u16 = 0x5600;
    let legacy_version = hello.legacy_version()?;
    let newest = hello.supported_versions().iter().copied().filter(|version| version >> 8 == 3);
    let newest = newest.max().unwrap_or(legacy_version);
    let ours = match ours {
        Some(ProtocolVersion::Tls13) => 0x0304,
        _ => 0x0303,
    };
    let (error, alert) = if legacy_version < 0x0301 && newest > 0x0303 {
        // RFC 8446, D.5.
        let what = "the client's hello says that it is SSL 3 or older";
        (Error::Misbehaved(Fault::found(what, &reason::VERSION_TOO_LOW)), 70)
    } else if newest == 0x0300 {
        let what = "the client supports no version newer than SSL 3";
        (Error::Incompatible(Fault::found(what, &reason::VERSION_TOO_LOW)), 40)
    } else if newest < 0x0303 {
        // The engine would rather miss an extension that such a client need not have.
        let what = "the client supports no version newer than TLS 1.1";
        (Error::Incompatible(Fault::found(what, &reason::UNSUPPORTED_PROTOCOL)), 70)
    } else if hello.renegotiates() {
        let what = "the client's renegotiation_info belongs to another connection";
        (Error::Misbehaved(Fault::found(what, &reason::RENEGOTIATION_MISMATCH)), 40)
    } else if (0x0303..ours).contains(&newest) && hello.cipher_suites().contains(&FALLBACK_SCSV) {
        // RFC 7507: an attacker may have made the client believe that we support nothing newer.
        let what = "the client fell back to an older version than both support";
        (Error::Incompatible(Fault::found(what, &reason::INAPPROPRIATE_FALLBACK)), 86)
    } else {
        return None;
    };
    Some((error, Alert::from_number(alert)))
}
