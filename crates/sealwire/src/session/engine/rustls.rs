//! The engine: rustls through its unbuffered interface, which decrypts in place and keeps no
//! buffers of its own between calls.

use std::fmt;
use std::sync::Arc;

use rustls::CommonState;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls_pki_types::ServerName;

use super::{Engine, Facts, MAX_HANDSHAKE_WIRE, Sink, Step};
use crate::names::{CipherSuite, NamedGroup, ProtocolVersion};

/// A client's engine. The ClientHello is in the first output.
pub(in crate::session) fn client(
    config: Arc<rustls::ClientConfig>,
    name: ServerName<'static>,
) -> Result<Box<dyn Engine>, rustls::Error> {
    Ok(Box::new(Rustls::new(UnbufferedClientConnection::new(config, name)?)))
}

/// A server's engine.
pub(in crate::session) fn server(
    config: Arc<rustls::ServerConfig>,
) -> Result<Box<dyn Engine>, rustls::Error> {
    Ok(Box::new(Rustls::new(UnbufferedServerConnection::new(config)?)))
}

struct Rustls<C> {
    connection: C,
    /// False from the call on in which the handshake was completed.
    handshaking: bool,
    /// Whether `close_notify` was sent: rustls would go on encrypting after it.
    closed: bool,
    /// How many bytes at the front of the caller's rustls has read and must be shown again: the
    /// records of a handshake message of which a part is missing. Shown fewer, it panics.
    held: usize,
}

/// The two kinds of rustls connection, which share everything but a type parameter.
trait Connection: Send + Sync {
    type Data;

    fn process<'c, 'i>(&'c mut self, tls: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    fn common(&self) -> &CommonState;
}

impl Connection for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, tls: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(tls)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

impl Connection for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, tls: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(tls)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

/// What became of one state of rustls' machine.
enum Handled {
    /// Go on.
    Again,
    /// Data went into the sink.
    Data,
    Told(Step),
}

impl<C: Connection> Engine for Rustls<C> {
    fn advance(
        &mut self,
        tls: &mut [u8],
        out: &mut Vec<u8>,
        sink: &mut dyn Sink,
    ) -> (usize, Result<Step, rustls::Error>) {
        if tls.len() < self.held {
            return (0, Ok(Step::NeedInput));
        }
        let (mut consumed, mut completed) = (0, false);
        // Records are shown one by one, so that it is known what rustls has read.
        let mut shown = Shown { end: self.held, whole: self.held };
        loop {
            let UnbufferedStatus { discard, state } =
                self.connection.process(&mut tls[consumed..shown.end]);
            let handled = match state {
                Ok(state) => handle(state, out, sink),
                Err(error) => {
                    consumed += discard;
                    self.flush_alert(out);
                    correct_alert(&error, out);
                    return (consumed, Err(error));
                }
            };
            consumed += discard;
            completed |= self.handshaking && !self.connection.common().is_handshaking();
            let step = match handled {
                // Whether it has read the last record is not known: it is shown again.
                Handled::Again | Handled::Data if consumed < shown.end => continue,
                // What rustls has still to send (tickets) comes out with the next call.
                _ if completed => Step::HandshakeComplete,
                Handled::Data if sink.is_full() => Step::SinkFull,
                Handled::Told(step) if step != Step::NeedInput => step,
                _ if shown.more(tls) => continue,
                Handled::Told(step) => step,
                Handled::Again | Handled::Data => continue,
            };
            self.handshaking &= !completed;
            self.held = shown.whole - consumed;
            if self.held > MAX_HANDSHAKE_WIRE {
                let error = rustls::InvalidMessage::HandshakePayloadTooLarge;
                return (consumed, Err(error.into()));
            }
            return (consumed, Ok(step));
        }
    }

    fn encrypt(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), rustls::Error> {
        let mut held = vec![0; self.held];
        loop {
            match self.connection.process(&mut held).state? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    return append(out, |room| match traffic.encrypt(plaintext, room) {
                        Err(EncryptError::EncryptExhausted) => Err(rustls::Error::EncryptError),
                        Err(EncryptError::InsufficientSize(needed)) => {
                            Ok(Err(needed.required_size))
                        }
                        Ok(written) => Ok(Ok(written)),
                    });
                }
                // The machine tells once that the peer has closed; writing goes on after it.
                ConnectionState::PeerClosed => {}
                other => {
                    if let Handled::Told(_) = handle(other, out, &mut Vec::new()) {
                        return Err(rustls::Error::HandshakeNotComplete);
                    }
                }
            }
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        let mut held = vec![0; self.held];
        loop {
            match self.connection.process(&mut held).state {
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    return queue_close_notify(traffic, out);
                }
                Ok(ConnectionState::PeerClosed) => {}
                Ok(other) => {
                    if let Handled::Told(_) = handle(other, out, &mut Vec::new()) {
                        return; // in the handshake there is nothing to close
                    }
                }
                Err(_) => return,
            }
        }
    }

    fn version(&self) -> Option<ProtocolVersion> {
        ProtocolVersion::from_rustls(self.connection.common().protocol_version()?)
    }

    fn facts(&self) -> Option<Facts> {
        let common = self.connection.common();
        Some(Facts {
            protocol: self.version()?,
            cipher: CipherSuite::from_rustls(common.negotiated_cipher_suite()?.suite())?,
            group: common
                .negotiated_key_exchange_group()
                .and_then(|group| NamedGroup::from_rustls(group.name())),
            alpn: common.alpn_protocol().map(<[u8]>::to_vec),
            resumed: common.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        })
    }

    fn peer_chain(&self) -> Vec<&[u8]> {
        let chain = self.connection.common().peer_certificates().unwrap_or_default();
        chain.iter().map(AsRef::as_ref).collect()
    }
}

