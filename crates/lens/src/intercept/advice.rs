//! What to do about an origin or a client that refuses: in the words of the proxy's options.

use sealwire::Error;

/// Advice for a verdict on an origin.
pub(crate) fn for_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "DEPTH_ZERO_SELF_SIGNED_CERT"
        | "SELF_SIGNED_CERT_IN_CHAIN"
        | "UNABLE_TO_GET_ISSUER_CERT"
        | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" => {
            "if you trust its issuer, start the proxy with --ca FILE, the issuer's certificate"
        }
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE" => {
            "the origin should send its intermediates; or start the proxy with --ca FILE, the \
             issuer's certificate"
        }
        "CERT_HAS_EXPIRED" => "the origin must renew it, or this machine's clock is wrong",
        "CERT_NOT_YET_VALID" => "check this machine's clock",
        "ERR_TLS_CERT_ALTNAME_INVALID" => "request the origin by a name in its certificate",
        "CERT_REVOKED" => "its issuer revoked it",
        _ => "--insecure continues without verification, for origins of your own",
    })
}

const CLIENT_CERT: &str = "if it requires a client certificate: --client-cert HOST=FILE";

/// Advice for a handshake with an origin that failed.
/// `asked`: whether it asked for a certificate of the client.
pub(crate) fn for_origin(error: &Error, asked: bool) -> Option<&'static str> {
    match error {
        Error::Io(_) if asked => Some(CLIENT_CERT),
        Error::PeerRefused(refusal) => for_code(refusal.code().name()),
        Error::AlertReceived { alert, .. } => match alert.number() {
            116 | 40 | 42..=46 | 48 => Some(CLIENT_CERT),
            112 => {
                Some("the origin does not serve that name: check the name that the client asks for")
            }
            70 => Some("the origin supports TLS 1.1 or older only; the proxy requires TLS 1.2"),
            _ => None,
        },
        Error::NotTls(_) => {
            Some("the origin does not speak TLS at that port: ask for http:// there")
        }
        Error::ClosedInHandshake => Some("it may have refused without saying why"),
        _ => None,
    }
}
