//! Facts about a connection beyond its peer: Finished values, keying material, bytes counted.

use sealwire_x509::Certificate;

use super::{Peer, Session, Stage};
use crate::engine::{Secrets, Sink};
use crate::error::Error;
use crate::words::{NamedGroup, ProtocolVersion, SignatureScheme};

/// Bytes that went one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByteCount {
    /// On the wire: records with all that is in them.
    pub tls: u64,
    /// The program's data.
    pub plaintext: u64,
}

/// What a session keeps of its handshake for later questions.
pub(super) struct HandshakeSummary {
    pub(super) we_are_client: bool,
    pub(super) secrets: Secrets,
}

#[derive(Default)]
pub(super) struct Traffic {
    pub(super) received: ByteCount,
    pub(super) sent: ByteCount,
}

impl Session {
    /// Fills `output` with keying material for another protocol, bound to this connection and the
    /// same on both sides ([RFC 5705](https://www.rfc-editor.org/rfc/rfc5705);
    /// [RFC 8446, section 7.5](https://www.rfc-editor.org/rfc/rfc8446#section-7.5); OpenSSL's
    /// `SSL_export_keying_material`). In TLS 1.2 no context and an empty one differ; in TLS 1.3
    /// they disagree.
    ///
    /// The channel binding `tls-exporter`
    /// ([RFC 9266](https://www.rfc-editor.org/rfc/rfc9266)) is 32 bytes with the label
    /// `EXPORTER-Channel-Binding` and an empty context.
    ///
    /// # Errors
    /// [`Error::Misused`] before the handshake is complete, for a length or label that the
    /// protocol has no room for, and, in TLS 1.2, for a label that TLS itself uses.
    pub fn export_keying_material(
        &self,
        output: &mut [u8],
        label: impl AsRef<[u8]>,
        context: Option<&[u8]>,
    ) -> Result<(), Error> {
        let label = label.as_ref();
        let of_engine = match &self.stage {
            Stage::Open(channel) => channel.export(output, label, context),
            Stage::PeerAsked(asked) => asked.engine.export(output, label, context),
            Stage::StoreAsked(asked) => asked.engine.export(output, label, context),
            _ => None,
        };
        if let Some(exported) = of_engine {
            return exported;
        }
        match &self.core.kept {
            Some(kept) => kept.secrets.export(output, label, context),
            None => Err(Error::Misused("no keying material before the handshake is complete")),
        }
    }

    /// The `verify_data` of our Finished message: 12 bytes in TLS 1.2, 32 or 48 in TLS 1.3
    /// (Node's `getFinished`). `None` until the handshake is complete.
    pub fn finished(&self) -> Option<&[u8]> {
        let HandshakeSummary { we_are_client, secrets } = self.core.kept.as_deref()?;
        if *we_are_client { secrets.finished.client.get() } else { secrets.finished.server.get() }
    }

    /// The `verify_data` of the peer's Finished message (Node's `getPeerFinished`).
    pub fn peer_finished(&self) -> Option<&[u8]> {
        let HandshakeSummary { we_are_client, secrets } = self.core.kept.as_deref()?;
        if *we_are_client { secrets.finished.server.get() } else { secrets.finished.client.get() }
    }

    /// The channel binding `tls-unique`
    /// ([RFC 5929, section 3](https://www.rfc-editor.org/rfc/rfc5929#section-3)):
    /// the first Finished of a handshake up to
    /// TLS 1.2. `None` in TLS 1.3, which has no such binding.
    pub fn tls_unique(&self) -> Option<&[u8]> {
        let (HandshakeSummary { secrets, .. }, peer) = (self.core.kept.as_deref()?, self.peer()?);
        if peer.protocol() == ProtocolVersion::Tls13 {
            return None;
        }
        if peer.is_resumed() {
            secrets.finished.server.get()
        } else {
            secrets.finished.client.get()
        }
    }

    /// How much came from the peer and was consumed.
    pub fn bytes_received(&self) -> ByteCount {
        self.core.traffic.received
    }

    /// How much was given out to be sent.
    pub fn bytes_sent(&self) -> ByteCount {
        self.core.traffic.sent
    }

    /// [`Peer::local_certificates`]; empty until the handshake is complete.
    pub fn local_certificates(&self) -> &[Certificate] {
        self.peer().map_or(&[], Peer::local_certificates)
    }

    /// [`Peer::shared_signature_schemes`]; empty until the handshake is complete.
    pub fn shared_signature_schemes(&self) -> &[SignatureScheme] {
        self.peer().map_or(&[], Peer::shared_signature_schemes)
    }

    /// [`Peer::ocsp_response`]; `None` until the handshake is complete.
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.peer()?.ocsp_response()
    }

    /// [`Peer::group`], whose keys were made for this connection only; `None` until the handshake
    /// is complete.
    pub fn ephemeral_key(&self) -> Option<NamedGroup> {
        self.peer()?.group()
    }
}

/// Counts what goes into a sink.
pub(super) struct Counted<'a> {
    sink: &'a mut dyn Sink,
    count: &'a mut u64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, count: &'a mut u64) -> Self {
        Self { sink, count }
    }
}

impl Sink for Counted<'_> {
    fn take(&mut self, plaintext: &[u8]) {
        *self.count += plaintext.len() as u64;
        self.sink.take(plaintext);
    }

    fn is_full(&self) -> bool {
        self.sink.is_full()
    }
}
