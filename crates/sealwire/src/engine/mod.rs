//! The seam to the engine that speaks the protocol.
//!
//! Two small traits, in our own words: no type of an engine's is in them. An engine turns bytes
//! into bytes and decides nothing about the peer; what it has to ask, and what it finds, is at the
//! [`EngineState`] that the session hands to it with each call. So another engine (for peers that only an
//! older TLS can reach, or the next rustls) is another folder here, and which one a connection gets
//! is a function of what both sides offer.
//!
//! - Output is the caller's vector, appended to; data are lent to a [`Sink`], record by record; what
//!   is behind the record in which the handshake ends is never shown to an engine.
//! - Chains, of servers and of clients, are judged by [`HandshakeState::examine`]. An engine that asks from
//!   inside its handshake calls it there, one that stands still for the answer calls it then.
//! - A failure is a [`Failure`]: the error in our words, with the alert that OpenSSL would send.

#[cfg(feature = "legacy")]
mod choose;
mod credential;
mod failure;
pub(crate) mod last_word;
mod manner;
#[cfg(not(feature = "legacy"))]
mod no_openssl;
#[cfg(feature = "legacy")]
mod openssl;
pub(crate) mod resumption;
mod rustls;
mod secrets;
mod short;
mod state;

use std::fmt;
use std::io::IoSlice;

use sealwire_x509::Certificate;

use crate::error::Error;
use crate::verify::Verdict;
use crate::words::{Alert, CipherSuite, NamedGroup, ProtocolVersion};

pub(crate) use credential::Credential;
pub(crate) use failure::Failure;
pub(crate) use manner::{Manner, Order, Service};
pub(crate) use secrets::Secrets;
pub(crate) use state::{EngineState, Examiner, HandshakeState, PskAsked, alert_for};

#[cfg(feature = "legacy")]
pub(crate) use choose::Repertoire;
#[cfg(not(feature = "legacy"))]
pub(crate) use no_openssl::{Old, OldClient, OldService};
#[cfg(feature = "legacy")]
pub(crate) use openssl::{LegacyParameters, Old, OldClient, OldService};

pub(crate) use self::rustls::{
    ClientConfig, ClientIdentity, EarlyData, ServerConfig, Settings, check_ech, client, server,
};
#[cfg(feature = "rustls-config")]
pub(crate) use self::rustls::{LentConfig, Loan};

/// Where decrypted data go.
///
/// Implemented by `Vec<u8>`; adapters implement it to put the data straight where the reader
/// wants them.
pub trait Sink {
    /// Takes the data of one record: at most 16 KiB, all of it.
    fn take(&mut self, plaintext: &[u8]);

    /// Whether the session should stop before the next record.
    fn is_full(&self) -> bool {
        false
    }
}

impl Sink for Vec<u8> {
    fn take(&mut self, plaintext: &[u8]) {
        self.extend_from_slice(plaintext);
    }
}

/// The handshake of one side of one connection.
pub(crate) trait Engine: fmt::Debug + Send + Sync {
    /// Takes bytes from the front of `tls` and continues until the handshake is complete or more
    /// bytes are needed. What is to be sent is appended to `out`, also when the result is an error.
    fn advance(
        &mut self,
        conn: &mut EngineState,
        tls: &mut [u8],
        out: &mut Vec<u8>,
    ) -> (usize, Result<Step, Failure>);

    /// After a failure: makes `alert` the last word of what was appended to `out` from `start` on,
    /// encrypted. False: nothing is encrypted yet, or the keys are not available.
    fn say_last(&self, alert: Alert, conn: &EngineState, start: usize, out: &mut Vec<u8>) -> bool;

    /// The version, as soon as it is agreed.
    fn version(&self) -> Option<ProtocolVersion>;

    /// What was negotiated; `None` before the handshake is complete.
    fn facts(&self) -> Option<Facts>;

    /// The peer's chain as it sent it, leaf first; of the original connection when resumed.
    fn peer_chain(&self) -> Vec<&[u8]>;

    /// Appends what the complete handshake has still to send (tickets) to `out`, and gives the
    /// connection for data. Nothing else of the handshake stays.
    fn open(
        self: Box<Self>,
        conn: &mut EngineState,
        out: &mut Vec<u8>,
    ) -> Result<Box<dyn Channel>, Failure>;

