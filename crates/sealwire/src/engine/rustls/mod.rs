//! The handshake: rustls through its unbuffered interface, which works on the caller's bytes and
//! keeps no buffers of its own between calls.

mod clock;
mod compression;
mod derived;
mod early_data;
mod ech;
mod failure;
mod hkdf;
mod key_log;
mod last_alert;
#[cfg(feature = "rustls-config")]
mod lent;
mod names;
mod provider;
pub(in crate::engine) mod pss;
mod records;
mod resolver;
mod sessions;
mod settings;
mod slot;
mod verifier;

use std::{fmt, mem};

use std::sync::{Arc, Mutex};

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{CommonState, ExtractedSecrets};
use rustls_pki_types as pki_types;

use records::{Kernel, Records};

use super::last_word::has_begun_to_encrypt;
use super::{Channel, Engine, EngineState, Facts, Failure, Step};
use crate::reading::MAX_HANDSHAKE_WIRE;
use crate::words::{Alert, ProtocolVersion, ServerName};
pub(super) use derived::Derived;
pub(crate) use early_data::EarlyData;
pub(crate) use ech::check as check_ech;
pub(super) use last_alert::Protected;
#[cfg(feature = "rustls-config")]
pub(crate) use lent::{LentConfig, Loan};
pub(super) use sessions::{Again, SessionValue};
pub(crate) use settings::{ClientConfig, ClientIdentity, ServerConfig, Settings};

/// A client's engine. The ClientHello is in the first output.
pub(crate) fn client(
    config: ClientConfig,
    name: &ServerName,
    conn: &mut EngineState,
) -> Result<Box<dyn Engine>, Failure> {
    let name = match name.ip() {
        Some(ip) => pki_types::ServerName::IpAddress(ip.into()),
        None => pki_types::ServerName::try_from(name.for_sni().to_owned())
            .map_err(|_| failure::on_open(rustls::Error::UnsupportedNameType))?,
    };
    // It takes the session that it offers now.
    let connection = slot::with(conn, || UnbufferedClientConnection::new(config.0, name));
    Ok(Box::new(Rustls::new(connection.map_err(failure::on_open)?)))
}

/// A server's engine.
pub(crate) fn server(config: ServerConfig) -> Result<Box<dyn Engine>, Failure> {
    let connection = UnbufferedServerConnection::new(config.0).map_err(failure::on_open)?;
    Ok(Box::new(Rustls::new(connection)))
}

struct Rustls<C> {
    connection: C,
    /// False from the call on in which the handshake was completed.
    handshaking: bool,
    /// How many bytes at the front of the caller's rustls has read and must be shown again: the
    /// records of a handshake message of which a part is missing. Shown fewer, it panics.
    held: usize,
    /// What the last step of the handshake has to send: it goes out, or not, with the decision
    /// about the peer.
    last_flight: Vec<u8>,
}

/// The two kinds of rustls connection, which share everything but a type parameter.
trait Connection: Send + Sync {
    type Data;

    /// Which side it is.
    const IS_SERVER: bool;

    fn process<'c, 'i>(&'c mut self, tls: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    fn common(&self) -> &CommonState;

    /// The traffic keys, and what handles key updates and tickets from now on.
    fn into_kernel(self, tls13: bool) -> Result<(ExtractedSecrets, Kernel), rustls::Error>;
}

impl Connection for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    const IS_SERVER: bool = false;

    fn process<'c, 'i>(&'c mut self, tls: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(tls)
    }

    fn common(&self) -> &CommonState {
        self
    }

    fn into_kernel(self, tls13: bool) -> Result<(ExtractedSecrets, Kernel), rustls::Error> {
        let (secrets, kernel) = self.dangerous_into_kernel_connection()?;
        Ok((
            secrets,
            if tls13 { Kernel::Client13(Arc::new(Mutex::new(kernel))) } else { Kernel::Client12 },
        ))
    }
}

