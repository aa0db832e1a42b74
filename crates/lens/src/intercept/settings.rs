//! The settings of a proxy.

use std::path::PathBuf;

use sealwire::starttls::Protocol;
use sealwire::verify::PublicRevocations;
use sealwire::{Identity, TrustStore};

use super::{Authority, HostPattern, Passthrough, Target, UpstreamProxy};

/// How clients come to the proxy.
#[derive(Debug, Clone)]
pub enum Mode {
    /// As to any proxy: CONNECT, requests with an absolute URL, SOCKS 5.
    Regular,
    /// The proxy stands for one origin, to which clients go as if it were that.
    Reverse(Reverse),
}

/// The origin that a proxy stands for.
#[derive(Debug, Clone)]
pub struct Reverse {
    /// Where it is.
    pub origin: Target,
    /// Whether it speaks TLS: from the first byte, or once it is asked for by its protocol.
    pub tls: bool,
    /// The protocol that begins in plaintext, if it is one of those.
    pub starttls: Option<Protocol>,
    /// Whether `Host` is left as the client wrote it, where by default it names the origin.
    pub keep_host: bool,
}

/// The settings of a proxy.
#[derive(Debug)]
pub struct Settings {
    /// How clients come in.
    pub mode: Mode,
    /// The CA that clients trust.
    pub authority: Authority,
    /// The roots that verify origins' certificates.
    pub trust: TrustStore,
    /// What upki's data say of origins' revocation. The trust store decides whether that refuses them.
    pub public_revocations: Option<PublicRevocations>,
    /// Whether an origin that does not pass is gone on with all the same.
    pub insecure: bool,
    /// The identity for origins that request one.
    pub client_certificates: Vec<(HostPattern, Identity)>,
    /// Which connections are left alone.
    pub passthrough: Passthrough,
    /// The proxy that origins are reached through.
    pub upstream: Option<UpstreamProxy>,
    /// Whether `Alt-Svc` is taken out of answers, so that clients do not switch to QUIC, past the proxy.
    pub strip_alt_svc: bool,
    /// Whether the bytes of the wire are recorded, too ([`What::Wire`](crate::flow::What::Wire)).
    pub record_wire: bool,
    /// Where the CA's certificate was written to, for the texts that say so.
    pub ca_file: Option<PathBuf>,
}

impl Settings {
    /// A regular proxy with Mozilla's roots, which decrypts all it can.
    #[must_use]
    pub fn new(authority: Authority) -> Self {
        Self {
            mode: Mode::Regular,
            authority,
            trust: TrustStore::bundled(),
            public_revocations: None,
            insecure: false,
            client_certificates: Vec::new(),
            passthrough: Passthrough::default(),
            upstream: None,
            strip_alt_svc: true,
            record_wire: false,
            ca_file: None,
        }
    }
}
