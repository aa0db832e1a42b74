//! A debugging proxy as a library.
//!
//! What passes through is relayed byte for byte, and told to a [`flow::Recorder`] as [`flow::Event`]s.

#![forbid(unsafe_code)]

pub mod content;
pub mod flow;
pub mod query;
pub mod rules;
pub mod store;
