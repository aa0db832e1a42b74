//! The events of a session.

use super::CertificateRequest;
use crate::engine::resumption::ClientSession;
use crate::key_log::KeyLogLine;

/// Something happened. Events are taken with [`Session::poll_event`](super::Session::poll_event);
/// none is delivered from inside a call of the program's.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The session stands still until its [`question`](super::Session::question) is answered.
    Question,
    /// The OCSP response that the server stapled (DER), or that it stapled none; before
    /// [`HandshakeComplete`](Self::HandshakeComplete). Told when
    /// [`ClientOptions::request_ocsp`](crate::ClientOptions::request_ocsp) is set, except on a
    /// connection resumed in TLS 1.2, where OpenSSL and Node are silent too.
    OcspResponse(Option<Vec<u8>>),
    /// A line of the key log, when the options say `key_log`. Those of a handshake that failed
    /// come too.
    KeyLog(KeyLogLine),
    /// The server asks for a certificate of ours, which has not been sent yet. Told when
    /// [`ClientOptions::tell_certificate_request`](crate::ClientOptions::tell_certificate_request)
    /// is set; not by the legacy engine.
    CertificateRequested(CertificateRequest),
    /// The handshake is complete and the peer is judged: data may flow.
    HandshakeComplete,
    /// The server gave a session, which a later connection may resume. Once per session, after
    /// [`HandshakeComplete`](Self::HandshakeComplete): in TLS 1.2 at once, in TLS 1.3 as tickets
    /// come. Of those not taken, the newest eight are kept.
    NewSession(ClientSession),
    /// The connection is being negotiated again, up to TLS 1.2: by us or by the peer.
    Renegotiating,
    /// It was; what is known of the peer is what it has shown now. Its certificate was judged as the
    /// first one.
    Renegotiated,
    /// The peer sent `close_notify`: no more data will come from it. We may still send.
    PeerClosed,
}
