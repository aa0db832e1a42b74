//! What a certificate is used as.

/// What the leaf certificate is to be used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A TLS server's certificate: OpenSSL's `sslserver`.
    Server,
    /// A TLS client's certificate: OpenSSL's `sslclient`.
    Client,
    /// Whatever it is: no check of extended key usage or of the leaf's key usage.
    Any,
}
