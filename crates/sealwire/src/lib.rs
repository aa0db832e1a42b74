//! TLS for people who write programs.
#![forbid(unsafe_code)]

pub mod pki;
