//! What a handshake leaves, as plain objects.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use sealwire::verify::Refusal;

/// What was agreed, and whether the peer is authorized.
#[napi(object, object_from_js = false)]
pub struct PeerFacts {
    /// `TLSv1.3`.
    pub protocol: &'static str,
    /// OpenSSL's name of the suite.
    pub cipher: &'static str,
    /// IANA's.
    pub standard_cipher: &'static str,
    /// OpenSSL's name for the protocol that the suite came with.
    pub cipher_version: &'static str,
    /// OpenSSL's name of the group.
    pub group: Option<&'static str>,
    /// What kind of group it is, and how long its keys are, as Node tells them.
    pub group_kind: Option<&'static str>,
    /// In bits.
    pub group_bits: Option<u16>,
    /// How long the prime was, where keys were agreed in a finite field.
    pub dh_bits: Option<u32>,
    /// Whether a pre-shared key was used in place of certificates.
    pub by_psk: bool,
    /// The application protocol.
    pub alpn: Option<Buffer>,
    /// The name sent in SNI.
    pub server_name: Option<String>,
    /// Whether a session was resumed.
    pub resumed: bool,
    /// Whether the peer is authorized.
    pub authorized: bool,
    /// Why not, when it was asked.
    pub refusal: Option<RefusalFacts>,
}

/// Why a peer is not authorized.
#[napi(object, object_from_js = false)]
pub struct RefusalFacts {
    /// OpenSSL's name of the error.
    pub code: &'static str,
    /// OpenSSL's sentence for it.
    pub text: &'static str,
    /// The facts of this case.
    pub evidence: String,
}

impl From<&sealwire::Peer> for PeerFacts {
    fn from(peer: &sealwire::Peer) -> Self {
        Self {
            protocol: peer.protocol().name(),
            cipher: peer.cipher().openssl_name(),
            standard_cipher: peer.cipher().iana_name(),
            cipher_version: peer.cipher().first_protocol_name(),
            group_kind: peer.group().map(sealwire::NamedGroup::kind),
            group_bits: peer.group().and_then(sealwire::NamedGroup::bits),
            dh_bits: peer.dh_bits(),
            by_psk: peer.psk_identity().is_some(),
            group: peer.group().map(sealwire::NamedGroup::openssl_name),
            alpn: peer.alpn().map(Buffer::from),
            server_name: peer.server_name().map(str::to_owned),
            resumed: peer.is_resumed(),
            authorized: peer.authorized(),
            refusal: peer.authorization_error().map(RefusalFacts::from),
        }
    }
}

impl From<&Refusal> for RefusalFacts {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code().name(),
            text: refusal.code().text(),
            evidence: refusal.evidence().to_owned(),
        }
    }
}
