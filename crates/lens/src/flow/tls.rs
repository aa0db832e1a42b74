//! A handshake of one of the two legs, as facts.

use bytes::Bytes;

/// One of the two TLS connections of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leg {
    /// Between the client and the proxy.
    Client,
    /// Between the proxy and the origin.
    Origin,
}

/// What a handshake agreed on, or why it failed.
#[derive(Clone, Debug, Default)]
pub struct HandshakeFacts {
    /// `TLSv1.3`, `TLSv1.2`; `None` before a ServerHello.
    pub version: Option<String>,
    /// The cipher suite's IANA name.
    pub cipher: Option<String>,
    /// The group of the key exchange.
    pub group: Option<String>,
    /// The protocol that ALPN chose.
    pub alpn: Option<Bytes>,
    /// Whether a session was resumed.
    pub resumed: bool,
    /// What the ClientHello of this leg says.
    pub hello: ClientHelloFacts,
    /// The certificates that the peer sent, leaf first (for the client's leg: a client's own, if any).
    pub chain: Vec<CertificateFact>,
    /// The verdict on that chain.
    pub verdict: Option<VerdictFacts>,
    /// What is known of the revocation of an origin's certificate on the public web, where there are such data.
    pub public_revocation: Option<PublicRevocationFacts>,
    /// Names of the CAs that an origin takes client certificates from; `Some` when it asked for one.
    pub asked_for_certificate: Option<Vec<String>>,
    /// The handshake told message by message, one line each, as `seal inspect --explain` does.
    pub told: Vec<String>,
    /// Lines in the format of SSLKEYLOGFILE (RFC 9850); secrets, left out when sharing is redacted.
    pub key_log: Vec<String>,
    /// The records of the handshake as they were on the wire: sent by the TLS client, by the server.
    pub wire: [Bytes; 2],
    /// Why it failed.
    pub failure: Option<TlsFailure>,
}

/// What a ClientHello says.
#[derive(Clone, Debug, Default)]
pub struct ClientHelloFacts {
    /// Server name.
    pub server_name: Option<String>,
    /// ALPN protocols in their order.
    pub alpn: Vec<Bytes>,
    /// JA3 as MD5 in hexadecimal.
    pub ja3: Option<String>,
    /// JA4.
    pub ja4: Option<String>,
}

/// One certificate that was sent.
#[derive(Clone, Debug)]
pub struct CertificateFact {
    /// DER.
    pub der: Bytes,
}

/// The verdict on a chain.
#[derive(Clone, Debug)]
pub struct VerdictFacts {
    /// Whether the origin is authenticated.
    pub authorized: bool,
    /// OpenSSL's name of the error, such as `CERT_HAS_EXPIRED`.
    pub code: Option<String>,
    /// The facts behind it, one a line.
    pub evidence: Vec<String>,
    /// What to do, one a line.
    pub advice: Vec<String>,
}

/// What upki's data say of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PublicRevocationFacts {
    /// `revoked`, `not revoked`, `not covered`.
    pub status: &'static str,
    /// How old the data are.
    pub hours: Option<u64>,
}

/// Why a handshake failed.
#[derive(Clone, Debug)]
pub struct TlsFailure {
    /// One line: the party at fault, and what happened.
    pub reason: String,
    /// The alert that was sent or received.
    pub alert: Option<u8>,
    /// Whether the peer refused our certificate (an alert that says so), as opposed to having closed or reset.
    pub refused_certificate: bool,
}
