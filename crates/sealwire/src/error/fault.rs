//! What the engine says of a failure, by who is to blame and by OpenSSL's name for it.
//!
//! OpenSSL's reasons and alerts were measured, in both roles, against peers that break the rules
//! one at a time.

use std::fmt;

use rustls::Error as E;
use rustls::{CertificateError, InvalidMessage, PeerIncompatible, PeerMisbehaved};

use crate::context::SecureContext;
use crate::error::Error;
use crate::session::ClientHello;
use crate::words::openssl_reason::{self as reason, Reason};
use crate::words::{Alert, ProtocolVersion};

/// What there is to say about a failure: a sentence, and OpenSSL's name for it.
#[derive(Debug, Clone)]
pub struct Fault {
    what: What,
    reason: &'static Reason,
}

#[derive(Debug, Clone)]
enum What {
    Engine(E),
    Session(&'static str),
}

/// A failure of the engine, in our words.
pub(crate) struct Diagnosis {
    pub(crate) error: Error,
    /// The alert that OpenSSL sends for it; `None` where the engine's is right.
    pub(crate) alert: Option<Alert>,
}

impl Fault {
    /// A fault that the session found by itself.
    pub(crate) fn found(what: &'static str, reason: &'static Reason) -> Self {
        Self { what: What::Session(what), reason }
    }

    pub(crate) fn reason(&self) -> &'static Reason {
        self.reason
    }

    pub(crate) fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.what {
            What::Engine(error) => Some(error),
            What::Session(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Engine(error) => error.fmt(f),
            What::Session(what) => f.write_str(what),
        }
    }
}

/// What a failure in a handshake of `version` is called, if one was agreed on.
pub(crate) fn diagnose(error: E, version: Option<ProtocolVersion>) -> Diagnosis {
    let blame: fn(Fault) -> Error = match &error {
        E::AlertReceived(alert) => {
            return Diagnosis { error: Error::AlertReceived((*alert).into()), alert: None };
        }
        E::PeerIncompatible(_) | E::NoApplicationProtocol | E::NoCertificatesPresented => {
            Error::Incompatible
        }
        E::General(text) if is_no_identity(text) => Error::Incompatible,
        E::DecryptError
        | E::PeerSentOversizedRecord
        | E::InvalidMessage(_)
        | E::InappropriateMessage { .. }
        | E::InappropriateHandshakeMessage { .. }
        | E::PeerMisbehaved(_)
        | E::InvalidCertificate(_) => Error::Misbehaved,
        _ => Error::Internal,
    };
    let (reason, alert) = name(&error, version);
    let fault = Fault { what: What::Engine(error), reason };
    Diagnosis { error: blame(fault), alert: alert.map(Alert::from_number) }
}

/// As [`diagnose`], for a server that has read the client's hello: there are things that only it
/// tells apart.
pub(crate) fn diagnose_with(
    error: E,
    version: Option<ProtocolVersion>,
    hello: Option<(&ClientHello, &SecureContext)>,
) -> Diagnosis {
    // Who does not offer TLS 1.3 gets TLS 1.2, though that may not be settled yet.
    let version = version.or_else(|| {
        let (hello, _) = hello?;
        (!hello.supported_versions().contains(&0x0304)).then_some(ProtocolVersion::Tls12)
    });
    let mut diagnosis = diagnose(error, version);
    if let (Error::Incompatible(fault), Some((hello, context))) = (&mut diagnosis.error, hello) {
        let (found, alert) = match *fault.reason {
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
            _ => return diagnosis,
        };
        fault.reason = found;
        diagnosis.alert = Some(Alert::from_number(alert));
    }
    diagnosis
}

