//! Messages after the handshake, besides data: tickets, key updates, alerts, and requests
//! to renegotiate. Each is bounded in size and number.

use std::mem;

use rustls::{AlertDescription, ContentType, HandshakeType, InvalidMessage, PeerMisbehaved};

use super::Records;
use super::failure::Failure;
use super::seal::AlertLevel;
use crate::engine::EngineState;

/// The longest body of a handshake message.
const MAX_MESSAGE: usize = 0xffff;

/// The limits on messages that are allowed but useless.
#[derive(Debug)]
pub(super) struct Patience {
    /// Records without data, one after the other.
    empty_records: u8,
    /// Warnings, in all (as in BoringSSL).
    warnings: u8,
    /// Key updates without data between them (as in BoringSSL).
    key_updates: u8,
    renegotiations: u8,
}

const MAX_EMPTY_RECORDS: u8 = 10;
const MAX_WARNINGS: u8 = 4;
const MAX_KEY_UPDATES: u8 = 32;
const MAX_RENEGOTIATIONS: u8 = 1;

impl Default for Patience {
    fn default() -> Self {
        Self {
            empty_records: MAX_EMPTY_RECORDS,
            warnings: MAX_WARNINGS,
            key_updates: MAX_KEY_UPDATES,
            renegotiations: MAX_RENEGOTIATIONS,
        }
    }
}

impl Patience {
    /// Data came.
    pub(super) fn renew(&mut self) {
        self.empty_records = MAX_EMPTY_RECORDS;
        self.key_updates = MAX_KEY_UPDATES;
    }

    pub(super) fn empty_record(&mut self) -> Result<(), Failure> {
        spend(&mut self.empty_records, PeerMisbehaved::TooManyEmptyFragments)
    }
}

fn spend(left: &mut u8, otherwise: PeerMisbehaved) -> Result<(), Failure> {
    *left = left.checked_sub(1).ok_or_else(|| Failure::misplaced(otherwise))?;
    Ok(())
}

impl Records {
    /// An alert of the peer. True when it sends no more data.
    pub(super) fn hear_alert(&mut self, content: &[u8]) -> Result<bool, Failure> {
        let (level, alert) = match *content {
            [level, alert] => (level, AlertDescription::from(alert)),
            [] => return Err(Failure::unexpected_record(ContentType::Alert)),
            [_] => return Err(Failure::malformed(InvalidMessage::MissingData("Alert"))),
            _ => return Err(Failure::malformed(InvalidMessage::TrailingData("Alert"))),
        };
        const WARNING: u8 = AlertLevel::Warning as u8;
        const FATAL: u8 = AlertLevel::Fatal as u8;
        match level {
            WARNING | FATAL if alert == AlertDescription::CloseNotify => return Ok(true),
            WARNING => {}
            FATAL => return Err(Failure::told(alert)),
            _ => {
                let error = rustls::Error::AlertReceived(alert);
                return Err(Failure::new(AlertDescription::IllegalParameter, error));
            }
        }
        spend(&mut self.patience.warnings, PeerMisbehaved::TooManyWarningAlertsReceived)?;
        // TLS 1.3 has no other warning (RFC 8446, 6.2).
        if self.is_tls13() && alert != AlertDescription::UserCanceled {
            let error = rustls::Error::AlertReceived(alert);
            return Err(Failure::new(AlertDescription::DecodeError, error));
        }
        Ok(false)
    }

    /// A record with handshake messages, or parts of them.
    pub(super) fn hear_handshake(
        &mut self,
        conn: &mut EngineState,
        fragment: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        if fragment.is_empty() {
            // RFC 8446, 5.1.
            return Err(Failure::unexpected_record(ContentType::Handshake));
        }
        let mut joined = mem::take(&mut self.partial);
        let mut rest = fragment;
        if !joined.is_empty() {
            joined.extend_from_slice(fragment);
            rest = &joined;
        }
        while let Some((kind, body, after)) = self.split_message(rest)? {
            self.hear_message(conn, (kind, body, after), out)?;
            rest = after;
        }
        self.partial = if rest.len() == joined.len() { joined } else { rest.to_vec() };
        Ok(())
    }

    /// The first message of `bytes`, and what follows; `None` when a part of it is missing. One
    /// that has no place here is refused before it is complete.
    fn split_message<'a>(&self, bytes: &'a [u8]) -> Result<Option<Message<'a>>, Failure> {
        let Some(&kind) = bytes.first() else { return Ok(None) };
        let (kind, expected) = (HandshakeType::from(kind), self.kernel.expected());
        if !expected.contains(&kind) {
            return Err(Failure::unexpected_message(kind, expected));
        }
        let [_, high, middle, low, rest @ ..] = bytes else { return Ok(None) };
        let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        if length > MAX_MESSAGE {
            return Err(Failure::malformed(InvalidMessage::HandshakePayloadTooLarge));
        }
        Ok(rest.split_at_checked(length).map(|(body, after)| (kind, body, after)))
    }

    /// A handshake message.
    fn hear_message(
        &mut self,
        conn: &mut EngineState,
        (kind, body, after): Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        match kind {
            HandshakeType::NewSessionTicket => self.kernel.keep_ticket(conn, body),
            HandshakeType::KeyUpdate => self.hear_key_update(body, after.is_empty()),
            HandshakeType::HelloRequest if !body.is_empty() => {
                Err(Failure::malformed(InvalidMessage::TrailingData("HelloRequest")))
            }
            // The others that are expected: both ask for renegotiation (RFC 5246, 7.4.1.1).
            _ => {
                let refused = PeerMisbehaved::TooManyRenegotiationRequests;
                spend(&mut self.patience.renegotiations, refused)?;
                if !self.closed {
                    let alert = AlertDescription::NoRenegotiation;
                    self.sealer.alert(AlertLevel::Warning, alert, out);
                }
                Ok(())
            }
        }
    }

    /// The peer's next record comes under new keys (RFC 8446, 4.6.3). `last`: the record of this
    /// message has no more behind it.
    fn hear_key_update(&mut self, body: &[u8], last: bool) -> Result<(), Failure> {
        if !last {
            // RFC 8446, 5.1: a message before a change of keys ends its record.
            return Err(Failure::misplaced(PeerMisbehaved::KeyEpochWithPendingFragment));
        }
        spend(&mut self.patience.key_updates, PeerMisbehaved::TooManyKeyUpdateRequests)?;
        let wrong = InvalidMessage::InvalidKeyUpdate;
        match *body {
            [0] => {}
            // Answered before our next data, once for any number of requests.
            [1] => self.owes_key_update = true,
            [_] => return Err(Failure::new(AlertDescription::IllegalParameter, wrong)),
            _ => return Err(Failure::malformed(wrong)),
        }
        self.opener.update(self.kernel.next_receiving_keys()?);
        Ok(())
    }

    /// Tells the peer that our next record comes under new keys, and `request`s the same of it.
    pub(super) fn send_key_update(
        &mut self,
        request: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), rustls::Error> {
        // First the keys: what is announced must follow.
        let keys = self.kernel.next_sending_keys()?;
        let message = [u8::from(HandshakeType::KeyUpdate), 0, 0, 1, u8::from(request)];
        self.sealer.seal(ContentType::Handshake, &message, out)?;
        self.sealer.update(keys);
        self.owes_key_update = false;
        Ok(())
    }
}

/// Type, body, and what follows.
type Message<'a> = (HandshakeType, &'a [u8], &'a [u8]);
