//! One side of one connection whose handshake is complete.

use std::fmt;
use std::io::IoSlice;
use std::sync::{Mutex, PoisonError};

use sealwire_openssl::{Connection, Progress, Read};

use super::answers::Answers;
use super::failure::failure;
use super::handshake::{Rest, export};
use super::{facts, whole_record};
use crate::engine::resumption::ClientSessions;
use crate::engine::{Again, Channel, EngineState, Facts, Failure, HandshakeState, Sink, Step};
use crate::error::Error;
use crate::words::{Alert, ProtocolVersion};

pub(super) struct Open {
    /// Never locked but for [`Channel::export`]: all else has it to itself.
    connection: Mutex<Connection>,
    rest: Rest,
    /// Those of the handshake, where it may be repeated.
    handshake: Option<Box<HandshakeState>>,
    /// Data that wait for the end of a handshake that is repeated.
    waiting: Vec<u8>,
    /// Whether such a one is under way, and how many were complete before.
    again: bool,
    complete: u32,
    begun: u32,
    fragment: usize,
    /// Whether something may be left of the record that OpenSSL was shown last.
    left: bool,
    closed: bool,
    facts: Option<Facts>,
}

impl Open {
    pub(super) fn new(
        connection: Mutex<Connection>,
        rest: Rest,
        handshake: Option<Box<HandshakeState>>,
    ) -> Self {
        let (begun, complete) =
            connection.lock().unwrap_or_else(PoisonError::into_inner).handshakes();
        Self {
            connection,
            rest,
            handshake,
            waiting: Vec::new(),
            again: false,
            complete,
            begun,
            fragment: 0,
            left: false,
            closed: false,
            facts: None,
        }
    }

    /// Calls OpenSSL. `sessions` are a client's, where more of them may come.
    fn with<T>(
        &mut self,
        sessions: Option<&mut ClientSessions>,
        call: impl FnOnce(&mut Connection, &mut Answers<'_>) -> Result<T, sealwire_openssl::Failure>,
    ) -> Result<T, Failure> {
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Rest { alpn, time, chain, giving, .. } = &mut self.rest;
        let handshake = self.handshake.as_deref_mut();
        let (giving, staple) = (giving.as_ref(), None);
        let mut answers = Answers { handshake, alpn, time, sessions, giving, staple, chain };
        call(connection, &mut answers).map_err(|told| failure(told, self.handshake.as_deref_mut()))
    }

    /// Whether the connection has just begun to be negotiated again, or come to the end of that.
    fn renegotiation(&mut self, out: &mut Vec<u8>) -> Result<Option<Step>, Failure> {
        if self.handshake.is_none() {
            return Ok(None);
        }
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (begun, complete) = connection.handshakes();
        if complete != self.complete {
            self.complete = complete;
            self.begun = begun;
            self.again = false;
            self.facts = connection.negotiated().and_then(|agreed| facts(&agreed, false));
            let waiting = std::mem::take(&mut self.waiting);
            self.write(&waiting, out)?;
            return Ok(Some(Step::Renegotiated));
        }
        if begun != self.begun {
            self.begun = begun;
            self.again = true;
            if let Some(handshake) = &mut self.handshake {
                handshake.examined = None;
            }
            return Ok(Some(Step::Renegotiating));
        }
        Ok(None)
    }

    fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        if data.is_empty() {
            return Ok(());
        }
        if !self.waiting.is_empty() {
            self.waiting.extend_from_slice(data);
            return Ok(());
        }
        let written =
            self.with(None, |connection, answers| connection.write(answers, data, out))?;
        if written == Progress::NeedsInput {
            self.waiting.extend_from_slice(data);
        }
        Ok(())
    }
}

/// The longest content of a record (RFC 5246, 6.2.1).
const MAX_PLAINTEXT: usize = 1 << 14;

