//! The native half of the npm package `sealwire`.
//!
//! A thin face over [`sealwire`]: contexts, trust sets and sessions as classes. No policy is here,
//! and nothing of the program's is ever called from inside: what happened is returned, and the
//! JavaScript half tells it.
//!
//! Handshake work runs on libuv's thread pool ([`session::Session::advance`]); records of an open
//! connection are worked on in place, in the bytes that Node has read.

mod context;
mod failure;
mod identities;
mod peer;
mod session;
mod settings;
mod trust;
