//! What is wrong with what the peer sent, and the alert that says so.

use rustls::{AlertDescription, ContentType, Error, HandshakeType, InvalidMessage, PeerMisbehaved};

/// An error that ends the connection.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// What the peer is told. Nothing when it was the peer that ended the connection.
    pub(super) alert: Option<AlertDescription>,
}

impl Failure {
    pub(super) fn new(alert: AlertDescription, error: impl Into<Error>) -> Self {
        Self { error: error.into(), alert: Some(alert) }
    }

    /// The peer ended the connection with this alert.
    pub(super) fn told(alert: AlertDescription) -> Self {
        Self { error: Error::AlertReceived(alert), alert: None }
    }

    /// A record that does not authenticate.
    pub(super) fn bad_mac() -> Self {
        Self::new(AlertDescription::BadRecordMac, Error::DecryptError)
    }

    /// A record that is too long.
    pub(super) fn oversized() -> Self {
        Self::new(AlertDescription::RecordOverflow, Error::PeerSentOversizedRecord)
    }

    /// Bytes that are not a message.
    pub(super) fn malformed(error: InvalidMessage) -> Self {
        Self::new(AlertDescription::from(error), error)
    }

    /// Something that has no place here.
    pub(super) fn misplaced(error: PeerMisbehaved) -> Self {
        Self::new(AlertDescription::UnexpectedMessage, error)
    }

    /// A record of a type that has no place here.
    pub(super) fn unexpected_record(kind: ContentType) -> Self {
        let error = Error::InappropriateMessage {
            expect_types: vec![ContentType::ApplicationData, ContentType::Handshake],
            got_type: kind,
        };
        Self::new(AlertDescription::UnexpectedMessage, error)
    }

    /// A handshake message of a type that has no place here.
    pub(super) fn unexpected_message(kind: HandshakeType, expected: &[HandshakeType]) -> Self {
        let error = Error::InappropriateHandshakeMessage {
            expect_types: expected.to_vec(),
            got_type: kind,
        };
        Self::new(AlertDescription::UnexpectedMessage, error)
    }
}

impl From<Error> for Failure {
    /// Something that is not the peer's doing.
    fn from(error: Error) -> Self {
        Self::new(AlertDescription::InternalError, error)
    }
}