impl Connection for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    const IS_SERVER: bool = true;

    fn process<'c, 'i>(&'c mut self, tls: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(tls)
    }

    fn common(&self) -> &CommonState {
        self
    }

    fn into_kernel(self, tls13: bool) -> Result<(ExtractedSecrets, Kernel), rustls::Error> {
        let (secrets, kernel) = self.dangerous_into_kernel_connection()?;
        Ok((secrets, if tls13 { Kernel::Server13(Box::new(kernel)) } else { Kernel::Server12 }))
    }
}

/// What became of one state of rustls' machine.
enum Handled {
    /// Continue.
    Again,
    /// More bytes are needed, or nothing more is to be done.
    Blocked,
}

impl<C: Connection + 'static> Engine for Rustls<C> {
    fn advance(
        &mut self,
        conn: &mut EngineState,
        tls: &mut [u8],
        out: &mut Vec<u8>,
    ) -> (usize, Result<Step, Failure>) {
        let (consumed, step) = slot::with(conn, || self.drive(tls, out));
        (consumed, step.map_err(|error| failure::in_handshake(error, self.version(), conn)))
    }

    fn say_last(&self, alert: Alert, conn: &EngineState, start: usize, out: &mut Vec<u8>) -> bool {
        let handshake = conn.handshake.as_deref();
        handshake.is_some_and(|handshake| handshake.protected.say_last(alert, start, out))
    }

    fn version(&self) -> Option<ProtocolVersion> {
        names::version(self.connection.common().protocol_version()?)
    }

    fn facts(&self) -> Option<Facts> {
        let common = self.connection.common();
        Some(Facts {
            protocol: self.version()?,
            cipher: names::suite(common.negotiated_cipher_suite()?.suite())?,
            group: common
                .negotiated_key_exchange_group()
                .and_then(|group| names::group(group.name())),
            dh_bits: None,
            alpn: common.alpn_protocol().map(<[u8]>::to_vec),
            resumed: common.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        })
    }

    fn peer_chain(&self) -> Vec<&[u8]> {
        let chain = self.connection.common().peer_certificates().unwrap_or_default();
        chain.iter().map(AsRef::as_ref).collect()
    }

    fn open(
        self: Box<Self>,
        conn: &mut EngineState,
        out: &mut Vec<u8>,
    ) -> Result<Box<dyn Channel>, Failure> {
        Ok(Box::new(self.into_records(conn, out).map_err(failure::on_open)?))
    }

    fn refuse(mut self: Box<Self>, alert: Alert, conn: &mut EngineState, out: &mut Vec<u8>) {
        if self.take_last_flight().is_err() {
            return;
        }
        let flight = mem::take(&mut self.last_flight);
        if self.version() == Some(ProtocolVersion::Tls12) && has_begun_to_encrypt(&flight) {
            // Our Finished is still to be sent: the alert comes in its place.
            out.extend(alert.plain_record());
            return;
        }
        let unsent = if C::IS_SERVER {
            records_in(&flight) // tickets
        } else {
            out.extend(flight);
            0
        };
        if let Ok(mut records) = self.into_protected(unsent, conn) {
            records.abort(alert, out);
        }
    }
}

impl<C: Connection> Rustls<C> {
    fn new(connection: C) -> Self {
        Self { connection, handshaking: true, held: 0, last_flight: Vec::new() }
    }