    /// Ends a connection whose handshake is complete, in place of [`open`](Self::open), and tells
    /// the peer by `alert`: in place of our Finished where that has still to be sent and nothing
    /// of ours is encrypted (TLS 1.2), encrypted otherwise. A server gives out no ticket.
    fn refuse(self: Box<Self>, alert: Alert, conn: &mut EngineState, out: &mut Vec<u8>);

    /// Whether its failures have OpenSSL's names from the beginning.
    fn is_openssl(&self) -> bool {
        false
    }

    /// Tells in OpenSSL's words what goes over the connection from now on, if it can.
    fn trace(&mut self) {}

    /// What was told since the last time; `None`: it tells nothing.
    fn take_trace(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Exports keying material of a complete handshake; `None` where the secret behind it is in the
    /// connection's state ([`Secrets`]).
    fn export(
        &self,
        _output: &mut [u8],
        _label: &[u8],
        _context: Option<&[u8]>,
    ) -> Option<Result<(), Error>> {
        None
    }
}

/// One side of one connection whose handshake is complete.
pub(crate) trait Channel: fmt::Debug + Send + Sync {
    /// Takes whole records from the front of `tls`, decrypts them in place and puts the data into
    /// `sink`, until something has to be told. What is to be sent is appended to `out`, also when
    /// the result is an error.
    fn receive(
        &mut self,
        conn: &mut EngineState,
        tls: &mut [u8],
        out: &mut Vec<u8>,
        sink: &mut dyn Sink,
    ) -> (usize, Result<Step, Failure>);

    /// Encrypts `plaintext` into records of at most `max_fragment` bytes each, appended to `out`.
    fn encrypt(
        &mut self,
        plaintext: &[IoSlice<'_>],
        max_fragment: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure>;

    /// Appends a `close_notify` to `out`, the first time.
    fn close(&mut self, out: &mut Vec<u8>);

    /// Appends a fatal alert to `out`, unless we have closed.
    fn abort(&mut self, alert: Alert, out: &mut Vec<u8>);

    /// As [`Engine::trace`].
    fn trace(&mut self) {}

    /// As [`Engine::take_trace`].
    fn take_trace(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// As [`Engine::export`].
    fn export(
        &self,
        _output: &mut [u8],
        _label: &[u8],
        _context: Option<&[u8]>,
    ) -> Option<Result<(), Error>> {
        None
    }

    /// Begins to negotiate the connection again. `client_auth`: whether a server asks for a
    /// certificate then, and whether it must have one.
    fn renegotiate(
        &mut self,
        _client_auth: Option<(bool, bool)>,
        _out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let error = Error::Misused("this connection cannot be renegotiated");
        Err(Failure { error, alert: None })
    }

    /// After [`Step::Renegotiated`]: what it came to.
    fn again(&mut self) -> Option<Again> {
        None
    }
}

/// What a handshake came to that was made on an open connection.
pub(crate) struct Again {
    pub(crate) facts: Facts,
    /// The chain that the peer has shown in it, and the verdict.
    pub(crate) examined: Option<(Vec<Certificate>, Verdict)>,
}

/// Why [`Engine::advance`] or [`Channel::receive`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "legacy"), allow(dead_code, reason = "not every engine takes each"))]
pub(crate) enum Step {
    /// Everything usable is used; more bytes are needed.
    NeedInput,
    /// The handshake has just been completed.
    HandshakeComplete,
    /// The sink is full.
    SinkFull,
    /// The peer sent `close_notify`: no more data will come.
    PeerClosed,
    /// A pre-shared key is needed; which one is in the handshake's state.
    AskPsk,
    /// The open connection is being negotiated again.
    Renegotiating,
    /// It was: see [`Channel::again`].
    Renegotiated,
}

/// What two peers agreed on.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) protocol: ProtocolVersion,
    pub(crate) cipher: CipherSuite,
    pub(crate) group: Option<NamedGroup>,
    /// How long the prime was, where keys were agreed in a finite field.
    pub(crate) dh_bits: Option<u32>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) resumed: bool,
}
