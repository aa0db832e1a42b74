//! The record layer once the handshake is complete: data into records, records into data.
//!
//! rustls does the handshake and keeps the key schedule; its traffic keys are taken out, and records
//! are protected here: in place, at the end of the caller's buffer, without an allocation for a
//! record. Every record that comes is taken for hostile until it has authenticated, and what it
//! says afterwards is bounded.

mod failure;
mod kernel;
mod keys;
mod messages;
mod open;
mod pieces;
mod seal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::IoSlice;

use aws_lc_rs::aead::Algorithm;
use failure::Failure;
pub(super) use kernel::Kernel;
pub(super) use keys::{HEADER, TAG};
use keys::{Keys, Protection};
use messages::Patience;
use open::Opener;
use pieces::Pieces;
use rustls::{ContentType, Error, ExtractedSecrets, PeerMisbehaved, SupportedCipherSuite};
use seal::{AlertLevel, Sealer};

use super::failure::on_open;
use crate::engine::{self, Channel, EngineState, Sink, Step};
use crate::words::Alert;

/// Appends the record of a fatal alert in TLS 1.3 to `out`, under this key, nonce base and number.
pub(super) fn seal_alert(
    algorithm: &'static Algorithm,
    (key, iv, number): (&[u8], &[u8], u64),
    alert: Alert,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let keys = Keys::of(algorithm, key, iv, number)?;
    let mut sealer = Sealer::new(Protection::Tls13, keys, u64::MAX);
    sealer.alert(AlertLevel::Fatal, alert.number().into(), out);
    Ok(())
}

/// A connection whose handshake is complete.
pub(super) struct Records {
    opener: Opener,
    sealer: Sealer,
    kernel: Kernel,
    /// The beginning of a handshake message of which a part is missing.
    partial: Vec<u8>,
    patience: Patience,
    /// The peer asked for new keys; they come before our next data.
    owes_key_update: bool,
    /// We have said `close_notify`: nothing may follow.
    closed: bool,
}

impl Records {
    /// Takes over from the handshake: `secrets` are its traffic keys, with the numbers of the
    /// next records.
    pub(super) fn new(
        suite: SupportedCipherSuite,
        secrets: ExtractedSecrets,
        kernel: Kernel,
    ) -> Result<Self, Error> {
        let limit = match suite {
            SupportedCipherSuite::Tls13(suite) => suite.common.confidentiality_limit,
            SupportedCipherSuite::Tls12(suite) => suite.common.confidentiality_limit,
        };
        let protection = Protection::of(suite, &secrets.tx.1);
        Ok(Self {
            opener: Opener::new(protection, Keys::new(secrets.rx)?),
            sealer: Sealer::new(protection, Keys::new(secrets.tx)?, limit),
            kernel,
            partial: Vec::new(),
            patience: Patience::default(),
            owes_key_update: false,
            closed: false,
        })
    }

    fn is_tls13(&self) -> bool {
        matches!(self.kernel, Kernel::Client13(_) | Kernel::Server13(_))
    }

    /// Takes one whole record. True when the peer has closed.
    fn take(
        &mut self,
        conn: &mut EngineState,
        record: &mut [u8],
        out: &mut Vec<u8>,
        sink: &mut dyn Sink,
    ) -> Result<bool, Failure> {
        let (kind, content) = self.opener.open(record)?;
        if kind != ContentType::Handshake && !self.partial.is_empty() {
            // RFC 8446, 5.1.
            return Err(Failure::misplaced(PeerMisbehaved::MessageInterleavedWithHandshakeMessage));
        }
        match kind {
            ContentType::ApplicationData if content.is_empty() => self.patience.empty_record()?,
            ContentType::ApplicationData => {
                self.patience.renew();
                sink.take(content);
            }
            ContentType::Handshake => self.hear_handshake(conn, content, out)?,
            ContentType::Alert => return self.hear_alert(content),
            other => return Err(Failure::unexpected_record(other)),
        }
        Ok(false)
    }

    /// The record at the front of `tls`, if all of it is there.
    fn whole<'a>(&self, tls: &'a mut [u8]) -> Result<Option<&'a mut [u8]>, Failure> {
        Ok(match self.opener.length(tls)? {
            Some(length) => tls.get_mut(..length),
            None => None,
        })
    }

    /// Our data, as many records as it takes.
    fn seal_all(
        &mut self,
        plaintext: &[IoSlice<'_>],
        max_fragment: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut pieces = Pieces::new(plaintext);
        if pieces.left() == 0 {
            return Ok(());
        }
        if self.closed {
            return Err(Error::EncryptError);
        }
        let records = pieces.left().div_ceil(max_fragment);
        if !self.is_tls13() && self.sealer.left() < records as u64 {
            // TLS 1.2 cannot change its keys: nothing more is sent under these.
            self.close(out);
            return Err(Error::EncryptError);
        }
        if self.owes_key_update {
            self.send_key_update(false, out)?;
        }
        out.reserve(pieces.left() + records * self.sealer.overhead());
        while pieces.left() > 0 {
            // The last record under the old keys is the one that announces the new.
            if self.is_tls13() && self.sealer.left() <= 1 {
                self.send_key_update(true, out)?;
            }
            let length = pieces.left().min(max_fragment);
            self.sealer.seal_with(ContentType::ApplicationData, length, out, |out| {
                pieces.move_to(out, length);
            })?;
        }
        Ok(())
    }

    /// Ends a connection because something stood behind Finished in its record (RFC 8446, 5.1).
    pub(super) fn spill(&mut self, out: &mut Vec<u8>) -> Error {
        self.fail(Failure::misplaced(PeerMisbehaved::KeyEpochWithPendingFragment), out)
    }

    /// Ends the connection over what the peer did, and tells it.
    fn fail(&mut self, failure: Failure, out: &mut Vec<u8>) -> Error {
        if let (Some(alert), false) = (failure.alert, self.closed) {
            self.closed = true;
            self.sealer.alert(AlertLevel::Fatal, alert, out);
        }
        failure.error
    }
}

impl Channel for Records {
    fn receive(
        &mut self,
        conn: &mut EngineState,
        tls: &mut [u8],
        out: &mut Vec<u8>,
        sink: &mut dyn Sink,
    ) -> (usize, Result<Step, engine::Failure>) {
        let mut consumed = 0;
        while !sink.is_full() {
            let taken = match self.whole(&mut tls[consumed..]) {
                Ok(None) => return (consumed, Ok(Step::NeedInput)),
                Ok(Some(record)) => {
                    consumed += record.len();
                    self.take(conn, record, out, sink)
                }
                Err(failure) => Err(failure),
            };
            match taken {
                Ok(false) => {}
                Ok(true) => return (consumed, Ok(Step::PeerClosed)),
                Err(failure) => return (consumed, Err(on_open(self.fail(failure, out)))),
            }
        }
        (consumed, Ok(Step::SinkFull))
    }

    fn encrypt(
        &mut self,
        plaintext: &[IoSlice<'_>],
        max_fragment: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), engine::Failure> {
        self.seal_all(plaintext, max_fragment, out).map_err(on_open)
    }

    fn abort(&mut self, alert: Alert, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.closed, true) {
            self.sealer.alert(AlertLevel::Fatal, alert.number().into(), out);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.closed, true) {
            let alert = rustls::AlertDescription::CloseNotify;
            self.sealer.alert(AlertLevel::Warning, alert, out);
        }
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("closed", &self.closed).finish_non_exhaustive()
    }
}
