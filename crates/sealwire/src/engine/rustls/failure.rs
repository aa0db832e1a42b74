//! Failures of rustls, by the party at fault and by OpenSSL's name.
//!
//! OpenSSL's reasons and alerts were measured, in both roles, against peers that break the rules
//! one at a time.

use std::sync::Arc;

use rustls::Error as E;
use rustls::{CertificateError, HandshakeType, InvalidMessage, PeerIncompatible, PeerMisbehaved};

use super::ech;
use crate::engine::{EngineState, Failure};
use crate::error::{EchRejection, Error, Fault};
use crate::words::openssl_reason::{self as reason, Reason};
use crate::words::{Alert, ProtocolVersion};

/// A failure in a handshake, of `version` if one was agreed on.
pub(super) fn in_handshake(
    error: E,
    version: Option<ProtocolVersion>,
    conn: &mut EngineState,
) -> Failure {
    let Some(handshake) = &mut conn.handshake else { return named(error, version, false) };
    if let E::InvalidCertificate(_) = error
        && let Some(refusal) = handshake.refusal()
    {
        return Failure { error: Error::PeerRefused(refusal), alert: None };
    }
    if let E::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(given)) = &error
        && let Some(public_name) = handshake.public_name.clone()
    {
        let retry_configs = given.as_ref().and_then(ech::list);
        let refusal = handshake.examined.take().and_then(|(_, verdict)| verdict.refusal());
        let rejection = EchRejection { public_name, retry_configs, refusal };
        return Failure { error: Error::EchRejected(Arc::new(rejection)), alert: None };
    }
    if let (E::DecryptError, true) = (&error, handshake.protected.odd_finished) {
        let fault = Fault::of_engine(Arc::new(error), &reason::BAD_DIGEST_LENGTH);
        let alert = Some(Alert::from_number(50));
        return Failure { error: Error::Misbehaved(fault), alert };
    }
    if let (E::DecryptError, true) = (&error, handshake.protected.undecrypted) {
        // Of what rustls takes for early data it sends no alert. RFC 8446, 5.2.
        let alert = Some(Alert::from_number(20));
        return Failure { alert, ..named(error, version, false) };
    }
    if let (E::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge), Some(_)) =
        (&error, version)
    {
        return longer_than_we_take();
    }
    named(error, version.or(handshake.at_most), handshake.no_identity)
}

/// A message behind the hellos that rustls does not take: certificates, for nothing else is so long.
/// No rule of TLS forbids it, so it is not the peer that is at fault.
fn longer_than_we_take() -> Failure {
    let what = "it sent a message of more than 65535 bytes (certificates with very many names, or \
                very many of them), which TLS allows and this engine does not take; OpenSSL and Node \
                take about 100 KB, Java 32 KB";
    let fault = Fault::found(what, &reason::EXCESSIVE_MESSAGE_SIZE);
    Failure { error: Error::Incompatible(fault), alert: Some(Alert::from_number(47)) }
}

/// A failure before a handshake, or of an open connection.
pub(super) fn on_open(error: E) -> Failure {
    if let E::InappropriateHandshakeMessage { got_type, .. } = &error
        && *got_type == HandshakeType::CertificateRequest
    {
        let what = "it requests a certificate after the handshake (post-handshake authentication), which this client did not offer";
        let fault = Fault::found(what, &reason::UNEXPECTED_MESSAGE);
        let alert = Some(Alert::from_number(10));
        return Failure { error: Error::Misbehaved(fault), alert };
    }
    named(error, None, false)
}