    fn drive(&mut self, tls: &mut [u8], out: &mut Vec<u8>) -> (usize, Result<Step, rustls::Error>) {
        if tls.len() < self.held {
            return (0, Ok(Step::NeedInput));
        }
        let (mut consumed, mut completed) = (0, false);
        // Records are shown one by one, so that it is known what rustls has read; what follows the
        // last message of the handshake it does not get to see.
        let mut shown = Shown { end: self.held, whole: self.held };
        loop {
            if C::IS_SERVER && shown.end == shown.whole && self.drops(&tls[consumed..shown.end]) {
                consumed = shown.end;
            }
            if self.is_flooded() {
                out.extend(Alert::from_number(10).plain_record());
                return (consumed, Err(rustls::PeerMisbehaved::TooMuchEarlyDataReceived.into()));
            }
            let said = out.len();
            let UnbufferedStatus { discard, state } =
                self.connection.process(&mut tls[consumed..shown.end]);
            let undecrypted =
                slot::handshake(|handshake| handshake.protected.undecrypted).unwrap_or(false);
            let handled = match state {
                Ok(state) => handle(state, out),
                Err(error) => {
                    consumed += discard;
                    self.flush_alert(out);
                    // Between the fragments of a message it calls such a record by another name.
                    let error = if undecrypted { rustls::Error::DecryptError } else { error };
                    return (consumed, Err(error));
                }
            };
            consumed += discard;
            if undecrypted {
                // rustls takes it for early data. Early data was dropped before, so this is not early data.
                return (consumed, Err(rustls::Error::DecryptError));
            }
            completed |= self.handshaking && !self.connection.common().is_handshaking();
            if completed {
                self.last_flight.extend(out.drain(said..));
            }
            let step = match handled {
                // Whether it has read the last record is not known: it is shown again.
                Handled::Again if consumed < shown.end => continue,
                // What rustls has still to send (tickets) comes out when the session opens.
                _ if completed => Step::HandshakeComplete,
                _ if shown.whole - consumed > MAX_HANDSHAKE_WIRE => {
                    self.give_up(&tls[consumed..shown.whole], out);
                    let error = rustls::InvalidMessage::HandshakePayloadTooLarge;
                    return (consumed, Err(error.into()));
                }
                _ if is_too_long(&tls[shown.end..]) => {
                    return (consumed, Err(rustls::Error::PeerSentOversizedRecord));
                }
                _ if shown.more(tls) => continue,
                Handled::Again => continue,
                Handled::Blocked => Step::NeedInput,
            };
            self.handshaking &= !completed;
            self.held = shown.whole - consumed;
            return (consumed, Ok(step));
        }
    }

    /// Whether these bytes are a record of early data.
    fn drops(&self, bytes: &[u8]) -> bool {
        let is_encrypted_record = matches!(bytes, [23, _, _, high, low, body @ ..]
            if body.len() == usize::from(u16::from_be_bytes([*high, *low])));
        let kind = self.connection.common().handshake_kind();
        let retried = kind == Some(rustls::HandshakeKind::FullWithHelloRetryRequest);
        is_encrypted_record
            && slot::handshake(|handshake| {
                Some(handshake.early_data.as_mut()?.drops(bytes, retried))
            })
            .flatten()
            .unwrap_or(false)
    }

    /// Whether more early data came behind a HelloRetryRequest than are dropped.
    fn is_flooded(&self) -> bool {
        C::IS_SERVER
            && slot::handshake(|handshake| {
                handshake.early_data.as_ref().map(EarlyData::overflow_unread)
            })
            .flatten()
            .unwrap_or(false)
    }

    /// Takes the traffic keys out, once everything is said.
    fn into_records(
        mut self,
        conn: &mut EngineState,
        out: &mut Vec<u8>,
    ) -> Result<Records, rustls::Error> {
        let spills = self.held > 0;
        self.take_last_flight()?;
        out.append(&mut self.last_flight);
        let mut records = self.into_protected(0, conn)?;
        if spills {
            return Err(records.spill(out));
        }
        Ok(records)
    }

    /// Fetches what rustls has still to send.
    fn take_last_flight(&mut self) -> Result<(), rustls::Error> {
        let (connection, flight) = (&mut self.connection, &mut self.last_flight);
        while let Handled::Again = handle(connection.process(&mut []).state?, flight) {}
        Ok(())
    }

