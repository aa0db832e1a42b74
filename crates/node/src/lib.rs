//! The native half of the npm package `sealwire`.
//!
//! A thin face over [`sealwire`]: contexts, trust sets and sessions as classes. No policy is here,
//! and nothing of the program's is ever called from inside: what happened is returned, and the
//! JavaScript half tells it.
//!
//! Handshake work runs on threads of its own (`workers`); records of an open
//! connection are worked on in place, in the bytes that Node has read.

mod connection;
mod context;
mod descriptor;
mod failure;
mod identities;
mod old;
mod peer;
pub mod pki;
mod progress;
mod session;
mod settings;
mod sinks;
mod trust;
mod turn;
mod workers;

use napi_derive::napi;

/// OpenSSL's names of the suites that the engine speaks.
#[napi]
pub fn cipher_suites() -> Vec<&'static str> {
    sealwire::CipherSuite::supported().map(|suite| suite.openssl_name()).collect()
}

/// The names of the algorithms by which certificates are compressed.
#[napi]
pub fn cert_compression_algorithms() -> Vec<&'static str> {
    sealwire::CertCompression::supported().iter().map(|algorithm| algorithm.name()).collect()
}

/// Whether the socket with this descriptor has unread bytes. Unknown on Windows.
#[napi]
pub fn has_pending_read(fd: i32) -> bool {
    descriptor::has_pending_read(fd)
}

/// Sends what the socket with this descriptor takes at once, and gives how many bytes. None on Windows.
#[napi]
pub fn send(fd: i32, bytes: &[u8]) -> u32 {
    u32::try_from(descriptor::send(fd, bytes)).expect("a write is shorter than 4 GiB")
}

/// Ends our side of the socket with this descriptor.
#[napi]
pub fn end(fd: i32) {
    descriptor::end(fd);
}

/// Whether the process may use one core only.
#[napi]
pub fn has_one_core() -> bool {
    workers::has_one_core()
}

/// Why the running program has no OpenSSL for old peers; null: it has one.
#[napi]
pub fn why_no_openssl() -> Option<String> {
    old::why_no_openssl()
}

/// Whether the warning about old peers is still due; asked once for each thread of the process.
#[napi]
pub fn is_first_warning() -> bool {
    old::is_first_warning()
}

/// How long the prime of these parameters for DHE is, in bits.
#[napi]
pub fn dh_bits(pem: &[u8]) -> Result<u32, failure::Thrown> {
    old::dh_bits(pem)
}

/// Whether SNI can say this without the help of OpenSSL: it is the name of a host, or an address.
#[napi]
pub fn is_server_name(name: String) -> bool {
    sealwire::ServerName::spelled(&name).is_ok()
}
