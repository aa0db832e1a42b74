//! The native half of the npm package `sealwire`.
//!
//! A thin face over [`sealwire`]: contexts, trust sets and sessions as classes. No policy is here,
//! and nothing of the program's is ever called from inside: what happened is returned, and the
//! JavaScript half tells it.
//!
//! Handshake work runs on libuv's thread pool ([`session::Session::advance`]); records of an open
//! connection are worked on in place, in the bytes that Node has read.

mod connection;
mod context;
mod failure;
mod identities;
mod peer;
mod progress;
mod session;
mod settings;
mod sinks;
mod trust;

use napi_derive::napi;

/// OpenSSL's names of the suites that the engine speaks.
#[napi]
pub fn cipher_suites() -> Vec<&'static str> {
    let everything = sealwire::SecureContext::builder().build();
    let suites = everything.map(|context| context.supported_cipher_suites()).unwrap_or_default();
    suites.iter().map(|suite| suite.openssl_name()).collect()
}
