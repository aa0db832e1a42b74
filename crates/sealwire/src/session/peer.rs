//! The other side, once the handshake is complete.

use std::sync::Arc;

use sealwire_x509::Certificate;

use crate::pki;
use crate::pki::TrustStore;
use crate::verify::Refusal;
use crate::words::{CipherSuite, NamedGroup, ProtocolVersion, ServerName, SignatureScheme};

/// The other side of a connection: its certificates, the verdict on them, and the negotiated parameters.
#[derive(Debug, Clone)]
pub struct Peer {
    pub(crate) authorization: Authorization,
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) protocol: ProtocolVersion,
    pub(crate) cipher: CipherSuite,
    pub(crate) group: Option<NamedGroup>,
    pub(crate) dh_bits: Option<u32>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) server_name: Option<String>,
    pub(crate) resumed: bool,
    pub(crate) local_certificates: Option<Arc<[Certificate]>>,
    pub(crate) shared_schemes: Box<[SignatureScheme]>,
    pub(crate) ocsp_response: Option<Vec<u8>>,
    /// Whether it is the server of the two.
    pub(crate) is_server: bool,
    pub(crate) ech: EchStatus,
}

/// The result of a client's Encrypted Client Hello ([RFC 9849](https://www.rfc-editor.org/rfc/rfc9849)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EchStatus {
    /// Nothing was hidden; also on the side of servers.
    NotOffered,
    /// Nothing was hidden, and it looked as if something were.
    Grease,
    /// The server accepted ECH, and this name was visible.
    Accepted {
        /// Of the configuration.
        public_name: ServerName,
    },
}

/// Whether a peer is authorized. It starts as "not asked", and is written in one place: where
/// the session has the verdict.
#[derive(Debug, Clone)]
pub(crate) enum Authorization {
    /// No certificate was asked for, so nothing is known.
    NotAsked,
    /// By this path, leaf first.
    Authorized(Vec<Certificate>),
    /// By a key that both knew before; of this name.
    ByPsk(Arc<[u8]>),
    Refused(Refusal),
}

impl Peer {
    /// Whether the peer is authenticated: its chain leads to a trusted root, and a server's name
    /// is the one asked for. False for a client that was not asked for a certificate.
    pub fn authorized(&self) -> bool {
        matches!(self.authorization, Authorization::Authorized(_) | Authorization::ByPsk(_))
    }

    /// The name of the pre-shared key by which the two have proved themselves, without certificates;
    /// `None` where no such key was used. A peer with one is [`authorized`](Self::authorized).
    pub fn psk_identity(&self) -> Option<&[u8]> {
        match &self.authorization {
            Authorization::ByPsk(identity) => Some(identity),
            _ => None,
        }
    }

    /// Why the peer is not authorized; `None` when it is, or was not asked.
    pub fn authorization_error(&self) -> Option<&Refusal> {
        match &self.authorization {
            Authorization::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The certificates as the peer sent them, leaf first (on a resumed connection: those of the
    /// connection that is resumed). They prove something only when [`authorized`](Self::authorized).
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The path by which the peer was found trusted, from its own certificate to the trusted one;
    /// empty when it is not [`authorized`](Self::authorized).
    pub fn verified_chain(&self) -> &[Certificate] {
        match &self.authorization {
            Authorization::Authorized(path) => path,
            _ => &[],
        }
    }

    /// The peer's own certificate.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificates.first()
    }

    /// The certificates above the peer's own, each the issuer of the one before: from those that
    /// it sent, else from `trust`. The last is self-signed, or its issuer is not known. Node's
    /// `issuerCertificate`, one after the other.
    pub fn issuers(&self, trust: &TrustStore) -> Vec<Certificate> {
        let Some((leaf, sent)) = self.certificates.split_first() else { return Vec::new() };
        pki::issuers(leaf, sent.iter().chain(trust.certificates()))
    }

    /// The result of our Encrypted Client Hello. Where the server rejects it there is no peer, but
    /// [`Error::EchRejected`](crate::Error::EchRejected).
    pub fn ech(&self) -> &EchStatus {
        &self.ech
    }

    /// The negotiated version.
    pub fn protocol(&self) -> ProtocolVersion {
        self.protocol
    }

    /// The negotiated cipher suite.
    pub fn cipher(&self) -> CipherSuite {
        self.cipher
    }

    /// The group of the key agreement; `None` on a connection resumed without a new one.
    pub fn group(&self) -> Option<NamedGroup> {
        self.group
    }

    /// How long the prime was, in bits, where keys were agreed in a finite field (DHE); as a client
    /// sees it.
    pub fn dh_bits(&self) -> Option<u32> {
        self.dh_bits
    }

    /// The negotiated application protocol ([RFC 7301](https://www.rfc-editor.org/rfc/rfc7301)).
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }

    /// The name sent in SNI ([RFC 6066](https://www.rfc-editor.org/rfc/rfc6066)), as the client spelled it.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Whether an earlier session was resumed instead of a full handshake.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Our own certificates, leaf first: those that were shown, or those of our first identity
    /// when none were asked for. Node's `getCertificate` is the first of them.
    pub fn local_certificates(&self) -> &[Certificate] {
        self.local_certificates.as_deref().unwrap_or_default()
    }

    /// The signature schemes that both sides can use, in the client's order (Node's
    /// `getSharedSigalgs`). Empty where no list was received: on a client that was not asked for a
    /// certificate, and on a resumed connection.
    pub fn shared_signature_schemes(&self) -> &[SignatureScheme] {
        &self.shared_schemes
    }

    /// The OCSP response that the server stapled to its certificate, DER
    /// ([RFC 6066, section 8](https://www.rfc-editor.org/rfc/rfc6066#section-8)),
    /// when [`ClientOptions::request_ocsp`](crate::ClientOptions::request_ocsp) asked for it. As it
    /// came: not judged.
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.ocsp_response.as_deref()
    }
}