impl<C: Connection> Rustls<C> {
    fn new(connection: C) -> Self {
        Self { connection, handshaking: true, closed: false, held: 0 }
    }

    /// After an error rustls has an alert ready. Only what is to be sent is taken: shown the bytes
    /// again, it would find the same error again.
    fn flush_alert(&mut self, out: &mut Vec<u8>) {
        while self.connection.common().wants_write() {
            let Ok(state) = self.connection.process(&mut []).state else { return };
            handle(state, out, &mut Vec::new());
        }
    }
}

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

impl<C: Connection> fmt::Debug for Rustls<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rustls").field("handshaking", &self.handshaking).finish_non_exhaustive()
    }
}

fn handle<Data>(
    state: ConnectionState<'_, '_, Data>,
    out: &mut Vec<u8>,
    sink: &mut dyn Sink,
) -> Handled {
    match state {
        ConnectionState::EncodeTlsData(mut message) => {
            let encoded = append(out, |room| match message.encode(room) {
                Ok(written) => Ok(Ok(written)),
                Err(EncodeError::InsufficientSize(needed)) => Ok(Err(needed.required_size)),
                Err(EncodeError::AlreadyEncoded) => Ok(Ok(0)),
            });
            let Ok(()): Result<(), std::convert::Infallible> = encoded;
            Handled::Again
        }
        ConnectionState::TransmitTlsData(transmit) => {
            transmit.done(); // it is in `out`, in order
            Handled::Again
        }
        ConnectionState::ReadTraffic(mut traffic) => {
            while let Some(Ok(record)) = traffic.next_record() {
                sink.take(record.payload);
            }
            Handled::Data
        }
        ConnectionState::PeerClosed => Handled::Told(Step::PeerClosed),
        // Early data are not enabled, so the state cannot come; nothing is read from it.
        _ => Handled::Told(Step::NeedInput),
    }
}

/// Puts `handshake_failure` (40), as RFC 5246, 7.4.6 and OpenSSL have it, where rustls says
/// `certificate_required` to a TLS 1.2 client without a certificate, or `access_denied` because we
/// have none ourselves. Both go out before anything is encrypted; in TLS 1.3 the first is right,
/// is encrypted, and stays.
fn correct_alert(error: &rustls::Error, out: &mut [u8]) {
    let chosen = match error {
        rustls::Error::NoCertificatesPresented => 116,
        rustls::Error::General(_) => 49,
        _ => return,
    };
    if let [.., 21, 3, _, 0, 2, 2, alert] = out
        && *alert == chosen
    {
        *alert = 40;
    }
}

fn queue_close_notify<Data>(mut traffic: WriteTraffic<'_, Data>, out: &mut Vec<u8>) {
    let queued = append(out, |room| match traffic.queue_close_notify(room) {
        Ok(written) => Ok(Ok(written)),
        Err(EncryptError::InsufficientSize(needed)) => Ok(Err(needed.required_size)),
        // Nothing can be encrypted any more: the connection ends without a word.
        Err(EncryptError::EncryptExhausted) => Ok(Ok(0)),
    });
    let Ok(()): Result<(), std::convert::Infallible> = queued;
}

/// Lets `write` write at the end of `out`, which is made as long as it says it needs.
/// `write` gives the bytes written, or the room it needs.
fn append<E>(
    out: &mut Vec<u8>,
    mut write: impl FnMut(&mut [u8]) -> Result<Result<usize, usize>, E>,
) -> Result<(), E> {
    let start = out.len();
    loop {
        match write(&mut out[start..]) {
            Ok(Ok(written)) => {
                out.truncate(start + written);
                return Ok(());
            }
            Ok(Err(needed)) => out.resize(start + needed, 0),
            Err(error) => {
                out.truncate(start);
                return Err(error);
            }
        }
    }
}