type Named = (&'static Reason, Option<u8>);

fn name(error: &E, version: Option<ProtocolVersion>) -> Named {
    let tls12 = version == Some(ProtocolVersion::Tls12);
    match error {
        E::PeerIncompatible(why) => incompatible(why, tls12),
        E::PeerMisbehaved(how) => misbehaved(how),
        E::InvalidMessage(what) => invalid_message(what),
        E::General(text) if is_no_identity(text) => match tls12 {
            true => (&reason::NO_SHARED_CIPHER, Some(40)),
            false => (&reason::NO_SUITABLE_SIGNATURE_ALGORITHM, Some(40)),
        },
        E::NoCertificatesPresented => {
            (&reason::PEER_DID_NOT_RETURN_A_CERTIFICATE, tls12.then_some(40))
        }
        E::NoApplicationProtocol => (&reason::NO_APPLICATION_PROTOCOL, None),
        E::DecryptError => (&reason::DECRYPTION_FAILED_OR_BAD_RECORD_MAC, None),
        E::PeerSentOversizedRecord => (&reason::DATA_LENGTH_TOO_LONG, Some(22)),
        E::InappropriateMessage { .. } | E::InappropriateHandshakeMessage { .. } => {
            (&reason::UNEXPECTED_MESSAGE, Some(10))
        }
        E::InvalidCertificate(CertificateError::BadSignature) => (&reason::BAD_SIGNATURE, None),
        _ => (&reason::INTERNAL_ERROR, None),
    }
}

/// rustls says this when no identity of ours suits the signature schemes of the client.
fn is_no_identity(text: &str) -> bool {
    text.contains("no server certificate chain resolved")
}

/// In TLS 1.2, where a suite names the kinds of key and key agreement, OpenSSL calls it a lack of
/// ciphers when those do not fit.
fn incompatible(why: &PeerIncompatible, tls12: bool) -> Named {
    use PeerIncompatible as P;
    match why {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => (&reason::UNSUPPORTED_PROTOCOL, Some(70)),
        P::NullCompressionRequired => (&reason::REQUIRED_COMPRESSION_ALGORITHM_MISSING, Some(47)),
        P::ServerSentHelloRetryRequestWithUnknownExtension => {
            (&reason::UNSOLICITED_EXTENSION, Some(110))
        }
        _ if tls12 => (&reason::NO_SHARED_CIPHER, Some(40)),
        P::NoSignatureSchemesInCommon | P::NoCertificateRequestSignatureSchemesInCommon => {
            (&reason::NO_SUITABLE_SIGNATURE_ALGORITHM, Some(40))
        }
        P::NoKxGroupsInCommon => (&reason::NO_SUITABLE_KEY_SHARE, Some(40)),
        P::KeyShareExtensionRequired => (&reason::NO_SUITABLE_KEY_SHARE, Some(109)),
        P::NamedGroupsExtensionRequired => (&reason::MISSING_SUPPORTED_GROUPS_EXTENSION, Some(109)),
        P::SignatureAlgorithmsExtensionRequired => (&reason::MISSING_SIGALGS_EXTENSION, Some(109)),
        _ => (&reason::NO_SHARED_CIPHER, Some(40)),
    }
}

fn misbehaved(how: &PeerMisbehaved) -> Named {
    use PeerMisbehaved as P;
    match how {
        P::AttemptedDowngradeToTls12WhenTls13IsSupported => {
            (&reason::INAPPROPRIATE_FALLBACK, Some(47))
        }
        P::CipherSuiteDifferedOnRetry
        | P::IllegalHelloRetryRequestWithUnofferedCipherSuite
        | P::ResumptionOfferedWithIncompatibleCipherSuite
        | P::ResumptionOfferedWithVariedCipherSuite
        | P::SelectedDifferentCipherSuiteAfterRetry
        | P::SelectedUnofferedCipherSuite
        | P::SelectedUnusableCipherSuiteForVersion => (&reason::WRONG_CIPHER_RETURNED, Some(47)),
        P::OfferedIncorrectCompressions | P::SelectedUnofferedCompression => {
            (&reason::INVALID_COMPRESSION_ALGORITHM, Some(47))
        }
        P::DuplicateClientHelloExtensions
        | P::DuplicateEncryptedExtensions
        | P::DuplicateHelloRetryRequestExtensions
        | P::DuplicateNewSessionTicketExtensions
        | P::DuplicateServerHelloExtensions
        | P::PskExtensionMustBeLast => (&reason::BAD_EXTENSION, Some(47)),
        P::OfferedEmptyApplicationProtocol | P::SelectedUnofferedApplicationProtocol => {
            (&reason::BAD_EXTENSION, Some(50))
        }
        P::DuplicateServerNameTypes | P::ServerNameMustContainOneHostName => {
            (&reason::BAD_EXTENSION, Some(112))
        }
        P::BadCertChainExtensions
        | P::DisallowedEncryptedExtension
        | P::UnexpectedCleartextExtension
        | P::UnsolicitedCertExtension
        | P::UnsolicitedEchExtension
        | P::UnsolicitedEncryptedExtension
        | P::UnsolicitedSctList
        | P::UnsolicitedServerHelloExtension => (&reason::UNSOLICITED_EXTENSION, Some(110)),
        P::InvalidKeyShare => (&reason::BAD_ECPOINT, Some(47)),
        P::IllegalHelloRetryRequestWithOfferedGroup
        | P::IllegalHelloRetryRequestWithUnofferedNamedGroup
        | P::OfferedDuplicateKeyShares
        | P::RefusedToFollowHelloRetryRequest
        | P::SelectedUnofferedKxGroup
        | P::WrongGroupForKeyShare => (&reason::BAD_KEY_SHARE, Some(47)),
        P::MissingKeyShare => (&reason::NO_SUITABLE_KEY_SHARE, Some(47)),
        P::IllegalHelloRetryRequestWithUnsupportedVersion
        | P::SelectedTls12UsingTls13VersionExtension => {
            (&reason::BAD_PROTOCOL_VERSION_NUMBER, Some(47))
        }
        P::IllegalHelloRetryRequestWithEmptyCookie | P::IllegalHelloRetryRequestWithNoChanges => {
            (&reason::NO_CHANGE_FOLLOWING_HRR, Some(47))
        }
        P::IllegalHelloRetryRequestWithWrongSessionId | P::ServerEchoedCompatibilitySessionId => {
            (&reason::INVALID_SESSION_ID, Some(47))
        }
        P::KeyEpochWithPendingFragment => (&reason::NOT_ON_RECORD_BOUNDARY, Some(10)),
        P::MessageInterleavedWithHandshakeMessage => (&reason::UNEXPECTED_MESSAGE, Some(10)),
        P::IllegalMiddleboxChangeCipherSpec => (&reason::INVALID_CCS_MESSAGE, Some(10)),
        P::MissingPskModesExtension => (&reason::MISSING_PSK_KEX_MODES_EXTENSION, Some(109)),
        P::IncorrectBinder => (&reason::BINDER_DOES_NOT_VERIFY, Some(47)),
        P::MissingBinderInPskExtension
        | P::MissingPskExtensionInSecondClientHello
        | P::PskExtensionWithMismatchedIdsAndBinders
        | P::SelectedInvalidPsk
        | P::SelectedUnofferedPsk => (&reason::BAD_PSK, Some(47)),
        P::ResumptionAttemptedWithVariedEms | P::ResumptionOfferedWithVariedEms => {
            (&reason::INCONSISTENT_EXTMS, None)
        }
        P::SignedHandshakeWithUnadvertisedSigScheme | P::SignedKxWithWrongAlgorithm => {
            (&reason::WRONG_SIGNATURE_TYPE, Some(47))
        }
        P::TooManyKeyUpdateRequests => (&reason::TOO_MANY_KEY_UPDATES, None),
        P::TooManyRenegotiationRequests => (&reason::NO_RENEGOTIATION, None),
        P::TooManyWarningAlertsReceived => (&reason::TOO_MANY_WARN_ALERTS, None),
        _ => (&reason::INTERNAL_ERROR, None),
    }
}

fn invalid_message(what: &InvalidMessage) -> Named {
    use InvalidMessage as I;
    match what {
        I::InvalidContentType | I::UnknownProtocolVersion => (&reason::WRONG_VERSION_NUMBER, None),
        I::HandshakePayloadTooLarge | I::CertificatePayloadTooLarge => {
            (&reason::EXCESSIVE_MESSAGE_SIZE, Some(47))
        }
        I::MessageTooLarge => (&reason::DATA_LENGTH_TOO_LONG, Some(22)),
        I::InvalidCcs => (&reason::BAD_CHANGE_CIPHER_SPEC, Some(10)),
        I::InvalidEmptyPayload => (&reason::BAD_LENGTH, Some(50)),
        I::InvalidKeyUpdate => (&reason::INVALID_KEY_UPDATE_TYPE, Some(47)),
        I::UnexpectedMessage(_) => (&reason::UNEXPECTED_MESSAGE, Some(10)),
        I::IllegalEmptyList("CipherSuites") => (&reason::NO_CIPHERS_SPECIFIED, Some(50)),
        I::IllegalEmptyList("Compressions") => (&reason::NO_COMPRESSION_SPECIFIED, Some(50)),
        I::IllegalEmptyList("ProtocolVersions") => (&reason::UNSUPPORTED_PROTOCOL, Some(70)),
        I::DuplicateExtension(_) | I::PreSharedKeyIsNotFinalExtension => {
            (&reason::BAD_EXTENSION, Some(47))
        }
        I::IllegalEmptyList(_)
        | I::IllegalEmptyValue
        | I::InvalidServerName
        | I::NoSignatureSchemes
        | I::TrailingData("ClientExtensions" | "Empty") => (&reason::BAD_EXTENSION, Some(50)),
        I::UnknownHelloRetryRequestExtension | I::UnknownCertificateExtension => {
            (&reason::UNSOLICITED_EXTENSION, Some(110))
        }
        I::TrailingData("ServerHelloPayload") => (&reason::BAD_LENGTH, Some(50)),
        I::MissingData("AlertDescription" | "AlertLevel") => (&reason::INVALID_ALERT, Some(10)),
        I::MissingData(_) | I::MessageTooShort | I::TrailingData(_) => {
            (&reason::LENGTH_MISMATCH, Some(50))
        }
        I::UnsupportedCompression => (&reason::INVALID_COMPRESSION_ALGORITHM, Some(47)),
        _ => (&reason::INTERNAL_ERROR, None),
    }
}