impl Channel for Open {
    fn receive(
        &mut self,
        conn: &mut EngineState,
        tls: &mut [u8],
        out: &mut Vec<u8>,
        sink: &mut dyn Sink,
    ) -> (usize, Result<Step, Failure>) {
        let mut consumed = 0;
        let mut room = [0; MAX_PLAINTEXT];
        loop {
            if !self.left {
                if sink.is_full() {
                    return (consumed, Ok(Step::SinkFull));
                }
                let Some(length) = whole_record(&tls[consumed..]) else {
                    return (consumed, Ok(Step::NeedInput));
                };
                let record = &tls[consumed..consumed + length];
                consumed += length;
                if let Err(failed) = self.with(None, |connection, _| connection.feed(record)) {
                    return (consumed, Err(failed));
                }
                self.left = true;
            }
            let sessions = conn.sessions.as_deref_mut();
            let read =
                self.with(sessions, |connection, answers| connection.read(answers, &mut room, out));
            match read {
                Ok(Read::Data(length)) => sink.take(&room[..length]),
                Ok(Read::NeedsInput) => self.left = false,
                Ok(Read::Closed) => {
                    self.left = false;
                    return (consumed, Ok(Step::PeerClosed));
                }
                Err(failed) => return (consumed, Err(failed)),
            }
            match self.renegotiation(out) {
                Ok(None) => {}
                Ok(Some(step)) => return (consumed, Ok(step)),
                Err(failed) => return (consumed, Err(failed)),
            }
        }
    }

    fn encrypt(
        &mut self,
        plaintext: &[IoSlice<'_>],
        max_fragment: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        if self.fragment != max_fragment {
            self.fragment = max_fragment;
            let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
            connection.max_fragment(max_fragment);
        }
        match plaintext {
            [one] => self.write(one, out),
            pieces => {
                let whole: Vec<u8> =
                    pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
                self.write(&whole, out)
            }
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.closed, true) {
            let _ = self.with(None, |connection, answers| {
                connection.close(answers, out);
                Ok(())
            });
        }
    }

    /// OpenSSL has no words for that; an end without `close_notify` is an error to the peer.
    fn abort(&mut self, _: Alert, _: &mut Vec<u8>) {
        self.closed = true;
    }

    fn trace(&mut self) {
        self.connection.get_mut().unwrap_or_else(PoisonError::into_inner).trace();
    }

    fn take_trace(&mut self) -> Option<Vec<u8>> {
        self.connection.get_mut().unwrap_or_else(PoisonError::into_inner).take_trace()
    }

    fn export(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Option<Result<(), Error>> {
        Some(export(&self.connection, output, label, context))
    }

    fn renegotiate(
        &mut self,
        client_auth: Option<(bool, bool)>,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let misused = |what| Failure { error: Error::Misused(what), alert: None };
        if self.handshake.is_none() {
            return Err(misused("renegotiation is not allowed by this context"));
        }
        if self.again {
            return Err(misused("a renegotiation is already in progress"));
        }
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        let version = connection.negotiated().and_then(|agreed| facts(&agreed, false));
        if version.is_none_or(|facts| facts.protocol == ProtocolVersion::Tls13) {
            return Err(misused("TLS 1.3 does not support renegotiation"));
        }
        if let (Some((ask, required)), true) = (client_auth, self.rest.is_server) {
            connection.ask_for_certificate(ask, required);
            if let Some(handshake) = &mut self.handshake {
                handshake.refuse_at_once = required;
            }
        }
        self.with(None, |connection, answers| connection.renegotiate(answers, out))?;
        if self.rest.is_server {
            // What was begun and done is the request.
            let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
            (self.begun, self.complete) = connection.handshakes();
        }
        Ok(())
    }

    fn again(&mut self) -> Option<Again> {
        let facts = self.facts.take()?;
        let handshake = self.handshake.as_deref_mut()?;
        Some(Again { facts, examined: handshake.examined.take() })
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSsl").field("again", &self.again).finish_non_exhaustive()
    }
}