    /// The record layer for data. The last `unsent` records that rustls has made were thrown away,
    /// and their numbers are free again.
    fn into_protected(self, unsent: u64, conn: &mut EngineState) -> Result<Records, rustls::Error> {
        let common = self.connection.common();
        let suite = common.negotiated_cipher_suite().ok_or(rustls::Error::HandshakeNotComplete)?;
        let take_out = || self.connection.into_kernel(suite.tls13().is_some());
        let (mut secrets, kernel) = slot::with(conn, take_out)?;
        secrets.tx.0 = secrets.tx.0.saturating_sub(unsent);
        Records::new(suite, secrets, kernel)
    }

    /// Makes rustls send an alert although it would continue: it alone has the keys. A record that is
    /// longer than any may be, behind those that it has read, makes it say `decode_error`.
    fn give_up(&mut self, held: &[u8], out: &mut Vec<u8>) {
        const TOO_LONG: [u8; 5] = [22, 3, 3, 0xff, 0xff];
        let mut shown = [held, &TOO_LONG].concat();
        let UnbufferedStatus { state, .. } = self.connection.process(&mut shown);
        debug_assert!(state.is_err(), "no record is so long");
        self.flush_alert(out);
    }

    /// After an error rustls has an alert ready. Only what is to be sent is taken: shown the bytes
    /// again, it would find the same error again.
    fn flush_alert(&mut self, out: &mut Vec<u8>) {
        while self.connection.common().wants_write() {
            let Ok(state) = self.connection.process(&mut []).state else { return };
            handle(state, out);
        }
    }
}

/// The longest content of a record (RFC 8446, 5.1).
const MAX_PLAINTEXT: u16 = 1 << 14;

/// How far into the caller's bytes rustls is shown.
struct Shown {
    end: usize,
    /// Where the last whole record in it ends.
    whole: usize,
}

impl Shown {
    /// Shows one record more, or what there is of it: its header alone may be an error. False
    /// when all is shown.
    fn more(&mut self, tls: &[u8]) -> bool {
        let rest = &tls[self.end..];
        match rest {
            [] => return false,
            [_, _, _, high, low, body @ ..]
                if body.len() >= usize::from(u16::from_be_bytes([*high, *low])) =>
            {
                self.end += 5 + usize::from(u16::from_be_bytes([*high, *low]));
                self.whole = self.end;
            }
            _ => self.end = tls.len(),
        }
        true
    }
}

/// Whether the record that begins here is one that is not encrypted, and longer than such may be
/// (RFC 8446, 5.1). In TLS 1.2 the one that is encrypted by now, Finished, is short.
fn is_too_long(tls: &[u8]) -> bool {
    matches!(tls, [20..=22, _, _, high, low, ..]
        if u16::from_be_bytes([*high, *low]) > MAX_PLAINTEXT)
}

/// How many records these bytes are.
fn records_in(mut tls: &[u8]) -> u64 {
    let mut count = 0;
    while let [_, _, _, high, low, after @ ..] = tls {
        tls = after.get(usize::from(u16::from_be_bytes([*high, *low]))..).unwrap_or_default();
        count += 1;
    }
    count
}

impl<C: Connection> fmt::Debug for Rustls<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rustls").field("handshaking", &self.handshaking).finish_non_exhaustive()
    }
}

fn handle<Data>(state: ConnectionState<'_, '_, Data>, out: &mut Vec<u8>) -> Handled {
    match state {
        ConnectionState::EncodeTlsData(mut message) => {
            let start = out.len();
            loop {
                match message.encode(&mut out[start..]) {
                    Ok(written) => {
                        out.truncate(start + written);
                        break;
                    }
                    Err(EncodeError::InsufficientSize(room)) => {
                        out.resize(start + room.required_size, 0);
                    }
                    Err(EncodeError::AlreadyEncoded) => break,
                }
            }
            Handled::Again
        }
        ConnectionState::TransmitTlsData(transmit) => {
            transmit.done(); // it is in `out`, in order
            Handled::Again
        }
        // Of data and closing there is nothing yet: early data are not enabled, and what follows
        // the handshake is not shown.
        _ => Handled::Blocked,
    }
}