/// `no_identity`: no identity of ours matches the client's offers, which rustls reports as a general
/// error.
fn named(error: E, version: Option<ProtocolVersion>, no_identity: bool) -> Failure {
    let no_identity = no_identity && matches!(error, E::General(_));
    let blame: fn(Fault) -> Error = match &error {
        E::AlertReceived(alert) => {
            let alert = Alert::from_number((*alert).into());
            return Failure { error: Error::of_alert(alert), alert: None };
        }
        E::PeerIncompatible(_) | E::NoApplicationProtocol | E::NoCertificatesPresented => {
            Error::Incompatible
        }
        _ if no_identity => Error::Incompatible,
        E::DecryptError
        | E::PeerSentOversizedRecord
        | E::InvalidMessage(_)
        | E::InappropriateMessage { .. }
        | E::InappropriateHandshakeMessage { .. }
        | E::PeerMisbehaved(_)
        | E::InvalidCertificate(_) => Error::Misbehaved,
        _ => Error::Internal,
    };
    let tls12 = version == Some(ProtocolVersion::Tls12);
    let (reason, alert) = match (no_identity, tls12) {
        (true, true) => (&reason::NO_SHARED_CIPHER, Some(40)),
        (true, false) => (&reason::NO_SUITABLE_SIGNATURE_ALGORITHM, Some(40)),
        (false, _) => name(&error, tls12),
    };
    let error = blame(Fault::of_engine(Arc::new(error), reason));
    Failure { error, alert: alert.map(Alert::from_number) }
}

type Named = (&'static Reason, Option<u8>);

fn name(error: &E, tls12: bool) -> Named {
    match error {
        E::PeerIncompatible(why) => incompatible(why, tls12),
        E::PeerMisbehaved(how) => misbehaved(how),
        E::InvalidMessage(what) => invalid_message(what),
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
        P::MessageInterleavedWithHandshakeMessage
        | P::RejectedEarlyDataInterleavedWithHandshakeMessage => {
            (&reason::UNEXPECTED_MESSAGE, Some(10))
        }
        P::IllegalTlsInnerPlaintext => (&reason::BAD_RECORD_TYPE, Some(10)),
        P::TooManyEmptyFragments => (&reason::RECORD_TOO_SMALL, Some(10)),
        P::TooMuchEarlyDataReceived => (&reason::TOO_MUCH_EARLY_DATA, Some(10)),
        P::EarlyDataAttemptedInSecondClientHello
        | P::EarlyDataExtensionWithoutResumption
        | P::EarlyDataOfferedWithVariedCipherSuite
        | P::HandshakeHashVariedAfterRetry
        | P::InvalidMaxEarlyDataSize
        | P::OfferedDuplicateCertificateCompressions
        | P::OfferedEarlyDataWithOldProtocolVersion
        | P::SelectedUnofferedCertCompression
        | P::ServerHelloMustOfferUncompressedEcPoints
        | P::ServerNameDifferedOnRetry => (&reason::BAD_EXTENSION, Some(47)),
        P::InvalidCertCompression => (&reason::BAD_DECOMPRESSION, Some(42)),
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
        // Whatever else there will be, it is the peer's doing.
        _ => (&reason::UNEXPECTED_MESSAGE, None),
    }
}

/// rustls tells apart what is missing, empty or left over in a message by the name of a structure
/// of its own and by nothing else. So those names are matched here: of the lists that may be empty,
/// of the extensions (a fault in them has another name and alert than one in the rest of a message),
/// of a hello whose end alone is wrong, of an alert that is too short, and of a ChangeCipherSpec that
/// is too long. One that rustls renames
/// gets the name that all faults of its kind have, and the tests with hostile peers tell.
fn invalid_message(what: &InvalidMessage) -> Named {
    use InvalidMessage as I;
    match what {
        I::InvalidContentType => (&reason::UNEXPECTED_RECORD, Some(10)),
        I::UnknownProtocolVersion => (&reason::WRONG_VERSION_NUMBER, None),
        I::HandshakePayloadTooLarge | I::CertificatePayloadTooLarge => {
            (&reason::EXCESSIVE_MESSAGE_SIZE, Some(47))
        }
        I::MessageTooLarge => (&reason::DATA_LENGTH_TOO_LONG, Some(22)),
        I::InvalidCcs | I::TrailingData("ChangeCipherSpecPayload") => {
            (&reason::BAD_CHANGE_CIPHER_SPEC, Some(10))
        }
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
        I::UnsupportedCurveType => (&reason::WRONG_CURVE, Some(47)),
        I::InvalidCertificateStatusType => (&reason::UNSUPPORTED_STATUS_TYPE, Some(50)),
        // Of messages that do not hold what they must; and whatever else there will be.
        _ => (&reason::LENGTH_MISMATCH, Some(50)),
    }
}
