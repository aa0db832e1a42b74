//! A debugging proxy as a library.
//!
//! What passes through is relayed byte for byte, and told to a [`flow::Recorder`] as [`flow::Event`]s.

#![forbid(unsafe_code)]

pub mod api;
pub mod content;
pub mod export;
pub mod flow;
mod http;
pub mod intercept;
pub mod query;
pub mod rules;
mod sql;
pub mod store;
pub mod ui;
